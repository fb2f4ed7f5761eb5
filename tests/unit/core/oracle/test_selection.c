/*
 * test_selection.c - the four strategies: their distributions and every edge case of behaviour.md 2.2.
 *
 * SPDX-License-Identifier: MIT
 */
#include <math.h>

#include "chi_square.h"
#include "cmocka_all.h"
#include "core/errors.h"
#include "core/oracle/selection.h"

enum { DRAWS = 60000 };

static struct strato_counter draw_number(uint32_t number)
{
    return (struct strato_counter){ .individual = number, .generation = 9, .stream = STRATO_STREAM_SELECT };
}

static void count_draws(enum strato_selection_strategy strategy, uint32_t size, const double *fitness, uint32_t n,
                        uint32_t *ret_counts)
{
    struct strato_selection s = { 0 };

    assert_int_equal(strato_selection_init(&s, strategy, size, fitness, n), 0);
    for (uint32_t i = 0; i < DRAWS; i++)
        ret_counts[strato_selection_draw(&s, 2026, draw_number(i))]++;
    strato_selection_fini(&s);
}

static void assert_distribution(const uint32_t *counts, const double *weights, uint32_t n)
{
    double expected[16], total = 0;

    for (uint32_t i = 0; i < n; i++)
        total += weights[i];
    for (uint32_t i = 0; i < n; i++)
        expected[i] = DRAWS * weights[i] / total;
    assert_true(chi_square(counts, expected, n) < chi_square_limit(n - 1));
}

static void empty_population_is_invalid_for_every_strategy(void **state)
{
    struct strato_selection s = { 0 };

    (void)state;
    for (int strategy = STRATO_SELECT_TOURNAMENT; strategy <= STRATO_SELECT_ELITIST; strategy++)
        assert_int_equal(strato_selection_init(&s, (enum strato_selection_strategy)strategy, 3, NULL, 0),
                         STRATO_EINVAL);
}

static void tournament_of_size_zero_is_invalid(void **state)
{
    struct strato_selection s = { 0 };
    const double fitness[] = { 1, 2 };

    (void)state;
    assert_int_equal(strato_selection_init(&s, STRATO_SELECT_TOURNAMENT, 0, fitness, 2), STRATO_EINVAL);
}

/* Without replacement a tournament of 3 among 5: place k wins in C(4-k, 2) of C(5, 3) cases. */
static void tournament_draws_without_replacement(void **state)
{
    const double fitness[] = { 5, 1, 4, 2, 3 };
    uint32_t counts[5] = { 0 };

    (void)state;
    count_draws(STRATO_SELECT_TOURNAMENT, 3, fitness, 5, counts);
    assert_int_equal(counts[1], 0); /* the two worst can never win */
    assert_int_equal(counts[3], 0);
    assert_distribution((const uint32_t[]){ counts[0], counts[2], counts[4] }, (const double[]){ 6, 3, 1 }, 3);
}

static void tournament_size_is_capped_at_the_population(void **state)
{
    const double fitness[] = { 1, 9, 3 };
    uint32_t counts[3] = { 0 };

    (void)state;
    count_draws(STRATO_SELECT_TOURNAMENT, 1000, fitness, 3, counts);
    assert_int_equal(counts[1], DRAWS);
}

static void tournament_of_one_is_uniform(void **state)
{
    const double fitness[] = { 1, 9, 3, 7 }, weights[] = { 1, 1, 1, 1 };
    uint32_t counts[4] = { 0 };

    (void)state;
    count_draws(STRATO_SELECT_TOURNAMENT, 1, fitness, 4, counts);
    assert_distribution(counts, weights, 4);
}

static void roulette_follows_positive_fitness(void **state)
{
    const double fitness[] = { 1, 2, 3, 4 };
    uint32_t counts[4] = { 0 };

    (void)state;
    count_draws(STRATO_SELECT_ROULETTE, 0, fitness, 4, counts);
    assert_distribution(counts, fitness, 4);
}

static void roulette_shifts_negative_fitness_by_one_minus_min(void **state)
{
    const double fitness[] = { -3, -1, 0, 2 }, weights[] = { 1, 3, 4, 6 };
    uint32_t counts[4] = { 0 };

    (void)state;
    count_draws(STRATO_SELECT_ROULETTE, 0, fitness, 4, counts);
    assert_distribution(counts, weights, 4);
}

static void roulette_is_uniform_when_the_total_is_zero(void **state)
{
    const double fitness[] = { 0, 0, 0 }, weights[] = { 1, 1, 1 };
    uint32_t counts[3] = { 0 };

    (void)state;
    count_draws(STRATO_SELECT_ROULETTE, 0, fitness, 3, counts);
    assert_distribution(counts, weights, 3);
}

static void roulette_never_picks_nan(void **state)
{
    const double fitness[] = { NAN, 1, -INFINITY, 1 };
    uint32_t counts[4] = { 0 };

    (void)state;
    count_draws(STRATO_SELECT_ROULETTE, 0, fitness, 4, counts);
    assert_int_equal(counts[0] + counts[2], 0);
}

static void roulette_copes_with_the_whole_range_of_double(void **state)
{
    const double fitness[] = { -1.7e308, 1.7e308, 0 }, infinite[] = { 1, INFINITY, 5 };
    uint32_t counts[3] = { 0 }, only_infinite[3] = { 0 };

    (void)state;
    count_draws(STRATO_SELECT_ROULETTE, 0, fitness, 3, counts);
    assert_distribution((const uint32_t[]){ counts[1], counts[2] }, (const double[]){ 2, 1 }, 2);
    count_draws(STRATO_SELECT_ROULETTE, 0, infinite, 3, only_infinite);
    assert_int_equal(only_infinite[1], DRAWS);
}

static void rank_weights_run_from_one_to_n(void **state)
{
    const double fitness[] = { 1e9, -4, 0.5, 2 }, weights[] = { 4, 1, 2, 3 };
    uint32_t counts[4] = { 0 };

    (void)state;
    count_draws(STRATO_SELECT_RANK, 0, fitness, 4, counts);
    assert_distribution(counts, weights, 4);
}

static void elitist_takes_the_top_in_order(void **state)
{
    const double fitness[] = { 2, NAN, 7, 7, 1 };
    const uint32_t want[] = { 2, 3, 0, 4, 1, 2 };
    struct strato_selection s = { 0 };

    (void)state;
    assert_int_equal(strato_selection_init(&s, STRATO_SELECT_ELITIST, 0, fitness, 5), 0);
    for (uint32_t i = 0; i < 6; i++)
        assert_int_equal(strato_selection_draw(&s, 1, draw_number(i)), want[i]);
    strato_selection_fini(&s);
}

static void a_population_of_one_is_always_drawn(void **state)
{
    const double fitness[] = { -7 };

    (void)state;
    for (int strategy = STRATO_SELECT_TOURNAMENT; strategy <= STRATO_SELECT_ELITIST; strategy++) {
        uint32_t counts[1] = { 0 };

        count_draws((enum strato_selection_strategy)strategy, 3, fitness, 1, counts);
        assert_int_equal(counts[0], DRAWS);
    }
}

static void a_draw_does_not_depend_on_earlier_draws(void **state)
{
    const double fitness[] = { 3, 1, 4, 1, 5, 9, 2, 6 };
    struct strato_selection s = { 0 }, fresh = { 0 };

    (void)state;
    assert_int_equal(strato_selection_init(&s, STRATO_SELECT_TOURNAMENT, 2, fitness, 8), 0);
    assert_int_equal(strato_selection_init(&fresh, STRATO_SELECT_TOURNAMENT, 2, fitness, 8), 0);
    for (uint32_t i = 0; i < 100; i++)
        strato_selection_draw(&s, 1, draw_number(i));
    for (uint32_t i = 0; i < 100; i++)
        assert_int_equal(strato_selection_draw(&s, 1, draw_number(99 - i)),
                         strato_selection_draw(&fresh, 1, draw_number(99 - i)));
    strato_selection_fini(&s);
    strato_selection_fini(&fresh);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_population_is_invalid_for_every_strategy),
        cmocka_unit_test(tournament_of_size_zero_is_invalid),
        cmocka_unit_test(tournament_draws_without_replacement),
        cmocka_unit_test(tournament_size_is_capped_at_the_population),
        cmocka_unit_test(tournament_of_one_is_uniform),
        cmocka_unit_test(roulette_follows_positive_fitness),
        cmocka_unit_test(roulette_shifts_negative_fitness_by_one_minus_min),
        cmocka_unit_test(roulette_is_uniform_when_the_total_is_zero),
        cmocka_unit_test(roulette_never_picks_nan),
        cmocka_unit_test(roulette_copes_with_the_whole_range_of_double),
        cmocka_unit_test(rank_weights_run_from_one_to_n),
        cmocka_unit_test(elitist_takes_the_top_in_order),
        cmocka_unit_test(a_population_of_one_is_always_drawn),
        cmocka_unit_test(a_draw_does_not_depend_on_earlier_draws),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
