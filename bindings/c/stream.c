/*
 * stream.c - receiving: segments, demand, opening and closing.
 *
 * SPDX-License-Identifier: MIT
 */
#include "bindings/c/stream.h"

#include "bindings/c/request.h"

#include <stdlib.h>

enum { SLOW_TAKER_US = 50 }; /* a taker slower than this is told of at once: batching gains nothing then */

/* ---- making and opening -------------------------------------------------------------------------- */

static void stream_free(struct strato__stream *t)
{
    if (!t)
        return;
    for (uint32_t i = 0; i < t->match_count; i++)
        free(t->match[i]);
    free(t->match);
    free(t->policy);
    free(t->group);
    free(t->segments);
    strato__gather_fini(&t->replies);
    strato__name_drop(t->name);
    free(t);
}

static int copy_subscription(struct strato__stream *t, const struct strato_subscription_options *o)
{
    t->policy = o->policy ? strdup(o->policy) : NULL;
    t->group = o->group ? strdup(o->group) : NULL;
    if ((o->policy && !t->policy) || (o->group && !t->group))
        return STRATO_ENOMEM;
    if (o->match_count == 0)
        return 0;
    t->match = calloc(o->match_count, sizeof *t->match);
    if (!t->match)
        return STRATO_ENOMEM;
    for (uint32_t i = 0; i < o->match_count; i++) {
        t->match[i] = strdup(o->match[i]);
        if (!t->match[i])
            return STRATO_ENOMEM;
        t->match_count++;
    }
    return 0;
}

static uint32_t number_free(const struct strato__session *s)
{
    for (uint32_t i = 1; i <= STRATO__STREAMS_MAX; i++)
        if (!s->streams[i])
            return i;
    return 0;
}

static void match_write(const struct strato__stream *t, struct strato_header_writer *hw)
{
    strato_header_key(hw, "match");
    strato_writer_array(hw->w, t->match_count);
    for (uint32_t i = 0; i < t->match_count; i++)
        strato_writer_text(hw->w, t->match[i]);
}

static void sub_write(const struct strato__stream *t, struct strato_header_writer *hw)
{
    if (t->match_count)
        match_write(t, hw);
    if (t->policy)
        strato_header_str(hw, "policy", strato_text(t->policy));
    if (t->group)
        strato_header_str(hw, "group", strato_text(t->group));
    if (t->from_seq)
        strato_header_u64(hw, "from_seq", t->from_seq);
}

static void open_write(const struct strato__stream *t, struct strato_header_writer *hw)
{
    strato_header_str(hw, "dir", strato_text(t->role == STRATO__SERVE ? "s" : "c"));
    if (t->auto_ack)
        strato_header_bool(hw, "auto_ack", true);
    if (t->role == STRATO__TAP)
        strato_header_bool(hw, "tap", true);
    if (!t->prefetch_default)
        strato_header_u64(hw, "prefetch", t->prefetch);
    if (t->spread_max)
        strato_header_u64(hw, "spread_max", t->spread_max);
}

static int send_open(struct strato__session *s, struct strato__stream *t)
{
    struct strato_writer w = { 0 };
    struct strato_header_writer hw;

    t->open_rq = s->rq_next++;
    strato_header_begin(&hw, &w, t->role == STRATO__SUBSCRIBE ? "sub" : "open");
    strato_header_str(&hw, "ch", strato__name_bytes(t->name));
    strato_header_u64(&hw, "stream", t->number);
    strato_header_u64(&hw, "rq", t->open_rq);
    if (t->role == STRATO__SUBSCRIBE)
        sub_write(t, &hw);
    else
        open_write(t, &hw);
    strato_header_end(&hw);
    if (w.bytes > STRATO_HEADER_BYTES_MAX) {
        strato_writer_fini(&w);
        return STRATO_ELIMIT;
    }
    return strato__session_send(s, &w);
}

static uint32_t prefetch_of(const struct strato__stream *t)
{
    /* semantics.md section 3, consumer credit */
    if (t->role == STRATO__SUBSCRIBE || t->role == STRATO__TAP)
        return 256;
    if (strato_bytes_is(strato__name_bytes(t->name), "gpu"))
        return 100;
    return t->role == STRATO__SERVE ? 32 : 64;
}

int strato__stream_open(struct strato__session *s, const struct strato_consumer_options *consumer,
                        const struct strato_subscription_options *subscription, struct strato__stream **ret_stream)
{
    const char *channel = consumer ? consumer->channel : subscription->channel;
    uint32_t prefetch = consumer ? consumer->prefetch : subscription->prefetch, number = number_free(s);
    struct strato__stream *t = NULL;
    size_t bytes;
    int rc;

    if (!channel && subscription)
        channel = "events";
    bytes = channel ? strlen(channel) : 0;
    if (bytes == 0 || bytes > STRATO_NAME_BYTES_MAX + 1)
        return STRATO_EINVAL;
    if (number == 0)
        return STRATO_ELIMIT;
    t = calloc(1, sizeof *t);
    if (!t)
        return STRATO_ENOMEM;
    t->name = strato__name_new(channel);
    rc = t->name ? 0 : STRATO_ENOMEM;
    if (rc == 0 && subscription)
        rc = copy_subscription(t, subscription);
    if (rc < 0)
        goto fail;
    t->number = number;
    t->role = !consumer ? STRATO__SUBSCRIBE : consumer->tap ? STRATO__TAP : consumer->serve ? STRATO__SERVE : STRATO__CONSUME;
    t->auto_ack = consumer && consumer->auto_ack && !consumer->serve;
    t->spread_max = consumer ? consumer->spread_max : 0;
    t->bytes = consumer && consumer->bytes ? consumer->bytes : STRATO__STREAM_BYTES;
    t->from_seq = subscription ? subscription->from_seq : 0;
    t->prefetch_default = prefetch == 0;
    t->prefetch = prefetch ? prefetch : prefetch_of(t);
    t->open_err = STRATO_EAGAIN;
    rc = send_open(s, t);
    if (rc < 0)
        goto fail;
    s->streams[number] = t;
    if (number > s->streams_top)
        s->streams_top = number;
    *ret_stream = t;
    return 0;
fail:
    stream_free(t);
    return rc;
}

void strato__stream_on_opened(struct strato__session *s, struct strato__stream *t, const struct strato_header *h)
{
    if (t->state != STRATO__STREAM_OPENING)
        return;
    t->state = STRATO__STREAM_READY;
    t->open_err = 0;
    if (t->role == STRATO__SUBSCRIBE) {
        t->seq_confirmed = h->seq;
        t->seq = t->from_seq ? t->from_seq - 1 : h->seq;
    }
    strato__stream_want(s, t, true);
    s->progress++;
}

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

static void segments_clear(struct strato__session *s, struct strato__stream *t)
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
    t->seq = gap.to_seq > t->seq ? gap.to_seq : t->seq;
    if (t->state == STRATO__STREAM_READY)
        push_gap(s, t, gap);
}

void strato__stream_on_frame(struct strato__session *s, struct strato__stream *t, const struct strato_header *h,
                             struct strato_cursor at, struct strato__inbound *inbound)
{
    struct strato__segment *segment;
    uint64_t tag = strato_header_has(h, STRATO_KEY_i) ? h->i : t->received;

    if (t->state == STRATO__STREAM_OPENING || (strato_header_has(h, STRATO_KEY_ep) && h->ep != s->ep)) {
        s->counters.late++; /* of the session before, or of the stream that had this number before: its end gave it back */
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
    *segment = (struct strato__segment){ .inbound = strato__inbound_hold(inbound), .at = at, .left = (uint32_t)h->n,
                                         .tag = tag, .is_leased = h->opcode == STRATO_OP_deliver };
    t->received = tag + h->n;
    t->queued += (uint32_t)h->n;
    s->readable += (uint32_t)h->n;
    s->arrivals++;
    s->progress++;
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

static struct strato_message *take_gap(struct strato__session *s, struct strato__stream *t, const struct strato__segment *g)
{
    struct strato_message *m = strato__message_new(&s->pool);

    if (!m)
        return NULL;
    memset(&m->envelope, 0, sizeof m->envelope);
    m->kind = STRATO_MESSAGE_LAGGED;
    m->gap = g->gap;
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
            segments_clear(s, t);
            strato__session_malformed(s, "a delivered message cannot be decoded");
            return STRATO_EEMPTY;
        }
        if (rc < 0)
            return rc;
        if (!is_repeated(t, m))
            break;
        strato__message_free(&s->pool, m);
    }
    hand_link(s, t, m);
    if (m->needs_settling) {
        t->unsettled++;
        strato__stream_gathered(s, t); /* its START */
    }
    is_slow = s->now_us - t->taken_at_us > SLOW_TAKER_US;
    t->taken_at_us = s->now_us;
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

/* ---- closing, resuming --------------------------------------------------------------------------- */

static void stream_end(struct strato__session *s, struct strato__stream *t)
{
    struct strato_writer w = { 0 };
    struct strato_header_writer hw;

    if (s->state == STRATO__OPEN && t->state == STRATO__STREAM_CLOSING) {
        strato__settle_flush(s, t);
        strato_header_begin(&hw, &w, "unsub");
        strato_header_str(&hw, "ch", strato__name_bytes(t->name));
        strato_header_u64(&hw, "stream", t->number);
        strato_header_end(&hw);
        (void)strato__session_send(s, &w);
    }
    s->streams[t->number] = NULL;
    while (s->streams_top && !s->streams[s->streams_top])
        s->streams_top--;
    while (t->hand) { /* settled ones that the application still reads */
        struct strato_message *m = t->hand;

        t->hand = m->next;
        m->stream = NULL;
        m->client = NULL;
        m->previous = m->next = NULL;
    }
    stream_free(t);
}

void strato__stream_release(struct strato__session *s, struct strato__stream *t)
{
    t->is_released = true;
    if (t->state == STRATO__STREAM_READY && s->state == STRATO__OPEN) {
        t->prefetch = 0;
        strato__stream_want(s, t, true);
        strato__settle_untaken(s, t);
    }
    segments_clear(s, t);
    if (t->state != STRATO__STREAM_ENDED)
        t->state = STRATO__STREAM_CLOSING;
    if (t->unsettled == 0)
        stream_end(s, t);
}

void strato__settle_forget(struct strato__session *s, struct strato_message *m)
{
    struct strato__stream *t = m->stream;

    if (!t)
        return;
    if (m->previous)
        m->previous->next = m->next;
    else
        t->hand = m->next;
    if (m->next)
        m->next->previous = m->previous;
    else
        t->hand_oldest = m->previous;
    m->previous = m->next = NULL;
    m->stream = NULL;
    if (t->is_released && t->unsettled == 0)
        stream_end(s, t);
}

void strato__streams_fini(struct strato__session *s)
{
    for (uint32_t i = 1; i <= STRATO__STREAMS_MAX; i++) {
        struct strato__stream *t = s->streams[i];

        if (!t)
            continue;
        segments_clear(s, t);
        for (struct strato_message *m = t->hand; m; m = m->next)
            m->needs_settling = false;
        t->state = STRATO__STREAM_ENDED;
        stream_end(s, t);
    }
}

void strato__stream_resume(struct strato__session *s, struct strato__stream *t, struct strato_bytes tags, uint64_t next_tag)
{
    if (t->state == STRATO__STREAM_OPENING) {
        (void)send_open(s, t);
        return;
    }
    t->started_upto = 0; /* STARTs may have been lost with the connection; said again, they change nothing */
    if (t->role == STRATO__SUBSCRIBE || t->role == STRATO__TAP) {
        segments_clear(s, t); /* what was not taken comes again, under new tags */
        t->next_tag = next_tag;
        t->resumed_seq = t->seq;
    } else {
        /* Leases are requeued all at once, so the first one speaks for the queue. */
        if (t->queued && !strato__tag_lives(tags, t->next_tag)) {
            segments_clear(s, t);
            t->next_tag = t->received;
        }
        strato__settle_lost(s, t, &tags);
    }
    if (next_tag > t->received)
        t->received = next_tag; /* deliveries that were lost on the way have just been given back */
    t->limit_sent = 0; /* say it again: the broker granted nothing beyond what it had sent */
    strato__stream_want(s, t, true);
}

void strato__stream_restart(struct strato__session *s, struct strato__stream *t, bool is_same_epoch)
{
    segments_clear(s, t);
    t->acks_count = 0;
    strato__gather_fini(&t->replies);
    strato__settle_lost(s, t, NULL);
    t->received = t->limit_sent = t->taken_sent = t->next_tag = t->started_upto = t->resumed_seq = 0;
    if (t->is_released) {
        stream_end(s, t);
        return;
    }
    if (t->state == STRATO__STREAM_ENDED)
        return;
    t->state = STRATO__STREAM_OPENING;
    /* Same broker: its history fills the hole, or says how large it was. Another: sequence numbers began anew. */
    if (is_same_epoch && t->seq && !t->group)
        t->from_seq = t->seq + 1;
    else if (!is_same_epoch)
        t->from_seq = t->seq = 0;
    (void)send_open(s, t);
}
