/*
 * test_statistics.c - five numbers of a population.
 *
 * SPDX-License-Identifier: MIT
 */
#include <math.h>

#include "cmocka_all.h"
#include "core/errors.h"
#include "core/oracle/statistics.h"

static void numbers_of_a_small_population(void **state)
{
    const double fitness[] = { 2, 4, 4, 4, 5, 5, 7, 9 };
    struct strato_statistics s;

    (void)state;
    assert_int_equal(strato_statistics(fitness, 8, &s), 0);
    assert_true(s.best == 9 && s.worst == 2 && s.mean == 5 && s.std_dev == 2);
    assert_int_equal(s.best_row, 7);
    assert_int_equal(s.worst_row, 0);
}

static void no_population_is_invalid(void **state)
{
    struct strato_statistics s;

    (void)state;
    assert_int_equal(strato_statistics(NULL, 0, &s), STRATO_EINVAL);
}

static void nan_is_only_the_worst(void **state)
{
    const double some[] = { 1, NAN, 3 }, all[] = { NAN, NAN };
    struct strato_statistics s;

    (void)state;
    assert_int_equal(strato_statistics(some, 3, &s), 0);
    assert_true(s.best == 3 && s.mean == 2 && s.std_dev == 1 && isnan(s.worst));
    assert_int_equal(strato_statistics(all, 2, &s), 0);
    assert_true(isnan(s.best) && isnan(s.mean) && isnan(s.std_dev));
}

static void ties_go_to_the_lower_row(void **state)
{
    const double fitness[] = { 1, 5, 5, 1 };
    struct strato_statistics s;

    (void)state;
    assert_int_equal(strato_statistics(fitness, 4, &s), 0);
    assert_int_equal(s.best_row, 1);
    assert_int_equal(s.worst_row, 3);
}

static void equal_huge_values_have_no_deviation(void **state)
{
    const double fitness[] = { 1e15 + 0.5, 1e15 + 0.5, 1e15 + 0.5 };
    struct strato_statistics s;

    (void)state;
    assert_int_equal(strato_statistics(fitness, 3, &s), 0);
    assert_true(s.std_dev < 0.2);
}

/* A 3-4-5 triangle. */
static void diversity_is_the_mean_distance_of_pairs(void **state)
{
    struct strato_population p = { 0 };

    (void)state;
    assert_int_equal(strato_population_init(&p, STRATO_GENES_F32, 3, 2), 0);
    strato_population_set_gene(&p, 1, 0, 3);
    strato_population_set_gene(&p, 2, 1, 4);
    assert_true(strato_diversity(&p) == 4);
    strato_population_fini(&p);
    assert_int_equal(strato_population_init(&p, STRATO_GENES_F32, 1, 2), 0);
    assert_true(strato_diversity(&p) == 0);
    strato_population_fini(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_of_a_small_population),
        cmocka_unit_test(no_population_is_invalid),
        cmocka_unit_test(nan_is_only_the_worst),
        cmocka_unit_test(ties_go_to_the_lower_row),
        cmocka_unit_test(equal_huge_values_have_no_deviation),
        cmocka_unit_test(diversity_is_the_mean_distance_of_pairs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
