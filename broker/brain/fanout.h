/*
 * fanout.h - events to subscribers, and copies to taps: one history ring per channel, a cursor per queue.
 *
 * A subscription is a queue: the events between its cursor and the newest that match its globs, at most
 * `capacity` of them. Nothing is stored per subscriber, so a thousand of them cost a thousand cursors.
 * When a queue is full its oldest event is dropped, counted, and told by `lagged` before the next one; the
 * others do not notice. A group's members share one queue. A tap is a queue on any channel that counts
 * in no law. Rules: semantics.md 32 and 37.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_BRAIN_FANOUT_H
#define STRATO_BRAIN_FANOUT_H

#include "broker/brain/consumer.h"
#include "broker/brain/lag.h"

enum fanout_policy { FANOUT_DROP_OLDEST, FANOUT_BLOCK, FANOUT_DISCONNECT };

enum { FANOUT_MATCH_MAX = 64, FANOUT_EXPIRY_MS = 1000, FANOUT_SPAN_SLACK = 65536 };

struct subscription {
    struct subscription *next; /* of the channel */
    struct channel *channel;
    char group[STRATO_NAME_BYTES_MAX + 1]; /* "" = one member only */
    char *match[FANOUT_MATCH_MAX];
    uint32_t match_count; /* 0 = everything */
    enum fanout_policy policy;
    bool is_tap;
    struct consumer *members; /* list */
    uint64_t next_seq;        /* cursor: first event not handed out or passed over */
    uint64_t scanned;         /* events below it were matched and counted */
    uint64_t pending;         /* ready: matching events in [next_seq, scanned) */
    uint64_t leased;          /* handed out and not taken */
    uint64_t *replay; /* seqs that a member was sent and had not taken when its connection broke: first in line */
    uint32_t replay_at, replay_count;
    struct lags lags;  /* lost, and to be said before the next newer event */
    struct lags told;  /* said, and nobody knows yet whether it arrived */
    uint64_t told_tag; /* of the event behind the last notice: taken, it proves that it did */
};

/** Join `group`'s queue, or make one. match globs are copied. from_seq 0 = live only. @return 0 or an error with detail. */
int fanout_subscribe(struct consumer *c, struct strato_bytes group, const struct strato_bytes *match,
                     uint32_t match_count, enum fanout_policy policy, uint64_t from_seq);
/** Leave; the last member ends the queue and what is left in it is dropped for the reason given. */
void fanout_leave(struct consumer *c, enum channel_drop why);
/** Offer what was accepted since the last time to every queue. */
void fanout_scan(struct channel *ch);
/** End the sessions that fell behind under policy disconnect. At the end of a turn only: no handler may still hold one. */
void fanout_disconnect_slow(struct channel *ch);
/** Hand out what the members have credit for. */
void fanout_dispatch(struct channel *ch);
/** The consumer's application took tags below `taken`. */
void fanout_taken(struct consumer *c, uint64_t taken);
/** It resumed: what it was sent and had not taken is ready again. */
void fanout_rewind(struct consumer *c);
/** Free room of the fullest blocking queue; UINT64_MAX if none blocks. */
uint64_t fanout_block_room(const struct channel *ch);
/** The oldest seq that a queue refers to. */
uint64_t fanout_keep_from(const struct channel *ch);
void fanout_expire(struct channel *ch);
#endif
