/*
 * request.c - the table of open questions and the queue of results.
 *
 * SPDX-License-Identifier: MIT
 */
#include "bindings/c/request.h"

#include <stdlib.h>

enum {
    /* The broker ends a call at its deadline; the client a little later, so that its word is heard first. */
    DEADLINE_GRACE_US = 50 * 1000,
};

bool strato__rq_number(struct strato_bytes raw, uint64_t *ret_rq)
{
    struct strato_cursor c = strato_cursor_over(raw);

    return raw.bytes > 0 && strato_cursor_u64(&c, UINT64_MAX, ret_rq) == 0;
}

static struct strato__ask *ask_of(struct strato__session *s, uint64_t rq)
{
    struct strato__ask *ask = s->asks[rq & (STRATO__ASKS_MAX - 1)];

    return ask && ask->rq == rq ? ask : NULL;
}

struct strato__ask *strato__ask_find(struct strato__session *s, struct strato_bytes rq_raw)
{
    uint64_t rq;

    return strato__rq_number(rq_raw, &rq) ? ask_of(s, rq) : NULL;
}

int strato__ask_new(struct strato__session *s, enum strato__ask_kind kind, struct strato__ask **ret_ask)
{
    struct strato__ask *ask;

    if (kind != STRATO__ASK_QUESTION && s->calls_count >= STRATO__CALLS_MAX)
        return STRATO_ELIMIT;
    if (s->asks_count >= STRATO__ASKS_MAX - 1)
        return STRATO_ELIMIT;
    ask = calloc(1, sizeof *ask);
    if (!ask)
        return STRATO_ENOMEM;
    while (s->asks[s->rq_next & (STRATO__ASKS_MAX - 1)])
        s->rq_next++; /* that place is taken by an older question that still waits */
    ask->rq = s->rq_next++;
    ask->kind = kind;
    s->asks[ask->rq & (STRATO__ASKS_MAX - 1)] = ask;
    s->asks_count++;
    s->calls_count += kind != STRATO__ASK_QUESTION;
    *ret_ask = ask;
    return 0;
}

void strato__ask_free(struct strato__session *s, struct strato__ask **ask)
{
    struct strato__ask *a = *ask;

    if (!a)
        return;
    *ask = NULL;
    s->asks[a->rq & (STRATO__ASKS_MAX - 1)] = NULL;
    s->asks_count--;
    s->calls_count -= a->kind != STRATO__ASK_QUESTION;
    strato__inbound_drop(a->answer);
    if (a->reply)
        strato__message_free(NULL, a->reply);
    strato__name_drop(a->channel);
    free(a);
}

void strato__asks_fini(struct strato__session *s)
{
    struct strato__result result;

    for (uint32_t i = 0; i < STRATO__ASKS_MAX; i++) {
        struct strato__ask *ask = s->asks[i];

        strato__ask_free(s, &ask);
    }
    while (strato__result_pop(s, &result))
        if (result.reply)
            strato__message_free(NULL, result.reply);
    free(s->results);
    s->results = NULL;
}

/* ---- results ------------------------------------------------------------------------------------- */

static int result_push(struct strato__session *s, struct strato__result result)
{
    uint32_t capacity = s->results_capacity ? s->results_capacity * 2 : 64;
    struct strato__result *ring;

    if (s->results_count == s->results_capacity) {
        if (s->results_count >= STRATO__RESULTS_MAX)
            return STRATO_ELIMIT;
        ring = calloc(capacity, sizeof *ring);
        if (!ring)
            return STRATO_ENOMEM;
        for (uint32_t i = 0; i < s->results_count; i++)
            ring[i] = s->results[(s->results_head + i) & (s->results_capacity - 1)];
        free(s->results);
        s->results = ring;
        s->results_head = 0;
        s->results_capacity = capacity;
    }
    s->results[(s->results_head + s->results_count++) & (s->results_capacity - 1)] = result;
    s->arrivals++;
    s->progress++;
    return 0;
}

bool strato__result_pop(struct strato__session *s, struct strato__result *ret_result)
{
    if (s->results_count == 0)
        return false;
    *ret_result = s->results[s->results_head];
    s->results_head = (s->results_head + 1) & (s->results_capacity - 1);
    s->results_count--;
    return true;
}

/* A started request is over, or partly: into the queue with it. The last slot is kept for endings. */
static void result_deliver(struct strato__session *s, struct strato__ask *ask, struct strato_message *reply, bool more,
                           int err)
{
    int rc = 0;

    if (more && s->results_count + s->calls_count >= STRATO__RESULTS_MAX)
        rc = STRATO_ELIMIT; /* partial answers that nobody fetches end the request: nothing grows, nothing is silent */
    if (rc == 0)
        rc = result_push(s, (struct strato__result){ ask->rq, err, more, reply });
    if (rc < 0) {
        if (reply)
            strato__message_free(NULL, reply);
        (void)result_push(s, (struct strato__result){ ask->rq, rc, false, NULL });
        more = false;
    }
    if (!more)
        strato__ask_free(s, &ask);
}

void strato__ask_fail(struct strato__session *s, struct strato__ask *ask, int err)
{
    if (ask->kind == STRATO__ASK_STARTED) {
        result_deliver(s, ask, NULL, false, err);
        return;
    }
    if (ask->is_done)
        return;
    ask->is_done = true;
    ask->err = err;
    s->progress++;
}

void strato__asks_restart(struct strato__session *s)
{
    for (uint32_t i = 0; i < STRATO__ASKS_MAX; i++)
        if (s->asks[i])
            strato__ask_fail(s, s->asks[i], STRATO_EEPOCH);
}

void strato__asks_tick(struct strato__session *s)
{
    uint64_t due = STRATO__NEVER;

    if (s->now_us < s->asks_due_us)
        return;
    for (uint32_t i = 0; i < STRATO__ASKS_MAX; i++) {
        struct strato__ask *ask = s->asks[i];

        if (!ask || ask->deadline_us == 0 || ask->is_done)
            continue;
        if (s->now_us >= ask->deadline_us)
            strato__ask_fail(s, ask, STRATO_ETIMEOUT);
        else if (ask->deadline_us < due)
            due = ask->deadline_us;
    }
    s->asks_due_us = due;
}

/* ---- calling ------------------------------------------------------------------------------------- */

int strato__request_start(struct strato__session *s, struct strato__producer *p, const struct strato_send *message,
                          const struct strato_request_options *options, enum strato__ask_kind kind,
                          struct strato__ask **ret_ask)
{
    struct strato__call call = { .is_call = true,
                                 .deadline_ms = (uint32_t)options->timeout_ms,
                                 .wait_responder_ms = options->wait_responder_ms,
                                 .idempotent = options->idempotent };
    struct strato__ask *ask = NULL;
    int rc;

    if (p->is_credited && p->credit.sent >= p->credit.limit)
        return STRATO_EAGAIN;
    rc = strato__ask_new(s, kind, &ask);
    if (rc < 0)
        return rc;
    call.rq = ask->rq;
    ask->channel = strato__name_hold(p->name);
    ask->deadline_us = s->now_us + call.deadline_ms * 1000ULL + DEADLINE_GRACE_US;
    rc = strato__producer_send(s, p, message, &call, NULL);
    if (rc < 0) {
        strato__ask_free(s, &ask);
        return rc;
    }
    if (ask->deadline_us < s->asks_due_us)
        s->asks_due_us = ask->deadline_us;
    *ret_ask = ask;
    return 0;
}

int strato__request_cancel(struct strato__session *s, struct strato__ask *ask)
{
    struct strato_writer w = { 0 };
    struct strato_header_writer hw;

    if (s->state != STRATO__OPEN)
        return 0;             /* the session it belonged to will not bring an answer that anybody waits for */
    strato__session_flush(s); /* a cancel must not overtake its call */
    strato_header_begin(&hw, &w, "cancel");
    strato_header_str(&hw, "ch", strato__name_bytes(ask->channel));
    strato_header_u64(&hw, "rq", ask->rq);
    strato_header_end(&hw);
    return strato__session_send(s, &w);
}

static void result_one(struct strato__session *s, struct strato__ask *ask, struct strato_message *reply, bool more)
{
    reply->kind = STRATO_MESSAGE_REPLY;
    strato__name_drop(reply->channel);
    reply->channel = strato__name_hold(ask->channel);
    if (ask->kind == STRATO__ASK_STARTED) {
        result_deliver(s, ask, reply, more, 0);
        return;
    }
    if (more || ask->is_done) {
        strato__message_free(NULL, reply); /* who waits for one answer gets the last one */
        return;
    }
    ask->is_done = true;
    ask->reply = reply;
    s->progress++;
}

void strato__request_on_result(struct strato__session *s, const struct strato_header *h, struct strato_cursor at,
                               struct strato__inbound *inbound)
{
    struct strato_cursor marks = strato_cursor_over(h->n > 1 ? h->rqs : h->rq);
    uint32_t items = 1, attachments_at = 0;
    struct strato__name *nameless = strato__name_new("");
    int rc = nameless ? 0 : STRATO_ENOMEM;

    if (rc == 0 && (h->n > 1 || !h->rq.bytes)) {
        marks = strato_cursor_over(h->rqs);
        rc = strato_cursor_array(&marks, STRATO_ENVELOPES_MAX, &items);
        if (rc == 0 && items != h->n)
            rc = STRATO_EFRAME;
    }
    while (rc == 0 && items-- > 0) {
        struct strato_message *reply;
        struct strato__ask *ask;
        uint64_t rq;

        rc = strato_cursor_u64(&marks, UINT64_MAX, &rq);
        if (rc == 0)
            rc = strato__message_decode(NULL, inbound, &at, &attachments_at, nameless, &reply);
        if (rc < 0)
            break;
        ask = ask_of(s, rq);
        if (ask && ask->kind != STRATO__ASK_QUESTION) {
            result_one(s, ask, reply, h->more);
        } else {
            s->counters.late++;
            strato__message_free(NULL, reply);
        }
    }
    strato__name_drop(nameless);
    if (rc < 0 && rc != STRATO_ENOMEM)
        strato__session_malformed(s, "a result does not fit its frame");
}

bool strato__request_on_answer(struct strato__session *s, struct strato__ask *ask, const struct strato_header *h,
                               struct strato_cursor at, struct strato__inbound *inbound)
{
    if (ask->kind != STRATO__ASK_QUESTION && h->opcode == STRATO_OP_err) {
        strato__ask_fail(s, ask, -(int)h->code);
        return true;
    }
    if (ask->kind != STRATO__ASK_QUESTION || ask->is_done)
        return false;
    if (h->opcode == STRATO_OP_err) {
        strato__ask_fail(s, ask, -(int)h->code);
        return true;
    }
    ask->answer = strato__inbound_hold(inbound);
    ask->header = *h;
    ask->rest = at;
    ask->is_done = true;
    s->progress++;
    return true;
}
