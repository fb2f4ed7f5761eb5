/*
 * buffer.h - bytes on their way out, shared by the session (which may have to send them again) and libzmq.
 *
 * Reference counts are atomic because libzmq gives its reference back from its own I/O thread. A `flight`
 * counts the frames that libzmq has not finished with: zero means that the socket is idle, which is what
 * decides whether the next message leaves at once or gathers company (protocol.md section 14).
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_BINDINGS_C_BUFFER_H
#define STRATO_BINDINGS_C_BUFFER_H

#include "core/bytes.h"

#include <stdatomic.h>

struct strato__flight {
    atomic_uint references;
    atomic_uint frames;
};

/** NULL if out of memory; one reference. */
struct strato__flight *strato__flight_new(void);
void strato__flight_drop(struct strato__flight *flight);

static inline bool strato__flight_is_idle(struct strato__flight *flight)
{
    return atomic_load_explicit(&flight->frames, memory_order_acquire) == 0;
}

struct strato__buffer {
    atomic_uint references;
    const uint8_t *data;
    size_t bytes;
    void (*free_fn)(void *owned, void *hint); /* NULL = owned is freed by free() */
    void *owned;                              /* start of the allocation that data points into */
    void *hint;
    struct strato__flight *flight; /* set while counted in it */
};

/** Wrap `bytes` at `data`, inside `owned`; taken on success. NULL if out of memory. */
struct strato__buffer *strato__buffer_new(const uint8_t *data, size_t bytes, void *owned,
                                          void (*free_fn)(void *owned, void *hint), void *hint);
/** A copy of some bytes. NULL if out of memory. */
struct strato__buffer *strato__buffer_copy(struct strato_bytes bytes);
struct strato__buffer *strato__buffer_hold(struct strato__buffer *buffer);
void strato__buffer_drop(struct strato__buffer *buffer);

/** libzmq takes it: counted in `flight` until strato__buffer_landed(). */
void strato__buffer_fly(struct strato__buffer *buffer, struct strato__flight *flight);
/** libzmq is done with it: uncounts it and drops the reference. Called from any thread. */
void strato__buffer_landed(struct strato__buffer *buffer);
#endif
