/*
 * handle_settle.c - start, ack, nack, extend: what a holder says about messages that it was delivered.
 *
 * Messages are named by tags (an array, or all below `upto`) in a session, by lease strings without one.
 * A dead tag is E_STALE_LEASE and changes nothing. Rules: protocol.md section 6.
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/brain/state.h"

enum { STALE_TOLD_MAX = 64 };

/* One frame's work: what to do with each message, and what was found dead. */
struct settle {
    void (*apply)(struct channel *ch, struct message *m, struct settle *settle);
    const struct strato_header *header;
    struct lease_nack nack;
    uint64_t stale[STALE_TOLD_MAX]; /* tags */
    uint32_t stale_count;
    uint32_t done;
    bool is_end; /* it says what became of the messages: on a kept channel that is so when it is on disk */
};

struct consumer *frame_consumer(const struct frame *frame, const struct channel *ch)
{
    struct stream *s = stream_find(frame->peer->session, ch, frame->header->stream, STREAM_CONSUMER);

    return (struct consumer *)(void *)s;
}

static void apply_start(struct channel *ch, struct message *m, struct settle *settle)
{
    (void)settle;
    lease_start(ch, m);
}

static void apply_ack(struct channel *ch, struct message *m, struct settle *settle)
{
    (void)settle;
    lease_ack(ch, m);
}

static void apply_nack(struct channel *ch, struct message *m, struct settle *settle)
{
    lease_nack(ch, m, &settle->nack);
}

static void apply_extend(struct channel *ch, struct message *m, struct settle *settle)
{
    uint64_t ms = settle->header->ms;

    lease_extend(ch, m, ms < ch->config.attempt_ms ? (uint32_t)ms : ch->config.attempt_ms);
}

static void note_stale(struct settle *settle, uint64_t tag)
{
    if (settle->stale_count < STALE_TOLD_MAX)
        settle->stale[settle->stale_count] = tag;
    settle->stale_count++;
}

static int each_lease(const struct frame *frame, struct channel *ch, struct settle *settle)
{
    struct strato_cursor c = strato_cursor_over(frame->header->leases);
    struct strato_bytes text;
    uint32_t count;

    if (strato_cursor_array(&c, STRATO_ENVELOPES_MAX, &count) < 0)
        return STRATO_EPROTO;
    for (uint32_t i = 0; i < count; i++) {
        struct message *m;

        if (strato_cursor_str(&c, 64, &text) < 0)
            return STRATO_EPROTO;
        m = lease_find(ch->brain, ch, frame->peer->principal, text);
        if (m) {
            settle->apply(ch, m, settle);
            settle->done++;
        } else {
            note_stale(settle, i);
        }
    }
    return 0;
}

static int each_tag(const struct frame *frame, struct channel *ch, struct consumer *consumer, struct settle *settle)
{
    struct strato_cursor c = strato_cursor_over(frame->header->tags);
    uint64_t tag;
    uint32_t count;

    if (strato_cursor_array(&c, STRATO_ENVELOPES_MAX, &count) < 0)
        return STRATO_EPROTO;
    for (uint32_t i = 0; i < count; i++) {
        struct delivery *d;

        if (strato_cursor_u64(&c, UINT64_MAX, &tag) < 0)
            return STRATO_EPROTO;
        d = consumer_find(consumer, tag);
        if (d) {
            settle->apply(ch, d->message, settle);
            settle->done++;
        } else {
            note_stale(settle, tag);
        }
    }
    return 0;
}

static void each_upto(const struct frame *frame, struct channel *ch, struct consumer *consumer, struct settle *settle)
{
    uint64_t upto = frame->header->upto < consumer->sent ? frame->header->upto : consumer->sent;

    for (uint64_t tag = consumer->base; tag < upto; tag++) {
        struct delivery *d = consumer_find(consumer, tag);

        if (d) { /* one that is dead already was told before */
            settle->apply(ch, d->message, settle);
            settle->done++;
        }
    }
}

/* Apply to all that the frame names. False: the frame was refused, and answered. */
static bool settle_all(const struct frame *frame, struct channel **ret_channel, struct settle *settle)
{
    const struct strato_header *h = frame->header;
    struct channel *ch = frame_channel(frame);
    struct consumer *consumer;
    int rc = 0;

    if (!ch)
        return false;
    *ret_channel = ch;
    settle->header = h;
    if (strato_header_has(h, STRATO_KEY_leases)) {
        rc = each_lease(frame, ch, settle);
    } else {
        consumer = frame->peer->session ? frame_consumer(frame, ch) : NULL;
        if (!consumer || consumer->subscription) {
            rc = frame->peer->session ? STRATO_EPROTO : STRATO_ENO_SESSION;
            answer_err(frame->peer, h, rc,
                       consumer              ? "events and taps need no settling: send want{taken}"
                       : rc == STRATO_EPROTO ? "nothing is open on that channel and stream"
                                             : "without a session, name `leases`");
            return false;
        }
        if (strato_header_has(h, STRATO_KEY_tags))
            rc = each_tag(frame, ch, consumer, settle);
        if (rc == 0 && strato_header_has(h, STRATO_KEY_upto))
            each_upto(frame, ch, consumer, settle);
    }
    if (rc < 0)
        answer_err(frame->peer, h, rc, "`tags` is an array of uint, `leases` an array of str");
    return rc == 0;
}

static void answer(const struct frame *frame, struct channel *ch, const struct settle *settle, bool wants_ok)
{
    if (settle->stale_count) {
        channel_refused(ch, STRATO_ESTALE_LEASE);
        answer_err_at(frame->peer, frame->header, settle->stale[0], settle->stale_count, STRATO_ESTALE_LEASE,
                      "the lease ended, or the message was settled before: nothing changed");
    } else if (wants_ok || peer_is_l1(frame->peer) || frame->peer->is_lockstep) {
        struct answer a;

        answer_begin(&a, ch->brain, frame->peer, "ok", frame->header);
        answer_channel(&a, ch, 0);
        if (settle->is_end && channel_is_kept(ch))
            answer_after_commit(&a);
        answer_send(&a);
    }
}

void handle_start(struct brain *brain, const struct frame *frame)
{
    struct settle settle = { .apply = apply_start };
    struct channel *ch;

    (void)brain;
    if (settle_all(frame, &ch, &settle))
        answer(frame, ch, &settle, frame->header->rq.bytes > 0);
}

void handle_ack(struct brain *brain, const struct frame *frame)
{
    struct settle settle = { .apply = apply_ack, .is_end = true };
    struct channel *ch;

    (void)brain;
    if (settle_all(frame, &ch, &settle))
        answer(frame, ch, &settle, frame->header->confirm || frame->header->rq.bytes > 0);
}

void handle_nack(struct brain *brain, const struct frame *frame)
{
    const struct strato_header *h = frame->header;
    struct settle settle = { .apply = apply_nack, .is_end = true };
    struct channel *ch;

    (void)brain;
    settle.nack.has_delay = strato_header_has(h, STRATO_KEY_delay_ms);
    settle.nack.delay_ms = h->delay_ms < STRATO_TTL_MS_MAX ? (uint32_t)h->delay_ms : STRATO_TTL_MS_MAX;
    settle.nack.penalty = h->penalty;
    settle.nack.dead = h->dead;
    settle.nack.reason = h->reason;
    if (settle_all(frame, &ch, &settle))
        answer(frame, ch, &settle, h->rq.bytes > 0);
}

void handle_extend(struct brain *brain, const struct frame *frame)
{
    struct settle settle = { .apply = apply_extend };
    struct channel *ch;
    struct answer a;
    uint32_t told;

    (void)brain;
    if (!settle_all(frame, &ch, &settle))
        return;
    if (peer_is_l1(frame->peer) || settle.stale_count == 0) {
        answer(frame, ch, &settle, frame->header->rq.bytes > 0);
        return;
    }
    told = settle.stale_count < STALE_TOLD_MAX ? settle.stale_count : STALE_TOLD_MAX;
    answer_begin(&a, ch->brain, frame->peer, "ok", frame->header);
    answer_channel(&a, ch, frame->header->stream);
    strato_header_key(&a.header, "cancel"); /* their work is not wanted any longer */
    strato_writer_array(&a.w, told);
    for (uint32_t i = 0; i < told; i++)
        strato_writer_u64(&a.w, settle.stale[i]);
    answer_send(&a);
}
