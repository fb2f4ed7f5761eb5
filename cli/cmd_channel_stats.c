/*
 * cmd_channel_stats.c - strato channel stats: what a channel took, by topic or by sender.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cli/channel.h"
#include "cli/table.h"
#include "cli/verbs.h"

#include <inttypes.h>
#include <stdlib.h>

struct stats_config {
    struct cli_common common;
    int by;
    uint32_t top;
};

static const char *const subjects[] = { "topic", "sender" };

static const struct strato_option rows[] = {
    { .name = "by",
      STRATO_OPTION_AT(struct stats_config, by),
      .kind = STRATO_OPTION_ENUM,
      .value = "WHAT",
      .choices = "topic|sender",
      .initial = "topic",
      .doc = "Count by topic, or by sender." },
    { .name = "top",
      STRATO_OPTION_AT(struct stats_config, top),
      .kind = STRATO_OPTION_UINT,
      .value = "N",
      .initial = "20",
      .doc = "Show the N with most messages; 0 is all." },
};

static int more_first(const void *a, const void *b)
{
    uint64_t left = admin_u64(*(json_t *const *)a, "messages"), right = admin_u64(*(json_t *const *)b, "messages");

    if (left != right)
        return left < right ? 1 : -1;
    return strcmp(admin_text(*(json_t *const *)a, "name"), admin_text(*(json_t *const *)b, "name"));
}

/* The names in the order in which they are shown, cut to `top`. NULL: out of memory. */
static json_t *sorted(const json_t *names, uint32_t top)
{
    size_t count = json_array_size(names);
    json_t **all = calloc(count + 1, sizeof *all);
    json_t *shown = json_array();

    for (size_t i = 0; all && i < count; i++)
        all[i] = json_array_get(names, i);
    if (all)
        qsort(all, count, sizeof *all, more_first);
    for (size_t i = 0; all && i < count && (top == 0 || i < top); i++)
        json_array_append(shown, all[i]);
    free(all);
    return shown;
}

static void print_row(struct table *table, const char *name, const json_t *entry)
{
    if (table_row(table) < 0)
        return;
    table_cell(table, 0, "%s", name);
    table_cell(table, 1, "%" PRIu64, admin_u64(entry, "messages"));
    table_cell(table, 2, "%" PRIu64, admin_u64(entry, "bytes"));
    table_cell(table, 3, "%.1f", json_number_value(json_object_get(entry, "per_s")));
    table_cell(table, 4, "%.1f", (double)admin_u64(entry, "idle_ms") / 1000);
}

static void print_table(const struct cli *cli, const json_t *answer, const char *by)
{
    const json_t *names = json_object_get(answer, "names"), *other = json_object_get(answer, "other");
    struct table table = { 0 };

    table_column(&table, by, false);
    table_column(&table, "messages", true);
    table_column(&table, "bytes", true);
    table_column(&table, "per s", true);
    table_column(&table, "idle s", true);
    for (size_t i = 0; i < json_array_size(names); i++)
        print_row(&table, admin_text(json_array_get(names, i), "name"), json_array_get(names, i));
    if (admin_u64(other, "messages"))
        print_row(&table, "(other)", other);
    table_print(cli, &table);
    table_fini(&table);
}

static int run(struct cli *cli, const void *verb_config)
{
    const struct stats_config *config = verb_config;
    struct strato_writer w = { 0 };
    strato_client *client = NULL;
    json_t *answer = NULL;
    int code = link_open(cli, false, NULL, &client), rc = 0;

    strato_writer_map(&w, 1);
    strato_writer_text(&w, "by");
    strato_writer_text(&w, subjects[config->by]);
    if (code == CLI_OK)
        rc = admin_ask(cli, client, "admin.stats", cli->operands[0], strato_writer_view(&w), &answer);
    if (rc < 0)
        code = link_fail(cli, client, rc, cli->operands[0]);
    if (code == CLI_OK) {
        json_object_set_new(answer, "names", sorted(json_object_get(answer, "names"), config->top));
        if (cli_wants_json(cli))
            channel_print_json(answer);
        else
            print_table(cli, answer, subjects[config->by]);
    }
    json_decref(answer);
    strato_client_close(&client);
    strato_writer_fini(&w);
    return code;
}

static const struct strato_program_example examples[] = {
    { "strato channel stats events --by sender", "who sends most" },
    { "strato channel stats events --top 0 --json", "every topic that is told apart" },
};

const struct cli_verb cmd_channel_stats = {
    .program = { .name = "strato channel stats",
                 .summary = "what a channel took, by topic or by sender",
                 .operands = "NAME",
                 .operands_min = 1,
                 .operands_max = 1,
                 .doc =
                     "The channel must have been told to count: strato channel set NAME --tally yes. 1,024 topics and "
                     "1,024 senders are told apart; the rest is (other). A name that was not seen for ten minutes "
                     "gives its place to a new one.",
                 CLI_PROGRAM(rows),
                 STRATO_PROGRAM_EXAMPLES(examples) },
    .config_bytes = sizeof(struct stats_config),
    .run = run,
};
