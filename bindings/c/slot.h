/*
 * slot.h - wait until a message owns a slot in its channel.
 *
 * The one loop behind send and request: open the channel, try, ask for credit, wait, try again.
 * Rules: protocol.md section 5 "API"; semantics.md section 4.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_BINDINGS_C_SLOT_H
#define STRATO_BINDINGS_C_SLOT_H

#include "bindings/c/client.h"

/** What strato__slot hands to its attempt for a put. */
struct strato__put {
    const struct strato_send *message;
    uint64_t index;
};

/** One attempt: 0, STRATO_EAGAIN (no credit), or why it is refused for good. */
typedef int strato__attempt_fn(struct strato_client *c, struct strato__producer *p, void *arg);

/** Is the message within what the wire allows? @return 0; STRATO_EINVAL; STRATO_ELIMIT. */
int strato__message_check(const struct strato_send *message);
/** @return 0; STRATO_EFULL; STRATO_ETIMEOUT; STRATO_EUNREACHABLE; or what the attempt or the broker said. */
int strato__slot(struct strato_client *c, const char *channel, int timeout_ms, strato__attempt_fn *attempt, void *arg);
#endif
