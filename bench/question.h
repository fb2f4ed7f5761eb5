/*
 * question.h - what the comparison asks: one question per file, each with its targets.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_BENCH_QUESTION_H
#define STRATO_BENCH_QUESTION_H

#include "bench/load.h"

enum question_peer {
    PEER_DRAIN,
    PEER_DRAIN_64,
    PEER_NATS,
    PEER_REDIS,
    PEER_JETSTREAM_MEMORY,
    PEER_REDIS_ALWAYS,
    PEER_JETSTREAM_FILE,
    PEER_SQLITE,
    PEERS
};

/** design.md section 7, as a ratio of ours to a peer's. */
struct question_target {
    uint32_t bytes;
    enum question_peer peer;
    double ratio; /* at least; for latency at most */
};

enum { QUESTION_TARGETS_MAX = 12 };

struct question {
    const char *name, *title;
    enum load_pattern pattern;
    bool is_acked;
    bool is_durable;    /* synced before it is confirmed */
    bool is_latency;    /* compare p50, smaller is better; else rates */
    uint32_t in_flight; /* requests */
    const char *channel, *topic;
    struct question_target targets[QUESTION_TARGETS_MAX]; /* bytes 0 ends */
};

extern const struct question question_events, question_work_unacked, question_work_acked, question_work_durable,
    question_request_one, question_request_hundred;
#endif
