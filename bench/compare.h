/*
 * compare.h - one question asked of several systems, in turn, round after round.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_BENCH_COMPARE_H
#define STRATO_BENCH_COMPARE_H

#include "bench/question.h"

enum compare_system {
    COMPARE_OURS,
    COMPARE_DRAIN,
    COMPARE_DRAIN_64,
    COMPARE_NATS,
    COMPARE_REDIS,
    COMPARE_JETSTREAM_MEMORY,
    COMPARE_REDIS_ALWAYS,
    COMPARE_JETSTREAM_FILE,
    COMPARE_SQLITE,
    COMPARE_SYSTEMS
};
enum { COMPARE_ROUNDS_MAX = 32, COMPARE_BATCH = 64 };

struct compare_settings {
    const char *stratod; /* path of the program */
    uint32_t rounds, warmup_ms, window_ms;
    bool has[COMPARE_SYSTEMS];
    bool (*is_cancelled)(void);
};

/** What one system did in all rounds; a round that failed has `failed`. */
struct compare_row {
    bool is_there, failed[COMPARE_ROUNDS_MAX];
    double value[COMPARE_ROUNDS_MAX];                       /* messages/s, or p50 in us */
    double per_s, mb_per_s, cpu_us, clients_cpu_us, rss_mb; /* medians */
    double p50_us, p99_us, p999_us;                         /* of all rounds; requests only */
    double ratio, ratio_min, ratio_max;                     /* ours to this one: median of per-round ratios; 0 = none */
    uint64_t failures;
    char detail[256];
};

struct compare_answer {
    const struct question *question;
    uint32_t bytes, rounds;
    struct compare_row rows[COMPARE_SYSTEMS];
};

const char *compare_name(enum compare_system system);
/** Is this combination sensible? Batches of 64 large messages, or of requests, are not; nor is a peer that cannot do what is asked. */
bool compare_applies(const struct question *question, uint32_t bytes, enum compare_system system);

/** @return 0; STRATO_EINTERRUPTED; STRATO_ENOMEM. Failures of single runs are in the answer. */
int compare_ask(const struct question *question, uint32_t bytes, const struct compare_settings *settings,
                struct compare_answer *ret_answer);

/** Median of the first `count`; sorts them. 0 if there are none. */
double compare_median(double *values, uint32_t count);
#endif
