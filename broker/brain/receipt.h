/*
 * receipt.h - telling a producer how its message ended, if it asked (`receipt: true`).
 *
 * A receipt leaves when the message does: settled, expired, dead or dropped, with the reason. It goes to the
 * session that sent the message. While that is away, stuck or in doubt, receipts wait in the session's queue,
 * bounded and counted; like late results they are sent once. Without a session there is nobody to tell, and a REQ socket could not take what it did not ask
 * for. The answer to a call is its receipt.
 * Rules: semantics.md 23; docs/wire.md "Leases".
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_BRAIN_RECEIPT_H
#define STRATO_BRAIN_RECEIPT_H

#include "broker/brain/channel.h"

struct session;

enum { SESSION_RECEIPTS_MAX = 4096 }; /* that wait in one session; further ones are dropped and counted */

struct receipt; /* encoded, waiting */

/** Zero-initialised = nothing waits. */
struct receipts {
    struct receipt *head, *tail;
    uint32_t count;
};

/** The message, which asks for a receipt, has ended like this. */
void receipt_tell(struct channel *ch, const struct message *m, enum channel_end end, int why);
/** An encoded receipt for a session: sent, or queued. Takes the writer's bytes. */
void receipt_deliver(struct session *session, struct strato_writer *w);
/** Send what waits and may go now. */
void receipts_send(struct session *session);
/** The session ends: what waits is dropped and counted. */
void receipts_drop(struct session *session);
#endif
