/*
 * lanes.h - four priority lanes, served 8:4:2:1.
 *
 * Deficit round robin: with all lanes busy, low gets 1 of 15 turns and its head waits for at most 14
 * others; an empty lane's share goes to the rest. Inside a lane messages lie in the order of their seq,
 * so one that comes back takes its original place. Strict lanes are served from the top as long as there is
 * anything: what is below starves. Rules: semantics.md 26 and 27.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_BRAIN_LANES_H
#define STRATO_BRAIN_LANES_H

#include "broker/brain/message.h"

enum { LANES = 4 };

struct lane {
    struct message *head, *tail;
};

/** Zero-initialised = empty. */
struct lanes {
    struct lane lane[LANES];
    uint32_t count;
    uint8_t turn; /* lane being served */
    uint8_t used; /* of its turns */
    bool is_strict;
};

/** Append a message that is newer than all in its lane, or put an older one back at its place. */
void lanes_add(struct lanes *lanes, struct message *m);
/** Append whatever its seq: the order is that of arrival. */
void lanes_append(struct lanes *lanes, struct message *m);
/** The message whose turn it is, left in place; NULL if empty. Always the same one until something changes. */
struct message *lanes_peek(struct lanes *lanes);
/** Take the message that lanes_peek() has just returned: its lane's turn is used up. */
void lanes_take(struct lanes *lanes, struct message *m);
/** Take any message out (expired, purged, moved). */
void lanes_remove(struct lanes *lanes, struct message *m);
/** The message that a full drop_oldest channel gives up first: lowest lane, oldest in it. */
struct message *lanes_oldest(struct lanes *lanes);
#endif
