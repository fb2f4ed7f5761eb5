/*
 * receipt.c - see receipt.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/brain/receipt.h"

#include <stdlib.h>

#include "broker/brain/state.h"

struct receipt {
    struct receipt *next;
    struct strato_writer w;
};

static const char *outcome_of(enum channel_end end)
{
    static const char *const names[] = { [CHANNEL_SETTLED] = "settled",
                                         [CHANNEL_EXPIRED] = "expired",
                                         [CHANNEL_DEAD] = "dead",
                                         [CHANNEL_DROPPED] = "dropped" };

    return names[end];
}

static const char *reason_of(enum channel_end end, int why)
{
    if (end == CHANNEL_DEAD)
        return deadletter_reason_name((enum deadletter_reason)why);
    return end == CHANNEL_DROPPED ? channel_drop_name((enum channel_drop)why) : NULL;
}

static void write_receipt(struct answer *a, struct channel *ch, const struct message *m, enum channel_end end, int why)
{
    struct message_stamps stamps = channel_stamps(ch);
    const char *reason = reason_of(end, why);

    answer_channel(a, ch, 0);
    strato_header_key(&a->header, "id");
    message_write_id(m, &stamps, &a->w);
    strato_header_str(&a->header, "outcome", strato_text(outcome_of(end)));
    if (reason)
        strato_header_str(&a->header, "reason", strato_text(reason));
    strato_header_u64(&a->header, "attempts",
                      m->attempts + (end == CHANNEL_SETTLED ? 1U : 0U)); /* with the one that did it */
}

/* ---- the queue ---- */

static void enqueue(struct session *session, struct strato_writer *w)
{
    struct receipts *r = &session->receipts;
    struct receipt *receipt;

    receipt = r->count < SESSION_RECEIPTS_MAX && strato_writer_error(w) == 0 ? malloc(sizeof(*receipt)) : NULL;
    if (!receipt) {
        session->brain->receipts_dropped++;
        strato_writer_fini(w);
        return;
    }
    *receipt = (struct receipt){ .w = *w };
    *w = (struct strato_writer){ 0 };
    r->count++;
    *(r->tail ? &r->tail->next : &r->head) = receipt;
    r->tail = receipt;
}

static struct receipt *pop(struct session *session)
{
    struct receipts *r = &session->receipts;
    struct receipt *receipt = r->head;

    r->head = receipt->next;
    if (!r->head)
        r->tail = NULL;
    r->count--;
    return receipt;
}

void receipt_tell(struct channel *ch, const struct message *m, enum channel_end end, int why)
{
    struct session *session = m->sender->session;
    struct answer a;

    if ((m->flags & MESSAGE_CALL) || m->sender->session_number == 0)
        return;
    if (!session) {
        ch->brain->receipts_dropped++;
        return;
    }
    answer_begin(&a, ch->brain, session->peer, "receipt", NULL);
    write_receipt(&a, ch, m, end, why);
    strato_header_end(&a.header);
    if (!channel_is_kept(ch) || !confirm_hold_receipt(&a, m->sender))
        receipt_deliver(session, &a.w);
}

void receipt_deliver(struct session *session, struct strato_writer *w)
{
    if (session->receipts.count || !session_is_open(session))
        enqueue(session, w);
    else
        outbox_send(session->brain, session->peer, w, NULL, 0);
}

void receipts_send(struct session *session)
{
    while (session_is_open(session) && session->receipts.head) {
        struct receipt *receipt = pop(session);

        outbox_send(session->brain, session->peer, &receipt->w, NULL, 0);
        free(receipt);
    }
}

void receipts_drop(struct session *session)
{
    while (session->receipts.head) {
        struct receipt *receipt = pop(session);

        session->brain->receipts_dropped++;
        strato_writer_fini(&receipt->w);
        free(receipt);
    }
}
