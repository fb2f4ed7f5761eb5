/*
 * inbound.h - one received ZeroMQ message, shared by every strato_message whose slices point into it.
 *
 * The network shell (net/) makes one per receive and keeps the zmq_msg_t behind it; the step logic and
 * the messages only hold references. Nothing is copied, so an attachment of an inproc sender keeps its
 * pointer.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_BINDINGS_C_INBOUND_H
#define STRATO_BINDINGS_C_INBOUND_H

#include "core/bytes.h"

#include <stdatomic.h>

struct strato__inbound {
    atomic_uint references;
    struct strato_bytes frame;              /* header and envelopes */
    const struct strato_bytes *attachments; /* the frames behind it */
    uint32_t attachments_count;
    void (*free_fn)(struct strato__inbound *inbound); /* at 0 references; frees data and the inbound itself */
};

static inline struct strato__inbound *strato__inbound_hold(struct strato__inbound *inbound)
{
    atomic_fetch_add_explicit(&inbound->references, 1, memory_order_relaxed);
    return inbound;
}

static inline void strato__inbound_drop(struct strato__inbound *inbound)
{
    if (inbound && atomic_fetch_sub_explicit(&inbound->references, 1, memory_order_acq_rel) == 1)
        inbound->free_fn(inbound);
}
#endif
