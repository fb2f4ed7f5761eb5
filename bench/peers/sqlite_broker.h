/*
 * sqlite_broker.h - the least a durable ZeroMQ broker on SQLite can be: what the embedded engine allows.
 *
 * PULL in, PUSH out, one thread: receive what is there (up to 64 frames), insert its messages and delete those
 * forwarded before, one row each, in one transaction (WAL, synchronous=FULL), forward. No envelope, no bound,
 * no acknowledgement on the wire: what was forwarded counts as acknowledged in the next commit.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_BENCH_SQLITE_BROKER_H
#define STRATO_BENCH_SQLITE_BROKER_H

#include <stddef.h>

/** As drain_broker_run(), with a database of messages of `bytes` bytes in `path`. @return only on failure, -1. */
int sqlite_broker_run(const char *path, size_t bytes, void (*on_ready)(void *arg, const char *in, const char *out),
                      void *arg);
#endif
