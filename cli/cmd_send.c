/*
 * cmd_send.c - strato send: a message for one agent, into its mailbox.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cli/send.h"
#include "cli/verbs.h"
#include "core/envelope.h"

static int run(struct cli *cli, const void *config)
{
    char mailbox[STRATO_NAME_BYTES_MAX + 2];
    const char *const operands[] = { mailbox, cli->operands_count > 1 ? cli->operands[1] : NULL };
    const char *agent = cli->operands[0];
    struct cli to_mailbox = *cli;
    int length = snprintf(mailbox, sizeof mailbox, "@%s", *agent == '@' ? agent + 1 : agent);

    if (length < 2 || (size_t)length >= sizeof mailbox)
        return cli_fail(cli, CLI_USAGE, "the name of an agent has 1 to %d bytes", STRATO_NAME_BYTES_MAX);
    to_mailbox.operands = operands;
    return send_run(&to_mailbox, config, "work");
}

static const struct strato_program_example examples[] = {
    { "strato send agent-7 '{\"do\":\"stop\"}'", "it is there when agent-7 looks" },
    { "strato send agent-7 '{\"n\":1}' -H ttl:10s", "if it looks within ten seconds" },
    { "strato send agent-7 '{\"n\":1}' --receipt", "waits until it was taken, or is dead, and says so" },
};

const struct cli_verb cmd_send = {
    .program = { .name = "strato send",
                 .summary = "send a message to one agent",
                 .operands = "AGENT [BODY]",
                 .operands_min = 1,
                 .operands_max = 2,
                 .doc =
                     "Puts BODY into the agent's mailbox, where it waits until the agent takes it or its lifetime is "
                     "over (5 minutes, unless -H ttl says less). A name that the broker does not know is exit code 6.",
                 .options = send_rows,
                 .options_count = SEND_WORK_ROWS,
                 CLI_PROGRAM_PLAIN,
                 STRATO_PROGRAM_EXAMPLES(examples) },
    .config_bytes = sizeof(struct send_config),
    .run = run,
};
