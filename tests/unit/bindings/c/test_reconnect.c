/*
 * test_reconnect.c - the waits between attempts to reach the broker.
 *
 * SPDX-License-Identifier: MIT
 */
#include "bindings/c/reconnect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void waits_double_from_the_start_to_the_cap(void **state)
{
    const uint64_t expected_ms[] = { 100, 200, 400, 800, 1600, 3200, 5000, 5000 };
    struct strato__backoff backoff;

    (void)state;
    strato__backoff_init(&backoff, 100, 5000, 42);

    for (size_t i = 0; i < sizeof expected_ms / sizeof *expected_ms; i++) {
        uint64_t us = strato__backoff_next_us(&backoff);

        assert_true(us >= expected_ms[i] * 1000);
        assert_true(us <= expected_ms[i] * 1100);
    }
}

static void a_reset_begins_anew(void **state)
{
    struct strato__backoff backoff;

    (void)state;
    strato__backoff_init(&backoff, 100, 5000, 42);
    strato__backoff_next_us(&backoff);
    strato__backoff_next_us(&backoff);

    strato__backoff_reset(&backoff);

    assert_true(strato__backoff_next_us(&backoff) <= 110000);
}

static void two_clients_do_not_come_back_in_step(void **state)
{
    struct strato__backoff a, b;

    (void)state;
    strato__backoff_init(&a, 5000, 5000, 1);
    strato__backoff_init(&b, 5000, 5000, 2);

    assert_int_not_equal(strato__backoff_next_us(&a), strato__backoff_next_us(&b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waits_double_from_the_start_to_the_cap),
        cmocka_unit_test(a_reset_begins_anew),
        cmocka_unit_test(two_clients_do_not_come_back_in_step),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
