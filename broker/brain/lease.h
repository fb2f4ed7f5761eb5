/*
 * lease.h - what happens to a delivered message: start, ack, nack, extend, expiry, loss of its holder.
 *
 *   READY --deliver--> HELD --start--> STARTED --ack|reply--> SETTLED         ack:false: HELD --taken--> SETTLED
 *   HELD    --start_timeout | session lost--> READY, not counted
 *   STARTED --session lost--> READY, counted          STARTED --2 distinct worker deaths--> DEAD(worker_crash)
 *   STARTED --nack | lease expiry--> DELAYED --backoff--> READY at its place, counted (nack{penalty:false}: not)
 *   STARTED --5 counted attempts | nack{dead}--> DEAD
 *
 * Rules: protocol.md section 6, semantics.md sections 5 and 6.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_BRAIN_LEASE_H
#define STRATO_BRAIN_LEASE_H

#include "broker/brain/consumer.h"
#include "broker/brain/principal.h"

/** How a nack wants it. */
struct lease_nack {
    bool has_delay;
    uint32_t delay_ms;
    bool penalty, dead;
    struct strato_bytes reason;
};

/** A leased message by (channel, L1 lease string); NULL if it is no longer held, or was given to another principal. */
struct message *lease_find(struct brain *brain, const struct channel *ch, const struct principal *who,
                           struct strato_bytes text);
enum { LEASE_TEXT_BYTES = 28 };
/** Make an L1 lease of a message that was just taken from its queue: STARTED at once. Writes its text. @return 0 or STRATO_ENOMEM. */
int lease_take(struct channel *ch, struct message *m, const struct principal *who, uint32_t lease_ms,
               char ret_text[LEASE_TEXT_BYTES + 1]);

void lease_start(struct channel *ch, struct message *m);
void lease_ack(struct channel *ch, struct message *m);
void lease_nack(struct channel *ch, struct message *m, const struct lease_nack *nack);
/** @return 0, or STRATO_ESTALE_LEASE when the hard cap of the attempt is reached (the message goes back). */
int lease_extend(struct channel *ch, struct message *m, uint32_t ms);
/** Its holder is gone. */
void lease_lost(struct channel *ch, struct message *m, enum consumer_loss loss);
/** Its timer fired: start timeout, run lease, or the deadline of a call. */
void lease_due(struct channel *ch, struct message *m);
/** Take it off its holder's book, wherever it goes next. */
void lease_release(struct channel *ch, struct message *m);
#endif
