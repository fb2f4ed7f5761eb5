/*
 * handle_put.c - put: messages for a channel, within a session's credit or without a session.
 *
 * In a session a put is confirmed by `credit`; refused messages use their index and are told one by one.
 * Without a session (no `i`) it is all or nothing, and may be parked. Rules: protocol.md section 4.
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/brain/state.h"

struct producer *frame_producer(const struct frame *frame, const struct channel *ch)
{
    struct stream *s = stream_find(frame->peer->session, ch, frame->header->stream, STREAM_PRODUCER);

    return (struct producer *)(void *)s;
}

static uint64_t frame_bytes(const struct frame *frame)
{
    uint64_t bytes = frame->body.body.bytes;

    for (size_t i = 0; i < frame->body.blobs_count; i++)
        bytes += frame->body.blobs[i]->bytes;
    return bytes;
}

static void over_credit(const struct frame *frame, struct channel *ch)
{
    channel_refused(ch, STRATO_ECREDIT);
    answer_err(frame->peer, frame->header, STRATO_ECREDIT,
               "put beyond the credit limit: the session is closed, say hello again");
    session_close(frame->peer->session, SESSION_OPEN, "put beyond its credit");
}

/* The envelopes could not be read: all indices of the frame are used up, for nothing. */
static void spend_unread(const struct frame *frame, struct channel *ch, struct producer *p, uint64_t skip, int err,
                         const char *detail)
{
    uint64_t count = frame->header->n - skip;
    uint64_t bytes = frame_bytes(frame), left = p->credit.limit_bytes - p->credit.accepted_bytes;

    for (uint64_t k = 0; k < count; k++) {
        channel_refused(ch, err);
        strato_credit_spend(&ch->credit, &p->credit, k ? 0 : bytes < left ? bytes : left);
    }
    answer_err_at(frame->peer, frame->header, frame->header->i + skip, count, err, detail);
    producer_refused(p, frame->header->i + skip, (uint32_t)count, err);
    producer_touch(p);
    channel_touch(ch);
}

static void tell_duplicate(const struct frame *frame, struct channel *ch, uint64_t i, uint64_t seq)
{
    struct answer a;

    answer_begin(&a, ch->brain, frame->peer, "ok", frame->header);
    answer_channel(&a, ch, frame->header->stream);
    strato_header_u64(&a.header, "i", i);
    strato_header_u64(&a.header, "dup", 1);
    strato_header_u64(&a.header, "seq", seq);
    answer_send(&a);
}

/* The slot that a critical message has made is for critical ones: another one's place is not to be had by asking for it. */
static void spend_critical(struct channel *ch, struct producer *p, struct stage *stage, struct staged *item)
{
    bool is_critical = item->message && item->message->priority >= DISPLACE_PRIORITY_MIN;

    if (!is_critical && strato_credit_unspent(&p->credit) > p->critical)
        return;
    p->critical--;
    if (is_critical || !item->message)
        return;
    ingest_refuse(ch->brain, stage, item, STRATO_EFULL,
                  "the channel is full but for a place that was made for priority 80 and more");
}

static void session_put(const struct frame *frame, struct channel *ch)
{
    const struct strato_header *h = frame->header;
    struct session *session = frame->peer->session;
    struct producer *p = frame_producer(frame, ch);
    struct stage stage;
    uint64_t skip = 0, bytes = 0;
    const char *why;
    int rc;

    if (!p) {
        answer_err(frame->peer, h, STRATO_EPROTO, "open the channel with dir p before a put with an index");
        return;
    }
    rc = strato_credit_admit(&p->credit, h->i, h->n, &skip);
    if (rc == STRATO_EGAP) {
        answer_err_at(frame->peer, h, p->credit.accepted, 0, rc,
                      "an index was left out: send again from the accepted count");
        return;
    }
    if (rc < 0) {
        over_credit(frame, ch);
        return;
    }
    rc = confirm_refuses(ch, &why);
    if (rc == 0 && !frame_is_within_rate(frame, h->n, stage.detail, sizeof(stage.detail))) {
        rc = STRATO_ERATE;
        why = stage.detail;
    }
    if (rc == 0) {
        rc = ingest_stage(&stage, ch, session->sender, &frame->body, h->n, skip, true);
        why = stage.detail;
    }
    if (rc < 0) {
        spend_unread(frame, ch, p, skip, rc, why);
        return;
    }
    for (uint64_t k = skip; k < stage.count; k++)
        bytes += stage.items[k].bytes;
    if (bytes > p->credit.limit_bytes - p->credit.accepted_bytes) {
        ingest_unstage(ch->brain, &stage);
        over_credit(frame, ch);
        return;
    }
    for (uint64_t k = skip; k < stage.count; k++) {
        struct staged *item = &stage.items[k];

        if (p->critical)
            spend_critical(ch, p, &stage, item);
        strato_credit_spend(&ch->credit, &p->credit, item->bytes);
        if (item->err < 0) {
            channel_refused(ch, item->err);
            answer_err_at(frame->peer, h, h->i + k, 1, item->err, stage.detail);
            producer_refused(p, h->i + k, 1, item->err);
        } else if (item->dup_seq) {
            tell_duplicate(frame, ch, h->i + k, item->dup_seq);
        } else {
            ingest_admit(ch, item);
        }
    }
    producer_touch(p);
    if (ch->credit.waiting)
        channel_touch(ch);
}

static uint32_t first_refused(const struct stage *stage)
{
    uint32_t k = 0;

    while (stage->items[k].err == 0)
        k++;
    return k;
}

/* One critical message, in a channel where it may push out a low one. */
static bool may_displace(const struct channel *ch, const struct stage *stage)
{
    const struct message *m = stage->items[0].message;

    return ch->config.displaces && !ch->brain->is_draining && stage->count == 1 && m &&
           m->priority >= DISPLACE_PRIORITY_MIN;
}

static void plain_put(const struct frame *frame, struct channel *ch)
{
    const struct strato_header *h = frame->header;
    struct peer *peer = frame->peer;
    struct sender *sender = peer_sender(peer);
    struct stage stage;
    uint64_t wait = h->wait < PARKING_WAIT_MS_MAX ? h->wait : PARKING_WAIT_MS_MAX;
    const char *why = NULL;
    int rc = sender ? confirm_refuses(ch, &why) : STRATO_ENO_RESOURCES;

    if (rc == 0 && !frame_is_within_rate(frame, h->n, stage.detail, sizeof(stage.detail))) {
        rc = STRATO_ERATE;
        why = stage.detail;
    }
    if (rc == 0) {
        rc = ingest_stage(&stage, ch, sender, &frame->body, h->n, 0, true);
        why = stage.detail;
    }
    if (rc < 0) {
        channel_refused(ch, rc);
        answer_err(peer, h, rc, why);
        return;
    }
    if (stage.refused) {
        uint32_t k = first_refused(&stage);

        rc = stage.items[k].err;
        channel_refused(ch, rc);
        answer_err_at(peer, h, k, 1, rc, stage.detail);
        ingest_unstage(ch->brain, &stage);
        return;
    }
    rc = ch->brain->is_draining            ? STRATO_EDRAINING
         : ch->parked_head                 ? STRATO_EFULL
         : stage.duplicates == stage.count ? 0
                                           : ingest_room(ch, stage.count - stage.duplicates, stage.bytes);
    if (rc == STRATO_EFULL && may_displace(ch, &stage) && displace_for(ch, stage.bytes))
        rc = 0;
    if (rc == STRATO_EFULL && wait && ch->config.full == BRAIN_FULL_WAIT) {
        rc = parking_put(peer, ch, &stage, h, wait);
        if (rc == 0) {
            channel_touch(ch); /* idle credit of others may be taken back for it */
            return;
        }
    }
    if (rc < 0) {
        channel_refused(ch, rc);
        answer_err(peer, h, rc,
                   rc == STRATO_EFULL ? "the channel is at its bound: take from it, or give `wait`" : NULL);
        ingest_unstage(ch->brain, &stage);
        return;
    }
    parking_answer_put(peer, h, ch, stage.items, stage.count);
}

void handle_put(struct brain *brain, const struct frame *frame)
{
    const struct strato_header *h = frame->header;
    struct session *session = frame->peer->session;
    struct channel *ch;

    (void)brain;
    if (strato_header_has(h, STRATO_KEY_i) && !session) {
        answer_err(frame->peer, h, STRATO_ENO_SESSION, "a put with an index needs a session: say hello");
        return;
    }
    if (strato_header_has(h, STRATO_KEY_i) && h->ep != session->ep) {
        answer_err(frame->peer, h, STRATO_EEPOCH, "the put is of another session epoch: not accepted");
        return;
    }
    ch = frame_channel(frame);
    if (!ch || !frame_permits(frame, "publish", ch))
        return;
    if (strato_header_has(h, STRATO_KEY_i))
        session_put(frame, ch);
    else
        plain_put(frame, ch);
}
