/*
 * client.c - open, close, process, and the two ways to wait.
 *
 * SPDX-License-Identifier: MIT
 */
#include "bindings/c/client.h"

#include "bindings/c/net/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    STALE_OWN_US = 500000, /* own thread: half of what the broker waits for a release before it suspects us */
    STALE_US = 1000,       /* inline: a call after so long a pause looks at the socket first */
    CLOSE_MS = 1000,       /* how long close waits for confirmations, and libzmq for the rest */
    QUESTION_MS = 5000,
};

/* ---- entering, leaving, waiting ------------------------------------------------------------------ */

void strato__enter(struct strato_client *c)
{
    uint64_t ticks;

    if (c->own_thread) {
        pthread_mutex_lock(&c->lock);
        c->session.now_us = strato__clock_us();
        return;
    }
    ticks = strato__clock_ticks();
    if (ticks && ticks - c->ticks < STRATO__TICKS_FEW)
        return; /* a burst of calls: a fifth of taking a small message was reading the clock */
    c->ticks = ticks;
    c->session.now_us = strato__clock_us();
    if (c->session.now_us - c->pumped_us > STALE_US)
        strato__drive_pump(c);
}

void strato__leave(struct strato_client *c)
{
    if (c->own_thread) {
        strato__drive_kick(c);
        pthread_mutex_unlock(&c->lock);
        return;
    }
    if (c->session.out.count)
        strato__drive_send(c);
    if (c->session.notices_count)
        strato__drive_tell(c);
}

int strato__wait(struct strato_client *c, uint64_t deadline_us)
{
    struct strato__session *s = &c->session;
    uint64_t progress = s->progress;

    s->now_us = strato__clock_us();
    if (s->now_us >= deadline_us)
        return STRATO_ETIMEOUT;
    strato__session_flush(s); /* nobody sleeps on what could leave */
    if (c->own_thread) {
        struct timespec until = { (time_t)(deadline_us / 1000000), (long)(deadline_us % 1000000) * 1000 };

        strato__drive_kick(c);
        if (deadline_us == STRATO__NEVER)
            pthread_cond_wait(&c->changed, &c->lock);
        else
            pthread_cond_timedwait(&c->changed, &c->lock, &until);
        s->now_us = strato__clock_us();
        return 0;
    }
    strato__drive_pump(c);
    if (s->progress == progress) {
        strato__drive_sleep(c, deadline_us);
        strato__drive_pump(c);
    }
    return 0;
}

bool strato__is_stale(const struct strato_client *c)
{
    /* An idle thread reads once a heartbeat; the broker lets go a second and a heartbeat after a revoke. */
    return c->own_thread && c->session.now_us > c->pumped_us + c->session.hb_us + STALE_OWN_US;
}

uint64_t strato__deadline(const struct strato_client *c, int timeout_ms)
{
    return timeout_ms < 0 ? STRATO__NEVER : c->session.now_us + (uint64_t)timeout_ms * 1000;
}

int strato__wait_open(struct strato_client *c, uint64_t deadline_us)
{
    for (;;) {
        int rc = strato__session_check(&c->session);

        if (rc != STRATO_EAGAIN)
            return rc;
        if (strato__wait(c, deadline_us) < 0)
            return STRATO_EUNREACHABLE;
    }
}

int strato__wait_answer(struct strato_client *c, struct strato__ask *ask, uint64_t deadline_us)
{
    while (!ask->is_done) {
        if (c->session.state == STRATO__ENDED)
            return c->session.end_err;
        if (strato__wait(c, deadline_us) < 0)
            return c->session.state == STRATO__OPEN ? STRATO_ETIMEOUT : STRATO_EUNREACHABLE;
    }
    return ask->err;
}

/* ---- open and close ------------------------------------------------------------------------------ */

static uint64_t seed_of(const struct strato_client *c)
{
    return strato__clock_ns() ^ ((uint64_t)(uintptr_t)c << 16) ^ (uint64_t)getpid();
}

static void client_free(struct strato_client *c)
{
    strato__drive_stop(c);
    strato__session_fini(&c->session);
    strato__socket_fini(&c->socket);
    strato__drive_fini(c);
    free(c);
}

static int client_new(const struct strato_client_options *o, struct strato_client **ret_client)
{
    struct strato_client *c = calloc(1, sizeof *c);
    int rc;

    if (!c)
        return STRATO_ENOMEM;
    rc = strato__session_init(&c->session, o, seed_of(c));
    if (rc < 0) {
        free(c);
        return rc;
    }
    c->session.client = c;
    c->own_thread = o->own_thread;
    c->session.is_inline = !o->own_thread;
    c->on_event = o->on_event;
    c->on_event_arg = o->on_event_arg;
    rc = strato__socket_init(&c->socket, o->endpoint ? o->endpoint : "tcp://127.0.0.1:7700", o);
    if (rc < 0) {
        strato__session_fini(&c->session);
        free(c->socket.endpoint);
        free(c);
        return rc;
    }
    rc = strato__drive_init(c);
    if (rc < 0) {
        client_free(c);
        return rc;
    }
    *ret_client = c;
    return 0;
}

int strato_client_open(const struct strato_client_options *options, strato_client **ret_client)
{
    static const struct strato_client_options defaults = STRATO_CLIENT_OPTIONS_DEFAULTS;
    const struct strato_client_options *o = options ? options : &defaults;
    struct strato_client *c = NULL;
    uint64_t deadline;
    int rc;

    if (!ret_client)
        return STRATO_EINVAL;
    rc = client_new(o, &c);
    if (rc < 0)
        return rc;
    strato__session_open(&c->session, strato__clock_us());
    rc = strato__drive_start(c);
    if (rc == 0) {
        strato__enter(c);
        deadline = strato__deadline(c, o->connect_timeout_ms ? (int)o->connect_timeout_ms : QUESTION_MS);
        rc = strato__wait_open(c, deadline);
        if (rc == STRATO_EUNREACHABLE && c->socket.handshakes_failed)
            rc = STRATO_EAUTH; /* somebody is there, and it is not for want of trying */
        strato__leave(c);
    }
    if (rc < 0) {
        client_free(c);
        return rc;
    }
    *ret_client = c;
    return 0;
}

static bool is_unconfirmed(const struct strato_client *c)
{
    for (const struct strato__producer *p = c->session.producers_list; p; p = p->next)
        if (strato__producer_confirmed(p) < p->next_index)
            return true;
    return false;
}

void strato_client_close(strato_client **client)
{
    struct strato_client *c = client ? *client : NULL;
    bool was_open;

    if (!c)
        return;
    *client = NULL;
    strato__enter(c);
    if (is_unconfirmed(c)) {
        uint64_t deadline = strato__deadline(c, CLOSE_MS);

        while (is_unconfirmed(c) && c->session.state != STRATO__ENDED && strato__wait(c, deadline) == 0)
            continue;
    }
    was_open = c->session.state == STRATO__OPEN;
    strato__session_flush(&c->session);
    strato__session_bye(&c->session);
    strato__leave(c);
    strato__drive_stop(c);
    strato__drive_send(c);
    strato__socket_close(&c->socket, was_open ? CLOSE_MS : 0);
    client_free(c);
}

/* ---- looking ------------------------------------------------------------------------------------- */

int strato_client_fd(strato_client *client)
{
    return client->poll_fd;
}

static bool is_ready(const struct strato_client *c)
{
    return c->session.readable > 0 || c->session.results_count > 0 || c->session.receipts_count > 0;
}

int strato_client_process(strato_client *c, int timeout_ms)
{
    uint64_t deadline, drained;
    int rc = 0;

    strato__enter(c);
    deadline = strato__deadline(c, timeout_ms);
    strato__session_flush(&c->session);
    if (!c->own_thread)
        strato__drive_pump(c);
    else if (c->ready_told && read(c->poll_fd, &drained, sizeof drained) > 0)
        c->ready_told = false;
    while (!is_ready(c) && rc == 0) {
        if (c->session.state == STRATO__ENDED)
            break;
        rc = strato__wait(c, deadline);
    }
    rc = is_ready(c) ? 1 : c->session.state == STRATO__ENDED ? c->session.end_err : 0;
    strato__leave(c);
    return rc;
}

int strato_client_next_timer_ms(strato_client *c)
{
    uint64_t next, ms;

    strato__enter(c);
    next = strato__session_next_us(&c->session);
    ms = next == STRATO__NEVER ? 60000 : next <= c->session.now_us ? 0 : (next - c->session.now_us + 999) / 1000;
    strato__leave(c);
    return (int)(ms < 60000 ? ms : 60000);
}

bool strato_client_is_connected(strato_client *c)
{
    bool is_open;

    strato__enter(c);
    is_open = c->session.state == STRATO__OPEN;
    strato__leave(c);
    return is_open;
}

const char *strato_client_detail(strato_client *c)
{
    /* Per thread: with an own thread, another caller's error must not change the text under the reader. */
    static _Thread_local char text[STRATO__DETAIL_BYTES + 1];

    strato__enter(c);
    snprintf(text, sizeof text, "%s", c->session.detail);
    strato__leave(c);
    return text;
}

const char *strato_client_agent(strato_client *c)
{
    return c->session.agent;
}

uint64_t strato_client_epoch(strato_client *c)
{
    uint64_t epoch;

    strato__enter(c);
    epoch = c->session.epoch;
    strato__leave(c);
    return epoch;
}

void strato_client_counters(strato_client *c, struct strato_client_counters *ret_counters)
{
    strato__enter(c);
    *ret_counters = c->session.counters;
    strato__leave(c);
}

int strato_client_ping(strato_client *c, int timeout_ms, uint64_t *ret_ns)
{
    struct strato__ask *ask = NULL;
    struct strato_writer w = { 0 };
    struct strato_header_writer hw;
    uint64_t start = 0;
    int rc;

    strato__enter(c);
    rc = strato__wait_open(c, strato__deadline(c, timeout_ms));
    if (rc == 0)
        rc = strato__ask_new(&c->session, STRATO__ASK_QUESTION, &ask);
    if (rc == 0) {
        strato_header_begin(&hw, &w, "ping");
        strato_header_u64(&hw, "rq", ask->rq);
        strato_header_end(&hw);
        start = strato__clock_ns();
        rc = strato__session_send(&c->session, &w);
    }
    if (rc == 0)
        rc = strato__wait_answer(c, ask, strato__deadline(c, timeout_ms));
    if (rc == 0 && ret_ns)
        *ret_ns = strato__clock_ns() - start;
    strato__ask_free(&c->session, &ask);
    strato__leave(c);
    return rc;
}

const char *strato_version(void)
{
    return STRATO_VERSION;
}
