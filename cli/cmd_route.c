/*
 * cmd_route.c - strato route ls, add, set and rm: the rules by which messages are copied or moved to other channels.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cli/admin.h"
#include "cli/channel.h"
#include "cli/emit.h"
#include "cli/table.h"
#include "cli/verbs.h"

struct route_config {
    struct cli_common common;
    char *id, *channel, *type, *sender, *to, *topic, *target, *action, *enabled, *priority;
    bool dry_run;
};

#define AT(field) STRATO_OPTION_AT(struct route_config, field)
#define FILTER(word, text)                                                                                             \
    {                                                                                                                  \
        .name = #word, AT(word), .kind = STRATO_OPTION_STRING, .value = "GLOB", .doc = text                            \
    }
#define FILTERS                                                                                                        \
    FILTER(channel, "Only messages of such channels."), FILTER(type, "Only messages of such a type."),                 \
        FILTER(sender, "Only messages of such a sender, or of the agent of this name."),                               \
        FILTER(to, "Only messages to such a recipient."), FILTER(topic, "Only messages with such a topic."),           \
        { .name = "priority",                                                                                          \
          AT(priority),                                                                                                \
          .kind = STRATO_OPTION_STRING,                                                                                \
          .value = "0..255",                                                                                           \
          .doc = "The highest is tried first; equals in the order in which they came." },                              \
        { .name = "enabled",                                                                                           \
          AT(enabled),                                                                                                 \
          .kind = STRATO_OPTION_STRING,                                                                                \
          .value = "yes|no",                                                                                           \
          .doc = "A rule that is not enabled is passed over." },                                                       \
    {                                                                                                                  \
        .name = "dry-run", AT(dry_run), .kind = STRATO_OPTION_FLAG,                                                    \
        .doc = "Print what would be asked for, and ask nothing."                                                       \
    }

static const struct strato_option add_rows[] = {
    { .name = "id",
      AT(id),
      .kind = STRATO_OPTION_STRING,
      .value = "ID",
      .doc = "Its name; else the broker gives one." },
    FILTERS,
};
static const struct strato_option set_rows[] = {
    { .name = "target", AT(target), .kind = STRATO_OPTION_STRING, .value = "CHANNEL", .doc = "Where to." },
    { .name = "action", AT(action), .kind = STRATO_OPTION_STRING, .value = "tee|redirect", .doc = "Copy, or move." },
    FILTERS,
};
static const struct strato_option rm_rows[] = {
    { .name = "dry-run",
      AT(dry_run),
      .kind = STRATO_OPTION_FLAG,
      .doc = "Print what would be asked for, and ask nothing." },
};

/* ---- what is asked ---- */

struct setting {
    const char *key, *text; /* text NULL or "": not said */
};
enum { SETTINGS = 10 };

static bool is_said(const char *text)
{
    return text && *text;
}

static int write_setting(const struct cli *cli, struct strato_writer *w, const struct setting *s)
{
    char *end;
    unsigned long number;

    strato_writer_text(w, s->key);
    if (strcmp(s->key, "priority") == 0) {
        number = strtoul(s->text, &end, 10);
        if (*end || number > 255)
            return cli_fail(cli, CLI_USAGE, "--priority wants 0..255, not \"%s\"", s->text);
        strato_writer_u64(w, number);
    } else if (strcmp(s->key, "enabled") == 0) {
        if (strcmp(s->text, "yes") != 0 && strcmp(s->text, "no") != 0)
            return cli_fail(cli, CLI_USAGE, "--enabled wants yes or no, not \"%s\"", s->text);
        strato_writer_bool(w, s->text[0] == 'y');
    } else {
        strato_writer_text(w, s->text);
    }
    return CLI_OK;
}

static int write_settings(const struct cli *cli, const struct setting settings[SETTINGS], struct strato_writer *w)
{
    uint32_t count = 0;
    int code = CLI_OK;

    for (int i = 0; i < SETTINGS; i++)
        count += is_said(settings[i].text);
    strato_writer_map(w, count);
    for (int i = 0; i < SETTINGS && code == CLI_OK; i++) {
        if (is_said(settings[i].text))
            code = write_setting(cli, w, &settings[i]);
    }
    return code;
}

static void print_done(const struct cli *cli, const char *operation, struct strato_bytes rule, const json_t *answer,
                       const char *id, bool is_dry)
{
    struct emit j = { .to = stdout };

    if (answer && *admin_text(answer, "id"))
        id = admin_text(answer, "id");
    if (!cli_wants_json(cli) && !is_dry) {
        cli_say(cli, "%s %s: done", operation, id);
        return;
    }
    emit_object(&j, NULL);
    emit_text(&j, "operation", operation);
    emit_text(&j, "id", id);
    emit_msgpack(&j, "rule", rule);
    emit_bool(&j, "dry_run", is_dry);
    emit_object_end(&j);
    emit_end(&j);
}

static int ask(struct cli *cli, const char *operation, const struct setting settings[SETTINGS], bool is_dry)
{
    struct strato_writer w = { 0 };
    strato_client *client = NULL;
    json_t *answer = NULL;
    int code = write_settings(cli, settings, &w), rc;

    if (code == CLI_OK && !is_dry) {
        code = link_open(cli, false, NULL, &client);
        rc = code == CLI_OK ? admin_ask(cli, client, operation, NULL, strato_writer_view(&w), &answer) : 0;
        if (rc < 0)
            code = link_fail(cli, client, rc, operation);
    }
    if (code == CLI_OK)
        print_done(cli, operation, strato_writer_view(&w), answer, settings[0].text, is_dry);
    json_decref(answer);
    strato_client_close(&client);
    strato_writer_fini(&w);
    return code;
}

#define COMMON_SETTINGS(c)                                                                                             \
    { "channel", (c)->channel }, { "type", (c)->type }, { "sender", (c)->sender }, { "to", (c)->to },                  \
        { "topic", (c)->topic }, { "priority", (c)->priority },                                                        \
    {                                                                                                                  \
        "enabled", (c)->enabled                                                                                        \
    }

static int run_add(struct cli *cli, const void *config)
{
    const struct route_config *c = config;
    const struct setting settings[SETTINGS] = {
        { "id", c->id }, { "action", cli->operands[0] }, { "target", cli->operands[1] }, COMMON_SETTINGS(c)
    };

    if (strcmp(cli->operands[0], "tee") != 0 && strcmp(cli->operands[0], "redirect") != 0)
        return cli_fail(cli, CLI_USAGE, "a rule says tee (copy) or redirect (move), not \"%s\"", cli->operands[0]);
    return ask(cli, "admin.route.add", settings, c->dry_run);
}

static int run_set(struct cli *cli, const void *config)
{
    const struct route_config *c = config;
    const struct setting settings[SETTINGS] = {
        { "id", cli->operands[0] }, { "action", c->action }, { "target", c->target }, COMMON_SETTINGS(c)
    };

    return ask(cli, "admin.route.set", settings, c->dry_run);
}

static int run_rm(struct cli *cli, const void *config)
{
    const struct route_config *c = config;
    const struct setting settings[SETTINGS] = { { "id", cli->operands[0] } };

    return ask(cli, "admin.route.rm", settings, c->dry_run);
}

/* ---- the list ---- */

static const struct {
    const char *name;
    bool is_number;
} columns[] = { { "id", false },      { "channel", false }, { "type", false },   { "sender", false },
                { "to", false },      { "topic", false },   { "action", false }, { "target", false },
                { "priority", true }, { "enabled", false }, { "matched", true }, { "dropped", true } };
enum { COLUMNS = sizeof columns / sizeof columns[0] };

static void print_list(const struct cli *cli, const json_t *routes)
{
    struct table table = { 0 };
    char text[TABLE_CELL_BYTES];
    double number;

    for (size_t k = 0; k < COLUMNS; k++)
        table_column(&table, columns[k].name, columns[k].is_number);
    for (size_t i = 0; i < json_array_size(routes) && table_row(&table) == 0; i++) {
        for (size_t k = 0; k < COLUMNS; k++) {
            channel_column(json_array_get(routes, i), columns[k].name, text, sizeof text, &number);
            table_cell(&table, k, "%s", *text ? text : "-");
        }
    }
    table_print(cli, &table);
    table_fini(&table);
}

static int run_ls(struct cli *cli, const void *config)
{
    strato_client *client = NULL;
    json_t *answer = NULL;
    const json_t *routes;
    int code = link_open(cli, false, NULL, &client), rc;

    (void)config;
    rc = code == CLI_OK ? admin_ask(cli, client, "admin.route.list", NULL, STRATO_BYTES_NONE, &answer) : 0;
    if (rc < 0)
        code = link_fail(cli, client, rc, "cannot list the rules");
    routes = json_object_get(answer, "routes");
    if (code == CLI_OK && cli->common->jsonl) {
        for (size_t i = 0; i < json_array_size(routes); i++)
            channel_print_json(json_array_get(routes, i));
    } else if (code == CLI_OK && cli->common->json) {
        channel_print_json(routes);
    } else if (code == CLI_OK) {
        print_list(cli, routes);
    }
    json_decref(answer);
    strato_client_close(&client);
    return code;
}

/* ---- the table ---- */

static const struct strato_program_example ls_examples[] = {
    { "strato route ls", "every rule, in the order in which they are tried" },
    { "strato route ls --jsonl", "one a line, for programs" },
};
static const struct strato_program_example add_examples[] = {
    { "strato route add tee audit --channel jobs", "a copy of every job to audit" },
    { "strato route add redirect slow --id heavy --channel jobs --type 'render.>' --priority 10",
      "move renderings to the channel slow" },
};
static const struct strato_program_example set_examples[] = {
    { "strato route set heavy --enabled no", "pass over it for now" },
    { "strato route set heavy --target slower --dry-run", "see what would be asked for" },
};
static const struct strato_program_example rm_examples[] = {
    { "strato route rm heavy", "what it has moved already goes on" },
    { "strato route rm heavy --dry-run", "see what would be asked for" },
};

const struct cli_verb cmd_route_ls = {
    .program = { .name = "strato route ls",
                 .summary = "list the routing rules",
                 CLI_PROGRAM_PLAIN,
                 STRATO_PROGRAM_EXAMPLES(ls_examples) },
    .config_bytes = sizeof(struct route_config),
    .run = run_ls,
};
const struct cli_verb cmd_route_add = {
    .program = { .name = "strato route add",
                 .summary = "add a routing rule",
                 .operands = "tee|redirect TARGET",
                 .operands_min = 2,
                 .operands_max = 2,
                 .doc =
                     "Messages that pass all filters are copied (tee) or moved (redirect) to TARGET, a channel or a "
                     "mailbox (@agent). In a filter * stands for one segment and > for the rest; one that is not "
                     "given lets everything pass. Every matching tee fires; the first redirect ends the walk. What a "
                     "rule has moved or copied is not routed again.",
                 CLI_PROGRAM(add_rows),
                 STRATO_PROGRAM_EXAMPLES(add_examples) },
    .config_bytes = sizeof(struct route_config),
    .run = run_add,
};
const struct cli_verb cmd_route_set = {
    .program = { .name = "strato route set",
                 .summary = "change a routing rule",
                 .operands = "ID",
                 .operands_min = 1,
                 .operands_max = 1,
                 .doc = "What is not named stays as it is.",
                 CLI_PROGRAM(set_rows),
                 STRATO_PROGRAM_EXAMPLES(set_examples) },
    .config_bytes = sizeof(struct route_config),
    .run = run_set,
};
const struct cli_verb cmd_route_rm = {
    .program = { .name = "strato route rm",
                 .summary = "remove a routing rule",
                 .operands = "ID",
                 .operands_min = 1,
                 .operands_max = 1,
                 CLI_PROGRAM(rm_rows),
                 STRATO_PROGRAM_EXAMPLES(rm_examples) },
    .config_bytes = sizeof(struct route_config),
    .run = run_rm,
};
