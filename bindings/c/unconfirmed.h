/*
 * unconfirmed.h - frames that the broker has not decided yet, oldest first.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_BINDINGS_C_UNCONFIRMED_H
#define STRATO_BINDINGS_C_UNCONFIRMED_H

#include "bindings/c/producer.h"
#include "bindings/c/request.h"

/** Make room for one more, so that the next push cannot fail. 0 or STRATO_ENOMEM. */
int strato__unconfirmed_reserve(struct strato__producer *p);
struct strato__unconfirmed *strato__unconfirmed_push(struct strato__producer *p);
struct strato__unconfirmed *strato__unconfirmed_last(struct strato__producer *p);
/** The frame that holds the message of this absolute index; it must be undecided. */
struct strato__unconfirmed *strato__unconfirmed_find(struct strato__producer *p, uint64_t message);
/** Forget what lies wholly below `accepted`. */
void strato__unconfirmed_confirm(struct strato__producer *p, uint64_t accepted);
void strato__unconfirmed_clear(struct strato__producer *p);
/** The frame at `index` from the oldest. */
struct strato__unconfirmed *strato__unconfirmed_at(struct strato__producer *p, uint32_t index);
#endif
