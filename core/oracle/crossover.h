/*
 * crossover.h - one child of two parents: one-point crossover.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_ORACLE_CROSSOVER_H
#define STRATO_ORACLE_CROSSOVER_H

#include "core/oracle/philox.h"
#include "core/oracle/population.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * With probability `rate` the child gets the genes [0, cut) of `first` and [cut, dim) of `second`, cut uniform in
 * 1..dim-1; else, or if dim is 1, it is a copy of `first`. The child is unknown unless its genes are those of
 * `first`, whose fitness it then shares. Its name is the caller's and left alone.
 *
 * @param at  Where the draw stands; `at.block` and `at.stream` are ignored.
 * @return true if it crossed over.
 */
bool strato_crossover_one_point(struct strato_population *child, uint32_t child_row,
                                const struct strato_population *parents, uint32_t first, uint32_t second, double rate,
                                uint64_t seed, struct strato_counter at);

#ifdef __cplusplus
}
#endif
#endif
