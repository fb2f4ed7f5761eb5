/*
 * fields.c - -H key:value.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cli/fields.h"

#include "core/nearest.h"

enum field_kind { FIELD_TEXT, FIELD_ID, FIELD_DURATION, FIELD_PRIORITY, FIELD_BOOL, FIELD_NEEDS };

#define AT(member) offsetof(struct strato_envelope_out, member)
static const struct field {
    const char *name;
    enum field_kind kind;
    size_t offset;
    uint32_t has; /* bit to set, 0 = being set is enough */
} rows[] = {
    { "id", FIELD_ID, AT(id), 0 },
    { "request_id", FIELD_ID, AT(request_id), 0 },
    { "correlation_id", FIELD_ID, AT(correlation_id), 0 },
    { "to", FIELD_TEXT, AT(to), 0 },
    { "topic", FIELD_TEXT, AT(topic), 0 },
    { "type", FIELD_TEXT, AT(type), 0 },
    { "trace", FIELD_TEXT, AT(trace), 0 },
    { "affinity", FIELD_TEXT, AT(affinity), STRATO_ENV_AFFINITY },
    { "order_key", FIELD_TEXT, AT(order_key), 0 },
    { "priority", FIELD_PRIORITY, AT(priority), STRATO_ENV_PRIORITY },
    { "ttl", FIELD_DURATION, AT(ttl_ms), STRATO_ENV_TTL },
    { "delay", FIELD_DURATION, AT(delay_ms), 0 },
    { "ack", FIELD_BOOL, AT(ack), STRATO_ENV_ACK },
    { "receipt", FIELD_BOOL, AT(receipt), 0 },
    { "needs", FIELD_NEEDS, AT(needs), 0 },
};
enum { FIELDS = sizeof rows / sizeof rows[0] };

static bool set_number(const struct field *field, void *at, const char *value)
{
    uint64_t number;

    if (field->kind == FIELD_DURATION) {
        if (strato_duration_parse(value, &number) < 0 || number > STRATO_TTL_MS_MAX)
            return false;
        *(uint32_t *)at = (uint32_t)number;
        return true;
    }
    if (strato_size_parse(value, &number) < 0 || number > 100)
        return false;
    *(uint8_t *)at = (uint8_t)number;
    return true;
}

static bool set(const struct field *field, const char *value, struct fields *room, struct strato_envelope_out *envelope)
{
    void *at = (char *)envelope + field->offset;

    envelope->has |= field->has;
    switch (field->kind) {
    case FIELD_TEXT:
        *(const char **)at = value;
        return true;
    case FIELD_ID:
        *(struct strato_bytes *)at = strato_text(value);
        return *value != '\0';
    case FIELD_BOOL:
        *(bool *)at = strcmp(value, "true") == 0 || strcmp(value, "yes") == 0;
        return *(bool *)at || strcmp(value, "false") == 0 || strcmp(value, "no") == 0;
    case FIELD_NEEDS:
        if (envelope->needs_count == STRATO_NEEDS_MAX)
            return false;
        room->needs[envelope->needs_count++] = value;
        envelope->needs = room->needs;
        return true;
    case FIELD_DURATION:
    case FIELD_PRIORITY:
        break;
    }
    return set_number(field, at, value);
}

static int unknown(const struct cli *cli, struct strato_bytes name)
{
    struct strato_nearest n = strato_nearest_begin(name);

    for (size_t i = 0; i < FIELDS; i++)
        strato_nearest_offer(&n, strato_text(rows[i].name));
    if (n.best.bytes)
        return cli_fail(cli, CLI_USAGE, "-H: unknown field \"%.*s\" (did you mean %.*s?)", (int)name.bytes,
                        (const char *)name.data, (int)n.best.bytes, (const char *)n.best.data);
    return cli_fail(
        cli, CLI_USAGE,
        "-H: unknown field \"%.*s\"; known are id, request_id, correlation_id, to, topic, type, trace, affinity, "
        "order_key, priority, ttl, delay, ack, receipt, needs",
        (int)name.bytes, (const char *)name.data);
}

int fields_apply(const struct cli *cli, const struct strato_option_list *list, struct fields *room,
                 struct strato_envelope_out *envelope)
{
    for (size_t i = 0; i < list->count; i++) {
        const char *item = list->items[i], *colon = strchr(item, ':');
        struct strato_bytes name = strato_bytes(item, colon ? (size_t)(colon - item) : strlen(item));
        const struct field *field = NULL;

        if (!colon)
            return cli_fail(cli, CLI_USAGE, "-H wants KEY:VALUE, not \"%s\"", item);
        for (size_t k = 0; k < FIELDS && !field; k++)
            if (strato_bytes_is(name, rows[k].name))
                field = &rows[k];
        if (!field)
            return unknown(cli, name);
        if (!set(field, colon + 1, room, envelope))
            return cli_fail(cli, CLI_USAGE, "-H: \"%s\" is no value for %s", colon + 1, field->name);
    }
    return CLI_OK;
}
