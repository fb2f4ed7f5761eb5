/*
 * writer.c - canonical msgpack into a growing or fixed buffer.
 *
 * SPDX-License-Identifier: MIT
 */
#include "core/writer.h"

#include <stdlib.h>

enum { FIRST_BYTES = 256 };

void strato_writer_init_fixed(struct strato_writer *w, void *buffer, size_t capacity)
{
    *w = (struct strato_writer){ .data = buffer, .capacity = capacity, .is_fixed = true };
}

void strato_writer_fini(struct strato_writer *w)
{
    if (!w)
        return;
    if (!w->is_fixed)
        free(w->data);
    *w = (struct strato_writer){ 0 };
}

void strato_writer_reset(struct strato_writer *w)
{
    w->bytes = 0;
    w->error = 0;
}

int strato_writer_error(const struct strato_writer *w)
{
    return w->error;
}

static uint8_t *grow(struct strato_writer *w, size_t more)
{
    size_t capacity = w->capacity ? w->capacity : FIRST_BYTES;
    uint8_t *data = NULL;

    if (w->error)
        return NULL;
    if (w->is_fixed) {
        w->error = STRATO_ETOO_BIG;
        return NULL;
    }
    while (capacity - w->bytes < more && capacity <= SIZE_MAX / 2)
        capacity *= 2;
    if (capacity - w->bytes >= more)
        data = realloc(w->data, capacity);
    if (!data) {
        w->error = STRATO_ENOMEM;
        return NULL;
    }
    w->data = data;
    w->capacity = capacity;
    return data + w->bytes;
}

static inline uint8_t *room(struct strato_writer *w, size_t more)
{
    /* An error empties the room for good, so a later, smaller value does not slip in behind the gap. */
    if (w->capacity - w->bytes >= more && !w->error && w->data)
        return w->data + w->bytes;
    return grow(w, more);
}

uint8_t *strato_writer_reserve(struct strato_writer *w, size_t more)
{
    return room(w, more);
}

uint8_t *strato_writer_take(struct strato_writer *w, size_t *ret_bytes)
{
    uint8_t *data;

    if (w->error || w->is_fixed || (!w->data && !room(w, 1)))
        return NULL;
    data = w->data;
    *ret_bytes = w->bytes;
    *w = (struct strato_writer){ 0 };
    return data;
}

/* A lead byte and `bytes` big-endian bytes of `value`. */
static void head(struct strato_writer *w, uint8_t lead, uint64_t value, size_t bytes)
{
    uint8_t *p = room(w, bytes + 1);

    if (!p)
        return;
    p[0] = lead;
    for (size_t i = bytes; i > 0; i--) {
        p[i] = (uint8_t)value;
        value >>= 8;
    }
    w->bytes += bytes + 1;
}

static void one(struct strato_writer *w, uint8_t byte)
{
    uint8_t *p = room(w, 1);

    if (!p)
        return;
    *p = byte;
    w->bytes++;
}

void strato_writer_nil(struct strato_writer *w)
{
    one(w, 0xC0);
}

void strato_writer_bool(struct strato_writer *w, bool value)
{
    one(w, value ? 0xC3 : 0xC2);
}

void strato_writer_u64(struct strato_writer *w, uint64_t value)
{
    if (value <= 0x7F)
        one(w, (uint8_t)value);
    else if (value <= UINT8_MAX)
        head(w, 0xCC, value, 1);
    else if (value <= UINT16_MAX)
        head(w, 0xCD, value, 2);
    else if (value <= UINT32_MAX)
        head(w, 0xCE, value, 4);
    else
        head(w, 0xCF, value, 8);
}

void strato_writer_i64(struct strato_writer *w, int64_t value)
{
    if (value >= 0)
        strato_writer_u64(w, (uint64_t)value);
    else if (value >= -32)
        one(w, (uint8_t)value);
    else if (value >= INT8_MIN)
        head(w, 0xD0, (uint64_t)value, 1);
    else if (value >= INT16_MIN)
        head(w, 0xD1, (uint64_t)value, 2);
    else if (value >= INT32_MIN)
        head(w, 0xD2, (uint64_t)value, 4);
    else
        head(w, 0xD3, (uint64_t)value, 8);
}

void strato_writer_f32(struct strato_writer *w, float value)
{
    uint32_t bits;

    memcpy(&bits, &value, sizeof bits);
    head(w, 0xCA, bits, 4);
}

void strato_writer_f64(struct strato_writer *w, double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof bits);
    head(w, 0xCB, bits, 8);
}

void strato_writer_raw(struct strato_writer *w, struct strato_bytes encoded)
{
    uint8_t *p;

    if (encoded.bytes == 0)
        return;
    p = room(w, encoded.bytes);
    if (!p)
        return;
    memcpy(p, encoded.data, encoded.bytes);
    w->bytes += encoded.bytes;
}

/* msgpack counts in 32 bits: anything longer cannot be written. */
static bool too_long(struct strato_writer *w, size_t bytes)
{
    if (bytes <= UINT32_MAX)
        return false;
    if (!w->error)
        w->error = STRATO_ETOO_BIG;
    return true;
}

void strato_writer_str(struct strato_writer *w, struct strato_bytes value)
{
    if (value.bytes <= 31)
        one(w, (uint8_t)(0xA0 | value.bytes));
    else if (value.bytes <= UINT8_MAX)
        head(w, 0xD9, value.bytes, 1);
    else if (value.bytes <= UINT16_MAX)
        head(w, 0xDA, value.bytes, 2);
    else if (!too_long(w, value.bytes))
        head(w, 0xDB, value.bytes, 4);
    strato_writer_raw(w, value);
}

void strato_writer_bin(struct strato_writer *w, struct strato_bytes value)
{
    if (value.bytes <= UINT8_MAX)
        head(w, 0xC4, value.bytes, 1);
    else if (value.bytes <= UINT16_MAX)
        head(w, 0xC5, value.bytes, 2);
    else if (!too_long(w, value.bytes))
        head(w, 0xC6, value.bytes, 4);
    strato_writer_raw(w, value);
}

void strato_writer_array(struct strato_writer *w, uint32_t items)
{
    if (items <= 15)
        one(w, (uint8_t)(0x90 | items));
    else if (items <= UINT16_MAX)
        head(w, 0xDC, items, 2);
    else
        head(w, 0xDD, items, 4);
}

void strato_writer_map(struct strato_writer *w, uint32_t pairs)
{
    if (pairs <= 15)
        one(w, (uint8_t)(0x80 | pairs));
    else if (pairs <= UINT16_MAX)
        head(w, 0xDE, pairs, 2);
    else
        head(w, 0xDF, pairs, 4);
}
