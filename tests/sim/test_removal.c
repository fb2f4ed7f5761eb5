/*
 * test_removal.c - claims about a channel that is removed under those who use it.
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_detached_producer_outlives_its_channel, setup, teardown),
        cmocka_unit_test_setup_teardown(a_detached_consumer_outlives_its_channel, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
