/*
 * history.c - see history.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/brain/history.h"

#include <stdlib.h>

static int grow(struct history *h)
{
    uint64_t capacity = h->capacity ? h->capacity * 2 : 64;
    struct message **ring = malloc(capacity * sizeof(*ring));

    if (!ring)
        return STRATO_ENOMEM;
    for (uint64_t seq = h->first; seq < h->end; seq++)
        ring[seq & (capacity - 1)] = h->ring[seq & (h->capacity - 1)];
    free(h->ring);
    h->ring = ring;
    h->capacity = capacity;
    return 0;
}

int history_add(struct history *h, struct message *m)
{
    if (h->first == h->end)
        h->first = h->end = m->seq;
    if (h->end - h->first == h->capacity && grow(h) < 0)
        return STRATO_ENOMEM;
    message_hold(m);
    h->ring[h->end & (h->capacity - 1)] = m;
    h->end++;
    h->bytes += message_bytes(m);
    return 0;
}

void history_trim(struct history *h, struct slab *slab, uint64_t messages_max, uint64_t bytes_max, uint64_t keep_from)
{
    while (h->first < h->end && h->first < keep_from && (h->end - h->first > messages_max || h->bytes > bytes_max)) {
        struct message *m = h->ring[h->first & (h->capacity - 1)];

        /* Long unseen, so out of the cache: one of the next is fetched meanwhile. What is behind the end is never read. */
        const char *next = (const char *)h->ring[(h->first + 4) & (h->capacity - 1)];

        __builtin_prefetch(next, 1);
        __builtin_prefetch(next + 64, 1);
        h->bytes -= message_bytes(m);
        h->first++;
        message_drop(slab, m);
    }
}

void history_fini(struct history *h, struct slab *slab)
{
    history_trim(h, slab, 0, 0, UINT64_MAX);
    free(h->ring);
    *h = (struct history){ 0 };
}
