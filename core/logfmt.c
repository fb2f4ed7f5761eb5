/*
 * logfmt.c - write pairs into the line, escape what could forge another, cut what does not fit.
 *
 * SPDX-License-Identifier: MIT
 */
#include "core/logfmt.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "core/utf8.h"

/* Room kept for `,"truncated":true}` and the newline, so that a cut line is still a whole one. */
enum { TAIL_BYTES = 24 };

static const char *const level_names[] = { "error", "warn", "info", "debug" };

const char *strato_log_level_name(enum strato_log_level level)
{
    return (unsigned)level < 4 ? level_names[level] : "debug";
}

static size_t room(const struct strato_log_line *l)
{
    return sizeof l->text - TAIL_BYTES - l->used;
}

static void put(struct strato_log_line *l, const char *text, size_t bytes)
{
    if (l->is_cut || bytes > room(l)) {
        l->is_cut = true;
        return;
    }
    memcpy(l->text + l->used, text, bytes);
    l->used += bytes;
}

static void put_text(struct strato_log_line *l, const char *text)
{
    put(l, text, strlen(text));
}

/* Inside double quotes, the same in both formats: JSON escapes, and nothing below 0x20 or 0x7f as it is. */
static void put_escaped(struct strato_log_line *l, struct strato_bytes value)
{
    for (size_t i = 0; i < value.bytes && !l->is_cut; i++) {
        uint8_t c = value.data[i];
        char code[8];

        if (c == '"' || c == '\\') {
            snprintf(code, sizeof code, "\\%c", c);
        } else if (c == '\n' || c == '\t') {
            snprintf(code, sizeof code, "\\%c", c == '\n' ? 'n' : 't');
        } else if (c < 0x20 || c == 0x7f) {
            snprintf(code, sizeof code, "\\u%04x", c);
        } else {
            put(l, (const char *)&c, 1);
            continue;
        }
        put_text(l, code);
    }
}

/* Bytes that are no UTF-8 would make JSON invalid: such a value is written as \u00xx, byte for byte. */
static void put_quoted(struct strato_log_line *l, struct strato_bytes value)
{
    put(l, "\"", 1);
    if (strato_utf8_is_valid(value)) {
        put_escaped(l, value);
    } else {
        for (size_t i = 0; i < value.bytes && !l->is_cut; i++) {
            char code[8];

            if (value.data[i] < 0x80) {
                put_escaped(l, strato_bytes(value.data + i, 1));
                continue;
            }
            snprintf(code, sizeof code, "\\u%04x", value.data[i]);
            put_text(l, code);
        }
    }
    put(l, "\"", 1);
}

static bool is_bare(struct strato_bytes v)
{
    for (size_t i = 0; i < v.bytes; i++)
        if (v.data[i] <= ' ' || v.data[i] >= 0x7f || v.data[i] == '"' || v.data[i] == '=' || v.data[i] == '\\')
            return false;
    return v.bytes > 0;
}

/* A pair that does not fit whole is left out whole: its beginning is taken back. */
static void key_begin(struct strato_log_line *l, const char *key)
{
    if (l->format == STRATO_LOG_JSON) {
        put(l, ",", 1);
        put_quoted(l, strato_text(key));
        put(l, ":", 1);
    } else {
        put(l, " ", 1);
        put_text(l, key);
        put(l, "=", 1);
    }
}

void strato_log_str(struct strato_log_line *l, const char *key, struct strato_bytes value)
{
    size_t before = l->used;

    if (l->is_cut)
        return;
    key_begin(l, key);
    if (l->format == STRATO_LOG_LOGFMT && is_bare(value))
        put(l, (const char *)value.data, value.bytes);
    else
        put_quoted(l, value);
    if (l->is_cut)
        l->used = before;
}

void strato_log_text(struct strato_log_line *l, const char *key, const char *value)
{
    strato_log_str(l, key, strato_text(value));
}

static void pair_plain(struct strato_log_line *l, const char *key, const char *value)
{
    size_t before = l->used;

    if (l->is_cut)
        return;
    key_begin(l, key);
    put_text(l, value);
    if (l->is_cut)
        l->used = before;
}

void strato_log_u64(struct strato_log_line *l, const char *key, uint64_t value)
{
    char text[24];

    snprintf(text, sizeof text, "%" PRIu64, value);
    pair_plain(l, key, text);
}

void strato_log_i64(struct strato_log_line *l, const char *key, int64_t value)
{
    char text[24];

    snprintf(text, sizeof text, "%" PRId64, value);
    pair_plain(l, key, text);
}

void strato_log_f64(struct strato_log_line *l, const char *key, double value)
{
    char text[40];

    snprintf(text, sizeof text, "%.9g", value);
    if (isfinite(value))
        pair_plain(l, key, text);
    else
        strato_log_text(l, key, text); /* JSON has no number for it */
}

void strato_log_bool(struct strato_log_line *l, const char *key, bool value)
{
    pair_plain(l, key, value ? "true" : "false");
}

/* Civil date from days since 1970 (Hinnant's algorithm): gmtime would read the time zone database. */
static void timestamp(uint64_t wall_ms, char *text, size_t bytes)
{
    uint64_t seconds = wall_ms / 1000, day_second = seconds % 86400;
    uint64_t z = seconds / 86400 + 719468, era = z / 146097, doe = z % 146097;
    uint64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    uint64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
    uint64_t day = doy - (153 * mp + 2) / 5 + 1, month = mp < 10 ? mp + 3 : mp - 9;
    uint64_t year = yoe + era * 400 + (month <= 2);

    snprintf(text, bytes,
             "%04" PRIu64 "-%02" PRIu64 "-%02" PRIu64 "T%02" PRIu64 ":%02" PRIu64 ":%02" PRIu64 ".%03" PRIu64 "Z", year,
             month, day, day_second / 3600, day_second / 60 % 60, day_second % 60, wall_ms % 1000);
}

void strato_log_begin(struct strato_log_line *l, enum strato_log_format format, uint64_t wall_ms,
                      enum strato_log_level level, const char *component, const char *event)
{
    char ts[96];

    l->format = format;
    l->used = 0;
    l->is_cut = false;
    timestamp(wall_ms, ts, sizeof ts);
    if (format == STRATO_LOG_JSON) {
        put_text(l, "{\"ts\":");
        put_quoted(l, strato_text(ts));
        strato_log_text(l, "level", strato_log_level_name(level));
        if (component)
            strato_log_text(l, "component", component);
        strato_log_text(l, "msg", event);
        return;
    }
    put_text(l, ts);
    put(l, " ", 1);
    put_text(l, strato_log_level_name(level));
    if (component) {
        put(l, " ", 1);
        put_text(l, component);
    }
    put(l, " ", 1);
    put_escaped(l, strato_text(event));
}

const char *strato_log_end(struct strato_log_line *l)
{
    const char *tail = l->format == STRATO_LOG_JSON ? (l->is_cut ? ",\"truncated\":true}\n" : "}\n")
                                                    : (l->is_cut ? " truncated=true\n" : "\n");

    memcpy(l->text + l->used, tail, strlen(tail) + 1);
    return l->text;
}

bool strato_log_limit_allows(struct strato_log_limit *limit, uint64_t key, uint64_t now_ms, uint32_t interval_ms,
                             uint64_t *ret_suppressed)
{
    size_t oldest = 0;

    *ret_suppressed = 0;
    for (size_t i = 0; i < STRATO_LOG_LIMIT_KEYS; i++) {
        if (limit->slots[i].key == key) {
            if (now_ms < limit->slots[i].until_ms) {
                limit->slots[i].suppressed++;
                return false;
            }
            *ret_suppressed = limit->slots[i].suppressed;
            limit->slots[i].suppressed = 0;
            limit->slots[i].until_ms = now_ms + interval_ms;
            return true;
        }
        if (limit->slots[i].until_ms < limit->slots[oldest].until_ms)
            oldest = i;
    }
    limit->slots[oldest].key = key;
    limit->slots[oldest].until_ms = now_ms + interval_ms;
    limit->slots[oldest].suppressed = 0;
    return true;
}
