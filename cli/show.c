/*
 * show.c - one received message.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cli/show.h"

#include "core/cursor.h"

#include <inttypes.h>
#include <time.h>

static const char *const kinds[] = {
    [STRATO_MESSAGE_WORK] = "work",   [STRATO_MESSAGE_REQUEST] = "request", [STRATO_MESSAGE_REPLY] = "reply",
    [STRATO_MESSAGE_EVENT] = "event", [STRATO_MESSAGE_LAGGED] = "lagged",
};

const char *show_id(const struct strato_id *id, char text[STRATO_ID_BYTES_MAX + 1])
{
    size_t at = 0;

    if (id->bytes.bytes == 16 && id->raw.bytes == 18) { /* bin16: a UUID; a str of 16 has a one-byte head */
        for (size_t i = 0; i < 16; i++) {
            const char *dash = i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "";

            at += (size_t)snprintf(text + at, STRATO_ID_BYTES_MAX + 1 - at, "%s%02x", dash, id->bytes.data[i]);
        }
        return text;
    }
    snprintf(text, STRATO_ID_BYTES_MAX + 1, "%.*s", (int)id->bytes.bytes,
             id->bytes.bytes ? (const char *)id->bytes.data : "");
    return text;
}

size_t show_bytes(const strato_message *message)
{
    size_t bytes = strato_message_envelope(message)->payload.bytes;

    for (uint32_t i = 0; i < strato_message_attachments(message); i++)
        bytes += strato_message_attachment(message, i).bytes;
    return bytes;
}

static void emit_optional(struct emit *j, const char *key, bool is_there, struct strato_bytes value)
{
    if (is_there)
        emit_str(j, key, value);
    else
        emit_text(j, key, NULL);
}

static void emit_gap(struct emit *j, const strato_message *message)
{
    struct strato_gap gap = strato_message_gap(message);

    emit_text(j, "channel", strato_message_channel(message));
    emit_u64(j, "count", gap.count);
    emit_u64(j, "from", gap.from_seq);
    emit_u64(j, "to", gap.to_seq);
}

static void emit_envelope(struct emit *j, const strato_message *message)
{
    const struct strato_envelope *e = strato_message_envelope(message);
    char id[STRATO_ID_BYTES_MAX + 1];

    emit_text(j, "channel", strato_message_channel(message));
    emit_optional(j, "topic", e->has & STRATO_ENV_TOPIC, e->topic);
    emit_str(j, "type", e->type);
    emit_u64(j, "seq", e->seq);
    emit_u64(j, "ts_ms", e->ts_ms);
    emit_text(j, "id", e->has & STRATO_ENV_ID ? show_id(&e->id, id) : NULL);
    emit_optional(j, "sender", e->has & STRATO_ENV_SENDER, e->sender);
    emit_u64(j, "priority", e->has & STRATO_ENV_PRIORITY ? e->priority : STRATO_PRIORITY_DEFAULT);
    emit_u64(j, "attempts", e->attempts);
    emit_u64(j, "bytes", show_bytes(message));
    emit_msgpack(j, "payload", e->payload);
    emit_array(j, "attachments");
    for (uint32_t i = 0; i < strato_message_attachments(message); i++)
        emit_bin(j, NULL, strato_message_attachment(message, i));
    emit_array_end(j);
}

void show_json(struct emit *j, const strato_message *message)
{
    enum strato_message_kind kind = strato_message_kind(message);

    emit_object(j, NULL);
    emit_text(j, "kind", kinds[kind]);
    if (kind == STRATO_MESSAGE_LAGGED)
        emit_gap(j, message);
    else
        emit_envelope(j, message);
    emit_object_end(j);
}

void show_payload(FILE *to, const strato_message *message)
{
    struct emit j = { .to = to };

    emit_msgpack(&j, NULL, strato_message_envelope(message)->payload);
}

/* The body on one line: the payload, or what is attached. */
static void show_body(FILE *to, const strato_message *message)
{
    uint32_t attachments = strato_message_attachments(message);

    if (strato_message_envelope(message)->payload.bytes || attachments == 0)
        show_payload(to, message);
    for (uint32_t i = 0; i < attachments; i++)
        fprintf(to, "%s[%zu bytes attached]", i ? " " : "", strato_message_attachment(message, i).bytes);
}

static void clock_text(uint64_t ts_ms, char *text, size_t bytes)
{
    time_t seconds = (time_t)(ts_ms / 1000);
    struct tm parts;
    size_t used;

    localtime_r(&seconds, &parts);
    used = strftime(text, bytes, "%H:%M:%S", &parts);
    snprintf(text + used, bytes - used, ".%03u", (unsigned)(ts_ms % 1000));
}

void show_text(const struct cli *cli, const strato_message *message, uint64_t number)
{
    const struct strato_envelope *e = strato_message_envelope(message);
    const struct strato_bytes topic = e->has & STRATO_ENV_TOPIC ? e->topic : e->type;
    char clock[16] = "-", id[STRATO_ID_BYTES_MAX + 1];

    if (e->ts_ms)
        clock_text(e->ts_ms, clock, sizeof clock);
    show_id(&e->id, id);
    if (!cli->is_tty) {
        printf("%s\t%.*s\t%zu\t%s\t", clock, (int)topic.bytes, (const char *)topic.data, show_bytes(message),
               *id ? id : "-");
    } else {
        printf("%s#%" PRIu64 " %s%.*s%s  %zu B  %s", cli->has_color ? "\033[2m" : "", number,
               cli->has_color ? "\033[0;1m" : "", (int)topic.bytes, (const char *)topic.data,
               cli->has_color ? "\033[0;2m" : "", show_bytes(message), clock);
        if (*id)
            printf("  id %s", id);
        else if (e->seq)
            printf("  seq %" PRIu64, e->seq);
        if (e->has & STRATO_ENV_SENDER)
            printf("  from %.*s", (int)e->sender.bytes, (const char *)e->sender.data);
        printf("%s\n", cli->has_color ? "\033[0m" : "");
    }
    show_body(stdout, message);
    putchar('\n');
}

void show_raw(const strato_message *message)
{
    struct strato_cursor c = strato_cursor_over(strato_message_envelope(message)->payload);
    struct strato_token t;

    if (c.at < c.end && strato_cursor_next(&c, &t) == 0) {
        if (t.kind == STRATO_KIND_STR || t.kind == STRATO_KIND_BIN)
            fwrite(t.bytes.data, 1, t.bytes.bytes, stdout);
        else
            show_payload(stdout, message);
        if (t.kind != STRATO_KIND_BIN)
            putchar('\n');
    }
    for (uint32_t i = 0; i < strato_message_attachments(message); i++) {
        struct strato_bytes data = strato_message_attachment(message, i);

        fwrite(data.data, 1, data.bytes, stdout);
    }
}

void show(const struct cli *cli, const strato_message *message, uint64_t number, bool is_raw)
{
    struct emit j = { .to = stdout };

    if (cli_wants_json(cli)) {
        show_json(&j, message);
        emit_end(&j);
    } else if (strato_message_kind(message) == STRATO_MESSAGE_LAGGED) {
        struct strato_gap gap = strato_message_gap(message);

        cli_say(cli, "too slow: %" PRIu64 " messages lost (seq %" PRIu64 " to %" PRIu64 ")", gap.count, gap.from_seq,
                gap.to_seq);
    } else if (is_raw) {
        show_raw(message);
    } else {
        show_text(cli, message, number);
    }
    fflush(stdout);
}
