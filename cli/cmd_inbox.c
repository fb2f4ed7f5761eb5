/*
 * cmd_inbox.c - strato inbox: be an agent for a while, and take what is sent to it.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cli/receive.h"
#include "cli/verbs.h"

struct inbox_config {
    struct receive_config receive;
};

static const struct strato_option rows[] = {
    RECEIVE_ROWS(struct inbox_config, receive),
};

static int next_mail(void *source, int timeout_ms, strato_message **ret_message)
{
    return strato_consumer_next(source, timeout_ms, ret_message);
}

static int settle(void *source, strato_message **message)
{
    int rc = strato_message_ack(*message);

    (void)source;
    strato_message_destroy(message);
    return rc;
}

static int run(struct cli *cli, const void *verb_config)
{
    const struct inbox_config *config = verb_config;
    struct receive receive = { .next = next_mail, .done = settle };
    strato_consumer *consumer = NULL;
    int code = link_open_as(cli, cli->operands[0], &receive.client), rc;

    if (code != CLI_OK)
        return code;
    rc = strato_mailbox_open(receive.client, 0, &consumer);
    if (rc < 0) {
        code = link_fail(cli, receive.client, rc, "cannot open the mailbox");
        goto out;
    }
    cli_say(cli, "receiving as %s", strato_client_agent(receive.client));
    receive.source = consumer;
    code = receive_run(cli, &config->receive, &receive);
    rc = link_flush(receive.client, (int)cli->common->timeout_ms);
    if (rc < 0 && code == CLI_OK)
        code = link_fail(cli, receive.client, rc, "the settlements were not confirmed");
    strato_consumer_close(&consumer);
out:
    strato_client_close(&receive.client);
    return code;
}

static const struct strato_program_example examples[] = {
    { "strato inbox agent-7", "print what is sent to agent-7 until interrupted" },
    { "strato inbox agent-7 --count 1 --wait 10s --json", "one message, for a program" },
};

const struct cli_verb cmd_inbox = {
    .program = { .name = "strato inbox",
                 .summary = "take the messages that are sent to an agent",
                 .operands = "AGENT",
                 .operands_min = 1,
                 .operands_max = 1,
                 .doc = "Takes the name AGENT, which nobody else may hold meanwhile, and prints what is in its mailbox "
                        "and what comes. The name stays known for 5 minutes after the verb has ended.",
                 CLI_PROGRAM(rows),
                 STRATO_PROGRAM_EXAMPLES(examples) },
    .config_bytes = sizeof(struct inbox_config),
    .run = run,
};
