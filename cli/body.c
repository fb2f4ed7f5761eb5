/*
 * body.c - what a message carries.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cli/body.h"

#include "cli/emit.h"
#include "cli/json.h"
#include "cli/template.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static int stdin_read(const struct cli *cli, struct body *body)
{
    struct strato_writer w = { 0 };
    int code = CLI_OK;

    for (;;) {
        uint8_t *room = strato_writer_reserve(&w, 65536);
        ssize_t got = room ? read(STDIN_FILENO, room, 65536) : -1;

        if (got == 0)
            break;
        if (cli_is_interrupted())
            code = CLI_INTERRUPTED;
        else if (!room)
            code = cli_fail(cli, CLI_FAILED, "stdin: %s", strato_strerror(STRATO_ENOMEM));
        else if (got < 0 && errno != EINTR)
            code = cli_fail(cli, CLI_FAILED, "stdin: %s", strerror(errno));
        else if (got > 0 && w.bytes + (size_t)got > BODY_BYTES_MAX)
            code = cli_fail(cli, CLI_USAGE, "stdin holds more than %d MiB: no message can",
                            BODY_BYTES_MAX / (1024 * 1024));
        if (code != CLI_OK) {
            strato_writer_fini(&w);
            return code;
        }
        w.bytes += got > 0 ? (size_t)got : 0;
    }
    body->text.bytes = w.bytes;
    body->owned = strato_writer_take(&w, &body->text.bytes);
    body->text.data = body->owned;
    return CLI_OK;
}

int body_open(const struct cli *cli, const char *operand, bool is_raw, bool is_template, struct body *body)
{
    *body = (struct body){ .is_raw = is_raw };
    if (operand && strcmp(operand, "-") == 0) {
        int code = stdin_read(cli, body);

        if (code != CLI_OK)
            return code;
    } else {
        body->text = strato_text(operand);
    }
    body->is_template = is_template && template_is_in(body->text);
    return CLI_OK;
}

void body_close(struct body *body)
{
    free(body->owned);
    strato_writer_fini(&body->expanded);
    strato_writer_fini(&body->payload);
}

/* Meant as JSON: then a mistake in it is worth an error. Anything else may be a plain word. */
static bool looks_like_json(struct strato_bytes text)
{
    size_t i = 0;

    while (i < text.bytes && isspace(text.data[i]))
        i++;
    return i < text.bytes && strchr("{[\"", text.data[i]) != NULL;
}

static struct strato_bytes trimmed(struct strato_bytes text)
{
    while (text.bytes > 0 && (text.data[text.bytes - 1] == '\n' || text.data[text.bytes - 1] == '\r'))
        text.bytes--;
    return text;
}

static void payload_text(struct strato_bytes text, struct strato_writer *payload)
{
    text = trimmed(text);
    if (text_is_utf8(text))
        strato_writer_str(payload, text);
    else
        strato_writer_bin(payload, text);
}

int body_encode_text(struct strato_bytes text, struct strato_writer *payload)
{
    char error[160];
    int rc = json_to_msgpack(text, payload, error, sizeof error);

    if (rc == STRATO_EINVAL) {
        strato_writer_reset(payload);
        payload_text(text, payload);
        rc = 0;
    }
    return rc < 0 ? rc : strato_writer_error(payload);
}

int body_encode(const struct cli *cli, struct body *body, uint64_t count, struct strato_send *message)
{
    struct strato_bytes text = body->text;
    char error[240];

    message->attachments_count = 0;
    message->envelope.payload = STRATO_BYTES_NONE;
    if (body->is_template) {
        strato_writer_reset(&body->expanded);
        if (template_expand(text, count, &body->expanded, error, sizeof error) < 0)
            return cli_fail(cli, CLI_USAGE, "body: %s", error);
        text = strato_writer_view(&body->expanded);
    }
    if (text.bytes == 0)
        return CLI_OK;
    if (body->is_raw && text.bytes >= BODY_INLINE_MAX) {
        body->attachment = (struct strato_attachment){ .data = text.data, .bytes = text.bytes };
        message->attachments = &body->attachment;
        message->attachments_count = 1;
        return CLI_OK;
    }
    strato_writer_reset(&body->payload);
    if (body->is_raw)
        strato_writer_bin(&body->payload, text);
    else if (json_to_msgpack(text, &body->payload, error, sizeof error) < 0) {
        if (looks_like_json(text))
            return cli_fail(cli, CLI_USAGE, "body is not JSON: %s (--raw sends bytes as they are)", error);
        strato_writer_reset(&body->payload);
        payload_text(text, &body->payload);
    }
    if (strato_writer_error(&body->payload) < 0)
        return cli_fail(cli, CLI_FAILED, "body: %s", strato_strerror(strato_writer_error(&body->payload)));
    message->envelope.payload = strato_writer_view(&body->payload);
    return CLI_OK;
}

size_t body_bytes(const struct strato_send *message)
{
    size_t bytes = message->envelope.payload.bytes;

    for (uint32_t i = 0; i < message->attachments_count; i++)
        bytes += message->attachments[i].bytes;
    return bytes;
}
