/*
 * stream_open.c - the life of a stream: opened, released, taken up again after a resume, opened anew.
 *
 * SPDX-License-Identifier: MIT
 */
#include "bindings/c/stream.h"

#include <stdlib.h>

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
    t->role = !consumer         ? STRATO__SUBSCRIBE
              : consumer->tap   ? STRATO__TAP
              : consumer->serve ? STRATO__SERVE
                                : STRATO__CONSUME;
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

/* ---- the end, and new beginnings ---------------------------------------------------------------- */

static void send_unsub(struct strato__session *s, const struct strato__stream *t)
{
    struct strato_writer w = { 0 };
    struct strato_header_writer hw;

    strato_header_begin(&hw, &w, "unsub");
    strato_header_str(&hw, "ch", strato__name_bytes(t->name));
    strato_header_u64(&hw, "stream", t->number);
    strato_header_end(&hw);
    (void)strato__session_send(s, &w);
}

static void stream_end(struct strato__session *s, struct strato__stream *t)
{
    if (s->state == STRATO__OPEN && t->state == STRATO__STREAM_CLOSING) {
        strato__settle_flush(s, t);
        send_unsub(s, t);
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
    strato__stream_clear(s, t);
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
        strato__stream_clear(s, t);
        for (struct strato_message *m = t->hand; m; m = m->next)
            m->needs_settling = false;
        t->state = STRATO__STREAM_ENDED;
        stream_end(s, t);
    }
}

void strato__stream_resume(struct strato__session *s, struct strato__stream *t, struct strato_bytes tags,
                           uint64_t next_tag)
{
    if (t->state ==
        STRATO__STREAM_OPENING) { /* what the broker said about it was lost with the connection: once more */
        send_unsub(s, t);
        (void)send_open(s, t);
        return;
    }
    t->lost_count = 0;
    t->started_upto = 0; /* STARTs may have been lost with the connection; said again, they change nothing */
    if (t->role == STRATO__SUBSCRIBE || t->role == STRATO__TAP) {
        strato__stream_clear(s, t); /* what was not taken comes again, under new tags */
        t->next_tag = next_tag;
        t->resumed_seq = t->seq;
    } else {
        /* Leases are requeued all at once, so the first one speaks for the queue. */
        if (t->queued && !strato__tag_lives(tags, t->next_tag)) {
            strato__stream_clear(s, t);
            t->next_tag = t->received;
        }
        strato__settle_lost(s, t, &tags);
    }
    if (next_tag > t->received)
        t->received = next_tag; /* deliveries that were lost on the way have just been given back */
    t->limit_sent = 0;          /* say it again: the broker granted nothing beyond what it had sent */
    strato__stream_want(s, t, true);
}

void strato__stream_restart(struct strato__session *s, struct strato__stream *t, bool is_same_epoch)
{
    strato__stream_clear(s, t);
    t->acks_count = 0;
    strato__gather_fini(&t->replies);
    strato__settle_lost(s, t, NULL);
    t->lost_count = 0;
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
