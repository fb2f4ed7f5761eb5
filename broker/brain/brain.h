/*
 * brain.h - the broker's logic: frames and time go in, frames go out.
 *
 * The brain owns channels, sessions, credit, leases, calls, events, history and statistics. It opens no
 * socket and reads no clock: the shell (broker/net) feeds it events with the monotonic time and carries
 * out the actions. So tests run hours of traffic in a second, and a list of events replays a bug.
 *
 * One core turn: BRAIN_FRAME for every frame that was ready, BRAIN_TICK when a timer is due, then one
 * BRAIN_TURN_END, in which the brain dispatches, grants credit, gathers what goes to each peer and checks
 * both laws (debug aborts, release counts in brain_stats.violations and refuses).
 * Rules: docs/wire.md; semantics.md.
 *
 * Peers are numbers that the shell hands out, never reused within a run. A session is what hello makes
 * of a peer; a peer without one may use the L1 operations.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_BRAIN_BRAIN_H
#define STRATO_BRAIN_BRAIN_H

#include "core/blob.h"
#include "core/bytes.h"
#include "core/envelope.h"
#include "core/errors.h"

struct auth_principals;
struct brain;
struct journal_entry;
struct strato_writer;

typedef uint64_t brain_peer; /* 0 = none */

/* ---- configuration ------------------------------------------------------------------------------- */

enum brain_pattern { BRAIN_EVENTS, BRAIN_REQUEST, BRAIN_WORK };
enum brain_full_policy { BRAIN_FULL_WAIT, BRAIN_FULL_REJECT, BRAIN_FULL_DROP_OLDEST, BRAIN_FULL_DROP_NEWEST };

/** Settings of one channel; BRAIN_CHANNEL_DEFAULTS(pattern) in channel.h fills in the rest. */
struct brain_channel_config {
    char name[STRATO_NAME_BYTES_MAX + 2]; /* "@agent" for mailboxes */
    enum brain_pattern pattern;
    enum brain_full_policy full;
    uint32_t capacity;          /* messages, 1..16777216 */
    uint64_t bytes_max;         /* default 64 MiB */
    uint32_t ttl_ms;            /* default of a message, 1..STRATO_TTL_MS_MAX */
    bool ack;                   /* messages need settling unless they say otherwise */
    bool is_sticky;             /* affinity defaults to the producer's session (gpu) */
    bool is_durable;            /* survives a restart; refused with E_STORE where the broker has no store */
    bool has_tally;             /* counts by topic and by sender: admin.stats {by} */
    uint32_t consumer_prefetch; /* default `want` */
    uint32_t start_timeout_ms;  /* 60,000 */
    uint32_t lease_ms;          /* 30,000 from START */
    uint32_t attempt_ms;        /* 30 min: no attempt is extended beyond */
    uint32_t max_deliver;       /* 5 counted attempts, then dead */
    uint32_t backoff_ms;        /* 50, doubled with each counted attempt up to .. */
    uint32_t backoff_max_ms;    /* 30,000 */
    uint32_t dedup_ms;          /* 120,000: how long an id is remembered */
    uint32_t dead_max;          /* dead letters kept, 1,000 */
    uint64_t dead_bytes_max;    /* 64 MiB */
    bool dead_on_expiry;        /* what expired goes to the dead letters, not only into the counts */
    bool dead_on_drop;          /* and so does what a full queue drops */
    bool is_strict;             /* lanes in strict order: a busy one starves those below */
    bool displaces;       /* a critical message may push the newest low one of a full channel to the dead letters */
    uint32_t history_max; /* messages kept, 10,000 */
    uint64_t history_bytes_max; /* 16 MiB */
};

enum brain_route_action { BRAIN_ROUTE_TEE, BRAIN_ROUTE_REDIRECT };
enum { BRAIN_ROUTE_PRIORITY_MAX = 255 };

/** A routing rule. Filters are globs; an empty one matches all, a set one never matches what a message lacks. */
struct brain_route {
    char id[STRATO_ID_BYTES_MAX + 1];        /* "" = the broker gives one */
    char channel[STRATO_NAME_BYTES_MAX + 2]; /* of which channels; "" = all */
    char type[STRATO_TYPE_BYTES_MAX + 1];
    char sender[2 * STRATO_NAME_BYTES_MAX + 2]; /* the stamped sender, or the agent behind its '/' */
    char to[STRATO_NAME_BYTES_MAX + 1];
    char topic[STRATO_TOPIC_BYTES_MAX + 1];
    char target[STRATO_NAME_BYTES_MAX + 2]; /* a channel or mailbox, which need not be there yet */
    enum brain_route_action action;
    uint32_t priority; /* 0..255, the highest first */
    bool is_enabled;
};

struct brain_config {
    uint64_t epoch; /* Unix ms of the broker's start, never repeated */
    uint64_t seed;  /* back-off jitter; and tokens, as long as `secret` is all zero */
    uint8_t secret
        [32]; /* what tokens and lease strings are derived from: the shell passes getrandom bytes; zero only in tests */
    uint64_t message_bytes_max; /* 10 MiB, up to 64 MiB */
    uint64_t memory_max;        /* budget; above it no credit is granted */
    uint32_t channels_max;      /* 16,384 */
    uint32_t sessions_max;      /* 4,096 */
    uint32_t hb_ms;             /* default heartbeat, 5,000 */
    uint32_t drain_timeout_ms;  /* 8,000 */
    bool has_store;             /* BRAIN_COMMIT is carried out; brain_restored() must be called before the first step */
    const struct brain_channel_config *channels; /* beyond the built-in ones. Copied. */
    size_t channels_count;
    const struct brain_route *routes; /* Copied. */
    size_t routes_count;
};

/* ---- events: what the shell tells the brain ------------------------------------------------------- */

enum brain_event_kind {
    BRAIN_FRAME,      /* a frame of the native edge: peer, data, blobs, lockstep */
    BRAIN_EDGE_IN,    /* one message of a pub/sub-in or push/pull-in edge: channel (or topic), data = envelope, blobs */
    BRAIN_EDGE_SENT,  /* push/pull-out: edge consumer `edge` has handed `count` messages to its socket (auto-ack) */
    BRAIN_PEER_DOUBT, /* the peer's connection was seen to close: probe it */
    BRAIN_PEER_GONE,  /* probe failed (EHOSTUNREACH) and the ROUTER was drained since: release what it held */
    BRAIN_PEER_STUCK, /* EAGAIN: the peer takes nothing */
    BRAIN_PEER_FLOWS, /* it takes again */
    BRAIN_TICK,       /* a timer is due (brain_next_timer_ms) */
    BRAIN_DRAIN,      /* SIGTERM: tell everybody, accept no new work */
    BRAIN_STORED,     /* all batches up to number `commit` are on disk */
    BRAIN_STORE_FAILED, /* they are not, and are tried again: data = cause and fix, for people */
    BRAIN_PRINCIPALS,   /* who is let in, from now on: `principals` (broker/auth) */
    BRAIN_TURN_END,     /* dispatch, grant, gather, check */
};

struct brain_event {
    enum brain_event_kind kind;
    brain_peer peer;
    bool is_lockstep;   /* FRAME: a REQ peer: exactly one answer, nothing unsolicited */
    bool is_local;      /* FRAME: inproc or ipc: admin verbs allowed without keys */
    bool is_self_named; /* FRAME, with keys: the client chose its routing id */
    struct strato_bytes
        key; /* FRAME, EDGE_IN: public key that its connection has proved to own, 32 bytes; none without CURVE */
    const struct auth_principals
        *principals; /* PRINCIPALS: borrowed until the next time or brain_destroy(); NULL: no keys are asked for */
    struct strato_bytes data;   /* FRAME, EDGE_IN: borrowed for the call; small messages are copied out */
    struct strato_blob **blobs; /* attachments; the brain holds references to those it keeps */
    size_t blobs_count;
    struct strato_bytes channel; /* EDGE_IN: name of the channel, or none: by topic */
    struct strato_bytes topic;   /* EDGE_IN from PUB: first frame, fills `topic` */
    uint32_t edge;               /* EDGE_SENT: which edge consumer */
    uint32_t count;              /* EDGE_SENT */
    uint64_t commit;             /* STORED */
    uint64_t wall_ms;            /* wall clock, for ts_ms stamps only */
};

/* ---- actions: what the brain asks the shell to do ------------------------------------------------- */

enum brain_action_kind {
    BRAIN_SEND, /* one native frame to `peer`: data (taken, free()), then the blobs, in order */
    BRAIN_PUBLISH, /* pub/sub out: topic, meta, envelope in `data` split by `split[]`, then the blobs; topic "!" has no envelope */
    BRAIN_EDGE_OUT, /* push/pull out: envelope in `data` and blobs for edge consumer `edge` */
    BRAIN_PROBE,    /* send `data` (a ping) to peer and report PEER_GONE if it is unreachable */
    BRAIN_CLOSE,    /* forget the peer, and cut its connection when what was sent before has had time to leave */
    BRAIN_LOG,      /* one line for people: level, text */
    BRAIN_DRAINED,  /* nothing is leased any more, or the drain timed out: the counts are in `drain` */
    BRAIN_COMMIT, /* `data` (taken) is a batch of journal.h: to be synced after those before it, then STORED{commit} */
};

struct brain_action {
    enum brain_action_kind kind;
    brain_peer peer;
    uint8_t *data; /* owned by the action until taken; freed by brain_out_fini otherwise */
    size_t bytes;
    size_t split[2];            /* PUBLISH: end of topic, end of meta */
    struct strato_blob **blobs; /* one reference each, given to the shell */
    size_t blobs_count;
    uint32_t edge;
    int level;       /* LOG: 0 error, 1 warn, 2 info, 3 debug */
    uint64_t commit; /* COMMIT: 1, 2, 3 .. */
    struct {
        uint64_t leased_abandoned, dropped_shutdown; /* of memory channels */
        uint64_t kept;                               /* messages of durable channels that the next start finds */
        uint64_t unsynced;                           /* batches that a failing store has not taken */
    } drain;
};

/** A growing list of actions, in the order in which they are to be done (control first within a turn). */
struct brain_out {
    struct brain_action *actions;
    size_t count, capacity;
};
/** Free what was not taken, and the list. */
void brain_out_fini(struct brain_out *out);
/** Same, but keep the memory for the next turn. */
void brain_out_reset(struct brain_out *out);

/* ---- the machine --------------------------------------------------------------------------------- */

/** @return 0; STRATO_ENOMEM; STRATO_ECONFIG (a channel's settings are out of range; ret_detail says which). */
int brain_open(const struct brain_config *config, uint64_t now_ms, struct brain **ret_brain, char *ret_detail,
               size_t detail_bytes);
void brain_destroy(struct brain **brain);

/**
 * Take one event. Nothing a peer sends makes it fail: refusals are answers in `out` and counters.
 * @param now_ms  Monotonic milliseconds; never goes back.
 * @return 0, or STRATO_ENOMEM (the event had no effect but for an E_NO_RESOURCES answer).
 */
int brain_step(struct brain *brain, const struct brain_event *event, uint64_t now_ms, struct brain_out *out);

/** When BRAIN_TICK is due; UINT64_MAX = never. O(1). */
uint64_t brain_next_timer_ms(const struct brain *brain);

/* ---- what outlives a restart ------------------------------------------------------------------------- */

/**
 * Take back one row of the store. Only between brain_open() with `has_store` and brain_restored(), in the order of
 * store_scan(): tables in the order of enum journal_table, channels and keys ascending.
 *
 * @param entry  Borrowed.
 * @return 0; STRATO_ENOMEM; STRATO_ECODEC: the row makes no sense to this version, and was left out (ret_detail says
 *         why); STRATO_ECONFIG: what is stored and what is configured exclude each other, and the broker should not
 *         start (ret_detail names the fix).
 */
int brain_restore(struct brain *brain, const struct journal_entry *entry, char *ret_detail, size_t detail_bytes);
/**
 * All rows were given. Makes the books of every channel add up, and says in `out` (BRAIN_LOG) what was found.
 * @return 0 or STRATO_ENOMEM.
 */
int brain_restored(struct brain *brain, struct brain_out *out);

/** Bytes of batches that are not on disk yet: above half of this durable channels get no credit, above it nothing is handed out. */
enum { BRAIN_STORE_BYTES_MAX = 32 * 1024 * 1024 };

struct brain_store_stats {
    bool has_store, is_failing;
    uint64_t commits, commits_synced; /* batches handed to the store; on disk */
    uint64_t bytes_waiting;           /* of those that are not */
    uint64_t failures;                /* times that the store said so */
};
void brain_store_stats(const struct brain *brain, struct brain_store_stats *ret_stats);

/* ---- edges of the shell ---------------------------------------------------------------------------- */

/** A push/pull-out edge competes as one consumer of `channel` with room for `window` unsent messages (auto-ack). */
int brain_edge_out_open(struct brain *brain, const char *channel, uint32_t window, uint32_t *ret_edge);
/** The edge's socket takes (true) or refuses (false) messages now; nothing is dispatched to it while false. */
void brain_edge_out_ready(struct brain *brain, uint32_t edge, bool is_ready);
/** How many messages a push/pull-in edge of `channel` may read now without breaking the bound: min(free, 64), 0 = do not poll. */
uint32_t brain_edge_in_room(const struct brain *brain, const char *channel);
/** Turn BRAIN_PUBLISH actions on for events channels (the pub/sub-out edge has subscribers), or off. */
void brain_publish_enable(struct brain *brain, bool is_enabled);

/* ---- numbers --------------------------------------------------------------------------------------- */

/** The conservation law of one channel: accepted = settled + expired + dead_lettered + dropped + ready + leased + delayed. */
struct brain_channel_stats {
    const char *name;
    enum brain_pattern pattern;
    uint64_t capacity, accepted, settled, expired, dead_lettered;
    uint64_t dropped_queue_full, dropped_slow_subscriber, dropped_displaced, dropped_cancelled, dropped_purged,
        dropped_shutdown;
    uint64_t ready, leased, delayed, granted;
    uint64_t bytes; /* held now */
    uint64_t refused, delivered, redelivered, no_subscriber;
    uint32_t producers, consumers;
};
/** Walk the channels: start with *iterator = 0; false at the end. Names live until the channel is removed. */
bool brain_channel_stats_next(const struct brain *brain, size_t *iterator, struct brain_channel_stats *ret_stats);
/** Does every channel obey both laws now? On false, ret_detail names channel and figures. Meant for the end of every test. */
bool brain_laws_hold(const struct brain *brain, char *ret_detail, size_t detail_bytes);
uint64_t brain_memory_bytes(const struct brain *brain);
/** What was refused to people rather than to channels, since the start. */
struct brain_refusals {
    uint64_t strangers;        /* frames and messages whose key is not in the keys file any more */
    uint64_t over_rate;        /* E_RATE */
    uint64_t over_connections; /* connections beyond what a key may have */
};
void brain_refusals(const struct brain *brain, struct brain_refusals *ret_refusals);
/** What admin.stats, admin.sessions and admin.route.list answer, for who runs in this process: one map each (report.c, route.c). */
enum brain_report { BRAIN_REPORT_STATS, BRAIN_REPORT_SESSIONS, BRAIN_REPORT_ROUTES };
void brain_report(const struct brain *brain, enum brain_report report, struct strato_writer *w);
/** Turns after which a channel broke a law (release builds count and refuse; debug builds abort). */
uint64_t brain_violations(const struct brain *brain);
#endif
