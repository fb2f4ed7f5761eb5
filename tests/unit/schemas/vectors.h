/*
 * vectors.h - read the golden vectors of schemas/vectors.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef TEST_SCHEMAS_VECTORS_H
#define TEST_SCHEMAS_VECTORS_H

#include <jansson.h>

#include "core/bytes.h"
#include "schemas/runtime/message.h"

/** One row of a vector file. Strings belong to the file's json; `bytes` is freed by the walker. */
struct vector_row {
    const char *file, *type, *why, *error;
    struct strato_bytes bytes, canonical;
    json_t *json;
};

/** Call fn for each row of list ("vectors", "accept", "reject") of a file ("gpu"). Fails the test if the file
 * cannot be read. */
void vectors_each(const char *file, const char *list, void (*fn)(const struct vector_row *row));

/** The negative error of "SCHEMA" and so on. */
int vectors_error(const char *name);

/**
 * Turn every list inside a decoded struct from `raw` into items, so that encoding writes them one by one.
 * @return memory to give to materialize_free() when the struct is no longer used.
 */
struct materialized *materialize(const struct strato_record *record, void *value);
void materialize_free(struct materialized *m);
#endif
