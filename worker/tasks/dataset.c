/* dataset.c - see dataset.h. SPDX-License-Identifier: MIT */
#include "worker/tasks/dataset.h"

#include <stdio.h>
#include <string.h>
#include <xxhash.h>

void dataset_hash(struct strato_bytes bytes, char ret_hash[DATASET_HASH_BYTES + 1])
{
    XXH128_hash_t hash = XXH3_128bits(bytes.data, bytes.bytes);

    snprintf(ret_hash, DATASET_HASH_BYTES + 1, "%016llx%016llx", (unsigned long long)hash.high64,
             (unsigned long long)hash.low64);
}

void dataset_instance_name(const struct strato_problem_params *params, uint32_t dim,
                           char ret_name[DATASET_HASH_BYTES + 1])
{
    snprintf(ret_name, DATASET_HASH_BYTES + 1, "instance %u dim %u", params->instance, dim);
}

struct dataset *dataset_find(struct dataset_cache *cache, const struct strato_problem *problem,
                             struct strato_bytes hash)
{
    for (uint32_t i = 0; i < cache->count; i++)
        if (cache->items[i].problem == problem && strato_bytes_is(hash, cache->items[i].hash)) {
            cache->items[i].used = ++cache->tick;
            return &cache->items[i];
        }
    return NULL;
}

static void drop(struct dataset *d, struct device *device, struct pool *pool)
{
    for (unsigned i = 0; i < DATASET_BUFFERS; i++) {
        device->ops->buffer_destroy(device, &d->buffers[i]);
        pool_give(pool, d->bytes[i]);
    }
    strato_problem_data_destroy(&d->data);
    memset(d, 0, sizeof(*d));
}

static int upload(struct dataset *d, unsigned index, struct device *device, struct pool *pool,
                  struct strato_bytes bytes)
{
    uint64_t ns;
    int rc;

    if (!pool_take(pool, bytes.bytes))
        return STRATO_EFULL;
    d->bytes[index] = bytes.bytes;
    rc = device->ops->buffer_new(device, bytes.bytes, &d->buffers[index]);
    return rc < 0 ? rc : device->ops->write(device, d->buffers[index], 0, bytes, &ns);
}

/** The slot to fill: a new one, or that of the data set used longest ago. */
static struct dataset *take_slot(struct dataset_cache *cache, struct device *device, struct pool *pool)
{
    struct dataset *oldest = &cache->items[0];

    if (cache->count < DATASETS_MAX)
        return &cache->items[cache->count++];
    for (uint32_t i = 1; i < cache->count; i++)
        if (cache->items[i].used < oldest->used)
            oldest = &cache->items[i];
    drop(oldest, device, pool);
    return oldest;
}

/** Whatever the kernel of the problem reads beside the rows. */
static int upload_all(struct dataset *d, struct device *device, struct pool *pool)
{
    const struct strato_strategy_data *closes = strato_problem_data_strategy(d->data);
    const struct strato_landscape *landscape = strato_problem_data_landscape(d->data);
    size_t day = STRATO_STRATEGY_MARKETS * sizeof(double);
    int rc;

    if (landscape)
        return upload(d, 0, device, pool, strato_bytes(landscape->table, landscape->doubles * sizeof(double)));
    rc = upload(d, 0, device, pool, strato_bytes(closes->closes, closes->days * day));
    return rc == 0 ? upload(d, 1, device, pool, strato_bytes(closes->sums, (closes->days + (size_t)1) * day)) : rc;
}

int dataset_add(struct dataset_cache *cache, struct device *device, struct pool *pool,
                const struct strato_problem *problem, const struct strato_problem_params *params, uint32_t dim,
                const char *name, struct strato_bytes bytes, struct dataset **ret_dataset)
{
    struct strato_problem_data *data = NULL;
    struct dataset *d;
    int rc = strato_problem_data_new(problem, params, dim, bytes, &data);

    if (rc < 0)
        return rc;
    d = take_slot(cache, device, pool);
    d->problem = problem;
    d->data = data;
    d->used = ++cache->tick;
    snprintf(d->hash, sizeof(d->hash), "%s", name);
    rc = upload_all(d, device, pool);
    if (rc < 0) {
        drop(d, device, pool);
        *d = cache->items[--cache->count];
        memset(&cache->items[cache->count], 0, sizeof(*d));
        return rc;
    }
    *ret_dataset = d;
    return 0;
}

void dataset_cache_fini(struct dataset_cache *cache, struct device *device, struct pool *pool)
{
    for (uint32_t i = 0; i < cache->count; i++)
        drop(&cache->items[i], device, pool);
    cache->count = 0;
}
