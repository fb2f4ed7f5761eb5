/*
 * channel.h - a named, bounded place for messages: its settings, its counts, and the moves between them.
 *
 * Every message of a channel is in one column of the conservation law, and only the functions here move it
 * from one to another, so the law is kept by construction and checked in O(1) after every turn:
 *   accepted = settled + expired + dead_lettered + dropped + ready + leased + delayed
 *   ready + leased + delayed + granted <= capacity, in messages and in bytes
 * Rules: semantics.md sections 2 to 4.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_BRAIN_CHANNEL_H
#define STRATO_BRAIN_CHANNEL_H

#include "broker/brain/brain.h"
#include "broker/brain/deadletter.h"
#include "broker/brain/dedup.h"
#include "broker/brain/history.h"
#include "broker/brain/lanes.h"
#include "broker/brain/map.h"
#include "core/credit.h"

struct consumer;
struct getter;
struct parked_put;
struct subscription;
struct tallies;

enum channel_drop {
    CHANNEL_DROP_QUEUE_FULL,
    CHANNEL_DROP_SLOW_SUBSCRIBER,
    CHANNEL_DROP_DISPLACED,
    CHANNEL_DROP_CANCELLED,
    CHANNEL_DROP_PURGED,
    CHANNEL_DROP_SHUTDOWN,
    CHANNEL_DROPS
};

enum {
    CHANNEL_CLASSES_MAX = 64,   /* distinct sets of needs with messages in a channel */
    CHANNEL_KEYS_MAX = 65536,   /* affinities, and order keys, known to a channel */
    CHANNEL_PARKED_MAX = 1024,  /* parked gets of a channel */
    CHANNEL_REFUSAL_CODES = 24, /* distinct codes that `refused` tells apart */
    CHANNEL_ATTEMPTS_MAX = 200, /* the most that max_deliver may be: counted in a byte */
    CHANNEL_DEAD_MAX = 100000,  /* the most dead letters that a channel may keep */
};

/** Messages that ask the same of a consumer wait together, so that what nobody can take now is passed by. */
struct work_class {
    struct work_class *next;
    bool is_spread; /* of a sticky channel, with affinity "": counts against spread_max */
    uint8_t needs_count;
    char *needs[STRATO_NEEDS_MAX];
    uint32_t messages; /* that refer to it, in any state */
    struct lanes lanes;
    struct consumer **members; /* who can take them, of members_version */
    uint32_t members_count, members_capacity;
    uint64_t members_version;
};

struct principal;

struct channel {
    struct brain *brain;
    struct brain_channel_config config;
    struct strato_bytes name; /* = config.name */
    uint64_t hash;
    uint32_t index;
    struct principal *declarer; /* the key whose client declared it; NULL = nobody's, or local's */
    bool is_builtin, is_mailbox, is_forgotten, is_paused, is_dirty, is_removed;
    struct channel *dirty_next;

    /* the law */
    uint64_t seq; /* of the last message accepted */
    uint64_t accepted, settled, expired, dead_lettered, dropped[CHANNEL_DROPS];
    uint64_t ready, leased, delayed;
    uint64_t held_bytes;             /* of ready, leased and delayed */
    uint64_t ceiling, ceiling_bytes; /* capacity; after it was lowered, what is still in, going down */
    uint64_t delivered, redelivered, no_subscriber, replies_late, refused;
    struct {
        int code;
        uint64_t count;
    } refusals[CHANNEL_REFUSAL_CODES];

    /* queue */
    struct work_class plain; /* needs nothing; first of the list */
    struct message *later;   /* list: delayed */
    struct lanes inbound;    /* MOVING messages of other channels that wait for room here, in order of arrival */
    struct channel *inbound_next;
    bool is_inbound_listed;
    uint64_t moving;         /* of this channel's ready messages: MOVING */
    uint64_t routes_version; /* of the rules by which is_routed holds */
    bool is_routed;          /* some rule may match messages of this channel */
    uint32_t classes;
    uint64_t bound; /* messages in consumers' own lanes */
    struct map affinities, orders;

    /* who is at it */
    struct strato_credit_pool credit;
    struct consumer **consumers;
    uint32_t consumers_count, consumers_capacity;
    uint64_t consumers_version; /* changes with every arrival, departure */
    uint32_t responders;
    struct parked_put *parked_head, *parked_tail;
    uint32_t parked;
    bool is_parked_round; /* the last round of credit was for the parked puts */
    struct getter *getters_head, *getters_tail;
    uint32_t getters, getters_now;

    /* what it remembers */
    struct history history;
    struct dedup dedup;
    struct subscription *subscriptions; /* queues of subscribers and taps */
    uint32_t subscriptions_count;
    uint64_t keep_from;        /* no subscription refers to older ones; a lower bound */
    uint64_t scanned;          /* events below it have been offered to the subscriptions */
    struct wheel_timer expiry; /* events: drop what grew old in slow queues */
    struct tallies *tallies;   /* NULL: nothing is counted by name */
    struct map topics;         /* pub/sub out: last seq by two leading segments */
    struct deadletters dead;
    struct wheel_timer timer; /* waits of producers, revokes, mailbox forgotten */
    uint64_t forget_ms;       /* mailbox: its name is unknown from then on; UINT64_MAX = never */

    /* what of it is on disk (keep.h) */
    uint32_t keep_number; /* of its rows; 0 = it lives in memory only */
    uint64_t kept_from;   /* events: the rows of older ones were deleted */
    bool is_kept_dirty;   /* its counts changed in this turn */
    bool is_configured;   /* by the file: its settings win over those that are stored */
    struct channel *kept_next;
};

/** Fill in the defaults of a pattern; name stays. */
void channel_config_defaults(struct brain_channel_config *config, enum brain_pattern pattern);
/** Text of 1..128 bytes (one more for a mailbox) without blanks, '*', '>' or '@'. To be asked before a name is copied. */
bool channel_name_is_good(struct strato_bytes name);
/** @return 0 or STRATO_ECONFIG with the reason. */
int channel_config_check(const struct brain_channel_config *config, char *ret_detail, size_t detail_bytes);

/** @return 0; STRATO_EEXISTS; STRATO_ELIMIT; STRATO_ENOMEM. */
int channel_add(struct brain *brain, const struct brain_channel_config *config, bool is_builtin,
                struct channel **ret_channel);
/** Drop everything in it (cancelled), tell its producers and consumers, and forget it. */
void channel_remove(struct channel *ch);
/** Free it without telling anybody: the end of the brain. */
void channel_free(struct channel *ch);
struct channel *channel_find(struct brain *brain, struct strato_bytes name);
/** "no channel 'gup'; did you mean 'gpu'?" */
void channel_not_found_detail(struct brain *brain, struct strato_bytes name, char *ret_detail, size_t detail_bytes);

/** Remember that the channel has something to do at the end of the turn. */
void channel_touch(struct channel *ch);
bool channel_is_dropping(const struct channel *ch); /* drop_oldest, drop_newest: credit only paces */
/** Free slots and bytes; below 0 after the capacity was lowered. */
struct strato_credit_room channel_room(const struct channel *ch);
void channel_refused(struct channel *ch, int err);
void channel_dropped(struct channel *ch, enum channel_drop why, uint64_t count);
/** "queue_full". Static. */
const char *channel_drop_name(enum channel_drop why);

/* ---- moves of a message between the columns of the law ---- */

/** Give it a seq and let it in: ready, or delayed. It has its slot (checked by the caller). The reference is taken. */
void channel_accept(struct channel *ch, struct message *m, uint32_t delay_ms);
/** READY|DELAYED -> HELD: out of its queue, counted as leased. The caller has taken it out of the lanes with lanes_take(). */
void channel_lease(struct channel *ch, struct message *m);
/** HELD|STARTED -> READY at its original place, or DELAYED until then. */
void channel_requeue(struct channel *ch, struct message *m, uint64_t delay_ms);
enum channel_end { CHANNEL_SETTLED, CHANNEL_EXPIRED, CHANNEL_DEAD, CHANNEL_DROPPED };
/** The message's way ends here, from any state; its slot is free. `why`: a channel_drop or a deadletter_reason. Drops the queue's reference. */
void channel_end(struct channel *ch, struct message *m, enum channel_end end, int why, struct strato_bytes error);
/** Keep what ended dead, with the reason; the oldest of the dead letters make room. For channel_end(). */
void channel_bury(struct channel *ch, struct message *m, enum deadletter_reason reason, struct strato_bytes error);
/**
 * A record of a message that was refused at the door: where from, why, and its first 256 bytes. Never in a column of the
 * law; repeats of the same record are counted in one.
 * @param e  For type and topic, or NULL if it could not be read.
 */
void channel_bury_refused(struct channel *ch, struct sender *sender, enum deadletter_reason reason,
                          const struct strato_envelope *e, struct strato_bytes bytes, const char *detail);
/** Forget the k-th dead letter. */
void channel_unbury(struct channel *ch, uint32_t k);
/**
 * Accept the k-th dead letter again, as a new message with attempts at 0 and its time to live before it; it leaves the
 * dead letters in the same step. Not for a record of a refused message.
 * @return 0; STRATO_EFULL: no free slot; STRATO_ENOMEM, STRATO_ELIMIT. On error nothing changed.
 */
int channel_redrive(struct channel *ch, uint32_t k);
/** Its time to live is over: dead-lettered or expired, by pattern; a caller is told E_TIMEOUT. */
void channel_expire(struct channel *ch, struct message *m);
/** The timer of a READY or DELAYED message fired. */
void channel_message_due(struct channel *ch, struct message *m);
/** Ready messages whose call or delay allows it go, counted by `why`; leased ones stay. @return how many. */
uint64_t channel_purge(struct channel *ch, enum channel_drop why);
/** Put back a message that was accepted before a restart (taken): ready, or delayed for delay_ms more. */
void channel_recall(struct channel *ch, struct message *m, uint64_t delay_ms);
/** READY|WAITING -> MOVING: out of its queue, still in the column `ready`. */
void channel_set_aside(struct channel *ch, struct message *m);
/** Arm the timer of a READY, DELAYED or leased message by its state. */
void channel_arm(struct channel *ch, struct message *m, uint64_t lease_end_ms);

/** Its settings are new: lanes, credit and dead letters go by them from now on. */
void channel_settings_changed(struct channel *ch);
/** The capacity was changed: from now on the bound is the new one, or what is in as long as that is more. */
void channel_set_capacity(struct channel *ch, uint32_t capacity, uint64_t bytes_max);
/** Do both laws hold? O(1), but for O(subscriptions) on events. */
bool channel_law_holds(struct channel *ch);
void channel_stats(const struct channel *ch, struct brain_channel_stats *ret_stats);
#endif
