/*
 * test_breed.c - a generation: elites stay, children come from the chosen, and the same inputs give the same bits.
 *
 * SPDX-License-Identifier: MIT
 */
#include <string.h>

#include "cmocka_all.h"
#include "core/errors.h"
#include "services/evolution/breed.h"

enum { SIZE = 40, DIM = 6 };

struct pair {
    struct strato_population parents, children;
};

static int setup(void **state)
{
    static struct pair pair;

    pair = (struct pair){ 0 };
    if (strato_population_init(&pair.parents, STRATO_GENES_F32, SIZE, DIM) < 0 ||
        strato_population_init(&pair.children, STRATO_GENES_F32, SIZE, DIM) < 0)
        return -1;
    strato_population_randomise(&pair.parents, 3, -1, 1);
    for (uint32_t row = 0; row < SIZE; row++) {
        strato_population_set_fitness(&pair.parents, row, (row * 7) % SIZE); /* 0..39, each once */
        pair.parents.ids[row] = strato_individual_id_of(3, row + 1);
    }
    *state = &pair;
    return 0;
}

static int teardown(void **state)
{
    struct pair *pair = *state;

    strato_population_fini(&pair->parents);
    strato_population_fini(&pair->children);
    return 0;
}

static void breed(const struct evolution_breeding *b, struct pair *pair, uint64_t *births)
{
    struct strato_selection selection;

    assert_int_equal(evolution_breed_select(b, &pair->parents, &selection), 0);
    evolution_breed_children(b, &pair->parents, &selection, 5, &pair->children, births);
    strato_selection_fini(&selection);
}

static void elites_are_copied_unchanged_best_first(void **state)
{
    struct pair *pair = *state;
    struct evolution_breeding b = EVOLUTION_BREEDING_DEFAULTS;
    uint64_t births = SIZE;

    breed(&b, pair, &births);
    for (uint32_t row = 0; row < 5; row++) {
        assert_true(pair->children.is_known[row]);
        assert_true(pair->children.fitness[row] == SIZE - 1 - row);
    }
    assert_int_equal(births, SIZE + SIZE - 5);
}

static void more_elites_than_individuals_keep_all(void **state)
{
    struct pair *pair = *state;
    struct evolution_breeding b = EVOLUTION_BREEDING_DEFAULTS;
    uint64_t births = SIZE;

    b.elite_count = 1000;
    breed(&b, pair, &births);
    assert_int_equal(strato_population_unknown(&pair->children), 0);
    assert_int_equal(births, SIZE);
}

static void children_have_new_names(void **state)
{
    struct pair *pair = *state;
    struct evolution_breeding b = EVOLUTION_BREEDING_DEFAULTS;
    uint64_t births = SIZE;

    breed(&b, pair, &births);
    for (uint32_t row = 5; row < SIZE; row++) {
        struct strato_individual_id want = strato_individual_id_of(b.seed, SIZE + row - 4);

        assert_memory_equal(pair->children.ids[row].bytes, want.bytes, 16);
    }
}

static void without_change_children_are_their_parents_and_known(void **state)
{
    struct pair *pair = *state;
    struct evolution_breeding b = EVOLUTION_BREEDING_DEFAULTS;
    uint64_t births = SIZE;

    b.crossover_rate = 0;
    b.mutation.rate = 0;
    breed(&b, pair, &births);
    assert_int_equal(strato_population_unknown(&pair->children), 0);
}

static void the_same_inputs_give_the_same_bits(void **state)
{
    struct pair *pair = *state;
    struct evolution_breeding b = EVOLUTION_BREEDING_DEFAULTS;
    static uint8_t first[SIZE * 64];
    uint64_t births = SIZE;

    b.mutation.rate = 0.5;
    for (int strategy = STRATO_SELECT_TOURNAMENT; strategy <= STRATO_SELECT_ELITIST; strategy++) {
        b.strategy = (enum strato_selection_strategy)strategy;
        breed(&b, pair, &births);
        memcpy(first, pair->children.genes, sizeof(first));
        births = SIZE;
        breed(&b, pair, &births);
        assert_memory_equal(first, pair->children.genes, sizeof(first));
    }
}

static void rates_out_of_range_are_invalid(void **state)
{
    struct evolution_breeding b = EVOLUTION_BREEDING_DEFAULTS;

    (void)state;
    assert_int_equal(evolution_breeding_check(&b), 0);
    b.crossover_rate = 1.5;
    assert_int_equal(evolution_breeding_check(&b), STRATO_EINVAL);
    b.crossover_rate = 0.5;
    b.tournament_size = 0;
    assert_int_equal(evolution_breeding_check(&b), STRATO_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(elites_are_copied_unchanged_best_first, setup, teardown),
        cmocka_unit_test_setup_teardown(more_elites_than_individuals_keep_all, setup, teardown),
        cmocka_unit_test_setup_teardown(children_have_new_names, setup, teardown),
        cmocka_unit_test_setup_teardown(without_change_children_are_their_parents_and_known, setup, teardown),
        cmocka_unit_test_setup_teardown(the_same_inputs_give_the_same_bits, setup, teardown),
        cmocka_unit_test(rates_out_of_range_are_invalid),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
