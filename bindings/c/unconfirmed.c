/*
 * unconfirmed.c - a ring of frames between `accepted` and `sent`; credit bounds its length.
 *
 * SPDX-License-Identifier: MIT
 */
#include "bindings/c/unconfirmed.h"

#include <assert.h>
#include <stdlib.h>

struct strato__unconfirmed *strato__unconfirmed_at(struct strato__producer *p, uint32_t index)
{
    return &p->unconfirmed[(p->unconfirmed_head + index) & (p->unconfirmed_capacity - 1)];
}

int strato__unconfirmed_reserve(struct strato__producer *p)
{
    uint32_t capacity = p->unconfirmed_capacity ? p->unconfirmed_capacity * 2 : 16;
    struct strato__unconfirmed *ring;

    if (p->unconfirmed_count < p->unconfirmed_capacity)
        return 0;
    ring = calloc(capacity, sizeof *ring);
    if (!ring)
        return STRATO_ENOMEM;
    for (uint32_t i = 0; i < p->unconfirmed_count; i++)
        ring[i] = *strato__unconfirmed_at(p, i);
    free(p->unconfirmed);
    p->unconfirmed = ring;
    p->unconfirmed_head = 0;
    p->unconfirmed_capacity = capacity;
    return 0;
}

struct strato__unconfirmed *strato__unconfirmed_push(struct strato__producer *p)
{
    assert(p->unconfirmed_count < p->unconfirmed_capacity);
    return strato__unconfirmed_at(p, p->unconfirmed_count++);
}

struct strato__unconfirmed *strato__unconfirmed_last(struct strato__producer *p)
{
    assert(p->unconfirmed_count > 0);
    return strato__unconfirmed_at(p, p->unconfirmed_count - 1);
}

struct strato__unconfirmed *strato__unconfirmed_find(struct strato__producer *p, uint64_t message)
{
    uint32_t low = 0, high = p->unconfirmed_count;

    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;

        if (strato__unconfirmed_at(p, middle)->first <= message)
            low = middle;
        else
            high = middle;
    }
    assert(high > low);
    return strato__unconfirmed_at(p, low);
}

static void pop(struct strato__producer *p)
{
    struct strato__unconfirmed *u = strato__unconfirmed_at(p, 0);

    strato__buffer_drop(u->buffer);
    for (uint32_t i = 0; i < u->attachments_count; i++)
        strato__buffer_drop(u->attachments[i]);
    free(u->attachments);
    p->unconfirmed_head = (p->unconfirmed_head + 1) & (p->unconfirmed_capacity - 1);
    p->unconfirmed_count--;
}

void strato__unconfirmed_confirm(struct strato__producer *p, uint64_t accepted)
{
    while (p->unconfirmed_count) {
        const struct strato__unconfirmed *u = strato__unconfirmed_at(p, 0);

        if (u->first + u->count > accepted)
            return;
        pop(p);
    }
}

void strato__unconfirmed_clear(struct strato__producer *p)
{
    while (p->unconfirmed_count)
        pop(p);
}
