/*
 * credit_sender.c - the client's end of credit: spend, ask, give back.
 *
 * SPDX-License-Identifier: MIT
 */
#include "core/credit.h"

static void settle_state(struct strato_credit_sender *s)
{
    s->state = s->sent < s->limit ? STRATO_CREDIT_FLOW : STRATO_CREDIT_DRY;
}

void strato_credit_sender_open(struct strato_credit_sender *s, uint32_t window_max, uint64_t limit,
                               uint64_t limit_bytes)
{
    *s = (struct strato_credit_sender){ .limit = limit,
                                        .limit_bytes = limit_bytes,
                                        .window = 1,
                                        .window_max = window_max ? window_max : STRATO_CREDIT_WINDOW_MAX };
    settle_state(s);
}

int strato_credit_sender_spend(struct strato_credit_sender *s, uint64_t bytes, uint64_t *ret_index)
{
    if (s->state != STRATO_CREDIT_FLOW && s->state != STRATO_CREDIT_DRY)
        return STRATO_ESTATE;
    if (!strato_credit_sender_may(s, bytes))
        return STRATO_EAGAIN;
    *ret_index = s->sent++;
    s->sent_bytes += bytes;
    settle_state(s);
    return 0;
}

bool strato_credit_sender_need(struct strato_credit_sender *s, uint64_t bytes, uint64_t *ret_upto,
                               uint64_t *ret_upto_bytes)
{
    bool lacks = !strato_credit_sender_may(s, bytes);
    uint64_t left = s->limit - s->sent, upto, upto_bytes = 0;

    if (s->state != STRATO_CREDIT_FLOW && s->state != STRATO_CREDIT_DRY)
        return false;
    if (!lacks && (s->window < 4 || left > s->window / 2))
        return false;
    if (bytes > s->limit_bytes - s->sent_bytes)
        upto_bytes = s->sent_bytes + bytes;
    /* A need that is still open covers this one if it reaches as far. */
    if (s->asked_upto > s->sent && s->asked_upto_bytes >= upto_bytes)
        return false;
    upto = s->sent + s->window;
    if (upto <= s->limit && !upto_bytes)
        return false;
    if (s->window < s->window_max)
        s->window = s->window > s->window_max / 2 ? s->window_max : s->window * 2;
    s->asked_upto = *ret_upto = upto;
    s->asked_upto_bytes = *ret_upto_bytes = upto_bytes;
    return true;
}

void strato_credit_sender_credit(struct strato_credit_sender *s, uint64_t limit, uint64_t limit_bytes,
                                 uint64_t accepted, uint64_t durable)
{
    if (s->state != STRATO_CREDIT_FLOW && s->state != STRATO_CREDIT_DRY)
        return;
    if (limit > s->limit || limit_bytes > s->limit_bytes) {
        s->limit = limit > s->limit ? limit : s->limit;
        s->limit_bytes = limit_bytes > s->limit_bytes ? limit_bytes : s->limit_bytes;
        if (s->limit_bytes >= s->asked_upto_bytes)
            s->asked_upto = s->asked_upto_bytes = 0; /* answered; the rest is asked for when it is wanted */
    }
    s->accepted = accepted > s->accepted && accepted <= s->sent ? accepted : s->accepted;
    s->durable = durable > s->durable && durable <= s->sent ? durable : s->durable;
    settle_state(s);
}

void strato_credit_sender_full(struct strato_credit_sender *s)
{
    s->asked_upto = s->asked_upto_bytes = 0;
    s->window = 1; /* the channel is full: ask for little until it flows again */
}

bool strato_credit_sender_cancel(struct strato_credit_sender *s, uint64_t *ret_upto)
{
    bool was_asked = s->asked_upto > 0;

    s->asked_upto = s->asked_upto_bytes = 0;
    *ret_upto = s->sent;
    return was_asked && (s->state == STRATO_CREDIT_FLOW || s->state == STRATO_CREDIT_DRY);
}

void strato_credit_sender_revoke(struct strato_credit_sender *s, uint64_t *ret_sent, uint64_t *ret_sent_bytes)
{
    s->limit = *ret_sent = s->sent;
    s->limit_bytes = *ret_sent_bytes = s->sent_bytes;
    s->asked_upto = s->asked_upto_bytes = 0; /* the broker dropped the demand with the revoke */
    s->window = 1;
    if (s->state == STRATO_CREDIT_FLOW)
        s->state = STRATO_CREDIT_DRY;
}

void strato_credit_sender_lost(struct strato_credit_sender *s)
{
    s->asked_upto = s->asked_upto_bytes = 0;
    if (s->state != STRATO_CREDIT_CLOSED)
        s->state = STRATO_CREDIT_LOST;
}

int strato_credit_sender_resume(struct strato_credit_sender *s, uint64_t accepted, uint64_t accepted_bytes,
                                uint64_t limit, uint64_t limit_bytes, uint64_t *ret_resend)
{
    if (accepted > s->sent || accepted < s->accepted || limit < accepted || limit_bytes < accepted_bytes)
        return STRATO_EPROTO;
    *ret_resend = s->sent - accepted;
    s->sent = s->accepted = accepted;
    s->sent_bytes = accepted_bytes;
    s->limit = limit;
    s->limit_bytes = limit_bytes;
    s->asked_upto = s->asked_upto_bytes = 0;
    s->window = 1;
    settle_state(s);
    return 0;
}
