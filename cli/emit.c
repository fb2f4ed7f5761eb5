/*
 * emit.c - write JSON to a stream, and msgpack as JSON.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cli/emit.h"

#include "core/cursor.h"

#include <inttypes.h>
#include <math.h>
#include <sodium.h>
#include <stdlib.h>

/* Length of the well-formed UTF-8 sequence at `at`, 0 if there is none (overlong, surrogate, cut off, over U+10FFFF). */
static size_t utf8_length(const uint8_t *at, size_t left)
{
    uint32_t code;
    size_t length;

    if (at[0] < 0x80)
        return 1;
    if (at[0] < 0xC2 || at[0] > 0xF4)
        return 0;
    length = at[0] < 0xE0 ? 2 : at[0] < 0xF0 ? 3 : 4;
    if (length > left)
        return 0;
    code = at[0] & (0xFFU >> (length + 1));
    for (size_t i = 1; i < length; i++) {
        if ((at[i] & 0xC0) != 0x80)
            return 0;
        code = code << 6 | (at[i] & 0x3FU);
    }
    if ((length == 3 && code < 0x800) || (length == 4 && (code < 0x10000 || code > 0x10FFFF)) ||
        (code >= 0xD800 && code <= 0xDFFF))
        return 0;
    return length;
}

bool text_is_utf8(struct strato_bytes text)
{
    for (size_t i = 0; i < text.bytes;) {
        size_t length = utf8_length(text.data + i, text.bytes - i);

        if (length == 0)
            return false;
        i += length;
    }
    return true;
}

static void write_escaped(FILE *to, uint8_t c)
{
    const char *const shorts = "\"\"\\\\\bb\ff\nn\rr\tt";

    for (const char *s = shorts; *s; s += 2)
        if ((uint8_t)s[0] == c) {
            fputc('\\', to);
            fputc(s[1], to);
            return;
        }
    fprintf(to, "\\u%04x", c);
}

static void write_str(FILE *to, struct strato_bytes text)
{
    fputc('"', to);
    for (size_t i = 0; i < text.bytes;) {
        size_t length = utf8_length(text.data + i, text.bytes - i);

        if (length == 0) {
            fputs("\\ufffd", to);
            length = 1;
        } else if (length == 1 &&
                   (text.data[i] < 0x20 || text.data[i] == '"' || text.data[i] == '\\' || text.data[i] == 0x7F)) {
            write_escaped(to, text.data[i]);
        } else {
            fwrite(text.data + i, 1, length, to);
        }
        i += length;
    }
    fputc('"', to);
}

/* The shortest text that reads back as the same number. */
static void write_f64(FILE *to, double value)
{
    char text[40];

    if (!isfinite(value)) {
        fputs("null", to);
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (digits == 17 || !(strtod(text, NULL) < value || strtod(text, NULL) > value))
            break;
    }
    if (!strpbrk(text, ".eE"))
        strcat(text, ".0"); /* keeps its kind on the way back */
    fputs(text, to);
}

static void write_bin(FILE *to, struct strato_bytes value)
{
    /* Piece by piece, each of a length divisible by 3, so that nothing need be allocated. */
    enum { PIECE = 3072 };
    char text[PIECE / 3 * 4 + 1];

    fputs("{\"$bin\":\"", to);
    for (size_t at = 0; at < value.bytes; at += PIECE) {
        size_t length = value.bytes - at < PIECE ? value.bytes - at : PIECE;

        fputs(sodium_bin2base64(text, sizeof text, value.data + at, length, sodium_base64_VARIANT_ORIGINAL), to);
    }
    fputs("\"}", to);
}

static void write_f32(FILE *to, double value)
{
    char text[40];

    for (int digits = 6; digits <= 9; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if ((double)strtof(text, NULL) >= value && (double)strtof(text, NULL) <= value) {
            fprintf(to, "%s%s", text, strpbrk(text, ".eE") ? "" : ".0");
            return;
        }
    }
    write_f64(to, value);
}

static void write_time(FILE *to, struct strato_bytes value)
{
    uint64_t number = 0;
    uint32_t nanos = 0;
    size_t at = value.bytes == 12 ? 4 : 0;

    for (size_t i = 0; i < at; i++)
        nanos = nanos << 8 | value.data[i];
    for (; at < value.bytes; at++)
        number = number << 8 | value.data[at];
    if (value.bytes == 8) {
        nanos = (uint32_t)(number >> 34);
        number &= 0x3FFFFFFFFU;
    }
    fprintf(to, "{\"$time\":%" PRId64 ".%09" PRIu32 "}", (int64_t)number, nanos);
}

static int write_value(FILE *to, struct strato_cursor *c, unsigned depth);

static int write_key(FILE *to, struct strato_cursor *c, unsigned depth)
{
    enum strato_kind kind;
    char *text = NULL;
    size_t bytes = 0;
    FILE *inner;
    int rc = strato_cursor_peek(c, &kind);

    if (rc < 0 || kind == STRATO_KIND_STR)
        return rc < 0 ? rc : write_value(to, c, depth);
    inner = open_memstream(&text, &bytes);
    if (!inner)
        return STRATO_ENOMEM;
    rc = write_value(inner, c, depth);
    fclose(inner);
    if (rc == 0)
        write_str(to, strato_bytes(text, bytes));
    free(text);
    return rc;
}

static int write_items(FILE *to, struct strato_cursor *c, unsigned depth, uint32_t items, bool is_map)
{
    int rc = 0;

    fputc(is_map ? '{' : '[', to);
    for (uint32_t i = 0; i < items && rc == 0; i++) {
        if (i)
            fputc(',', to);
        if (is_map) {
            rc = write_key(to, c, depth);
            fputc(':', to);
        }
        if (rc == 0)
            rc = write_value(to, c, depth);
    }
    fputc(is_map ? '}' : ']', to);
    return rc;
}

static int write_value(FILE *to, struct strato_cursor *c, unsigned depth)
{
    struct strato_token t;
    int rc = strato_cursor_next(c, &t);

    if (rc < 0)
        return rc;
    if (depth > STRATO_DEPTH_MAX)
        return STRATO_ECODEC;
    switch (t.kind) {
    case STRATO_KIND_NIL:
        fputs("null", to);
        break;
    case STRATO_KIND_BOOL:
        fputs(t.b ? "true" : "false", to);
        break;
    case STRATO_KIND_UINT:
        fprintf(to, "%" PRIu64, t.u);
        break;
    case STRATO_KIND_INT:
        fprintf(to, "%" PRId64, t.i);
        break;
    case STRATO_KIND_F32:
        write_f32(to, t.f);
        break;
    case STRATO_KIND_F64:
        write_f64(to, t.f);
        break;
    case STRATO_KIND_STR:
        write_str(to, t.bytes);
        break;
    case STRATO_KIND_BIN:
        write_bin(to, t.bytes);
        break;
    case STRATO_KIND_TIMESTAMP:
        write_time(to, t.bytes);
        break;
    case STRATO_KIND_ARRAY:
        return write_items(to, c, depth + 1, t.items, false);
    case STRATO_KIND_MAP:
        return write_items(to, c, depth + 1, t.items, true);
    }
    return 0;
}

/* ---- the document --------------------------------------------------------------------------------- */

static void before(struct emit *j, const char *key)
{
    if (j->has_before)
        fputc(',', j->to);
    j->has_before = true;
    if (key) {
        write_str(j->to, strato_text(key));
        fputc(':', j->to);
    }
}

static void open_with(struct emit *j, const char *key, int bracket)
{
    before(j, key);
    fputc(bracket, j->to);
    j->has_before = false;
}

static void close_with(struct emit *j, int bracket)
{
    fputc(bracket, j->to);
    j->has_before = true;
}

void emit_object(struct emit *j, const char *key)
{
    open_with(j, key, '{');
}

void emit_object_end(struct emit *j)
{
    close_with(j, '}');
}

void emit_array(struct emit *j, const char *key)
{
    open_with(j, key, '[');
}

void emit_array_end(struct emit *j)
{
    close_with(j, ']');
}

void emit_u64(struct emit *j, const char *key, uint64_t value)
{
    before(j, key);
    fprintf(j->to, "%" PRIu64, value);
}

void emit_i64(struct emit *j, const char *key, int64_t value)
{
    before(j, key);
    fprintf(j->to, "%" PRId64, value);
}

void emit_f64(struct emit *j, const char *key, double value)
{
    before(j, key);
    write_f64(j->to, value);
}

void emit_bool(struct emit *j, const char *key, bool value)
{
    before(j, key);
    fputs(value ? "true" : "false", j->to);
}

void emit_text(struct emit *j, const char *key, const char *value)
{
    before(j, key);
    if (value)
        write_str(j->to, strato_text(value));
    else
        fputs("null", j->to);
}

void emit_str(struct emit *j, const char *key, struct strato_bytes value)
{
    before(j, key);
    write_str(j->to, value);
}

void emit_bin(struct emit *j, const char *key, struct strato_bytes value)
{
    before(j, key);
    write_bin(j->to, value);
}

void emit_msgpack(struct emit *j, const char *key, struct strato_bytes encoded)
{
    struct strato_cursor c = strato_cursor_over(encoded);

    before(j, key);
    if (encoded.bytes == 0) {
        fputs("null", j->to);
    } else if (strato_cursor_skip(&c) < 0) { /* looked at first: half a document is worse than none */
        write_bin(j->to, encoded);
    } else {
        c = strato_cursor_over(encoded);
        write_value(j->to, &c, 0);
    }
}

void emit_end(struct emit *j)
{
    fputc('\n', j->to);
    fflush(j->to);
    j->has_before = false;
}
