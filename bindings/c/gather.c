/*
 * gather.c - build a frame of several envelopes in place.
 *
 * SPDX-License-Identifier: MIT
 */
#include "bindings/c/gather.h"

#include <assert.h>
#include <stdlib.h>

void strato__gather_fini(struct strato__gather *g)
{
    strato_writer_fini(&g->w);
    *g = (struct strato__gather){ 0 };
}

static int begin(struct strato__gather *g, uint64_t now_us)
{
    strato_writer_reset(&g->w);
    if (!strato_writer_reserve(&g->w, STRATO__HEADROOM + g->reserve_bytes))
        return STRATO_ENOMEM;
    g->w.bytes = STRATO__HEADROOM;
    g->started_us = now_us;
    return 0;
}

int64_t strato__gather_add(struct strato__gather *g, const struct strato_envelope_out *e, uint64_t now_us)
{
    size_t before;
    int rc;

    if (g->count == 0) {
        rc = begin(g, now_us);
        if (rc < 0)
            return rc;
    }
    before = g->w.bytes;
    strato_envelope_encode(e, &g->w);
    rc = strato_writer_error(&g->w);
    if (rc < 0) {
        g->w.error = 0; /* what was gathered before is whole: only this envelope is dropped */
        g->w.bytes = before;
        return rc;
    }
    g->count++;
    return (int64_t)(g->w.bytes - before);
}

void strato__gather_undo(struct strato__gather *g, size_t bytes)
{
    assert(g->count > 0 && bytes <= g->w.bytes - STRATO__HEADROOM);
    g->count--;
    g->w.bytes -= bytes;
}

int strato__gather_close(struct strato__gather *g, struct strato_bytes header, struct strato__closed *ret_closed)
{
    size_t bytes = g->w.bytes, start = STRATO__HEADROOM - header.bytes;
    struct strato__buffer *buffer;

    assert(g->count > 0 && header.bytes <= STRATO__HEADROOM);
    memcpy(g->w.data + start, header.data, header.bytes);
    buffer = strato__buffer_new(g->w.data + start, bytes - start, g->w.data, NULL, NULL);
    if (!buffer)
        return STRATO_ENOMEM;
    *ret_closed = (struct strato__closed){ buffer, header.bytes, g->count };
    g->reserve_bytes =
        bytes - STRATO__HEADROOM < STRATO__GATHER_BYTES ? bytes - STRATO__HEADROOM : STRATO__GATHER_BYTES;
    g->w = (struct strato_writer){ 0 }; /* the buffer owns the memory now */
    g->count = 0;
    return 0;
}
