/*
 * deadletter.c - see deadletter.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cli/deadletter.h"

#include "cli/show.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <time.h>

enum { PAGE_ENTRIES = 500 };

static bool is_set(const char *text)
{
    return text && *text;
}

uint32_t deadletter_filter_pairs(const struct deadletter_filter *filter)
{
    return (uint32_t)(is_set(filter->reason) + is_set(filter->topic) + is_set(filter->sender) +
                      (filter->since_ms != 0));
}

static void pair(struct strato_writer *w, const char *key, const char *text)
{
    if (!is_set(text))
        return;
    strato_writer_text(w, key);
    strato_writer_text(w, text);
}

void deadletter_filter_write(const struct deadletter_filter *filter, struct strato_writer *w)
{
    struct timespec now;

    pair(w, "reason", filter->reason);
    pair(w, "topic", filter->topic);
    pair(w, "sender", filter->sender);
    if (filter->since_ms == 0)
        return;
    clock_gettime(CLOCK_REALTIME, &now); /* entries carry the broker's wall clock */
    strato_writer_text(w, "since_ms");
    strato_writer_u64(w, (uint64_t)now.tv_sec * 1000U + (uint64_t)now.tv_nsec / 1000000U - filter->since_ms);
}

void deadletter_id_as_text(json_t *entry)
{
    const char *base64 = json_string_value(json_object_get(json_object_get(entry, "message_id"), "$bin"));
    uint8_t bytes[16];
    struct strato_id id = { .bytes = { bytes, 16 }, .raw = { bytes, 18 } };
    char text[STRATO_ID_BYTES_MAX + 1];
    size_t count = 0;

    if (base64 &&
        sodium_base642bin(bytes, sizeof bytes, base64, strlen(base64), NULL, &count, NULL,
                          sodium_base64_VARIANT_ORIGINAL) == 0 &&
        count == sizeof bytes)
        json_object_set_new(entry, "message_id", json_string(show_id(&id, text)));
}

static int fetch_page(const struct cli *cli, strato_client *client, const struct deadletter_filter *filter,
                      uint64_t from, uint64_t limit, json_t **ret_answer)
{
    struct strato_writer w = { 0 };
    int rc;

    strato_writer_map(&w, deadletter_filter_pairs(filter) + 2);
    deadletter_filter_write(filter, &w);
    strato_writer_text(&w, "from");
    strato_writer_u64(&w, from);
    strato_writer_text(&w, "limit");
    strato_writer_u64(&w, limit < PAGE_ENTRIES ? limit : PAGE_ENTRIES);
    rc = admin_ask(cli, client, "admin.dlq.list", cli->operands[0], strato_writer_view(&w), ret_answer);
    strato_writer_fini(&w);
    return rc;
}

int deadletters_fetch(const struct cli *cli, strato_client *client, const struct deadletter_filter *filter,
                      uint64_t max, json_t **ret_entries)
{
    json_t *all = json_array(), *answer, *entry;
    uint64_t next = 1;
    size_t i;

    while (next && json_array_size(all) < max) {
        int rc = fetch_page(cli, client, filter, next, max - json_array_size(all), &answer);

        if (rc < 0) {
            json_decref(all);
            return link_fail(cli, client, rc, cli->operands[0]);
        }
        json_array_foreach(json_object_get(answer, "entries"), i, entry)
        {
            deadletter_id_as_text(entry);
            json_array_append(all, entry);
        }
        next = admin_u64(answer, "next");
        json_decref(answer);
    }
    *ret_entries = all;
    return CLI_OK;
}

int deadletter_id(const struct cli *cli, const char *text, uint64_t *ret_id)
{
    char *end;

    errno = 0;
    *ret_id = strtoull(text, &end, 10);
    if (errno || end == text || *end || *text == '-' || *ret_id == 0)
        return cli_fail(cli, CLI_USAGE, "\"%s\" is no id; strato dlq ls %s shows them", text, cli->operands[0]);
    return CLI_OK;
}
