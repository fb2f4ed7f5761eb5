/*
 * json.c - what the broker reports, as JSON.
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/http/json.h"

#include "core/utf8.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

void http_text_add(struct strato_writer *to, const char *format, ...)
{
    char text[512];
    va_list arguments;
    int chars;

    va_start(arguments, format);
    chars = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (chars > 0)
        strato_writer_raw(to, strato_bytes(text, (size_t)chars < sizeof text ? (size_t)chars : sizeof text - 1));
}

static void raw(struct strato_writer *to, const char *text)
{
    strato_writer_raw(to, strato_text(text));
}

void http_json_add_string(struct strato_writer *to, struct strato_bytes text)
{
    bool is_utf8 = strato_utf8_is_valid(text);

    raw(to, "\"");
    for (size_t i = 0; i < text.bytes; i++) {
        uint8_t c = text.data[i] < 0x80 || is_utf8 ? text.data[i] : '?';

        if (c == '"' || c == '\\')
            http_text_add(to, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            http_text_add(to, "\\u%04x", c);
        else
            strato_writer_raw(to, strato_bytes(&c, 1));
    }
    raw(to, "\"");
}

static void add_number(struct strato_writer *to, double value)
{
    if (isfinite(value))
        http_text_add(to, "%.17g", value);
    else
        raw(to, "null"); /* JSON has no word for it */
}

static int add_items(struct strato_writer *to, struct strato_cursor *c, uint32_t items, bool is_map)
{
    int rc = 0;

    raw(to, is_map ? "{" : "[");
    for (uint32_t i = 0; i < items && rc == 0; i++) {
        if (i > 0)
            raw(to, ",");
        rc = http_json_add_value(to, c);
        if (is_map && rc == 0) {
            raw(to, ":");
            rc = http_json_add_value(to, c);
        }
    }
    raw(to, is_map ? "}" : "]");
    return rc;
}

int http_json_add_value(struct strato_writer *to, struct strato_cursor *c)
{
    struct strato_token t;
    int rc = strato_cursor_next(c, &t);

    if (rc < 0)
        return rc;
    switch (t.kind) {
    case STRATO_KIND_BOOL:
        raw(to, t.b ? "true" : "false");
        break;
    case STRATO_KIND_UINT:
        http_text_add(to, "%" PRIu64, t.u);
        break;
    case STRATO_KIND_INT:
        http_text_add(to, "%" PRId64, t.i);
        break;
    case STRATO_KIND_F32:
    case STRATO_KIND_F64:
        add_number(to, t.f);
        break;
    case STRATO_KIND_STR:
        http_json_add_string(to, t.bytes);
        break;
    case STRATO_KIND_ARRAY:
    case STRATO_KIND_MAP:
        return add_items(to, c, t.items, t.kind == STRATO_KIND_MAP);
    default:
        raw(to, "null"); /* no report holds one */
        break;
    }
    return 0;
}

bool report_find(struct strato_cursor *c, const char *key)
{
    uint32_t pairs;

    if (strato_cursor_map(c, UINT32_MAX, &pairs) < 0)
        return false;
    for (uint32_t i = 0; i < pairs; i++) {
        struct strato_bytes name;

        if (strato_cursor_str(c, SIZE_MAX, &name) < 0)
            return false;
        if (strato_bytes_equal(name, strato_text(key)))
            return true;
        if (strato_cursor_skip(c) < 0)
            return false;
    }
    return false;
}
