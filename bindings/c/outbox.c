/*
 * outbox.c - a ring of frame parts.
 *
 * SPDX-License-Identifier: MIT
 */
#include "bindings/c/outbox.h"

#include "core/errors.h"

#include <assert.h>
#include <stdlib.h>

int strato__outbox_reserve(struct strato__outbox *box, size_t more)
{
    size_t capacity = box->capacity ? box->capacity : 64;
    struct strato__part *parts;

    if (box->count + more <= box->capacity)
        return 0;
    while (capacity < box->count + more)
        capacity *= 2;
    parts = calloc(capacity, sizeof *parts);
    if (!parts)
        return STRATO_ENOMEM;
    for (size_t i = 0; i < box->count; i++)
        parts[i] = box->parts[(box->head + i) & (box->capacity - 1)];
    free(box->parts);
    box->parts = parts;
    box->head = 0;
    box->capacity = capacity;
    return 0;
}

void strato__outbox_take(struct strato__outbox *box, struct strato__buffer **buffer, bool more)
{
    assert(box->count < box->capacity);
    box->parts[(box->head + box->count) & (box->capacity - 1)] = (struct strato__part){ *buffer, more };
    box->count++;
    *buffer = NULL;
}

bool strato__outbox_pop(struct strato__outbox *box, struct strato__part *ret_part)
{
    if (box->count == 0)
        return false;
    *ret_part = box->parts[box->head];
    box->head = (box->head + 1) & (box->capacity - 1);
    box->count--;
    return true;
}

void strato__outbox_clear(struct strato__outbox *box)
{
    struct strato__part part;

    while (strato__outbox_pop(box, &part))
        strato__buffer_drop(part.buffer);
}

void strato__outbox_fini(struct strato__outbox *box)
{
    strato__outbox_clear(box);
    free(box->parts);
    *box = (struct strato__outbox){ 0 };
}
