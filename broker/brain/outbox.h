/*
 * outbox.h - what leaves: answers at once, data gathered per peer, operation and channel until the turn ends.
 *
 * Control (answers, credit, lagged) goes straight into the turn's list of actions; messages gather in
 * outframes, which follow when the turn ends, each with at most 256 messages or about 64 KiB.
 * Rules: protocol.md section 14.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_BRAIN_OUTBOX_H
#define STRATO_BRAIN_OUTBOX_H

#include "broker/brain/session.h"
#include "core/header.h"

enum { OUTFRAME_BYTES = 64 * 1024, OUTFRAME_MESSAGES = 1024, DETAIL_BYTES_MAX = 256 };

/* ---- one frame without messages ---- */
struct answer {
    struct brain *brain;
    struct peer *peer;
    struct strato_writer w;
    struct strato_header_writer header;
    struct strato_bytes request; /* rq of the request, encoded; borrowed from its frame */
    bool waits;                  /* for the disk */
};
/** op with the rq of the request it answers (header may be NULL). A NULL peer is fine: nothing is sent. */
void answer_begin(struct answer *a, struct brain *brain, struct peer *peer, const char *op,
                  const struct strato_header *request);
void answer_channel(struct answer *a, const struct channel *ch, uint64_t stream);
/** It says that something is done: on a kept channel it leaves only when that is on disk (confirm.h). */
void answer_after_commit(struct answer *a);
void answer_send(struct answer *a);
/** Same, with one envelope behind the header: type, a payload already encoded, attachments (array and references are taken). */
void answer_send_with(struct answer *a, const char *type, struct strato_bytes payload, struct strato_blob **blobs,
                      size_t blobs_count);
/** A frame that was written before, with its attachments. A NULL peer is fine. Takes writer, array and references. */
void outbox_send(struct brain *brain, struct peer *peer, struct strato_writer *w, struct strato_blob **blobs,
                 size_t blobs_count);
/** ok for a request; nothing else to say. */
void answer_ok(struct peer *peer, const struct strato_header *request);
/** err for a request. detail NULL = the code's own text. */
void answer_err(struct peer *peer, const struct strato_header *request, int err, const char *detail);
/** err for part of a put: count messages from index i. */
void answer_err_at(struct peer *peer, const struct strato_header *request, uint64_t i, uint64_t count, int err,
                   const char *detail);
void brain_log(struct brain *brain, int level, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* ---- frames with messages ---- */
struct outframe {
    struct outframe *next;   /* of the brain's open ones, in the order in which they were begun */
    struct outframe **owner; /* set to NULL when it is sent */
    struct peer *peer;
    struct strato_writer w;
    size_t n_at; /* where the count stands in the header */
    uint32_t n;
    struct strato_blob **blobs;
    size_t blobs_count, blobs_capacity;
    struct strato_writer rqs; /* result: encoded rqs; the header is written at the end */
    bool is_result, is_partial, is_closed;
};

/** A new frame, gathered until the turn ends or it is full; `*owner` points to it until then. NULL when out of memory. */
struct outframe *outframe_begin(struct peer *peer, struct outframe **owner);
/** Write the header's head: op and ch; more keys by outframe_key_u64(), then outframe_header_end(). */
void outframe_header(struct outframe *f, struct strato_header_writer *hw, const char *op, const struct channel *ch,
                     uint64_t stream);
void outframe_header_end(struct outframe *f, struct strato_header_writer *hw);
/** Room for one envelope of at most `bytes`; then outframe_wrote(). */
uint8_t *outframe_reserve(struct outframe *f, size_t bytes);
void outframe_wrote(struct outframe *f, size_t bytes);
/** Add a reference to each. */
int outframe_blobs(struct outframe *f, struct strato_blob *const *blobs, size_t count);
/** Full? Then it is closed, and the next message begins a new one. */
bool outframe_is_full(const struct outframe *f);
/** No more goes in; it keeps its place in the order. */
void outframe_close(struct outframe *f);
/** Append a frame without messages to the data in order (lagged). Takes the writer's bytes. */
void outbox_data_take(struct peer *peer, struct strato_writer *w);
/** Turn all outframes into actions. */
void outbox_flush(struct brain *brain);
void outbox_drop_peer(struct peer *peer);
void outbox_fini(struct brain *brain);

/** Append an action; NULL when out of memory. */
struct brain_action *outbox_action(struct brain *brain, enum brain_action_kind kind);
#endif
