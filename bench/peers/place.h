/*
 * place.h - a broker started for one measurement: free ports of 127.0.0.1, a temporary directory, gone afterwards.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_BENCH_PLACE_H
#define STRATO_BENCH_PLACE_H

#include "bench/load.h"

struct place {
    pid_t pid;
    char in[LOAD_TEXT_BYTES], out[LOAD_TEXT_BYTES]; /* where senders and receivers go */
    char dir[64];
    char detail[256]; /* why it did not start */
};

/** The minimal forwarder of drain_broker.h, in a process of its own. @return 0 or STRATO_EIO (detail). */
int place_start_drain(enum load_pattern pattern, struct place *place);
/** nats-server with its defaults. STRATO_ENOENT if it is not installed. */
int place_start_nats(struct place *place);
/** The same with JetStream, whose files lie in the temporary directory. */
int place_start_jetstream(struct place *place);
/** redis-server, without snapshots; `is_durable`: appendonly, appendfsync always. STRATO_ENOENT if it is not installed. */
int place_start_redis(bool is_durable, struct place *place);
/** The minimal broker of sqlite_broker.h, for messages of `bytes` bytes, in a process of its own. */
int place_start_sqlite(uint32_t bytes, struct place *place);
/**
 * stratod with the channels of the questions: bench.events, bench.work, bench.acked (10,000 each, no history). `program` is its path.
 * `is_durable`: with a data directory and bench.durable.
 */
int place_start_stratod(const char *program, bool is_durable, struct place *place);
/** Kill it and remove its directory. Accepts one that never started. */
void place_stop(struct place *place);
#endif
