/*
 * slot.c - try, need, wait, try again.
 *
 * SPDX-License-Identifier: MIT
 */
#include "bindings/c/slot.h"

enum {
    NEED_MS = 60000,       /* longest wait that one need asks for; endless senders ask again */
    TRY_US = 2000000,      /* a try whose need is not answered by then: the broker does not speak */
    TRY_HELLO_US = 100000, /* a try waits so long for a session that is just being opened again */
    RETRIES = 3,           /* attempts in all where the channel refuses instead of letting producers wait */
    BACKOFF_US = 50000,
    BACKOFF_MAX_US = 500000,
};

int strato__message_check(const struct strato_send *m)
{
    const struct strato_envelope_out *e;

    if (!m || !m->channel || !m->envelope.type || !m->envelope.type[0] ||
        m->attachments_count > STRATO_ATTACHMENTS_EACH_MAX || (m->attachments_count && !m->attachments))
        return STRATO_EINVAL;
    e = &m->envelope;
    if (strnlen(e->type, STRATO_TYPE_BYTES_MAX + 1) > STRATO_TYPE_BYTES_MAX)
        return STRATO_ELIMIT;
    if ((e->topic && strlen(e->topic) > STRATO_TOPIC_BYTES_MAX) || (e->to && strlen(e->to) > STRATO_NAME_BYTES_MAX) ||
        (e->trace && strlen(e->trace) > STRATO_TRACE_BYTES_MAX) || e->needs_count > STRATO_NEEDS_MAX ||
        (e->affinity && strlen(e->affinity) > STRATO_AFFINITY_BYTES_MAX) || e->id.bytes > STRATO_ID_BYTES_MAX ||
        e->request_id.bytes > STRATO_ID_BYTES_MAX || e->correlation_id.bytes > STRATO_ID_BYTES_MAX ||
        ((e->has & STRATO_ENV_PRIORITY) && e->priority > 100))
        return STRATO_ELIMIT;
    return 0;
}

/* The state of one wait for a slot. */
struct wait {
    uint64_t deadline, seen;
    int tries;
    bool has_asked;
    bool is_try;
};

/* Microseconds until the next attempt on a channel that refuses at once. */
static uint64_t backoff_us(struct strato_client *c, int tries)
{
    uint64_t us = (uint64_t)BACKOFF_US << (tries - 1);

    us = us < BACKOFF_MAX_US ? us : BACKOFF_MAX_US;
    return us + us / 10 * (c->session.now_us % 1024) / 1024;
}

static void pause_until(struct strato_client *c, uint64_t until_us)
{
    while (strato__wait(c, until_us) == 0)
        continue;
}

/* The broker answered our need with something else than credit. 0 = ask again. */
static int answered(struct strato_client *c, struct strato__producer *p, struct wait *wait)
{
    uint64_t pause;

    wait->has_asked = false;
    if (p->answer_err == STRATO_EAGAIN)
        return 0; /* the session was lost with the question */
    if (p->answer_err != STRATO_EFULL || wait->is_try)
        return p->answer_err;
    if (!p->answer_early)
        return 0; /* the wait ran out: the deadline decides */
    if (++wait->tries >= RETRIES)
        return STRATO_EFULL;
    pause = c->session.now_us + backoff_us(c, wait->tries);
    if (pause >= wait->deadline)
        return STRATO_EFULL;
    pause_until(c, pause);
    return 0;
}

static uint32_t need_ms(const struct strato_client *c, const struct wait *wait)
{
    uint64_t left;

    if (wait->is_try)
        return 0;
    if (wait->deadline == STRATO__NEVER)
        return NEED_MS;
    left = wait->deadline > c->session.now_us ? (wait->deadline - c->session.now_us + 999) / 1000 : 0;
    return left < NEED_MS ? (uint32_t)left : NEED_MS;
}

/* Nothing to spend: see that the broker knows. */
static int ask(struct strato_client *c, struct strato__producer *p, struct wait *wait)
{
    int rc = 0;

    if (wait->has_asked && p->answers != wait->seen)
        rc = answered(c, p, wait);
    if (rc < 0 || c->session.state != STRATO__OPEN || p->state != STRATO__PRODUCER_READY)
        return rc;
    if (wait->is_try && !wait->has_asked && !p->is_need_ahead && p->need_until_us > c->session.now_us)
        return STRATO_EFULL; /* another thread of this client is waiting already */
    if (!wait->has_asked)
        wait->seen = p->answers;
    wait->has_asked = true;
    return strato__producer_need(&c->session, p, p->lacking_bytes ? p->lacking_bytes : 1, need_ms(c, wait));
}

static int out_of_time(struct strato_client *c, struct strato__producer *p, const struct wait *wait)
{
    if (c->session.state != STRATO__OPEN)
        return STRATO_EUNREACHABLE;
    if (p->state != STRATO__PRODUCER_READY)
        return STRATO_ETIMEOUT;
    strato__producer_unneed(&c->session, p);
    return wait->is_try ? STRATO_EFULL : STRATO_ETIMEOUT;
}

static int try_once(struct strato_client *c, struct strato__producer *p, strato__attempt_fn *attempt, void *arg)
{
    int rc = strato__session_check(&c->session);

    if (rc == 0 && strato__is_stale(c)) { /* what is unread may be a revoke */
        c->wants_pump = true;
        return STRATO_EAGAIN;
    }
    if (rc == 0)
        rc = strato__producer_open(&c->session, p);
    return rc == 0 ? attempt(c, p, arg) : rc;
}

/* The broker forgot a client that did not answer in time, and is being told hello: that takes one round trip. */
static bool is_coming_back(const struct strato_client *c, uint64_t deadline_us)
{
    return c->session.state == STRATO__HELLO && c->session.now_us < deadline_us - TRY_US + TRY_HELLO_US;
}

static int slot_wait(struct strato_client *c, struct strato__producer *p, int timeout_ms, strato__attempt_fn *attempt,
                     void *arg)
{
    struct wait wait = { .is_try = timeout_ms == 0 };
    int rc;

    c->session.now_us = c->session.now_us ? c->session.now_us : 1;
    wait.deadline = wait.is_try ? c->session.now_us + TRY_US : strato__deadline(c, timeout_ms);
    for (;;) {
        rc = try_once(c, p, attempt, arg);
        if (rc != STRATO_EAGAIN)
            return rc;
        if (wait.is_try && c->session.state != STRATO__OPEN && !is_coming_back(c, wait.deadline))
            return STRATO_EUNREACHABLE;
        rc = strato__is_stale(c) ? 0 : ask(c, p, &wait);
        if (rc < 0)
            return rc;
        if (strato__wait(c, wait.deadline) < 0)
            return out_of_time(c, p, &wait);
    }
}

int strato__slot(struct strato_client *c, const char *channel, int timeout_ms, strato__attempt_fn *attempt, void *arg)
{
    struct strato__producer *p;
    int rc = strato__producer_find(&c->session, channel, &p);

    if (rc == 0 && c->session.state == STRATO__OPEN && p->state == STRATO__PRODUCER_READY && !strato__is_stale(c)) {
        rc = attempt(c, p, arg);
        if (rc != STRATO_EAGAIN)
            return rc;
    }
    return rc == 0 || rc == STRATO_EAGAIN ? slot_wait(c, p, timeout_ms, attempt, arg) : rc;
}
