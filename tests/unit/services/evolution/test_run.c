/*
 * test_run.c - the book of a population: any order, any split, lost, late and double answers end the same.
 *
 * SPDX-License-Identifier: MIT
 */
#include <string.h>

#include "cmocka_all.h"
#include "core/errors.h"
#include "services/evolution/run.h"

enum { SIZE = 30 };

static int setup(void **state)
{
    static struct evolution_run run;
    struct evolution_settings settings = EVOLUTION_SETTINGS_DEFAULTS;

    settings.problem = strato_problem_find(strato_text("sphere"));
    settings.size = SIZE;
    settings.dim = 4;
    settings.breeding.seed = 9;
    settings.breeding.mutation.rate = 0.3;
    *state = &run;
    return evolution_run_init(&run, &settings);
}

static int teardown(void **state)
{
    evolution_run_fini(*state);
    return 0;
}

static double fitness_of(const struct evolution_run *run, uint32_t row)
{
    double sum = 0;

    for (uint32_t gene = 0; gene < run->now.dim; gene++)
        sum -= strato_population_gene(&run->now, row, gene) * strato_population_gene(&run->now, row, gene);
    return sum;
}

/* Takes up to `max` rows and tells their fitness. */
static uint32_t evaluate(struct evolution_run *run, uint32_t max)
{
    uint32_t rows[SIZE], count = evolution_run_take(run, max, rows);
    double values[SIZE];

    for (uint32_t i = 0; i < count; i++)
        values[i] = fitness_of(run, rows[i]);
    return evolution_run_tell(run, run->round, rows, count, values);
}

static void a_new_population_knows_nothing_and_wants_nothing(void **state)
{
    struct evolution_run *run = *state;

    assert_int_equal(strato_population_unknown(&run->now), SIZE);
    assert_true(evolution_run_is_settled(run));
}

static void wanted_rows_are_handed_out_once_lowest_first(void **state)
{
    struct evolution_run *run = *state;
    uint32_t rows[SIZE];

    evolution_run_want_all(run);
    evolution_run_want_all(run);
    assert_int_equal(evolution_run_take(run, 7, rows), 7);
    assert_int_equal(rows[0], 0);
    assert_int_equal(evolution_run_take(run, 1000, rows), SIZE - 7);
    assert_int_equal(rows[0], 7);
    assert_int_equal(evolution_run_take(run, 1, rows), 0);
    assert_false(evolution_run_is_settled(run));
}

static void lost_rows_are_wanted_again(void **state)
{
    struct evolution_run *run = *state;
    uint32_t rows[SIZE], again[SIZE];

    evolution_run_want_all(run);
    evolution_run_take(run, SIZE, rows);
    evolution_run_lose(run, run->round, rows + 3, 2);
    assert_int_equal(evolution_run_take(run, SIZE, again), 2);
    assert_int_equal(again[0], 3);
    assert_int_equal(again[1], 4);
}

static void a_value_told_twice_counts_once(void **state)
{
    struct evolution_run *run = *state;
    const double value = -1, other = -2;
    uint32_t row;

    evolution_run_want(run, 5);
    assert_int_equal(evolution_run_take(run, 1, &row), 1);
    assert_int_equal(evolution_run_tell(run, run->round, &row, 1, &value), 1);
    assert_int_equal(evolution_run_tell(run, run->round, &row, 1, &other), 0);
    assert_true(run->now.fitness[5] == -1);
    assert_int_equal(run->evaluations, 1);
    evolution_run_lose(run, run->round, &row, 1);
    assert_true(evolution_run_is_settled(run));
}

static void answers_of_an_older_round_are_stale(void **state)
{
    struct evolution_run *run = *state;
    struct strato_selection selection;
    const double value = 100;
    uint32_t row = SIZE - 1, old = run->round;

    evolution_run_want_all(run);
    evaluate(run, SIZE);
    assert_int_equal(evolution_run_select(run, &selection), 0);
    evolution_run_breed(run, &selection);
    strato_selection_fini(&selection);
    evolution_run_want_all(run);
    assert_int_equal(evolution_run_tell(run, old, &row, 1, &value), 0);
    assert_true(run->now.fitness[row] != 100);
}

static void first_best_improves_on_nothing_and_a_better_one_on_it(void **state)
{
    struct evolution_run *run = *state;
    struct evolution_improvement news;
    double old;

    evolution_run_want_all(run);
    evaluate(run, SIZE);
    assert_false(evolution_run_note_best(run, &news));
    assert_false(evolution_run_note_best(run, &news));
    old = run->best;
    strato_population_set_fitness(&run->now, 4, old); /* as good is not better */
    assert_false(evolution_run_note_best(run, &news));
    strato_population_set_fitness(&run->now, 4, old + 1);
    assert_true(evolution_run_note_best(run, &news));
    assert_true(news.old_fitness == old && news.new_fitness == old + 1);
    assert_memory_equal(news.id.bytes, run->now.ids[4].bytes, 16);
}

static void asked_mutations_of_two_messages_differ(void **state)
{
    struct evolution_run *run = *state;
    const struct strato_mutation m = { .kind = STRATO_MUTATE_UNIFORM, .rate = 1, .parameter = 1 };
    double before = strato_population_gene(&run->now, 0, 0), first, second;

    evolution_run_mutate(run, 0, &m);
    first = strato_population_gene(&run->now, 0, 0) - before;
    run->asked++;
    before += first;
    evolution_run_mutate(run, 0, &m);
    second = strato_population_gene(&run->now, 0, 0) - before;
    assert_true(first != second);
}

static void individuals_are_found_by_name(void **state)
{
    struct evolution_run *run = *state;
    uint32_t row = 0;

    assert_int_equal(evolution_run_find(run, run->now.ids[17], &row), 0);
    assert_int_equal(row, 17);
    assert_int_equal(evolution_run_find(run, strato_individual_id_of(9, 12345), &row), STRATO_ENOENT);
}

static void bounds_the_wrong_way_round_are_invalid(void **state)
{
    struct evolution_settings settings = EVOLUTION_SETTINGS_DEFAULTS;
    struct evolution_run run = { 0 };

    (void)state;
    settings.low = 1;
    settings.high = -1;
    assert_int_equal(evolution_run_init(&run, &settings), STRATO_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_new_population_knows_nothing_and_wants_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(wanted_rows_are_handed_out_once_lowest_first, setup, teardown),
        cmocka_unit_test_setup_teardown(lost_rows_are_wanted_again, setup, teardown),
        cmocka_unit_test_setup_teardown(a_value_told_twice_counts_once, setup, teardown),
        cmocka_unit_test_setup_teardown(answers_of_an_older_round_are_stale, setup, teardown),
        cmocka_unit_test_setup_teardown(first_best_improves_on_nothing_and_a_better_one_on_it, setup, teardown),
        cmocka_unit_test_setup_teardown(asked_mutations_of_two_messages_differ, setup, teardown),
        cmocka_unit_test_setup_teardown(individuals_are_found_by_name, setup, teardown),
        cmocka_unit_test(bounds_the_wrong_way_round_are_invalid),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
