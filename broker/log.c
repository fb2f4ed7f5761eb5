/*
 * log.c - from "event key=value" to a line.
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/log.h"

#include <time.h>

enum { EVENT_BYTES = 512, KEY_BYTES = 64, VALUE_BYTES = 1024 };

/* Is there a pair at the start of this word? A key is lower case, digits and '_', as our own code writes them. */
static size_t key_length(const char *word)
{
    size_t length = strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789_");

    return length > 0 && length < KEY_BYTES && word[length] == '=' ? length : 0;
}

/* Reads a bare or a quoted value; returns what is behind it. */
static const char *read_value(const char *at, char *value, size_t bytes)
{
    bool is_quoted = *at == '"';
    size_t used = 0;

    for (at += is_quoted; *at && (is_quoted ? *at != '"' : *at != ' '); at++) {
        if (is_quoted && *at == '\\' && at[1])
            at++;
        if (used + 1 < bytes)
            value[used++] = *at;
    }
    value[used] = '\0';
    return at + (is_quoted && *at == '"');
}

static bool is_number(const char *value)
{
    size_t digits = strspn(value, "0123456789");

    return digits > 0 && digits < 19 && value[digits] == '\0' && (value[0] != '0' || digits == 1);
}

static void add_pair(struct strato_log_line *l, const char *key, const char *value)
{
    uint64_t number = 0;

    if (!is_number(value)) {
        strato_log_text(l, key, value);
        return;
    }
    for (; *value; value++)
        number = number * 10 + (uint64_t)(*value - '0');
    strato_log_u64(l, key, number);
}

void broker_log_line(struct strato_log_line *l, enum strato_log_format format, uint64_t wall_ms,
                     enum strato_log_level level, const char *component, const char *text)
{
    char event[EVENT_BYTES];
    const char *at = text;
    size_t length;

    while (*at && key_length(at) == 0) {
        at += strcspn(at, " ");
        at += strspn(at, " ");
    }
    length = (size_t)(at - text);
    while (length > 0 && text[length - 1] == ' ')
        length--;
    snprintf(event, sizeof event, "%.*s", (int)length, text);
    strato_log_begin(l, format, wall_ms, level, component, event);
    while (*at) {
        char key[KEY_BYTES], value[VALUE_BYTES];

        length = key_length(at);
        if (length == 0) { /* stray words behind a pair */
            at = read_value(at, value, sizeof value);
            strato_log_text(l, "more", value);
        } else {
            snprintf(key, sizeof key, "%.*s", (int)length, at);
            at = read_value(at + length + 1, value, sizeof value);
            add_pair(l, key, value);
        }
        at += strspn(at, " ");
    }
}

void broker_log_write(void *arg, enum strato_log_level level, const char *component, const char *text)
{
    struct broker_log *log = arg;
    struct strato_log_line line;
    struct timespec now;

    if ((int)level > atomic_load(&log->level))
        return;
    clock_gettime(CLOCK_REALTIME, &now);
    broker_log_line(&line, log->format, (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000, level, component,
                    text);
    fputs(strato_log_end(&line), log->to);
}
