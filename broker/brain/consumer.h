/*
 * consumer.h - who takes messages of a channel: a session's consumer or responder, or a push/pull-out edge.
 *
 * A consumer has absolute demand (`want`), a byte budget, and a ring of its deliveries by tag. Subscribers
 * of events and taps are consumers as well; what they read lies in a subscription (fanout.h).
 * Rules: protocol.md section 6.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_BRAIN_CONSUMER_H
#define STRATO_BRAIN_CONSUMER_H

#include "broker/brain/stream.h"

struct outframe;

enum {
    CONSUMER_SPAN_MAX = 65536, /* from its oldest unsettled tag to its newest */
    CONSUMER_BYTES_DEFAULT = 8 * 1024 * 1024,
    CONSUMER_SPREAD_MAX = 4,
    CONSUMER_EVENTS_PREFETCH = 256,
};

/** One delivery, by tag. */
struct delivery {
    union {
        struct message *message; /* work: NULL once settled */
        uint64_t seq;            /* events: 0 once taken */
    };
    uint64_t bytes; /* counted against the byte budget; 0 once taken */
};

struct consumer {
    struct stream stream; /* first */
    bool is_responder, is_auto_ack, is_tap, is_edge, is_edge_ready;
    uint32_t edge;
    uint32_t spread_max, spread_out; /* 0 = no limit */
    uint64_t limit;                  /* want: it may have been sent so many */
    uint64_t sent;                   /* next tag */
    uint64_t taken;                  /* tags below it were taken by the application */
    uint64_t base;                   /* tags below it are settled and taken: not in the ring */
    struct delivery *ring;
    uint32_t ring_capacity; /* 0 or a power of two */
    uint32_t held;          /* unsettled */
    uint64_t bytes_out, bytes_max;
    struct lanes bound;     /* messages whose affinity is bound to it */
    uint64_t used;          /* when it last got something, as a count of dispatches */
    struct outframe *frame; /* being filled in this turn */
    struct subscription *subscription;
    struct consumer *member_next; /* of the subscription */
};

struct consumer_options {
    bool is_responder, is_auto_ack, is_tap;
    uint32_t spread_max;
};

int consumer_open(struct session *session, struct channel *ch, uint32_t number, const struct consumer_options *options,
                  struct consumer **ret_consumer);
/** A push/pull-out edge as a consumer. */
int consumer_open_edge(struct brain *brain, struct channel *ch, uint32_t window, uint32_t edge,
                       struct consumer **ret_consumer);
enum consumer_loss {
    CONSUMER_LEFT, /* bye, close: nothing is counted */
    CONSUMER_LOST, /* its session died: what had started is counted */
};
/** Give back what it holds, end its subscription, free it. */
void consumer_close(struct consumer *c, enum consumer_loss loss);
/** Give back what it holds: all, or only calls (their callers do not wait for a resume). */
void consumer_give_back(struct consumer *c, enum consumer_loss loss, bool only_calls);
/** How many more messages it may be sent now; 0 if its session is not there or takes nothing. */
uint64_t consumer_free(const struct consumer *c);
/** Has it byte budget for this one? A message larger than the budget goes alone. */
static inline bool consumer_has_bytes(const struct consumer *c, uint64_t bytes)
{
    return c->bytes_out == 0 || c->bytes_out + bytes <= c->bytes_max;
}
/** Can it do what these messages need? */
bool consumer_can(const struct consumer *c, const struct work_class *needs);
/** Note a delivery; returns its tag. Room was made with consumer_reserve(). */
uint64_t consumer_deliver(struct consumer *c, struct delivery delivery);
/** Room in the ring for one more. @return 0, STRATO_ENOMEM, or STRATO_ELIMIT when the span is used up. */
int consumer_reserve(struct consumer *c);
/** The living delivery of a tag, or NULL. */
struct delivery *consumer_find(const struct consumer *c, uint64_t tag);
/** want{limit, taken, bytes}. */
void consumer_want(struct consumer *c, uint64_t limit, uint64_t taken, uint64_t bytes);
/** After a delivery was settled or taken: let `base` follow. */
void consumer_advance(struct consumer *c);
static inline struct delivery *consumer_slot(const struct consumer *c, uint64_t tag)
{
    return &c->ring[tag & (c->ring_capacity - 1)];
}
#endif
