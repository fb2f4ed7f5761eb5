/*
 * cmd_pull.c - strato pull: take work from a channel.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cli/receive.h"
#include "cli/subject.h"
#include "cli/verbs.h"

struct pull_config {
    struct receive_config receive;
    bool ack, peek;
    char *nack;
};

static const struct strato_option rows[] = {
    RECEIVE_ROWS(struct pull_config, receive),
    { .name = "ack",
      STRATO_OPTION_AT(struct pull_config, ack),
      .kind = STRATO_OPTION_FLAG,
      .doc = "Acknowledge each message after it was printed; without, taking it settles it." },
    { .name = "nack",
      STRATO_OPTION_AT(struct pull_config, nack),
      .kind = STRATO_OPTION_STRING,
      .value = "REASON",
      .doc = "Give each message back as failed, after it was printed." },
    { .name = "peek",
      STRATO_OPTION_AT(struct pull_config, peek),
      .kind = STRATO_OPTION_FLAG,
      .doc = "Give each message back untouched when the verb ends." },
};

struct pull {
    strato_consumer *consumer;
    const struct pull_config *config;
    strato_message **held; /* --peek: kept until the end, or the next take would get the same one again */
    size_t held_count;
};

static int next_work(void *source, int timeout_ms, strato_message **ret_message)
{
    return strato_consumer_next(((struct pull *)source)->consumer, timeout_ms, ret_message);
}

static int settle(void *source, strato_message **message)
{
    struct pull *pull = source;
    const struct pull_config *config = pull->config;
    int rc = 0;

    if (config->peek) {
        if (pull->held_count < RECEIVE_PEEK_MAX)
            pull->held[pull->held_count++] = *message;
        *message = NULL;
        return 0;
    }
    if (config->nack && *config->nack)
        rc = strato_message_nack(*message, &(struct strato_nack){ .delay_ms = -1, .reason = config->nack });
    else if (config->ack)
        rc = strato_message_ack(*message);
    strato_message_destroy(message);
    return rc;
}

static uint32_t prefetch_of(const struct receive_config *config)
{
    /* Never hold what will not be printed: others could be working on it. */
    return config->count && config->count < 64 ? (uint32_t)config->count : 64;
}

static int run(struct cli *cli, const void *verb_config)
{
    const struct pull_config *config = verb_config;
    strato_message *held[RECEIVE_PEEK_MAX];
    struct pull pull = { .config = config, .held = held };
    struct receive receive = { .next = next_work, .done = settle, .source = &pull };
    struct strato_consumer_options options = { .prefetch = prefetch_of(&config->receive) };
    bool is_nack = config->nack && *config->nack;
    struct subject subject;
    int code, rc;

    if (config->ack + is_nack + config->peek > 1)
        return cli_fail(cli, CLI_USAGE, "--ack, --nack and --peek exclude each other");
    if (config->peek && (config->receive.count == 0 || config->receive.count > RECEIVE_PEEK_MAX))
        return cli_fail(cli, CLI_USAGE, "--peek wants --count 1 to %d", RECEIVE_PEEK_MAX);
    code = link_open(cli, false, NULL, &receive.client);
    if (code == CLI_OK)
        code = subject_find(cli, receive.client, cli->operands[0], "work", cli->operands[0], &subject);
    if (code != CLI_OK)
        goto out;
    options.channel = subject.channel;
    options.auto_ack = !config->ack && !is_nack && !config->peek;
    rc = strato_consumer_open(receive.client, &options, &pull.consumer);
    if (rc < 0) {
        code = link_fail(cli, receive.client, rc, subject.channel);
        goto out;
    }
    code = receive_run(cli, &config->receive, &receive);
    for (size_t i = 0; i < pull.held_count; i++)
        strato_message_destroy(&held[i]);
    rc = link_flush(receive.client, (int)cli->common->timeout_ms);
    if (rc < 0 && code == CLI_OK)
        code = link_fail(cli, receive.client, rc, "the settlements were not confirmed");
    strato_consumer_close(&pull.consumer);
out:
    strato_client_close(&receive.client);
    return code;
}

static const struct strato_program_example examples[] = {
    { "strato pull jobs --count 1 --ack", "one message; it is done when it is printed" },
    { "strato pull jobs --json --wait 2s", "what comes in two seconds, as JSON lines" },
    { "strato pull jobs --count 5 --peek", "look at the next five without taking them" },
};

const struct cli_verb cmd_pull = {
    .program = { .name = "strato pull",
                 .summary = "take work from a channel",
                 .operands = "CHANNEL",
                 .operands_min = 1,
                 .operands_max = 1,
                 .doc =
                     "Takes messages off a work channel or a mailbox and prints them. Without --count it goes on until "
                     "interrupted, or until --wait is over.",
                 CLI_PROGRAM(rows),
                 STRATO_PROGRAM_EXAMPLES(examples) },
    .config_bytes = sizeof(struct pull_config),
    .run = run,
};
