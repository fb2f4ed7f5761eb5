/*
 * gather.h - envelopes that will leave in one frame.
 *
 * Envelopes are encoded straight into the frame's buffer, behind room for a header that is written when
 * the frame is closed: only then are the count and the session epoch known, and nothing is copied twice.
 * When a frame is closed is the session's decision. Rule: protocol.md section 14.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_BINDINGS_C_GATHER_H
#define STRATO_BINDINGS_C_GATHER_H

#include "bindings/c/buffer.h"
#include "core/envelope.h"
#include "core/header.h"

enum {
    STRATO__GATHER_BYTES = 64 * 1024,
    STRATO__GATHER_MESSAGES = 256,
    STRATO__GATHER_US = 200,
    STRATO__FLOOD_MESSAGES = 16, /* so many left together: the next ones are held back ... */
    STRATO__FLOOD_US = 100,      /* ... for so long, although the socket is idle */
    STRATO__HEADROOM = 1024,     /* longest header: fixed keys, a channel of 129 bytes, 64 tags of a reply */
};

/** Zero-initialised = empty. */
struct strato__gather {
    struct strato_writer w; /* HEADROOM bytes, then the envelopes */
    uint32_t count;
    uint64_t started_us;
    size_t reserve_bytes; /* what the last frame took: a guess for the next */
};

/** A closed frame; `buffer->data` begins at the header, the envelopes at `envelopes_at`. */
struct strato__closed {
    struct strato__buffer *buffer;
    size_t envelopes_at;
    uint32_t count;
};

void strato__gather_fini(struct strato__gather *g);
/**
 * Encode one envelope behind the others.
 * @return bytes it takes on the wire (> 0); STRATO_ENOMEM or STRATO_ETOO_BIG, nothing added.
 */
int64_t strato__gather_add(struct strato__gather *g, const struct strato_envelope_out *e, uint64_t now_us);
/** Take the last envelope out again; `bytes` is what add returned. */
void strato__gather_undo(struct strato__gather *g, size_t bytes);
static inline size_t strato__gather_bytes(const struct strato__gather *g)
{
    return g->count ? g->w.bytes - STRATO__HEADROOM : 0;
}
/** Put `header` in front and hand the frame over; the gather is empty afterwards. 0 or STRATO_ENOMEM (nothing lost). */
int strato__gather_close(struct strato__gather *g, struct strato_bytes header, struct strato__closed *ret_closed);
#endif
