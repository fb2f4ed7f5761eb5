/*
 * dispatch.h - which ready message goes to whom, at the end of a turn.
 *
 * Consumers that can do what the message needs, then most free credit, ties to the least recently used.
 * Messages bound by affinity go to their consumer only. Parked gets come first: they asked and wait.
 * Rules: semantics.md 11 to 13.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_BRAIN_DISPATCH_H
#define STRATO_BRAIN_DISPATCH_H

#include "broker/brain/consumer.h"

void dispatch_channel(struct channel *ch);
/** Class of a set of needs (made if absent); *ret_class = NULL for the plain one. @return 0; STRATO_ELIMIT; STRATO_ENOMEM. */
int work_class_join(struct channel *ch, struct message *m, const struct strato_envelope *e, bool is_spread);
void work_class_leave(struct channel *ch, struct message *m);
/** Drop one count of `messages`; the class goes with its last one. */
void work_class_release(struct channel *ch, struct work_class *c);
static inline struct work_class *work_class_of(struct channel *ch, const struct message *m)
{
    struct work_class *needs = m->extra ? (struct work_class *)m->extra->needs : NULL;

    return needs ? needs : &ch->plain;
}
/** Does anybody who is here serve messages like this one? */
bool dispatch_is_served(struct channel *ch, const struct message *m);
void work_class_free_all(struct channel *ch);
#endif
