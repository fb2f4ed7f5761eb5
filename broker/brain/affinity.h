/*
 * affinity.h - stickiness and order: keys that tie messages to a consumer, or to one another.
 *
 * affinity: messages of one key go to one consumer, chosen when the first is dispatched; while it has no
 * credit they wait and others pass. The binding ends with the consumer, with the producer's session (the
 * default key of sticky channels), or after 10 min without messages.
 * order_key: at most one message of a key is leased at a time; the others wait in line behind it.
 * Rules: semantics.md 13 and 27.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_BRAIN_AFFINITY_H
#define STRATO_BRAIN_AFFINITY_H

#include "broker/brain/consumer.h"

enum { AFFINITY_IDLE_MS = 10 * 60 * 1000 };

struct affinity {
    struct channel *channel;
    uint64_t hash;
    struct consumer *consumer;   /* NULL = not chosen yet */
    struct message *head, *tail; /* ready messages while not bound */
    uint32_t messages;           /* that refer to it */
    struct wheel_timer timer;    /* idle since */
    uint8_t key_bytes;
    char key[STRATO_AFFINITY_BYTES_MAX + 1];
};

struct order_key {
    struct channel *channel;
    uint64_t hash;
    struct message *busy;        /* in a lane, leased or backing off; NULL only for a moment */
    struct message *head, *tail; /* WAITING, in the order of seq */
    uint32_t messages;
    uint8_t key_bytes;
    char key[STRATO_AFFINITY_BYTES_MAX + 1];
};

/** Tie a new message to a key (made if absent). @return 0; STRATO_ELIMIT; STRATO_ENOMEM. */
int affinity_join(struct channel *ch, struct message *m, struct strato_bytes key);
/** The message ends: let go of its key. */
void affinity_leave(struct message *m);
/** Put a READY message where its key says: the bound consumer's lanes or its class's. */
void affinity_enqueue(struct channel *ch, struct message *m, struct lanes *unbound);
/** Take it out of wherever affinity_enqueue() put it. */
void affinity_dequeue(struct channel *ch, struct message *m, struct lanes *unbound);
/** First dispatch of a key: its other ready messages move to the consumer's lanes. */
void affinity_bind(struct channel *ch, struct affinity *a, struct consumer *c);
/** The consumer is gone: its keys are free again, its lanes are empty afterwards. */
void affinity_unbind_all(struct consumer *c);
/** The session whose default key this is has ended. */
void affinity_forget(struct channel *ch, struct strato_bytes key);
void affinity_due(struct affinity *a);
void affinity_free_all(struct channel *ch);

int order_join(struct channel *ch, struct message *m, struct strato_bytes key);
/** May it enter a lane now? If not it is WAITING in line. */
bool order_enter(struct message *m);
/** The message ends: the next in line, if any, is to be made ready (returned). */
struct message *order_leave(struct message *m);
void order_free_all(struct channel *ch);
#endif
