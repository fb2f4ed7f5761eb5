/*
 * writer.h - write canonical msgpack into a growing or a fixed buffer.
 *
 * Canonical: shortest integers, shortest str/bin/array/map heads, f32 and f64 as asked. A writer that
 * could not grow, or ran over its fixed buffer, remembers it: write on without checks, ask once at the
 * end with strato_writer_error().
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_CORE_WRITER_H
#define STRATO_CORE_WRITER_H

#include "core/bytes.h"
#include "core/errors.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Zero-initialised = empty and growing. Owns `data` unless fixed. Not thread-safe. */
struct strato_writer {
    uint8_t *data;
    size_t bytes;    /* written so far */
    size_t capacity; /* of data */
    int error;       /* first failure: STRATO_ENOMEM (growing) or STRATO_ETOO_BIG (fixed); sticky */
    bool is_fixed;
};

/** Write into memory that the caller owns; over its end is STRATO_ETOO_BIG, never a write. */
void strato_writer_init_fixed(struct strato_writer *w, void *buffer, size_t capacity);
/** Frees what a growing writer owns and makes it empty. Accepts NULL. */
void strato_writer_fini(struct strato_writer *w);
/** Empty it, keep its memory, forget its error. */
void strato_writer_reset(struct strato_writer *w);
/** Make room for `more` bytes and return where to write them, or NULL (the error is remembered). Does not advance. */
uint8_t *strato_writer_reserve(struct strato_writer *w, size_t more);
/** Hand the buffer over: the caller frees it with free(). The writer is empty afterwards. NULL if it has an error. */
uint8_t *strato_writer_take(struct strato_writer *w, size_t *ret_bytes);
/** 0, STRATO_ENOMEM or STRATO_ETOO_BIG. */
int strato_writer_error(const struct strato_writer *w);

static inline struct strato_bytes strato_writer_view(const struct strato_writer *w)
{
    return strato_bytes(w->data, w->bytes);
}

void strato_writer_nil(struct strato_writer *w);
void strato_writer_bool(struct strato_writer *w, bool value);
void strato_writer_u64(struct strato_writer *w, uint64_t value);
void strato_writer_i64(struct strato_writer *w, int64_t value);
void strato_writer_f32(struct strato_writer *w, float value);
void strato_writer_f64(struct strato_writer *w, double value);
void strato_writer_str(struct strato_writer *w, struct strato_bytes value);
void strato_writer_bin(struct strato_writer *w, struct strato_bytes value);
void strato_writer_array(struct strato_writer *w, uint32_t items);            /* items values must follow */
void strato_writer_map(struct strato_writer *w, uint32_t pairs);              /* pairs keys and values must follow */
void strato_writer_raw(struct strato_writer *w, struct strato_bytes encoded); /* bytes as they are */

static inline void strato_writer_text(struct strato_writer *w, const char *text)
{
    strato_writer_str(w, strato_text(text));
}

#ifdef __cplusplus
}
#endif
#endif
