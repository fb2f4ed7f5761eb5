/*
 * compare.c - one question asked of several systems, in turn, round after round.
 *
 * A B C D, A B C D, ...: whatever else the machine does hits all alike, and the ratio of a round compares
 * neighbours in time. Each run has a fresh broker.
 *
 * SPDX-License-Identifier: MIT
 */
#include "bench/compare.h"

#include "bench/peers/place.h"
#include "bench/peers/zmq_load.h"
#ifdef STRATO_HAS_NATS
#include "bench/peers/jetstream_load.h"
#include "bench/peers/nats_load.h"
#endif
#ifdef STRATO_HAS_REDIS
#include "bench/peers/redis_load.h"
#endif

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[COMPARE_SYSTEMS] = { "stratoswarm", "drain",        "drain-64", "nats",  "redis",
                                                    "js-memory",   "redis-always", "js-file",  "sqlite" };

const char *compare_name(enum compare_system system)
{
    return names[system];
}

bool compare_applies(const struct question *question, uint32_t bytes, enum compare_system system)
{
    switch (system) {
    case COMPARE_OURS:
        return true;
    case COMPARE_DRAIN:
    case COMPARE_NATS:
        return !question->is_durable;
    case COMPARE_DRAIN_64:
        return !question->is_durable && question->pattern != LOAD_REQUEST && bytes <= 4096;
    case COMPARE_REDIS:
    case COMPARE_JETSTREAM_MEMORY:
        return question->is_acked && !question->is_durable && bytes <= 4096;
    case COMPARE_REDIS_ALWAYS:
    case COMPARE_JETSTREAM_FILE:
    case COMPARE_SQLITE:
        return question->is_durable && bytes <= 4096;
    case COMPARE_SYSTEMS:
        break;
    }
    return false;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

double compare_median(double *values, uint32_t count)
{
    if (count == 0)
        return 0;
    qsort(values, count, sizeof *values, ascending);
    return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

static int start(const struct question *question, uint32_t bytes, const struct compare_settings *settings,
                 enum compare_system system, struct place *place, const struct load_system **ret_system)
{
    switch (system) {
    case COMPARE_OURS:
        *ret_system = &load_strato;
        return place_start_stratod(settings->stratod, question->is_durable, place);
    case COMPARE_DRAIN:
    case COMPARE_DRAIN_64:
        *ret_system = &load_zmq;
        return place_start_drain(question->pattern, place);
    case COMPARE_NATS:
#ifdef STRATO_HAS_NATS
        *ret_system = &load_nats;
        return place_start_nats(place);
    case COMPARE_JETSTREAM_MEMORY:
    case COMPARE_JETSTREAM_FILE:
        *ret_system = system == COMPARE_JETSTREAM_FILE ? &load_jetstream_file : &load_jetstream_memory;
        return place_start_jetstream(place);
#else
    case COMPARE_JETSTREAM_MEMORY:
    case COMPARE_JETSTREAM_FILE:
        break;
#endif
    case COMPARE_REDIS:
    case COMPARE_REDIS_ALWAYS:
#ifdef STRATO_HAS_REDIS
        *ret_system = &load_redis;
        return place_start_redis(system == COMPARE_REDIS_ALWAYS, place);
#else
        break;
#endif
    case COMPARE_SQLITE:
        *ret_system = &load_zmq;
        return place_start_sqlite(bytes, place);
    case COMPARE_SYSTEMS:
        break;
    }
    return STRATO_ENOENT;
}

static struct load_case case_of(const struct question *question, uint32_t bytes,
                                const struct compare_settings *settings, enum compare_system system,
                                const struct place *place)
{
    struct load_case load = { .pattern = question->pattern,
                              .bytes = bytes,
                              .senders = 1,
                              .receivers = 1,
                              .in_flight = question->in_flight,
                              .batch = system == COMPARE_DRAIN_64 || system == COMPARE_SQLITE ? COMPARE_BATCH : 1,
                              .is_acked = question->is_acked,
                              .warmup_ms = settings->warmup_ms,
                              .window_ms = settings->window_ms };

    snprintf(load.endpoint, sizeof load.endpoint, "%s", place->in);
    snprintf(load.endpoint_out, sizeof load.endpoint_out, "%s", place->out);
    snprintf(load.channel, sizeof load.channel, "%s", question->channel);
    snprintf(load.topic, sizeof load.topic, "%s", question->topic);
    return load;
}

static int run_once(const struct question *question, uint32_t bytes, const struct compare_settings *settings,
                    enum compare_system system, struct load_result *result, char *detail, size_t detail_bytes)
{
    const struct load_system *roles = NULL;
    struct place place = { 0 };
    int rc = start(question, bytes, settings, system, &place, &roles);

    if (rc < 0) {
        snprintf(detail, detail_bytes, "%s", place.detail[0] ? place.detail : strato_strerror(rc));
    } else {
        struct load_case load = case_of(question, bytes, settings, system, &place);

        rc = load_run(&load, roles, place.pid, settings->is_cancelled, result);
        if (rc == 0 && result->rc < 0) {
            rc = STRATO_EIO;
            snprintf(detail, detail_bytes, "%s", result->detail[0] ? result->detail : strato_strerror(result->rc));
        }
    }
    place_stop(&place);
    return rc;
}

/* Values of one system over the rounds, gathered until the medians are taken. */
struct gathered {
    double per_s[COMPARE_ROUNDS_MAX], mb_per_s[COMPARE_ROUNDS_MAX], cpu_us[COMPARE_ROUNDS_MAX],
        clients_cpu_us[COMPARE_ROUNDS_MAX], rss_mb[COMPARE_ROUNDS_MAX];
    struct strato_histogram latency_ns;
    uint32_t count;
};

static void gather(struct gathered *g, struct compare_row *row, uint32_t round, bool is_latency,
                   const struct load_result *result)
{
    g->per_s[g->count] = result->per_s;
    g->mb_per_s[g->count] = result->mb_per_s;
    g->cpu_us[g->count] = result->broker_cpu_us;
    g->clients_cpu_us[g->count] = result->clients_cpu_us;
    g->rss_mb[g->count++] = result->broker_rss_mb;
    strato_histogram_merge(&g->latency_ns, &result->latency_ns);
    row->failures += result->failures;
    row->value[round] =
        is_latency ? (double)strato_histogram_percentile(&result->latency_ns, 50) / 1000 : result->per_s;
}

static void settle(struct gathered *g, struct compare_row *row)
{
    row->per_s = compare_median(g->per_s, g->count);
    row->mb_per_s = compare_median(g->mb_per_s, g->count);
    row->cpu_us = compare_median(g->cpu_us, g->count);
    row->clients_cpu_us = compare_median(g->clients_cpu_us, g->count);
    row->rss_mb = compare_median(g->rss_mb, g->count);
    row->p50_us = (double)strato_histogram_percentile(&g->latency_ns, 50) / 1000;
    row->p99_us = (double)strato_histogram_percentile(&g->latency_ns, 99) / 1000;
    row->p999_us = (double)strato_histogram_percentile(&g->latency_ns, 99.9) / 1000;
}

static void ratios(struct compare_answer *answer, enum compare_system system)
{
    const struct compare_row *ours = &answer->rows[COMPARE_OURS];
    struct compare_row *row = &answer->rows[system];
    double values[COMPARE_ROUNDS_MAX];
    uint32_t count = 0;

    for (uint32_t i = 0; i < answer->rounds; i++)
        if (!row->failed[i] && !ours->failed[i] && row->value[i] > 0 && ours->value[i] > 0)
            values[count++] = ours->value[i] / row->value[i];
    row->ratio = compare_median(values, count);
    row->ratio_min = count ? values[0] : 0;
    row->ratio_max = count ? values[count - 1] : 0;
}

int compare_ask(const struct question *question, uint32_t bytes, const struct compare_settings *settings,
                struct compare_answer *ret_answer)
{
    struct gathered *gathered = calloc(COMPARE_SYSTEMS, sizeof *gathered);
    struct load_result *result = malloc(sizeof *result);
    int rc = gathered && result ? 0 : STRATO_ENOMEM;

    *ret_answer = (struct compare_answer){ .question = question, .bytes = bytes, .rounds = settings->rounds };
    for (uint32_t round = 0; rc == 0 && round < settings->rounds; round++) {
        for (int system = 0; rc == 0 && system < COMPARE_SYSTEMS; system++) {
            struct compare_row *row = &ret_answer->rows[system];
            int ran;

            if (!settings->has[system] || !compare_applies(question, bytes, (enum compare_system)system))
                continue;
            row->is_there = true;
            ran = run_once(question, bytes, settings, (enum compare_system)system, result, row->detail,
                           sizeof row->detail);
            row->failed[round] = ran < 0;
            if (ran == 0)
                gather(&gathered[system], row, round, question->is_latency, result);
            rc = ran == STRATO_EINTERRUPTED ? ran : 0;
        }
    }
    for (int system = 0; gathered && system < COMPARE_SYSTEMS; system++) {
        settle(&gathered[system], &ret_answer->rows[system]);
        if (system != COMPARE_OURS)
            ratios(ret_answer, (enum compare_system)system);
    }
    free(result);
    free(gathered);
    return rc;
}
