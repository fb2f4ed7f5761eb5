/*
 * test_strategy.c - the back-test knows no future, pays its costs and decodes every genome.
 *
 * SPDX-License-Identifier: MIT
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/errors.h"
#include "core/oracle/oracle.h"
#include "core/oracle/philox.h"

enum { DAYS = 700, DIM = STRATO_STRATEGY_DIM };

struct fixture {
    double closes[DAYS * 4];
    struct strato_strategy_data data;
    struct strato_strategy_rules rules;
};

static double random_unit(uint32_t who, uint32_t gene)
{
    return strato_uniform(strato_random_gene(7, (struct strato_counter){ .individual = who, .stream = 1 }, gene));
}

/** Prices that wander, from the counter-based generator: the same in every run. */
static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    f->rules = (struct strato_strategy_rules)STRATO_STRATEGY_RULES_DEFAULTS;
    for (unsigned m = 0; m < 4; m++)
        f->closes[m] = 1000.0 + m;
    for (unsigned i = 4; i < DAYS * 4; i++)
        f->closes[i] = f->closes[i - 4] * (1.0 + 0.03 * (random_unit(99, i) - 0.49));
    *state = f;
    return strato_strategy_data_init(&f->data, f->closes, DAYS);
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    strato_strategy_data_fini(&f->data);
    free(f);
    return 0;
}

static void genome(uint32_t who, double genes[DIM])
{
    for (uint32_t g = 0; g < DIM; g++)
        genes[g] = random_unit(who, g);
}

static void decoding_stays_in_range_for_any_gene(void **state)
{
    const double odd[] = { -INFINITY, -5.12, -0.0, 0.0, 0.5, 1.0, 5.12, INFINITY, (double)NAN };

    (void)state;
    for (unsigned i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        double genes[DIM];
        struct strato_strategy s;

        for (unsigned g = 0; g < DIM; g++)
            genes[g] = odd[i];
        strato_strategy_decode(genes, &s);
        assert_in_range(s.market[0].fast, 2, 40);
        assert_in_range(s.market[0].slow, s.market[0].fast + 5, 240);
        assert_in_range(s.market[3].look_back, 5, 250);
        assert_true(s.exposure >= 0.2 && s.exposure <= 1.0 && s.band >= 0.0 && s.band <= 0.2);
        assert_true(s.short_share >= 0.0 && s.short_share <= 1.0);
    }
}

static void decoding_is_monotone_in_every_gene(void **state)
{
    struct strato_strategy low, high;
    double genes[DIM] = { 0 };

    (void)state;
    for (unsigned step = 0; step < 50; step++) {
        for (unsigned g = 0; g < DIM; g++)
            genes[g] = step / 50.0;
        strato_strategy_decode(genes, &low);
        for (unsigned g = 0; g < DIM; g++)
            genes[g] = (step + 1) / 50.0;
        strato_strategy_decode(genes, &high);
        assert_true(high.market[1].fast >= low.market[1].fast && high.market[1].look_back >= low.market[1].look_back);
        assert_true(high.market[1].threshold > low.market[1].threshold && high.exposure > low.exposure);
        assert_true(high.short_share >= low.short_share && high.band > low.band);
    }
}

static void a_changed_tomorrow_does_not_change_today(void **state)
{
    struct fixture *f = *state;
    enum { FROM = 300, CUT = 500, TO = 650 };
    double before[TO - FROM], after[TO - FROM];
    struct strato_strategy_result result;
    struct strato_strategy_data other;
    struct strato_strategy s;
    double genes[DIM];

    for (unsigned i = (CUT + 1) * 4; i < DAYS * 4; i++)
        f->closes[i] *= 1.0 + 0.5 * random_unit(5, i);
    assert_int_equal(strato_strategy_data_init(&other, f->closes, DAYS), 0);
    for (uint32_t who = 0; who < 20; who++) {
        genome(who, genes);
        strato_strategy_decode(genes, &s);
        assert_int_equal(strato_strategy_run(&s, &f->data, &f->rules, FROM, TO, before, &result), 0);
        assert_int_equal(strato_strategy_run(&s, &other, &f->rules, FROM, TO, after, &result), 0);
        assert_memory_equal(before, after, (CUT - FROM + 1) * sizeof(double));
    }
    strato_strategy_data_fini(&other);
}

static void fitness_never_sees_the_days_behind_the_split(void **state)
{
    struct fixture *f = *state;
    struct strato_strategy_data other;
    double genes[DIM];

    for (unsigned i = strato_strategy_split(DAYS, 0.7) * 4; i < DAYS * 4; i++)
        f->closes[i] *= 3.0;
    assert_int_equal(strato_strategy_data_init(&other, f->closes, DAYS), 0);
    genome(3, genes);
    assert_true(strato_strategy_fitness(genes, &f->data, &f->rules) ==
                strato_strategy_fitness(genes, &other, &f->rules));
    strato_strategy_data_fini(&other);
}

static void buy_and_hold_is_the_mean_of_the_markets_less_its_cost(void **state)
{
    struct fixture *f = *state;
    struct strato_strategy_result result;
    double equity[DAYS], expected = 0.0;

    assert_int_equal(strato_strategy_buy_and_hold(&f->data, &f->rules, 250, DAYS, equity, &result), 0);
    for (unsigned m = 0; m < 4; m++)
        expected += f->closes[(DAYS - 1) * 4 + m] / f->closes[250 * 4 + m] / 4.0;
    expected *= 1.0 - f->rules.cost;
    assert_true(fabs(equity[DAYS - 1 - 250] / expected - 1.0) < 1e-12);
    assert_true(fabs(result.total_return + 1.0 - expected) < 1e-12);
    assert_int_equal(result.days, DAYS - 1 - 250);
    assert_int_equal(result.days_in, result.days);
}

static void costs_lower_the_result_of_whoever_trades(void **state)
{
    struct fixture *f = *state;
    struct strato_strategy_rules dear = f->rules;
    unsigned traders = 0;

    dear.cost = 0.01;
    for (uint32_t who = 0; who < 50; who++) {
        struct strato_strategy_result cheap_result, dear_result;
        struct strato_strategy s;
        double genes[DIM];

        genome(who, genes);
        strato_strategy_decode(genes, &s);
        assert_int_equal(strato_strategy_run(&s, &f->data, &f->rules, 250, DAYS, NULL, &cheap_result), 0);
        assert_int_equal(strato_strategy_run(&s, &f->data, &dear, 250, DAYS, NULL, &dear_result), 0);
        assert_int_equal(cheap_result.trades, dear_result.trades);
        if (cheap_result.trades == 0)
            continue;
        traders++;
        assert_true(dear_result.total_return < cheap_result.total_return);
    }
    assert_true(traders > 40);
}

static void nobody_invested_is_worth_nothing(void **state)
{
    struct fixture *f = *state;
    double genes[DIM];

    genome(1, genes);
    for (unsigned m = 0; m < 4; m++)
        genes[m * 5 + 4] = 0.0;
    assert_true(strato_strategy_fitness(genes, &f->data, &f->rules) == 0.0);
}

static void a_short_that_loses_everything_is_ruined_not_infinite(void **state)
{
    struct fixture *f = *state;
    struct strato_strategy s = { .short_share = 1.0, .exposure = 1.0 };
    struct strato_strategy_result result;
    struct strato_strategy_data other;
    double equity[DAYS];

    for (unsigned m = 0; m < 4; m++) {
        s.market[m] = (struct strato_strategy_market){ .fast = 2, .slow = 50, .look_back = 50, .weight = 1.0 };
        for (unsigned t = 0; t < DAYS; t++)
            f->closes[t * 4 + m] = t < 400 ? 1000.0 - t : 9000.0;
    }
    assert_int_equal(strato_strategy_data_init(&other, f->closes, DAYS), 0);
    assert_int_equal(strato_strategy_run(&s, &other, &f->rules, 250, DAYS, equity, &result), 0);
    assert_true(result.fitness == STRATO_STRATEGY_RUIN);
    assert_true(equity[DAYS - 1 - 250] == 0.0);
    strato_strategy_data_fini(&other);
}

static void data_that_is_no_price_is_refused(void **state)
{
    const struct strato_problem *problem = strato_problem_find(strato_text("strategy"));
    struct strato_problem_params params = STRATO_PROBLEM_PARAMS_DEFAULTS;
    struct strato_problem_data *data = NULL;
    struct fixture *f = *state;
    struct strato_bytes bytes = STRATO_BYTES_OF(f->closes);

    assert_int_equal(strato_problem_data_new(problem, &params, 24, bytes, &data), 0);
    strato_problem_data_destroy(&data);
    assert_int_equal(strato_problem_data_new(problem, &params, 24, strato_bytes(bytes.data, bytes.bytes - 8), &data),
                     STRATO_EINVAL);
    assert_int_equal(strato_problem_data_new(problem, &params, 24, strato_bytes(bytes.data, 599 * 32), &data),
                     STRATO_EINVAL);
    f->closes[77] = (double)NAN;
    assert_int_equal(strato_problem_data_new(problem, &params, 24, bytes, &data), STRATO_EINVAL);
    f->closes[77] = 0.0;
    assert_int_equal(strato_problem_data_new(problem, &params, 24, bytes, &data), STRATO_EINVAL);
}

static void days_before_the_warm_up_are_refused(void **state)
{
    struct strato_strategy_result result;
    struct strato_strategy s;
    struct fixture *f = *state;
    double genes[DIM];

    genome(1, genes);
    strato_strategy_decode(genes, &s);
    assert_int_equal(strato_strategy_run(&s, &f->data, &f->rules, 249, 400, NULL, &result), STRATO_EINVAL);
    assert_int_equal(strato_strategy_run(&s, &f->data, &f->rules, 250, DAYS + 1, NULL, &result), STRATO_EINVAL);
    assert_int_equal(strato_strategy_run(&s, &f->data, &f->rules, 250, 251, NULL, &result), STRATO_EINVAL);
    assert_int_equal(strato_strategy_run(&s, &f->data, &f->rules, 250, 252, NULL, &result), 0);
}

static void every_gene_has_a_name(void **state)
{
    (void)state;
    for (uint32_t g = 0; g < strato_strategy_dim(); g++)
        assert_non_null(strato_strategy_gene_name(g));
    assert_null(strato_strategy_gene_name(strato_strategy_dim()));
    assert_string_equal(strato_strategy_gene_name(19), "FTSE.weight");
}

#define WITH_DATA(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decoding_stays_in_range_for_any_gene),
        cmocka_unit_test(decoding_is_monotone_in_every_gene),
        cmocka_unit_test(every_gene_has_a_name),
        WITH_DATA(a_changed_tomorrow_does_not_change_today),
        WITH_DATA(fitness_never_sees_the_days_behind_the_split),
        WITH_DATA(buy_and_hold_is_the_mean_of_the_markets_less_its_cost),
        WITH_DATA(costs_lower_the_result_of_whoever_trades),
        WITH_DATA(nobody_invested_is_worth_nothing),
        WITH_DATA(a_short_that_loses_everything_is_ruined_not_infinite),
        WITH_DATA(data_that_is_no_price_is_refused),
        WITH_DATA(days_before_the_warm_up_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
