/*
 * search.h - the search algorithms beside the genetic one: differential evolution, particle swarm, CMA-ES and kin.
 *
 * Ask and tell over a population: generation 0 is uniform in the bounds. Once it is wholly known,
 *
 *     strato_search_fold()   keep what was better before (de, pso), once per generation
 *     strato_search_learn()  take the fitness in
 *     strato_search_ask()    write the next generation
 *
 * and so on. State is one array of doubles, a pure function of (settings, fitness seen); random numbers are Philox,
 * arithmetic is strict, so a run is the same bits everywhere and goes on from a copy of (population, state). Genes
 * are kept within the bounds. It opens no socket and reads no clock.
 *
 * Storn and Price 1997; Zhang and Sanderson 2009 (JADE, without archive and adaptation); Clerc and Kennedy 2002;
 * Hansen, arXiv 1604.00772; Ros and Hansen 2008; Schaul, Glasmachers, Schmidhuber 2011.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_ORACLE_SEARCH_H
#define STRATO_ORACLE_SEARCH_H

#include "core/bytes.h"
#include "core/oracle/population.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Numbers are part of snapshots: append, never renumber. */
enum strato_algorithm {
    STRATO_ALGORITHM_GA,       /* not here: selection.h, crossover.h, mutation.h */
    STRATO_ALGORITHM_DE,       /* rand/1/bin, F uniform in 0.5..1 for each row, CR 0.9 */
    STRATO_ALGORITHM_DE_BEST,  /* best/1/bin */
    STRATO_ALGORITHM_DE_PBEST, /* current-to-pbest/1/bin, p 0.1 */
    STRATO_ALGORITHM_PSO,      /* global best, constriction 0.7298, 1.4962 */
    STRATO_ALGORITHM_SEP_CMA,  /* CMA-ES with a diagonal covariance: linear in the genes */
    STRATO_ALGORITHM_CMA,      /* CMA-ES; lambda is the size of the population */
    STRATO_ALGORITHM_SNES,     /* separable natural evolution strategy */
    STRATO_ALGORITHM_COUNT,
};

enum {
    STRATO_SEARCH_SIZE_MIN = 4, /* individuals: de draws three others, cma-es needs a better half of two */
    STRATO_CMA_DIM_MAX = 512,   /* of the full covariance */
};

struct strato_search {
    enum strato_algorithm algorithm;
    uint64_t seed;
    uint32_t size, dim;
    double low, high;
    double *state; /* all that a run needs to go on, beside its population */
    size_t doubles;
    /* scratch, worth nothing between calls */
    uint32_t *order; /* [size] */
    double *work;    /* [3 * dim] */
};

/** "ga", "de", "de-best", "de-pbest", "pso", "sep-cma-es", "cma-es", "snes"; NULL beyond the last. Static. */
const char *strato_algorithm_name(uint32_t algorithm);
/** @return 0 or STRATO_ENOENT. */
int strato_algorithm_find(struct strato_bytes name, enum strato_algorithm *ret_algorithm);

/**
 * @return 0 (ga: an empty one); STRATO_EINVAL (fewer than STRATO_SEARCH_SIZE_MIN individuals); STRATO_ELIMIT (cma-es over
 *         STRATO_CMA_DIM_MAX genes); STRATO_ENOMEM.
 */
int strato_search_init(struct strato_search *s, enum strato_algorithm algorithm, uint64_t seed, uint32_t size,
                       uint32_t dim, double low, double high);
/** Frees and empties. Accepts NULL and an empty one. */
void strato_search_fini(struct strato_search *s);

/** `before` is the generation that `now` was asked after; both are wholly known. */
void strato_search_fold(const struct strato_search *s, struct strato_population *now,
                        const struct strato_population *before);
/** @param now  Wholly known. @return 0; STRATO_ENOMEM, and nothing has changed. */
int strato_search_learn(struct strato_search *s, const struct strato_population *now);
/** Write genes into every row of `next` and forget its fitness; names are the caller's. @param generation  Of `now`. */
void strato_search_ask(struct strato_search *s, const struct strato_population *now, uint32_t generation,
                       struct strato_population *next);

#ifdef __cplusplus
}
#endif
#endif
