/*
 * dataset.h - the data sets of fitness functions, kept by the hash of their content.
 *
 * A data set travels to a worker once. It is checked, prepared (running sums), and uploaded when first used; when
 * there are too many, the one that was used longest ago goes.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_WORKER_TASKS_DATASET_H
#define STRATO_WORKER_TASKS_DATASET_H

#include "core/oracle/oracle.h"
#include "worker/device/device.h"
#include "worker/tasks/pool.h"

enum {
    DATASETS_MAX = 8,
    DATASET_HASH_BYTES = 32, /* XXH3-128 in hex */
    DATASET_BUFFERS = 2,     /* closes and sums, or the table of a landscape */
};

struct dataset {
    char hash[DATASET_HASH_BYTES + 1];
    const struct strato_problem *problem;
    struct strato_problem_data *data;
    struct device_buffer *buffers[DATASET_BUFFERS];
    uint64_t bytes[DATASET_BUFFERS];
    uint64_t used; /* tick of the last use */
};

/** Zero-initialised = empty. */
struct dataset_cache {
    struct dataset items[DATASETS_MAX];
    uint32_t count;
    uint64_t tick;
};

/** Write the hash that names these bytes. */
void dataset_hash(struct strato_bytes bytes, char ret_hash[DATASET_HASH_BYTES + 1]);
/** By hash, marked as used; NULL if it is not here. */
struct dataset *dataset_find(struct dataset_cache *cache, const struct strato_problem *problem,
                             struct strato_bytes hash);
/** What stands for the hash where nothing is sent: the instance of a landscape, by its number and dim. */
void dataset_instance_name(const struct strato_problem_params *params, uint32_t dim,
                           char ret_name[DATASET_HASH_BYTES + 1]);
/**
 * Make ready and keep under a name: the hash of the bytes, or what dataset_instance_name() said.
 * @return 0; STRATO_EINVAL (not a data set of this problem); STRATO_EFULL (the pool has no room); the device's errors.
 */
int dataset_add(struct dataset_cache *cache, struct device *device, struct pool *pool,
                const struct strato_problem *problem, const struct strato_problem_params *params, uint32_t dim,
                const char *name, struct strato_bytes bytes, struct dataset **ret_dataset);
void dataset_cache_fini(struct dataset_cache *cache, struct device *device, struct pool *pool);
#endif
