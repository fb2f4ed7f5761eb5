/*
 * pool.h - our own accounting of device memory: drivers report it wrongly and overcommit it.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_WORKER_TASKS_POOL_H
#define STRATO_WORKER_TASKS_POOL_H

#include <stdbool.h>
#include <stdint.h>

struct pool {
    uint64_t capacity, used;
    unsigned level; /* 0..3: how many of 80, 90, 95 % have been announced and not been left since */
};

/** @return whether it fits; false changes nothing. */
bool pool_take(struct pool *pool, uint64_t bytes);
void pool_give(struct pool *pool, uint64_t bytes);
static inline uint64_t pool_left(const struct pool *pool)
{
    return pool->capacity - pool->used;
}

/**
 * Did usage cross 80, 90 or 95 % upwards since the last call? A level is announced again only after usage has
 * been 5 percentage points below it.
 */
bool pool_pressure(struct pool *pool);
double pool_percent(const struct pool *pool);
#endif
