/*
 * redirect.h - what routing rules do to messages: copy them to another channel, or move them there.
 *
 * A move is one step: accepted by the target and settled in the source. As long as the target has no room
 * the message stays in the source's column `ready` and keeps its slot there; it stands in the target's
 * `inbound` lanes, where its TTL runs on, and is let in before producers get new credit. A copy never waits.
 * Rules: semantics.md 36.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_BRAIN_REDIRECT_H
#define STRATO_BRAIN_REDIRECT_H

#include "broker/brain/channel.h"

/** Walk the rules for a message that has just become ready in a work or request channel. @return true if it is there no longer. */
bool redirect_message(struct channel *ch, struct message *m);
/** The same for an event before its channel accepts it. @return true if it was taken: moved, or dropped and counted. */
bool redirect_event(struct channel *ch, struct message *m);
/** Let in what waits, as far as there is room. Start of every end of turn with `inbound_channels`. */
void redirect_turn(struct brain *brain);
/** A MOVING message ends while it waits. For channel.c. */
void redirect_forget(struct channel *ch, struct message *m);
/** Drop the channel's own messages that wait elsewhere. @return how many. */
uint64_t redirect_purge(struct channel *ch, enum channel_drop why);
/** The channel goes: what waits to come in is dead-lettered in its source. */
void redirect_turn_away(struct channel *ch);
#endif
