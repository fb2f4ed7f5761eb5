/*
 * test_removal.c - claims about channels and sessions that end under those who use them.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdlib.h>

#include "tests/sim/claims.h"
#include "tests/sim/world.h"

static int setup(void **state)
{
    struct world *w = malloc(sizeof(*w));

    world_open(w, NULL);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    world_close(*state);
    free(*state);
    return 0;
}

static void admin(struct world *w, brain_peer peer, const char *op, const char *channel)
{
    struct world_out o;

    world_begin(&o, w, peer, op);
    world_str(&o, "ch", channel);
    world_body(&o);
    world_send(&o);
    world_turn(w);
    world_free(world_expect(w, peer, STRATO_OP_ok));
}

static void a_detached_producer_outlives_its_channel(void **state)
{
    struct world *w = *state;

    admin(w, 9, "admin.channel.add", "short");
    world_hello(w, 1, "away", NULL);
    world_open_channel(w, 1, "short", "p");
    world_event(w, BRAIN_PEER_GONE, 1);
    world_turn(w);
    admin(w, 9, "admin.channel.rm", "short");
    world_wait(w, 120000); /* the session ends, and its streams with it */
}

static void a_detached_consumer_outlives_its_channel(void **state)
{
    struct world *w = *state;

    admin(w, 9, "admin.channel.add", "short");
    world_hello(w, 1, "away", NULL);
    world_open_channel(w, 1, "short", "c");
    world_want(w, 1, "short", 10, 0);
    world_l1_put(w, 5, "short", 0, NULL);
    world_turn(w);
    world_event(w, BRAIN_PEER_GONE, 1);
    world_turn(w);
    admin(w, 9, "admin.channel.rm", "short");
    world_wait(w, 120000);
}

/* More than a queue holds, so that policy disconnect must end it. */
static void flood(struct world *w, brain_peer peer, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        world_l1_put(w, peer, "events", 0, NULL);
        world_clear(w, peer);
    }
}

static void a_slow_subscriber_that_subscribes_again_is_disconnected_after_its_turn(void **state)
{
    struct world *w = *state;
    struct world_out o;

    world_hello(w, 1, "slow", NULL);
    world_sub(w, 1, "events", ">", "disconnect", 0);
    world_turn(w);
    world_clear(w, 1);
    flood(w, 5, 3000);
    world_begin(&o, w, 1, "sub");
    world_str(&o, "ch", "events");
    world_u64(&o, "stream", 1);
    world_body(&o);
    world_send(&o);
    world_turn(w);
    world_free(world_expect(w, 1, STRATO_OP_ok));
    world_expect_err(w, 1, STRATO_ESLOW);
}

static void a_slow_subscriber_that_publishes_is_disconnected_after_its_turn(void **state)
{
    struct world *w = *state;

    world_hello(w, 1, "slow", NULL);
    world_sub(w, 1, "events", ">", "disconnect", 0);
    world_turn(w);
    flood(w, 1, 20000);
    world_turn(w);
    world_clear(w, 1);
    world_need(w, 1, "events", 1, 0);
    world_expect_err(w, 1, STRATO_ENO_SESSION);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_detached_producer_outlives_its_channel, setup, teardown),
        cmocka_unit_test_setup_teardown(a_detached_consumer_outlives_its_channel, setup, teardown),
        cmocka_unit_test_setup_teardown(a_slow_subscriber_that_subscribes_again_is_disconnected_after_its_turn, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_slow_subscriber_that_publishes_is_disconnected_after_its_turn, setup,
                                        teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
