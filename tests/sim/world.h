/*
 * world.h - the real brain with simulated peers on a virtual clock.
 *
 * Peers speak real frames: what they send is written by core's writers, what they receive is decoded by
 * core's decoders. After every turn both laws are asserted. Nothing sleeps; a seed replays a run.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_TESTS_SIM_WORLD_H
#define STRATO_TESTS_SIM_WORLD_H

#include "broker/brain/brain.h"
#include "broker/store/memory.h"
#include "core/batch.h"
#include "core/header.h"

enum { WORLD_PEERS_MAX = 512 };

/** A frame that a peer received. */
struct world_frame {
    struct world_frame *next;
    struct strato_header header; /* slices point into data */
    uint8_t *data;
    size_t bytes, body_at;
    size_t blobs_count;
    struct strato_blob **blobs;
};

struct world_peer {
    bool is_lockstep, is_remote; /* remote: over tcp, not local */
    const uint8_t *key;          /* proved, 32 bytes: over tcp with CURVE; borrowed. NULL: none */
    bool is_deaf;                /* what is sent to it is thrown away (crashed) */
    struct world_frame *head, *tail;
    uint64_t received;
    /* session */
    uint8_t token[80];
    size_t token_bytes;
    uint64_t ep;
};

struct world {
    struct brain *brain;
    struct brain_out out;
    uint64_t now_ms, random, turns;
    int64_t wall_offset_ms;                   /* of the wall clock, to what it would be */
    struct world_peer peers[WORLD_PEERS_MAX]; /* by number; 0 is nobody */
    uint64_t published, edge_out, probes, closed, logs;
    uint64_t last_edge_bytes;
    bool is_drained;
    uint64_t drain_abandoned, drain_dropped, drain_kept;
    /* with a store */
    struct store *store;
    struct world_batch *batches; /* that left the brain and are on no disk yet, oldest first */
    bool holds_batches;          /* they wait for world_sync(); else every turn ends with one */
    uint64_t rows_left_out;
    char last_log[256];
};

void world_open(struct world *w, const struct brain_config *config);
/** Asserts the laws once more and frees everything. */
void world_close(struct world *w);
uint64_t world_random(struct world *w, uint64_t below);

/** What a frame is written with. */
struct world_out {
    struct world *world;
    brain_peer peer;
    struct strato_writer w;
    struct strato_header_writer header;
    struct strato_blob *blobs[64];
    size_t blobs_count;
};
void world_begin(struct world_out *o, struct world *w, brain_peer peer, const char *op);
#define world_u64(o, key, value) strato_header_u64(&(o)->header, key, value)
#define world_str(o, key, text)  strato_header_str(&(o)->header, key, strato_text(text))
/** Ends the header; envelopes may follow with world_envelope(). */
void world_body(struct world_out *o);
void world_envelope(struct world_out *o, const struct strato_envelope_out *e);
/** Send what was begun (borrowed by the brain; freed). */
void world_send(struct world_out *o);
/** Send bytes as they are. */
void world_raw(struct world *w, brain_peer peer, const void *data, size_t bytes);
/** The end of a core turn; asserts both laws. */
void world_turn(struct world *w);
/** Let time pass: ticks and turns at every timer on the way. */
void world_wait(struct world *w, uint64_t ms);
void world_event(struct world *w, enum brain_event_kind kind, brain_peer peer);
/** The oldest frame the peer has received, NULL if there is none; free with world_free(). */
struct world_frame *world_receive(struct world *w, brain_peer peer);
void world_free(struct world_frame *f);
/** Drop all that the peer has received. */
void world_clear(struct world *w, brain_peer peer);
/** Receive, and assert the operation. */
struct world_frame *world_expect(struct world *w, brain_peer peer, enum strato_op op);
/** Receive an err with this code. */
void world_expect_err(struct world *w, brain_peer peer, int err);
/** No frame is there. */
void world_expect_nothing(struct world *w, brain_peer peer);
/** Envelope k of a received frame. */
struct strato_envelope world_envelope_at(const struct world_frame *f, uint64_t k);
uint64_t world_number(struct strato_bytes raw);

/* ---- common conversations ---- */
void world_hello(struct world *w, brain_peer peer, const char *agent, const char *cap);
/** open; returns the first limit (producers). */
uint64_t world_open_channel(struct world *w, brain_peer peer, const char *channel, const char *dir);
void world_need(struct world *w, brain_peer peer, const char *channel, uint64_t upto, uint64_t wait);
/** Session put of n small messages from index i. */
void world_put(struct world *w, brain_peer peer, const char *channel, uint64_t i, uint64_t n,
               const struct strato_envelope_out *e);
/** L1 put of one message. */
void world_l1_put(struct world *w, brain_peer peer, const char *channel, uint64_t wait,
                  const struct strato_envelope_out *e);
void world_want(struct world *w, brain_peer peer, const char *channel, uint64_t limit, uint64_t taken);
void world_settle(struct world *w, brain_peer peer, const char *op, const char *channel, uint64_t tag);
void world_get(struct world *w, brain_peer peer, const char *channel, uint64_t n, uint64_t wait);
void world_sub(struct world *w, brain_peer peer, const char *channel, const char *glob, const char *policy,
               uint64_t from_seq);
void world_call(struct world *w, brain_peer peer, const char *channel, uint64_t rq, uint64_t deadline_ms,
                bool idempotent);
void world_reply(struct world *w, brain_peer peer, const char *channel, uint64_t tag, bool more);
struct brain_channel_stats world_stats(struct world *w, const char *channel);

/* ---- a broker with a store, which outlives it (world_store.c) ---- */
/** As world_open(), with an empty store. */
void world_open_kept(struct world *w, const struct brain_config *config);
/** The oldest so many batches reach the disk, and the brain hears of it in a turn of its own. */
void world_sync(struct world *w, uint64_t batches);
uint64_t world_unsynced(const struct world *w);
/** The disk refuses: the brain hears why. */
void world_store_fails(struct world *w, const char *why);
/** kill -9 and a start after down_ms: batches that are on no disk are gone, every peer has to begin anew. */
void world_crash(struct world *w, const struct brain_config *config, uint64_t down_ms);
/** Only the start: 0, or what brain_restore() said. */
int world_revive(struct world *w, const struct brain_config *config, char *ret_detail, size_t detail_bytes);
/* for world.c */
void world_keep_batch(struct world *w, struct brain_action *action);
void world_store_close(struct world *w);
void world_step(struct world *w, struct brain_event *event);
void world_assert_laws(struct world *w);
#endif
