/*
 * cmd_bench.c - strato bench pub, sub, req and work: put load on a broker and say what came through.
 *
 * The load itself is bench/load.h; senders and receivers are processes of their own.
 *
 * SPDX-License-Identifier: MIT
 */
#include "bench/load.h"
#include "cli/admin.h"
#include "cli/emit.h"
#include "cli/verbs.h"

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

struct bench_config {
    struct cli_common common;
    uint32_t size, senders, receivers, in_flight, duration_ms, warmup_ms;
    double rate;
    bool acked, unbatched, csv;
    char *channel, *topic;
};

#define AT(field) STRATO_OPTION_AT(struct bench_config, field)
#define ROWS_ALL                                                                                                       \
    { .name = "size",                                                                                                  \
      AT(size),                                                                                                        \
      .kind = STRATO_OPTION_SIZE,                                                                                      \
      .value = "SIZE",                                                                                                 \
      .initial = "64",                                                                                                 \
      .min = 8,                                                                                                        \
      .max = 8 << 20,                                                                                                  \
      .doc = "Body of a message." },                                                                                   \
        { .name = "duration",                                                                                          \
          .letter = 'd',                                                                                               \
          AT(duration_ms),                                                                                             \
          .kind = STRATO_OPTION_DURATION,                                                                              \
          .value = "TIME",                                                                                             \
          .initial = "5s",                                                                                             \
          .min = 100,                                                                                                  \
          .max = 24 * 3600 * 1000,                                                                                     \
          .doc = "Length of the window in which is counted." },                                                        \
        { .name = "warmup",                                                                                            \
          AT(warmup_ms),                                                                                               \
          .kind = STRATO_OPTION_DURATION,                                                                              \
          .value = "TIME",                                                                                             \
          .initial = "500ms",                                                                                          \
          .doc = "Load before the window." },                                                                          \
    {                                                                                                                  \
        .name = "csv", AT(csv), .kind = STRATO_OPTION_FLAG,                                                            \
        .doc = "Print one line of comma-separated values, with a heading."                                             \
    }
#define ROW_RATE                                                                                                       \
    {                                                                                                                  \
        .name = "rate", AT(rate), .kind = STRATO_OPTION_DOUBLE, .value = "PER_S",                                      \
        .doc =                                                                                                         \
            "Messages a second of each sender; latency then counts from when each was due. 0 is as fast as possible."  \
    }
#define ROW_UNBATCHED                                                                                                  \
    {                                                                                                                  \
        .name = "unbatched", AT(unbatched), .kind = STRATO_OPTION_FLAG, .doc = "One message per frame."                \
    }
#define ROW_SENDERS(text)                                                                                              \
    {                                                                                                                  \
        .name = "senders", AT(senders), .kind = STRATO_OPTION_UINT, .value = "N", .initial = "1", .min = 1,            \
        .max = 100, .doc = text                                                                                        \
    }
#define ROW_RECEIVERS(least, text)                                                                                     \
    {                                                                                                                  \
        .name = "receivers", AT(receivers), .kind = STRATO_OPTION_UINT, .value = "N", .initial = "1", .min = least,    \
        .max = 100, .doc = text                                                                                        \
    }
#define ROW_CHANNEL(text)                                                                                              \
    {                                                                                                                  \
        .name = "channel", .letter = 'c', AT(channel), .kind = STRATO_OPTION_STRING, .value = "NAME", .doc = text      \
    }
#define ROW_TOPIC                                                                                                      \
    {                                                                                                                  \
        .name = "topic", AT(topic), .kind = STRATO_OPTION_STRING, .value = "TOPIC", .initial = "bench.events",         \
        .doc = "Topic of the events."                                                                                  \
    }

struct bench {
    struct cli *cli;
    const struct bench_config *config;
    struct load_case load;
    char made[LOAD_TEXT_BYTES]; /* channel to remove at the end */
};

static struct load_case case_of(const struct bench_config *config, enum load_pattern pattern)
{
    struct load_case load = { .pattern = pattern,
                              .bytes = config->size,
                              .senders = config->senders,
                              .receivers = config->receivers,
                              .in_flight = config->in_flight,
                              .rate = config->rate,
                              .is_acked = config->acked,
                              .is_unbatched = config->unbatched,
                              .warmup_ms = config->warmup_ms,
                              .window_ms = config->duration_ms };

    snprintf(load.endpoint, sizeof load.endpoint, "%s", config->common.server);
    snprintf(load.key_file, sizeof load.key_file, "%s", config->common.key ? config->common.key : "");
    snprintf(load.server_key, sizeof load.server_key, "%s", config->common.server_key ? config->common.server_key : "");
    snprintf(load.topic, sizeof load.topic, "%s", config->topic ? config->topic : "");
    snprintf(load.channel, sizeof load.channel, "%s", config->channel ? config->channel : "");
    return load;
}

/* One word to the broker about the channel, on a session that is gone before anything is forked. */
static int tell(struct bench *b, const char *operation, struct strato_bytes arguments)
{
    strato_client *client = NULL;
    int rc, code = link_open(b->cli, false, NULL, &client);

    if (code != CLI_OK)
        return code;
    rc = admin_ask(b->cli, client, operation, b->load.channel, arguments, NULL);
    code = rc < 0 ? link_fail(b->cli, client, rc, operation) : CLI_OK;
    if (rc == STRATO_EFORBIDDEN)
        cli_say(b->cli, "name a channel that is there (--channel), or reach the broker over ipc");
    strato_client_close(&client);
    return code;
}

static int channel_make(struct bench *b)
{
    uint8_t room[128];
    struct strato_writer w;
    int code;

    if (b->load.pattern == LOAD_REQUEST) { /* the responders declare it; always the same, so that none pile up */
        strcpy(b->load.channel, "bench.echo");
        return CLI_OK;
    }
    snprintf(b->load.channel, sizeof b->load.channel, "bench.%d", (int)getpid());
    strato_writer_init_fixed(&w, room, sizeof room);
    strato_writer_map(&w, 3);
    strato_writer_text(&w, "pattern");
    strato_writer_text(&w, "work");
    strato_writer_text(&w, "capacity");
    strato_writer_u64(&w, 50000);
    strato_writer_text(&w, "ack");
    strato_writer_bool(&w, b->load.is_acked);
    code = tell(b, "admin.channel.add", strato_writer_view(&w));
    if (code == CLI_OK)
        memcpy(b->made, b->load.channel, sizeof b->made);
    return code;
}

static const double percents[] = { 50, 90, 99, 99.9, 99.99 };
static const char *const percent_names[] = { "p50_us", "p90_us", "p99_us", "p999_us", "p9999_us" };
enum { PERCENTS = sizeof percents / sizeof percents[0] };

static double us(const struct load_result *r, double percent)
{
    return (double)strato_histogram_percentile(&r->latency_ns, percent) / 1000;
}

static void print_json(const struct bench *b, const char *name, const struct load_result *r)
{
    struct emit j = { .to = stdout };

    emit_object(&j, NULL);
    emit_text(&j, "bench", name);
    emit_u64(&j, "bytes", b->load.bytes);
    emit_u64(&j, "senders", b->load.senders);
    emit_u64(&j, "receivers", b->load.receivers);
    emit_u64(&j, "in_flight", b->load.in_flight);
    emit_f64(&j, "rate", b->load.rate);
    emit_bool(&j, "acked", b->load.is_acked);
    emit_f64(&j, "seconds", b->load.window_ms / 1000.0);
    emit_f64(&j, "per_s", r->per_s);
    emit_f64(&j, "mb_per_s", r->mb_per_s);
    emit_u64(&j, "failures", r->failures);
    emit_object(&j, "latency");
    emit_u64(&j, "count", r->latency_ns.count);
    for (size_t i = 0; i < PERCENTS; i++)
        emit_f64(&j, percent_names[i], us(r, percents[i]));
    emit_f64(&j, "max_us", (double)r->latency_ns.max / 1000);
    emit_f64(&j, "mean_us", strato_histogram_mean(&r->latency_ns) / 1000);
    emit_object_end(&j);
    emit_object_end(&j);
    emit_end(&j);
}

static void print_csv(const struct bench *b, const char *name, const struct load_result *r)
{
    printf("bench,bytes,senders,receivers,in_flight,rate,acked,seconds,per_s,mb_per_s,failures");
    for (size_t i = 0; i < PERCENTS; i++)
        printf(",%s", percent_names[i]);
    printf(",max_us\n%s,%" PRIu32 ",%" PRIu32 ",%" PRIu32 ",%" PRIu32 ",%g,%d,%g,%.1f,%.3f,%" PRIu64, name,
           b->load.bytes, b->load.senders, b->load.receivers, b->load.in_flight, b->load.rate, b->load.is_acked,
           b->load.window_ms / 1000.0, r->per_s, r->mb_per_s, r->failures);
    for (size_t i = 0; i < PERCENTS; i++)
        printf(",%.1f", us(r, percents[i]));
    printf(",%.1f\n", (double)r->latency_ns.max / 1000);
}

static void print_text(const struct bench *b, const char *name, const struct load_result *r)
{
    printf("%-10s %s, %" PRIu32 " B, %" PRIu32 " senders, %" PRIu32 " receivers, %g s\n", "bench", name, b->load.bytes,
           b->load.senders, b->load.receivers, b->load.window_ms / 1000.0);
    printf("%-10s %.0f messages/s, %.1f MB/s\n", "rate", r->per_s, r->mb_per_s);
    if (r->latency_ns.count > 0) {
        printf("%-10s p50 %.1f  p90 %.1f  p99 %.1f  p99.9 %.1f  p99.99 %.1f  max %.1f us\n", "latency", us(r, 50),
               us(r, 90), us(r, 99), us(r, 99.9), us(r, 99.99), (double)r->latency_ns.max / 1000);
    }
    if (r->failures)
        printf("%-10s %" PRIu64 "\n", "failures", r->failures);
}

static int bench_run(struct bench *b, const char *name)
{
    struct load_result *r = malloc(sizeof *r);
    int code = CLI_OK, rc;

    if (!r)
        return cli_fail(b->cli, CLI_FAILED, "%s", strato_strerror(STRATO_ENOMEM));
    rc = load_run(&b->load, &load_strato, 0, cli_is_interrupted, r);
    if (rc == STRATO_EINTERRUPTED)
        code = CLI_INTERRUPTED;
    else if (rc < 0)
        code = cli_fail(b->cli, CLI_FAILED, "%s", strato_strerror(rc));
    else if (r->rc < 0)
        code = cli_fail(b->cli, cli_exit_of(r->rc), "%s", r->detail[0] ? r->detail : strato_strerror(r->rc));
    else if (cli_wants_json(b->cli))
        print_json(b, name, r);
    else if (b->config->csv)
        print_csv(b, name, r);
    else
        print_text(b, name, r);
    if (code == CLI_OK && r->failures > 0)
        code = CLI_PARTIAL;
    free(r);
    return code;
}

static int run_pub(struct cli *cli, const void *config)
{
    struct bench b = { .cli = cli, .config = config, .load = case_of(config, LOAD_EVENTS) };

    return bench_run(&b, "pub");
}

static int run_sub(struct cli *cli, const void *config)
{
    struct bench b = { .cli = cli, .config = config, .load = case_of(config, LOAD_EVENTS) };

    return bench_run(&b, "sub");
}

static int run_made(struct cli *cli, const struct bench_config *config, enum load_pattern pattern, const char *name)
{
    struct bench b = { .cli = cli, .config = config, .load = case_of(config, pattern) };
    int code = b.load.channel[0] ? CLI_OK : channel_make(&b);

    if (code == CLI_OK)
        code = bench_run(&b, name);
    if (b.made[0] && code != CLI_UNREACHABLE) {
        int removed = tell(&b, "admin.channel.rm", STRATO_BYTES_NONE);

        code = code == CLI_OK ? removed : code;
    }
    return code;
}

static int run_req(struct cli *cli, const void *config)
{
    return run_made(cli, config, LOAD_REQUEST, "req");
}

static int run_work(struct cli *cli, const void *config)
{
    return run_made(cli, config, LOAD_WORK, "work");
}

static const struct strato_option pub_rows[] = {
    ROW_SENDERS("Publishers."),
    ROW_RECEIVERS(0, "Subscribers of our own; 0 = count what is sent."),
    ROW_RATE,
    ROW_UNBATCHED,
    ROW_TOPIC,
    { .name = "channel",
      .letter = 'c',
      AT(channel),
      .kind = STRATO_OPTION_STRING,
      .value = "NAME",
      .initial = "events",
      .doc = "Events channel." },
    ROWS_ALL,
};
static const struct strato_option sub_rows[] = {
    ROW_RECEIVERS(1, "Subscribers."),
    ROW_TOPIC,
    { .name = "channel",
      .letter = 'c',
      AT(channel),
      .kind = STRATO_OPTION_STRING,
      .value = "NAME",
      .initial = "events",
      .doc = "Events channel." },
    ROWS_ALL,
};
static const struct strato_option req_rows[] = {
    ROW_SENDERS("Askers."),
    ROW_RECEIVERS(0, "Responders of our own; 0 = somebody serves --channel."),
    { .name = "in-flight",
      AT(in_flight),
      .kind = STRATO_OPTION_UINT,
      .value = "N",
      .initial = "1",
      .min = 1,
      .max = 900,
      .doc = "Most unanswered requests of an asker." },
    ROW_RATE,
    ROW_UNBATCHED,
    ROW_CHANNEL("Request channel; default: bench.echo."),
    ROWS_ALL,
};
static const struct strato_option work_rows[] = {
    ROW_SENDERS("Producers."),
    ROW_RECEIVERS(0, "Workers of our own; 0 = somebody takes the work."),
    { .name = "acked", AT(acked), .kind = STRATO_OPTION_FLAG, .doc = "Workers acknowledge each message." },
    ROW_RATE,
    ROW_UNBATCHED,
    ROW_CHANNEL("Work channel; default: one of our own, removed afterwards."),
    ROWS_ALL,
};

#define VERB(word, text, words, ...)                                                                                   \
    static const struct strato_program_example word##_examples[] = { __VA_ARGS__ };                                    \
    const struct cli_verb cmd_bench_##word = {                                                                         \
        .program = { .name = "strato bench " #word,                                                                    \
                     .summary = text,                                                                                  \
                     .doc = words,                                                                                     \
                     CLI_PROGRAM(word##_rows),                                                                         \
                     STRATO_PROGRAM_EXAMPLES(word##_examples) },                                                       \
        .config_bytes = sizeof(struct bench_config),                                                                   \
        .run = run_##word,                                                                                             \
    }

VERB(pub, "publish events, and count them at subscribers of our own",
     "Subscribers use the policy block, so nothing is lost and the publishers run at the subscribers' pace.",
     { "strato bench pub --size 1KiB --receivers 4", "one publisher, four subscribers: deliveries a second" },
     { "strato bench pub --rate 1000 --json", "one-way latency at 1,000/s" });
VERB(sub, "subscribe and count what others publish", NULL,
     { "strato bench sub --topic 'demo.>' --duration 10s", "how much goes on there" },
     { "strato bench sub --receivers 10 --json", "ten subscribers of bench.events" });
VERB(req, "ask and answer, and measure the round trips", NULL, { "strato bench req", "one at a time: latency" },
     { "strato bench req --in-flight 100 --senders 4", "throughput" },
     { "strato bench req --rate 1000", "latency at a fixed rate, counted from when each request was due" });
VERB(work, "produce and consume work, and count what arrives", NULL,
     { "strato bench work", "one producer, one worker, no acknowledgements" },
     { "strato bench work --acked --receivers 4 --csv", "four workers that acknowledge" });
