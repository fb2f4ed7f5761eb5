/*
 * test_wheel.c - claims about the timing wheel.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdlib.h>

#include "broker/brain/wheel.h"
#include "tests/sim/claims.h"

static int setup(void **state)
{
    struct wheel *wheel = malloc(sizeof(*wheel));

    wheel_init(wheel, 1000);
    *state = wheel;
    return 0;
}

static int teardown(void **state)
{
    free(*state);
    return 0;
}

static void a_timer_fires_exactly_at_its_time(void **state)
{
    static const uint64_t spans[] = { 0,    1,      63,     64,     65,       4095,     4096,
                                      4097, 262143, 262144, 300000, 16777216, 86400000, 172800000 };
    struct wheel *wheel = *state;
    uint64_t now = 1000;

    for (size_t i = 0; i < sizeof(spans) / sizeof(spans[0]); i++) {
        struct wheel_timer timer = { 0 };
        uint64_t due = now + spans[i];

        wheel_arm(wheel, &timer, due);
        assert_true(wheel_next_ms(wheel) <= due);
        if (spans[i])
            assert_null(wheel_pop(wheel, due - 1));
        assert_ptr_equal(wheel_pop(wheel, due), &timer);
        assert_false(wheel_is_armed(&timer));
        now = due;
    }
    assert_int_equal(wheel_next_ms(wheel), UINT64_MAX);
}

static void a_cancelled_timer_never_fires(void **state)
{
    struct wheel *wheel = *state;
    struct wheel_timer timer = { 0 };

    wheel_arm(wheel, &timer, 5000);
    wheel_cancel(&timer);
    assert_null(wheel_pop(wheel, 10000000));
    wheel_cancel(&timer);
}

static void a_time_that_has_passed_fires_next(void **state)
{
    struct wheel *wheel = *state;
    struct wheel_timer timer = { 0 };

    assert_null(wheel_pop(wheel, 9000));
    wheel_arm(wheel, &timer, 2000);
    assert_ptr_equal(wheel_pop(wheel, 9000), &timer);
}

static void many_random_timers_fire_in_time_and_none_is_lost(void **state)
{
    enum { COUNT = 5000 };
    struct wheel *wheel = *state;
    struct wheel_timer *timers = calloc(COUNT, sizeof(*timers));
    uint64_t *due = calloc(COUNT, sizeof(*due));
    uint64_t random = 88172645463325252u, now = 1000;
    size_t fired = 0;

    for (size_t i = 0; i < COUNT; i++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        due[i] = now + random % (i % 2 ? 1000 : 100000000);
        wheel_arm(wheel, &timers[i], due[i]);
    }
    while (fired < COUNT) {
        struct wheel_timer *timer;
        uint64_t next = wheel_next_ms(wheel);

        assert_true(next >= now && next != UINT64_MAX);
        now = next;
        while ((timer = wheel_pop(wheel, now)) != NULL) {
            assert_int_equal(due[timer - timers], now);
            fired++;
        }
    }
    free(timers);
    free(due);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_timer_fires_exactly_at_its_time, setup, teardown),
        cmocka_unit_test_setup_teardown(a_cancelled_timer_never_fires, setup, teardown),
        cmocka_unit_test_setup_teardown(a_time_that_has_passed_fires_next, setup, teardown),
        cmocka_unit_test_setup_teardown(many_random_timers_fire_in_time_and_none_is_lost, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
