/*
 * cmd_channel_control.c - strato channel rm, purge, pause and resume: one word to the broker about one channel.
 *
 * What destroys messages asks first: on a terminal, or by --yes.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cli/channel.h"
#include "cli/emit.h"
#include "cli/verbs.h"

#include <inttypes.h>
#include <unistd.h>

struct control_config {
    struct cli_common common;
    bool yes, dry_run;
};

static const struct strato_option rows[] = {
    { .name = "yes",
      .letter = 'y',
      STRATO_OPTION_AT(struct control_config, yes),
      .kind = STRATO_OPTION_FLAG,
      .doc = "Do not ask." },
    { .name = "dry-run",
      STRATO_OPTION_AT(struct control_config, dry_run),
      .kind = STRATO_OPTION_FLAG,
      .doc = "Say what would happen, and do nothing." },
};

static const struct strato_option mild_rows[] = {
    { .name = "dry-run",
      STRATO_OPTION_AT(struct control_config, dry_run),
      .kind = STRATO_OPTION_FLAG,
      .doc = "Say what would happen, and do nothing." },
};

static int confirm(const struct cli *cli, const char *verb, uint64_t depth)
{
    char answer[8] = "";

    if (!isatty(STDIN_FILENO))
        return cli_fail(cli, CLI_USAGE, "%s drops %" PRIu64 " messages of %s: say --yes if that is meant", verb, depth,
                        cli->operands[0]);
    fprintf(stderr, "%s %s and its %" PRIu64 " messages? [y/N] ", verb, cli->operands[0], depth);
    if (!fgets(answer, sizeof answer, stdin) || (answer[0] != 'y' && answer[0] != 'Y'))
        return cli_fail(cli, CLI_FAILED, "left as it is");
    return CLI_OK;
}

static void report(const struct cli *cli, const char *operation, uint64_t depth, bool is_dry)
{
    struct emit j = { .to = stdout };

    if (!cli_wants_json(cli)) {
        cli_say(cli, "%s%s %s (%" PRIu64 " messages in it)", is_dry ? "would " : "", operation, cli->operands[0],
                depth);
        return;
    }
    emit_object(&j, NULL);
    emit_text(&j, "operation", operation);
    emit_text(&j, "channel", cli->operands[0]);
    emit_u64(&j, "messages", depth);
    emit_bool(&j, "dry_run", is_dry);
    emit_object_end(&j);
    emit_end(&j);
}

static int control(struct cli *cli, const struct control_config *config, const char *operation, const char *verb,
                   bool destroys)
{
    const json_t *channel = NULL;
    strato_client *client = NULL;
    json_t *channels = NULL;
    int rc, code = link_open(cli, false, NULL, &client);

    if (code == CLI_OK)
        code = channels_fetch(cli, client, &channels);
    if (code == CLI_OK)
        code = channel_find(cli, channels, cli->operands[0], &channel);
    if (code == CLI_OK && destroys && !config->yes && !config->dry_run)
        code = confirm(cli, verb, channel_depth(channel));
    if (code == CLI_OK && !config->dry_run) {
        rc = admin_ask(cli, client, operation, cli->operands[0], STRATO_BYTES_NONE, NULL);
        if (rc < 0)
            code = link_fail(cli, client, rc, cli->operands[0]);
    }
    if (code == CLI_OK)
        report(cli, verb, channel_depth(channel), config->dry_run);
    json_decref(channels);
    strato_client_close(&client);
    return code;
}

static int run_rm(struct cli *cli, const void *config)
{
    return control(cli, config, "admin.channel.rm", "remove", true);
}

static int run_purge(struct cli *cli, const void *config)
{
    return control(cli, config, "admin.purge", "purge", true);
}

static int run_pause(struct cli *cli, const void *config)
{
    return control(cli, config, "admin.pause", "pause", false);
}

static int run_resume(struct cli *cli, const void *config)
{
    return control(cli, config, "admin.resume", "resume", false);
}

#define VERB(word, text, options, ...)                                                                                 \
    static const struct strato_program_example word##_examples[] = { __VA_ARGS__ };                                    \
    const struct cli_verb cmd_channel_##word = {                                                                       \
        .program = { .name = "strato channel " #word,                                                                  \
                     .summary = text,                                                                                  \
                     .operands = "NAME",                                                                               \
                     .operands_min = 1,                                                                                \
                     .operands_max = 1,                                                                                \
                     CLI_PROGRAM(options),                                                                             \
                     STRATO_PROGRAM_EXAMPLES(word##_examples) },                                                       \
        .config_bytes = sizeof(struct control_config),                                                                 \
        .run = run_##word,                                                                                             \
    }

VERB(rm, "remove a channel with what is in it", rows, { "strato channel rm jobs", "asks first" },
     { "strato channel rm jobs --yes", "does not" });
VERB(purge, "drop what waits in a channel", rows, { "strato channel purge jobs", "asks first; leased messages stay" },
     { "strato channel purge jobs --dry-run", "says how many there are" });
VERB(pause, "stop deliveries; sending goes on up to the bound", mild_rows,
     { "strato channel pause jobs", "no worker gets more" },
     { "strato channel pause jobs --dry-run", "says what is in it" });
VERB(resume, "go on with deliveries", mild_rows, { "strato channel resume jobs", "workers get more" },
     { "strato channel resume jobs --dry-run", "says what is in it" });
