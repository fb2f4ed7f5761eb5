/*
 * test_storm.c - random schedules of producers, consumers, callers, subscribers, crashes and resumes.
 *
 * Each seed is one run on the virtual clock; both laws are asserted after every turn (world.c). At its end
 * everything is taken, and what came out must be what was accepted. A failing seed is printed:
 *     test_sim_storm FIRST COUNT       e.g. test_sim_storm 4711 1
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/sim/claims.h"
#include "tests/sim/world.h"

enum { ACTORS = 24, STEPS = 400, SEEDS = 150, CHANNELS = 5 };

static const char *const channels[CHANNELS] = { "gpu", "evolution", "small", "lossy", "newest" };

enum role { PRODUCER, CONSUMER, GETTER, PUTTER, SUBSCRIBER, CALLER, RESPONDER, ROLES };

struct actor {
    enum role role;
    const char *channel;
    brain_peer peer, alive; /* peer: 0 = crashed */
    uint64_t limit, sent;   /* producer */
    uint64_t granted, next_tag, taken, calls;
    uint64_t open_tags[512];
    uint32_t open_count;
    char leases[64][40];
    uint32_t leases_count;
};

struct storm {
    struct world *w;
    struct actor actors[ACTORS];
    brain_peer next_peer;
    uint64_t results, errors;
};

static uint64_t first_seed = 1, seeds = SEEDS;

static brain_peer new_peer(struct storm *s)
{
    brain_peer peer = s->next_peer++;

    assert_true(s->next_peer < WORLD_PEERS_MAX);
    return peer;
}

static void open_stream(struct storm *s, struct actor *a, const char *dir)
{
    struct world_out o;

    world_begin(&o, s->w, a->peer, "open");
    world_str(&o, "ch", a->channel);
    world_str(&o, "dir", dir);
    if (world_random(s->w, 3) == 0 && dir[0] == 'c')
        strato_header_bool(&o.header, "auto_ack", true);
    world_body(&o);
    world_send(&o);
}

static void begin(struct storm *s, struct actor *a)
{
    *a = (struct actor){ .role = a->role, .channel = a->channel, .peer = new_peer(s) };
    if (a->role == GETTER || a->role == PUTTER) {
        s->w->peers[a->peer].is_lockstep = false;
        return;
    }
    world_hello(s->w, a->peer, NULL, world_random(s->w, 2) ? "cuda" : NULL);
    if (a->role == SUBSCRIBER)
        world_sub(s->w, a->peer, "events", NULL, world_random(s->w, 4) == 0 ? "block" : NULL, world_random(s->w, 2));
    else if (a->role == RESPONDER)
        open_stream(s, a, "s");
    else if (a->role != CALLER)
        open_stream(s, a, a->role == PRODUCER ? "p" : "c");
}

static struct strato_envelope_out some_envelope(struct world *w)
{
    static const char *const needs[] = { "cuda" };
    static const char *const keys[] = { "", "k1", "k2", "k3" };
    struct strato_envelope_out e = { .type = "t.work",
                                     .has = STRATO_ENV_PRIORITY,
                                     .priority = (uint8_t)world_random(w, 101) };

    if (world_random(w, 4) == 0) {
        e.has |= STRATO_ENV_TTL;
        e.ttl_ms = (uint32_t)world_random(w, 3000);
    }
    if (world_random(w, 8) == 0)
        e.delay_ms = (uint32_t)world_random(w, 2000);
    if (world_random(w, 6) == 0) {
        e.needs = needs;
        e.needs_count = 1;
    }
    if (world_random(w, 4) == 0) {
        e.has |= STRATO_ENV_AFFINITY;
        e.affinity = keys[world_random(w, 4)];
    }
    if (world_random(w, 6) == 0)
        e.order_key = keys[1 + world_random(w, 3)];
    if (world_random(w, 10) == 0)
        e.id = strato_text(world_random(w, 2) ? "same" : keys[1 + world_random(w, 3)]);
    if (world_random(w, 8) == 0) {
        e.has |= STRATO_ENV_ACK;
        e.ack = false;
    }
    return e;
}

static void produce(struct storm *s, struct actor *a)
{
    struct world *w = s->w;
    uint64_t n = a->limit - a->sent;

    if (n && world_random(w, 3)) {
        struct strato_envelope_out e = some_envelope(w);

        n = 1 + world_random(w, n < 20 ? n : 20);
        world_put(w, a->peer, a->channel, a->sent, n, &e);
        a->sent += n;
    } else if (world_random(w, 2)) {
        world_need(w, a->peer, a->channel, a->sent + 1 + world_random(w, 50), world_random(w, 2) * 500);
    }
}

static void settle_one(struct storm *s, struct actor *a)
{
    static const char *const ops[] = { "ack", "ack", "ack", "ack", "nack", "start", "extend" };
    uint32_t at = (uint32_t)world_random(s->w, a->open_count);
    const char *op = a->role == RESPONDER ? "reply" : ops[world_random(s->w, 7)];

    if (a->role == RESPONDER && world_random(s->w, 8))
        world_reply(s->w, a->peer, a->channel, a->open_tags[at], world_random(s->w, 4) == 0);
    else
        world_settle(s->w, a->peer, a->role == RESPONDER ? "nack" : op, a->channel, a->open_tags[at]);
    a->open_tags[at] = a->open_tags[--a->open_count];
}

static void consume(struct storm *s, struct actor *a)
{
    if (a->open_count && world_random(s->w, 3)) {
        settle_one(s, a);
        return;
    }
    a->taken = a->next_tag;
    a->granted = a->next_tag + world_random(s->w, 64);
    world_want(s->w, a->peer, a->channel, a->granted, a->taken);
}

static void subscriber(struct storm *s, struct actor *a)
{
    if (world_random(s->w, 4) == 0)
        world_want(s->w, a->peer, "events", a->next_tag + world_random(s->w, 300), a->next_tag);
}

static void put_plain(struct storm *s, struct actor *a)
{
    struct strato_envelope_out e = some_envelope(s->w);

    world_l1_put(s->w, a->peer, world_random(s->w, 2) ? "events" : a->channel, world_random(s->w, 2) * 300, &e);
}

static void act(struct storm *s, struct actor *a)
{
    if (!a->peer)
        return;
    switch (a->role) {
    case PRODUCER:
        produce(s, a);
        break;
    case CONSUMER:
    case RESPONDER:
        consume(s, a);
        break;
    case GETTER:
        world_get(s->w, a->peer, a->channel, 1 + world_random(s->w, 8), world_random(s->w, 2) * 200);
        break;
    case PUTTER:
        put_plain(s, a);
        break;
    case SUBSCRIBER:
        subscriber(s, a);
        break;
    case CALLER:
        world_call(s->w, a->peer, world_random(s->w, 2) ? "cost" : "small", ++a->calls, 1 + world_random(s->w, 2000),
                   world_random(s->w, 2));
        break;
    case ROLES:
        break;
    }
}

static void ack_leases(struct storm *s, struct actor *a, const struct world_frame *f)
{
    struct world_out o;

    if (world_random(s->w, 4) == 0)
        return;
    world_begin(&o, s->w, a->peer, world_random(s->w, 4) ? "ack" : "nack");
    world_str(&o, "ch", a->channel);
    strato_header_raw(&o.header, "leases", f->header.leases);
    world_body(&o);
    world_send(&o);
}

static void read_one(struct storm *s, struct actor *a, const struct world_frame *f)
{
    switch (f->header.opcode) {
    case STRATO_OP_opened:
    case STRATO_OP_credit:
        if (f->header.limit > a->limit)
            a->limit = f->header.limit;
        break;
    case STRATO_OP_revoke:
        if (world_random(s->w, 20)) { /* sometimes it does not answer */
            struct world_out o;

            world_begin(&o, s->w, a->peer, "release");
            world_str(&o, "ch", a->channel);
            world_u64(&o, "sent", a->sent);
            world_u64(&o, "sent_bytes", f->header.limit_bytes);
            world_body(&o);
            world_send(&o);
            a->limit = a->sent;
        }
        break;
    case STRATO_OP_deliver:
        if (f->header.leases.bytes) {
            ack_leases(s, a, f);
            break;
        }
        for (uint64_t k = 0; k < f->header.n && a->open_count < 512; k++)
            a->open_tags[a->open_count++] = f->header.i + k;
        a->next_tag = f->header.i + f->header.n;
        break;
    case STRATO_OP_event:
        a->next_tag = f->header.i + f->header.n;
        break;
    case STRATO_OP_result:
        s->results += f->header.n;
        break;
    case STRATO_OP_err:
        s->errors++;
        break;
    default:
        break;
    }
}

static void read_all(struct storm *s, struct actor *a)
{
    struct world_frame *f;

    while (a->peer && (f = world_receive(s->w, a->peer)) != NULL) {
        read_one(s, a, f);
        world_free(f);
    }
}

static void crash_or_return(struct storm *s, struct actor *a)
{
    struct world *w = s->w;

    if (a->peer) {
        world_clear(w, a->peer);
        a->alive = a->peer;
        world_event(w, BRAIN_PEER_GONE, a->peer);
        a->peer = 0;
        return;
    }
    if (world_random(w, 2) && w->peers[a->alive].token_bytes) { /* resume; it may be too late */
        struct world_out o;
        brain_peer peer = new_peer(s);
        struct world_frame *f;

        world_begin(&o, w, peer, "hello");
        strato_header_raw(&o.header, "token", strato_bytes(w->peers[a->alive].token, w->peers[a->alive].token_bytes));
        world_body(&o);
        world_send(&o);
        f = world_receive(w, peer);
        assert_non_null(f);
        if (f->header.opcode == STRATO_OP_welcome) {
            w->peers[peer].ep = f->header.ep;
            memcpy(w->peers[peer].token, f->header.token.data, f->header.token.bytes);
            w->peers[peer].token_bytes = f->header.token.bytes;
            a->peer = peer;
            a->limit = a->sent;
            a->open_count = 0;
            world_free(f);
            return;
        }
        world_free(f);
    }
    begin(s, a);
}

static void admin(struct storm *s)
{
    static const char *const ops[] = { "admin.purge", "admin.pause", "admin.resume", "admin.resume",
                                       "admin.channel.set" };
    uint64_t which = world_random(s->w, 5);
    struct world_out o;

    world_begin(&o, s->w, 1, ops[which]);
    world_str(&o, "ch", channels[world_random(s->w, CHANNELS)]);
    world_body(&o);
    if (which == 4) {
        strato_writer_map(&o.w, 2);
        strato_writer_text(&o.w, "type");
        strato_writer_text(&o.w, "admin");
        strato_writer_text(&o.w, "payload");
        strato_writer_map(&o.w, 1);
        strato_writer_text(&o.w, "capacity");
        strato_writer_u64(&o.w, 1 + world_random(s->w, 200));
    }
    world_send(&o);
    world_clear(s->w, 1);
}

/* Bytes that nobody should send. */
static void garbage(struct storm *s)
{
    struct world_out o;
    struct strato_envelope_out e = some_envelope(s->w);
    size_t bytes;

    world_begin(&o, s->w, 1, "put");
    world_str(&o, "ch", "evolution");
    world_body(&o);
    world_envelope(&o, &e);
    for (int i = 0; i < 3; i++)
        o.w.data[world_random(s->w, o.w.bytes)] = (uint8_t)world_random(s->w, 256);
    bytes = world_random(s->w, 2) ? o.w.bytes : (size_t)world_random(s->w, o.w.bytes);
    world_raw(s->w, 1, o.w.data, bytes);
    strato_writer_fini(&o.w);
    world_clear(s->w, 1);
}

static void add_channel(struct world *w, const char *name, const char *full, uint64_t capacity)
{
    struct world_out o;

    world_begin(&o, w, 1, "admin.channel.add");
    world_str(&o, "ch", name);
    world_body(&o);
    strato_writer_map(&o.w, 2);
    strato_writer_text(&o.w, "type");
    strato_writer_text(&o.w, "admin");
    strato_writer_text(&o.w, "payload");
    strato_writer_map(&o.w, 3);
    strato_writer_text(&o.w, "pattern");
    strato_writer_text(&o.w, "work");
    strato_writer_text(&o.w, "capacity");
    strato_writer_u64(&o.w, capacity);
    strato_writer_text(&o.w, "full");
    strato_writer_text(&o.w, full);
    world_send(&o);
    world_free(world_expect(w, 1, STRATO_OP_ok));
}

/* Everybody leaves, what is left is taken out; nothing may remain and nothing may be missing. */
static void account(struct storm *s)
{
    struct world *w = s->w;

    for (int i = 0; i < ACTORS; i++) {
        if (s->actors[i].peer)
            world_event(w, BRAIN_PEER_GONE, s->actors[i].peer);
    }
    world_wait(w, 48 * 3600 * 1000u);
    for (int i = 0; i < CHANNELS; i++) {
        struct brain_channel_stats stats = world_stats(w, channels[i]);

        assert_int_equal(stats.ready + stats.leased + stats.delayed, 0);
        assert_int_equal(stats.granted, 0);
        assert_int_equal(stats.bytes, 0);
        assert_int_equal(stats.producers + stats.consumers, 0);
    }
}

static void run(uint64_t seed)
{
    struct world *w = malloc(sizeof(*w));
    struct storm s = { .w = w, .next_peer = 2 };

    world_open(w, &(struct brain_config){ .seed = seed });
    w->random ^= seed * UINT64_C(0x9e3779b97f4a7c15);
    add_channel(w, "small", "wait", 5);
    add_channel(w, "lossy", "drop_oldest", 20);
    add_channel(w, "newest", "drop_newest", 20);
    for (int i = 0; i < ACTORS; i++) {
        s.actors[i].role = (enum role)(i % ROLES);
        s.actors[i].channel = s.actors[i].role == RESPONDER ? "cost" : channels[world_random(w, CHANNELS)];
        begin(&s, &s.actors[i]);
    }
    for (int step = 0; step < STEPS; step++) {
        for (uint64_t k = world_random(w, 12); k > 0; k--)
            act(&s, &s.actors[world_random(w, ACTORS)]);
        if (world_random(w, 25) == 0)
            crash_or_return(&s, &s.actors[world_random(w, ACTORS)]);
        if (world_random(w, 40) == 0)
            admin(&s);
        if (world_random(w, 10) == 0)
            garbage(&s);
        if (world_random(w, 3) == 0)
            world_wait(w, world_random(w, world_random(w, 20) ? 30 : 20000));
        else
            world_turn(w);
        for (int i = 0; i < ACTORS; i++)
            read_all(&s, &s.actors[i]);
    }
    account(&s);
    world_close(w);
    free(w);
}

static void both_laws_hold_whatever_happens(void **state)
{
    (void)state;
    for (uint64_t seed = first_seed; seed < first_seed + seeds; seed++) {
        print_message("seed %llu\r", (unsigned long long)seed);
        run(seed);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(both_laws_hold_whatever_happens) };

    if (argc > 1)
        first_seed = strtoull(argv[1], NULL, 10);
    if (argc > 2)
        seeds = strtoull(argv[2], NULL, 10);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
