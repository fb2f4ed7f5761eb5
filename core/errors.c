/*
 * errors.c - names and texts of the error list, generated into tables from one X-macro.
 *
 * SPDX-License-Identifier: MIT
 */
#include "core/errors.h"

#include <stddef.h>
#include <string.h>

static const struct row {
    int number; /* as in the list, positive */
    char retry;
    const char *name;
    const char *text;
} rows[] = {
#define X(name, number, text, retry) { (number), (retry), "E_" #name, (text) },
    STRATO_ERRORS(X)
#undef X
};

static const struct row *find(int err)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].number == -err)
            return &rows[i];
    return NULL;
}

const char *strato_strerror(int err)
{
    const struct row *row = find(err);

    if (err >= 0)
        return "no error";
    return row ? row->text : "unknown error";
}

const char *strato_err_name(int err)
{
    const struct row *row = find(err);

    if (err >= 0)
        return "E_OK";
    return row ? row->name : "E_UNKNOWN";
}

int strato_err_from_name(const char *name, unsigned long bytes)
{
    if (!name)
        return 0;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (strlen(rows[i].name) == bytes && memcmp(rows[i].name, name, bytes) == 0)
            return -rows[i].number;
    return 0;
}

char strato_err_retry(int err)
{
    const struct row *row = find(err);

    return row ? row->retry : 'n';
}
