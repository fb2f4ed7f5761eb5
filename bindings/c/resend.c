/*
 * resend.c - what becomes of unconfirmed messages when the session goes on, or begins anew.
 *
 * SPDX-License-Identifier: MIT
 */
#include "bindings/c/producer.h"

#include "bindings/c/unconfirmed.h"

enum { RESEND_NEED_MS = 60000 }; /* nobody waits for what is sent again, so its need waits long */

/* Some envelopes of an undecided frame under the new session epoch. A copy: libzmq may still read the old frame. */
static int resend_frame(struct strato__session *s, struct strato__producer *p, const struct strato__unconfirmed *u,
                        uint32_t skip, uint32_t count, struct strato_bytes envelopes)
{
    struct strato_writer w = { 0 };
    struct strato__call call = u->call;
    struct strato__buffer *buffer = NULL;
    int rc = strato__outbox_reserve(&s->out, u->attachments_count + 1);

    call.rq += skip;
    strato__producer_header(s, p, &call, u->first + skip, count, &w);
    strato_writer_raw(&w, envelopes);
    if (rc == 0)
        rc = strato_writer_error(&w);
    if (rc == 0)
        buffer = strato__buffer_new(w.data, w.bytes, w.data, NULL, NULL);
    if (!buffer) {
        strato_writer_fini(&w);
        return rc < 0 ? rc : STRATO_ENOMEM;
    }
    strato__outbox_take(&s->out, &buffer, u->attachments_count > 0);
    for (uint32_t i = 0; i < u->attachments_count; i++) {
        struct strato__buffer *part = strato__buffer_hold(u->attachments[i]);

        strato__outbox_take(&s->out, &part, i + 1 < u->attachments_count);
    }
    return 0;
}

/* How many envelopes from index credit.sent on have credit; their bytes. The first one's size in ret_first. */
static uint32_t spendable(struct strato__producer *p, const struct strato__unconfirmed *u, uint32_t skip,
                          struct strato_bytes *ret_envelopes, uint64_t *ret_first)
{
    struct strato_credit_sender credit = p->credit;
    struct strato_cursor c =
        strato_cursor_over(strato_bytes(u->buffer->data + u->envelopes_at, u->buffer->bytes - u->envelopes_at));
    uint32_t count = 0;

    for (uint32_t i = 0; i < skip; i++)
        (void)strato_cursor_skip(&c); /* our own encoding */
    ret_envelopes->data = c.at;
    while (skip + count < u->count) {
        const uint8_t *from = c.at;
        uint64_t bytes, index;

        if (strato_cursor_skip(&c) < 0)
            break;
        bytes = (uint64_t)(c.at - from);
        for (uint32_t i = 0; i < u->attachments_count; i++)
            bytes += u->attachments[i]->bytes;
        if (count == 0)
            *ret_first = bytes;
        if (strato_credit_sender_spend(&credit, bytes, &index) < 0) {
            c.at = from;
            break;
        }
        count++;
    }
    ret_envelopes->bytes = (size_t)(c.at - ret_envelopes->data);
    p->credit = count ? credit : p->credit;
    return count;
}

void strato__producer_resend(struct strato__session *s, struct strato__producer *p)
{
    while (s->state == STRATO__OPEN && p->credit.sent < p->next_index) {
        struct strato_credit_sender before = p->credit;
        struct strato__unconfirmed *u = strato__unconfirmed_find(p, p->credit.sent);
        struct strato_bytes envelopes;
        uint64_t first_bytes = 0;
        uint32_t skip = (uint32_t)(p->credit.sent - u->first), count = spendable(p, u, skip, &envelopes, &first_bytes);
        int rc;

        rc = count ? resend_frame(s, p, u, skip, count, envelopes)
                   : strato__producer_need(s, p, first_bytes, RESEND_NEED_MS);
        if (rc < 0) {
            p->credit = before;
            s->resend_at_us = s->now_us + STRATO__RESEND_PAUSE_US; /* out of memory now */
        }
        if (rc < 0 || count == 0)
            return;
    }
}

/* Refusals that the broken connection may have kept from us. A refusal comes before the credit that confirms its index, so
 * those below what we knew to be accepted were told. */
static void take_refusals(struct strato__session *s, struct strato__producer *p, struct strato_bytes refused)
{
    struct strato_cursor c = strato_cursor_over(refused);
    uint64_t known = p->credit.accepted, i, n, code;
    uint32_t items, three;

    if (refused.bytes == 0 || strato_cursor_array(&c, UINT32_MAX, &items) < 0)
        return;
    while (items-- > 0 && strato_cursor_array(&c, 3, &three) == 0 && three == 3 &&
           strato_cursor_u64(&c, UINT64_MAX, &i) == 0 && strato_cursor_u64(&c, UINT32_MAX, &n) == 0 &&
           strato_cursor_u64(&c, INT32_MAX, &code) == 0) {
        uint64_t end = i + n;

        if (i < known)
            i = known;
        if (i < end && end <= p->next_index)
            strato__producer_refuse(s, p, i, end - i, -(int)code, strato_text("refused while the connection broke"));
    }
}

void strato__producer_resume(struct strato__session *s, struct strato__producer *p, const struct strato__resume *n)
{
    struct strato__buffer *buffer;
    uint64_t resend;

    p->need_until_us = 0;
    p->answers++;
    p->answer_err = STRATO_EAGAIN;
    s->progress++;
    if (p->state == STRATO__PRODUCER_OPENING) { /* the broker has opened it; its answer was lost with the connection */
        p->state = STRATO__PRODUCER_READY;
        p->open_err = 0;
        p->is_credited = true;
        p->is_durable = n->is_durable;
        strato_credit_sender_open(&p->credit, 0, n->limit, n->limit_bytes);
        return;
    }
    if (p->state != STRATO__PRODUCER_READY || !p->is_credited)
        return;
    take_refusals(s, p, n->refused);
    /* During an earlier resume `sent` may be behind what the broker had accepted before. */
    p->credit.sent = p->next_index;
    if (strato_credit_sender_resume(&p->credit, n->accepted, n->accepted_bytes, n->limit, n->limit_bytes, &resend) <
        0) {
        strato__producer_restart(s, p);
        return;
    }
    if (p->gather.count) { /* its credit is void as well: it joins those that are sent again */
        if (strato__producer_close(s, p, &buffer) < 0) {
            strato__session_lost(s);
            return;
        }
        strato__buffer_drop(buffer);
    }
    strato__unconfirmed_confirm(p, p->credit.accepted);
    strato__producer_resend(s, p);
}

void strato__producer_restart(struct strato__session *s, struct strato__producer *p)
{
    uint64_t lost = p->next_index - strato__producer_confirmed(p);

    strato__unconfirmed_clear(p);
    strato__gather_fini(&p->gather);
    for (struct strato__watch *watch = p->watches; watch; watch = watch->next)
        watch->is_lost = true;
    s->counters.unconfirmed += lost;
    if (lost && s->flush_err == 0)
        s->flush_err = STRATO_EEPOCH;
    p->sent_before += p->next_index;
    p->accepted_before += strato__producer_confirmed(p);
    p->next_index = 0;
    p->credit = (struct strato_credit_sender){ 0 };
    p->need_until_us = 0;
    p->answers++;
    p->answer_err = STRATO_EAGAIN;
    p->state = STRATO__PRODUCER_CLOSED;
    p->open_err = 0;
    s->progress++;
}
