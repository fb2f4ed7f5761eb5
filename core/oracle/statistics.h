/*
 * statistics.h - what a population looks like in five numbers.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_ORACLE_STATISTICS_H
#define STRATO_ORACLE_STATISTICS_H

#include "core/oracle/population.h"

#ifdef __cplusplus
extern "C" {
#endif

struct strato_statistics {
    uint32_t best_row, worst_row; /* ties go to the lower row for best, to the higher for worst */
    double best, worst, mean;
    double std_dev; /* of the population: divided by n */
};

/** Of known fitness values; NaN counts for nothing but `worst`, unless all are. @return 0; STRATO_EINVAL if n is 0. */
int strato_statistics(const double *fitness, uint32_t n, struct strato_statistics *ret);

/** Mean Euclidean distance over all pairs, 0 for fewer than two. O(size^2 dim). */
double strato_diversity(const struct strato_population *p);

#ifdef __cplusplus
}
#endif
#endif
