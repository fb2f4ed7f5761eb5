/*
 * test_search.c - each algorithm finds what it is known to find, in bounds, the same every time and from a saved state.
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
#include "core/oracle/search_private.h"
#include "core/oracle/statistics.h"

struct hunt {
    const struct strato_problem *problem;
    struct strato_problem_params params;
    struct strato_problem_data *data;
    struct strato_population now, before;
    struct strato_search search;
    uint32_t generation;
    uint64_t evaluations;
};

static void evaluate(struct hunt *h)
{
    assert_int_equal(strato_problem_evaluate(h->problem, &h->params, h->data,
                                             &(struct strato_rows){ h->now.type, h->now.size, h->now.dim, h->now.genes,
                                                                    h->now.stride_bytes },
                                             h->now.fitness),
                     0);
    memset(h->now.is_known, 1, h->now.size);
    h->evaluations += h->now.size;
}

static void begin(struct hunt *h, const char *problem, enum strato_algorithm algorithm, uint32_t size, uint32_t dim,
                  uint64_t seed)
{
    *h =
        (struct hunt){ .problem = strato_problem_find(strato_text(problem)), .params = STRATO_PROBLEM_PARAMS_DEFAULTS };
    assert_int_equal(strato_problem_data_new(h->problem, &h->params, dim, STRATO_BYTES_NONE, &h->data), 0);
    assert_int_equal(strato_population_init(&h->now, STRATO_GENES_F64, size, dim), 0);
    assert_int_equal(strato_population_init(&h->before, STRATO_GENES_F64, size, dim), 0);
    assert_int_equal(strato_search_init(&h->search, algorithm, seed, size, dim, h->problem->low, h->problem->high), 0);
    strato_population_randomise(&h->now, seed, h->problem->low, h->problem->high);
    evaluate(h);
}

static void end(struct hunt *h)
{
    strato_search_fini(&h->search);
    strato_population_fini(&h->now);
    strato_population_fini(&h->before);
    strato_problem_data_destroy(&h->data);
}

static void step(struct hunt *h)
{
    struct strato_population kept = h->before;

    assert_int_equal(strato_search_learn(&h->search, &h->now), 0);
    strato_search_ask(&h->search, &h->now, h->generation++, &h->before);
    h->before = h->now;
    h->now = kept;
    assert_int_equal(strato_population_unknown(&h->now), h->now.size);
    evaluate(h);
    strato_search_fold(&h->search, &h->now, &h->before);
}

static double best(const struct hunt *h)
{
    struct strato_statistics s;

    assert_int_equal(strato_statistics(h->now.fitness, h->now.size, &s), 0);
    return s.best;
}

/* Evaluations until the best is within 1e-8 of `target`. */
static uint64_t reach(const char *problem, enum strato_algorithm algorithm, uint32_t size, uint32_t dim, uint64_t seed,
                      uint64_t evaluations_max)
{
    struct hunt h;
    uint64_t used;
    double target;

    begin(&h, problem, algorithm, size, dim, seed);
    target = h.problem->landscape ? strato_landscape_best(strato_problem_data_landscape(h.data)) : 0.0;
    while (target - best(&h) > 1e-8 && h.evaluations < evaluations_max)
        step(&h);
    if (target - best(&h) > 1e-8)
        fail_msg("%s on %s, dim %u, seed %u: %g left after %u evaluations", strato_algorithm_name(algorithm), problem,
                 dim, (unsigned)seed, target - best(&h), (unsigned)h.evaluations);
    used = h.evaluations;
    end(&h);
    return used;
}

static void cma_es_reaches_1e_8_in_ten_dimensions(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        reach("bbob:f1", STRATO_ALGORITHM_CMA, 10, 10, seed, 4000);
        reach("bbob:f10", STRATO_ALGORITHM_CMA, 10, 10, seed, 12000);
        reach("bbob:f8", STRATO_ALGORITHM_CMA, 20, 10, seed, 20000);
        reach("bbob:f9", STRATO_ALGORITHM_CMA, 20, 10, seed, 20000);
    }
}

static void every_algorithm_solves_the_sphere(void **state)
{
    static const struct {
        enum strato_algorithm algorithm;
        uint32_t size, evaluations;
    } rows[] = { { STRATO_ALGORITHM_DE, 50, 60000 },       { STRATO_ALGORITHM_DE_BEST, 50, 40000 },
                 { STRATO_ALGORITHM_DE_PBEST, 50, 40000 }, { STRATO_ALGORITHM_PSO, 50, 60000 },
                 { STRATO_ALGORITHM_SEP_CMA, 12, 8000 },   { STRATO_ALGORITHM_CMA, 12, 8000 },
                 { STRATO_ALGORITHM_SNES, 16, 16000 } };

    (void)state;
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        for (uint64_t seed = 1; seed <= 2; seed++)
            reach("bbob:f1", rows[i].algorithm, rows[i].size, 10, seed, rows[i].evaluations);
}

static void sep_cma_es_learns_the_axes_of_the_separable_ellipsoid(void **state)
{
    (void)state;
    reach("bbob:f2", STRATO_ALGORITHM_SEP_CMA, 20, 10, 1, 30000);
}

static void differential_evolution_crosses_the_rosenbrock_valley(void **state)
{
    (void)state;
    reach("rosenbrock", STRATO_ALGORITHM_DE_PBEST, 60, 10, 1, 200000);
}

static void genes_stay_within_the_bounds(void **state)
{
    (void)state;
    for (uint32_t a = STRATO_ALGORITHM_DE; a < STRATO_ALGORITHM_COUNT; a++) {
        struct hunt h;

        begin(&h, "schwefel", (enum strato_algorithm)a, 24, 5, 3); /* it pays to leave */
        for (int i = 0; i < 60; i++)
            step(&h);
        for (uint32_t row = 0; row < h.now.size; row++)
            for (uint32_t g = 0; g < h.now.dim; g++)
                assert_true(fabs(strato_population_gene(&h.now, row, g)) <= 500.0);
        end(&h);
    }
}

static void what_was_better_is_kept_by_de_and_pso(void **state)
{
    static const enum strato_algorithm kept[] = { STRATO_ALGORITHM_DE, STRATO_ALGORITHM_DE_BEST,
                                                  STRATO_ALGORITHM_DE_PBEST, STRATO_ALGORITHM_PSO };

    (void)state;
    for (unsigned a = 0; a < 4; a++) {
        struct hunt h;

        begin(&h, "rastrigin", kept[a], 20, 6, 4);
        for (int i = 0; i < 40; i++) {
            step(&h);
            for (uint32_t row = 0; row < h.now.size; row++)
                assert_true(h.now.fitness[row] >= h.before.fitness[row]);
        }
        end(&h);
    }
}

/* FNV-1a over genes and fitness. */
static uint64_t hash_of(const struct hunt *h)
{
    uint64_t hash = 14695981039346656037U;

    for (size_t i = 0; i < h->now.stride_bytes * h->now.size; i++)
        hash = (hash ^ h->now.genes[i]) * 1099511628211U;
    for (size_t i = 0; i < sizeof(double) * h->now.size; i++)
        hash = (hash ^ ((const uint8_t *)h->now.fitness)[i]) * 1099511628211U;
    return hash;
}

static void a_copy_of_the_state_goes_on_bit_for_bit(void **state)
{
    (void)state;
    for (uint32_t a = STRATO_ALGORITHM_DE; a < STRATO_ALGORITHM_COUNT; a++) {
        struct hunt whole, copy;

        begin(&whole, "rastrigin", (enum strato_algorithm)a, 30, 7, 9);
        for (int i = 0; i < 20; i++)
            step(&whole);
        begin(&copy, "rastrigin", (enum strato_algorithm)a, 30, 7, 9);
        copy.generation = whole.generation;
        memcpy(copy.search.state, whole.search.state, whole.search.doubles * sizeof(double));
        for (uint32_t row = 0; row < 30; row++)
            strato_population_copy_row(&copy.now, row, &whole.now, row);
        for (int i = 0; i < 20; i++) {
            step(&whole);
            step(&copy);
        }
        assert_int_equal(hash_of(&whole), hash_of(&copy));
        end(&whole);
        end(&copy);
    }
}

static void eigenvectors_turn_the_matrix_diagonal(void **state)
{
    enum { N_MOST = 33 };
    static const uint32_t sizes[] = { 1, 2, 3, 10, N_MOST };
    static double a[N_MOST * N_MOST], v[N_MOST * N_MOST], values[N_MOST], room[N_MOST];

    (void)state;
    for (unsigned s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
        uint32_t n = sizes[s];

        for (uint32_t i = 0; i < n; i++)
            for (uint32_t j = 0; j <= i; j++)
                a[i * n + j] = a[j * n + i] =
                    strato_uniform(strato_random_gene(5, (struct strato_counter){ .individual = i, .stream = 1 }, j));
        memcpy(v, a, n * n * sizeof(double));
        search_eigen(v, n, values, room);
        for (uint32_t k = 0; k < n; k++)
            for (uint32_t i = 0; i < n; i++) {
                double sum = 0, dot = 0;

                for (uint32_t j = 0; j < n; j++) {
                    sum += a[i * n + j] * v[k * n + j];
                    dot += v[k * n + j] * v[i * n + j];
                }
                assert_true(fabs(sum - values[k] * v[k * n + i]) < 1e-12 * n);
                assert_true(fabs(dot - (i == k ? 1.0 : 0.0)) < 1e-13 * n);
            }
    }
}

static void limits_of_a_search_hold(void **state)
{
    struct strato_search s = { 0 };
    enum strato_algorithm found;

    (void)state;
    assert_int_equal(strato_search_init(&s, STRATO_ALGORITHM_DE, 1, STRATO_SEARCH_SIZE_MIN - 1, 3, 0, 1),
                     STRATO_EINVAL);
    assert_int_equal(strato_search_init(&s, STRATO_ALGORITHM_CMA, 1, 10, STRATO_CMA_DIM_MAX + 1, 0, 1), STRATO_ELIMIT);
    assert_int_equal(strato_search_init(&s, STRATO_ALGORITHM_CMA, 1, STRATO_SEARCH_SIZE_MIN, STRATO_CMA_DIM_MAX, 0, 1),
                     0);
    strato_search_fini(&s);
    for (uint32_t a = 0; a < STRATO_ALGORITHM_COUNT; a++) {
        assert_int_equal(strato_algorithm_find(strato_text(strato_algorithm_name(a)), &found), 0);
        assert_int_equal(found, a);
    }
    assert_null(strato_algorithm_name(STRATO_ALGORITHM_COUNT));
    assert_int_equal(strato_algorithm_find(strato_text("annealing"), &found), STRATO_ENOENT);
}

static void the_smallest_search_and_one_gene_run(void **state)
{
    (void)state;
    for (uint32_t a = STRATO_ALGORITHM_DE; a < STRATO_ALGORITHM_COUNT; a++) {
        struct hunt h;

        begin(&h, "sphere", (enum strato_algorithm)a, STRATO_SEARCH_SIZE_MIN, 1, 1);
        for (int i = 0; i < 50; i++)
            step(&h);
        assert_true(best(&h) <= 0.0);
        end(&h);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cma_es_reaches_1e_8_in_ten_dimensions),
        cmocka_unit_test(every_algorithm_solves_the_sphere),
        cmocka_unit_test(sep_cma_es_learns_the_axes_of_the_separable_ellipsoid),
        cmocka_unit_test(differential_evolution_crosses_the_rosenbrock_valley),
        cmocka_unit_test(genes_stay_within_the_bounds),
        cmocka_unit_test(what_was_better_is_kept_by_de_and_pso),
        cmocka_unit_test(a_copy_of_the_state_goes_on_bit_for_bit),
        cmocka_unit_test(eigenvectors_turn_the_matrix_diagonal),
        cmocka_unit_test(limits_of_a_search_hold),
        cmocka_unit_test(the_smallest_search_and_one_gene_run),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
