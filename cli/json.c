/*
 * json.c - JSON text to one msgpack value.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cli/json.h"

#include "core/cursor.h"

#include <jansson.h>
#include <sodium.h>
#include <stdlib.h>

/* {"$bin": "base64"} and nothing else in it. */
static const char *bin_of(const json_t *value)
{
    const json_t *bin = json_object_size(value) == 1 ? json_object_get(value, "$bin") : NULL;

    return json_string_value(bin);
}

static int write_bin(const char *text, struct strato_writer *w)
{
    size_t room = strlen(text) / 4 * 3 + 3, bytes = 0;
    uint8_t *data = malloc(room);
    int rc = data ? STRATO_EINVAL : STRATO_ENOMEM;

    if (data &&
        sodium_base642bin(data, room, text, strlen(text), NULL, &bytes, NULL, sodium_base64_VARIANT_ORIGINAL) == 0) {
        strato_writer_bin(w, strato_bytes(data, bytes));
        rc = 0;
    }
    free(data);
    return rc;
}

static int write_value(const json_t *value, struct strato_writer *w, unsigned depth);

static int write_object(json_t *value, struct strato_writer *w, unsigned depth)
{
    const char *key;
    json_t *item;
    size_t length;
    int rc = 0;

    if (bin_of(value))
        return write_bin(bin_of(value), w);
    strato_writer_map(w, (uint32_t)json_object_size(value));
    json_object_keylen_foreach(value, key, length, item)
    {
        strato_writer_str(w, strato_bytes(key, length));
        rc = write_value(item, w, depth);
        if (rc < 0)
            return rc;
    }
    return rc;
}

static int write_array(const json_t *value, struct strato_writer *w, unsigned depth)
{
    size_t count = json_array_size(value);
    int rc = 0;

    strato_writer_array(w, (uint32_t)count);
    for (size_t i = 0; i < count && rc == 0; i++)
        rc = write_value(json_array_get(value, i), w, depth);
    return rc;
}

static int write_value(const json_t *value, struct strato_writer *w, unsigned depth)
{
    if (depth >= STRATO_DEPTH_MAX)
        return STRATO_ELIMIT;
    switch (json_typeof(value)) {
    case JSON_NULL:
        strato_writer_nil(w);
        break;
    case JSON_TRUE:
        strato_writer_bool(w, true);
        break;
    case JSON_FALSE:
        strato_writer_bool(w, false);
        break;
    case JSON_INTEGER:
        strato_writer_i64(w, json_integer_value(value));
        break;
    case JSON_REAL:
        strato_writer_f64(w, json_real_value(value));
        break;
    case JSON_STRING:
        strato_writer_str(w, strato_bytes(json_string_value(value), json_string_length(value)));
        break;
    case JSON_ARRAY:
        return write_array(value, w, depth + 1);
    case JSON_OBJECT:
        return write_object((json_t *)(uintptr_t)value, w, depth + 1); /* iteration wants it mutable */
    }
    return 0;
}

int json_to_msgpack(struct strato_bytes text, struct strato_writer *w, char *ret_error, size_t error_bytes)
{
    json_error_t error;
    json_t *value = json_loadb((const char *)text.data, text.bytes,
                               JSON_DECODE_ANY | JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    int rc;

    if (!value) {
        snprintf(ret_error, error_bytes, "line %d, column %d: %s", error.line, error.column, error.text);
        return STRATO_EINVAL;
    }
    rc = write_value(value, w, 0);
    json_decref(value);
    if (rc == 0)
        rc = strato_writer_error(w);
    if (rc == STRATO_EINVAL)
        snprintf(ret_error, error_bytes, "\"$bin\" holds no base64");
    else if (rc < 0)
        snprintf(ret_error, error_bytes, "%s", rc == STRATO_ELIMIT ? "nested deeper than 32" : strato_strerror(rc));
    return rc == STRATO_ELIMIT ? STRATO_EINVAL : rc;
}
