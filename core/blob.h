/*
 * blob.h - a reference-counted run of bytes that somebody else allocated: an attachment on its way through.
 *
 * The network shell wraps a ZeroMQ message in one; the brain only holds references, so a large payload is
 * never copied inside the broker. Not thread-safe: a blob lives on one thread.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_CORE_BLOB_H
#define STRATO_CORE_BLOB_H

#include "core/bytes.h"

struct strato_blob {
    const uint8_t *data;
    size_t bytes;
    uint32_t references;                       /* 1 when made */
    void (*free_fn)(struct strato_blob *blob); /* called at 0; frees data and the blob itself */
};

static inline struct strato_blob *strato_blob_hold(struct strato_blob *blob)
{
    blob->references++;
    return blob;
}

static inline void strato_blob_drop(struct strato_blob *blob)
{
    if (blob && --blob->references == 0)
        blob->free_fn(blob);
}
#endif
