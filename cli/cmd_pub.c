/*
 * cmd_pub.c - strato pub: publish events.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cli/send.h"
#include "cli/verbs.h"

static int run(struct cli *cli, const void *config)
{
    return send_run(cli, config, "events");
}

static const struct strato_program_example examples[] = {
    { "strato pub demo.hi '{\"n\":1}'", "one event with topic demo.hi, on the channel events" },
    { "strato pub demo.tick '{\"n\":{{Count}}}' --count 10 --sleep 1s", "ten, one a second" },
    { "strato pub demo.file --raw - < picture.png", "bytes from stdin" },
};

const struct cli_verb cmd_pub = {
    .program = { .name = "strato pub",
                 .summary = "publish events",
                 .operands = "TOPIC [BODY]",
                 .operands_min = 1,
                 .operands_max = 2,
                 .doc = "Publishes BODY under TOPIC, on the events channel whose name leads the topic, or else on "
                        "`events`. "
                        "BODY is JSON, or a word, or \"-\" for stdin.",
                 .options = send_rows,
                 .options_count = SEND_ROWS,
                 CLI_PROGRAM_PLAIN,
                 STRATO_PROGRAM_EXAMPLES(examples) },
    .config_bytes = sizeof(struct send_config),
    .run = run,
};
