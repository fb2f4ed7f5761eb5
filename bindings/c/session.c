/*
 * session.c - connect, hello, liveness, and which part of the session a frame belongs to.
 *
 * SPDX-License-Identifier: MIT
 */
#include "bindings/c/session.h"

#include "bindings/c/producer.h"
#include "bindings/c/receipt.h"
#include "bindings/c/request.h"
#include "bindings/c/stream.h"
#include "bindings/c/welcome.h"

#include <stdlib.h>

enum { HELLO_US = 5 * 1000000 }; /* a broker that has not welcomed us by then gets a new connection */

/* ---- life ---------------------------------------------------------------------------------------- */

static int copy_caps(struct strato__session *s, const struct strato_client_options *o)
{
    if (o->caps_count == 0)
        return 0;
    s->caps = calloc(o->caps_count, sizeof *s->caps);
    if (!s->caps)
        return STRATO_ENOMEM;
    for (uint32_t i = 0; i < o->caps_count; i++) {
        s->caps[i] = strdup(o->caps[i]);
        if (!s->caps[i])
            return STRATO_ENOMEM;
        s->caps_count++;
    }
    return 0;
}

int strato__session_init(struct strato__session *s, const struct strato_client_options *o, uint64_t seed)
{
    *s = (struct strato__session){ .reconnect_at_us = STRATO__NEVER,
                                   .asks_due_us = STRATO__NEVER,
                                   .resend_at_us = STRATO__NEVER,
                                   .rq_next = 1,
                                   .no_batching = o->no_batching };
    if ((o->agent && strlen(o->agent) > STRATO_NAME_BYTES_MAX) || (o->hb_ms && (o->hb_ms < 1000 || o->hb_ms > 60000)) ||
        o->caps_count > 256)
        return STRATO_EINVAL;
    s->hb_us = (o->hb_ms ? o->hb_ms : 5000) * 1000ULL;
    strato__backoff_init(&s->backoff, o->reconnect_ms ? o->reconnect_ms : 100,
                         o->reconnect_max_ms ? o->reconnect_max_ms : 5000, seed);
    s->agent_wanted = o->agent ? strdup(o->agent) : NULL;
    s->kind = strdup(o->kind ? o->kind : "agent");
    s->flight = strato__flight_new();
    s->notices = calloc(STRATO__NOTICES_MAX, sizeof *s->notices);
    if ((o->agent && !s->agent_wanted) || !s->kind || !s->flight || !s->notices || copy_caps(s, o) < 0) {
        strato__session_fini(s);
        return STRATO_ENOMEM;
    }
    return 0;
}

void strato__session_fini(struct strato__session *s)
{
    strato__streams_fini(s);
    strato__asks_fini(s);
    strato__receipts_fini(s);
    strato__producers_fini(s);
    strato__outbox_fini(&s->out);
    strato__message_pool_fini(&s->pool);
    strato__flight_drop(s->flight);
    for (uint32_t i = 0; i < s->caps_count; i++)
        free(s->caps[i]);
    free(s->caps);
    free(s->agent_wanted);
    free(s->kind);
    free(s->notices);
    *s = (struct strato__session){ 0 };
}

/* ---- telling people ------------------------------------------------------------------------------ */

static void text_copy(char *to, size_t capacity, struct strato_bytes text)
{
    size_t bytes = text.bytes < capacity - 1 ? text.bytes : capacity - 1;

    if (bytes)
        memcpy(to, text.data, bytes);
    to[bytes] = '\0';
}

void strato__session_detail(struct strato__session *s, struct strato_bytes detail)
{
    text_copy(s->detail, sizeof s->detail, detail);
}

void strato__session_notice(struct strato__session *s, enum strato_client_event event, int err,
                            struct strato_bytes detail)
{
    struct strato__notice *n;

    if (s->notices_count == STRATO__NOTICES_MAX) {
        s->counters.notices_lost++;
        return;
    }
    n = &s->notices[(s->notices_head + s->notices_count++) % STRATO__NOTICES_MAX];
    n->event = event;
    n->err = err;
    text_copy(n->detail, sizeof n->detail, detail);
}

void strato__session_refused(struct strato__session *s, int err, uint64_t count, struct strato_bytes detail)
{
    s->counters.refused += count;
    if (s->flush_err == 0)
        s->flush_err = err;
    strato__session_detail(s, detail);
    strato__session_notice(s, STRATO_CLIENT_REFUSED, err, detail);
    s->progress++;
}

/* ---- sending ------------------------------------------------------------------------------------- */

int strato__session_send(struct strato__session *s, struct strato_writer *header)
{
    struct strato__buffer *buffer = NULL;
    int rc = strato_writer_error(header);

    if (rc == 0)
        rc = strato__outbox_reserve(&s->out, 1);
    if (rc == 0) {
        buffer = strato__buffer_new(header->data, header->bytes, header->data, NULL, NULL);
        rc = buffer ? 0 : STRATO_ENOMEM;
    }
    if (rc < 0) {
        strato_writer_fini(header);
        return rc;
    }
    *header = (struct strato_writer){ 0 };
    strato__outbox_take(&s->out, &buffer, false);
    return 0;
}

void strato__session_flush(struct strato__session *s)
{
    if (s->state != STRATO__OPEN)
        return;
    s->has_pending = false;
    s->flushed_us = s->now_us;
    s->flushed_messages = 0;
    for (uint32_t i = 1; i <= s->streams_top; i++)
        if (s->streams[i])
            strato__stream_flush(s, s->streams[i]);
    for (struct strato__producer *p = s->producers_list; p; p = p->next) {
        s->flushed_messages += p->gather.count;
        if (p->gather.count && strato__producer_flush(s, p) < 0)
            s->has_pending = true;
    }
}

/* Does the application send so fast that it will be back before anybody misses the rest? */
static bool is_burst(struct strato__session *s)
{
    if (!s->is_inline)
        return true;
    s->burst = s->now_us - s->gathered_us > STRATO__BURST_US ? 0 : s->burst + (s->burst < STRATO__BURST);
    s->gathered_us = s->now_us;
    return s->burst == STRATO__BURST;
}

/* Many left together a moment ago: more are coming, and a larger frame wakes fewer threads on its way. */
static bool is_flood(const struct strato__session *s)
{
    return s->flushed_messages >= STRATO__FLOOD_MESSAGES && s->now_us - s->flushed_us < STRATO__FLOOD_US;
}

void strato__session_gathered(struct strato__session *s)
{
    if (s->no_batching || !is_burst(s) || (!is_flood(s) && s->out.count == 0 && strato__flight_is_idle(s->flight))) {
        strato__session_flush(s);
    } else if (!s->has_pending) {
        s->has_pending = true;
        s->pending_since_us = s->now_us;
    } else if (s->now_us - s->pending_since_us >= STRATO__GATHER_US) {
        strato__session_flush(s);
    }
}

int strato__session_check(const struct strato__session *s)
{
    if (s->state == STRATO__OPEN)
        return 0;
    return s->state == STRATO__ENDED ? s->end_err : STRATO_EAGAIN;
}

void strato__session_say(struct strato__session *s, const char *op, struct strato_bytes t)
{
    struct strato_writer w = { 0 };
    struct strato_header_writer hw;

    strato_header_begin(&hw, &w, op);
    if (t.bytes)
        strato_header_raw(&hw, "t", t);
    strato_header_end(&hw);
    (void)strato__session_send(s, &w);
}

static void send_hello(struct strato__session *s)
{
    struct strato_writer w = { 0 };
    struct strato_header_writer hw;

    strato_header_begin(&hw, &w, "hello");
    strato_header_u64(&hw, "v", 1);
    if (s->agent_wanted)
        strato_header_str(&hw, "agent", strato_text(s->agent_wanted));
    strato_header_str(&hw, "kind", strato_text(s->kind));
    if (s->caps_count) {
        strato_header_key(&hw, "caps");
        strato_writer_array(&w, s->caps_count);
        for (uint32_t i = 0; i < s->caps_count; i++)
            strato_writer_text(&w, s->caps[i]);
    }
    if (s->token_bytes)
        strato_header_raw(&hw, "token", strato_bytes(s->token, s->token_bytes));
    strato_header_u64(&hw, "hb_ms", s->hb_us / 1000);
    strato_header_end(&hw);
    (void)strato__session_send(s, &w);
    s->state = STRATO__HELLO;
    s->hello_by_us = s->now_us + HELLO_US;
}

void strato__session_bye(struct strato__session *s)
{
    struct strato_writer w = { 0 };
    struct strato_header_writer hw;

    if (s->state == STRATO__OPEN) {
        strato_header_begin(&hw, &w, "bye");
        strato_header_end(&hw);
        (void)strato__session_send(s, &w);
    }
    s->state = STRATO__ENDED;
    s->end_err = STRATO_ECLOSED;
}

/* ---- losing and finding the broker --------------------------------------------------------------- */

void strato__session_open(struct strato__session *s, uint64_t now_us)
{
    s->now_us = now_us;
    s->state = STRATO__CONNECTING;
    s->wants_socket = true;
}

static void end(struct strato__session *s, int err)
{
    s->state = STRATO__ENDED;
    s->end_err = err;
    s->drop_socket = true;
    for (uint32_t i = 0; i < STRATO__ASKS_MAX; i++)
        if (s->asks[i])
            strato__ask_fail(s, s->asks[i], err);
    s->progress++;
    s->arrivals++;
}

void strato__session_lost(struct strato__session *s)
{
    if (s->state == STRATO__ENDED || s->state == STRATO__WAITING || s->state == STRATO__CLOSED)
        return;
    if (s->state == STRATO__OPEN)
        strato__session_notice(s, STRATO_CLIENT_DISCONNECTED, STRATO_EUNREACHABLE, strato_text(s->detail));
    s->state = STRATO__WAITING;
    s->drop_socket = true;
    s->wants_socket = false;
    s->reconnect_at_us = s->now_us + strato__backoff_next_us(&s->backoff);
    strato__outbox_clear(
        &s->out); /* puts are still among the unconfirmed, questions are failed by their callers' time */
    s->progress++;
}

void strato__session_unwelcome(struct strato__session *s)
{
    strato__session_detail(s, strato_text("the broker refuses this key (strato doctor says more)"));
    if (s->was_open)
        strato__session_lost(s); /* whoever was let in once comes back when the keys file is mended */
    else
        end(s, STRATO_EAUTH);
}

void strato__session_malformed(struct strato__session *s, const char *why)
{
    s->counters.malformed++;
    strato__session_detail(s, strato_text(why));
    strato__session_lost(s);
}

/* Say hello again on the same connection: the broker does not know this peer any more. */
static void hello_again(struct strato__session *s)
{
    if (s->state != STRATO__OPEN)
        return;
    strato__outbox_clear(&s->out);
    send_hello(s);
}

bool strato__session_err(struct strato__session *s, const struct strato_header *h)
{
    int err = -(int)h->code;

    if (s->state == STRATO__HELLO && err != STRATO_ENO_SESSION) {
        if (err == STRATO_ETOKEN || err == STRATO_EEPOCH) {
            s->token_bytes = 0;
            send_hello(s);
        } else if (!s->was_open || strato_err_retry(err) == 'n') {
            if (s->was_open && (err == STRATO_ENAME_IN_USE || err == STRATO_ELIMIT))
                strato__session_lost(s); /* our own ghost has the name, or a place of the key's: it goes away */
            else
                end(s, err);
        } else {
            strato__session_lost(s);
        }
        return true;
    }
    switch (err) {
    case STRATO_ENO_SESSION:
    case STRATO_EEPOCH:
        hello_again(s);
        return true;
    case STRATO_ESUPERSEDED:
        strato__session_notice(s, STRATO_CLIENT_DISCONNECTED, err, h->detail);
        end(s, err);
        return true;
    case STRATO_EAUTH: /* the key was revoked, or lost a right that was in use; the broker ends the connection */
    case STRATO_EFORBIDDEN:
        if (h->rq.bytes || h->ch.bytes)
            return false;
        strato__session_detail(s, h->detail);
        strato__session_lost(s);
        return true;
    case STRATO_EGAP:
    case STRATO_ECREDIT:
        s->counters.malformed++; /* the two ends count differently: a new connection compares their numbers */
        strato__session_lost(s);
        return true;
    default:
        return false;
    }
}

/* ---- time ---------------------------------------------------------------------------------------- */

static void liveness(struct strato__session *s)
{
    uint64_t quiet_since = s->last_rx_us < s->last_tx_us ? s->last_rx_us : s->last_tx_us;

    if (s->now_us - quiet_since < s->hb_us)
        return;
    if (s->now_us - s->last_rx_us >= s->hb_us) {
        if (s->now_us - s->last_tx_us < s->hb_us)
            return; /* asked less than an interval ago */
        if (s->misses++ >= STRATO__MISSES) {
            strato__session_detail(s, strato_text("the broker answered no ping"));
            strato__session_lost(s);
            return;
        }
    }
    strato__session_say(s, "ping", STRATO_BYTES_NONE);
    s->last_tx_us = s->now_us;
}

static void on_tick(struct strato__session *s)
{
    if (s->state == STRATO__WAITING && s->now_us >= s->reconnect_at_us) {
        s->reconnect_at_us = STRATO__NEVER;
        s->counters.reconnects++;
        strato__session_open(s, s->now_us);
    }
    if (s->state == STRATO__HELLO && s->now_us >= s->hello_by_us) {
        strato__session_detail(s, strato_text("the broker did not answer hello"));
        strato__session_lost(s);
    }
    strato__asks_tick(s);
    if (s->state != STRATO__OPEN)
        return;
    if (s->now_us >= s->extend_at_us) {
        s->extend_at_us = s->now_us + STRATO__EXTEND_US;
        for (uint32_t i = 1; i <= s->streams_top; i++)
            if (s->streams[i])
                strato__settle_extend_all(s, s->streams[i]);
    }
    if (s->now_us >= s->resend_at_us) {
        s->resend_at_us = STRATO__NEVER;
        for (struct strato__producer *p = s->producers_list; p; p = p->next)
            if (p->is_credited && p->credit.sent < p->next_index)
                strato__producer_resend(s, p);
    }
    if (s->has_pending)
        strato__session_gathered(s);
    liveness(s);
}

uint64_t strato__session_next_us(const struct strato__session *s)
{
    uint64_t next = s->asks_due_us, quiet;

    if (s->state == STRATO__WAITING && s->reconnect_at_us < next)
        next = s->reconnect_at_us;
    if (s->state == STRATO__HELLO && s->hello_by_us < next)
        next = s->hello_by_us;
    if (s->state != STRATO__OPEN)
        return next;
    quiet = (s->last_tx_us > s->last_rx_us && s->misses ? s->last_tx_us
             : s->last_rx_us < s->last_tx_us            ? s->last_rx_us
                                                        : s->last_tx_us) +
            s->hb_us;
    if (s->now_us - s->last_rx_us >= s->hb_us && s->last_tx_us + s->hb_us > quiet)
        quiet = s->last_tx_us + s->hb_us;
    if (quiet < next)
        next = quiet;
    if (s->has_pending && s->pending_since_us + STRATO__GATHER_US < next)
        next = s->pending_since_us + STRATO__GATHER_US;
    if (s->resend_at_us < next)
        next = s->resend_at_us;
    if (s->extend_at_us < next)
        next = s->extend_at_us;
    return next;
}

void strato__session_step(struct strato__session *s, const struct strato__step *step, uint64_t now_us)
{
    s->now_us = now_us;
    switch (step->kind) {
    case STRATO__STEP_OPENED:
        if (s->state == STRATO__CONNECTING) {
            strato__outbox_clear(&s->out);
            send_hello(s);
        }
        break;
    case STRATO__STEP_DROPPED:
        if (s->state == STRATO__OPEN || s->state == STRATO__HELLO) {
            strato__session_detail(s, strato_text("the connection to the broker broke"));
            strato__session_lost(s);
        }
        break;
    case STRATO__STEP_FRAME:
        strato__session_on_frame(s, step->inbound);
        break;
    case STRATO__STEP_TICK:
        on_tick(s);
        break;
    }
}
