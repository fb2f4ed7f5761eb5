/*
 * redis_load.h - load by Redis streams through hiredis, pipelined.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_BENCH_REDIS_LOAD_H
#define STRATO_BENCH_REDIS_LOAD_H

#include "bench/load.h"

/** XADD in pipelines of 64, two of them under way; XREADGROUP of 256 with the XACK of the last ones in the same write. Work only. */
extern const struct load_system load_redis;
#endif
