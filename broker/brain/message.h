/*
 * message.h - one accepted message: its place, its time, its bytes.
 *
 * 88 bytes and the envelope's pairs right behind them, from the brain's slab: a backlog costs little more
 * than its payload. What few messages need (attachments, affinity, order key, call) lies in `extra`.
 *
 * A message is counted by references: the channel's queue holds one until it is settled, the history one
 * until it scrolls out, the dead letters one.
 *
 * Rules: docs/wire.md "Envelope"; semantics.md sections 2, 5 and 7.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_BRAIN_MESSAGE_H
#define STRATO_BRAIN_MESSAGE_H

#include "broker/brain/slab.h"
#include "broker/brain/wheel.h"
#include "core/blob.h"
#include "core/envelope.h"

struct affinity;
struct call;
struct consumer;
struct needs;
struct order_key;
struct session;

enum message_state {
    MESSAGE_NEW,     /* decoded, not accepted yet */
    MESSAGE_READY,   /* in a lane */
    MESSAGE_WAITING, /* ready, behind another message of its order_key */
    MESSAGE_MOVING,  /* ready, in no lane here: it waits for room in the channel that a rule moves it to */
    MESSAGE_DELAYED, /* not before its time */
    MESSAGE_HELD,    /* delivered, not started */
    MESSAGE_STARTED,
    MESSAGE_DONE, /* settled, expired, dead or dropped; kept by history or dead letters only. Events are born so. */
};

enum {
    MESSAGE_ACK = 1,
    MESSAGE_CALL = 2,
    MESSAGE_RECEIPT = 4,
    MESSAGE_IDEMPOTENT = 8,
    MESSAGE_HAS_ID = 16,
    MESSAGE_SPREAD = 32,
    MESSAGE_HAS_AFFINITY = 64 /* in its own envelope */,
    MESSAGE_IS_PLACED = 128 /* topic_at and so on hold */
};

enum { MESSAGE_PAIRS_MAX = 240 };
#define MESSAGE_SEQ_MAX     (UINT64_C(0xffffffffffff))
#define MESSAGE_TS_MS_MAX   (UINT64_C(0xfffffffffff))
#define MESSAGE_CHANNEL_MAX (UINT32_C(0xfffff)) /* the largest index that `max-channels` allows */

/** Who sent it: interned, shared by all messages of a session or peer, outlives it. */
struct sender {
    uint32_t references;
    uint32_t session_number; /* 0 = none */
    struct session *session; /* NULL: none, or it is over */
    uint8_t name_bytes, agent_bytes, affinity_bytes;
    char name[2 * STRATO_NAME_BYTES_MAX + 2]; /* "local" or "local/agent" */
    char affinity[24];                        /* default affinity in sticky channels: the session id */
};

/** What is known of a message that came back from the dead letters. number 0 = it did not. */
struct message_past {
    uint64_t number, first_ms; /* of the entry; when it first died, wall clock */
    uint32_t count;            /* deaths for the same reason */
    uint8_t reason;
};

struct message_extra {
    struct strato_blob **blobs;
    uint32_t blobs_count;
    uint64_t blob_bytes;
    struct affinity *affinity;                     /* key it sticks to, or NULL */
    struct message *affinity_prev, *affinity_next; /* queued messages of that key, unbound ones only */
    struct order_key *order;
    struct needs *needs;
    struct call *call;
    uint32_t dead_session; /* number of the session that died holding it started */
    struct message_past past;
};

struct message {
    union {
        struct { /* READY, WAITING, DELAYED (next only for lists of its state) */
            struct message *prev, *next;
        };
        struct {                     /* HELD, STARTED */
            struct consumer *holder; /* NULL: an L1 lease, `tag` is its number */
            uint64_t tag;
        };
        struct { /* events, which are in no list and nobody's lease: where their topic and type stand in the body */
            uint32_t topic_at, topic_bytes, type_at, type_bytes;
        };
    };
    struct wheel_timer timer; /* READY, DELAYED: time to live or end of delay; HELD, STARTED: end of the lease */
    struct message_extra *extra;
    struct sender *sender;
    /* Packed: 48 bits number the messages of 8 years at a million a second, 44 bits of milliseconds reach the year 2527.
     * gcc computes in a bit field's own width: widen before shifting left. */
    uint64_t seq : 48;
    uint64_t deliveries : 16;
    uint64_t ts_ms : 44;   /* wall clock at acceptance */
    uint64_t channel : 20; /* index in the brain's channel table */
    uint32_t deadline_ms;  /* low 32 bits of the monotonic time at which it expires */
    uint32_t started_ms;   /* STARTED: since when; DELAYED: ready at; MOVING: index of the channel it goes to */
    uint32_t body_bytes;
    uint8_t state;
    uint8_t attempts; /* counted failures */
    uint8_t priority;
    uint8_t flags;
};

/** A message outlives no channel longer than 2^31 ms between looks, so 32 bits of time are enough. */
static inline uint64_t message_time(uint32_t low, uint64_t now_ms)
{
    return now_ms + (uint64_t)(int64_t)(int32_t)(low - (uint32_t)now_ms);
}

/* What the bytes hold that the timer leaves to its owner. */
enum { MESSAGE_OWN_PAIRS, MESSAGE_OWN_REFERENCES };

/** How many pairs its body has. */
static inline uint32_t message_pairs(const struct message *m)
{
    return m->timer.of_owner[MESSAGE_OWN_PAIRS];
}

static inline uint8_t *message_body(const struct message *m)
{
    return (uint8_t *)(uintptr_t)(m + 1);
}

static inline struct message *message_of_timer(struct wheel_timer *timer)
{
    return (struct message *)(void *)((char *)timer - offsetof(struct message, timer));
}

/** Bytes it counts against a channel: never more than its envelope and attachments as sent. */
static inline uint64_t message_bytes(const struct message *m)
{
    return (uint64_t)m->body_bytes + 1 + (m->extra ? m->extra->blob_bytes : 0);
}

static inline unsigned message_lane(const struct message *m)
{
    return m->priority >= 80 ? 0 : m->priority >= 60 ? 1 : m->priority >= 40 ? 2 : 3;
}

static inline struct call *message_call(const struct message *m)
{
    return m->flags & MESSAGE_CALL ? m->extra->call : NULL;
}

/**
 * Copy a decoded envelope into a new message, without the keys that only the broker may stamp.
 * @param sender  One reference is added.
 * @return the message with one reference, or NULL when out of memory.
 */
struct message *message_new(struct slab *slab, const struct strato_envelope *e, struct sender *sender);
/** The message's extra, made if absent; NULL when out of memory. */
struct message_extra *message_extra(struct slab *slab, struct message *m);
/** Attach `count` blobs, adding a reference to each. @return 0 or STRATO_ENOMEM. */
int message_attach(struct slab *slab, struct message *m, struct strato_blob *const *blobs, size_t count);
static inline void message_hold(struct message *m)
{
    m->timer.of_owner[MESSAGE_OWN_REFERENCES]++;
}
/**
 * A new message with the same envelope, attachments and sender, accepted nowhere yet: no seq, no attempts, no deliveries.
 * @return it with one reference, or NULL when out of memory.
 */
struct message *message_copy(struct slab *slab, const struct message *m);
/** Drop one reference; the last one frees message and extra (blobs included; what else extra points to was let go before). */
void message_drop(struct slab *slab, struct message *m);

struct sender *sender_new(const char *principal, const char *agent, const char *affinity, uint32_t session_number);
void sender_drop(struct sender *sender);

/** The most that message_encode() adds to a body. */
enum { MESSAGE_STAMPS_BYTES_MAX = 5 + 18 + 4 + 160 + 2 * STRATO_NAME_BYTES_MAX + 64 };

struct message_stamps {
    uint64_t epoch; /* of the broker: part of ids that the broker assigns */
    uint64_t now_ms;
    bool with_attempts; /* work and calls; events are handed out once */
    bool with_affinity; /* fill in the default affinity of a sticky channel */
};
/** Write the envelope map as it is delivered: body and stamps. @return bytes written; `to` has body_bytes + MESSAGE_STAMPS_BYTES_MAX room. */
size_t message_encode(const struct message *m, const struct message_stamps *stamps, uint8_t *to);
/** Remember where topic and type stand, for a message of an events channel; `e` is what it was made of. */
void message_place(struct message *m, const struct strato_envelope *e);
/** Topic as globs and pub/sub see it: the envelope's own, in place, else channel.type-tail[.agent], written to `scratch`. */
struct strato_bytes message_topic(const struct message *m, struct strato_bytes channel, char *scratch, size_t room);
/** Value of a str key in the body; none if absent. Found by walking: not for the fast path. */
struct strato_bytes message_field(const struct message *m, const char *key);
/** The time to live that its envelope asks for; `otherwise` if it asks for none. */
uint32_t message_ttl_ms(const struct message *m, uint32_t otherwise);
/** Write its id as it travels in an envelope. */
void message_write_id(const struct message *m, const struct message_stamps *stamps, struct strato_writer *w);
/** Its id: the client's, or 16 bytes that the broker derives, written to `own`. */
struct strato_bytes message_id(const struct message *m, uint64_t epoch, uint8_t own[16]);
#endif
