/*
 * cmd_push.c - strato push: send work.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cli/send.h"
#include "cli/verbs.h"

static int run(struct cli *cli, const void *config)
{
    return send_run(cli, config, "work");
}

static const struct strato_program_example examples[] = {
    { "strato push jobs '{\"file\":\"a.csv\"}'", "one message for one worker" },
    { "strato push jobs '{\"n\":{{Count}}}' --count 1000 -H priority:80", "a thousand, ahead of the others" },
    { "strato push jobs 7 --receipt --wait 1m", "waits until it is done, or dead, and says so" },
};

const struct cli_verb cmd_push = {
    .program = { .name = "strato push",
                 .summary = "send work to a channel",
                 .operands = "CHANNEL [BODY]",
                 .operands_min = 1,
                 .operands_max = 2,
                 .doc = "Sends BODY to a work channel or a mailbox (@agent), and waits until the broker has taken it. "
                        "A full "
                        "channel makes it wait, up to --timeout; then it ends with exit code 5.",
                 .options = send_rows,
                 .options_count = SEND_WORK_ROWS,
                 CLI_PROGRAM_PLAIN,
                 STRATO_PROGRAM_EXAMPLES(examples) },
    .config_bytes = sizeof(struct send_config),
    .run = run,
};
