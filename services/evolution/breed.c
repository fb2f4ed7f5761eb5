/*
 * breed.c - elites, parents, crossover, mutation.
 *
 * SPDX-License-Identifier: MIT
 */
#include "services/evolution/breed.h"

#include "core/errors.h"
#include "core/oracle/crossover.h"

int evolution_breeding_check(const struct evolution_breeding *b)
{
    if (!(b->crossover_rate >= 0 && b->crossover_rate <= 1) || b->tournament_size == 0)
        return STRATO_EINVAL;
    return strato_mutation_check(&b->mutation);
}

int evolution_breed_select(const struct evolution_breeding *b, const struct strato_population *parents,
                           struct strato_selection *ret_selection)
{
    return strato_selection_init(ret_selection, b->strategy, b->tournament_size, parents->fitness, parents->size);
}

static uint32_t draw_parent(const struct evolution_breeding *b, struct strato_selection *selection, uint32_t generation,
                            uint32_t number)
{
    return strato_selection_draw(
        selection, b->seed,
        (struct strato_counter){ .individual = number, .generation = generation, .stream = STRATO_STREAM_SELECT });
}

void evolution_breed_children(const struct evolution_breeding *b, const struct strato_population *parents,
                              struct strato_selection *selection, uint32_t generation,
                              struct strato_population *children, uint64_t *births)
{
    uint32_t elites = b->elite_count < parents->size ? b->elite_count : parents->size;

    for (uint32_t row = 0; row < elites; row++)
        strato_population_copy_row(children, row, parents, selection->order[row]);
    for (uint32_t row = elites; row < parents->size; row++) {
        struct strato_counter at = { .individual = row, .generation = generation };
        uint32_t first = draw_parent(b, selection, generation, 2 * row);
        uint32_t second = draw_parent(b, selection, generation, 2 * row + 1);

        children->ids[row] = strato_individual_id_of(b->seed, ++*births);
        strato_crossover_one_point(children, row, parents, first, second, b->crossover_rate, b->seed, at);
        strato_mutate_row(&b->mutation, children, row, b->seed, at);
    }
}
