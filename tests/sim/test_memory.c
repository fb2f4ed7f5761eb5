/*
 * test_memory.c - the brain when allocations fail: refusals, never a crash, and both laws hold.
 *
 * malloc, calloc and realloc are wrapped by the linker; they fail at random, but only inside brain_step().
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdlib.h>

#include "tests/sim/claims.h"
#include "tests/sim/dlq.h"

void *__real_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t bytes);
void *__real_realloc(void *memory, size_t bytes);
void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);
void *__wrap_realloc(void *memory, size_t bytes);
int __real_brain_step(struct brain *brain, const struct brain_event *event, uint64_t now_ms, struct brain_out *out);
int __wrap_brain_step(struct brain *brain, const struct brain_event *event, uint64_t now_ms, struct brain_out *out);

static unsigned one_in; /* 0 = never fail */
static uint64_t random_bits = 1;
static uint64_t failures;
static bool is_inside;

static bool fails(void)
{
    if (!one_in || !is_inside)
        return false;
    random_bits ^= random_bits << 13;
    random_bits ^= random_bits >> 7;
    random_bits ^= random_bits << 17;
    if (random_bits % one_in)
        return false;
    failures++;
    return true;
}

void *__wrap_malloc(size_t bytes)
{
    return fails() ? NULL : __real_malloc(bytes);
}

void *__wrap_calloc(size_t count, size_t bytes)
{
    return fails() ? NULL : __real_calloc(count, bytes);
}

void *__wrap_realloc(void *memory, size_t bytes)
{
    return fails() ? NULL : __real_realloc(memory, bytes);
}

int __wrap_brain_step(struct brain *brain, const struct brain_event *event, uint64_t now_ms, struct brain_out *out)
{
    int rc;

    is_inside = true;
    rc = __real_brain_step(brain, event, now_ms, out);
    is_inside = false;
    return rc;
}

static void hello(struct world *w, brain_peer peer)
{
    struct world_out o;

    world_begin(&o, w, peer, "hello");
    world_body(&o);
    world_send(&o);
    w->peers[peer].ep = 1;
}

static void open_stream(struct world *w, brain_peer peer, const char *channel, const char *dir)
{
    struct world_out o;

    world_begin(&o, w, peer, "open");
    world_str(&o, "ch", channel);
    world_str(&o, "dir", dir);
    world_body(&o);
    world_send(&o);
}

static void ask_dlq(struct world *w)
{
    static const char *const whats[] = { "list", "get", "redrive", "purge" };
    uint64_t what = world_random(w, 4);
    struct dlq_argument argument = what == 0 ? dlq_text("reason", "rejected") : dlq_u64("id", 1 + world_random(w, 40));

    if (what > 1 && world_random(w, 4) == 0)
        argument = dlq_all;
    dlq_send(w, whats[what], "gpu", &argument, 1);
    world_clear(w, DLQ_PEER);
}

static void act(struct world *w, brain_peer peer)
{
    static const char *const keys[] = { "a", "b", "c" };
    struct strato_envelope_out e = {
        .type = "t.x", .receipt = true, .affinity = keys[world_random(w, 3)], .order_key = keys[world_random(w, 3)]
    };

    if (world_random(w, 2))
        e.id = strato_text(keys[world_random(w, 3)]);
    switch (world_random(w, 17)) {
    case 0:
        hello(w, peer);
        break;
    case 1:
        open_stream(w, peer, "gpu", "p");
        break;
    case 2:
        open_stream(w, peer, "gpu", "c");
        break;
    case 3:
        open_stream(w, peer, "cost", "s");
        break;
    case 4:
        world_sub(w, peer, "events", "events.>", NULL, 1);
        break;
    case 5:
        world_need(w, peer, "gpu", world_random(w, 50), 100);
        break;
    case 6:
        world_want(w, peer, "gpu", world_random(w, 200), world_random(w, 50));
        break;
    case 7:
        world_want(w, peer, "cost", world_random(w, 200), 0);
        break;
    case 8:
        world_l1_put(w, peer, "gpu", 100, &e);
        break;
    case 9:
        world_l1_put(w, peer, "events", 0, NULL);
        break;
    case 10:
        world_get(w, peer, "gpu", 3, 50);
        break;
    case 11:
        world_settle(w, peer, world_random(w, 2) ? "ack" : "nack", "gpu", world_random(w, 20));
        break;
    case 12:
        world_call(w, peer, "cost", world_random(w, 1000), 500, true);
        break;
    case 13:
        world_reply(w, peer, "cost", world_random(w, 20), false);
        break;
    case 14:
        world_want(w, peer, "events", world_random(w, 500), world_random(w, 100));
        break;
    case 15:
        ask_dlq(w);
        break;
    default:
        if (world_random(w, 5) == 0)
            world_event(w, BRAIN_PEER_GONE, peer);
        break;
    }
}

static void run(unsigned rate, uint64_t seed)
{
    struct world *w = calloc(1, sizeof(*w));

    world_open(w, NULL);
    w->random ^= seed * UINT64_C(0x9e3779b97f4a7c15);
    random_bits = w->random | 1;
    one_in = rate;
    for (int step = 0; step < 600; step++) {
        for (int k = 0; k < 6; k++)
            act(w, 1 + world_random(w, 8));
        if (world_random(w, 4) == 0)
            world_wait(w, world_random(w, 2000));
        else
            world_turn(w);
        for (brain_peer p = 1; p <= 8; p++)
            world_clear(w, p);
    }
    one_in = 0;
    world_wait(w, 400000);
    world_close(w);
    free(w);
}

static void failing_allocations_break_no_law(void **state)
{
    static const unsigned rates[] = { 2, 5, 20, 100, 1000 };

    (void)state;
    for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
        for (uint64_t seed = 1; seed <= 12; seed++)
            run(rates[i], seed);
    }
    assert_true(failures > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(failing_allocations_break_no_law) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
