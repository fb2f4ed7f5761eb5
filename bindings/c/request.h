/*
 * request.h - questions to the broker and requests to services: who waits for which answer.
 *
 * Every question carries a mark (rq) that its answer echoes. A plain question (open, sub, ping, admin,
 * hist) is waited for by its caller; a started request ends in the queue of results, in order of arrival.
 * Rule: docs/wire.md "Request and response"; protocol.md section 7.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_BINDINGS_C_REQUEST_H
#define STRATO_BINDINGS_C_REQUEST_H

#include "bindings/c/producer.h"
#include "bindings/c/stream.h"

enum strato__ask_kind {
    STRATO__ASK_QUESTION, /* the caller waits; the answer frame is kept for it */
    STRATO__ASK_CALL,     /* the caller waits for the final result */
    STRATO__ASK_STARTED,  /* the result goes to the queue */
};

struct strato__ask {
    uint64_t rq;
    enum strato__ask_kind kind;
    bool is_done;
    int err;                        /* when done */
    struct strato__inbound *answer; /* when done without error; header and rest point into it */
    struct strato_header header;
    struct strato_cursor rest;
    struct strato_message *reply; /* CALL */
    uint64_t deadline_us;         /* CALL, STARTED */
    struct strato__name *channel;
    bool is_sent_idempotent;
};

/** Register a question under a new mark. @return 0; STRATO_ELIMIT; STRATO_ENOMEM. */
int strato__ask_new(struct strato__session *s, enum strato__ask_kind kind, struct strato__ask **ret_ask);
void strato__ask_free(struct strato__session *s, struct strato__ask **ask);
struct strato__ask *strato__ask_find(struct strato__session *s, struct strato_bytes rq_raw);
void strato__asks_fini(struct strato__session *s);
/** End an ask with an error, telling whoever waits. */
void strato__ask_fail(struct strato__session *s, struct strato__ask *ask, int err);
/** The session is new: everything that was asked in the old one has no answer. */
void strato__asks_restart(struct strato__session *s);
/** Expire started and waited requests whose deadline has passed. */
void strato__asks_tick(struct strato__session *s);

/** Start a request. @return 0; STRATO_EAGAIN (no credit or not open: see producer.h); STRATO_ELIMIT; ... */
int strato__request_start(struct strato__session *s, struct strato__producer *p, const struct strato_send *message,
                          const struct strato_request_options *options, enum strato__ask_kind kind,
                          struct strato__ask **ret_ask);
int strato__request_cancel(struct strato__session *s, struct strato__ask *ask);
bool strato__result_pop(struct strato__session *s, struct strato__result *ret_result);

/* What the broker sends. */
void strato__request_on_result(struct strato__session *s, const struct strato_header *h, struct strato_cursor at,
                               struct strato__inbound *inbound);
/** ok, err, pong, opened, event page with a known mark: the answer to a question. false = nobody asked. */
bool strato__request_on_answer(struct strato__session *s, struct strato__ask *ask, const struct strato_header *h,
                               struct strato_cursor at, struct strato__inbound *inbound);
/** The number in an encoded rq; false if it is none. */
bool strato__rq_number(struct strato_bytes raw, uint64_t *ret_rq);
#endif
