/*
 * clock.h - the two clocks of the worker; step logic gets its time from here by way of net/.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_WORKER_NET_CLOCK_H
#define STRATO_WORKER_NET_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t clock_read_ms(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/** Never jumps; for intervals. */
static inline uint64_t clock_now_ms(void)
{
    return clock_read_ms(CLOCK_MONOTONIC);
}

/** Since the epoch; for reading only. */
static inline uint64_t clock_wall_ms(void)
{
    return clock_read_ms(CLOCK_REALTIME);
}
#endif
