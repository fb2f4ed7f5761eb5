/*
 * subject.c - from what a user calls a thing to its channel and type.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cli/subject.h"

#include "cli/admin.h"

static bool leads(const char *name, const char *text)
{
    size_t length = strlen(name);

    return length > 0 && strncmp(name, text, length) == 0 && (text[length] == '\0' || text[length] == '.');
}

static const char *leading_channel(const json_t *answer, const char *text, const char *pattern)
{
    const json_t *channels = admin_channels(answer);
    const char *best = NULL;

    for (size_t i = 0; i < json_array_size(channels); i++) {
        const json_t *channel = json_array_get(channels, i);
        const char *name = admin_text(channel, "name");

        if (strcmp(admin_text(channel, "pattern"), pattern) == 0 && leads(name, text) &&
            (!best || strlen(name) > strlen(best)))
            best = name;
    }
    return best;
}

static int name_set(const struct cli *cli, const char *name, struct subject *subject)
{
    int length = snprintf(subject->channel, sizeof subject->channel, "%s", name);

    if (length == 0 || (size_t)length >= sizeof subject->channel)
        return cli_fail(cli, CLI_USAGE, "a channel name has 1 to %d bytes", STRATO_NAME_BYTES_MAX);
    return CLI_OK;
}

int subject_find(const struct cli *cli, strato_client *client, const char *text, const char *pattern,
                 const char *channel, struct subject *ret_subject)
{
    const char *fallback = strcmp(pattern, "events") == 0 ? "events" : text;
    json_t *answer = NULL;
    int code, rc;

    if (*text == '@' || !*text || strlen(text) > STRATO_TYPE_BYTES_MAX)
        strcpy(ret_subject->type, "message");
    else
        strcpy(ret_subject->type, text);
    if (channel && *channel)
        return name_set(cli, channel, ret_subject);
    if (*text == '@')
        return name_set(cli, text, ret_subject);
    rc = admin_ask(cli, client, "admin.channel.list", NULL, STRATO_BYTES_NONE, &answer);
    /* Not everybody may look at the list; then names are taken at their word. */
    if (rc < 0 && rc != STRATO_EFORBIDDEN)
        return link_fail(cli, client, rc, "cannot list the channels");
    channel = leading_channel(answer, text, pattern);
    code = name_set(cli, channel ? channel : fallback, ret_subject);
    json_decref(answer);
    return code;
}
