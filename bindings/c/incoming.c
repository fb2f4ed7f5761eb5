/*
 * incoming.c - whose a received frame is: the session's, a producer's, a stream's or a question's.
 *
 * SPDX-License-Identifier: MIT
 */
#include "bindings/c/producer.h"
#include "bindings/c/receipt.h"
#include "bindings/c/request.h"
#include "bindings/c/stream.h"
#include "bindings/c/welcome.h"

static struct strato__stream *stream_of(struct strato__session *s, const struct strato_header *h)
{
    return h->stream > 0 && h->stream <= STRATO__STREAMS_MAX ? s->streams[h->stream] : NULL;
}

static void on_err(struct strato__session *s, const struct strato_header *h, struct strato_cursor at,
                   struct strato__inbound *inbound)
{
    struct strato__ask *ask = strato__ask_find(s, h->rq);
    struct strato__stream *t = stream_of(s, h);
    struct strato__producer *p;
    uint64_t rq;

    strato__session_detail(s, h->detail);
    if (strato__session_err(s, h))
        return;
    if (ask) {
        (void)strato__request_on_answer(s, ask, h, at, inbound);
        return;
    }
    if (!t && strato__rq_number(h->rq, &rq))
        for (uint32_t i = 1; i <= s->streams_top && !t; i++)
            if (s->streams[i] && s->streams[i]->open_rq == rq)
                t = s->streams[i];
    p = t ? NULL : strato__producer_of(s, h->ch);
    if (!t && !p && strato__rq_number(h->rq, &rq))
        for (p = s->producers_list; p && p->open_rq != rq && p->need_rq != rq;)
            p = p->next;
    if (t)
        strato__stream_on_err(s, t, h);
    else if (p)
        strato__producer_on_verdict(s, p, h);
    else
        strato__session_refused(s, -(int)h->code, 0, h->detail);
}

static void on_ok(struct strato__session *s, const struct strato_header *h, struct strato_cursor at,
                  struct strato__inbound *inbound)
{
    struct strato__ask *ask = strato__ask_find(s, h->rq);
    struct strato__stream *t = stream_of(s, h);
    uint64_t rq;

    if (ask) {
        (void)strato__request_on_answer(s, ask, h, at, inbound);
        return;
    }
    if (!strato__rq_number(h->rq, &rq))
        rq = 0;
    for (uint32_t i = 1; i <= s->streams_top && !t && rq; i++)
        if (s->streams[i] && s->streams[i]->open_rq == rq)
            t = s->streams[i];
    if (!t)
        return; /* a duplicate put, or a recorded settle: nothing to do */
    if (h->cancel.bytes)
        strato__settle_cancel(s, h->cancel, t);
    if (rq && rq == t->open_rq)
        strato__stream_on_opened(s, t, h);
}

static void on_opened(struct strato__session *s, const struct strato_header *h)
{
    struct strato__producer *p = strato__producer_of(s, h->ch);
    uint64_t rq = 0;

    (void)strato__rq_number(h->rq, &rq);
    for (uint32_t i = 1; i <= s->streams_top; i++)
        if (s->streams[i] && s->streams[i]->open_rq == rq)
            strato__stream_on_opened(s, s->streams[i], h);
    if (p && p->open_rq == rq)
        strato__producer_on_opened(s, p, h);
}

static void on_flow(struct strato__session *s, const struct strato_header *h)
{
    struct strato__producer *p = strato__producer_of(s, h->ch);

    if (!p || p->state != STRATO__PRODUCER_READY) {
        s->counters.late++;
        return;
    }
    if (h->opcode == STRATO_OP_credit)
        strato__producer_on_credit(s, p, h);
    else if (h->opcode == STRATO_OP_revoke)
        strato__producer_on_revoke(s, p, h);
    else
        strato__producer_on_full(s, p, h);
}

static void on_delivery(struct strato__session *s, const struct strato_header *h, struct strato_cursor at,
                        struct strato__inbound *inbound)
{
    struct strato__ask *ask = strato__ask_find(s, h->rq);
    struct strato__stream *t = stream_of(s, h);

    if (ask && h->opcode == STRATO_OP_event)
        (void)strato__request_on_answer(s, ask, h, at, inbound); /* a page of history */
    else if (!t)
        s->counters.late++; /* a stream that was closed meanwhile */
    else if (h->opcode == STRATO_OP_lagged)
        strato__stream_on_lagged(s, t, h);
    else
        strato__stream_on_frame(s, t, h, at, inbound);
}

void strato__session_on_frame(struct strato__session *s, struct strato__inbound *inbound)
{
    struct strato_cursor at = strato_cursor_over(inbound->frame);
    struct strato_header h;
    struct strato__ask *ask;

    s->last_rx_us = s->now_us;
    s->misses = 0;
    s->counters.frames_in++;
    if (inbound->frame.bytes == 0)
        return; /* a probe of libzmq's */
    /* A broker's header may be longer than a client's: welcome lists channels and living tags. */
    if (strato_header_decode(&at, SIZE_MAX, &h) < 0) {
        strato__session_malformed(s, "a frame of the broker has no valid header");
        return;
    }
    if (s->state != STRATO__OPEN && s->state != STRATO__HELLO)
        return;
    if (s->state == STRATO__HELLO && h.opcode != STRATO_OP_welcome && h.opcode != STRATO_OP_err &&
        h.opcode != STRATO_OP_ping)
        return; /* of the session that has just ended */
    switch (h.opcode) {
    case STRATO_OP_welcome:
        strato__welcome(s, &h);
        break;
    case STRATO_OP_err:
        on_err(s, &h, at, inbound);
        break;
    case STRATO_OP_ok:
        on_ok(s, &h, at, inbound);
        break;
    case STRATO_OP_opened:
        on_opened(s, &h);
        break;
    case STRATO_OP_credit:
    case STRATO_OP_revoke:
    case STRATO_OP_full:
        on_flow(s, &h);
        break;
    case STRATO_OP_deliver:
    case STRATO_OP_event:
    case STRATO_OP_lagged:
        on_delivery(s, &h, at, inbound);
        break;
    case STRATO_OP_result:
        strato__request_on_result(s, &h, at, inbound);
        break;
    case STRATO_OP_ping:
        strato__session_say(s, "pong", h.t);
        break;
    case STRATO_OP_pong:
        ask = strato__ask_find(s, h.rq);
        if (ask)
            (void)strato__request_on_answer(s, ask, &h, at, inbound);
        break;
    case STRATO_OP_drain:
        s->is_draining = true;
        strato__session_notice(s, STRATO_CLIENT_DRAINING, STRATO_EDRAINING, strato_text("the broker is leaving"));
        break;
    case STRATO_OP_receipt:
        strato__receipt_on_frame(s, &h);
        break;
    default:
        strato__session_malformed(s, "an operation that a broker does not send");
        break;
    }
}
