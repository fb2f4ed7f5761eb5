/*
 * settle.c - start, ack, nack, extend, reply: what becomes of messages in the application's hands.
 *
 * Tags are taken in order, so `upto` says most of it: every tag below the oldest unsettled one is settled,
 * and every tag below the next to be taken is started. Only what is settled out of order is listed.
 *
 * SPDX-License-Identifier: MIT
 */
#include "bindings/c/stream.h"

#include <stdlib.h>

static void header_begin(struct strato__stream *t, struct strato_header_writer *hw, struct strato_writer *w,
                         const char *op)
{
    strato_header_begin(hw, w, op);
    strato_header_str(hw, "ch", strato__name_bytes(t->name));
    strato_header_u64(hw, "stream", t->number);
}

static void tags_write(struct strato_header_writer *hw, const uint64_t *tags, uint32_t count)
{
    strato_header_key(hw, "tags");
    strato_writer_array(hw->w, count);
    for (uint32_t i = 0; i < count; i++)
        strato_writer_u64(hw->w, tags[i]);
}

static int check(const struct strato_message *m)
{
    if (m->is_lost)
        return STRATO_ESTALE_LEASE;
    return m->stream && m->needs_settling ? 0 : STRATO_ESTATE;
}

static void settled(struct strato__session *s, struct strato_message *m)
{
    m->needs_settling = false;
    m->stream->unsettled--;
    s->settles_unproven = true;
}

/* ---- flushing ------------------------------------------------------------------------------------ */

static uint64_t oldest_unsettled(const struct strato__stream *t)
{
    for (const struct strato_message *m = t->hand_oldest; m; m = m->previous)
        if (m->needs_settling)
            return m->tag;
    return t->next_tag;
}

static int flush_starts(struct strato__session *s, struct strato__stream *t)
{
    struct strato_writer w = { 0 };
    struct strato_header_writer hw;
    bool is_needed = false;
    int rc;

    for (const struct strato_message *m = t->hand; m && m->tag >= t->started_upto && !is_needed; m = m->next)
        is_needed = m->needs_settling;
    if (!is_needed)
        return 0;
    header_begin(t, &hw, &w, "start");
    strato_header_u64(&hw, "upto", t->next_tag);
    strato_header_end(&hw);
    rc = strato__session_send(s, &w);
    if (rc == 0)
        t->started_upto = t->next_tag;
    return rc;
}

static int flush_acks(struct strato__session *s, struct strato__stream *t)
{
    uint64_t upto = oldest_unsettled(t), listed[STRATO__SETTLES_MAX];
    struct strato_writer w = { 0 };
    struct strato_header_writer hw;
    uint32_t count = 0;
    int rc;

    for (uint32_t i = 0; i < t->acks_count; i++)
        if (t->acks[i] >= upto)
            listed[count++] = t->acks[i];
    if (t->acks_count > count) {
        header_begin(t, &hw, &w, "ack");
        strato_header_u64(&hw, "upto", upto);
        strato_header_end(&hw);
        rc = strato__session_send(s, &w);
        if (rc < 0)
            return rc;
    }
    memcpy(t->acks, listed, count * sizeof *listed);
    t->acks_count = count;
    if (count == 0)
        return 0;
    w = (struct strato_writer){ 0 };
    header_begin(t, &hw, &w, "ack");
    tags_write(&hw, listed, count);
    strato_header_end(&hw);
    rc = strato__session_send(s, &w);
    if (rc == 0)
        t->acks_count = 0;
    return rc;
}

static int flush_replies(struct strato__session *s, struct strato__stream *t)
{
    uint8_t header[STRATO__HEADROOM];
    struct strato_writer w;
    struct strato_header_writer hw;
    struct strato__closed closed;
    int rc;

    if (t->replies.count == 0)
        return 0;
    rc = strato__outbox_reserve(&s->out, 1);
    if (rc < 0)
        return rc;
    strato_writer_init_fixed(&w, header, sizeof header);
    header_begin(t, &hw, &w, "reply");
    strato_header_u64(&hw, "n", t->replies.count);
    tags_write(&hw, t->reply_tags, t->replies.count);
    if (t->replies_more)
        strato_header_bool(&hw, "more", true);
    strato_header_end(&hw);
    rc = strato_writer_error(&w);
    if (rc == 0)
        rc = strato__gather_close(&t->replies, strato_writer_view(&w), &closed);
    if (rc == 0)
        strato__outbox_take(&s->out, &closed.buffer, false);
    return rc;
}

void strato__settle_flush(struct strato__session *s, struct strato__stream *t)
{
    if (s->state != STRATO__OPEN || t->state == STRATO__STREAM_OPENING)
        return;
    /* Out of memory leaves the rest gathered; the next flush says it. */
    if (flush_starts(s, t) < 0 || flush_acks(s, t) < 0 || flush_replies(s, t) < 0)
        strato__session_gathered(s);
}

/* ---- settling ------------------------------------------------------------------------------------ */

int strato__settle_ack(struct strato__session *s, struct strato_message *m)
{
    struct strato__stream *t = m->stream;
    int rc = check(m);

    if (rc < 0)
        return rc;
    if (t->acks_count == STRATO__SETTLES_MAX)
        strato__settle_flush(s, t);
    if (t->acks_count == STRATO__SETTLES_MAX)
        return STRATO_ENOMEM;
    t->acks[t->acks_count++] = m->tag;
    settled(s, m);
    strato__stream_gathered(s, t);
    return 0;
}

static int nack_send(struct strato__session *s, struct strato__stream *t, const uint64_t *tags, uint32_t count,
                     const struct strato_nack *nack)
{
    struct strato_writer w = { 0 };
    struct strato_header_writer hw;
    struct strato_bytes reason = strato_text(nack->reason);

    if (reason.bytes > STRATO__DETAIL_BYTES)
        return STRATO_EINVAL;
    header_begin(t, &hw, &w, "nack");
    tags_write(&hw, tags, count);
    if (nack->delay_ms >= 0 && !nack->no_penalty)
        strato_header_u64(&hw, "delay_ms", (uint64_t)nack->delay_ms);
    if (reason.bytes)
        strato_header_str(&hw, "reason", reason);
    if (nack->no_penalty)
        strato_header_bool(&hw, "penalty", false);
    if (nack->dead)
        strato_header_bool(&hw, "dead", true);
    strato_header_end(&hw);
    return strato__session_send(s, &w);
}

int strato__settle_nack(struct strato__session *s, struct strato_message *m, const struct strato_nack *nack)
{
    int rc = check(m);

    if (rc == 0)
        rc = strato__session_check(s) == STRATO_EAGAIN ? STRATO_EUNREACHABLE : strato__session_check(s);
    if (rc == 0)
        rc = flush_starts(s, m->stream); /* what was begun counts as an attempt */
    if (rc == 0)
        rc = nack_send(s, m->stream, &m->tag, 1, nack);
    if (rc == 0)
        settled(s, m);
    return rc;
}

int strato__settle_extend(struct strato__session *s, struct strato_message *m, uint32_t ms)
{
    struct strato_writer w = { 0 };
    struct strato_header_writer hw;
    int rc = check(m);

    if (rc == 0 && s->state == STRATO__OPEN)
        rc = flush_starts(s, m->stream);
    if (rc < 0 || s->state != STRATO__OPEN)
        return rc;
    header_begin(m->stream, &hw, &w, "extend");
    tags_write(&hw, &m->tag, 1);
    if (ms)
        strato_header_u64(&hw, "ms", ms);
    strato_header_u64(&hw, "rq", s->rq_next++);
    strato_header_end(&hw);
    return strato__session_send(s, &w);
}

void strato__settle_extend_all(struct strato__session *s, struct strato__stream *t)
{
    uint64_t tags[STRATO__SETTLES_MAX];
    const struct strato_message *m = t->hand_oldest;

    if (t->unsettled == 0 || s->state != STRATO__OPEN || flush_starts(s, t) < 0)
        return;
    while (m) {
        struct strato_writer w = { 0 };
        struct strato_header_writer hw;
        uint32_t count = 0;

        for (; m && count < STRATO__SETTLES_MAX; m = m->previous)
            if (m->needs_settling && !m->is_lost)
                tags[count++] = m->tag;
        if (count == 0)
            return;
        header_begin(t, &hw, &w, "extend");
        tags_write(&hw, tags, count);
        strato_header_u64(&hw, "rq", s->rq_next++);
        strato_header_end(&hw);
        if (strato__session_send(s, &w) < 0)
            return; /* the lease has 20 s left; the next round comes in 10 */
    }
}

/* ---- replies ------------------------------------------------------------------------------------- */

static int reply_attached(struct strato__session *s, struct strato__stream *t, const struct strato_send *reply)
{
    struct strato__buffer *buffers[STRATO_ATTACHMENTS_EACH_MAX] = { NULL };
    uint32_t n = reply->attachments_count, made = 0;
    int rc = strato__outbox_reserve(&s->out, n + 1);

    for (; rc == 0 && made < n; made++) {
        const struct strato_attachment *a = &reply->attachments[made];

        buffers[made] = a->free_fn
                            ? strato__buffer_new(a->data, a->bytes, (void *)(uintptr_t)a->data, a->free_fn, a->hint)
                            : strato__buffer_copy(strato_bytes(a->data, a->bytes));
        if (!buffers[made])
            rc = STRATO_ENOMEM;
    }
    if (rc == 0)
        rc = flush_replies(s, t);
    if (rc < 0) {
        for (uint32_t i = 0; i < n && buffers[i]; i++) {
            if (reply->attachments[i].free_fn)
                free(buffers[i]); /* taken on success only */
            else
                strato__buffer_drop(buffers[i]);
        }
        return rc;
    }
    s->out.parts[(s->out.head + s->out.count - 1) & (s->out.capacity - 1)].more = true;
    for (uint32_t i = 0; i < n; i++)
        strato__outbox_take(&s->out, &buffers[i], i + 1 < n);
    return 0;
}

static int reply_add(struct strato__session *s, struct strato_message *m, const struct strato_send *reply, bool more)
{
    struct strato__stream *t = m->stream;
    struct strato_envelope_out envelope = reply->envelope;
    uint64_t attached = 0;
    int64_t bytes;

    for (uint32_t i = 0; i < reply->attachments_count; i++)
        attached += reply->attachments[i].bytes;
    envelope.attach = (uint16_t)reply->attachments_count;
    bytes = strato__gather_add(&t->replies, &envelope, s->now_us);
    if (bytes < 0)
        return (int)bytes;
    if (s->message_bytes_max && (uint64_t)bytes + attached > s->message_bytes_max) {
        strato__gather_undo(&t->replies, (size_t)bytes);
        return STRATO_ETOO_BIG;
    }
    t->reply_tags[t->replies.count - 1] = m->tag;
    t->replies_more = more;
    return 0;
}

int strato__settle_reply(struct strato__session *s, struct strato_message *m, const struct strato_send *reply,
                         bool more)
{
    struct strato__stream *t = m->stream;
    int rc = check(m);

    if (rc == 0 && s->state != STRATO__OPEN)
        rc = s->state == STRATO__ENDED ? s->end_err : STRATO_EUNREACHABLE;
    if (rc == 0 && t->replies.count &&
        (more != t->replies_more || reply->attachments_count || t->replies.count == STRATO__REPLIES_MAX))
        rc = flush_replies(s, t);
    if (rc == 0)
        rc = reply_add(s, m, reply, more);
    if (rc < 0)
        return rc;
    if (reply->attachments_count) {
        rc = reply_attached(s, t, reply);
        if (rc < 0) {
            strato__gather_fini(&t->replies);
            return rc;
        }
    }
    if (!more)
        settled(s, m);
    if (t->replies.count && t->replies.w.bytes >= STRATO__GATHER_BYTES)
        (void)flush_replies(s, t);
    strato__stream_gathered(s, t);
    return 0;
}

/* ---- leases that end without us ------------------------------------------------------------------ */

void strato__settle_untaken(struct strato__session *s, struct strato__stream *t)
{
    const struct strato_nack nack = { .delay_ms = -1, .no_penalty = true };
    uint64_t tags[STRATO__SETTLES_MAX], at = t->next_tag;

    if (t->role == STRATO__SUBSCRIBE || t->role == STRATO__TAP)
        return;
    strato__settle_flush(s, t);
    while (at < t->received) {
        uint32_t count = 0;

        while (at < t->received && count < STRATO__SETTLES_MAX)
            tags[count++] = at++;
        if (nack_send(s, t, tags, count, &nack) < 0)
            return; /* their start timeout gives them back */
    }
    t->next_tag = t->received;
}

bool strato__tag_lives(struct strato_bytes tags, uint64_t tag)
{
    struct strato_cursor c = strato_cursor_over(tags);
    uint32_t items;
    uint64_t living;

    if (strato_cursor_array(&c, UINT32_MAX, &items) < 0)
        return false;
    while (items-- > 0)
        if (strato_cursor_u64(&c, UINT64_MAX, &living) == 0 && living == tag)
            return true;
    return false;
}

static bool is_here(const struct strato__stream *t, uint64_t tag)
{
    if (strato__stream_has(t, tag))
        return true;
    for (uint32_t i = 0; i < t->acks_count; i++)
        if (t->acks[i] == tag)
            return true; /* settled here, about to be told */
    for (const struct strato_message *m = t->hand_oldest; m; m = m->previous)
        if (m->needs_settling && m->tag == tag)
            return true;
    return false;
}

/* Living tags that we do not hold: deliveries or settles that were lost on the way. Giving them back may run
 * one twice, never lose one (at-least-once). */
static void give_back_missing(struct strato__session *s, struct strato__stream *t, struct strato_bytes tags)
{
    const struct strato_nack nack = { .delay_ms = -1, .no_penalty = true };
    struct strato_cursor c = strato_cursor_over(tags);
    uint64_t missing[STRATO__SETTLES_MAX], tag;
    uint32_t items, count = 0;

    if (strato_cursor_array(&c, UINT32_MAX, &items) < 0)
        return;
    while (items-- > 0 && strato_cursor_u64(&c, UINT64_MAX, &tag) == 0) {
        if (is_here(t, tag))
            continue;
        if (tag < t->next_tag && s->flush_err == 0) /* it was taken, and its settle was lost: it will come again */
            s->flush_err = STRATO_ESTALE_LEASE;
        missing[count++] = tag;
        if (count == STRATO__SETTLES_MAX) {
            (void)nack_send(s, t, missing, count, &nack);
            count = 0;
        }
    }
    if (count)
        (void)nack_send(s, t, missing, count, &nack);
}

void strato__settle_lost(struct strato__session *s, struct strato__stream *t, const struct strato_bytes *tags)
{
    for (struct strato_message *m = t->hand; m; m = m->next) {
        if (!m->needs_settling || (tags && strato__tag_lives(*tags, m->tag)))
            continue;
        m->is_lost = true;
        m->needs_settling = false;
        t->unsettled--;
        s->counters.late++;
    }
    if (tags) {
        uint32_t kept = 0;

        for (uint32_t i = 0; i < t->acks_count; i++)
            if (strato__tag_lives(*tags, t->acks[i]))
                t->acks[kept++] = t->acks[i];
        t->acks_count = kept;
        give_back_missing(s, t, *tags);
    }
}

void strato__settle_cancel(struct strato__session *s, struct strato_bytes tags, struct strato__stream *t)
{
    (void)s;
    for (struct strato_message *m = t->hand; m; m = m->next)
        if (m->needs_settling && strato__tag_lives(tags, m->tag))
            m->is_cancelled = true;
}
