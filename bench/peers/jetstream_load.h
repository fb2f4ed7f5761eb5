/*
 * jetstream_load.h - load by NATS JetStream through the C client: a work queue with an ack for each message.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_BENCH_JETSTREAM_LOAD_H
#define STRATO_BENCH_JETSTREAM_LOAD_H

#include "bench/load.h"

/** Asynchronous publishing, pull subscription in fetches of 256, every message acknowledged. Work only. */
extern const struct load_system load_jetstream_memory, load_jetstream_file;
#endif
