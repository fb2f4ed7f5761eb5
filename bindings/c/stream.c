/*
 * stream.c - receiving: segments, demand, taking.
 *
 * SPDX-License-Identifier: MIT
 */
#include "bindings/c/stream.h"

#include "bindings/c/request.h"

#include <stdlib.h>

enum { SLOW_TAKER_US = 50 }; /* a taker slower than this is told of at once: batching gains nothing then */

/* ---- demand -------------------------------------------------------------------------------------- */

/* Every tag below is in the application's hands or done with. */
static uint64_t taken_of(const struct strato__stream *t)
{
    return t->queued ? t->next_tag : t->received;
}

static void want_send(struct strato__session *s, struct strato__stream *t, uint64_t limit)
{
    struct strato_writer w = { 0 };
    struct strato_header_writer hw;

    strato_header_begin(&hw, &w, "want");
    strato_header_str(&hw, "ch", strato__name_bytes(t->name));
    strato_header_u64(&hw, "stream", t->number);
    strato_header_u64(&hw, "limit", limit);
    strato_header_u64(&hw, "taken", taken_of(t));
    strato_header_u64(&hw, "bytes", t->bytes);
    strato_header_end(&hw);
    if (strato__session_send(s, &w) < 0)
        return;
    t->limit_sent = limit;
    t->taken_sent = taken_of(t);
}

void strato__stream_want(struct strato__session *s, struct strato__stream *t, bool force)
{
    uint64_t limit = t->prefetch ? taken_of(t) + t->prefetch : t->received;
    uint64_t quarter = t->prefetch > 4 ? t->prefetch / 4 : 1;

    if (s->state != STRATO__OPEN || t->state != STRATO__STREAM_READY)
        return;
    if (limit < t->received)
        limit = t->received; /* what is here already was within an earlier limit */
    if (force ? limit != t->limit_sent || taken_of(t) != t->taken_sent : limit >= t->limit_sent + quarter)
        want_send(s, t, limit);
}

void strato__stream_set_prefetch(struct strato__session *s, struct strato__stream *t, uint32_t prefetch)
{
    t->prefetch = prefetch;
    t->prefetch_default = false;
    strato__stream_want(s, t, true);
}

/* ---- what arrives -------------------------------------------------------------------------------- */

static struct strato__segment *segment_at(struct strato__stream *t, uint32_t index)
{
    return &t->segments[(t->segments_head + index) & (t->segments_capacity - 1)];
}

static struct strato__segment *segment_push(struct strato__stream *t)
{
    uint32_t capacity = t->segments_capacity ? t->segments_capacity * 2 : 16;
    struct strato__segment *ring;

    if (t->segments_count == t->segments_capacity) {
        if (t->segments_count >= STRATO__SEGMENTS_MAX)
            return NULL;
        ring = calloc(capacity, sizeof *ring);
        if (!ring)
            return NULL;
        for (uint32_t i = 0; i < t->segments_count; i++)
            ring[i] = *segment_at(t, i);
        free(t->segments);
        t->segments = ring;
        t->segments_head = 0;
        t->segments_capacity = capacity;
    }
    return segment_at(t, t->segments_count++);
}

static void segment_pop(struct strato__stream *t)
{
    strato__inbound_drop(segment_at(t, 0)->inbound);
    t->segments_head = (t->segments_head + 1) & (t->segments_capacity - 1);
    t->segments_count--;
}

void strato__stream_clear(struct strato__session *s, struct strato__stream *t)
{
    while (t->segments_count)
        segment_pop(t);
    s->readable -= t->queued;
    t->queued = 0;
}

static void push_gap(struct strato__session *s, struct strato__stream *t, struct strato_gap gap)
{
    struct strato__segment *segment = segment_push(t);

    s->counters.lagged += gap.count;
    if (!segment)
        return; /* counted above; the next gap the broker sees is told again by its own numbers */
    *segment = (struct strato__segment){ .left = 1, .gap = gap };
    t->queued++;
    s->readable++;
    s->arrivals++;
    s->progress++;
}

void strato__stream_on_lagged(struct strato__session *s, struct strato__stream *t, const struct strato_header *h)
{
    struct strato_cursor c = strato_cursor_over(h->to);
    struct strato_gap gap = { h->count, h->from, 0 };

    if (strato_cursor_u64(&c, UINT64_MAX, &gap.to_seq) < 0)
        gap.to_seq = h->from + (h->count ? h->count - 1 : 0);
    if (gap.to_seq <= t->resumed_seq) /* told again after a resume, and known */
        return;
    if (t->state == STRATO__STREAM_READY)
        push_gap(s, t, gap);
}

void strato__stream_on_frame(struct strato__session *s, struct strato__stream *t, const struct strato_header *h,
                             struct strato_cursor at, struct strato__inbound *inbound)
{
    struct strato__segment *segment;
    uint64_t tag = strato_header_has(h, STRATO_KEY_i) ? h->i : t->received;

    if (t->state == STRATO__STREAM_OPENING || (strato_header_has(h, STRATO_KEY_ep) && h->ep != s->ep)) {
        s->counters
            .late++; /* of the session before, or of the stream that had this number before: its end gave it back */
        return;
    }
    if (h->n == 0 || h->n > strato_cursor_left(&at) || tag < t->received) {
        strato__session_malformed(s, "a delivery without messages, or with tags that were used before");
        return;
    }
    if (t->state == STRATO__STREAM_CLOSING || t->state == STRATO__STREAM_ENDED) {
        t->received = tag + h->n; /* untaken: the close that is on its way gives it back */
        return;
    }
    if (tag > t->received && (t->role == STRATO__SUBSCRIBE || t->role == STRATO__TAP))
        push_gap(s, t, (struct strato_gap){ tag - t->received, t->seq + 1, 0 });
    segment = segment_push(t);
    if (!segment) {
        strato__session_malformed(s, "more deliveries than were asked for");
        return;
    }
    *segment = (struct strato__segment){ .inbound = strato__inbound_hold(inbound),
                                         .at = at,
                                         .left = (uint32_t)h->n,
                                         .tag = tag,
                                         .is_leased = h->opcode == STRATO_OP_deliver };
    t->received = tag + h->n;
    t->queued += (uint32_t)h->n;
    s->readable += (uint32_t)h->n;
    s->arrivals++;
    s->progress++;
}

bool strato__stream_has(const struct strato__stream *t, uint64_t tag)
{
    for (uint32_t i = 0; i < t->segments_count; i++) {
        const struct strato__segment *segment = &t->segments[(t->segments_head + i) & (t->segments_capacity - 1)];

        if (segment->inbound && tag >= segment->tag && tag - segment->tag < segment->left)
            return true;
    }
    return false;
}

/* The broker has taken a lease back. False if its message is neither in hand nor queued: then it was settled too late. */
static bool lose(struct strato__session *s, struct strato__stream *t, uint64_t tag)
{
    if (strato__stream_has(t, tag)) {
        if (t->lost_count < STRATO__LOST_MAX)
            t->lost[t->lost_count++] = tag;
        return true;
    }
    for (struct strato_message *m = t->hand; m; m = m->next) {
        if (m->needs_settling && m->tag == tag) {
            m->is_lost = m->is_cancelled = true;
            m->needs_settling = false;
            t->unsettled--;
            s->counters.late++;
            return true;
        }
    }
    return false;
}

/* Was this one's lease lost while it was queued here? Then it is not worth beginning. */
static bool is_lost(struct strato__stream *t, const struct strato_message *m)
{
    for (uint32_t i = 0; i < t->lost_count; i++) {
        if (t->lost[i] != m->tag || !m->needs_settling)
            continue;
        t->lost[i] = t->lost[--t->lost_count];
        return true;
    }
    return false;
}

void strato__stream_on_err(struct strato__session *s, struct strato__stream *t, const struct strato_header *h)
{
    uint64_t rq = 0;
    int err = -(int)h->code;

    if (strato__rq_number(h->rq, &rq) && rq == t->open_rq && t->state == STRATO__STREAM_OPENING) {
        t->open_err = err;
        t->end_err = err;
        t->state = STRATO__STREAM_ENDED;
        s->progress++;
        s->arrivals++;
        return;
    }
    if (err == STRATO_ESTALE_LEASE && h->n == 1 && lose(s, t, h->i))
        return;
    if (err == STRATO_ESTALE_LEASE) {
        s->counters.late++;
        strato__session_refused(s, err, 0, h->detail);
        return;
    }
    if (err == STRATO_ESLOW || err == STRATO_ENO_CHANNEL || err == STRATO_EFORBIDDEN) {
        t->end_err = err;
        t->state = STRATO__STREAM_ENDED;
        s->progress++;
        s->arrivals++;
    }
    strato__session_refused(s, err, 0, h->detail);
}

/* ---- taking -------------------------------------------------------------------------------------- */

static void hand_link(struct strato__session *s, struct strato__stream *t, struct strato_message *m)
{
    m->stream = t;
    m->client = s->client;
    m->next = t->hand;
    if (t->hand)
        t->hand->previous = m;
    else
        t->hand_oldest = m;
    t->hand = m;
}

static struct strato_message *take_gap(struct strato__session *s, struct strato__stream *t,
                                       const struct strato__segment *g)
{
    struct strato_message *m = strato__message_new(&s->pool);

    if (!m)
        return NULL;
    memset(&m->envelope, 0, sizeof m->envelope);
    m->kind = STRATO_MESSAGE_LAGGED;
    m->gap = g->gap;
    t->seq = m->gap.to_seq > t->seq
                 ? m->gap.to_seq
                 : t->seq; /* when it is taken: what is queued before it comes again after a resume */
    m->channel = strato__name_hold(t->name);
    return m;
}

static void judge(struct strato__stream *t, struct strato_message *m, bool is_leased)
{
    const struct strato_envelope *e = &m->envelope;

    if (t->role == STRATO__SUBSCRIBE) {
        m->kind = STRATO_MESSAGE_EVENT;
        if (e->seq > t->seq)
            t->seq = e->seq;
        return;
    }
    m->kind = e->call ? STRATO_MESSAGE_REQUEST : STRATO_MESSAGE_WORK;
    if (t->role == STRATO__TAP || !is_leased)
        return;
    m->needs_settling = e->call || !(t->auto_ack || ((e->has & STRATO_ENV_ACK) && !e->ack));
}

/* Decode the next message of the first segment. 0 with *ret_message; STRATO_ENOMEM; or the frame is broken. */
static int take_one(struct strato__session *s, struct strato__stream *t, struct strato_message **ret_message)
{
    struct strato__segment *segment = segment_at(t, 0);
    struct strato_message *m = NULL;
    int rc = 0;

    if (segment->inbound)
        rc = strato__message_decode(&s->pool, segment->inbound, &segment->at, &segment->attachments_at, t->name, &m);
    else
        m = take_gap(s, t, segment);
    if (rc < 0 || !m)
        return rc < 0 ? rc : STRATO_ENOMEM;
    t->queued--;
    s->readable--;
    if (segment->inbound) {
        m->tag = segment->tag++;
        t->next_tag = segment->tag;
        judge(t, m, segment->is_leased);
    }
    if (--segment->left == 0)
        segment_pop(t);
    *ret_message = m;
    return 0;
}

/* Did the application have this event before the connection broke? A group shares a queue, so there order says nothing. */
static bool is_repeated(const struct strato__stream *t, const struct strato_message *m)
{
    return m->kind == STRATO_MESSAGE_EVENT && !t->group && m->envelope.seq && m->envelope.seq <= t->resumed_seq;
}

int strato__stream_take(struct strato__session *s, struct strato__stream *t, struct strato_message **ret_message)
{
    struct strato_message *m;
    bool is_slow;
    int rc;

    for (;;) {
        if (t->segments_count == 0)
            return t->state == STRATO__STREAM_ENDED ? t->end_err : STRATO_EEMPTY;
        rc = take_one(s, t, &m);
        if (rc < 0 && rc != STRATO_ENOMEM) {
            strato__stream_clear(s, t);
            strato__session_malformed(s, "a delivered message cannot be decoded");
            return STRATO_EEMPTY;
        }
        if (rc < 0)
            return rc;
        if (!is_repeated(t, m) && !is_lost(t, m))
            break;
        strato__message_free(&s->pool, m);
    }
    hand_link(s, t, m);
    if (m->needs_settling) {
        t->unsettled++;
        strato__stream_gathered(s, t); /* its START */
    }
    is_slow = t->taken_at_us && s->now_us - t->taken_at_us > SLOW_TAKER_US;
    t->taken_at_us = t->queued ? s->now_us : 0; /* waiting for the next one is not being slow */
    strato__stream_want(s, t, t->queued == 0 || is_slow);
    if (is_slow)
        strato__stream_flush(s, t);
    *ret_message = m;
    return 0;
}

void strato__stream_gathered(struct strato__session *s, struct strato__stream *t)
{
    if (s->is_inline && t->queued == 0)
        strato__stream_flush(s, t);
    else
        strato__session_gathered(s);
}

void strato__stream_flush(struct strato__session *s, struct strato__stream *t)
{
    if (s->state != STRATO__OPEN)
        return;
    strato__settle_flush(s, t);
    if (t->queued == 0)
        strato__stream_want(s, t, true);
}
