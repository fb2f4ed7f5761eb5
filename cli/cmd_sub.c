/*
 * cmd_sub.c - strato sub: print events as they come, or watch any channel's traffic.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cli/receive.h"
#include "cli/subject.h"
#include "cli/verbs.h"

struct sub_config {
    struct receive_config receive;
    char *channel, *tap, *group;
    int policy;
    uint64_t from_seq;
};

static const char *const policies[] = { "drop_oldest", "block", "disconnect" };

static const struct strato_option rows[] = {
    RECEIVE_ROWS(struct sub_config, receive),
    { .name = "channel",
      .letter = 'c',
      STRATO_OPTION_AT(struct sub_config, channel),
      .kind = STRATO_OPTION_STRING,
      .value = "NAME",
      .complete = "strato channel ls --columns name --quiet --timeout 200ms",
      .doc = "Events channel, instead of the one whose name leads the topic." },
    { .name = "tap",
      STRATO_OPTION_AT(struct sub_config, tap),
      .kind = STRATO_OPTION_STRING,
      .value = "CHANNEL",
      .complete = "strato channel ls --columns name --quiet --timeout 200ms",
      .doc = "See a copy of a channel's traffic, of any pattern, without taking part in it." },
    { .name = "group",
      STRATO_OPTION_AT(struct sub_config, group),
      .kind = STRATO_OPTION_STRING,
      .value = "NAME",
      .doc = "Share the events with the other subscribers of this group." },
    { .name = "policy",
      STRATO_OPTION_AT(struct sub_config, policy),
      .kind = STRATO_OPTION_ENUM,
      .value = "POLICY",
      .initial = "drop_oldest",
      .choices = "drop_oldest|block|disconnect",
      .doc = "What happens when this end is too slow." },
    { .name = "from",
      STRATO_OPTION_AT(struct sub_config, from_seq),
      .kind = STRATO_OPTION_UINT,
      .value = "SEQ",
      .max = UINT64_MAX,
      .doc = "Replay the history from this sequence number; 0 is live only." },
};

static int next_event(void *source, int timeout_ms, strato_message **ret_message)
{
    return strato_subscription_next(source, timeout_ms, ret_message);
}

static int next_tapped(void *source, int timeout_ms, strato_message **ret_message)
{
    return strato_consumer_next(source, timeout_ms, ret_message);
}

static int run_tap(struct cli *cli, const struct sub_config *config, strato_client *client)
{
    struct strato_consumer_options options = { .channel = config->tap, .tap = true, .auto_ack = true };
    strato_consumer *consumer = NULL;
    struct receive receive = { .client = client, .next = next_tapped };
    int code, rc = strato_consumer_open(client, &options, &consumer);

    if (rc < 0)
        return link_fail(cli, client, rc, config->tap);
    cli_say(cli, "tapping %s", config->tap);
    receive.source = consumer;
    code = receive_run(cli, &config->receive, &receive);
    strato_consumer_close(&consumer);
    return code;
}

static int run_events(struct cli *cli, const struct sub_config *config, strato_client *client)
{
    struct strato_subscription_options options = { .match = cli->operands,
                                                   .match_count = (uint32_t)cli->operands_count,
                                                   .policy = policies[config->policy],
                                                   .group = config->group && *config->group ? config->group : NULL,
                                                   .from_seq = config->from_seq };
    struct receive receive = { .client = client, .next = next_event };
    strato_subscription *subscription = NULL;
    struct subject subject;
    int code =
        subject_find(cli, client, cli->operands_count ? cli->operands[0] : "", "events", config->channel, &subject);
    int rc;

    if (code != CLI_OK)
        return code;
    options.channel = subject.channel;
    rc = strato_subscription_open(client, &options, &subscription);
    if (rc < 0)
        return link_fail(cli, client, rc, subject.channel);
    cli_say(cli, "subscribed to %s%s%s from seq %llu on", subject.channel, cli->operands_count ? " " : "",
            cli->operands_count ? cli->operands[0] : "", (unsigned long long)strato_subscription_seq(subscription) + 1);
    receive.source = subscription;
    code = receive_run(cli, &config->receive, &receive);
    strato_subscription_close(&subscription);
    return code;
}

static int run(struct cli *cli, const void *verb_config)
{
    const struct sub_config *config = verb_config;
    strato_client *client = NULL;
    int code;

    if (config->tap && *config->tap && cli->operands_count > 0)
        return cli_fail(cli, CLI_USAGE, "--tap shows all of a channel: no topics with it");
    code = link_open(cli, false, NULL, &client);
    if (code == CLI_OK)
        code = config->tap && *config->tap ? run_tap(cli, config, client) : run_events(cli, config, client);
    strato_client_close(&client);
    return code;
}

static const struct strato_program_example examples[] = {
    { "strato sub 'demo.>'", "every event whose topic begins with demo." },
    { "strato sub 'events.*.agent-7' --count 10 --wait 1m --json", "ten of them, at most for a minute, as JSON lines" },
    { "strato sub --tap gpu", "the commands that pass through the channel gpu" },
};

const struct cli_verb cmd_sub = {
    .program = { .name = "strato sub",
                 .summary = "print events as they come",
                 .operands = "[TOPIC...]",
                 .doc = "In a TOPIC * stands for one segment and > for the rest; none = all events. Loss is told: a "
                        "line on "
                        "stderr, or {\"kind\":\"lagged\"} in JSON.",
                 CLI_PROGRAM(rows),
                 STRATO_PROGRAM_EXAMPLES(examples) },
    .config_bytes = sizeof(struct sub_config),
    .run = run,
};
