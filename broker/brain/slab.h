/*
 * slab.h - memory for many small things of a few sizes, without malloc per message.
 *
 * Sizes up to SLAB_BYTES_MAX are rounded up to a class and come from chunks that are never given back
 * before slab_fini(); larger ones come from malloc. The caller remembers the size.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_BRAIN_SLAB_H
#define STRATO_BRAIN_SLAB_H

#include <stddef.h>
#include <stdint.h>

enum { SLAB_STEP = 8, SLAB_BYTES_MAX = 1024, SLAB_CLASSES = SLAB_BYTES_MAX / SLAB_STEP, SLAB_CHUNK_BYTES = 128 * 1024 };

struct slab_free;
struct slab_chunk;

/** Zero-initialised = empty. */
struct slab {
    struct slab_free *free[SLAB_CLASSES];
    struct slab_chunk *chunks;
    size_t bytes;       /* handed out now, rounded; and the attachments that messages hold */
    size_t chunk_bytes; /* held in chunks */
};

/** @return memory aligned to 8 bytes, not zeroed; NULL when out of memory. */
void *slab_take(struct slab *slab, size_t bytes);
/** Give back what slab_take(slab, bytes) returned. Accepts NULL. */
void slab_give(struct slab *slab, void *memory, size_t bytes);
/** Free all chunks. Things larger than SLAB_BYTES_MAX must have been given back. */
void slab_fini(struct slab *slab);
#endif
