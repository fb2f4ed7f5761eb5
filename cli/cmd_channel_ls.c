/*
 * cmd_channel_ls.c - strato channel ls: every channel, how full it is, who uses it.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cli/channel.h"
#include "cli/table.h"
#include "cli/verbs.h"

#include <stdlib.h>

struct ls_config {
    struct cli_common common;
    struct strato_option_list columns;
    char *sort;
};

static const struct strato_option rows[] = {
    { .name = "columns",
      STRATO_OPTION_AT(struct ls_config, columns),
      .kind = STRATO_OPTION_LIST,
      .value = "A,B,...",
      .initial = "name,pattern,capacity,ready,leased,delayed,accepted,settled,dropped,producers,consumers",
      .doc = "What to show; any key of `strato channel info`, and depth." },
    { .name = "sort",
      STRATO_OPTION_AT(struct ls_config, sort),
      .kind = STRATO_OPTION_STRING,
      .value = "COLUMN",
      .initial = "name",
      .doc = "Order by this column, numbers from high to low." },
};

static const char *sort_column; /* qsort hands nothing on */

static int compare(const void *a, const void *b)
{
    char left[160], right[160];
    double x, y;

    channel_column(*(const json_t *const *)a, sort_column, left, sizeof left, &x);
    channel_column(*(const json_t *const *)b, sort_column, right, sizeof right, &y);
    if (x > y || x < y)
        return x > y ? -1 : 1;
    return strcmp(left, right);
}

static int check_columns(const struct cli *cli, const struct ls_config *config, const json_t *any)
{
    char text[160];
    double number;

    for (size_t i = 0; any && i < config->columns.count; i++)
        if (!channel_column(any, config->columns.items[i], text, sizeof text, &number))
            return cli_fail(cli, CLI_USAGE, "channels have no \"%s\"; strato channel info NAME shows what they have",
                            config->columns.items[i]);
    return CLI_OK;
}

static void print_json(const struct cli *cli, const json_t **sorted, size_t count)
{
    json_t *all = json_array();

    for (size_t i = 0; i < count; i++) {
        if (cli->common->jsonl)
            channel_print_json(sorted[i]);
        else
            json_array_append(all, (json_t *)(uintptr_t)sorted[i]);
    }
    if (!cli->common->jsonl)
        channel_print_json(all);
    json_decref(all);
}

static int print_table(const struct cli *cli, const struct ls_config *config, const json_t **sorted, size_t count)
{
    struct table table = { 0 };
    double number;

    for (size_t i = 0; i < config->columns.count; i++) {
        const json_t *value = count ? json_object_get(sorted[0], config->columns.items[i]) : NULL;

        table_column(&table, config->columns.items[i], !json_is_string(value) && !json_is_boolean(value));
    }
    for (size_t i = 0; i < count; i++) {
        if (table_row(&table) < 0)
            break;
        for (size_t k = 0; k < table.columns; k++) {
            char text[TABLE_CELL_BYTES];

            channel_column(sorted[i], config->columns.items[k], text, sizeof text, &number);
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
    const json_t **sorted = NULL;
    strato_client *client = NULL;
    json_t *channels = NULL;
    size_t count;
    int code = link_open(cli, false, NULL, &client);

    if (code == CLI_OK)
        code = channels_fetch(cli, client, &channels);
    if (code == CLI_OK)
        code = check_columns(cli, config, json_array_get(channels, 0));
    if (code != CLI_OK)
        goto out;
    count = json_array_size(channels);
    sorted = calloc(count + 1, sizeof *sorted);
    if (!sorted) {
        code = cli_fail(cli, CLI_FAILED, "%s", strato_strerror(STRATO_ENOMEM));
        goto out;
    }
    for (size_t i = 0; i < count; i++)
        sorted[i] = json_array_get(channels, i);
    sort_column = config->sort && *config->sort ? config->sort : "name";
    qsort(sorted, count, sizeof *sorted, compare);
    if (cli_wants_json(cli))
        print_json(cli, sorted, count);
    else
        print_table(cli, config, sorted, count);
out:
    free(sorted);
    json_decref(channels);
    strato_client_close(&client);
    return code;
}

static const struct strato_program_example examples[] = {
    { "strato channel ls", "a table of all channels" },
    { "strato channel ls --columns name,depth --sort depth", "the fullest first" },
};

const struct cli_verb cmd_channel_ls = {
    .program = { .name = "strato channel ls",
                 .summary = "list the channels",
                 CLI_PROGRAM(rows),
                 STRATO_PROGRAM_EXAMPLES(examples) },
    .config_bytes = sizeof(struct ls_config),
    .run = run,
};
