/*
 * broker.h - run a broker inside one's own process.
 *
 * The same code as stratod. The broker runs on its own threads; clients of this process reach it over
 * inproc with the ZeroMQ context that it lends. It installs no signal handlers and writes no log unless
 * given a sink.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_BROKER_BROKER_H
#define STRATO_BROKER_BROKER_H

#include "broker/config.h"
#include "core/errors.h"

typedef struct strato_broker strato_broker;

/** What a drain left behind. */
struct strato_broker_drain {
    uint64_t leased_abandoned; /* leased messages given up */
    uint64_t dropped_shutdown; /* memory messages dropped as `shutdown` */
};

/**
 * Bind every enabled edge and serve.
 *
 * @param config  Copied. A tcp endpoint with port 0 binds a free port; strato_broker_endpoint() tells which.
 * @return 0; STRATO_EADDRINUSE (detail names the endpoint), STRATO_ECONFIG, STRATO_ENOMEM, STRATO_EIO.
 *         On failure ret_detail (>= 256 bytes, may be NULL) holds the cause and the fix.
 */
int strato_broker_new(const struct broker_config *config, strato_broker **ret_broker, char *ret_detail, size_t detail_bytes);
/** Stop at once, without a drain; what is in memory channels is gone. Accepts NULL. */
void strato_broker_destroy(strato_broker **broker);
/** Tell clients, take no new work, wait until nothing is leased or timeout_ms passed. Thread-safe, once. */
int strato_broker_drain(strato_broker *broker, uint32_t timeout_ms, struct strato_broker_drain *ret_drain);
/** Endpoint of an edge as bound: "native", "pub_out", "pub_in", "events_push", "push:CHANNEL", "pull:CHANNEL", "inproc"; NULL if off. */
const char *strato_broker_endpoint(const strato_broker *broker, const char *edge);
/** The context to give to strato_client_options.zmq_context for inproc. Lives as long as the broker. */
void *strato_broker_zmq_context(strato_broker *broker);
#endif
