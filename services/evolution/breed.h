/*
 * breed.h - the next generation of a population whose fitness is known.
 *
 * Elites first, then children: two parents by the strategy, one-point crossover, mutation. A pure function of
 * (population, settings, generation): no clock, no I/O, no hidden state. Rule: behaviour.md 2.2, "Step".
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef EVOLUTION_BREED_H
#define EVOLUTION_BREED_H

#include "core/oracle/mutation.h"
#include "core/oracle/population.h"
#include "core/oracle/selection.h"

/** How a population breeds. */
struct evolution_breeding {
    uint64_t seed;
    enum strato_selection_strategy strategy;
    uint32_t tournament_size;        /* individuals, >= 1 */
    struct strato_mutation mutation; /* how, and the chance per gene */
    double crossover_rate;           /* chance per pair, 0..1 */
    uint32_t elite_count;            /* copied unchanged, capped at the population */
};
/* Defaults of behaviour.md 2.2. */
#define EVOLUTION_BREEDING_DEFAULTS                                                                                    \
    {                                                                                                                  \
        .strategy = STRATO_SELECT_TOURNAMENT, .tournament_size = STRATO_TOURNAMENT_SIZE_DEFAULT,                       \
        .mutation = STRATO_MUTATION_DEFAULTS, .crossover_rate = 0.8, .elite_count = 5                                  \
    }

/** @return 0; STRATO_EINVAL if a rate or a parameter is out of its range. */
int evolution_breeding_check(const struct evolution_breeding *b);

/**
 * Prepare the parents' draw.
 * @return 0; STRATO_EINVAL; STRATO_ENOMEM. strato_selection_fini() ends it.
 */
int evolution_breed_select(const struct evolution_breeding *b, const struct strato_population *parents,
                           struct strato_selection *ret_selection);

/**
 * Fill `children` (same type, size and dim as `parents`; its contents are overwritten).
 *
 * @param selection   Prepared over `parents`. Its `order` names the elites.
 * @param generation  Of the parents.
 * @param births      In and out: number of the last one born.
 */
void evolution_breed_children(const struct evolution_breeding *b, const struct strato_population *parents,
                              struct strato_selection *selection, uint32_t generation,
                              struct strato_population *children, uint64_t *births);
#endif
