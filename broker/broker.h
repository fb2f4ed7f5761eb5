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
    uint64_t kept;             /* messages of durable channels, found again by the next start */
    uint64_t unsynced;         /* batches that a failing store has not taken: nobody was told that they are safe */
};

/** What the network shell counts, beside the brain's own numbers. */
struct strato_broker_stats {
    uint64_t connected, disconnected; /* connections of the native edge since the start */
    uint64_t handshakes_failed;       /* garbage, other protocols, strangers */
    uint64_t keys_admitted, keys_unknown, keys_without_right, keys_malformed; /* handshakes judged by the keys file */
    uint64_t key_strangers, key_over_rate, key_over_connections; /* frames and messages refused for it, afterwards */
    uint64_t cut;              /* connections ended because their key was revoked or over a limit */
    uint64_t turned_away_full; /* connections that came when `connections` were open */
    uint64_t silent_ended;     /* connections that never sent a frame, ended for another or after 30 s */
    uint64_t connections_open, connections_silent; /* now */
    uint64_t turned_away;                          /* connections that came when hardly a file descriptor was left */
    uint64_t empty_frames;                         /* ignored */
    uint64_t probes, gone, stuck;                  /* peers probed, found dead, found not reading */
    uint64_t outbox_overflows;                     /* peers given up because their outbox was full */
    uint64_t peers;                                /* known now */
    uint64_t turns;
};

/**
 * Bind every enabled edge and serve.
 *
 * @param config  Copied. A tcp endpoint with port 0 binds a free port; strato_broker_endpoint() tells which.
 * @return 0; STRATO_EADDRINUSE (detail names the endpoint), STRATO_ECONFIG, STRATO_ENOMEM, STRATO_EIO.
 *         On failure ret_detail (>= 256 bytes, may be NULL) holds the cause and the fix.
 */
int strato_broker_new(const struct broker_config *config, strato_broker **ret_broker, char *ret_detail,
                      size_t detail_bytes);
/** Stop at once, without a drain; what is in memory channels is gone. Accepts NULL. */
void strato_broker_destroy(strato_broker **broker);
/** Tell clients, take no new work, wait until nothing is leased or timeout_ms passed. Thread-safe, once. */
int strato_broker_drain(strato_broker *broker, uint32_t timeout_ms, struct strato_broker_drain *ret_drain);
/**
 * Endpoint of an edge as bound: "native", "pub_out" (SUBs connect), "pub_in" (PUBs), "events_push" (PUSHes),
 * "push:CHANNEL" (PUSHes), "pull:CHANNEL" (PULLs), each as TCP if it has that, else as bound first; with "@ipc",
 * "@tcp" or "@inproc" behind it ("native@ipc") as that transport. "inproc" is "native@inproc".
 * @return text that lives as long as the broker; NULL if it is off.
 */
const char *strato_broker_endpoint(const strato_broker *broker, const char *edge);
/** The i-th bound endpoint of all, with the edge's name; NULL behind the last. For banners. */
const char *strato_broker_endpoint_at(const strato_broker *broker, size_t i, const char **ret_edge);
/**
 * Read the keys file again and put it in force: sessions of revoked keys end at once. Thread-safe.
 * @return 0; STRATO_ECONFIG, STRATO_ENOENT, STRATO_EIO (the old keys stay; ret_detail says why); STRATO_ENOMEM.
 */
int strato_broker_reload_keys(strato_broker *broker, char *ret_detail, size_t detail_bytes);
/** The context to give to strato_client_options.zmq_context for inproc. Lives as long as the broker. */
void *strato_broker_zmq_context(strato_broker *broker);
/** Let look() read the brain on the core thread, between two turns, and wait for it. Thread-safe. */
void strato_broker_inspect(strato_broker *broker, void (*look)(void *arg, const struct brain *brain), void *arg);
/** The shell's own counters. Thread-safe. */
void strato_broker_stats(strato_broker *broker, struct strato_broker_stats *ret_stats);
#endif
