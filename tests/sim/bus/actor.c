/*
 * actor.c - client processes: the C client's step logic, and an application on top that does what the plan says.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <stdlib.h>

#include "bindings/c/buffer.h"
#include "tests/sim/bus/bus.h"

enum { PREFETCH = 4, HAND = 10, NEED_MS = 2000, POLL_MS = 50, REQUEST_MS = 3000 };

/* Who consumes what: SINGLE has one consumer, so that its order can be judged. */
static bool consumes(const struct bus_actor *actor, int channel)
{
    static const uint16_t of[BUS_CONSUMERS] = {
        1 << BUS_JOBS | 1 << BUS_ORDERS | 1 << BUS_SINGLE | 1 << BUS_COPIES,
        1 << BUS_JOBS | 1 << BUS_ORDERS | 1 << BUS_FRESH | 1 << BUS_FIRST,
        1 << BUS_JOBS | 1 << BUS_ORDERS | 1 << BUS_REJECT,
        1 << BUS_JOBS | 1 << BUS_REJECT | 1 << BUS_FRESH | 1 << BUS_FIRST,
    };

    if (actor->role == BUS_RESPONDER)
        return channel == BUS_ASK;
    if (actor->role == BUS_SUBSCRIBER)
        return channel == BUS_NEWS;
    return actor->role == BUS_CONSUMER && (of[actor->index - BUS_PRODUCERS] >> channel & 1);
}

/* ---- birth and death ----------------------------------------------------------------------------- */

static void birth(struct bus *bus, struct bus_actor *actor)
{
    const struct strato_client_options options = { .hb_ms = 5000 };

    if (strato__session_init(&actor->session, &options, bus->seed * 64 + actor->index + 1) < 0)
        abort();
    actor->is_alive = true;
    actor->incarnation++;
    strato__session_open(&actor->session, bus->now_us + 1);
}

static void drop_hand(struct bus_actor *actor)
{
    while (actor->hand_count > 0) {
        struct strato_message *m = actor->hand[--actor->hand_count];

        strato__settle_forget(&actor->session, m);
        strato__message_free(NULL, m);
    }
}

static void let_go(struct strato_message *m, struct bus_actor *actor)
{
    strato__settle_forget(&actor->session, m);
    strato__message_free(&actor->session.pool, m);
}

/* Settles of which nobody knows whether they arrived. */
static void forget_acked(struct bus_actor *actor)
{
    actor->acked_count = 0;
    if (actor->barrier)
        strato__ask_free(&actor->session, &actor->barrier);
}

void actor_crash(struct bus *bus, struct bus_actor *actor, uint32_t down_ms)
{
    if (!actor->is_alive)
        return;
    bus_trace(bus, "actor %u crashes for %u ms", actor->index, down_ms);
    drop_hand(actor);
    forget_acked(actor);
    while (actor->waiting_count > 0)
        ledger_decided(bus, actor->waiting[--actor->waiting_count], BUS_REFUSED);
    while (actor->watched_count > 0)
        ledger_decided(bus, actor->watched[--actor->watched_count], BUS_UNKNOWN);
    memset(actor->streams, 0, sizeof(actor->streams));
    actor->last_seq = 0; /* it subscribes anew, to what comes from then on */
    actor->requests_open = 0;
    strato__session_fini(&actor->session);
    memset(&actor->session, 0, sizeof(actor->session));
    link_cut(bus, actor);
    actor->link.peer = 0;
    actor->is_alive = false;
    actor->frozen_us = 0;
    actor->born_us = bus->now_us + (uint64_t)down_ms * BUS_MS;
}

void actors_init(struct bus *bus)
{
    for (uint8_t i = 0; i < BUS_ACTORS; i++) {
        struct bus_actor *actor = &bus->actors[i];

        actor->index = i;
        actor->role = i < BUS_PRODUCERS ? BUS_PRODUCER
                      : i < BUS_PRODUCERS + BUS_CONSUMERS
                          ? BUS_CONSUMER
                          : (enum bus_role)(BUS_REQUESTER + i - BUS_PRODUCERS - BUS_CONSUMERS);
        actor->born_us = 1;
    }
}

void actors_fini(struct bus *bus)
{
    for (int i = 0; i < BUS_ACTORS; i++) {
        struct bus_actor *actor = &bus->actors[i];

        actor_crash(bus, actor, 0);
        link_cut(bus, actor);
        free(actor->watched);
        free(actor->acked);
    }
}

/* ---- frames -------------------------------------------------------------------------------------- */

static void inbound_free(struct strato__inbound *inbound)
{
    free((void *)(uintptr_t)inbound->frame.data);
    free(inbound);
}

static void note_stale(struct bus_actor *actor, struct strato_bytes frame)
{
    struct strato_cursor c = strato_cursor_over(frame);
    struct strato_header h;

    if (strato_header_decode(&c, frame.bytes, &h) == 0 && h.opcode == STRATO_OP_err &&
        h.code == (uint64_t)-STRATO_ESTALE_LEASE)
        actor->stale++;
}

void actor_receive(struct bus *bus, struct bus_actor *actor, struct strato_bytes frame)
{
    struct strato__inbound *inbound = calloc(1, sizeof(*inbound));
    uint8_t *data = malloc(frame.bytes + 1);

    if (!inbound || !data)
        abort();
    note_stale(actor, frame);
    memcpy(data, frame.data, frame.bytes);
    atomic_init(&inbound->references, 1);
    inbound->frame = strato_bytes(data, frame.bytes);
    inbound->free_fn = inbound_free;
    if (!actor->session.drop_socket)
        strato__session_step(&actor->session, &(struct strato__step){ .kind = STRATO__STEP_FRAME, .inbound = inbound },
                             bus->now_us + 1);
    strato__inbound_drop(inbound);
    if (actor->session.counters.malformed)
        bus_fail(bus, "frame", "actor %u cannot read what the broker sent: %s", actor->index, actor->session.detail);
}

static void send_out(struct bus *bus, struct bus_actor *actor)
{
    struct strato__part part;

    while (strato__outbox_pop(&actor->session.out, &part)) {
        strato__buffer_fly(part.buffer, actor->session.flight);
        link_send_up(bus, actor, strato_bytes(part.buffer->data, part.buffer->bytes));
        strato__buffer_landed(part.buffer);
        actor->session.last_tx_us = bus->now_us + 1;
    }
}

static void connection(struct bus *bus, struct bus_actor *actor)
{
    struct strato__session *s = &actor->session;

    if (s->drop_socket) {
        s->drop_socket = false;
        link_cut(bus, actor);
        forget_acked(actor);
    }
    if (!s->wants_socket)
        return;
    s->wants_socket = false;
    forget_acked(actor);
    link_open(bus, actor);
    strato__session_step(s, &(struct strato__step){ .kind = STRATO__STEP_OPENED }, bus->now_us + 1);
}

/* ---- producing ----------------------------------------------------------------------------------- */

static void compose(struct bus *bus, uint32_t number, struct strato_send *message, uint8_t payload[6], char id[24],
                    char key[8])
{
    const struct bus_entry *entry = bus->ledger.entries[number];
    static const uint8_t priorities[4] = { 90, 70, 50, 10 };

    payload[0] = 0xc4;
    payload[1] = 4;
    for (int i = 0; i < 4; i++)
        payload[2 + i] = (uint8_t)(number >> (24 - 8 * i));
    snprintf(id, 24, "m%u", number);
    snprintf(key, 8, "k%u", entry->key);
    *message = (struct strato_send){ .channel = bus_channel_names[entry->channel],
                                     .envelope = { .type = "sim.message",
                                                   .has = STRATO_ENV_PRIORITY | (entry->has_ttl ? STRATO_ENV_TTL : 0),
                                                   .priority = priorities[entry->lane],
                                                   .payload = strato_bytes(payload, 6),
                                                   .id = strato_text(id),
                                                   .topic = "sim.topic",
                                                   .order_key = entry->key ? key : NULL,
                                                   .ttl_ms = entry->has_ttl ? 20000 : 0,
                                                   .delay_ms = entry->has_delay ? 3000 : 0 } };
}

static void remember(uint32_t **list, uint32_t *count, uint32_t *capacity, uint32_t number)
{
    if (*count == *capacity) {
        *capacity = *capacity ? *capacity * 2 : 64;
        *list = realloc(*list, *capacity * sizeof(**list));
        if (!*list)
            abort();
    }
    (*list)[(*count)++] = number;
}

static void watch(struct bus *bus, struct bus_actor *actor, struct strato__producer *p, uint32_t number, uint64_t index)
{
    struct bus_entry *entry = bus->ledger.entries[number];

    entry->watch = (struct strato__watch){ .index = index, .next = p->watches };
    p->watches = &entry->watch;
    entry->is_watched = true;
    remember(&actor->watched, &actor->watched_count, &actor->watched_capacity, number);
}

static void unwatch(struct strato__producer *p, struct bus_entry *entry)
{
    struct strato__watch **at = &p->watches;

    while (*at != &entry->watch)
        at = &(*at)->next;
    *at = entry->watch.next;
    entry->is_watched = false;
}

/* 0: sent. STRATO_EAGAIN: not now. Else it was refused for good. */
static int try_send(struct bus *bus, struct bus_actor *actor, uint32_t number, bool asks)
{
    struct strato__session *s = &actor->session;
    struct strato__producer *p;
    struct strato_send message;
    uint8_t payload[6];
    char id[24], key[8];
    uint64_t index;
    int rc;

    compose(bus, number, &message, payload, id, key);
    rc = strato__producer_find(s, message.channel, &p);
    if (rc == 0)
        rc = strato__session_check(s);
    if (rc == 0)
        rc = strato__producer_open(s, p);
    if (rc < 0)
        return rc;
    rc = strato__producer_send(s, p, &message, NULL, &index);
    if (rc == 0) {
        strato__session_gathered(s);
        watch(bus, actor, p, number, index);
    } else if (rc == STRATO_EAGAIN && asks) {
        (void)strato__producer_need(s, p, p->lacking_bytes ? p->lacking_bytes : 1, NEED_MS);
    }
    return rc;
}

static void send_waiting(struct bus *bus, struct bus_actor *actor)
{
    uint32_t kept = 0, blocked = 0;

    for (uint32_t i = 0; i < actor->waiting_count; i++) {
        uint32_t number = actor->waiting[i];
        uint32_t channel = 1U << bus->ledger.entries[number]->channel;
        int rc = blocked & channel ? STRATO_EAGAIN : try_send(bus, actor, number, true);

        if (rc == STRATO_EAGAIN) {
            blocked |= channel;
            actor->waiting[kept++] = number;
        } else if (rc < 0) {
            ledger_decided(bus, number, BUS_REFUSED);
        }
    }
    actor->waiting_count = kept;
}

static void look_at_watched(struct bus *bus, struct bus_actor *actor)
{
    uint32_t kept = 0, count = actor->watched_count;

    for (uint32_t i = 0; i < count; i++) {
        uint32_t number = actor->watched[i];
        struct bus_entry *entry = bus->ledger.entries[number];
        struct strato__producer *p =
            strato__producer_of(&actor->session, strato_text(bus_channel_names[entry->channel]));
        enum bus_fate fate = entry->watch.err < 0                                 ? BUS_REFUSED
                             : entry->watch.is_lost                               ? BUS_UNKNOWN
                             : strato__producer_confirmed(p) > entry->watch.index ? BUS_CONFIRMED
                                                                                  : BUS_UNDECIDED;

        if (fate == BUS_UNDECIDED) {
            actor->watched[kept++] = number;
            continue;
        }
        unwatch(p, entry);
        ledger_decided(bus, number, fate);
        /* Nobody knows whether it arrived: sending it again under its id is safe. */
        if (fate == BUS_UNKNOWN && !bus->is_calm && actor->waiting_count < BUS_WAITING_MAX && bus_draw(bus, 2)) {
            entry->fate = BUS_UNDECIDED;
            entry->is_resent = true;
            actor->waiting[actor->waiting_count++] = number;
        }
    }
    actor->watched_count = kept;
}

/* ---- consuming ----------------------------------------------------------------------------------- */

static void open_streams(struct bus *bus, struct bus_actor *actor)
{
    for (int i = 0; i < BUS_CHANNELS; i++) {
        const struct strato_consumer_options consumer = { .channel = bus_channel_names[i],
                                                          .serve = i == BUS_ASK,
                                                          .prefetch = PREFETCH };
        const struct strato_subscription_options subscription = { .channel = bus_channel_names[i] };

        if (actor->streams[i] || !consumes(actor, i))
            continue;
        if (strato__stream_open(&actor->session, i == BUS_NEWS ? NULL : &consumer, i == BUS_NEWS ? &subscription : NULL,
                                &actor->streams[i]) < 0)
            bus_fail(bus, "memory", "a stream cannot be opened");
    }
}

static void read_event(struct bus *bus, struct bus_actor *actor, struct strato_message *m)
{
    uint64_t epoch = actor->session.epoch;

    if (epoch != actor->last_epoch) {
        actor->last_epoch = epoch;
        actor->last_seq = 0;
    }
    if (m->kind == STRATO_MESSAGE_LAGGED) {
        bus->ledger.lagged += m->gap.count;
        actor->last_seq = m->gap.to_seq > actor->last_seq ? m->gap.to_seq : actor->last_seq;
    } else {
        if (actor->last_seq && m->envelope.seq <= actor->last_seq)
            bus_fail(bus, "event order", "event %llu came after %llu", (unsigned long long)m->envelope.seq,
                     (unsigned long long)actor->last_seq);
        if (actor->last_seq && m->envelope.seq != actor->last_seq + 1)
            bus_fail(bus, "silent gap", "event %llu came after %llu and nobody said what became of those between",
                     (unsigned long long)m->envelope.seq, (unsigned long long)actor->last_seq);
        actor->last_seq = m->envelope.seq;
        bus->ledger.events++;
    }
    let_go(m, actor);
}

static void take(struct bus *bus, struct bus_actor *actor)
{
    for (int i = 0; i < BUS_CHANNELS; i++) {
        struct strato_message *m;

        while (actor->streams[i] && actor->hand_count < HAND &&
               strato__stream_take(&actor->session, actor->streams[i], &m) == 0) {
            if (actor->role == BUS_SUBSCRIBER) {
                read_event(bus, actor, m);
                continue;
            }
            if (actor->role == BUS_CONSUMER && i != BUS_COPIES)
                ledger_received(bus, ledger_number(&m->envelope), (enum bus_channel)i, &m->envelope);
            actor->hand[actor->hand_count++] = m;
        }
    }
}

static struct strato_message *pick(struct bus_actor *actor, uint32_t choice)
{
    uint32_t at = choice % actor->hand_count;
    struct strato_message *m = actor->hand[at];

    actor->hand[at] = actor->hand[--actor->hand_count];
    return m;
}

static bool is_copy(const struct strato_message *m)
{
    return strato_bytes_is(strato__name_bytes(m->channel), bus_channel_names[BUS_COPIES]);
}

static void ack(struct bus *bus, struct bus_actor *actor, uint32_t choice)
{
    struct strato_message *m = pick(actor, choice);
    int rc = strato__settle_ack(&actor->session, m);

    bus_trace(bus, "actor %u acks message %u, delivery %u: %s", actor->index, ledger_number(&m->envelope),
              m->envelope.deliveries, rc < 0 ? strato_err_name(rc) : "ok");
    if (rc == 0 && !is_copy(m))
        remember(&actor->acked, &actor->acked_count, &actor->acked_capacity, ledger_number(&m->envelope));
    let_go(m, actor);
}

static void nack(struct bus_actor *actor, const struct bus_step *step)
{
    const struct strato_nack nack = { .delay_ms = step->choice % 3 == 0 ? (int64_t)(step->choice % 2000) : -1,
                                      .no_penalty = step->choice % 5 == 0,
                                      .dead = step->kind == BUS_NACK_DEAD,
                                      .reason = "as planned" };
    struct strato_message *m = pick(actor, step->choice);

    (void)strato__settle_nack(&actor->session, m, &nack);
    let_go(m, actor);
}

static void ask_barrier(struct bus *bus, struct bus_actor *actor)
{
    struct strato_writer w = { 0 };
    struct strato_header_writer hw;

    if (actor->barrier || actor->acked_count == 0 || actor->session.state != STRATO__OPEN)
        return;
    strato__session_flush(&actor->session);
    if (strato__ask_new(&actor->session, STRATO__ASK_QUESTION, &actor->barrier) < 0)
        bus_fail(bus, "memory", "no ask");
    strato_header_begin(&hw, &w, "ping");
    strato_header_bool(&hw, "confirm", true);
    strato_header_u64(&hw, "rq", actor->barrier->rq);
    strato_header_end(&hw);
    (void)strato__session_send(&actor->session, &w);
    actor->barrier_upto = actor->acked_count;
    actor->barrier_stale = actor->stale;
}

static void look_at_barrier(struct bus *bus, struct bus_actor *actor)
{
    bool is_good;

    if (!actor->barrier || !actor->barrier->is_done)
        return;
    is_good = actor->barrier->err == 0 && actor->stale == actor->barrier_stale && actor->session.flush_err == 0;
    actor->session.flush_err = 0; /* as strato_flush() reports it, and then begins anew */
    for (uint32_t i = 0; is_good && i < actor->barrier_upto; i++)
        ledger_settled(bus, actor->acked[i]);
    actor->acked_count -= actor->barrier_upto;
    memmove(actor->acked, actor->acked + actor->barrier_upto, actor->acked_count * sizeof(*actor->acked));
    strato__ask_free(&actor->session, &actor->barrier);
}

static void reply(struct bus_actor *actor, uint32_t choice)
{
    struct strato_message *m = pick(actor, choice);
    const struct strato_send answer = { .envelope = { .type = "sim.answer" } };

    if (choice % 7 == 0)
        (void)strato__settle_ack(&actor->session, m); /* no answer: the caller is told E_NO_REPLY */
    else
        (void)strato__settle_reply(&actor->session, m, &answer, false);
    let_go(m, actor);
}

/* ---- requests ------------------------------------------------------------------------------------ */

static void request(struct bus *bus, struct bus_actor *actor, const struct bus_step *step)
{
    struct strato__session *s = &actor->session;
    const struct strato_send message = { .channel = bus_channel_names[BUS_ASK], .envelope = { .type = "sim.ask" } };
    const struct strato_request_options options = { .timeout_ms = REQUEST_MS,
                                                    .wait_responder_ms = step->choice % 2 ? 500 : 0,
                                                    .idempotent = step->choice % 3 == 0 };
    struct strato__producer *p;
    struct strato__ask *asked;

    if (strato__session_check(s) < 0 || strato__producer_find(s, message.channel, &p) < 0 ||
        strato__producer_open(s, p) < 0 ||
        strato__request_start(s, p, &message, &options, STRATO__ASK_STARTED, &asked) < 0)
        return;
    strato__session_gathered(s);
    actor->requests_open++;
    bus->ledger.requests++;
}

static void read_results(struct bus *bus, struct bus_actor *actor)
{
    struct strato__result result;

    while (strato__result_pop(&actor->session, &result)) {
        if (result.reply)
            strato__message_free(NULL, result.reply);
        if (result.more)
            continue;
        if (actor->requests_open == 0)
            bus_fail(bus, "request", "a request ended twice");
        actor->requests_open--;
        bus->ledger.results++;
    }
}

/* ---- steps --------------------------------------------------------------------------------------- */

void actor_do(struct bus *bus, const struct bus_step *step)
{
    struct bus_actor *actor = &bus->actors[step->actor];

    if (!actor->is_alive || actor->frozen_us > bus->now_us)
        return;
    switch (step->kind) {
    case BUS_SEND:
    case BUS_PUBLISH:
        if (actor->waiting_count < BUS_WAITING_MAX)
            actor->waiting[actor->waiting_count++] = ledger_sent(bus, actor, step);
        break;
    case BUS_REQUEST:
        request(bus, actor, step);
        break;
    case BUS_ACK:
        if (actor->hand_count)
            ack(bus, actor, step->choice);
        break;
    case BUS_NACK:
    case BUS_NACK_DEAD:
        if (actor->hand_count)
            nack(actor, step);
        break;
    case BUS_EXTEND:
        if (actor->hand_count)
            (void)strato__settle_extend(&actor->session, actor->hand[step->choice % actor->hand_count],
                                        100 + step->choice / 8 % 3000); /* so short that settles cross its end */
        break;
    case BUS_BARRIER:
        ask_barrier(bus, actor);
        break;
    case BUS_REPLY:
        if (actor->hand_count)
            reply(actor, step->choice);
        break;
    default:
        break;
    }
}

static void calm_down(struct bus *bus, struct bus_actor *actor)
{
    while (actor->hand_count) {
        if (actor->role == BUS_RESPONDER)
            reply(actor, 1);
        else
            ack(bus, actor, 0);
    }
}

static void step_one(struct bus *bus, struct bus_actor *actor)
{
    struct strato__session *s = &actor->session;

    s->now_us = bus->now_us + 1;
    if (strato__session_next_us(s) <= s->now_us)
        strato__session_step(s, &(struct strato__step){ .kind = STRATO__STEP_TICK }, s->now_us);
    if (s->state == STRATO__ENDED) {
        actor_crash(bus, actor, 100);
        return;
    }
    connection(bus, actor);
    if (s->state == STRATO__OPEN)
        open_streams(bus, actor);
    take(bus, actor);
    if (bus->is_calm)
        calm_down(bus, actor);
    send_waiting(bus, actor);
    look_at_watched(bus, actor);
    look_at_barrier(bus, actor);
    read_results(bus, actor);
    s->notices_count = 0;
    if (bus->is_calm || bus_draw(bus, 2))
        strato__session_flush(s);
    connection(bus, actor);
    send_out(bus, actor);
}

void actors_step(struct bus *bus)
{
    for (int i = 0; i < BUS_ACTORS; i++) {
        struct bus_actor *actor = &bus->actors[i];

        if (!actor->is_alive && actor->born_us <= bus->now_us)
            birth(bus, actor);
        if (actor->is_alive && actor->frozen_us <= bus->now_us)
            step_one(bus, actor);
    }
}

uint64_t actors_next_us(const struct bus *bus)
{
    uint64_t next = UINT64_MAX;

    for (int i = 0; i < BUS_ACTORS; i++) {
        const struct bus_actor *actor = &bus->actors[i];
        uint64_t due = actor->born_us;

        if (actor->is_alive) {
            due = strato__session_next_us(&actor->session);
            if ((actor->waiting_count || actor->watched_count) && bus->now_us + POLL_MS * BUS_MS < due)
                due = bus->now_us + POLL_MS * BUS_MS;
            if (due < actor->frozen_us)
                due = actor->frozen_us;
        }
        next = due < next ? due : next;
    }
    return next;
}

bool actors_are_done(const struct bus *bus)
{
    for (int i = 0; i < BUS_ACTORS; i++) {
        const struct bus_actor *actor = &bus->actors[i];

        if (!actor->is_alive || actor->session.state != STRATO__OPEN || actor->waiting_count || actor->watched_count ||
            actor->hand_count || actor->requests_open)
            return false;
    }
    return true;
}
