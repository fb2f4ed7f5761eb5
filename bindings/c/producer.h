/*
 * producer.h - the sending half of one channel: credit, the frame being gathered, what is not confirmed yet.
 *
 *   CLOSED --open--> OPENING --opened--> READY          READY: sent < limit = may send; else need
 *   READY --revoke--> flush, release{sent}, limit = sent          any --connection lost--> CLOSED or resumed
 *
 * The numbers are core/credit.h's. Messages stay here until `accepted` covers them; a resume voids their
 * credit and sends them again as new credit comes, before anything newer. Credit bounds their number.
 * Rule: docs/wire.md "Credit"; protocol.md section 5.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_BINDINGS_C_PRODUCER_H
#define STRATO_BINDINGS_C_PRODUCER_H

#include "bindings/c/session.h"
#include "core/credit.h"

enum strato__producer_state { STRATO__PRODUCER_CLOSED, STRATO__PRODUCER_OPENING, STRATO__PRODUCER_READY };

/** How a gathered frame of calls is addressed; all calls of a frame share it. */
struct strato__call {
    bool is_call;
    uint64_t rq; /* of the first message */
    uint32_t deadline_ms, wait_responder_ms;
    bool idempotent;
};

/** A frame that was sent and is not wholly decided. */
struct strato__unconfirmed {
    uint64_t first;
    uint32_t count;
    struct strato__buffer *buffer;
    size_t envelopes_at;
    struct strato__buffer **attachments;
    uint32_t attachments_count;
    struct strato__call call;
};

/** Somebody who waits for the fate of one message; lives on the caller's stack. */
struct strato__watch {
    uint64_t index;
    int err; /* 0 until refused */
    bool is_lost;
    struct strato__watch *next;
};

struct strato__producer {
    struct strato__name *name;
    struct strato__producer *chain, *next; /* hash chain; list of all */
    enum strato__producer_state state;
    int open_err; /* why the last open failed; 0 = it did not */
    uint64_t open_rq;
    bool is_durable;  /* a send is confirmed when it is on the broker's disk */
    bool is_credited; /* false: the channel answers every message itself (calls on `reject` channels) */
    struct strato_credit_sender credit;
    uint64_t next_index; /* the index of the next message; above credit.sent only while a resume sends again */

    uint64_t need_rq;       /* of the last need */
    uint64_t need_until_us; /* when its wait ends; 0 = none is outstanding */
    bool is_need_ahead;     /* it was asked while there was credit: its answer says nothing about a dry producer */
    uint64_t answers;       /* changes with every `full` or refusal of a need */
    int answer_err;         /* of the last one */
    bool answer_early;      /* it came well before the wait was over: the channel does not let producers wait */

    struct strato__gather gather;
    struct strato__call gather_call;
    uint64_t gather_first;
    struct strato__unconfirmed *unconfirmed; /* ring */
    uint32_t unconfirmed_head, unconfirmed_count, unconfirmed_capacity;
    struct strato__watch *watches;
    uint64_t refused;
    uint64_t lacking_bytes;                /* size of the last message that found no credit */
    bool is_lacking_critical;              /* and it was a critical one */
    uint64_t sent_before, accepted_before; /* of earlier sessions, for the statistics */
};

/** So many of the session's sends are confirmed: decided, and on a durable channel on disk as well. */
static inline uint64_t strato__producer_confirmed(const struct strato__producer *p)
{
    return !p->is_credited ? p->next_index : p->is_durable ? p->credit.durable : p->credit.accepted;
}

/** Find or make the producer of a channel. @return 0; STRATO_EINVAL; STRATO_ELIMIT; STRATO_ENOMEM. */
int strato__producer_find(struct strato__session *s, const char *channel, struct strato__producer **ret_producer);
struct strato__producer *strato__producer_of(struct strato__session *s, struct strato_bytes channel);
void strato__producers_fini(struct strato__session *s);

/** Ask to open the channel if it is closed. @return 0, STRATO_EAGAIN while it is not open yet, or why it cannot be. */
int strato__producer_open(struct strato__session *s, struct strato__producer *p);
/**
 * Send within the credit. Attachments with a free_fn are taken on success.
 * @param call  NULL = put.
 * @return 0; STRATO_EAGAIN (no credit: ask by strato__producer_need); STRATO_ETOO_BIG; STRATO_EINVAL; STRATO_ELIMIT; STRATO_ENOMEM.
 */
int strato__producer_send(struct strato__session *s, struct strato__producer *p, const struct strato_send *message,
                          const struct strato__call *call, uint64_t *ret_index);
/** Say that credit is wanted for a message of `bytes` (0 = to have it ready); `wait_ms` 0 = answer now. Repeats nothing that is already asked. */
int strato__producer_need(struct strato__session *s, struct strato__producer *p, uint64_t bytes, uint32_t wait_ms);
/** Send again, within the credit, what a resume has to; asks for more if there is not enough. */
void strato__producer_resend(struct strato__session *s, struct strato__producer *p);
/** Nobody waits any longer. */
void strato__producer_unneed(struct strato__session *s, struct strato__producer *p);
/** Close the gathered frame into the outbox. @return 0 or STRATO_ENOMEM (still gathered). */
int strato__producer_flush(struct strato__session *s, struct strato__producer *p);

/* For its other files. */
enum { STRATO__RESEND_PAUSE_US = 500000 }; /* before what must be sent again asks again after a refusal */
/** Header of a frame of `count` messages from index `first` on. */
void strato__producer_header(const struct strato__session *s, const struct strato__producer *p,
                             const struct strato__call *call, uint64_t first, uint32_t count, struct strato_writer *w);
/** Close the gathered frame: among the unconfirmed if the channel has credit, and *ret_buffer is one reference. */
int strato__producer_close(struct strato__session *s, struct strato__producer *p, struct strato__buffer **ret_buffer);

/* What the broker sends. */
void strato__producer_on_opened(struct strato__session *s, struct strato__producer *p, const struct strato_header *h);
void strato__producer_on_credit(struct strato__session *s, struct strato__producer *p, const struct strato_header *h);
void strato__producer_on_revoke(struct strato__session *s, struct strato__producer *p, const struct strato_header *h);
void strato__producer_on_full(struct strato__session *s, struct strato__producer *p, const struct strato_header *h);
/** err or ok that speaks of put indices. */
void strato__producer_on_verdict(struct strato__session *s, struct strato__producer *p, const struct strato_header *h);
/** The broker's numbers of a producer, from `welcome`. */
struct strato__resume {
    uint64_t accepted, accepted_bytes, limit, limit_bytes;
    bool is_durable;
    struct strato_bytes refused; /* array of [i, n, code]; none = none */
};
/** n sends from index i on were refused. */
void strato__producer_refuse(struct strato__session *s, struct strato__producer *p, uint64_t i, uint64_t n, int err,
                             struct strato_bytes detail);
/** The session goes on: sends again what was not accepted. */
void strato__producer_resume(struct strato__session *s, struct strato__producer *p,
                             const struct strato__resume *numbers);
/** The session is new: what was unconfirmed is reported, counting begins at 0. */
void strato__producer_restart(struct strato__session *s, struct strato__producer *p);
#endif
