/*
 * call.h - a request on its way to an answer: who waits for it, under which mark, until when.
 *
 * A call is a message of a request or work channel that keeps its slot until it is answered, cancelled or
 * timed out. Its caller is always told, with one of the distinct codes of semantics.md 31.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_BRAIN_CALL_H
#define STRATO_BRAIN_CALL_H

#include "broker/brain/session.h"

enum { CALL_RQ_BYTES_MAX = 72 };

struct call {
    struct brain *brain;
    struct message *message;
    struct session *session; /* or peer; both NULL when the caller is gone for good */
    struct peer *peer;
    struct call *prev, *next;   /* of the caller */
    uint64_t wait_responder_ms; /* monotonic; 0 = a responder has been seen */
    uint8_t rq_bytes;
    uint8_t rq[CALL_RQ_BYTES_MAX]; /* encoded msgpack value: uint or str */
};

/** rq of message k in a batch: rq + k for uints. @return encoded length, or STRATO_EPROTO. */
int call_rq(struct strato_bytes rq, uint64_t k, uint8_t to[CALL_RQ_BYTES_MAX]);
/** Make m a call of this peer (or its session). @return 0; STRATO_ELIMIT; STRATO_ENOMEM; STRATO_EPROTO. */
int call_new(struct peer *peer, struct message *m, struct strato_bytes rq, uint64_t k, bool is_idempotent);
/** The caller is told `err`; then the call is no more. The message goes on without it: end it afterwards. */
void call_fail(struct message *m, int err, const char *detail);
/** Forget the call without a word. */
void call_free(struct message *m);
/** Send an answer: the envelope is `e` with stamps. The call stays. */
void call_answer(struct message *m, const struct strato_envelope *e, struct sender *sender,
                 struct strato_blob *const *blobs, size_t blobs_count, bool more);
/** The caller's session is gone for good, or its peer is: its calls are cancelled. */
void call_abandon_all(struct call **list);
struct call *call_find(struct call *list, struct strato_bytes rq, struct strato_bytes id, uint64_t epoch);
/** Send what waited for the resume. */
void call_send_late(struct session *session);
void call_drop_late(struct session *session);
#endif
