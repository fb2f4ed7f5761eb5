/*
 * handle_credit.c - need, release, want: the demand of producers and consumers.
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/brain/state.h"

static struct producer *producer_of(const struct frame *frame, struct channel **ret_channel)
{
    struct channel *ch = frame_channel(frame);
    struct producer *p = ch ? frame_producer(frame, ch) : NULL;

    if (ch && !p)
        answer_err(frame->peer, frame->header, STRATO_EPROTO, "open the channel with dir p first");
    *ret_channel = ch;
    return p;
}

static void send_full(const struct frame *frame, struct channel *ch)
{
    struct answer a;

    channel_refused(ch, STRATO_EFULL);
    answer_begin(&a, ch->brain, frame->peer, "full", frame->header);
    answer_channel(&a, ch, frame->header->stream);
    answer_send(&a);
}

/* A dry producer has a critical message: one low message makes room for it, now. */
static void push_out(struct channel *ch, struct producer *p)
{
    const struct strato_credit_grantor *g = &p->credit;
    uint64_t bytes = g->need_upto_bytes > g->limit_bytes ? g->need_upto_bytes - g->limit_bytes : 1;
    struct strato_credit_room room;

    if (!ch->config.displaces || ch->brain->is_draining || strato_credit_unspent(g) || !displace_for(ch, bytes))
        return;
    room = channel_room(ch);
    if (bytes < STRATO_CREDIT_BYTES_STEP && (uint64_t)room.bytes > bytes)
        bytes = (uint64_t)room.bytes < STRATO_CREDIT_BYTES_STEP ? (uint64_t)room.bytes : STRATO_CREDIT_BYTES_STEP;
    strato_credit_grant(&ch->credit, &p->credit, bytes, ch->brain->now_ms);
    p->critical = 1;
}

void handle_need(struct brain *brain, const struct frame *frame)
{
    const struct strato_header *h = frame->header;
    struct channel *ch;
    struct producer *p = producer_of(frame, &ch);
    uint64_t wait = h->wait < PARKING_WAIT_MS_MAX ? h->wait : PARKING_WAIT_MS_MAX;
    const char *why;
    int rc;

    if (!p)
        return;
    if (brain->is_draining) {
        answer_err(frame->peer, h, STRATO_EDRAINING, "the broker is leaving: no new credit");
        return;
    }
    rc = confirm_refuses(ch, &why);
    if (rc < 0) {
        channel_refused(ch, rc);
        answer_err(frame->peer, h, rc, why);
        return;
    }
    if (ch->config.full == BRAIN_FULL_REJECT) /* full means full, at once */
        wait = 0;
    rc = strato_credit_need(&ch->credit, &p->credit, h->upto, h->upto_bytes, ch->config.bytes_max, (uint32_t)wait,
                            brain->now_ms);
    if (rc == STRATO_EFULL) {
        send_full(frame, ch);
        return;
    }
    if (rc < 0) {
        channel_refused(ch, rc);
        answer_err(frame->peer, h, rc, "the channel never holds so many bytes (bytes_max)");
        return;
    }
    p->need_rq_bytes = 0;
    if (h->rq.bytes && h->rq.bytes <= sizeof(p->need_rq)) {
        memcpy(p->need_rq, h->rq.data, h->rq.bytes);
        p->need_rq_bytes = (uint8_t)h->rq.bytes;
    }
    if (h->displace && p->credit.is_waiting && p->critical == 0)
        push_out(ch, p);
    if (!p->credit.is_waiting) /* it is there already: a credit that crossed the need */
        producer_touch(p);
    channel_touch(ch);
}

void handle_release(struct brain *brain, const struct frame *frame)
{
    const struct strato_header *h = frame->header;
    struct channel *ch;
    struct producer *p = producer_of(frame, &ch);

    (void)brain;
    if (!p)
        return;
    if (strato_credit_release(&ch->credit, &p->credit, h->sent, h->sent_bytes) < 0)
        answer_err(frame->peer, h, STRATO_EPROTO,
                   "released counts lie between accepted and limit; the limit is now accepted");
    if (p->critical > strato_credit_unspent(&p->credit))
        p->critical = strato_credit_unspent(&p->credit);
    channel_touch(ch);
}

void handle_want(struct brain *brain, const struct frame *frame)
{
    const struct strato_header *h = frame->header;
    struct channel *ch = frame_channel(frame);
    struct consumer *c = ch ? frame_consumer(frame, ch) : NULL;

    (void)brain;
    if (!ch)
        return;
    if (!c) {
        answer_err(frame->peer, h, STRATO_EPROTO, "open the channel with dir c or s, or subscribe, first");
        return;
    }
    consumer_want(c, strato_header_has(h, STRATO_KEY_limit) ? h->limit : c->limit, h->taken, h->bytes);
}
