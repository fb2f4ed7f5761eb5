/*
 * option_value.c - one value between its text and its field.
 *
 * SPDX-License-Identifier: MIT
 */
#include "core/option_private.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

struct unit {
    const char *name;
    uint64_t factor;
};

static const struct unit size_units[] = {
    { "", 1 },
    { "B", 1 },
    { "KiB", 1 << 10 },
    { "MiB", 1 << 20 },
    { "GiB", 1 << 30 },
    { "TiB", (uint64_t)1 << 40 },
    { "K", 1 << 10 },
    { "M", 1 << 20 },
    { "G", 1 << 30 },
    { "T", (uint64_t)1 << 40 },
    { "kB", 1000 },
    { "MB", 1000000 },
    { "GB", 1000000000 },
};
static const struct unit duration_units[] = {
    { "", 1000 }, { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "min", 60000 }, { "h", 3600000 }, { "d", 86400000 },
};

/* Digits, an optional fraction, a unit. No sign, no exponent, no white space: "1e3" is a typing error. */
static int quantity_parse(const char *text, const struct unit *units, size_t count, uint64_t *ret)
{
    const char *unit = text;
    char *end;
    uint64_t whole;
    long double value;

    if (!isdigit((unsigned char)*text))
        return STRATO_EINVAL;
    while (isdigit((unsigned char)*unit) || *unit == '.')
        unit++;
    errno = 0;
    whole = strtoull(text, &end, 10);
    if (errno == ERANGE)
        return STRATO_EINVAL;
    value = strtold(text, &end);
    if (end != unit)
        return STRATO_EINVAL;
    for (size_t i = 0; i < count; i++) {
        if (strcasecmp(unit, units[i].name) != 0)
            continue;
        if (strspn(text, "0123456789") == (size_t)(unit - text)) { /* exact for integers of any size */
            if (whole > UINT64_MAX / units[i].factor)
                return STRATO_EINVAL;
            *ret = whole * units[i].factor;
            return 0;
        }
        value *= (long double)units[i].factor;
        if (value >= 18446744073709551615.0L)
            return STRATO_EINVAL;
        *ret = (uint64_t)(value + 0.5L);
        return 0;
    }
    return STRATO_EINVAL;
}

int strato_size_parse(const char *text, uint64_t *ret_bytes)
{
    return quantity_parse(text, size_units, sizeof size_units / sizeof size_units[0], ret_bytes);
}

int strato_duration_parse(const char *text, uint64_t *ret_ms)
{
    return quantity_parse(text, duration_units, sizeof duration_units / sizeof duration_units[0], ret_ms);
}

static int print_size(uint64_t v, char *buffer, size_t bytes)
{
    static const struct unit steps[] = {
        { "TiB", (uint64_t)1 << 40 }, { "GiB", 1 << 30 }, { "MiB", 1 << 20 }, { "KiB", 1 << 10 }
    };

    for (size_t i = 0; i < 4; i++)
        if (v && v % steps[i].factor == 0)
            return snprintf(buffer, bytes, "%" PRIu64 "%s", v / steps[i].factor, steps[i].name);
    return snprintf(buffer, bytes, "%" PRIu64, v);
}

static int print_duration(uint64_t v, char *buffer, size_t bytes)
{
    static const struct unit steps[] = { { "d", 86400000 }, { "h", 3600000 }, { "m", 60000 }, { "s", 1000 } };

    for (size_t i = 0; i < 4; i++)
        if (v && v % steps[i].factor == 0)
            return snprintf(buffer, bytes, "%" PRIu64 "%s", v / steps[i].factor, steps[i].name);
    return snprintf(buffer, bytes, "%" PRIu64 "%s", v, v ? "ms" : "");
}

static int print_number(enum strato_option_kind kind, uint64_t v, char *buffer, size_t bytes)
{
    if (kind == STRATO_OPTION_SIZE)
        return print_size(v, buffer, bytes);
    if (kind == STRATO_OPTION_DURATION)
        return print_duration(v, buffer, bytes);
    return snprintf(buffer, bytes, "%" PRIu64, v);
}

static uint64_t field_max(const struct strato_option *row)
{
    return row->bytes == 2 ? UINT16_MAX : row->bytes == 4 ? UINT32_MAX : UINT64_MAX;
}

static uint64_t value_max(const struct strato_option *row)
{
    return row->max ? row->max : field_max(row);
}

static void wanted_range(const struct strato_option *row, const char *noun, char *text, size_t bytes)
{
    char low[32], high[32];

    print_number(row->kind, row->min, low, sizeof low);
    print_number(row->kind, value_max(row), high, sizeof high);
    if (row->max)
        snprintf(text, bytes, "%s from %s to %s", noun, low, high);
    else if (row->min)
        snprintf(text, bytes, "%s of at least %s", noun, low);
    else
        snprintf(text, bytes, "%s", noun);
}

void strato__option_wanted(const struct strato_option *row, char *text, size_t bytes)
{
    switch (row->kind) {
    case STRATO_OPTION_FLAG:
        snprintf(text, bytes, "yes or no");
        break;
    case STRATO_OPTION_STRING:
        snprintf(text, bytes, "text");
        break;
    case STRATO_OPTION_UINT:
        wanted_range(row, "a whole number", text, bytes);
        break;
    case STRATO_OPTION_INT:
        if (row->max)
            snprintf(text, bytes, "a whole number from %" PRId64 " to %" PRId64, (int64_t)row->min, (int64_t)row->max);
        else
            snprintf(text, bytes, "a whole number");
        break;
    case STRATO_OPTION_DOUBLE:
        snprintf(text, bytes, "a number");
        break;
    case STRATO_OPTION_SIZE:
        wanted_range(row, "a size such as 64KiB or 16MiB", text, bytes);
        break;
    case STRATO_OPTION_DURATION:
        wanted_range(row, "a duration such as 250ms, 5s or 10m", text, bytes);
        break;
    case STRATO_OPTION_ENUM:
        snprintf(text, bytes, "one of %s", row->choices);
        break;
    case STRATO_OPTION_LIST:
        snprintf(text, bytes, "a list, a,b");
        break;
    }
}

bool strato__option_choice_at(const char *choices, size_t i, struct strato_bytes *ret_choice)
{
    const char *at = choices;

    for (; i > 0; i--) {
        at = strchr(at, '|');
        if (!at)
            return false;
        at++;
    }
    *ret_choice = strato_bytes(at, strcspn(at, "|"));
    return true;
}

int strato__option_choice(const char *choices, const char *text)
{
    struct strato_bytes choice;

    for (int i = 0; strato__option_choice_at(choices, (size_t)i, &choice); i++)
        if (strato_bytes_is(choice, text))
            return i;
    return -1;
}

static int parse_bool(const char *text, bool *ret)
{
    static const char *const names[2][4] = { { "no", "false", "off", "0" }, { "yes", "true", "on", "1" } };

    for (int value = 0; value < 2; value++)
        for (int i = 0; i < 4; i++)
            if (strcasecmp(text, names[value][i]) == 0) {
                *ret = value;
                return 0;
            }
    return STRATO_EINVAL;
}

static int store_number(const struct strato_option *row, void *field, const char *text)
{
    uint64_t value = 0;
    int rc;

    if (row->kind == STRATO_OPTION_SIZE)
        rc = strato_size_parse(text, &value);
    else if (row->kind == STRATO_OPTION_DURATION)
        rc = strato_duration_parse(text, &value);
    else
        rc = quantity_parse(text, size_units, 1, &value);
    if (rc < 0 || value < row->min || value > value_max(row) || value > field_max(row) ||
        (row->kind == STRATO_OPTION_UINT && strchr(text, '.')))
        return STRATO_EINVAL;
    if (row->bytes == 2)
        memcpy(field, &(uint16_t){ (uint16_t)value }, 2);
    else if (row->bytes == 4)
        memcpy(field, &(uint32_t){ (uint32_t)value }, 4);
    else
        memcpy(field, &value, 8);
    return 0;
}

static int store_int(const struct strato_option *row, void *field, const char *text)
{
    char *end;
    long long value;

    errno = 0;
    value = strtoll(text, &end, 10);
    if (errno || end == text || *end || (row->max && (value < (int64_t)row->min || value > (int64_t)row->max)) ||
        (row->bytes == 4 && (value < INT32_MIN || value > INT32_MAX)))
        return STRATO_EINVAL;
    if (row->bytes == 4)
        memcpy(field, &(int32_t){ (int32_t)value }, 4);
    else
        memcpy(field, &(int64_t){ value }, 8);
    return 0;
}

static int store_double(void *field, const char *text)
{
    char *end;
    double value = strtod(text, &end);

    if (end == text || *end || !isfinite(value))
        return STRATO_EINVAL;
    memcpy(field, &value, sizeof value);
    return 0;
}

static void list_release(struct strato_option_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i]);
    free(list->items);
    *list = (struct strato_option_list){ 0 };
}

static int list_append(struct strato_option_list *list, const char *text, size_t length)
{
    char **items = realloc(list->items, (list->count + 1) * sizeof *items);

    if (!items)
        return STRATO_ENOMEM;
    list->items = items;
    items[list->count] = strndup(text, length);
    if (!items[list->count])
        return STRATO_ENOMEM;
    list->count++;
    return 0;
}

static int store_list(struct strato_option_list *list, const char *text, bool appends)
{
    if (!appends)
        list_release(list);
    while (*text) {
        size_t length = strcspn(text, ",");

        if (length > 0) {
            int rc = list_append(list, text, length);

            if (rc < 0)
                return rc;
        }
        text += length + (text[length] == ',');
    }
    return 0;
}

static int store_string(char **field, const char *text)
{
    char *copy = strdup(text);

    if (!copy)
        return STRATO_ENOMEM;
    free(*field);
    *field = copy;
    return 0;
}

static int store(const struct strato_option *row, void *field, const char *text, bool appends)
{
    int choice;

    switch (row->kind) {
    case STRATO_OPTION_FLAG:
        return parse_bool(text, field);
    case STRATO_OPTION_STRING:
        return store_string(field, text);
    case STRATO_OPTION_UINT:
    case STRATO_OPTION_SIZE:
    case STRATO_OPTION_DURATION:
        return store_number(row, field, text);
    case STRATO_OPTION_INT:
        return store_int(row, field, text);
    case STRATO_OPTION_DOUBLE:
        return store_double(field, text);
    case STRATO_OPTION_ENUM:
        choice = strato__option_choice(row->choices, text);
        if (choice < 0)
            return STRATO_EINVAL;
        memcpy(field, &choice, sizeof choice);
        return 0;
    case STRATO_OPTION_LIST:
        return store_list(field, text, appends);
    }
    return STRATO_EINVAL;
}

int strato__option_store(const struct strato_option *row, void *field, const char *text, bool appends, char *ret_wanted,
                         size_t wanted_bytes)
{
    int rc = store(row, field, text, appends);

    if (rc == STRATO_EINVAL)
        strato__option_wanted(row, ret_wanted, wanted_bytes);
    return rc;
}

void strato__option_release(const struct strato_option *row, void *config)
{
    void *field = (char *)config + row->offset;

    if (row->kind == STRATO_OPTION_STRING) {
        free(*(char **)field);
        *(char **)field = NULL;
    } else if (row->kind == STRATO_OPTION_LIST) {
        list_release(field);
    }
}

static int print_list(const struct strato_option_list *list, char *buffer, size_t bytes)
{
    size_t used = 0;

    if (bytes)
        buffer[0] = '\0';
    for (size_t i = 0; i < list->count; i++)
        used += (size_t)snprintf(used < bytes ? buffer + used : NULL, used < bytes ? bytes - used : 0, "%s%s",
                                 i ? "," : "", list->items[i]);
    return (int)used;
}

int strato_option_print(const struct strato_option *row, const void *config, char *buffer, size_t bytes)
{
    const void *field = (const char *)config + row->offset;
    struct strato_bytes choice = STRATO_BYTES_NONE;
    uint64_t v = 0;

    switch (row->kind) {
    case STRATO_OPTION_FLAG:
        return snprintf(buffer, bytes, "%s", *(const bool *)field ? "yes" : "no");
    case STRATO_OPTION_STRING:
        return snprintf(buffer, bytes, "%s", *(char *const *)field ? *(char *const *)field : "");
    case STRATO_OPTION_INT:
        return snprintf(buffer, bytes, "%" PRId64, row->bytes == 4 ? *(const int32_t *)field : *(const int64_t *)field);
    case STRATO_OPTION_DOUBLE:
        return snprintf(buffer, bytes, "%g", *(const double *)field);
    case STRATO_OPTION_ENUM:
        strato__option_choice_at(row->choices, (size_t)(*(const int *)field), &choice);
        return snprintf(buffer, bytes, "%.*s", (int)choice.bytes, (const char *)choice.data);
    case STRATO_OPTION_LIST:
        return print_list(field, buffer, bytes);
    case STRATO_OPTION_UINT:
    case STRATO_OPTION_SIZE:
    case STRATO_OPTION_DURATION:
        v = row->bytes == 2   ? *(const uint16_t *)field
            : row->bytes == 4 ? *(const uint32_t *)field
                              : *(const uint64_t *)field;
        return print_number(row->kind, v, buffer, bytes);
    }
    return 0;
}
