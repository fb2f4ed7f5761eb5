/*
 * session.h - a principal's live presence, and the peers (connections) that it may have.
 *
 *   NEW --hello--> OPEN --silent 3 x hb--> SUSPECT --any frame--> OPEN
 *   SUSPECT --probe fails | silent one more hb--> DETACHED --hello(token)--> OPEN (ep+1, token rotated)
 *   DETACHED --15 s--> leases requeued --300 s--> freed (token void)      OPEN --bye--> freed
 *
 * Rules: protocol.md section 9, semantics.md section 9.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_BRAIN_SESSION_H
#define STRATO_BRAIN_SESSION_H

#include "broker/brain/receipt.h"
#include "broker/brain/stream.h"

struct call;
struct getter;
struct outframe;
struct parked_put;
struct principal;

enum {
    SESSION_TOKEN_BYTES = 32,
    SESSION_CAPS_MAX = 64,
    SESSION_HELD_MAX = 4096,  /* messages delivered and not settled */
    SESSION_CALLS_MAX = 1024, /* calls out */
    SESSION_RESUME_LEASES_MS = 15000,
    SESSION_RESUME_MS = 300000,
    SESSION_MISSES = 3,
    SESSION_STUCK_MS = 10000,
    SESSION_REVOKE_MS = 1000,
    SESSION_REPLIES_BYTES_MAX = 8 * 1024 * 1024, /* results that wait for a resume */
};

enum session_state { SESSION_OPEN, SESSION_SUSPECT, SESSION_DETACHED };

/** Results for a caller that is away; sent when it resumes. */
struct late_result;

struct session {
    struct brain *brain;
    uint32_t number; /* 1.. */
    char sid[24];
    char agent[STRATO_NAME_BYTES_MAX + 1]; /* = sid if it asked for no name */
    char kind[16];
    char principal[STRATO_NAME_BYTES_MAX + 1]; /* name of its owner */
    struct principal *owner;
    bool is_named, has_admin;
    char *caps[SESSION_CAPS_MAX];
    uint32_t caps_count;
    uint8_t token_hash[32];
    uint64_t ep;
    enum session_state state;
    bool is_leases_gone; /* DETACHED for more than 15 s */
    uint32_t hb_ms;
    uint64_t seen_ms, state_ms; /* last frame; when `state` began */
    struct peer *peer;          /* NULL while DETACHED */
    struct sender *sender;
    struct wheel_timer timer;
    struct stream *streams; /* list */
    uint32_t streams_count, subscriptions;
    uint32_t held;      /* over all its consumers */
    struct call *calls; /* list of those it waits for */
    uint32_t calls_count;
    struct late_result *late_head, *late_tail;
    uint64_t late_bytes;
    struct receipts receipts;
};

/** A connection, with or without a session. */
struct peer {
    brain_peer id;
    struct brain *brain;
    struct session *session;
    bool is_lockstep, is_local, is_stuck, is_in_doubt;
    uint32_t owed;               /* lockstep: answers still to come */
    struct principal *principal; /* NULL until its first frame is admitted */
    uint64_t seen_ms, stuck_ms;
    struct sender *sender;     /* without a session */
    struct parked_put *parked; /* at most one */
    struct getter *getters;    /* list */
    uint32_t getters_count;
    struct call *calls; /* without a session */
    uint32_t calls_count;
    struct outframe *results; /* being filled in this turn */
    struct wheel_timer timer; /* probes, and forgetting the idle */
};

/* ---- peers ---- */
struct peer *peer_find(struct brain *brain, brain_peer id);
/** Find or make. NULL when out of memory. */
struct peer *peer_get(struct brain *brain, brain_peer id);
/** Forget it and what it had without a session (parked put and gets, calls). Its session is detached. */
void peer_free(struct peer *peer);
struct sender *peer_sender(struct peer *peer);
void peer_due(struct peer *peer);
/** Ask the shell to find out whether it is still there. */
void peer_probe(struct peer *peer);
static inline bool peer_takes(const struct peer *peer)
{
    return peer && !peer->is_stuck;
}

/* ---- sessions ---- */
struct session *session_by_agent(struct brain *brain, struct strato_bytes agent);
struct session *session_by_token(struct brain *brain, struct strato_bytes token);
/** A frame of it came in: it lives. */
void session_seen(struct session *session);
void session_suspect(struct session *session, const char *why);
/** Its connection is gone: credit comes back now, calls fail now, leases wait 15 s for a resume. */
void session_detach(struct session *session, const char *why);
/** Orderly or forced end: everything is released, the name is free. */
void session_close(struct session *session, enum session_state how, const char *why);
void session_due(struct session *session);
/** May it get new work and credit? */
static inline bool session_is_open(const struct session *session)
{
    return session->state == SESSION_OPEN && peer_takes(session->peer);
}
#endif
