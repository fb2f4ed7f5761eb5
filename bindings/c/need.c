/*
 * need.c - asking for credit, and what the broker answers.
 *
 * SPDX-License-Identifier: MIT
 */
#include "bindings/c/producer.h"

#include "bindings/c/unconfirmed.h"

enum {
    LOST_US = 1000000, /* a need unanswered so long after its wait is asked again */
    EARLY_US = 20000,  /* an answer to a need this much before its wait ends was not a timeout */
};

int strato__producer_need(struct strato__session *s, struct strato__producer *p, uint64_t bytes, uint32_t wait_ms)
{
    uint64_t until = s->now_us + wait_ms * 1000ULL + 1, upto, upto_bytes, rq;
    struct strato_writer w = { 0 };
    struct strato_header_writer hw;
    int rc;

    if (p->need_until_us && (s->now_us > p->need_until_us + LOST_US || (p->is_need_ahead && bytes) ||
                             (wait_ms && p->need_until_us + EARLY_US < until)))
        p->credit.asked_upto = p->credit.asked_upto_bytes =
            0; /* unanswered, of another kind, or with too short a wait */
    if (!strato_credit_sender_need(&p->credit, bytes, &upto, &upto_bytes))
        return 0;
    if (bytes && p->credit.sent == p->next_index)
        (void)strato__producer_flush(s,
                                     p); /* a need must not overtake its puts: the broker would not take us for dry */
    rq = s->rq_next++;
    strato_header_begin(&hw, &w, "need");
    strato_header_str(&hw, "ch", strato__name_bytes(p->name));
    strato_header_u64(&hw, "upto", upto);
    if (upto_bytes)
        strato_header_u64(&hw, "upto_bytes", upto_bytes);
    strato_header_u64(&hw, "wait", wait_ms);
    if (bytes && p->is_lacking_critical)
        strato_header_bool(&hw, "displace", true);
    strato_header_u64(&hw, "rq", rq);
    strato_header_end(&hw);
    rc = strato__session_send(s, &w);
    if (rc < 0) {
        p->credit.asked_upto = p->credit.asked_upto_bytes = 0;
        return rc;
    }
    p->need_rq = rq;
    p->need_until_us = until;
    p->is_need_ahead = bytes == 0;
    return 0;
}

void strato__producer_unneed(struct strato__session *s, struct strato__producer *p)
{
    struct strato_writer w = { 0 };
    struct strato_header_writer hw;
    uint64_t upto;

    p->need_until_us = 0;
    if (!strato_credit_sender_cancel(&p->credit, &upto) || s->state != STRATO__OPEN)
        return;
    strato_header_begin(&hw, &w, "need");
    strato_header_str(&hw, "ch", strato__name_bytes(p->name));
    strato_header_u64(&hw, "upto", upto);
    strato_header_u64(&hw, "wait", 0);
    strato_header_end(&hw);
    (void)strato__session_send(s, &w);
}

void strato__producer_on_opened(struct strato__session *s, struct strato__producer *p, const struct strato_header *h)
{
    if (p->state != STRATO__PRODUCER_OPENING)
        return;
    p->state = STRATO__PRODUCER_READY;
    p->open_err = 0;
    p->is_credited = strato_header_has(h, STRATO_KEY_limit);
    p->is_durable = h->durable != 0;
    if (p->is_credited)
        strato_credit_sender_open(&p->credit, (uint32_t)(h->window < STRATO_CREDIT_WINDOW_MAX ? h->window : 0),
                                  h->limit,
                                  strato_header_has(h, STRATO_KEY_limit_bytes) ? h->limit_bytes : UINT64_MAX / 2);
    s->progress++;
}

void strato__producer_on_credit(struct strato__session *s, struct strato__producer *p, const struct strato_header *h)
{
    if (h->accepted > p->credit.sent || h->durable > h->accepted) {
        strato__session_malformed(s, "credit confirms more than was sent");
        return;
    }
    strato_credit_sender_credit(&p->credit, h->limit, h->limit_bytes, h->accepted, h->durable);
    if (p->credit.asked_upto == 0)
        p->need_until_us = 0;
    strato__unconfirmed_confirm(p, p->credit.accepted);
    if (p->credit.sent < p->next_index)
        strato__producer_resend(s, p);
    s->progress++;
}

void strato__producer_on_revoke(struct strato__session *s, struct strato__producer *p, const struct strato_header *h)
{
    struct strato_writer w = { 0 };
    struct strato_header_writer hw;
    uint64_t sent, sent_bytes;

    (void)h;
    if (strato__producer_flush(s, p) < 0)
        return; /* the broker asks again, or suspects us: better than a release that precedes its puts */
    strato_credit_sender_revoke(&p->credit, &sent, &sent_bytes);
    p->need_until_us = 0; /* the demand is void with it: whoever waits asks again */
    strato_header_begin(&hw, &w, "release");
    strato_header_str(&hw, "ch", strato__name_bytes(p->name));
    strato_header_u64(&hw, "sent", sent);
    strato_header_u64(&hw, "sent_bytes", sent_bytes);
    strato_header_end(&hw);
    (void)strato__session_send(s, &w);
    if (p->credit.sent < p->next_index)
        strato__producer_resend(s, p);
    s->progress++;
}

static void need_answered(struct strato__session *s, struct strato__producer *p, int err)
{
    p->answer_early = s->now_us + EARLY_US < p->need_until_us;
    p->answer_err = err;
    p->answers++;
    p->need_until_us = 0;
    strato_credit_sender_full(&p->credit);
    if (p->credit.sent < p->next_index && s->resend_at_us == STRATO__NEVER)
        s->resend_at_us = s->now_us + STRATO__RESEND_PAUSE_US;
    s->progress++;
}

void strato__producer_on_full(struct strato__session *s, struct strato__producer *p, const struct strato_header *h)
{
    uint64_t rq;

    if (!p->need_until_us || (strato__rq_number(h->rq, &rq) && rq != p->need_rq))
        return; /* an answer to a need that has been replaced */
    need_answered(s, p, STRATO_EFULL);
}

void strato__producer_refuse(struct strato__session *s, struct strato__producer *p, uint64_t i, uint64_t n, int err,
                             struct strato_bytes detail)
{
    for (struct strato__watch *watch = p->watches; watch; watch = watch->next)
        if (watch->index >= i && watch->index - i < n)
            watch->err = err;
    p->refused += n;
    strato__session_refused(s, err, n, detail);
}

void strato__producer_on_verdict(struct strato__session *s, struct strato__producer *p, const struct strato_header *h)
{
    uint64_t n = strato_header_has(h, STRATO_KEY_n) && h->n ? h->n : 1, rq = 0;
    bool is_index = strato_header_has(h, STRATO_KEY_i);
    int err = -(int)h->code;

    if (h->opcode == STRATO_OP_ok)
        return; /* a duplicate: known already is as good as accepted */
    if (!is_index && strato__rq_number(h->rq, &rq)) {
        if (rq == p->open_rq && p->state == STRATO__PRODUCER_OPENING) {
            p->state = STRATO__PRODUCER_CLOSED;
            p->open_err = err;
            s->progress++;
        } else if (rq == p->need_rq && p->need_until_us) {
            need_answered(s, p, err);
        }
        return;
    }
    if (!is_index)
        return;
    strato__producer_refuse(s, p, h->i, n, err, h->detail);
}
