/*
 * cmd_channel_watch.c - strato channel watch: numbers and rates, again and again.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cli/channel.h"
#include "cli/emit.h"
#include "cli/verbs.h"

#include <inttypes.h>

struct watch_config {
    struct cli_common common;
    uint32_t interval_ms;
    uint64_t count;
};

static const struct strato_option rows[] = {
    { .name = "interval",
      .letter = 'i',
      STRATO_OPTION_AT(struct watch_config, interval_ms),
      .kind = STRATO_OPTION_DURATION,
      .value = "TIME",
      .initial = "1s",
      .min = 10,
      .doc = "From one look to the next." },
    { .name = "count",
      .letter = 'n',
      STRATO_OPTION_AT(struct watch_config, count),
      .kind = STRATO_OPTION_UINT,
      .value = "N",
      .max = UINT64_MAX,
      .doc = "Stop after so many lines; 0 is never." },
};

struct sample {
    uint64_t at_ns, accepted, settled, dropped, depth, ready, leased, delayed, capacity, consumers;
};

static struct sample sample_of(const json_t *channel)
{
    return (struct sample){ .at_ns = link_now_ns(),
                            .accepted = admin_u64(channel, "accepted"),
                            .settled = admin_u64(channel, "settled"),
                            .dropped = channel_dropped(channel),
                            .depth = channel_depth(channel),
                            .ready = admin_u64(channel, "ready"),
                            .leased = admin_u64(channel, "leased"),
                            .delayed = admin_u64(channel, "delayed"),
                            .capacity = admin_u64(channel, "capacity"),
                            .consumers = admin_u64(channel, "consumers") };
}

static double rate(uint64_t now, uint64_t before, uint64_t took_ns)
{
    return took_ns && now > before ? (double)(now - before) * 1e9 / (double)took_ns : 0;
}

static void print_sample(const struct cli *cli, const char *name, const struct sample *now, const struct sample *before,
                         uint64_t line)
{
    uint64_t took_ns = now->at_ns - before->at_ns;
    double in = rate(now->accepted, before->accepted, took_ns), out = rate(now->settled, before->settled, took_ns);
    struct emit j = { .to = stdout };

    if (!cli_wants_json(cli)) {
        if (cli->is_tty && line % 20 == 0)
            printf("%10s %10s %10s %10s %10s %12s %12s %10s\n", "depth", "capacity", "ready", "leased", "delayed",
                   "in/s", "out/s", "dropped");
        printf("%10" PRIu64 " %10" PRIu64 " %10" PRIu64 " %10" PRIu64 " %10" PRIu64 " %12.0f %12.0f %10" PRIu64 "\n",
               now->depth, now->capacity, now->ready, now->leased, now->delayed, in, out, now->dropped);
        fflush(stdout);
        return;
    }
    emit_object(&j, NULL);
    emit_text(&j, "name", name);
    emit_u64(&j, "depth", now->depth);
    emit_u64(&j, "capacity", now->capacity);
    emit_u64(&j, "ready", now->ready);
    emit_u64(&j, "leased", now->leased);
    emit_u64(&j, "delayed", now->delayed);
    emit_u64(&j, "accepted", now->accepted);
    emit_u64(&j, "settled", now->settled);
    emit_u64(&j, "dropped", now->dropped);
    emit_u64(&j, "consumers", now->consumers);
    emit_f64(&j, "in_per_s", in);
    emit_f64(&j, "out_per_s", out);
    emit_object_end(&j);
    emit_end(&j);
}

static int look(const struct cli *cli, strato_client *client, struct sample *ret_sample)
{
    const json_t *channel = NULL;
    json_t *channels = NULL;
    int code = channels_fetch(cli, client, &channels);

    if (code == CLI_OK)
        code = channel_find(cli, channels, cli->operands[0], &channel);
    if (code == CLI_OK)
        *ret_sample = sample_of(channel);
    json_decref(channels);
    return code;
}

static int run(struct cli *cli, const void *verb_config)
{
    const struct watch_config *config = verb_config;
    struct sample before, now;
    strato_client *client = NULL;
    int code = link_open(cli, false, NULL, &client);
    uint64_t due_ns = link_now_ns();

    if (code == CLI_OK)
        code = look(cli, client, &before);
    for (uint64_t line = 0; code == CLI_OK && (config->count == 0 || line < config->count); line++) {
        due_ns += (uint64_t)config->interval_ms * 1000000U;
        link_sleep_until_ns(due_ns);
        if (cli_is_interrupted())
            code = CLI_INTERRUPTED;
        else
            code = look(cli, client, &now);
        if (code == CLI_OK)
            print_sample(cli, cli->operands[0], &now, &before, line);
        before = now;
    }
    strato_client_close(&client);
    return code;
}

static const struct strato_program_example examples[] = {
    { "strato channel watch gpu", "a line a second, until Ctrl-C" },
    { "strato channel watch jobs --interval 100ms --count 50 --json", "fifty looks, as JSON lines" },
};

const struct cli_verb cmd_channel_watch = {
    .program = { .name = "strato channel watch",
                 .summary = "numbers and rates of one channel, as they change",
                 .operands = "NAME",
                 .operands_min = 1,
                 .operands_max = 1,
                 CLI_PROGRAM(rows),
                 STRATO_PROGRAM_EXAMPLES(examples) },
    .config_bytes = sizeof(struct watch_config),
    .run = run,
};
