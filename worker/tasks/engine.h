/*
 * engine.h - generations of the genetic algorithm on the device, population and all.
 *
 * Rows go up once, `generations` times two kernels run (kernels/engine.cl), rows come back. Offered where the device has
 * double and the kernels; what it gives is what services/evolution/breed.c and the C references give, bit for bit.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_WORKER_TASKS_ENGINE_H
#define STRATO_WORKER_TASKS_ENGINE_H

#include "core/oracle/mutation.h"
#include "core/oracle/oracle.h"
#include "worker/device/device.h"
#include "worker/tasks/pool.h"

enum { ENGINE_ELITES_MAX = 16, ENGINE_TOURNAMENT_MAX = 8 }; /* as in engine.cl */

/** What to breed. Borrowed. */
struct engine_job {
    const struct strato_problem *problem;
    uint32_t size, dim;
    const void *rows;   /* f32 [size][dim], tightly packed, any alignment */
    const void *values; /* f64 [size], any alignment */
    uint64_t seed;
    uint32_t generation, generations;
    uint32_t tournament, elites; /* 1..ENGINE_TOURNAMENT_MAX, 1..ENGINE_ELITES_MAX; both capped at size */
    struct strato_mutation mutation;
    double crossover_rate;
};

/** What came of it; the arrays are the caller's, to be freed with free(). */
struct engine_result {
    float *rows;
    double *values;
    uint32_t *origins;
    uint64_t evaluations, ns;
};

/** Can this device breed at all? */
bool engine_is_offered(struct device *device);
/** Is there a fused kernel for this problem? */
bool engine_has_problem(const struct strato_problem *problem);

/**
 * @return 0; STRATO_ENOMEM (the host); STRATO_EFULL (the pool has no room); the device's errors. On error nothing is
 *         left behind, neither memory of the device nor a result.
 */
int engine_run(struct device *device, struct pool *pool, const struct engine_job *job,
               struct engine_result *ret_result);
#endif
