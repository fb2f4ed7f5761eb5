/*
 * api_send.c - strato_send, its confirmed twin, flush, receipts and the numbers of a produced channel.
 *
 * SPDX-License-Identifier: MIT
 */
#include "bindings/c/receipt.h"
#include "bindings/c/slot.h"

#include "bindings/c/net/clock.h"

enum { CLOCK_EVERY = 8 }; /* sends between two looks at the clock while a frame is being gathered */

static int put(struct strato_client *c, struct strato__producer *p, void *arg)
{
    struct strato__put *put = arg;

    return strato__producer_send(&c->session, p, put->message, NULL, &put->index);
}

/* As strato__enter, but a burst does not read the clock for every message. */
static void enter_fast(struct strato_client *c)
{
    if (!c->own_thread) {
        if (c->session.has_pending && ++c->clock_skipped < CLOCK_EVERY)
            return;
        c->clock_skipped = 0;
    }
    strato__enter(c);
}

int strato_send(strato_client *c, const struct strato_send *message, int timeout_ms)
{
    struct strato__put args = { .message = message };
    int rc = strato__message_check(message);

    if (rc < 0)
        return rc;
    enter_fast(c);
    rc = strato__slot(c, message->channel, timeout_ms, put, &args);
    if (rc == 0)
        strato__session_gathered(&c->session);
    strato__leave(c);
    return rc;
}

static void watch_add(struct strato__producer *p, struct strato__watch *watch)
{
    watch->next = p->watches;
    p->watches = watch;
}

static void watch_remove(struct strato__producer *p, const struct strato__watch *watch)
{
    struct strato__watch **at = &p->watches;

    while (*at != watch)
        at = &(*at)->next;
    *at = watch->next;
}

int strato_send_confirmed(strato_client *c, const struct strato_send *message, int timeout_ms)
{
    struct strato__put args = { .message = message };
    struct strato__producer *p = NULL;
    struct strato__watch watch = { 0 };
    uint64_t deadline;
    int rc = strato__message_check(message);

    if (rc < 0)
        return rc;
    strato__enter(c);
    deadline = strato__deadline(c, timeout_ms);
    rc = strato__slot(c, message->channel, timeout_ms, put, &args);
    if (rc == 0)
        rc = strato__producer_find(&c->session, message->channel, &p);
    if (rc == 0) {
        watch.index = args.index;
        watch_add(p, &watch);
        strato__session_flush(&c->session);
        while (rc == 0 && !watch.is_lost && watch.err == 0 && strato__producer_confirmed(p) <= watch.index)
            rc = c->session.state == STRATO__ENDED ? c->session.end_err : strato__wait(c, deadline);
        watch_remove(p, &watch);
        if (rc == 0)
            rc = watch.err < 0 ? watch.err : watch.is_lost ? STRATO_EEPOCH : 0;
    }
    strato__leave(c);
    return rc;
}

static bool all_confirmed(const struct strato_client *c)
{
    for (const struct strato__producer *p = c->session.producers_list; p; p = p->next)
        if (strato__producer_confirmed(p) < p->next_index)
            return false;
    return true;
}

/* Settles have no confirmation of their own, but the broker reads a session's frames in order: an answered
 * ping that asks for confirmation means that everything before it was recorded, on durable channels on disk. */
static int settle_barrier(struct strato_client *c, uint64_t deadline)
{
    struct strato__ask *ask = NULL;
    struct strato_writer w = { 0 };
    struct strato_header_writer hw;
    int rc = strato__ask_new(&c->session, STRATO__ASK_QUESTION, &ask);

    if (rc < 0)
        return rc;
    c->session.settles_unproven = false;
    strato_header_begin(&hw, &w, "ping");
    strato_header_bool(&hw, "confirm", true);
    strato_header_u64(&hw, "rq", ask->rq);
    strato_header_end(&hw);
    rc = strato__session_send(&c->session, &w);
    if (rc == 0)
        rc = strato__wait_answer(c, ask, deadline);
    strato__ask_free(&c->session, &ask);
    if (rc < 0)
        c->session.settles_unproven = true;
    return rc;
}

int strato_flush(strato_client *c, int timeout_ms)
{
    struct strato__session *s = &c->session;
    uint64_t deadline;
    int rc = 0;

    strato__enter(c);
    deadline = strato__deadline(c, timeout_ms);
    strato__session_flush(s);
    while (rc == 0 && !all_confirmed(c))
        rc = s->state == STRATO__ENDED ? s->end_err : strato__wait(c, deadline);
    if (rc == 0 && s->settles_unproven) {
        rc = strato__wait_open(c, deadline);
        if (rc == 0) {
            strato__session_flush(s);
            rc = settle_barrier(c, deadline);
        }
    }
    if (rc == 0) {
        rc = s->flush_err;
        s->flush_err = 0;
    }
    strato__leave(c);
    return rc;
}

int strato_receipt_next(strato_client *c, int timeout_ms, struct strato_receipt *ret_receipt)
{
    struct strato__session *s = &c->session;
    uint64_t deadline;
    int rc = 0;

    strato__enter(c);
    deadline = strato__deadline(c, timeout_ms);
    if (s->receipts_count == 0) {
        strato__session_flush(s); /* what it waits for may still be gathered */
        if (!c->own_thread)
            strato__drive_pump(c);
    }
    while (rc == 0 && !strato__receipt_pop(s, ret_receipt)) {
        if (s->state == STRATO__ENDED)
            rc = s->end_err;
        else if (strato__wait(c, deadline) < 0)
            rc = STRATO_EEMPTY;
    }
    strato__leave(c);
    return rc;
}

int strato_send_stats(strato_client *c, const char *channel, struct strato_send_stats *ret_stats)
{
    struct strato__producer *p;
    int rc = 0;

    if (!channel)
        return STRATO_EINVAL;
    strato__enter(c);
    p = strato__producer_of(&c->session, strato_text(channel));
    if (p)
        *ret_stats = (struct strato_send_stats){
            .sent = p->sent_before + p->next_index,
            .accepted = p->accepted_before + strato__producer_confirmed(p),
            .refused = p->refused,
            .limit = p->credit.limit,
        };
    else
        rc = STRATO_ENOENT;
    strato__leave(c);
    return rc;
}
