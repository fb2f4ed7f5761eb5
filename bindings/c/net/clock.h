/*
 * clock.h - the monotonic clock of the client; the step logic gets its time from here and nowhere else.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_BINDINGS_C_NET_CLOCK_H
#define STRATO_BINDINGS_C_NET_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t strato__clock_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000ULL + (uint64_t)t.tv_nsec;
}

static inline uint64_t strato__clock_us(void)
{
    return strato__clock_ns() / 1000;
}

/**
 * A cheap look at how much time has passed, in units nobody need know: of an hour they are many, of some microseconds
 * fewer than STRATO__TICKS_FEW. 0 where there is no such counter: then ask the clock.
 */
static inline uint64_t strato__clock_ticks(void)
{
#if defined(__x86_64__)
    return __builtin_ia32_rdtsc();
#else
    return 0;
#endif
}
enum { STRATO__TICKS_FEW = 16384 }; /* 4 to 16 us on every x86-64 of this century */
#endif
