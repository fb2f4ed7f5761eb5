/*
 * test_crossover.c - one-point crossover: rate, cut, and what stays known.
 *
 * SPDX-License-Identifier: MIT
 */
#include <math.h>

#include "chi_square.h"
#include "cmocka_all.h"
#include "core/oracle/crossover.h"

enum { DIM = 9, CHILDREN = 20000 };

struct families {
    struct strato_population parents, children;
};

/* Parent 0 is all 0, parent 1 is all 1, so the cut of a child can be read off. */
static int setup(void **state)
{
    static struct families f;

    f = (struct families){ 0 };
    if (strato_population_init(&f.parents, STRATO_GENES_F32, 2, DIM) < 0 ||
        strato_population_init(&f.children, STRATO_GENES_F32, 1, DIM) < 0)
        return -1;
    for (uint32_t gene = 0; gene < DIM; gene++)
        strato_population_set_gene(&f.parents, 1, gene, 1);
    strato_population_set_fitness(&f.parents, 0, 10);
    strato_population_set_fitness(&f.parents, 1, 11);
    f.parents.ids[0].bytes[0] = 3;
    f.parents.ids[1].bytes[0] = 4;
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct families *f = *state;

    strato_population_fini(&f->parents);
    strato_population_fini(&f->children);
    return 0;
}

static bool cross(struct families *f, uint32_t first, uint32_t second, double rate, uint32_t number)
{
    f->children.ids[0].bytes[0] = 99;
    return strato_crossover_one_point(&f->children, 0, &f->parents, first, second, rate, 8,
                                      (struct strato_counter){ .individual = number, .generation = 1 });
}

static void cut_is_uniform_and_leaves_a_gene_on_both_sides(void **state)
{
    struct families *f = *state;
    uint32_t observed[DIM - 1] = { 0 };
    double expected[DIM - 1];

    for (uint32_t i = 0; i < CHILDREN; i++) {
        uint32_t cut = 0;

        assert_true(cross(f, 0, 1, 1, i));
        while (cut < DIM && strato_population_gene(&f->children, 0, cut) == 0)
            cut++;
        assert_in_range(cut, 1, DIM - 1);
        for (uint32_t gene = cut; gene < DIM; gene++)
            assert_true(strato_population_gene(&f->children, 0, gene) == 1);
        observed[cut - 1]++;
    }
    for (int i = 0; i < DIM - 1; i++)
        expected[i] = (double)CHILDREN / (DIM - 1);
    assert_true(chi_square(observed, expected, DIM - 1) < chi_square_limit(DIM - 2));
}

static void pairs_cross_at_the_rate_asked(void **state)
{
    uint32_t crossed = 0;

    for (uint32_t i = 0; i < CHILDREN; i++)
        crossed += cross(*state, 0, 1, 0.8, i);
    assert_true(fabs(crossed - CHILDREN * 0.8) < 3.3 * sqrt(CHILDREN * 0.8 * 0.2));
}

static void rate_zero_copies_genes_and_fitness_of_the_first_parent(void **state)
{
    struct families *f = *state;

    assert_false(cross(f, 1, 0, 0, 1));
    assert_true(f->children.is_known[0]);
    assert_true(f->children.fitness[0] == 11);
    assert_int_equal(f->children.ids[0].bytes[0], 99);
}

static void a_new_child_has_no_fitness_and_keeps_its_name(void **state)
{
    struct families *f = *state;

    assert_true(cross(f, 0, 1, 1, 1));
    assert_false(f->children.is_known[0]);
    assert_int_equal(f->children.ids[0].bytes[0], 99);
}

static void a_child_of_twins_shares_their_fitness_under_its_own_name(void **state)
{
    struct families *f = *state;

    assert_true(cross(f, 0, 0, 1, 1));
    assert_true(f->children.is_known[0]);
    assert_int_equal(f->children.ids[0].bytes[0], 99);
}

static void one_gene_cannot_be_cut(void **state)
{
    struct families f = { 0 };

    (void)state;
    assert_int_equal(strato_population_init(&f.parents, STRATO_GENES_F32, 2, 1), 0);
    assert_int_equal(strato_population_init(&f.children, STRATO_GENES_F32, 1, 1), 0);
    assert_false(cross(&f, 0, 1, 1, 1));
    strato_population_fini(&f.parents);
    strato_population_fini(&f.children);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(cut_is_uniform_and_leaves_a_gene_on_both_sides, setup, teardown),
        cmocka_unit_test_setup_teardown(pairs_cross_at_the_rate_asked, setup, teardown),
        cmocka_unit_test_setup_teardown(rate_zero_copies_genes_and_fitness_of_the_first_parent, setup, teardown),
        cmocka_unit_test_setup_teardown(a_new_child_has_no_fitness_and_keeps_its_name, setup, teardown),
        cmocka_unit_test_setup_teardown(a_child_of_twins_shares_their_fitness_under_its_own_name, setup, teardown),
        cmocka_unit_test(one_gene_cannot_be_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
