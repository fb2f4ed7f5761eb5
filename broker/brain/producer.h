/*
 * producer.h - a session that sends into a channel: its credit and its confirmations.
 *
 * The arithmetic is core/credit.h; here it meets sessions, frames and time.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_BRAIN_PRODUCER_H
#define STRATO_BRAIN_PRODUCER_H

#include "broker/brain/confirm.h"
#include "broker/brain/stream.h"

enum { REVOKE_MISSES_MAX = 10 }; /* seconds until a session that lives but gives nothing back is detached */

/** Puts that were refused: told once, and again in the welcome of a resume, because the telling may have been lost. */
struct refusal {
    uint64_t i;
    uint32_t n;
    int err;
};

struct producer {
    struct stream stream; /* first */
    struct strato_credit_grantor credit;
    struct producer *dirty_next;
    bool is_dirty;       /* something to confirm or grant */
    uint8_t need_rq[72]; /* encoded rq of the waiting need, echoed in `full` */
    uint8_t need_rq_bytes;
    /* kept channels: what is on disk (confirm.h) */
    uint64_t durable;
    struct confirm_mark marks[CONFIRM_MARKS];
    uint8_t marks_count;
    struct producer *marked_next;
    struct refusal *refusals; /* by index; those of the last STRATO_CREDIT_WINDOW_MAX puts */
    uint32_t refusals_count, refusals_capacity;
    uint64_t critical;     /* of its unspent credit: slots that were made by pushing out, for critical messages only */
    uint8_t revoke_misses; /* seconds that the last revoke has been without an answer */
};

int producer_open(struct session *session, struct channel *ch, uint32_t number, struct producer **ret_producer);
/** n puts from index i on were refused. What finds no memory is told once only. */
void producer_refused(struct producer *p, uint64_t i, uint32_t n, int err);
/** Give its credit back and free it. */
void producer_close(struct producer *p);
/** A `credit` frame goes out at the end of the turn. */
void producer_touch(struct producer *p);
/** Write the `credit` frame now. */
void producer_send_credit(struct producer *p);
/** One round of grants and revokes for a channel, at the end of a turn. */
void producers_turn(struct channel *ch);
/** Waits that are over are told `full`; arms the channel's timer for the next one. */
void producers_due(struct channel *ch);
#endif
