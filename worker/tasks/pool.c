/* pool.c - see pool.h. SPDX-License-Identifier: MIT */
#include "worker/tasks/pool.h"

static const double levels[] = { 80.0, 90.0, 95.0 };
static const double HYSTERESIS = 5.0;

bool pool_take(struct pool *pool, uint64_t bytes)
{
    if (bytes > pool_left(pool))
        return false;
    pool->used += bytes;
    return true;
}

void pool_give(struct pool *pool, uint64_t bytes)
{
    pool->used = bytes < pool->used ? pool->used - bytes : 0;
}

double pool_percent(const struct pool *pool)
{
    return pool->capacity > 0 ? 100.0 * (double)pool->used / (double)pool->capacity : 0.0;
}

bool pool_pressure(struct pool *pool)
{
    double percent = pool_percent(pool);
    unsigned before;

    while (pool->level > 0 && percent <= levels[pool->level - 1] - HYSTERESIS)
        pool->level--;
    before = pool->level;
    while (pool->level < sizeof(levels) / sizeof(levels[0]) && percent > levels[pool->level])
        pool->level++;
    return pool->level > before;
}
