/*
 * cmd_channel_info.c - strato channel info: all there is to say about one channel.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cli/channel.h"
#include "cli/table.h"
#include "cli/verbs.h"

struct info_config {
    struct cli_common common;
};

static void print_pairs(const struct cli *cli, const json_t *channel)
{
    struct table table = { 0 };
    const char *key, *reason;
    json_t *value, *part;
    char text[TABLE_CELL_BYTES];
    double number;

    table_column(&table, "key", false);
    table_column(&table, "value", false);
    json_object_foreach((json_t *)(uintptr_t)channel, key, value)
    {
        if (table_row(&table) < 0)
            break;
        channel_column(channel, key, text, sizeof text, &number);
        table_cell(&table, 0, "%s", key);
        table_cell(&table, 1, "%s", text);
        json_object_foreach(value, reason, part)
        {
            if (!json_is_integer(part) || json_integer_value(part) == 0 || table_row(&table) < 0)
                continue;
            table_cell(&table, 0, "%s.%s", key, reason);
            table_cell(&table, 1, "%" JSON_INTEGER_FORMAT, json_integer_value(part));
        }
    }
    table_print(cli, &table);
    table_fini(&table);
}

static int run(struct cli *cli, const void *config)
{
    const json_t *channel = NULL;
    strato_client *client = NULL;
    json_t *channels = NULL;
    int code = link_open(cli, false, NULL, &client);

    (void)config;
    if (code == CLI_OK)
        code = channels_fetch(cli, client, &channels);
    if (code == CLI_OK)
        code = channel_find(cli, channels, cli->operands[0], &channel);
    if (code == CLI_OK && cli_wants_json(cli))
        channel_print_json(channel);
    else if (code == CLI_OK)
        print_pairs(cli, channel);
    json_decref(channels);
    strato_client_close(&client);
    return code;
}

static const struct strato_program_example examples[] = {
    { "strato channel info gpu", "its settings and its numbers" },
    { "strato channel info gpu --json", "the same for programs" },
};

const struct cli_verb cmd_channel_info = {
    .program = { .name = "strato channel info",
                 .summary = "settings and numbers of one channel",
                 .operands = "NAME",
                 .operands_min = 1,
                 .operands_max = 1,
                 CLI_PROGRAM_PLAIN,
                 STRATO_PROGRAM_EXAMPLES(examples) },
    .config_bytes = sizeof(struct info_config),
    .run = run,
};
