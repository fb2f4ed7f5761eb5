/*
 * cmd_dlq_get.c - strato dlq get: one dead letter, with its message.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cli/channel.h"
#include "cli/deadletter.h"
#include "cli/emit.h"
#include "cli/verbs.h"
#include "core/cursor.h"

#include <stdlib.h>

struct get_config {
    struct cli_common common;
};

/* The value of a key of an encoded map; none if it is not there. */
static struct strato_bytes value_of(struct strato_bytes map, const char *key)
{
    struct strato_cursor c = strato_cursor_over(map);
    struct strato_bytes name, value;
    uint32_t pairs;

    if (strato_cursor_map(&c, 64, &pairs) < 0)
        return STRATO_BYTES_NONE;
    while (pairs-- > 0 && strato_cursor_str(&c, 64, &name) == 0 && strato_cursor_raw(&c, &value) == 0)
        if (strato_bytes_is(name, key))
            return value;
    return STRATO_BYTES_NONE;
}

/* Entry, payload and attachments as one JSON tree, by way of text as in admin.c. */
static json_t *tree_of(const strato_message *answer)
{
    struct strato_bytes payload = strato_message_envelope(answer)->payload, whole, skipped;
    struct strato_cursor c = strato_cursor_over(value_of(payload, "message"));
    struct strato_envelope message = { 0 };
    char *text = NULL;
    size_t bytes = 0;
    struct emit j = { .to = open_memstream(&text, &bytes) };
    json_t *tree, *entry;

    if (!j.to)
        return NULL;
    if (strato_cursor_bin(&c, SIZE_MAX, &whole) == 0) {
        c = strato_cursor_over(whole);
        if (strato_envelope_decode(&c, &message, &skipped) < 0)
            message = (struct strato_envelope){ 0 };
    }
    emit_object(&j, NULL);
    emit_msgpack(&j, "entry", value_of(payload, "entry"));
    emit_u64(&j, "priority", message.priority);
    emit_msgpack(&j, "payload", message.payload);
    emit_array(&j, "attachments");
    for (uint32_t i = 0; i < strato_message_attachments(answer); i++)
        emit_bin(&j, NULL, strato_message_attachment(answer, i));
    emit_array_end(&j);
    emit_object_end(&j);
    fclose(j.to);
    tree = json_loadb(text, bytes, 0, NULL);
    free(text);
    entry = json_incref(json_object_get(tree, "entry"));
    json_object_del(tree, "entry");
    if (entry) { /* its keys and the message's stand side by side */
        json_object_update(entry, tree);
        deadletter_id_as_text(entry);
    }
    json_decref(tree);
    return entry;
}

/* One line a key; what is no text or number is JSON. */
static void print_pairs(const json_t *entry)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)entry, key, value)
    {
        printf("%s\t", key);
        if (json_is_string(value) && strcmp(key, "payload") != 0)
            printf("%s", json_string_value(value));
        else
            json_dumpf(value, stdout, JSON_COMPACT | JSON_ENCODE_ANY | JSON_PRESERVE_ORDER);
        putchar('\n');
    }
}

static int run(struct cli *cli, const void *config)
{
    strato_client *client = NULL;
    strato_message *answer = NULL;
    struct strato_writer w = { 0 };
    json_t *entry = NULL;
    uint64_t id = 0;
    int rc, code = deadletter_id(cli, cli->operands[1], &id);

    (void)config;
    if (code == CLI_OK)
        code = link_open(cli, false, NULL, &client);
    if (code != CLI_OK)
        goto out;
    strato_writer_map(&w, 1);
    strato_writer_text(&w, "id");
    strato_writer_u64(&w, id);
    rc = strato_admin(client, "admin.dlq.get", cli->operands[0], strato_writer_view(&w), (int)cli->common->timeout_ms,
                      &answer);
    if (rc < 0) {
        code = link_fail(cli, client, rc, cli->operands[0]);
        goto out;
    }
    entry = tree_of(answer);
    if (!entry)
        code = cli_fail(cli, CLI_FAILED, "the broker's answer was not understood");
    else if (cli_wants_json(cli))
        channel_print_json(entry);
    else
        print_pairs(entry);
out:
    json_decref(entry);
    strato_message_destroy(&answer);
    strato_writer_fini(&w);
    strato_client_close(&client);
    return code;
}

static const struct strato_program_example examples[] = {
    { "strato dlq get jobs 17", "why it died, and its body" },
    { "strato dlq get jobs 17 --json", "the same for programs, attachments included" },
};

const struct cli_verb cmd_dlq_get = {
    .program = { .name = "strato dlq get",
                 .summary = "show one dead letter with its message",
                 .operands = "CHANNEL ID",
                 .operands_min = 2,
                 .operands_max = 2,
                 CLI_PROGRAM_PLAIN,
                 STRATO_PROGRAM_EXAMPLES(examples) },
    .config_bytes = sizeof(struct get_config),
    .run = run,
};
