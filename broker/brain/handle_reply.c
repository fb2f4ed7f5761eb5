/*
 * handle_reply.c - reply: a responder's answers, one tag (or lease) per envelope.
 *
 * The envelope is copied straight into the caller's outgoing frame. The last answer settles the request;
 * `more` announces another. Late replies are dropped and counted. Rules: protocol.md section 7.
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/brain/state.h"
#include "core/batch.h"

/* The next message that the frame answers, NULL if it is no longer held. */
static struct message *next_held(const struct frame *frame, struct channel *ch, struct consumer *consumer,
                                 struct strato_cursor *at)
{
    struct strato_bytes text;
    struct delivery *d;
    uint64_t tag;

    if (!consumer)
        return strato_cursor_str(at, 64, &text) == 0 ? lease_find(frame->peer->brain, ch, frame->peer->principal, text)
                                                     : NULL;
    if (strato_cursor_u64(at, UINT64_MAX, &tag) < 0)
        return NULL;
    d = consumer_find(consumer, tag);
    return d ? d->message : NULL;
}

static void settle(struct channel *ch, struct message *m)
{
    lease_release(ch, m);
    channel_end(ch, m, CHANNEL_SETTLED, 0, STRATO_BYTES_NONE);
}

static int judge(const struct frame *frame, const struct strato_batch_item *item)
{
    uint64_t bytes = item->bytes;

    for (unsigned i = 0; i < item->envelope.attach; i++)
        bytes += frame->body.blobs[item->attachments_at + i]->bytes;
    if (item->err < 0)
        return item->err;
    return bytes > frame->peer->brain->config.message_bytes_max ? STRATO_ETOO_BIG : 0;
}

static void answer_each(const struct frame *frame, struct channel *ch, struct consumer *consumer,
                        struct strato_cursor tags)
{
    const struct strato_header *h = frame->header;
    struct sender *sender = peer_sender(frame->peer);
    struct strato_cursor envelopes = strato_cursor_over(frame->body.body);
    struct strato_batch batch;
    struct strato_batch_item item;
    uint64_t stale = 0;

    strato_batch_begin(&batch, envelopes, h->n, frame->body.blobs_count);
    for (uint64_t k = 0; strato_batch_next(&batch, &item) == 1; k++) {
        struct message *m = next_held(frame, ch, consumer, &tags);
        int rc = judge(frame, &item);

        if (!m) {
            ch->replies_late++;
            stale++;
        } else if (rc < 0) {
            answer_err_at(frame->peer, h, k, 1, rc, "the reply was not sent on; its request is still held");
        } else {
            lease_start(ch, m);
            if (sender)
                call_answer(m, &item.envelope, sender, frame->body.blobs + item.attachments_at, item.envelope.attach,
                            h->more);
            if (!h->more)
                settle(ch, m);
        }
    }
    if (stale && (h->rq.bytes || peer_is_l1(frame->peer)))
        answer_err_at(frame->peer, h, 0, stale, STRATO_ESTALE_LEASE,
                      "the request is no longer held: answered, timed out or given to another");
    else if (h->rq.bytes || peer_is_l1(frame->peer) || frame->peer->is_lockstep)
        answer_ok(frame->peer, h);
}

/* Walk the frame once without effect: broken at its end, it must change nothing. */
static int check(const struct frame *frame)
{
    struct strato_batch batch;
    struct strato_batch_item item;
    int rc =
        strato_batch_begin(&batch, strato_cursor_over(frame->body.body), frame->header->n, frame->body.blobs_count);

    while (rc == 0 && (rc = strato_batch_next(&batch, &item)) == 1)
        rc = 0;
    return rc;
}

void handle_reply(struct brain *brain, const struct frame *frame)
{
    const struct strato_header *h = frame->header;
    bool by_lease = strato_header_has(h, STRATO_KEY_leases);
    struct channel *ch = frame_channel(frame);
    struct strato_cursor tags = strato_cursor_over(by_lease ? h->leases : h->tags);
    struct consumer *consumer = NULL;
    uint32_t count = 0;
    int rc;

    (void)brain;
    if (!ch)
        return;
    if (!by_lease) {
        consumer = frame->peer->session ? frame_consumer(frame, ch) : NULL;
        if (!consumer || consumer->subscription) {
            answer_err(frame->peer, h, frame->peer->session ? STRATO_EPROTO : STRATO_ENO_SESSION,
                       "nothing is open there to reply from");
            return;
        }
    }
    rc = strato_cursor_array(&tags, STRATO_ENVELOPES_MAX, &count) < 0 ? STRATO_EPROTO
         : count != h->n                                              ? STRATO_EFRAME
                                                                      : check(frame);
    if (rc < 0)
        answer_err(frame->peer, h, rc, rc == STRATO_EFRAME ? "one tag (or lease) for each envelope, please" : NULL);
    else
        answer_each(frame, ch, consumer, tags);
}
