/*
 * lease.c - see lease.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/brain/lease.h"

#include <stdio.h>
#include <stdlib.h>

#include "broker/brain/state.h"

/* The number in an L1 lease's text is easy to guess; what follows it is not. */
static uint64_t lease_check(const struct brain *brain, const struct principal *who, uint64_t number)
{
    uint64_t secret;

    memcpy(&secret, brain->config.secret, sizeof(secret));
    return map_hash_number(secret ^ map_hash_number(number ^ brain->config.seed) ^ who->salt) &
           UINT64_C(0xffffffffffff);
}

static bool is_lease(const void *item, const void *key)
{
    const struct message *m = item;

    return m->tag == *(const uint64_t *)key;
}

int lease_take(struct channel *ch, struct message *m, const struct principal *who, uint32_t lease_ms,
               char ret_text[LEASE_TEXT_BYTES + 1])
{
    struct brain *brain = ch->brain;
    uint64_t number = brain->leases_made + 1;

    m->holder = NULL;
    m->tag = number;
    if (map_add(&brain->leases, map_hash_number(number), m) < 0)
        return STRATO_ENOMEM;
    brain->leases_made = number;
    m->state = MESSAGE_STARTED;
    m->started_ms = (uint32_t)brain->now_ms;
    if (channel_is_kept(ch))
        keep_started(ch, m);
    channel_arm(ch, m, brain->now_ms + lease_ms);
    snprintf(ret_text, LEASE_TEXT_BYTES + 1, "%llx.%012llx", (unsigned long long)number,
             (unsigned long long)lease_check(brain, who, number));
    return 0;
}

struct message *lease_find(struct brain *brain, const struct channel *ch, const struct principal *who,
                           struct strato_bytes text)
{
    char copy[LEASE_TEXT_BYTES + 1] = { 0 };
    unsigned long long number = 0, check = 0;
    uint64_t key;
    struct message *m;

    if (text.bytes == 0 || text.bytes > LEASE_TEXT_BYTES)
        return NULL;
    memcpy(copy, text.data, text.bytes);
    if (sscanf(copy, "%llx.%llx", &number, &check) != 2 || check != lease_check(brain, who, number))
        return NULL;
    key = number;
    m = map_find(&brain->leases, map_hash_number(key), is_lease, &key);
    return m && (!ch || m->channel == ch->index) ? m : NULL;
}

void lease_release(struct channel *ch, struct message *m)
{
    struct consumer *c = m->holder;
    struct delivery *d;

    wheel_cancel(&m->timer);
    ch->brain->released_by = c ? c->stream.session : NULL;
    if (!c) {
        map_remove(&ch->brain->leases, map_hash_number(m->tag), m);
    } else {
        d = consumer_slot(c, m->tag);
        c->bytes_out -= d->bytes;
        *d = (struct delivery){ 0 };
        c->held--;
        if (c->stream.session)
            c->stream.session->held--;
        if (m->flags & MESSAGE_SPREAD)
            c->spread_out--;
        if (m->tag == c->base)
            consumer_advance(c);
    }
    m->flags &= (uint8_t)~MESSAGE_SPREAD;
    m->prev = m->next = NULL;
    channel_touch(ch);
}

void lease_start(struct channel *ch, struct message *m)
{
    if (m->state == MESSAGE_STARTED)
        return;
    m->state = MESSAGE_STARTED;
    m->started_ms = (uint32_t)ch->brain->now_ms;
    if (channel_is_kept(ch))
        keep_started(ch, m);
    channel_arm(ch, m, ch->brain->now_ms + ch->config.lease_ms);
}

void lease_ack(struct channel *ch, struct message *m)
{
    if (m->flags & MESSAGE_CALL)
        call_fail(m, STRATO_ENO_REPLY, "the handler finished without an answer");
    lease_release(ch, m);
    channel_end(ch, m, CHANNEL_SETTLED, 0, STRATO_BYTES_NONE);
}

static uint64_t backoff_ms(struct channel *ch, unsigned attempts)
{
    uint64_t delay = ch->config.backoff_ms, most = ch->config.backoff_max_ms;

    for (unsigned i = 1; i < attempts && delay < most; i++)
        delay *= 2;
    if (delay > most)
        delay = most;
    return delay + delay * (brain_random(ch->brain) % 101) / 1000;
}

static void end_dead(struct channel *ch, struct message *m, enum deadletter_reason why, struct strato_bytes error)
{
    if (m->flags & MESSAGE_CALL) { /* its caller is told, so nobody needs to find it among the dead letters */
        call_fail(m, STRATO_ENO_REPLY,
                  why == DEADLETTER_REJECTED ? "the handler refused the request for good"
                                             : "the handler failed at every attempt");
        channel_end(ch, m, CHANNEL_SETTLED, 0, error);
        return;
    }
    channel_end(ch, m, CHANNEL_DEAD, (int)why, error);
}

/* Count a failed attempt; true if it was the last one and the message is gone. */
static bool count_attempt(struct channel *ch, struct message *m, struct strato_bytes error)
{
    m->attempts++;
    if (m->attempts < ch->config.max_deliver)
        return false;
    end_dead(ch, m, DEADLETTER_MAX_DELIVER, error);
    return true;
}

void lease_nack(struct channel *ch, struct message *m, const struct lease_nack *nack)
{
    bool had_started = m->state == MESSAGE_STARTED;
    uint64_t delay;

    lease_release(ch, m);
    if (nack->dead) {
        m->attempts += had_started;
        end_dead(ch, m, DEADLETTER_REJECTED, nack->reason);
        return;
    }
    if (nack->penalty && count_attempt(ch, m, nack->reason))
        return;
    delay = nack->delay_ms;
    if (!nack->has_delay) /* prefetched and given back untouched: others may have it at once */
        delay = had_started || nack->penalty ? backoff_ms(ch, m->attempts) : 0;
    channel_requeue(ch, m, delay);
}

int lease_extend(struct channel *ch, struct message *m, uint32_t ms)
{
    uint64_t now = ch->brain->now_ms, cap, until;

    lease_start(ch, m);
    cap = message_time(m->started_ms, now) + ch->config.attempt_ms;
    if (now >= cap) {
        lease_due(ch, m);
        return STRATO_ESTALE_LEASE;
    }
    until = now + (ms ? ms : ch->config.lease_ms);
    channel_arm(ch, m, until < cap ? until : cap);
    return 0;
}

/* A worker died with it started: a second one makes it poison. True if the message is gone. */
static bool count_death(struct channel *ch, struct message *m, uint32_t session_number)
{
    struct message_extra *x = message_extra(&ch->brain->slab, m);

    if (x && x->dead_session && x->dead_session != session_number) {
        m->attempts++;
        end_dead(ch, m, DEADLETTER_WORKER_CRASH, STRATO_BYTES_NONE);
        return true;
    }
    if (x)
        x->dead_session = session_number;
    return count_attempt(ch, m, strato_text("the worker was lost"));
}

void lease_lost(struct channel *ch, struct message *m, enum consumer_loss loss)
{
    bool had_started = m->state == MESSAGE_STARTED;
    const struct session *session = m->holder ? m->holder->stream.session : NULL;
    uint32_t number = session ? session->number : 0;

    lease_release(ch, m);
    if (had_started && (m->flags & MESSAGE_CALL) && !(m->flags & MESSAGE_IDEMPOTENT)) {
        call_fail(m, STRATO_ERESPONDER_LOST, "the responder was lost after it had started: side effects are unknown");
        channel_end(ch, m, CHANNEL_SETTLED, 0, STRATO_BYTES_NONE);
        return;
    }
    if (had_started && loss == CONSUMER_LOST && number && count_death(ch, m, number))
        return;
    channel_requeue(ch, m, 0);
}

/* Its holder is told at once: a settle that is already on its way would otherwise be silently too late (`upto`). */
static void tell_holder(const struct channel *ch, const struct consumer *c, uint64_t tag)
{
    struct strato_header about = { .ch = ch->name };

    if (!c || c->is_edge || !c->stream.session || !c->stream.session->peer)
        return;
    about.stream = c->stream.number;
    answer_err_at(c->stream.session->peer, &about, tag, 1, STRATO_ESTALE_LEASE,
                  "the lease ran out: the message went back, and may be given to another");
}

void lease_due(struct channel *ch, struct message *m)
{
    uint64_t now = ch->brain->now_ms;
    bool had_started = m->state == MESSAGE_STARTED;

    tell_holder(ch, m->holder, m->tag);
#ifdef STRATO_PLANT_UNFENCED_ACK
    struct delivery *slot = m->holder ? consumer_slot(m->holder, m->tag) : NULL;
#endif
    lease_release(ch, m);
#ifdef STRATO_PLANT_UNFENCED_ACK
    if (slot)
        slot->message = m;
#endif
    if ((m->flags & MESSAGE_CALL) && message_time(m->deadline_ms, now) <= now) {
        channel_expire(ch, m);
        return;
    }
    if (!had_started) {
        channel_requeue(ch, m, 0);
        return;
    }
    if (count_attempt(ch, m, strato_text("the lease ran out")))
        return;
    channel_requeue(ch, m, backoff_ms(ch, m->attempts));
}
