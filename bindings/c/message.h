/*
 * message.h - the object behind strato_message: one received envelope and what may still be done with it.
 *
 * Its slices point into the inbound frame that it holds. Work in hand is linked into its stream's list,
 * which is what lease extension walks. Messages of a closed client live on; they can only be read.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_BINDINGS_C_MESSAGE_H
#define STRATO_BINDINGS_C_MESSAGE_H

#include "bindings/c/inbound.h"
#include "bindings/c/include/stratoswarm.h"
#include "bindings/c/name.h"

struct strato__stream;

struct strato_message {
    enum strato_message_kind kind;
    bool needs_settling; /* taken work or a request, not settled yet */
    bool is_lost;        /* the lease is known to be gone */
    bool is_cancelled;   /* the broker no longer wants the outcome */
    uint64_t tag;
    struct strato_envelope envelope;
    struct strato_gap gap;
    struct strato__inbound *inbound;
    const struct strato_bytes *attachments;
    uint32_t attachments_count;
    struct strato__name *channel;
    struct strato_client *client;  /* NULL once the client is closed, and for replies */
    struct strato__stream *stream; /* while in its list of taken messages */
    struct strato_message *previous, *next;
};

/** Unused messages, kept for the next delivery. */
struct strato__message_pool {
    struct strato_message *free; /* linked by next */
    uint32_t count;
};

/** A zeroed message but for its envelope; NULL if out of memory. `pool` may be NULL. */
struct strato_message *strato__message_new(struct strato__message_pool *pool);
/** Drop what it holds and give it back to the pool (NULL = free it). It must not be linked. */
void strato__message_free(struct strato__message_pool *pool, struct strato_message *message);
void strato__message_pool_fini(struct strato__message_pool *pool);

/**
 * Decode the next envelope at `c` into a new message that holds `inbound`.
 *
 * @param attachments_at  In/out: how many of the frame's attachments earlier envelopes have used.
 * @return 0; STRATO_ECODEC, ESCHEMA, ELIMIT or EFRAME (the peer broke the protocol); STRATO_ENOMEM.
 */
int strato__message_decode(struct strato__message_pool *pool, struct strato__inbound *inbound, struct strato_cursor *c,
                           uint32_t *attachments_at, struct strato__name *channel, struct strato_message **ret_message);
#endif
