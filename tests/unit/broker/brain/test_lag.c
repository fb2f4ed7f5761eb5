/*
 * test_lag.c - losses are kept apart as long as there is place, and none is miscounted.
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/brain/lag.h"
#include "tests/sim/claims.h"

static void add(struct lags *lags, uint64_t from, uint64_t to)
{
    lags_add(lags, (struct lag){ to - from + 1, from, to });
}

static void pops(struct lags *lags, uint64_t seq, uint64_t count, uint64_t from, uint64_t to)
{
    struct lag lag;

    assert_true(lags_pop_before(lags, seq, &lag));
    assert_int_equal(lag.count, count);
    assert_int_equal(lag.from, from);
    assert_int_equal(lag.to, to);
}

static void neighbours_run_together_and_others_stay_apart(void **state)
{
    struct lags lags = { 0 };
    struct lag lag;

    (void)state;
    add(&lags, 5, 6);
    add(&lags, 20, 20);
    add(&lags, 7, 8);
    add(&lags, 4, 4);
    assert_int_equal(lags.used, 2);
    assert_false(lags_pop_before(&lags, 4, &lag));
    assert_false(lags_pop_before(&lags, 8, &lag)); /* not before its end */
    pops(&lags, 9, 5, 4, 8);
    assert_false(lags_pop_before(&lags, 20, &lag));
    pops(&lags, 21, 1, 20, 20);
    assert_false(lags_pop_before(&lags, UINT64_MAX, &lag));
}

static void a_loss_that_bridges_two_makes_one(void **state)
{
    struct lags lags = { 0 };

    (void)state;
    add(&lags, 1, 2);
    add(&lags, 5, 6);
    add(&lags, 9, 9);
    add(&lags, 3, 4);
    assert_int_equal(lags.used, 2);
    pops(&lags, 100, 6, 1, 6);
    pops(&lags, 100, 1, 9, 9);
}

static void more_than_there_is_place_for_are_counted_all_the_same(void **state)
{
    struct lags lags = { 0 };
    struct lag lag;
    uint64_t count = 0, last = 0;

    (void)state;
    for (uint64_t seq = 100; seq > 0; seq -= 10)
        add(&lags, seq, seq);
    for (uint64_t seq = 5; seq < 100; seq += 10)
        add(&lags, seq, seq);
    assert_int_equal(lags.used, LAGS_MAX);
    while (lags_pop_before(&lags, UINT64_MAX, &lag)) {
        assert_true(lag.from > last && lag.to >= lag.from);
        last = lag.to;
        count += lag.count;
    }
    assert_int_equal(count, 20);
}

static void moving_leaves_nothing_behind(void **state)
{
    struct lags to = { 0 }, from = { 0 };

    (void)state;
    add(&to, 1, 1);
    add(&from, 2, 2);
    add(&from, 9, 9);
    lags_move(&to, &from);
    assert_int_equal(from.used, 0);
    pops(&to, 100, 2, 1, 2);
    pops(&to, 100, 1, 9, 9);
    lags_add(&to, (struct lag){ 0, 5, 5 });
    assert_int_equal(to.used, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(neighbours_run_together_and_others_stay_apart),
        cmocka_unit_test(a_loss_that_bridges_two_makes_one),
        cmocka_unit_test(more_than_there_is_place_for_are_counted_all_the_same),
        cmocka_unit_test(moving_leaves_nothing_behind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
