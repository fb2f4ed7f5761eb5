/*
 * mutation.h - change genes: Gaussian, uniform, polynomial, each gene with probability `rate`.
 *
 * The random numbers of a gene depend on (seed, individual, gene, generation) alone. A mutated individual
 * loses its fitness; rate 0 changes nothing. Rule: behaviour.md section 2.2.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_ORACLE_MUTATION_H
#define STRATO_ORACLE_MUTATION_H

#include "core/oracle/philox.h"
#include "core/oracle/population.h"

#ifdef __cplusplus
extern "C" {
#endif

enum strato_mutation_kind {
    STRATO_MUTATE_GAUSSIAN,   /* + N(0, parameter), parameter > 0 */
    STRATO_MUTATE_UNIFORM,    /* + uniform in +-parameter, parameter > 0 */
    STRATO_MUTATE_POLYNOMIAL, /* + delta of distribution index parameter >= 0, within +-1 */
};

struct strato_mutation {
    enum strato_mutation_kind kind;
    double rate;      /* per gene, 0..1 */
    double parameter; /* sigma, range or eta */
    bool is_bounded;  /* genes are clamped into [low, high] */
    double low, high;
};
#define STRATO_MUTATION_DEFAULTS                                                                                       \
    {                                                                                                                  \
        .kind = STRATO_MUTATE_GAUSSIAN, .rate = 0.01, .parameter = 0.1                                                 \
    }

/** @return 0; STRATO_EINVAL if the rate is not in 0..1, a parameter is out of its range or not finite, or low > high. */
int strato_mutation_check(const struct strato_mutation *m);

/**
 * Mutate one row in place.
 *
 * @param at  Where the draw stands: `at.individual` is the number of the individual, `at.block` is ignored, `at.stream`
 *            is 0 in a step or STRATO_STREAM_ASKED for a mutation that a message asked for.
 * @return how many genes were drawn. If any stored gene changed, the fitness is unknown.
 */
uint32_t strato_mutate_row(const struct strato_mutation *m, struct strato_population *p, uint32_t row, uint64_t seed,
                           struct strato_counter at);

/** delta of the polynomial mutation for u in (0, 1). */
double strato_polynomial_delta(double u, double eta);

/** max - clamp(diversity / max_diversity, 0, 1) * (max - min); max if max_diversity is 0. */
double strato_adaptive_rate(double min, double max, double diversity, double max_diversity);

#ifdef __cplusplus
}
#endif
#endif
