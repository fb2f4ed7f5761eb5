/*
 * bytes.h - a borrowed run of bytes.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_CORE_BYTES_H
#define STRATO_CORE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/** Borrowed: never freed through this, valid as long as what it points into. data may be NULL if bytes is 0. */
struct strato_bytes {
    const uint8_t *data;
    size_t bytes;
};

#define STRATO_BYTES_NONE      ((struct strato_bytes){ 0 })
#define STRATO_BYTES_OF(array) ((struct strato_bytes){ (const uint8_t *)(array), sizeof(array) })

static inline struct strato_bytes strato_bytes(const void *data, size_t bytes)
{
    struct strato_bytes b = { (const uint8_t *)data, bytes };

    return b;
}

/** The characters of a C string without its NUL; none for NULL. */
static inline struct strato_bytes strato_text(const char *text)
{
    return strato_bytes(text, text ? strlen(text) : 0);
}

static inline bool strato_bytes_equal(struct strato_bytes a, struct strato_bytes b)
{
    return a.bytes == b.bytes && (a.bytes == 0 || memcmp(a.data, b.data, a.bytes) == 0);
}

static inline bool strato_bytes_is(struct strato_bytes a, const char *text)
{
    return strato_bytes_equal(a, strato_text(text));
}
#endif
