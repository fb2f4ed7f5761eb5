/*
 * main.c - bench_compare: every question, beside the peers, as ratios.
 *
 * SPDX-License-Identifier: MIT
 */
#include "bench/compare.h"
#include "cli/emit.h"
#include "core/nearest.h"
#include "core/option.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

struct config {
    bool quick, full;
    struct strato_option_list questions, sizes, systems;
    uint32_t rounds, warmup_ms, window_ms;
    char *stratod, *json;
};

#define AT(field) STRATO_OPTION_AT(struct config, field)
static const struct strato_option rows[] = {
    { .name = "quick",
      AT(quick),
      .kind = STRATO_OPTION_FLAG,
      .doc = "64 B and 1 KiB, 3 short rounds: under 3 minutes. The default." },
    { .name = "full",
      AT(full),
      .kind = STRATO_OPTION_FLAG,
      .doc = "64 B to 1 MiB, 5 rounds of 2 s: about half an hour." },
    { .name = "question",
      AT(questions),
      .kind = STRATO_OPTION_LIST,
      .value = "NAME,...",
      .doc = "Only these: events, work_unacked, work_acked, work_durable, request_1, request_100." },
    { .name = "size", AT(sizes), .kind = STRATO_OPTION_LIST, .value = "SIZE,...", .doc = "Only these: 64, 1KiB ..." },
    { .name = "system",
      AT(systems),
      .kind = STRATO_OPTION_LIST,
      .value = "NAME,...",
      .doc = "Only these: stratoswarm, drain, drain-64, nats; acked: redis, js-memory; durable: redis-always, js-file, "
             "sqlite." },
    { .name = "rounds",
      AT(rounds),
      .kind = STRATO_OPTION_UINT,
      .value = "N",
      .max = COMPARE_ROUNDS_MAX,
      .doc = "Rounds of each." },
    { .name = "warmup", AT(warmup_ms), .kind = STRATO_OPTION_DURATION, .value = "TIME", .doc = "Before the window." },
    { .name = "window", AT(window_ms), .kind = STRATO_OPTION_DURATION, .value = "TIME", .doc = "In which is counted." },
    { .name = "stratod",
      AT(stratod),
      .kind = STRATO_OPTION_STRING,
      .value = "PATH",
      .complete = "file",
      .doc = "The broker program; default: ../broker/stratod beside this one." },
    { .name = "json",
      AT(json),
      .kind = STRATO_OPTION_STRING,
      .value = "FILE",
      .complete = "file",
      .doc = "Write all figures to this file, - for stdout." },
};

static const struct strato_program_example examples[] = {
    { "./run bench", "the quick comparison" },
    { "./run bench --full --json bench.json", "all sizes, with the figures kept" },
    { "./run bench --question events --size 64 --rounds 5", "one cell" },
};

static const struct strato_program program = {
    .name = "bench_compare",
    .summary = "throughput and latency beside a minimal ZeroMQ broker, NATS, Redis and SQLite, as ratios",
    .doc = "Sender, broker and receiver are three processes that share this machine's cores. Rounds are interleaved; a "
           "ratio is "
           "the median of the rounds' ratios of ours to the peer's, with least and most.",
    STRATO_PROGRAM_OPTIONS(rows),
    STRATO_PROGRAM_EXAMPLES(examples),
    .exits = "0\tmeasured, whatever the figures\n1\ta run of ours failed\n2\twrong usage\n130\tinterrupted\n",
    .environment = "STRATO_BENCH_",
};

static const struct question *const questions[] = { &question_events,      &question_work_unacked,
                                                    &question_work_acked,  &question_work_durable,
                                                    &question_request_one, &question_request_hundred };
enum { QUESTIONS = sizeof questions / sizeof questions[0], SIZES_MAX = 16 };

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
    (void)number;
    interrupted = 1;
}

static bool is_interrupted(void)
{
    return interrupted != 0;
}

struct plan {
    struct compare_settings settings;
    const struct question *questions[QUESTIONS];
    size_t questions_count;
    uint32_t sizes[SIZES_MAX];
    size_t sizes_count;
    char stratod[4096];
};

static int plan_questions(struct plan *plan, const struct strato_option_list *wanted)
{
    for (size_t i = 0; i < QUESTIONS; i++) {
        bool is_wanted = wanted->count == 0;

        for (size_t k = 0; k < wanted->count; k++)
            is_wanted = is_wanted || strcmp(wanted->items[k], questions[i]->name) == 0;
        if (is_wanted)
            plan->questions[plan->questions_count++] = questions[i];
    }
    return plan->questions_count >= wanted->count ? 0 : STRATO_EINVAL;
}

static int plan_sizes(struct plan *plan, const struct config *config)
{
    static const uint32_t all[] = { 64, 1024, 65536, 1048576 };

    plan->sizes_count = config->full ? 4 : 2;
    memcpy(plan->sizes, all, sizeof all);
    if (config->sizes.count == 0)
        return 0;
    plan->sizes_count = config->sizes.count;
    for (size_t i = 0; i < config->sizes.count; i++) {
        uint64_t bytes;

        if (i >= SIZES_MAX || strato_size_parse(config->sizes.items[i], &bytes) < 0 || bytes < 8 || bytes > 8 << 20)
            return STRATO_EINVAL;
        plan->sizes[i] = (uint32_t)bytes;
    }
    return 0;
}

static int plan_systems(struct plan *plan, const struct strato_option_list *wanted)
{
    size_t known = 0;

    for (int i = 0; i < COMPARE_SYSTEMS; i++) {
        plan->settings.has[i] = wanted->count == 0;
        for (size_t k = 0; k < wanted->count; k++)
            if (strcmp(wanted->items[k], compare_name((enum compare_system)i)) == 0) {
                plan->settings.has[i] = true;
                known++;
            }
    }
#ifndef STRATO_HAS_NATS
    plan->settings.has[COMPARE_NATS] = false;
    plan->settings.has[COMPARE_JETSTREAM_MEMORY] = plan->settings.has[COMPARE_JETSTREAM_FILE] = false;
#endif
#ifndef STRATO_HAS_REDIS
    plan->settings.has[COMPARE_REDIS] = plan->settings.has[COMPARE_REDIS_ALWAYS] = false;
#endif
    return known == wanted->count ? 0 : STRATO_EINVAL;
}

static int plan_stratod(struct plan *plan, const struct config *config)
{
    ssize_t length;
    char *slash;

    if (config->stratod && *config->stratod) {
        snprintf(plan->stratod, sizeof plan->stratod, "%s", config->stratod);
    } else {
        length = readlink("/proc/self/exe", plan->stratod, sizeof plan->stratod - 32);
        if (length < 0)
            return STRATO_EIO;
        plan->stratod[length] = '\0';
        slash = strrchr(plan->stratod, '/');
        strcpy(slash ? slash : plan->stratod, "/../broker/stratod");
    }
    plan->settings.stratod = plan->stratod;
    return access(plan->stratod, X_OK) == 0 ? 0 : STRATO_ENOENT;
}

static int plan_make(const struct config *config, struct plan *plan)
{
    if (plan_questions(plan, &config->questions) < 0)
        return fprintf(stderr, "bench_compare: --question: unknown name; --help lists them\n"), 2;
    if (plan_sizes(plan, config) < 0)
        return fprintf(stderr, "bench_compare: --size wants at most %d sizes from 8 to 8MiB\n", SIZES_MAX), 2;
    if (plan_systems(plan, &config->systems) < 0)
        return fprintf(stderr, "bench_compare: --system: unknown name; --help lists them\n"), 2;
    if (plan->settings.has[COMPARE_OURS] && plan_stratod(plan, config) < 0)
        return fprintf(stderr, "bench_compare: no program at %s (--stratod PATH)\n", plan->stratod), 2;
    plan->settings.rounds = config->rounds ? config->rounds : config->full ? 5 : 3;
    plan->settings.warmup_ms = config->warmup_ms ? config->warmup_ms : config->full ? 500 : 200;
    plan->settings.window_ms = config->window_ms ? config->window_ms : config->full ? 2000 : 500;
    plan->settings.is_cancelled = is_interrupted;
    return 0;
}

/* ---- what comes out ------------------------------------------------------------------------------- */

static const struct question_target *target_of(const struct compare_answer *answer, int system)
{
    static const enum question_peer peers[] = { PEERS,
                                                PEER_DRAIN,
                                                PEER_DRAIN_64,
                                                PEER_NATS,
                                                PEER_REDIS,
                                                PEER_JETSTREAM_MEMORY,
                                                PEER_REDIS_ALWAYS,
                                                PEER_JETSTREAM_FILE,
                                                PEER_SQLITE };

    for (const struct question_target *t = answer->question->targets; t->bytes; t++)
        if (t->bytes == answer->bytes && t->peer == peers[system])
            return t;
    return NULL;
}

static bool is_met(const struct compare_answer *answer, const struct question_target *target, double ratio)
{
    return answer->question->is_latency ? ratio <= target->ratio : ratio >= target->ratio;
}

static const char *size_text(uint32_t bytes, char text[24])
{
    if (bytes >= 1 << 20)
        snprintf(text, 24, "%g MiB", bytes / 1048576.0);
    else if (bytes >= 1024)
        snprintf(text, 24, "%g KiB", bytes / 1024.0);
    else
        snprintf(text, 24, "%" PRIu32 " B", bytes);
    return text;
}

static void print_row(const struct compare_answer *answer, int system)
{
    const struct question_target *target = target_of(answer, system);
    const struct compare_row *row = &answer->rows[system];
    char ratio[48] = "";

    if (row->ratio > 0)
        snprintf(ratio, sizeof ratio, "%.2f [%.2f..%.2f]", row->ratio, row->ratio_min, row->ratio_max);
    printf("  %-12s %12.0f/s %9.1f MB/s cpu us %8.3f + %8.3f", compare_name((enum compare_system)system), row->per_s,
           row->mb_per_s, row->cpu_us, row->clients_cpu_us);
    if (answer->question->pattern == LOAD_REQUEST)
        printf("  p50 %8.1f p99 %8.1f us", row->p50_us, row->p99_us);
    printf("  %-22s", ratio);
    if (target && row->ratio > 0)
        printf(" target %s %g: %s", answer->question->is_latency ? "<=" : ">=", target->ratio,
               is_met(answer, target, row->ratio) ? "met" : "not yet");
    if (row->per_s <= 0 && row->detail[0])
        printf(" %s", row->detail);
    if (row->failures)
        printf(" (%" PRIu64 " failures)", row->failures);
    putchar('\n');
}

static void print_answer(const struct compare_answer *answer)
{
    char size[24];

    printf("%s, %s  (%" PRIu32
           " rounds; CPU per message of broker + clients; ratio = ours : this one, median [least..most])\n",
           answer->question->title, size_text(answer->bytes, size), answer->rounds);
    for (int i = 0; i < COMPARE_SYSTEMS; i++)
        if (answer->rows[i].is_there)
            print_row(answer, i);
    putchar('\n');
    fflush(stdout);
}

static void emit_row(struct emit *j, const struct compare_answer *answer, int system)
{
    const struct question_target *target = target_of(answer, system);
    const struct compare_row *row = &answer->rows[system];

    emit_object(j, NULL);
    emit_text(j, "system", compare_name((enum compare_system)system));
    emit_f64(j, "per_s", row->per_s);
    emit_f64(j, "mb_per_s", row->mb_per_s);
    emit_f64(j, "broker_cpu_us", row->cpu_us);
    emit_f64(j, "clients_cpu_us", row->clients_cpu_us);
    emit_f64(j, "broker_rss_mb", row->rss_mb);
    emit_f64(j, "p50_us", row->p50_us);
    emit_f64(j, "p99_us", row->p99_us);
    emit_f64(j, "p999_us", row->p999_us);
    emit_f64(j, "ratio", row->ratio);
    emit_f64(j, "ratio_min", row->ratio_min);
    emit_f64(j, "ratio_max", row->ratio_max);
    emit_u64(j, "failures", row->failures);
    if (target) {
        emit_f64(j, "target", target->ratio);
        emit_bool(j, "target_met", row->ratio > 0 && is_met(answer, target, row->ratio));
    }
    emit_array(j, "rounds");
    for (uint32_t i = 0; i < answer->rounds; i++)
        emit_f64(j, NULL, row->failed[i] ? 0 : row->value[i]);
    emit_array_end(j);
    emit_object_end(j);
}

static void emit_answer(struct emit *j, const struct compare_answer *answer)
{
    emit_object(j, NULL);
    emit_text(j, "question", answer->question->name);
    emit_text(j, "value", answer->question->is_latency ? "p50_us" : "per_s");
    emit_u64(j, "bytes", answer->bytes);
    emit_array(j, "systems");
    for (int i = 0; i < COMPARE_SYSTEMS; i++)
        if (answer->rows[i].is_there)
            emit_row(j, answer, i);
    emit_array_end(j);
    emit_object_end(j);
}

static void emit_head(struct emit *j, const struct plan *plan)
{
    emit_object(j, NULL);
    emit_u64(j, "unix_s", (uint64_t)time(NULL));
    emit_u64(j, "cpus", (uint64_t)sysconf(_SC_NPROCESSORS_ONLN));
    emit_u64(j, "rounds", plan->settings.rounds);
    emit_u64(j, "warmup_ms", plan->settings.warmup_ms);
    emit_u64(j, "window_ms", plan->settings.window_ms);
    emit_array(j, "answers");
}

static bool ours_failed(const struct compare_answer *answer)
{
    for (uint32_t i = 0; i < answer->rounds; i++)
        if (answer->rows[COMPARE_OURS].failed[i])
            return true;
    return false;
}

static int measure(const struct plan *plan, struct emit *j)
{
    struct compare_answer *answer = malloc(sizeof *answer);
    int code = answer ? 0 : 1, rc = 0;

    for (size_t size = 0; answer && rc == 0 && size < plan->sizes_count; size++) {
        for (size_t i = 0; rc == 0 && i < plan->questions_count; i++) {
            rc = compare_ask(plan->questions[i], plan->sizes[size], &plan->settings, answer);
            if (!j || j->to != stdout)
                print_answer(answer);
            if (j)
                emit_answer(j, answer);
            code = ours_failed(answer) ? 1 : code;
        }
    }
    free(answer);
    return rc == STRATO_EINTERRUPTED ? 130 : code;
}

static int run(const struct config *config)
{
    struct plan plan = { 0 };
    struct emit j = { 0 };
    int code = plan_make(config, &plan);

    if (code != 0)
        return code;
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    if (config->json && *config->json) {
        j.to = strcmp(config->json, "-") == 0 ? stdout : fopen(config->json, "w");
        if (!j.to)
            return fprintf(stderr, "bench_compare: cannot write %s\n", config->json), 1;
        emit_head(&j, &plan);
    }
    code = measure(&plan, j.to ? &j : NULL);
    if (j.to) {
        emit_array_end(&j);
        emit_object_end(&j);
        emit_end(&j);
        if (j.to != stdout)
            fclose(j.to);
    }
    return code;
}

int main(int argc, char **argv)
{
    struct strato_option_error error = { "" };
    struct strato_options options;
    struct config config;
    int code, rc = strato_options_open(&options, &program, &config, sizeof config);

    if (rc == 0)
        rc = strato_options_arguments(&options, argc, argv, &error);
    if (rc == 0)
        rc = strato_options_environment(&options, &error);
    if (rc == 1)
        code = strato_options_show(&options, stdout) < 0 ? 2 : 0;
    else if (rc < 0)
        code = fprintf(stderr, "bench_compare: %s\n", error.text) > 0 ? 2 : 1;
    else
        code = run(&config);
    strato_options_fini(&options);
    return code;
}
