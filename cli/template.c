/*
 * template.c - {{Count}} and its like.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cli/template.h"

#include "core/nearest.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <time.h>

static void append(struct strato_writer *w, const void *data, size_t bytes)
{
    strato_writer_raw(w, strato_bytes(data, bytes));
}

static int fill_count(struct strato_writer *w, uint64_t count, const char *arguments)
{
    char text[24];

    (void)arguments;
    append(w, text, (size_t)snprintf(text, sizeof text, "%" PRIu64, count));
    return 0;
}

static int fill_clock(struct strato_writer *w, const char *format, bool has_millis)
{
    struct timespec now;
    struct tm parts;
    char text[48];
    size_t used;

    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &parts);
    used = strftime(text, sizeof text, format, &parts);
    if (has_millis)
        used += (size_t)snprintf(text + used, sizeof text - used, ".%03ldZ", now.tv_nsec / 1000000);
    append(w, text, used);
    return 0;
}

static int fill_time(struct strato_writer *w, uint64_t count, const char *arguments)
{
    (void)count, (void)arguments;
    return fill_clock(w, "%H:%M:%S", false);
}

static int fill_timestamp(struct strato_writer *w, uint64_t count, const char *arguments)
{
    (void)count, (void)arguments;
    return fill_clock(w, "%Y-%m-%dT%H:%M:%S", true);
}

static int fill_number(struct strato_writer *w, uint64_t value)
{
    return fill_count(w, value, NULL);
}

static int fill_unix(struct strato_writer *w, uint64_t count, const char *arguments)
{
    (void)count, (void)arguments;
    return fill_number(w, (uint64_t)time(NULL));
}

static int fill_unix_nano(struct strato_writer *w, uint64_t count, const char *arguments)
{
    struct timespec now;

    (void)count, (void)arguments;
    clock_gettime(CLOCK_REALTIME, &now);
    return fill_number(w, (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec);
}

static int fill_id(struct strato_writer *w, uint64_t count, const char *arguments)
{
    char text[24];
    uint64_t id;

    (void)count, (void)arguments;
    randombytes_buf(&id, sizeof id);
    append(w, text, (size_t)snprintf(text, sizeof text, "%016" PRIx64, id));
    return 0;
}

static int fill_random(struct strato_writer *w, uint64_t count, const char *arguments)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    unsigned from, to, length;

    (void)count;
    if (sscanf(arguments, "%u %u", &from, &to) != 2 || to < from || to > TEMPLATE_RANDOM_MAX)
        return STRATO_EINVAL;
    length = from + randombytes_uniform(to - from + 1);
    for (unsigned i = 0; i < length; i++)
        append(w, &letters[randombytes_uniform(sizeof letters - 1)], 1);
    return 0;
}

static const struct {
    const char *name, *arguments;
    int (*fill)(struct strato_writer *w, uint64_t count, const char *arguments);
} templates[] = {
    { "Count", NULL, fill_count },         { "Time", NULL, fill_time },          { "TimeStamp", NULL, fill_timestamp },
    { "Unix", NULL, fill_unix },           { "UnixNano", NULL, fill_unix_nano }, { "ID", NULL, fill_id },
    { "Random", " MIN MAX", fill_random },
};
enum { TEMPLATES = sizeof templates / sizeof templates[0] };

/* `inside` is what stands between the braces. */
static int fill(const char *inside, uint64_t count, struct strato_writer *w, char *ret_error, size_t error_bytes)
{
    size_t length = strcspn(inside, " ");
    struct strato_nearest n = strato_nearest_begin(strato_bytes(inside, length));

    for (size_t i = 0; i < TEMPLATES; i++) {
        bool is_it = strlen(templates[i].name) == length && memcmp(templates[i].name, inside, length) == 0;

        strato_nearest_offer(&n, strato_text(templates[i].name));
        if (!is_it)
            continue;
        if (!!inside[length] != !!templates[i].arguments || templates[i].fill(w, count, inside + length) < 0) {
            snprintf(ret_error, error_bytes, "{{%s}}: want {{%s%s}}, at most %d characters", inside, templates[i].name,
                     templates[i].arguments ? templates[i].arguments : "", TEMPLATE_RANDOM_MAX);
            return STRATO_EINVAL;
        }
        return 0;
    }
    snprintf(ret_error, error_bytes, "unknown template {{%s}}%s%.*s%s; --no-template sends it as it is", inside,
             n.best.bytes ? " (did you mean {{" : "", (int)n.best.bytes, n.best.bytes ? (const char *)n.best.data : "",
             n.best.bytes ? "}}?)" : "");
    return STRATO_EINVAL;
}

bool template_is_in(struct strato_bytes text)
{
    return text.bytes >= 4 && memmem(text.data, text.bytes, "{{", 2) != NULL;
}

int template_expand(struct strato_bytes text, uint64_t count, struct strato_writer *w, char *ret_error,
                    size_t error_bytes)
{
    const uint8_t *at = text.data, *end = text.data + text.bytes;

    while (at < end) {
        const uint8_t *open = memmem(at, (size_t)(end - at), "{{", 2), *close = NULL;
        char inside[64];
        int rc;

        if (open)
            close = memmem(open, (size_t)(end - open), "}}", 2);
        if (!close || (size_t)(close - open) >= sizeof inside) {
            append(w, at, (size_t)(end - at));
            break;
        }
        append(w, at, (size_t)(open - at));
        memcpy(inside, open + 2, (size_t)(close - open - 2));
        inside[close - open - 2] = '\0';
        rc = fill(inside, count, w, ret_error, error_bytes);
        if (rc < 0)
            return rc;
        at = close + 2;
    }
    if (strato_writer_error(w) < 0)
        snprintf(ret_error, error_bytes, "%s", strato_strerror(strato_writer_error(w)));
    return strato_writer_error(w);
}
