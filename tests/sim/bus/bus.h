/*
 * bus.h - the whole bus in one process on a virtual clock: broker, clients, network and disk, from one seed.
 *
 * The broker is the real brain, the clients are the C client's real step logic (bindings/c: one credit machine), the
 * store is a real store: for one seed of BUS_DISK_EVERY it is SQLite on the disk of tests/sim/disk.h. Simulated are what lies between: links that delay, break and go silent, processes that
 * crash and freeze, a disk that is slow, full, or loses what was not synced, a wall clock that jumps.
 *
 *   plan.c draws what happens from the seed; actor.c does it with a client; link.c carries frames; host.c runs the
 *   brain and the disk; ledger.c keeps the books of an outside observer; bus.c is the clock; main.c the many seeds.
 *
 * A run ends in calm: faults healed, consumers acknowledge everything, until nothing is left. Then the books are judged.
 * The first broken oracle ends the run (bus_fail). Decision: docs/decisions/0016.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_TESTS_SIM_BUS_H
#define STRATO_TESTS_SIM_BUS_H

#include "bindings/c/producer.h"
#include "bindings/c/request.h"
#include "bindings/c/stream.h"
#include "broker/brain/brain.h"
#include "broker/store/store.h"

enum {
    BUS_MS = 1000,            /* one, in the clock's microseconds */
    BUS_CALM_MS = 400 * 1000, /* after the plan: whatever is still there then is stuck */
    BUS_HAND_MAX = 64,        /* messages that a consumer holds */
    BUS_WAITING_MAX = 16,     /* sends that a producer cannot get rid of; more are not begun */
    BUS_STUCK_FRAMES = 64,    /* unread by a frozen client: the broker's socket would be full */
    BUS_ADMIN_PEER = 1,
    BUS_DISK_EVERY =
        4, /* so many seeds, one has the SQLite store on the simulated disk, the others the reference in memory */
};

/* ---- what there is ------------------------------------------------------------------------------- */

enum bus_channel {
    BUS_JOBS,
    BUS_ORDERS,
    BUS_SINGLE,
    BUS_FRESH,
    BUS_FIRST,
    BUS_REJECT,
    BUS_ASK,
    BUS_NEWS,
    BUS_COPIES,
    BUS_CHANNELS
};
extern const char *const bus_channel_names[BUS_CHANNELS];
/** Confirmed messages of these must be accounted for one by one: nothing in them is dropped by design. */
bool bus_channel_is_exact(enum bus_channel channel);
bool bus_channel_is_durable(enum bus_channel channel);
void bus_channel_configs(struct brain_channel_config configs[BUS_CHANNELS]);

enum bus_role { BUS_PRODUCER, BUS_CONSUMER, BUS_REQUESTER, BUS_RESPONDER, BUS_SUBSCRIBER };
enum { BUS_PRODUCERS = 4, BUS_CONSUMERS = 4, BUS_ACTORS = BUS_PRODUCERS + BUS_CONSUMERS + 3 };

/* ---- the plan ------------------------------------------------------------------------------------ */

enum bus_step_kind {
    BUS_SEND,
    BUS_PUBLISH,
    BUS_REQUEST,
    BUS_ACK,
    BUS_NACK,
    BUS_NACK_DEAD,
    BUS_EXTEND,
    BUS_BARRIER, /* ask for confirmation of what was settled */
    BUS_REPLY,
    BUS_CUT,       /* the connection breaks, both ends see it */
    BUS_SILENCE,   /* half-open: from now on nothing arrives on this connection; one way or both */
    BUS_CRASH,     /* of a client, for a while */
    BUS_FREEZE,    /* SIGSTOP, for a while */
    BUS_KILL,      /* kill -9 of the broker, and a restart */
    BUS_DISK_FULL, /* for a while */
    BUS_DISK_SLOW,
    BUS_CLOCK_JUMP, /* of the wall clock */
    BUS_REDRIVE,
    BUS_TEE, /* a routing rule comes and goes */
    BUS_STEP_KINDS
};

struct bus_step {
    uint64_t at_us;
    enum bus_step_kind kind;
    uint8_t actor;
    uint8_t channel;
    uint32_t ms;     /* how long */
    uint32_t choice; /* drawn for it: which message, which priority */
    bool is_left_out;
};

struct bus_plan {
    uint64_t seed;
    struct bus_step *steps;
    size_t count;
    uint64_t end_us;
};
void plan_draw(struct bus_plan *plan, uint64_t seed);
void plan_fini(struct bus_plan *plan);
/** One line, for people. */
void plan_print(const struct bus_plan *plan, size_t at, char *text, size_t bytes);

/* ---- the books of an outside observer -------------------------------------------------------------- */

enum bus_fate { BUS_UNDECIDED, BUS_CONFIRMED, BUS_REFUSED, BUS_UNKNOWN /* the session ended first */ };

struct bus_entry {
    enum bus_channel channel;
    uint8_t producer;
    uint32_t incarnation; /* of the producer */
    uint8_t lane, key;    /* key 0 = none */
    bool has_ttl, has_delay, is_resent;
    enum bus_fate fate;
    uint32_t confirmed_life; /* of the broker */
    uint32_t received;
    uint32_t delivered, delivered_life; /* by the broker, and in which life */
    uint64_t deliveries;                /* numbers of those in that life: one bit each */
    bool is_settled;                    /* confirmed */
    uint32_t settled_life;
    bool is_nacked_dead;
    struct strato__watch watch;
    bool is_watched;
};

struct bus_ledger {
    struct bus_entry **entries; /* by number, 1.. */
    uint32_t count, capacity;
    uint32_t last_first[BUS_PRODUCERS][4]; /* SINGLE: last first delivery by producer and lane */
    uint32_t last_key[BUS_CHANNELS][BUS_PRODUCERS][8];
    bool has_redriven; /* from then on a message may come again */
    bool has_jumped;   /* the wall clock: a restart measures by it how long ids are remembered */
    uint64_t confirmed, refused, unknown, received, settled, requests, results, events, lagged, life_lost;
};

/* ---- processes ----------------------------------------------------------------------------------- */

struct bus;

struct bus_parcel {
    struct bus_parcel *next;
    uint64_t due_us;
    uint8_t *data;
    size_t bytes;
};

struct bus_link {
    brain_peer peer;
    bool is_up, is_silent_up, is_silent_down, is_stuck;
    struct bus_parcel *up, *up_last, *down, *down_last;
    uint32_t down_count;
    uint64_t up_due_us, down_due_us, frames;
};

struct bus_actor {
    enum bus_role role;
    uint8_t index; /* of all */
    bool is_alive;
    uint32_t incarnation;
    uint64_t born_us;   /* when it comes back */
    uint64_t frozen_us; /* until */
    struct strato__session session;
    struct bus_link link;
    /* producer */
    uint32_t waiting[BUS_WAITING_MAX], waiting_count; /* numbers of messages that have no credit yet */
    uint32_t *watched, watched_count, watched_capacity;
    /* consumer, responder, subscriber */
    struct strato__stream *streams[BUS_CHANNELS];
    struct strato_message *hand[BUS_HAND_MAX];
    uint32_t hand_count;
    uint32_t *acked, acked_count, acked_capacity; /* since the last barrier */
    struct strato__ask *barrier;
    uint32_t barrier_upto; /* of acked */
    uint64_t stale;        /* E_STALE_LEASE frames seen */
    uint64_t barrier_stale;
    /* requester */
    uint64_t requests_open, requests_end_us;
    /* subscriber */
    uint64_t last_seq, last_epoch;
};

struct bus_host {
    struct brain *brain;
    struct brain_out out;
    uint32_t life; /* 1.. */
    bool is_up;
    uint64_t restart_us;
    brain_peer peers;      /* the last number given */
    struct bus_news *news; /* PEER_DOUBT, PEER_GONE and the like on their way */
    int64_t wall_offset_ms;
    struct store *store;
    struct disk *disk; /* NULL = the store is the reference in memory */
    struct bus_batch *batches;
    uint64_t commit_due_us; /* UINT64_MAX = none under way */
    uint64_t disk_full_until_us, disk_slow_until_us;
    uint32_t rules;
    uint64_t commits, restarts;
};

struct bus {
    uint64_t now_us, seed, drawn;
    const struct bus_plan *plan;
    size_t next_step;
    bool is_calm;
    uint64_t calm_since_us;
    struct bus_actor actors[BUS_ACTORS];
    struct bus_host host;
    struct bus_ledger ledger;
    bool is_traced;
    bool on_disk; /* the real store on the simulated disk, else the reference in memory */
};

/** A number below `below`, from the seed and nothing else that happened. */
uint64_t bus_draw(struct bus *bus, uint64_t below);
/** An oracle is broken: says so and ends the process. */
void bus_fail(struct bus *bus, const char *oracle, const char *format, ...)
    __attribute__((format(printf, 3, 4), noreturn));
void bus_trace(struct bus *bus, const char *format, ...) __attribute__((format(printf, 2, 3)));
/** Run a plan to its end and judge. Returns if every oracle held. */
void bus_run(struct bus *bus, const struct bus_plan *plan);

/* link.c */
void link_open(struct bus *bus, struct bus_actor *actor);
void link_cut(struct bus *bus, struct bus_actor *actor);
void link_send_up(struct bus *bus, struct bus_actor *actor, struct strato_bytes frame);
void link_send_down(struct bus *bus, struct bus_actor *actor, struct strato_bytes frame);
/** Deliver what is due. */
void links_step(struct bus *bus);
uint64_t links_next_us(const struct bus *bus);
struct bus_actor *link_actor(struct bus *bus, brain_peer peer);

/* host.c */
void host_start(struct bus *bus);
void host_kill(struct bus *bus, uint32_t down_ms);
void host_stop(struct bus *bus);
void host_frame(struct bus *bus, brain_peer peer, struct strato_bytes frame);
void host_news(struct bus *bus, enum brain_event_kind kind, brain_peer peer, uint32_t in_ms);
/** Everything due, then the end of the turn, if there was anything. */
void host_step(struct bus *bus);
uint64_t host_next_us(const struct bus *bus);
/** One admin operation with a map of texts as its argument. */
void host_admin(struct bus *bus, const char *operation, const char *channel, const char *const *pairs, size_t count);
bool host_is_empty(struct bus *bus, char *text, size_t bytes);

/* actor.c */
void actors_init(struct bus *bus);
void actors_fini(struct bus *bus);
void actor_crash(struct bus *bus, struct bus_actor *actor, uint32_t down_ms);
void actor_receive(struct bus *bus, struct bus_actor *actor, struct strato_bytes frame);
void actor_do(struct bus *bus, const struct bus_step *step);
void actors_step(struct bus *bus);
uint64_t actors_next_us(const struct bus *bus);
bool actors_are_done(const struct bus *bus);

/* ledger.c */
uint32_t ledger_sent(struct bus *bus, struct bus_actor *producer, const struct bus_step *step);
void ledger_decided(struct bus *bus, uint32_t number, enum bus_fate fate);
/** The number in a message's payload; 0 = none. */
uint32_t ledger_number(const struct strato_envelope *e);
/** The broker hands it out, now. */
void ledger_delivered(struct bus *bus, struct strato_bytes channel, const struct strato_envelope *e);
/** A consumer took it, perhaps long after. */
void ledger_received(struct bus *bus, uint32_t number, enum bus_channel channel, const struct strato_envelope *e);
void ledger_settled(struct bus *bus, uint32_t number);
/** At the end: is everything that was confirmed accounted for? */
void ledger_judge(struct bus *bus);
void ledger_fini(struct bus *bus);
#endif
