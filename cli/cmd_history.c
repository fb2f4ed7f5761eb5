/*
 * cmd_history.c - strato history: what a channel remembers.
 *
 * Pages follow each other by sequence number, so nothing is left out between two of them; what the channel has
 * forgotten meanwhile is told as a gap. --follow goes on asking for what is new.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cli/link.h"
#include "cli/show.h"
#include "cli/verbs.h"

#include <inttypes.h>
#include <stdlib.h>

enum { PAGE_MAX = 256, FOLLOW_MS = 200 };

struct history_config {
    struct cli_common common;
    uint64_t from_seq, from_ts_ms, limit;
    struct strato_option_list topics;
    char *sender, *type, *correlation;
    bool follow, raw;
};

#define AT(field) STRATO_OPTION_AT(struct history_config, field)
static const struct strato_option rows[] = {
    { .name = "from-seq",
      AT(from_seq),
      .kind = STRATO_OPTION_UINT,
      .value = "SEQ",
      .max = UINT64_MAX,
      .doc = "Begin with this sequence number; 0 is the oldest that is kept." },
    { .name = "from-ts",
      AT(from_ts_ms),
      .kind = STRATO_OPTION_UINT,
      .value = "MS",
      .max = UINT64_MAX,
      .doc = "Begin with what was accepted at this time or later, in Unix milliseconds." },
    { .name = "topic",
      AT(topics),
      .kind = STRATO_OPTION_LIST,
      .value = "GLOB",
      .doc = "Only messages with such a topic; * is one segment, > the rest. May be repeated." },
    { .name = "sender",
      AT(sender),
      .kind = STRATO_OPTION_STRING,
      .value = "GLOB",
      .doc = "Only messages of such a sender, or of the agent of this name." },
    { .name = "type", AT(type), .kind = STRATO_OPTION_STRING, .value = "GLOB", .doc = "Only messages of such a type." },
    { .name = "correlation",
      AT(correlation),
      .kind = STRATO_OPTION_STRING,
      .value = "ID",
      .doc = "Only messages with this correlation id." },
    { .name = "limit",
      AT(limit),
      .kind = STRATO_OPTION_UINT,
      .value = "N",
      .max = UINT64_MAX,
      .doc = "Stop after so many messages; 0 is never." },
    { .name = "follow", .letter = 'f', AT(follow), .kind = STRATO_OPTION_FLAG, .doc = "Go on with what comes." },
    { .name = "raw", AT(raw), .kind = STRATO_OPTION_FLAG, .doc = "Print the body only, as it is." },
};

/* Print a page and free it; messages beyond `left` are freed unseen. @return how many were shown, gaps not counted. */
static uint64_t print_page(const struct cli *cli, const struct history_config *config, strato_message **messages,
                           uint32_t count, uint64_t shown, uint64_t left)
{
    uint64_t before = shown;

    for (uint32_t i = 0; i < count; i++) {
        bool is_gap = strato_message_kind(messages[i]) == STRATO_MESSAGE_LAGGED;

        if (is_gap || shown - before < left) {
            show(cli, messages[i], shown + 1, config->raw);
            shown += !is_gap;
        }
        strato_message_destroy(&messages[i]);
    }
    return shown - before;
}

static int walk(const struct cli *cli, const struct history_config *config, strato_client *client,
                struct strato_history_query *query)
{
    strato_message *messages[PAGE_MAX];
    struct strato_history_page page = { .more = true };
    uint64_t shown = 0;

    while ((page.more || config->follow) && (config->limit == 0 || shown < config->limit)) {
        uint64_t left = config->limit ? config->limit - shown : UINT64_MAX;
        int rc;

        if (cli_is_interrupted())
            return CLI_INTERRUPTED;
        if (!page.more) {
            strato_client_process(client, 0);
            link_sleep_until_ns(link_now_ns() + (uint64_t)FOLLOW_MS * 1000000U);
        }
        rc = strato_history_page(client, query, (int)cli->common->timeout_ms, messages, &page);
        if (rc < 0)
            return link_fail(cli, client, rc, query->channel);
        shown += print_page(cli, config, messages, page.count, shown, left);
        if (ferror(stdout) || fflush(stdout) != 0)
            return cli_fail(cli, CLI_FAILED, "stdout: cannot write");
        query->from_seq = page.next_seq;
    }
    cli_say(cli, "%" PRIu64 " message%s of %s", shown, shown == 1 ? "" : "s", query->channel);
    return CLI_OK;
}

static const char *said(const char *text)
{
    return text && *text ? text : NULL;
}

static int run(struct cli *cli, const void *verb_config)
{
    const struct history_config *config = verb_config;
    struct strato_history_query query = { .channel = cli->operands[0],
                                          .from_seq = config->from_seq,
                                          .from_ts_ms = config->from_ts_ms,
                                          .match = (const char *const *)config->topics.items,
                                          .match_count = (uint32_t)config->topics.count,
                                          .sender = said(config->sender),
                                          .type = said(config->type),
                                          .max = PAGE_MAX };
    strato_client *client = NULL;
    int code;

    if (said(config->correlation))
        query.correlation_id = strato_text(config->correlation);
    code = link_open(cli, false, NULL, &client);
    if (code == CLI_OK)
        code = walk(cli, config, client, &query);
    strato_client_close(&client);
    return code;
}

static const struct strato_program_example examples[] = {
    { "strato history events --topic 'events.agent_spawned.>' --limit 20", "the oldest twenty that are kept" },
    { "strato history jobs --sender agent-7 --follow --json", "what agent-7 has sent there, and what it sends" },
};

const struct cli_verb cmd_history = {
    .program = { .name = "strato history",
                 .summary = "print what a channel remembers",
                 .operands = "CHANNEL",
                 .operands_min = 1,
                 .operands_max = 1,
                 .doc = "Looking takes nothing: messages of work channels stay where they are. What the channel has "
                        "forgotten is told as a gap: a line on stderr, or {\"kind\":\"lagged\"} in JSON.",
                 CLI_PROGRAM(rows),
                 STRATO_PROGRAM_EXAMPLES(examples) },
    .config_bytes = sizeof(struct history_config),
    .run = run,
};
