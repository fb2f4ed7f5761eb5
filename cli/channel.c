/*
 * channel.c - what the broker says about its channels.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cli/channel.h"

#include <inttypes.h>

int channels_fetch(const struct cli *cli, strato_client *client, json_t **ret_channels)
{
    json_t *stats = NULL, *list = NULL, *all = NULL;
    int rc = admin_ask(cli, client, "admin.stats", NULL, STRATO_BYTES_NONE, &stats);

    if (rc == 0)
        rc = admin_ask(cli, client, "admin.channel.list", NULL, STRATO_BYTES_NONE, &list);
    if (rc < 0) {
        json_decref(stats);
        return link_fail(cli, client, rc, "cannot read the channels");
    }
    all = json_array();
    for (size_t i = 0; i < json_array_size(admin_channels(stats)); i++) {
        json_t *channel = json_deep_copy(json_array_get(admin_channels(stats), i));
        const json_t *settings = admin_channel(list, admin_text(channel, "name"));

        if (settings)
            json_object_update_missing(channel, (json_t *)(uintptr_t)settings);
        json_array_append_new(all, channel);
    }
    json_decref(stats);
    json_decref(list);
    if (!all)
        return cli_fail(cli, CLI_FAILED, "%s", strato_strerror(STRATO_ENOMEM));
    *ret_channels = all;
    return CLI_OK;
}

int channel_find(const struct cli *cli, const json_t *channels, const char *name, const json_t **ret_channel)
{
    const char *nearest;

    *ret_channel = admin_channel(channels, name);
    if (*ret_channel)
        return CLI_OK;
    nearest = admin_nearest(channels, name);
    return cli_fail(cli, CLI_NOT_FOUND, "no channel \"%s\"%s%s%s", name,
                    nearest ? " (did you mean " : "; strato channel ls lists them", nearest ? nearest : "",
                    nearest ? "?)" : "");
}

uint64_t channel_depth(const json_t *channel)
{
    return admin_u64(channel, "ready") + admin_u64(channel, "leased") + admin_u64(channel, "delayed");
}

static uint64_t sum_of(const json_t *object)
{
    uint64_t sum = 0;
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)object, key, value) sum +=
        json_is_integer(value) ? (uint64_t)json_integer_value(value) : 0;
    return sum;
}

uint64_t channel_dropped(const json_t *channel)
{
    return sum_of(json_object_get(channel, "dropped"));
}

bool channel_column(const json_t *channel, const char *column, char *text, size_t bytes, double *ret_number)
{
    const json_t *value = json_object_get(channel, column);

    *ret_number = 0;
    if (strcmp(column, "depth") == 0) {
        *ret_number = (double)channel_depth(channel);
        snprintf(text, bytes, "%" PRIu64, channel_depth(channel));
        return true;
    }
    if (json_is_object(value)) { /* dropped, refused: by reason */
        *ret_number = (double)sum_of(value);
        snprintf(text, bytes, "%" PRIu64, sum_of(value));
    } else if (json_is_integer(value)) {
        *ret_number = (double)json_integer_value(value);
        snprintf(text, bytes, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    } else if (json_is_number(value)) {
        *ret_number = json_number_value(value);
        snprintf(text, bytes, "%g", json_number_value(value));
    } else if (json_is_boolean(value)) {
        snprintf(text, bytes, "%s", json_is_true(value) ? "yes" : "no");
    } else {
        snprintf(text, bytes, "%s", json_string_value(value) ? json_string_value(value) : "");
    }
    return value != NULL;
}

void channel_print_json(const json_t *value)
{
    json_dumpf(value, stdout, JSON_COMPACT | JSON_ENCODE_ANY | JSON_PRESERVE_ORDER);
    putchar('\n');
    fflush(stdout);
}
