/*
 * buffer.c - reference counts of outgoing bytes.
 *
 * SPDX-License-Identifier: MIT
 */
#include "bindings/c/buffer.h"

#include <stdlib.h>

struct strato__flight *strato__flight_new(void)
{
    struct strato__flight *flight = calloc(1, sizeof *flight);

    if (flight)
        atomic_init(&flight->references, 1);
    return flight;
}

void strato__flight_drop(struct strato__flight *flight)
{
    if (flight && atomic_fetch_sub_explicit(&flight->references, 1, memory_order_acq_rel) == 1)
        free(flight);
}

struct strato__buffer *strato__buffer_new(const uint8_t *data, size_t bytes, void *owned,
                                          void (*free_fn)(void *owned, void *hint), void *hint)
{
    struct strato__buffer *buffer = calloc(1, sizeof *buffer);

    if (!buffer)
        return NULL;
    atomic_init(&buffer->references, 1);
    buffer->data = data;
    buffer->bytes = bytes;
    buffer->owned = owned;
    buffer->free_fn = free_fn;
    buffer->hint = hint;
    return buffer;
}

struct strato__buffer *strato__buffer_copy(struct strato_bytes bytes)
{
    uint8_t *data = malloc(bytes.bytes ? bytes.bytes : 1);
    struct strato__buffer *buffer;

    if (!data)
        return NULL;
    if (bytes.bytes)
        memcpy(data, bytes.data, bytes.bytes);
    buffer = strato__buffer_new(data, bytes.bytes, data, NULL, NULL);
    if (!buffer)
        free(data);
    return buffer;
}

struct strato__buffer *strato__buffer_hold(struct strato__buffer *buffer)
{
    atomic_fetch_add_explicit(&buffer->references, 1, memory_order_relaxed);
    return buffer;
}

void strato__buffer_drop(struct strato__buffer *buffer)
{
    if (!buffer || atomic_fetch_sub_explicit(&buffer->references, 1, memory_order_acq_rel) != 1)
        return;
    if (buffer->free_fn)
        buffer->free_fn(buffer->owned, buffer->hint);
    else
        free(buffer->owned);
    free(buffer);
}

void strato__buffer_fly(struct strato__buffer *buffer, struct strato__flight *flight)
{
    atomic_fetch_add_explicit(&flight->references, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&flight->frames, 1, memory_order_relaxed);
    buffer->flight = flight;
}

void strato__buffer_landed(struct strato__buffer *buffer)
{
    struct strato__flight *flight = buffer->flight;

    buffer->flight = NULL; /* before the drop: afterwards the buffer may be gone */
    strato__buffer_drop(buffer);
    if (flight) {
        atomic_fetch_sub_explicit(&flight->frames, 1, memory_order_acq_rel);
        strato__flight_drop(flight);
    }
}
