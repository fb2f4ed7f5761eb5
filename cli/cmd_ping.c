/*
 * cmd_ping.c - strato ping: is the broker there, and how far away?
 *
 * SPDX-License-Identifier: MIT
 */
#include "cli/emit.h"
#include "cli/link.h"
#include "cli/verbs.h"

#include <inttypes.h>

struct ping_config {
    struct cli_common common;
    uint64_t count;
    uint32_t interval_ms;
};

static const struct strato_option rows[] = {
    { .name = "count",
      .letter = 'n',
      STRATO_OPTION_AT(struct ping_config, count),
      .kind = STRATO_OPTION_UINT,
      .value = "N",
      .initial = "1",
      .min = 1,
      .max = UINT64_MAX,
      .doc = "Round trips to make." },
    { .name = "interval",
      .letter = 'i',
      STRATO_OPTION_AT(struct ping_config, interval_ms),
      .kind = STRATO_OPTION_DURATION,
      .value = "TIME",
      .initial = "1s",
      .doc = "From one to the next." },
};

static void print_one(const struct cli *cli, strato_client *client, uint64_t number, uint64_t took_ns)
{
    struct emit j = { .to = stdout };

    if (!cli_wants_json(cli)) {
        printf("pong from %s: %.3f ms\n", cli->common->server, (double)took_ns / 1e6);
        fflush(stdout);
        return;
    }
    emit_object(&j, NULL);
    emit_text(&j, "server", cli->common->server);
    emit_u64(&j, "n", number);
    emit_f64(&j, "rtt_us", (double)took_ns / 1000);
    emit_u64(&j, "epoch", strato_client_epoch(client));
    emit_object_end(&j);
    emit_end(&j);
}

static int run(struct cli *cli, const void *verb_config)
{
    const struct ping_config *config = verb_config;
    uint64_t least_ns = UINT64_MAX, most_ns = 0, sum_ns = 0, due_ns = link_now_ns();
    strato_client *client = NULL;
    int code = link_open(cli, false, NULL, &client);

    for (uint64_t i = 0; code == CLI_OK && i < config->count; i++) {
        uint64_t took_ns;
        int rc;

        if (i) {
            due_ns += (uint64_t)config->interval_ms * 1000000U;
            link_sleep_until_ns(due_ns);
        }
        rc = cli_is_interrupted() ? STRATO_EINTERRUPTED
                                  : strato_client_ping(client, (int)cli->common->timeout_ms, &took_ns);
        if (rc < 0) {
            code = link_fail(cli, client, rc, "no pong");
            break;
        }
        print_one(cli, client, i + 1, took_ns);
        least_ns = took_ns < least_ns ? took_ns : least_ns;
        most_ns = took_ns > most_ns ? took_ns : most_ns;
        sum_ns += took_ns;
    }
    if (code == CLI_OK && config->count > 1)
        cli_say(cli, "%" PRIu64 " round trips: least %.3f, mean %.3f, most %.3f ms", config->count,
                (double)least_ns / 1e6, (double)sum_ns / (double)config->count / 1e6, (double)most_ns / 1e6);
    strato_client_close(&client);
    return code;
}

static const struct strato_program_example examples[] = {
    { "strato ping", "one round trip to the broker of this machine" },
    { "strato ping --server tcp://gpu1:7700 --count 10 --interval 100ms", "ten to another" },
};

const struct cli_verb cmd_ping = {
    .program = { .name = "strato ping",
                 .summary = "measure the round trip to the broker",
                 CLI_PROGRAM(rows),
                 STRATO_PROGRAM_EXAMPLES(examples) },
    .config_bytes = sizeof(struct ping_config),
    .run = run,
};
