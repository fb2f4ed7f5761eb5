/*
 * problem.h - from what a message names to what can be evaluated: problem, parameters, data set and its hash.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef EVOLUTION_PROBLEM_H
#define EVOLUTION_PROBLEM_H

#include "services/evolution/service.h"

/**
 * Check problem, dim, params and data of `settings`, and make the data ready.
 *
 * @param name      Of the problem.
 * @param settings  In: dim, params (an encoded map or none), data. Out: problem, ready_params, ready_data, data_hash.
 * @param detail    On error: cause and fix, for people.
 * @return 0; STRATO_ENOENT (no such problem); STRATO_EINVAL; STRATO_ELIMIT; STRATO_ENOMEM.
 */
int evolution_problem_prepare(struct strato_bytes name, struct evolution_settings *settings, char *detail,
                              size_t detail_bytes);

/** XXH3-128 in hex, high half first. */
void evolution_data_hash(struct strato_bytes data, char ret_hash[EVOLUTION_HASH_BYTES + 1]);

/** Evaluate a batch by the C reference of core/oracle. @return 0 or STRATO_ENOMEM. */
int evolution_batch_evaluate(const struct evolution_batch *batch, double *ret_values);
#endif
