/*
 * cmd_dlq_ls.c - strato dlq ls: what a channel could not do, and why.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cli/channel.h"
#include "cli/deadletter.h"
#include "cli/table.h"
#include "cli/verbs.h"

#include <time.h>

struct ls_config {
    struct cli_common common;
    struct deadletter_filter filter;
    struct strato_option_list columns;
    uint64_t count;
};

static const struct strato_option rows[] = {
    DEADLETTER_FILTER_OPTIONS(struct ls_config),
    { .name = "count",
      .letter = 'C',
      STRATO_OPTION_AT(struct ls_config, count),
      .kind = STRATO_OPTION_UINT,
      .value = "N",
      .initial = "1000",
      .min = 1,
      .max = UINT64_MAX,
      .doc = "At most so many, the oldest first." },
    { .name = "columns",
      STRATO_OPTION_AT(struct ls_config, columns),
      .kind = STRATO_OPTION_LIST,
      .value = "A,B,...",
      .initial = "id,reason,count,last,attempts,sender,consumer,topic,bytes,error",
      .doc = "What to show: any key of --json; first and last are the times as text." },
};

static void time_text(uint64_t ms, char *text, size_t bytes)
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm parts;

    if (!localtime_r(&seconds, &parts) || strftime(text, bytes, "%F %T", &parts) == 0)
        snprintf(text, bytes, "?");
}

static bool column(const json_t *entry, const char *name, char *text, size_t bytes)
{
    double number;

    if (strcmp(name, "first") != 0 && strcmp(name, "last") != 0)
        return channel_column(entry, name, text, bytes, &number);
    time_text(admin_u64(entry, name[0] == 'f' ? "first_ms" : "last_ms"), text, bytes);
    return true;
}

static int print_table(const struct cli *cli, const struct ls_config *config, const json_t *entries)
{
    const json_t *first = json_array_get(entries, 0);
    struct table table = { 0 };
    char text[TABLE_CELL_BYTES];

    for (size_t k = 0; k < config->columns.count; k++) {
        if (first && !column(first, config->columns.items[k], text, sizeof text))
            return cli_fail(cli, CLI_USAGE, "dead letters have no \"%s\"; --json shows what they have",
                            config->columns.items[k]);
        table_column(&table, config->columns.items[k],
                     json_is_integer(json_object_get(first, config->columns.items[k])));
    }
    for (size_t i = 0; i < json_array_size(entries) && table_row(&table) == 0; i++) {
        for (size_t k = 0; k < config->columns.count; k++) {
            column(json_array_get(entries, i), config->columns.items[k], text, sizeof text);
            table_cell(&table, k, "%s", text);
        }
    }
    table_print(cli, &table);
    table_fini(&table);
    return CLI_OK;
}

static int run(struct cli *cli, const void *verb_config)
{
    const struct ls_config *config = verb_config;
    strato_client *client = NULL;
    json_t *entries = NULL;
    int code = link_open(cli, false, NULL, &client);

    if (code == CLI_OK)
        code = deadletters_fetch(cli, client, &config->filter, config->count, &entries);
    if (code == CLI_OK && cli->common->jsonl) {
        for (size_t i = 0; i < json_array_size(entries); i++)
            channel_print_json(json_array_get(entries, i));
    } else if (code == CLI_OK && cli->common->json) {
        channel_print_json(entries);
    } else if (code == CLI_OK) {
        code = print_table(cli, config, entries);
    }
    json_decref(entries);
    strato_client_close(&client);
    return code;
}

static const struct strato_program_example examples[] = {
    { "strato dlq ls jobs", "a table, the oldest first" },
    { "strato dlq ls jobs --reason max_deliver --since 1h", "what failed too often in the last hour" },
};

const struct cli_verb cmd_dlq_ls = {
    .program = { .name = "strato dlq ls",
                 .summary = "list the dead letters of a channel",
                 .operands = "CHANNEL",
                 .operands_min = 1,
                 .operands_max = 1,
                 CLI_PROGRAM(rows),
                 STRATO_PROGRAM_EXAMPLES(examples) },
    .config_bytes = sizeof(struct ls_config),
    .run = run,
};
