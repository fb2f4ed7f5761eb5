/*
 * test_mutation.c - three operators, their distributions and edges, and the adaptive rate.
 *
 * SPDX-License-Identifier: MIT
 */
#include <math.h>
#include <string.h>

#include "chi_square.h"
#include "cmocka_all.h"
#include "core/errors.h"
#include "core/oracle/mutation.h"
#include "core/oracle/normal.h"

enum { ROWS = 500, DIM = 64, BINS = 16 };

/* A population of zeros with known fitness, so that after a mutation the genes are the changes. */
static void zeros(struct strato_population *p)
{
    assert_int_equal(strato_population_init(p, STRATO_GENES_F64, ROWS, DIM), 0);
    for (uint32_t row = 0; row < ROWS; row++)
        strato_population_set_fitness(p, row, 1);
}

static uint32_t mutate_all(const struct strato_mutation *m, struct strato_population *p)
{
    uint32_t drawn = 0;

    for (uint32_t row = 0; row < p->size; row++)
        drawn += strato_mutate_row(m, p, row, 77, (struct strato_counter){ .individual = row, .generation = 3 });
    return drawn;
}

/* Sorts every change into equally likely bins by its cumulative probability. */
static void assert_changes(const struct strato_mutation *m, double (*cumulative)(double change, double parameter))
{
    struct strato_population p = { 0 };
    uint32_t observed[BINS] = { 0 };
    double expected[BINS];

    zeros(&p);
    assert_int_equal(mutate_all(m, &p), ROWS * DIM);
    for (uint32_t row = 0; row < ROWS; row++)
        for (uint32_t gene = 0; gene < DIM; gene++) {
            double share = cumulative(strato_population_gene(&p, row, gene), m->parameter);

            assert_true(share >= 0 && share <= 1);
            observed[(int)fmin(BINS - 1, share * BINS)]++;
        }
    for (int i = 0; i < BINS; i++)
        expected[i] = (double)ROWS * DIM / BINS;
    assert_true(chi_square(observed, expected, BINS) < chi_square_limit(BINS - 1));
    strato_population_fini(&p);
}

static double gaussian_cumulative(double x, double sigma)
{
    return 0.5 * (1 + erf(x / sigma / sqrt(2)));
}

static double uniform_cumulative(double x, double range)
{
    return (x / range + 1) / 2;
}

static double polynomial_cumulative(double x, double eta)
{
    return x < 0 ? 0.5 * pow(1 + x, eta + 1) : 1 - 0.5 * pow(1 - x, eta + 1);
}

static void gaussian_changes_are_normal(void **state)
{
    const struct strato_mutation m = { .kind = STRATO_MUTATE_GAUSSIAN, .rate = 1, .parameter = 0.1 };

    (void)state;
    assert_changes(&m, gaussian_cumulative);
}

static void uniform_changes_are_uniform(void **state)
{
    const struct strato_mutation m = { .kind = STRATO_MUTATE_UNIFORM, .rate = 1, .parameter = 2.5 };

    (void)state;
    assert_changes(&m, uniform_cumulative);
}

static void polynomial_changes_follow_eta(void **state)
{
    static const double etas[] = { 0, 1, 20 };

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        const struct strato_mutation m = { .kind = STRATO_MUTATE_POLYNOMIAL, .rate = 1, .parameter = etas[i] };

        assert_changes(&m, polynomial_cumulative);
    }
}

static void polynomial_delta_meets_its_formula(void **state)
{
    (void)state;
    assert_true(fabs(strato_polynomial_delta(0.25, 1) - (pow(0.5, 0.5) - 1)) < 1e-14);
    assert_true(fabs(strato_polynomial_delta(0.5, 3)) < 1e-14);
    assert_true(fabs(strato_polynomial_delta(0.75, 1) - (1 - pow(0.5, 0.5))) < 1e-14);
    assert_true(fabs(strato_polynomial_delta(0.9, 0) - 0.8) < 1e-14);
}

static void genes_mutate_at_the_rate_asked(void **state)
{
    struct strato_mutation m = STRATO_MUTATION_DEFAULTS;
    struct strato_population p = { 0 };
    double expected;

    (void)state;
    zeros(&p);
    m.rate = 0.1;
    expected = ROWS * DIM * m.rate;
    assert_true(fabs(mutate_all(&m, &p) - expected) < 3.3 * sqrt(expected * (1 - m.rate)));
    strato_population_fini(&p);
}

static void rate_zero_changes_nothing(void **state)
{
    struct strato_mutation m = STRATO_MUTATION_DEFAULTS;
    struct strato_population p = { 0 };

    (void)state;
    zeros(&p);
    m.rate = 0;
    assert_int_equal(mutate_all(&m, &p), 0);
    assert_int_equal(strato_population_unknown(&p), 0);
    strato_population_fini(&p);
}

static void a_mutated_individual_loses_its_fitness(void **state)
{
    struct strato_mutation m = STRATO_MUTATION_DEFAULTS;
    struct strato_population p = { 0 };

    (void)state;
    zeros(&p);
    for (uint32_t row = 0; row < ROWS; row++) {
        uint32_t drawn = strato_mutate_row(&m, &p, row, 5, (struct strato_counter){ .individual = row });

        assert_int_equal(p.is_known[row], drawn == 0);
    }
    strato_population_fini(&p);
}

static void bounds_are_kept(void **state)
{
    const struct strato_mutation m = {
        .kind = STRATO_MUTATE_UNIFORM, .rate = 1, .parameter = 50, .is_bounded = true, .low = -1, .high = 2
    };
    struct strato_population p = { 0 };

    (void)state;
    zeros(&p);
    mutate_all(&m, &p);
    for (uint32_t row = 0; row < ROWS; row++)
        for (uint32_t gene = 0; gene < DIM; gene++)
            assert_true(strato_population_gene(&p, row, gene) >= -1 && strato_population_gene(&p, row, gene) <= 2);
    strato_population_fini(&p);
}

static void asked_and_stepped_mutations_differ(void **state)
{
    const struct strato_mutation m = { .kind = STRATO_MUTATE_UNIFORM, .rate = 1, .parameter = 1 };
    struct strato_population p = { 0 };

    (void)state;
    zeros(&p);
    strato_mutate_row(&m, &p, 0, 5, (struct strato_counter){ 0 });
    strato_mutate_row(&m, &p, 1, 5, (struct strato_counter){ .stream = STRATO_STREAM_ASKED });
    assert_true(strato_population_gene(&p, 0, 0) != strato_population_gene(&p, 1, 0));
    strato_population_fini(&p);
}

static void parameters_out_of_range_are_invalid(void **state)
{
    static const struct strato_mutation wrong[] = {
        { STRATO_MUTATE_GAUSSIAN, .rate = -0.1, .parameter = 1 },
        { STRATO_MUTATE_GAUSSIAN, .rate = 1.1, .parameter = 1 },
        { STRATO_MUTATE_GAUSSIAN, .rate = 0.1, .parameter = 0 },
        { STRATO_MUTATE_UNIFORM, .rate = 0.1, .parameter = 0 },
        { STRATO_MUTATE_UNIFORM, .rate = 0.1, .parameter = -1 },
        { STRATO_MUTATE_POLYNOMIAL, .rate = 0.1, .parameter = -1 },
        { STRATO_MUTATE_GAUSSIAN, .rate = (double)NAN, .parameter = 1 },
        { STRATO_MUTATE_GAUSSIAN, .rate = 0.5, .parameter = (double)INFINITY },
        { STRATO_MUTATE_GAUSSIAN, .rate = 0.5, .parameter = 1, .is_bounded = true, .low = 1, .high = 0 },
    };
    const struct strato_mutation right = { STRATO_MUTATE_POLYNOMIAL, .rate = 1, .parameter = 0 };

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
        assert_int_equal(strato_mutation_check(&wrong[i]), STRATO_EINVAL);
    assert_int_equal(strato_mutation_check(&right), 0);
}

static void adaptive_rate_falls_with_diversity(void **state)
{
    (void)state;
    assert_true(strato_adaptive_rate(0.01, 0.2, 0, 10) == 0.2);
    assert_true(fabs(strato_adaptive_rate(0.01, 0.2, 10, 10) - 0.01) < 1e-15);
    assert_true(fabs(strato_adaptive_rate(0.1, 0.3, 5, 10) - 0.2) < 1e-15);
    assert_true(fabs(strato_adaptive_rate(0.01, 0.2, 99, 10) - 0.01) < 1e-15);
    assert_true(strato_adaptive_rate(0.01, 0.2, -1, 10) == 0.2);
    assert_true(strato_adaptive_rate(0.01, 0.2, 5, 0) == 0.2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gaussian_changes_are_normal),
        cmocka_unit_test(uniform_changes_are_uniform),
        cmocka_unit_test(polynomial_changes_follow_eta),
        cmocka_unit_test(polynomial_delta_meets_its_formula),
        cmocka_unit_test(genes_mutate_at_the_rate_asked),
        cmocka_unit_test(rate_zero_changes_nothing),
        cmocka_unit_test(a_mutated_individual_loses_its_fitness),
        cmocka_unit_test(bounds_are_kept),
        cmocka_unit_test(asked_and_stepped_mutations_differ),
        cmocka_unit_test(parameters_out_of_range_are_invalid),
        cmocka_unit_test(adaptive_rate_falls_with_diversity),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
