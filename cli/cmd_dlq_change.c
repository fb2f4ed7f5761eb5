/*
 * cmd_dlq_change.c - strato dlq redrive and purge: send dead letters back into their channel, or forget them.
 *
 * Which: ids, a filter, or --all; never all of them because nothing was said. Forgetting asks first: on a
 * terminal, or by --yes.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cli/deadletter.h"
#include "cli/emit.h"
#include "cli/verbs.h"

#include <inttypes.h>
#include <unistd.h>

struct change_config {
    struct cli_common common;
    struct deadletter_filter filter;
    bool all, dry_run, yes;
};

#define SHARED_ROWS                                                                                                    \
    DEADLETTER_FILTER_OPTIONS(struct change_config),                                                                   \
        { .name = "all",                                                                                               \
          STRATO_OPTION_AT(struct change_config, all),                                                                 \
          .kind = STRATO_OPTION_FLAG,                                                                                  \
          .doc = "All of the channel." },                                                                              \
    {                                                                                                                  \
        .name = "dry-run", STRATO_OPTION_AT(struct change_config, dry_run), .kind = STRATO_OPTION_FLAG,                \
        .doc = "Say how many there are, and do nothing."                                                               \
    }

static const struct strato_option redrive_rows[] = { SHARED_ROWS };
static const struct strato_option purge_rows[] = {
    SHARED_ROWS,
    { .name = "yes",
      .letter = 'y',
      STRATO_OPTION_AT(struct change_config, yes),
      .kind = STRATO_OPTION_FLAG,
      .doc = "Do not ask." },
};

struct change {
    const char *verb, *operation;
    uint64_t done, left, skipped;
};

static int check_selection(const struct cli *cli, const struct change_config *config)
{
    bool has_ids = cli->operands_count > 1, has_filter = deadletter_filter_pairs(&config->filter) > 0;
    uint64_t id;

    if (has_ids + has_filter + config->all != 1)
        return cli_fail(cli, CLI_USAGE, "say which: ids, or --all, or a filter (--reason, --topic, --sender, --since)");
    for (size_t i = 1; i < cli->operands_count; i++)
        if (deadletter_id(cli, cli->operands[i], &id) != CLI_OK)
            return CLI_USAGE;
    return CLI_OK;
}

/* How many are meant. */
static int count_selected(const struct cli *cli, strato_client *client, const struct change_config *config,
                          uint64_t *ret_count)
{
    json_t *entries = NULL;
    int code;

    *ret_count = cli->operands_count - 1;
    if (*ret_count > 0)
        return CLI_OK;
    code = deadletters_fetch(cli, client, &config->filter, UINT64_MAX, &entries);
    *ret_count = json_array_size(entries);
    json_decref(entries);
    return code;
}

static int confirm(const struct cli *cli, uint64_t count)
{
    char answer[8] = "";

    if (!isatty(STDIN_FILENO))
        return cli_fail(cli, CLI_USAGE, "purge forgets %" PRIu64 " dead letters of %s: say --yes if that is meant",
                        count, cli->operands[0]);
    fprintf(stderr, "forget %" PRIu64 " dead letters of %s? [y/N] ", count, cli->operands[0]);
    if (!fgets(answer, sizeof answer, stdin) || (answer[0] != 'y' && answer[0] != 'Y'))
        return cli_fail(cli, CLI_FAILED, "left as it is");
    return CLI_OK;
}

static int ask(const struct cli *cli, strato_client *client, struct strato_writer *w, struct change *change)
{
    json_t *answer = NULL;
    int rc = admin_ask(cli, client, change->operation, cli->operands[0], strato_writer_view(w), &answer);

    strato_writer_fini(w);
    if (rc < 0)
        return link_fail(cli, client, rc, cli->operands[0]);
    change->done += admin_u64(answer, "redriven") + admin_u64(answer, "purged");
    change->left += admin_u64(answer, "left");
    change->skipped += admin_u64(answer, "skipped");
    json_decref(answer);
    return CLI_OK;
}

static int change_ids(const struct cli *cli, strato_client *client, struct change *change)
{
    int code = CLI_OK;

    for (size_t i = 1; i < cli->operands_count && code == CLI_OK; i++) {
        struct strato_writer w = { 0 };
        uint64_t id = 0;

        deadletter_id(cli, cli->operands[i], &id);
        strato_writer_map(&w, 1);
        strato_writer_text(&w, "id");
        strato_writer_u64(&w, id);
        code = ask(cli, client, &w, change);
    }
    return code != CLI_OK && change->done ? CLI_PARTIAL : code;
}

static int change_selection(const struct cli *cli, strato_client *client, const struct change_config *config,
                            struct change *change)
{
    struct strato_writer w = { 0 };

    strato_writer_map(&w, config->all ? 1 : deadletter_filter_pairs(&config->filter));
    if (config->all) {
        strato_writer_text(&w, "all");
        strato_writer_bool(&w, true);
    } else {
        deadletter_filter_write(&config->filter, &w);
    }
    return ask(cli, client, &w, change);
}

static void report(const struct cli *cli, const struct change *change, bool is_dry)
{
    struct emit j = { .to = stdout };

    if (!cli_wants_json(cli)) {
        cli_say(cli, "%s%s %" PRIu64 " dead letters of %s", is_dry ? "would " : "", change->verb, change->done,
                cli->operands[0]);
        return;
    }
    emit_object(&j, NULL);
    emit_text(&j, "operation", change->verb);
    emit_text(&j, "channel", cli->operands[0]);
    emit_u64(&j, "messages", change->done);
    emit_u64(&j, "left", change->left);
    emit_u64(&j, "skipped", change->skipped);
    emit_bool(&j, "dry_run", is_dry);
    emit_object_end(&j);
    emit_end(&j);
}

/* What did not go back, and why. */
static int judge(const struct cli *cli, const struct change *change)
{
    if (change->left)
        return cli_fail(cli, change->done ? CLI_PARTIAL : CLI_TIMEOUT,
                        "%s is full: %" PRIu64 " sent back, %" PRIu64 " left", cli->operands[0], change->done,
                        change->left);
    if (change->skipped)
        return cli_fail(cli, CLI_PARTIAL, "%" PRIu64 " are records of refused messages: nothing to send back",
                        change->skipped);
    return CLI_OK;
}

static int run(struct cli *cli, const struct change_config *config, struct change change)
{
    bool asks = strcmp(change.verb, "purge") == 0 && !config->yes;
    strato_client *client = NULL;
    uint64_t count = 0;
    int code = check_selection(cli, config);

    if (code == CLI_OK)
        code = link_open(cli, false, NULL, &client);
    if (code == CLI_OK && (config->dry_run || asks))
        code = count_selected(cli, client, config, &count);
    if (code == CLI_OK && config->dry_run) {
        change.done = count;
        report(cli, &change, true);
        goto out;
    }
    if (code == CLI_OK && asks)
        code = confirm(cli, count);
    if (code != CLI_OK)
        goto out;
    code = cli->operands_count > 1 ? change_ids(cli, client, &change) : change_selection(cli, client, config, &change);
    if (code == CLI_OK || code == CLI_PARTIAL)
        report(cli, &change, false);
    if (code == CLI_OK)
        code = judge(cli, &change);
out:
    strato_client_close(&client);
    return code;
}

static int run_redrive(struct cli *cli, const void *config)
{
    return run(cli, config, (struct change){ .verb = "redrive", .operation = "admin.dlq.redrive" });
}

static int run_purge(struct cli *cli, const void *config)
{
    return run(cli, config, (struct change){ .verb = "purge", .operation = "admin.dlq.purge" });
}

#define VERB(word, text, options, ...)                                                                                 \
    static const struct strato_program_example word##_examples[] = { __VA_ARGS__ };                                    \
    const struct cli_verb cmd_dlq_##word = {                                                                           \
        .program = { .name = "strato dlq " #word,                                                                      \
                     .summary = text,                                                                                  \
                     .operands = "CHANNEL [ID...]",                                                                    \
                     .operands_min = 1,                                                                                \
                     .operands_max = 1001,                                                                             \
                     CLI_PROGRAM(options),                                                                             \
                     STRATO_PROGRAM_EXAMPLES(word##_examples) },                                                       \
        .config_bytes = sizeof(struct change_config),                                                                  \
        .run = run_##word,                                                                                             \
    }

VERB(redrive, "send dead letters back into their channel, attempts at 0", redrive_rows,
     { "strato dlq redrive jobs 17 18", "these two" },
     { "strato dlq redrive jobs --reason expired", "all that came too late; stops when the channel is full" });
VERB(purge, "forget dead letters", purge_rows, { "strato dlq purge jobs 17 --yes", "this one" },
     { "strato dlq purge jobs --all --dry-run", "says how many there are" });
