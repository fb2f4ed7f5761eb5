/*
 * slab.c - one free list per size class, refilled a chunk at a time.
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/brain/slab.h"

#include <stdlib.h>

struct slab_free {
    struct slab_free *next;
};

struct slab_chunk {
    struct slab_chunk *next;
    size_t padding; /* keeps what follows aligned as malloc does */
};

/* Under AddressSanitizer everything comes from malloc, so that a use after free cannot hide in a free list. */
#if defined(__SANITIZE_ADDRESS__)
enum { POOLED_BYTES_MAX = 0 };
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
enum { POOLED_BYTES_MAX = 0 };
#else
enum { POOLED_BYTES_MAX = SLAB_BYTES_MAX };
#endif
#else
enum { POOLED_BYTES_MAX = SLAB_BYTES_MAX };
#endif

static size_t round_up(size_t bytes)
{
    return (bytes + SLAB_STEP - 1) / SLAB_STEP * SLAB_STEP;
}

/* Small classes share big chunks; a class asks for a quarter of a chunk first, so that idle brokers stay small. */
static int refill(struct slab *slab, size_t class_bytes, struct slab_free **list)
{
    size_t want = slab->chunk_bytes < 1024 * 1024 ? SLAB_CHUNK_BYTES / 8 : SLAB_CHUNK_BYTES;
    size_t count = (want - sizeof(struct slab_chunk)) / class_bytes;
    struct slab_chunk *chunk = malloc(sizeof(*chunk) + count * class_bytes);
    char *at;

    if (!chunk)
        return -1;
    chunk->next = slab->chunks;
    slab->chunks = chunk;
    slab->chunk_bytes += sizeof(*chunk) + count * class_bytes;
    at = (char *)(chunk + 1) + count * class_bytes;
    while (count-- > 0) { /* backwards, so that the list runs upwards through memory */
        struct slab_free *item;

        at -= class_bytes;
        item = (struct slab_free *)(void *)at;
        item->next = *list;
        *list = item;
    }
    return 0;
}

void *slab_take(struct slab *slab, size_t bytes)
{
    size_t rounded = round_up(bytes ? bytes : 1);
    struct slab_free **list, *item;

    if (rounded > POOLED_BYTES_MAX) {
        void *memory = malloc(bytes);

        if (memory)
            slab->bytes += rounded;
        return memory;
    }
    list = &slab->free[rounded / SLAB_STEP - 1];
    if (!*list && refill(slab, rounded, list) < 0)
        return NULL;
    item = *list;
    *list = item->next;
    slab->bytes += rounded;
    return item;
}

void slab_give(struct slab *slab, void *memory, size_t bytes)
{
    size_t rounded = round_up(bytes ? bytes : 1);
    struct slab_free *item = memory;

    if (!memory)
        return;
    slab->bytes -= rounded;
    if (rounded > POOLED_BYTES_MAX) {
        free(memory);
        return;
    }
    item->next = slab->free[rounded / SLAB_STEP - 1];
    slab->free[rounded / SLAB_STEP - 1] = item;
}

void slab_fini(struct slab *slab)
{
    while (slab->chunks) {
        struct slab_chunk *chunk = slab->chunks;

        slab->chunks = chunk->next;
        free(chunk);
    }
    *slab = (struct slab){ 0 };
}
