/*
 * test_leases.c - claims about the run lease: how long a started message stays with who holds it, and what ends that.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdlib.h>

#include "tests/sim/claims.h"
#include "tests/sim/world.h"

enum { WORKER = 1, PRODUCER = 2, OTHER = 3, ADMIN = 9 };

static int setup(void **state)
{
    struct world *w = malloc(sizeof(*w));

    world_open(w, NULL);
    world_hello(w, WORKER, "worker", NULL);
    world_open_channel(w, WORKER, "evolution", "c");
    world_want(w, WORKER, "evolution", 1, 0);
    world_l1_put(w, PRODUCER, "evolution", 0, NULL);
    world_turn(w);
    world_free(world_expect(w, WORKER, STRATO_OP_deliver));
    world_settle(w, WORKER, "start", "evolution", 0);
    world_turn(w);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    world_close(*state);
    free(*state);
    return 0;
}

/* Time passes, and the worker is alive in it but silent about its message. */
static void live(struct world *w, uint64_t ms)
{
    for (uint64_t passed = 0; passed < ms; passed += 2000) {
        struct world_out o;

        world_wait(w, ms - passed < 2000 ? ms - passed : 2000);
        world_begin(&o, w, WORKER, "pong");
        world_body(&o);
        world_send(&o);
    }
    world_turn(w);
}

/* Its lease is gone: the worker is told, and then has the message again, as attempt `attempts`. */
static void expect_again(struct world *w, unsigned attempts)
{
    struct world_frame *f = world_expect(w, WORKER, STRATO_OP_err);

    assert_int_equal(f->header.code, -STRATO_ESTALE_LEASE);
    world_free(f);
    live(w, 1000); /* the back-off before the second attempt is 50 ms */
    world_clear(w, WORKER);
    world_want(w, WORKER, "evolution", 3, 1);
    world_turn(w);
    f = world_expect(w, WORKER, STRATO_OP_deliver);
    assert_int_equal(world_envelope_at(f, 0).attempts, attempts);
    world_free(f);
}

static void a_started_message_that_is_not_extended_comes_back_after_30_s_and_was_an_attempt(void **state)
{
    struct world *w = *state;

    live(w, 29000);
    world_expect_nothing(w, WORKER);
    assert_int_equal(world_stats(w, "evolution").leased, 1);
    live(w, 1100);
    expect_again(w, 2);
}

static void extending_keeps_it_up_to_30_minutes_in_all(void **state)
{
    struct world *w = *state;

    for (int i = 0; i < 89; i++) {
        live(w, 20000);
        world_settle(w, WORKER, "extend", "evolution", 0);
        world_turn(w);
        world_clear(w, WORKER);
    }
    assert_int_equal(world_stats(w, "evolution").leased, 1); /* 29 min 40 s */
    live(w, 19000);
    assert_int_equal(world_stats(w, "evolution").leased, 1);
    world_settle(w, WORKER, "extend", "evolution", 0); /* it is asked for, and the cap is nearer */
    live(w, 1200);
    expect_again(w, 2);
}

static void what_is_not_leased_any_more_is_listed_in_the_answer_to_extend(void **state)
{
    static const uint8_t tag_0[] = { 0x91, 0x00 };
    struct world *w = *state;
    struct world_frame *f;

    world_settle(w, WORKER, "ack", "evolution", 0);
    world_turn(w);
    world_clear(w, WORKER);
    world_settle(w, WORKER, "extend", "evolution", 0);
    world_turn(w);
    f = world_expect(w, WORKER, STRATO_OP_ok);
    assert_int_equal(f->header.cancel.bytes, sizeof(tag_0));
    assert_memory_equal(f->header.cancel.data, tag_0, sizeof(tag_0));
    world_free(f);
}

static void a_nack_may_name_its_delay_and_may_be_nobodys_fault(void **state)
{
    struct world *w = *state;
    struct world_frame *f;
    struct world_out o;

    world_begin(&o, w, WORKER, "nack");
    world_str(&o, "ch", "evolution");
    strato_header_key(&o.header, "tags");
    strato_writer_array(&o.w, 1);
    strato_writer_u64(&o.w, 0);
    world_u64(&o, "delay_ms", 7000);
    strato_header_bool(&o.header, "penalty", false);
    world_body(&o);
    world_send(&o);
    world_want(w, WORKER, "evolution", 3, 1);
    world_turn(w);
    world_clear(w, WORKER);
    assert_int_equal(world_stats(w, "evolution").delayed, 1);
    live(w, 6900);
    assert_int_equal(world_stats(w, "evolution").delayed, 1);
    live(w, 200);
    f = world_expect(w, WORKER, STRATO_OP_deliver);
    assert_int_equal(world_envelope_at(f, 0).attempts, 1);
    assert_int_equal(world_envelope_at(f, 0).deliveries, 2);
    world_free(f);
}

static void a_call_to_a_paused_channel_is_unavailable_and_one_to_a_leaving_broker_is_told_that(void **state)
{
    struct world *w = *state;
    struct world_out o;

    world_hello(w, OTHER, "caller", NULL);
    world_begin(&o, w, ADMIN, "admin.pause");
    world_str(&o, "ch", "cost");
    world_u64(&o, "rq", 1);
    world_body(&o);
    world_send(&o);
    world_turn(w);
    world_call(w, OTHER, "cost", 1, 1000, false);
    world_turn(w);
    world_expect_err(w, OTHER, STRATO_EUNAVAILABLE);
    world_event(w, BRAIN_DRAIN, 0);
    world_turn(w);
    world_clear(w, OTHER);
    world_call(w, OTHER, "efficiency", 2, 1000, false);
    world_turn(w);
    world_expect_err(w, OTHER, STRATO_EDRAINING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_started_message_that_is_not_extended_comes_back_after_30_s_and_was_an_attempt,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(extending_keeps_it_up_to_30_minutes_in_all, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_not_leased_any_more_is_listed_in_the_answer_to_extend, setup, teardown),
        cmocka_unit_test_setup_teardown(a_nack_may_name_its_delay_and_may_be_nobodys_fault, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_call_to_a_paused_channel_is_unavailable_and_one_to_a_leaving_broker_is_told_that, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
