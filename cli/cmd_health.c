/*
 * cmd_health.c - strato health: does the broker live, work, and keep its laws?
 *
 * Three depths, each with the ones before: live = it answers; ready = it takes work (its channels can be
 * read); deep = for every channel the conservation law and the bound hold in the numbers it gives.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cli/channel.h"
#include "cli/emit.h"
#include "cli/verbs.h"

#include <inttypes.h>

struct health_config {
    struct cli_common common;
};

enum { CHECKS_MAX = 3 };

struct health {
    const struct cli *cli;
    strato_client *client;
    int depth; /* index into names */
    struct {
        bool is_ok;
        char words[200];
    } checks[CHECKS_MAX];
    int done;
};

static const char *const names[CHECKS_MAX] = { "live", "ready", "deep" };

static bool check(struct health *h, bool is_ok, const char *format, ...) __attribute__((format(printf, 3, 4)));

static bool check(struct health *h, bool is_ok, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(h->checks[h->done].words, sizeof h->checks[0].words, format, arguments);
    va_end(arguments);
    h->checks[h->done++].is_ok = is_ok;
    return is_ok;
}

/* Sums are in whole messages, so they must match to the last one. */
static bool channel_is_lawful(const json_t *channel)
{
    uint64_t in = admin_u64(channel, "accepted");
    uint64_t out = admin_u64(channel, "settled") + admin_u64(channel, "expired") + admin_u64(channel, "dead_lettered") +
                   channel_dropped(channel) + channel_depth(channel);
    /* The capacity of events is that of each subscriber's queue: nothing to compare one sum with. */
    bool has_bound = strcmp(admin_text(channel, "pattern"), "events") != 0;

    return in == out &&
           (!has_bound || channel_depth(channel) + admin_u64(channel, "granted") <= admin_u64(channel, "capacity"));
}

static void check_deep(struct health *h, const json_t *channels)
{
    size_t count = json_array_size(channels);

    for (size_t i = 0; i < count; i++) {
        const json_t *channel = json_array_get(channels, i);

        if (!channel_is_lawful(channel)) {
            check(h, false, "channel %s does not account for every message", admin_text(channel, "name"));
            return;
        }
    }
    check(h, true, "%zu channels account for every message", count);
}

static int examine(struct health *h)
{
    json_t *channels = NULL;
    uint64_t took_ns;
    int code, rc = strato_client_ping(h->client, (int)h->cli->common->timeout_ms, &took_ns);

    if (rc < 0) {
        check(h, false, "no pong: %s", strato_strerror(rc));
        return cli_exit_of(rc);
    }
    check(h, true, "answers in %.2f ms", (double)took_ns / 1e6);
    if (h->depth == 0)
        return CLI_OK;
    code = channels_fetch(h->cli, h->client, &channels);
    if (!check(h, code == CLI_OK, code == CLI_OK ? "%zu channels" : "channels cannot be read",
               json_array_size(channels)))
        return code;
    if (h->depth > 1)
        check_deep(h, channels);
    json_decref(channels);
    return h->checks[h->done - 1].is_ok ? CLI_OK : CLI_FAILED;
}

static void print_health(const struct health *h, int code)
{
    struct emit j = { .to = stdout };

    if (!cli_wants_json(h->cli)) {
        for (int i = 0; i < h->done; i++)
            printf("%s\t%s\t%s\n", names[i], h->checks[i].is_ok ? "ok" : "FAILED", h->checks[i].words);
        return;
    }
    emit_object(&j, NULL);
    emit_text(&j, "server", h->cli->common->server);
    emit_bool(&j, "ok", code == CLI_OK);
    emit_array(&j, "checks");
    for (int i = 0; i < h->done; i++) {
        emit_object(&j, NULL);
        emit_text(&j, "name", names[i]);
        emit_bool(&j, "ok", h->checks[i].is_ok);
        emit_text(&j, "detail", h->checks[i].words);
        emit_object_end(&j);
    }
    emit_array_end(&j);
    emit_object_end(&j);
    emit_end(&j);
}

static int run(struct cli *cli, const void *config)
{
    const char *wanted = cli->operands_count ? cli->operands[0] : "ready";
    struct health h = { .cli = cli, .depth = -1 };
    int code;

    (void)config;
    for (int i = 0; i < CHECKS_MAX; i++)
        if (strcmp(wanted, names[i]) == 0)
            h.depth = i;
    if (h.depth < 0)
        return cli_fail(cli, CLI_USAGE, "how deep? live, ready or deep, not \"%s\"", wanted);
    code = link_open(cli, false, NULL, &h.client);
    if (code == CLI_OK)
        code = examine(&h);
    else
        check(&h, false, "cannot connect");
    print_health(&h, code);
    strato_client_close(&h.client);
    return code;
}

static const struct strato_program_example examples[] = {
    { "strato health", "may work be sent? exit code 0 is yes" },
    { "strato health deep --json", "with the books checked, for programs" },
};

const struct cli_verb cmd_health = {
    .program = { .name = "strato health",
                 .summary = "is the broker well?",
                 .operands = "[live|ready|deep]",
                 .operands_max = 1,
                 CLI_PROGRAM_PLAIN,
                 STRATO_PROGRAM_EXAMPLES(examples) },
    .config_bytes = sizeof(struct health_config),
    .run = run,
};
