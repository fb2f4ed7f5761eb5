/*
 * test_population.c - rows, types, limits and the order of fitness.
 *
 * SPDX-License-Identifier: MIT
 */
#include <math.h>
#include <string.h>

#include "chi_square.h"
#include "cmocka_all.h"
#include "core/errors.h"
#include "core/oracle/population.h"

static void empty_population_is_invalid(void **state)
{
    struct strato_population p = { 0 };

    (void)state;
    assert_int_equal(strato_population_init(&p, STRATO_GENES_F32, 0, 4), STRATO_EINVAL);
    assert_int_equal(strato_population_init(&p, STRATO_GENES_F32, 4, 0), STRATO_EINVAL);
    assert_null(p.genes);
}

static void limits_hold_at_the_limit_and_one_past_it(void **state)
{
    struct strato_population p = { 0 };

    (void)state;
    assert_int_equal(strato_population_init(&p, STRATO_GENES_F32, 1, STRATO_POPULATION_DIM_MAX), 0);
    strato_population_fini(&p);
    assert_int_equal(strato_population_init(&p, STRATO_GENES_F32, 1, STRATO_POPULATION_DIM_MAX + 1), STRATO_ELIMIT);
    assert_int_equal(strato_population_init(&p, STRATO_GENES_F32, STRATO_POPULATION_SIZE_MAX, 1), 0);
    strato_population_fini(&p);
    assert_int_equal(strato_population_init(&p, STRATO_GENES_F32, STRATO_POPULATION_SIZE_MAX + 1, 1), STRATO_ELIMIT);
    assert_int_equal(strato_population_init(&p, STRATO_GENES_F64, STRATO_POPULATION_SIZE_MAX, 64), STRATO_ELIMIT);
}

static void rows_are_padded_to_64_bytes_with_zeros(void **state)
{
    static const uint8_t zeros[64] = { 0 };
    struct strato_population p = { 0 };

    (void)state;
    assert_int_equal(strato_population_init(&p, STRATO_GENES_F32, 3, 17), 0);
    strato_population_randomise(&p, 1, -1, 1);
    assert_int_equal(p.stride_bytes, 128);
    assert_int_equal((uintptr_t)p.genes % 64, 0);
    assert_memory_equal(p.genes + 128 + 17 * 4, zeros, 128 - 17 * 4);
    strato_population_fini(&p);
}

static void genes_are_rounded_to_the_type(void **state)
{
    struct strato_population p = { 0 };

    (void)state;
    assert_int_equal(strato_population_init(&p, STRATO_GENES_F32, 1, 1), 0);
    strato_population_set_gene(&p, 0, 0, 0.1);
    assert_true(strato_population_gene(&p, 0, 0) == (double)0.1f);
    strato_population_fini(&p);
    assert_int_equal(strato_population_init(&p, STRATO_GENES_F64, 1, 1), 0);
    strato_population_set_gene(&p, 0, 0, 0.1);
    assert_true(strato_population_gene(&p, 0, 0) == 0.1);
    strato_population_fini(&p);
}

static void first_population_is_uniform_in_its_bounds(void **state)
{
    enum { BINS = 20 };
    struct strato_population p = { 0 };
    uint32_t observed[BINS] = { 0 };
    double expected[BINS];

    (void)state;
    assert_int_equal(strato_population_init(&p, STRATO_GENES_F32, 1000, 64), 0);
    strato_population_randomise(&p, 11, -5.12, 5.12);
    for (uint32_t row = 0; row < p.size; row++)
        for (uint32_t gene = 0; gene < p.dim; gene++)
            observed[(int)fmin(BINS - 1, (strato_population_gene(&p, row, gene) + 5.12) / 10.24 * BINS)]++;
    for (int i = 0; i < BINS; i++)
        expected[i] = 64000.0 / BINS;
    assert_true(chi_square(observed, expected, BINS) < chi_square_limit(BINS - 1));
    assert_int_equal(strato_population_unknown(&p), 1000);
    strato_population_fini(&p);
}

static void a_row_does_not_depend_on_the_size_of_the_population(void **state)
{
    struct strato_population small = { 0 }, large = { 0 };

    (void)state;
    assert_int_equal(strato_population_init(&small, STRATO_GENES_F64, 3, 9), 0);
    assert_int_equal(strato_population_init(&large, STRATO_GENES_F64, 30, 9), 0);
    strato_population_randomise(&small, 4, 0, 1);
    strato_population_randomise(&large, 4, 0, 1);
    assert_memory_equal(small.genes, large.genes, 3 * small.stride_bytes);
    strato_population_fini(&small);
    strato_population_fini(&large);
}

static void packed_rows_are_tight(void **state)
{
    struct strato_population p = { 0 };
    float packed[3];

    (void)state;
    assert_int_equal(strato_population_init(&p, STRATO_GENES_F32, 2, 3), 0);
    for (uint32_t gene = 0; gene < 3; gene++)
        strato_population_set_gene(&p, 1, gene, gene + 1);
    strato_population_pack_row(&p, 1, (uint8_t *)packed);
    assert_true(packed[0] == 1 && packed[1] == 2 && packed[2] == 3);
    strato_population_fini(&p);
}

static void nan_ranks_last_and_ties_go_by_row(void **state)
{
    const double fitness[] = { NAN, 1, -INFINITY, 3, 1, NAN, INFINITY };
    const uint32_t want[] = { 6, 3, 1, 4, 2, 0, 5 };
    uint32_t order[7];

    (void)state;
    assert_int_equal(strato_fitness_order(fitness, 7, order), 0);
    assert_memory_equal(order, want, sizeof(want));
}

static void nan_is_better_than_nothing(void **state)
{
    (void)state;
    assert_false(strato_fitness_better(NAN, -INFINITY));
    assert_true(strato_fitness_better(-INFINITY, NAN));
    assert_false(strato_fitness_better(NAN, NAN));
    assert_false(strato_fitness_better(2, 2));
}

static void names_are_unique_uuids_of_version_8(void **state)
{
    struct strato_individual_id one = strato_individual_id_of(7, 1), two = strato_individual_id_of(7, 2);
    struct strato_individual_id other = strato_individual_id_of(8, 1);

    (void)state;
    assert_int_equal(one.bytes[6] >> 4, 8);
    assert_int_equal(one.bytes[8] >> 6, 2);
    assert_memory_not_equal(one.bytes, two.bytes, 16);
    assert_memory_not_equal(one.bytes, other.bytes, 16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_population_is_invalid),
        cmocka_unit_test(limits_hold_at_the_limit_and_one_past_it),
        cmocka_unit_test(rows_are_padded_to_64_bytes_with_zeros),
        cmocka_unit_test(genes_are_rounded_to_the_type),
        cmocka_unit_test(first_population_is_uniform_in_its_bounds),
        cmocka_unit_test(a_row_does_not_depend_on_the_size_of_the_population),
        cmocka_unit_test(packed_rows_are_tight),
        cmocka_unit_test(nan_ranks_last_and_ties_go_by_row),
        cmocka_unit_test(nan_is_better_than_nothing),
        cmocka_unit_test(names_are_unique_uuids_of_version_8),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
