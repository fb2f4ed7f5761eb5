/*
 * cmd_channel_set.c - strato channel add and set: make a channel, change its settings.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cli/channel.h"
#include "cli/emit.h"
#include "cli/verbs.h"

struct set_config {
    struct cli_common common;
    int pattern;
    char *full, *ack, *tally, *dlq_expired, *dlq_dropped, *strict, *displace;
    bool sticky, durable, dry_run;
    uint32_t capacity, prefetch, ttl_ms, start_timeout_ms, lease_ms, attempt_ms, max_deliver, backoff_ms,
        backoff_max_ms, dedup_ms, dlq, history;
    uint64_t bytes_max, dlq_bytes, history_bytes;
};

static const char *const patterns[] = { "work", "request", "events" };

#define AT(field) STRATO_OPTION_AT(struct set_config, field)
/* 0 and "" are "not said": the broker's default, or what it is now. */
#define SETTINGS                                                                                                       \
    { .name = "capacity",                                                                                              \
      AT(capacity),                                                                                                    \
      .kind = STRATO_OPTION_UINT,                                                                                      \
      .value = "N",                                                                                                    \
      .max = 16777216,                                                                                                 \
      .doc = "Bound in messages; of each subscriber's queue for events." },                                            \
        { .name = "max-bytes", AT(bytes_max), .kind = STRATO_OPTION_SIZE, .value = "SIZE", .doc = "Bound in bytes." }, \
        { .name = "full",                                                                                              \
          AT(full),                                                                                                    \
          .kind = STRATO_OPTION_STRING,                                                                                \
          .value = "POLICY",                                                                                           \
          .doc = "At the bound: wait, reject, drop_oldest or drop_newest." },                                          \
        { .name = "ttl",                                                                                               \
          AT(ttl_ms),                                                                                                  \
          .kind = STRATO_OPTION_DURATION,                                                                              \
          .value = "TIME",                                                                                             \
          .max = 24 * 3600 * 1000,                                                                                     \
          .doc = "Lifetime of a message that names none." },                                                           \
        { .name = "ack", AT(ack), .kind = STRATO_OPTION_STRING, .value = "yes|no", .doc = "Messages need settling." }, \
        { .name = "tally",                                                                                             \
          AT(tally),                                                                                                   \
          .kind = STRATO_OPTION_STRING,                                                                                \
          .value = "yes|no",                                                                                           \
          .doc = "Count by topic and by sender: strato channel stats." },                                              \
        { .name = "prefetch",                                                                                          \
          AT(prefetch),                                                                                                \
          .kind = STRATO_OPTION_UINT,                                                                                  \
          .value = "N",                                                                                                \
          .max = 4096,                                                                                                 \
          .doc = "Messages delivered ahead to a consumer." },                                                          \
        { .name = "start-timeout",                                                                                     \
          AT(start_timeout_ms),                                                                                        \
          .kind = STRATO_OPTION_DURATION,                                                                              \
          .value = "TIME",                                                                                             \
          .doc = "A delivered message that is not started in this time goes back." },                                  \
        { .name = "lease",                                                                                             \
          AT(lease_ms),                                                                                                \
          .kind = STRATO_OPTION_DURATION,                                                                              \
          .value = "TIME",                                                                                             \
          .doc = "How long a started message is held without being extended." },                                       \
        { .name = "attempt",                                                                                           \
          AT(attempt_ms),                                                                                              \
          .kind = STRATO_OPTION_DURATION,                                                                              \
          .value = "TIME",                                                                                             \
          .doc = "No attempt is extended beyond this." },                                                              \
        { .name = "max-deliver",                                                                                       \
          AT(max_deliver),                                                                                             \
          .kind = STRATO_OPTION_UINT,                                                                                  \
          .value = "N",                                                                                                \
          .doc = "Counted attempts after which a message is dead." },                                                  \
        { .name = "backoff",                                                                                           \
          AT(backoff_ms),                                                                                              \
          .kind = STRATO_OPTION_DURATION,                                                                              \
          .value = "TIME",                                                                                             \
          .doc = "Pause before a failed message is tried again, doubled each time." },                                 \
        { .name = "backoff-max",                                                                                       \
          AT(backoff_max_ms),                                                                                          \
          .kind = STRATO_OPTION_DURATION,                                                                              \
          .value = "TIME",                                                                                             \
          .doc = "The longest such pause." },                                                                          \
        { .name = "dedup",                                                                                             \
          AT(dedup_ms),                                                                                                \
          .kind = STRATO_OPTION_DURATION,                                                                              \
          .value = "TIME",                                                                                             \
          .doc = "How long a message's id is remembered." },                                                           \
        { .name = "dlq", AT(dlq), .kind = STRATO_OPTION_UINT, .value = "N", .doc = "Dead letters kept." },             \
        { .name = "dlq-bytes",                                                                                         \
          AT(dlq_bytes),                                                                                               \
          .kind = STRATO_OPTION_SIZE,                                                                                  \
          .value = "SIZE",                                                                                             \
          .doc = "Bytes of dead letters kept." },                                                                      \
        { .name = "dlq-expired",                                                                                       \
          AT(dlq_expired),                                                                                             \
          .kind = STRATO_OPTION_STRING,                                                                                \
          .value = "yes|no",                                                                                           \
          .doc = "What expires goes to the dead letters." },                                                           \
        { .name = "dlq-dropped",                                                                                       \
          AT(dlq_dropped),                                                                                             \
          .kind = STRATO_OPTION_STRING,                                                                                \
          .value = "yes|no",                                                                                           \
          .doc = "What a full queue drops goes to the dead letters." },                                                \
        { .name = "strict",                                                                                            \
          AT(strict),                                                                                                  \
          .kind = STRATO_OPTION_STRING,                                                                                \
          .value = "yes|no",                                                                                           \
          .doc = "Serve the lanes in strict order of priority." },                                                     \
        { .name = "displace",                                                                                          \
          AT(displace),                                                                                                \
          .kind = STRATO_OPTION_STRING,                                                                                \
          .value = "yes|no",                                                                                           \
          .doc = "A critical message may push a low one out of a full channel." },                                     \
        { .name = "history",                                                                                           \
          AT(history),                                                                                                 \
          .kind = STRATO_OPTION_UINT,                                                                                  \
          .value = "N",                                                                                                \
          .doc = "Messages kept for replay." },                                                                        \
        { .name = "history-bytes",                                                                                     \
          AT(history_bytes),                                                                                           \
          .kind = STRATO_OPTION_SIZE,                                                                                  \
          .value = "SIZE",                                                                                             \
          .doc = "Bytes kept for replay." },                                                                           \
    {                                                                                                                  \
        .name = "dry-run", AT(dry_run), .kind = STRATO_OPTION_FLAG,                                                    \
        .doc = "Print what would be asked for, and ask nothing."                                                       \
    }

static const struct strato_option add_rows[] = {
    { .name = "pattern",
      .letter = 'p',
      AT(pattern),
      .kind = STRATO_OPTION_ENUM,
      .value = "PATTERN",
      .choices = "work|request|events",
      .initial = "work",
      .doc = "One worker takes, one service answers, or all subscribers see." },
    { .name = "sticky", AT(sticky), .kind = STRATO_OPTION_FLAG, .doc = "One producer's messages go to one consumer." },
    { .name = "durable",
      AT(durable),
      .kind = STRATO_OPTION_FLAG,
      .doc = "Survives a restart of a broker with a store." },
    SETTINGS,
};

static const struct strato_option set_rows[] = { SETTINGS };

/* A map being written whose size is known only at the end: counted first, written second. */
struct pairs {
    struct strato_writer *w; /* NULL: count only */
    uint32_t count;
};

static void pair_u64(struct pairs *p, const char *key, uint64_t value)
{
    if (value == 0)
        return;
    p->count++;
    if (!p->w)
        return;
    strato_writer_text(p->w, key);
    strato_writer_u64(p->w, value);
}

static void pair_text(struct pairs *p, const char *key, const char *value)
{
    if (!value || !*value)
        return;
    p->count++;
    if (!p->w)
        return;
    strato_writer_text(p->w, key);
    strato_writer_text(p->w, value);
}

static void pair_bool(struct pairs *p, const char *key, bool is_said, bool value)
{
    if (!is_said)
        return;
    p->count++;
    if (!p->w)
        return;
    strato_writer_text(p->w, key);
    strato_writer_bool(p->w, value);
}

/* A yes or a no; nothing if it was not said. */
static void pair_choice(struct pairs *p, const char *key, const char *text)
{
    pair_bool(p, key, text && *text, text && strcmp(text, "yes") == 0);
}

static bool is_choice(const char *text)
{
    return !text || !*text || strcmp(text, "yes") == 0 || strcmp(text, "no") == 0;
}

/* The flag that wants yes or no and got something else, or NULL. */
static const char *wrong_choice(const struct set_config *config)
{
    return !is_choice(config->ack)           ? "ack"
           : !is_choice(config->tally)       ? "tally"
           : !is_choice(config->dlq_expired) ? "dlq-expired"
           : !is_choice(config->dlq_dropped) ? "dlq-dropped"
           : !is_choice(config->strict)      ? "strict"
           : !is_choice(config->displace)    ? "displace"
                                             : NULL;
}

static void write_pairs(struct pairs *p, const struct set_config *config, bool is_add)
{
    pair_text(p, "pattern", is_add ? patterns[config->pattern] : NULL);
    pair_u64(p, "capacity", config->capacity);
    pair_u64(p, "max_bytes", config->bytes_max);
    pair_text(p, "full", config->full);
    pair_u64(p, "ttl_ms", config->ttl_ms);
    pair_choice(p, "ack", config->ack);
    pair_choice(p, "tally", config->tally);
    pair_choice(p, "dlq_expired", config->dlq_expired);
    pair_choice(p, "dlq_dropped", config->dlq_dropped);
    pair_choice(p, "strict", config->strict);
    pair_choice(p, "displace", config->displace);
    pair_bool(p, "sticky", config->sticky, true);
    pair_bool(p, "durable", config->durable, true);
    pair_u64(p, "prefetch", config->prefetch);
    pair_u64(p, "start_timeout_ms", config->start_timeout_ms);
    pair_u64(p, "lease_ms", config->lease_ms);
    pair_u64(p, "attempt_ms", config->attempt_ms);
    pair_u64(p, "max_deliver", config->max_deliver);
    pair_u64(p, "backoff_ms", config->backoff_ms);
    pair_u64(p, "backoff_max_ms", config->backoff_max_ms);
    pair_u64(p, "dedup_ms", config->dedup_ms);
    pair_u64(p, "dlq", config->dlq);
    pair_u64(p, "dlq_bytes", config->dlq_bytes);
    pair_u64(p, "history", config->history);
    pair_u64(p, "history_bytes", config->history_bytes);
}

static void print_request(const struct cli *cli, const char *operation, struct strato_bytes arguments, bool is_dry)
{
    struct emit j = { .to = stdout };

    if (!cli_wants_json(cli) && !is_dry) {
        cli_say(cli, "%s %s: done", operation, cli->operands[0]);
        return;
    }
    emit_object(&j, NULL);
    emit_text(&j, "operation", operation);
    emit_text(&j, "channel", cli->operands[0]);
    emit_msgpack(&j, "settings", arguments);
    emit_bool(&j, "dry_run", is_dry);
    emit_object_end(&j);
    emit_end(&j);
}

static int run(struct cli *cli, const struct set_config *config, bool is_add)
{
    const char *operation = is_add ? "admin.channel.add" : "admin.channel.set";
    struct pairs count = { 0 };
    struct strato_writer w = { 0 };
    strato_client *client = NULL;
    int code = CLI_OK, rc;

    if (wrong_choice(config))
        return cli_fail(cli, CLI_USAGE, "--%s wants yes or no", wrong_choice(config));
    write_pairs(&count, config, is_add);
    if (count.count == 0)
        return cli_fail(cli, CLI_USAGE, "nothing to set; %s --help lists the settings", cli->program->name);
    strato_writer_map(&w, count.count);
    write_pairs(&(struct pairs){ .w = &w }, config, is_add);
    if (strato_writer_error(&w) < 0) {
        code = cli_fail(cli, CLI_FAILED, "%s", strato_strerror(strato_writer_error(&w)));
        goto out;
    }
    if (!config->dry_run) {
        code = link_open(cli, false, NULL, &client);
        if (code != CLI_OK)
            goto out;
        rc = admin_ask(cli, client, operation, cli->operands[0], strato_writer_view(&w), NULL);
        if (rc < 0) {
            code = link_fail(cli, client, rc, cli->operands[0]);
            goto out;
        }
    }
    print_request(cli, operation, strato_writer_view(&w), config->dry_run);
out:
    strato_client_close(&client);
    strato_writer_fini(&w);
    return code;
}

static int run_add(struct cli *cli, const void *config)
{
    return run(cli, config, true);
}

static int run_set(struct cli *cli, const void *config)
{
    return run(cli, config, false);
}

static const struct strato_program_example add_examples[] = {
    { "strato channel add jobs", "a work channel with the default bound" },
    { "strato channel add ticks --pattern events --capacity 5000 --history 100000",
      "an events channel with a long memory" },
};

const struct cli_verb cmd_channel_add = {
    .program = { .name = "strato channel add",
                 .summary = "make a channel",
                 .operands = "NAME",
                 .operands_min = 1,
                 .operands_max = 1,
                 .doc = "A channel of that name with the same settings is fine; with others it is a conflict.",
                 CLI_PROGRAM(add_rows),
                 STRATO_PROGRAM_EXAMPLES(add_examples) },
    .config_bytes = sizeof(struct set_config),
    .run = run_add,
};

static const struct strato_program_example set_examples[] = {
    { "strato channel set jobs --capacity 20000", "raise its bound" },
    { "strato channel set jobs --ttl 10m --lease 2m --dry-run", "see what would be asked for" },
};

const struct cli_verb cmd_channel_set = {
    .program = { .name = "strato channel set",
                 .summary = "change settings of a channel",
                 .operands = "NAME",
                 .operands_min = 1,
                 .operands_max = 1,
                 .doc = "What is not named stays as it is.",
                 CLI_PROGRAM(set_rows),
                 STRATO_PROGRAM_EXAMPLES(set_examples) },
    .config_bytes = sizeof(struct set_config),
    .run = run_set,
};
