/*
 * selection.h - who becomes a parent: tournament, roulette, rank, elitist.
 *
 * Prepare once per generation, then draw as often as needed: draw number `number` is a pure function of
 * (seed, generation, stream, number) and the fitness values. Weights are integers and their prefix sums
 * exact, so no order of summation can change who is picked. NaN ranks last and equal fitness goes by row.
 * Rule: behaviour.md section 2.2; gpu.md section 6.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_ORACLE_SELECTION_H
#define STRATO_ORACLE_SELECTION_H

#include <stdint.h>

#include "core/oracle/philox.h"

#ifdef __cplusplus
extern "C" {
#endif

enum strato_selection_strategy {
    STRATO_SELECT_TOURNAMENT, /* best of `size` drawn without replacement; size is capped at n, 0 is invalid */
    STRATO_SELECT_ROULETTE,   /* by fitness, shifted by 1 - min if min < 0; uniform if the total is 0 */
    STRATO_SELECT_RANK,       /* by weight 1 (worst) to n (best) */
    STRATO_SELECT_ELITIST,    /* draw k is the k-th best, from the top again after the last */
};

enum { STRATO_TOURNAMENT_SIZE_DEFAULT = 3 };

/** A prepared selection; borrows nothing after strato_selection_init(). */
struct strato_selection {
    enum strato_selection_strategy strategy;
    uint32_t n;
    uint32_t tournament_size; /* 1..n */
    uint32_t *order;          /* [n] rows, best first */
    uint32_t *places;         /* [n] tournament: place of each row in order */
    uint64_t *sums;           /* [n] roulette and rank: inclusive prefix sums by row */
    uint8_t *marks;           /* [(n + 7) / 8] tournament: rows drawn so far, all zero between draws */
};

/**
 * @param tournament_size  For TOURNAMENT only, >= 1.
 * @param fitness          Known fitness of every row, [n].
 * @return 0; STRATO_EINVAL (n is 0, or a tournament of size 0); STRATO_ENOMEM.
 */
int strato_selection_init(struct strato_selection *s, enum strato_selection_strategy strategy, uint32_t tournament_size,
                          const double *fitness, uint32_t n);
/** Frees and empties. Accepts NULL and an empty one. */
void strato_selection_fini(struct strato_selection *s);
/** Row of draw `at.individual`; `at.block` is ignored. Not thread-safe on one selection (the marks). */
uint32_t strato_selection_draw(struct strato_selection *s, uint64_t seed, struct strato_counter at);

#ifdef __cplusplus
}
#endif
#endif
