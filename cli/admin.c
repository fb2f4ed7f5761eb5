/*
 * admin.c - ask the broker about itself.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cli/admin.h"

#include "cli/emit.h"
#include "core/nearest.h"

#include <stdlib.h>

/* By way of JSON text: answers are small, and the tree is what tables and filters want. */
static json_t *tree_of(struct strato_bytes payload)
{
    char *text = NULL;
    size_t bytes = 0;
    struct emit j = { .to = open_memstream(&text, &bytes) };
    json_t *tree;

    if (!j.to)
        return NULL;
    emit_msgpack(&j, NULL, payload);
    fclose(j.to);
    tree = json_loadb(text, bytes, JSON_DECODE_ANY, NULL);
    free(text);
    return tree;
}

int admin_ask(const struct cli *cli, strato_client *client, const char *operation, const char *channel,
              struct strato_bytes arguments, json_t **ret_answer)
{
    strato_message *reply = NULL;
    int rc = strato_admin(client, operation, channel, arguments, (int)cli->common->timeout_ms, &reply);

    if (rc < 0)
        return rc;
    if (ret_answer) {
        *ret_answer = tree_of(strato_message_envelope(reply)->payload);
        rc = *ret_answer ? 0 : STRATO_ECODEC;
    }
    strato_message_destroy(&reply);
    return rc;
}

uint64_t admin_u64(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);

    return json_is_integer(value) && json_integer_value(value) > 0 ? (uint64_t)json_integer_value(value) : 0;
}

const char *admin_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text ? text : "";
}

const json_t *admin_channels(const json_t *answer)
{
    return json_is_array(answer) ? answer : json_object_get(answer, "channels");
}

const json_t *admin_channel(const json_t *answer, const char *name)
{
    const json_t *channels = admin_channels(answer);

    for (size_t i = 0; i < json_array_size(channels); i++)
        if (strcmp(admin_text(json_array_get(channels, i), "name"), name) == 0)
            return json_array_get(channels, i);
    return NULL;
}

const char *admin_nearest(const json_t *answer, const char *name)
{
    const json_t *channels = admin_channels(answer);
    struct strato_nearest n = strato_nearest_begin(strato_text(name));

    for (size_t i = 0; i < json_array_size(channels); i++)
        strato_nearest_offer(&n, strato_text(admin_text(json_array_get(channels, i), "name")));
    return (const char *)n.best.data; /* a whole JSON string, so it ends in NUL */
}
