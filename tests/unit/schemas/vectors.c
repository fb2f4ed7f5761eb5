/*
 * vectors.c - see vectors.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct strato_bytes from_hex(const char *hex)
{
    size_t bytes = hex ? strlen(hex) / 2 : 0;
    uint8_t *data = malloc(bytes + 1);

    assert_non_null(data);
    for (size_t i = 0; i < bytes; i++) {
        unsigned byte = 0;

        assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
        data[i] = (uint8_t)byte;
    }
    return strato_bytes(data, bytes);
}

/* The bytes stand alone in a block of their exact size, so that ASan sees the first byte read past them. */
static struct strato_bytes exact(struct strato_bytes loose)
{
    uint8_t *data = malloc(loose.bytes ? loose.bytes : 1);

    assert_non_null(data);
    if (loose.bytes)
        memcpy(data, loose.data, loose.bytes);
    free((void *)(uintptr_t)loose.data);
    return strato_bytes(data, loose.bytes);
}

void vectors_each(const char *file, const char *list, void (*fn)(const struct vector_row *row))
{
    char path[1024];
    json_error_t error;
    json_t *root, *rows, *row;
    size_t i;

    snprintf(path, sizeof(path), "%s/%s.json", VECTORS_DIR, file);
    root = json_load_file(path, JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, &error);
    if (!root)
        fail_msg("%s:%d: %s", path, error.line, error.text);
    rows = json_object_get(root, list);
    assert_non_null(rows);
    json_array_foreach(rows, i, row)
    {
        struct vector_row r = { .file = file, .json = row };

        r.type = json_string_value(json_object_get(row, "type"));
        r.why = json_string_value(json_object_get(row, "why"));
        r.error = json_string_value(json_object_get(row, "error"));
        r.bytes = exact(from_hex(json_string_value(json_object_get(row, "hex"))));
        r.canonical = exact(from_hex(json_string_value(json_object_get(row, "canonical"))));
        fn(&r);
        free((void *)(uintptr_t)r.bytes.data);
        free((void *)(uintptr_t)r.canonical.data);
    }
    json_decref(root);
}

int vectors_error(const char *name)
{
    char wire[64];
    int err;

    snprintf(wire, sizeof(wire), "E_%s", name ? name : "");
    err = strato_err_from_name(wire, strlen(wire));
    if (err == 0)
        fail_msg("unknown error %s", wire);
    return err;
}
