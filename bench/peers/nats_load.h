/*
 * nats_load.h - load by the NATS C client, with its defaults.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_BENCH_NATS_LOAD_H
#define STRATO_BENCH_NATS_LOAD_H

#include "bench/load.h"

/** Publish and subscribe; work is a queue group; requests go through an inbox. */
extern const struct load_system load_nats;
#endif
