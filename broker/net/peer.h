/*
 * peer.h - who is connected to the native edge: routing id, connection, and what still waits to be sent.
 *
 * The brain knows peers by numbers that are never reused in a run; libzmq knows them by routing id. A peer
 * here is one meeting of both. Its outbox holds what the socket would not take, bounded by count.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_NET_PEER_H
#define STRATO_NET_PEER_H

#include "broker/brain/brain.h"

enum { NET_OUTBOX_MAX = 256, NET_PROBES_MAX = 10, NET_FD_NONE = -1 };

/** A frame on its way: data is malloc'ed, blobs is a malloc'ed array of one reference each. */
struct net_frame {
    uint8_t *data;
    size_t bytes;
    struct strato_blob **blobs;
    size_t blobs_count;
};
void net_frame_fini(struct net_frame *frame);

struct net_peer {
    brain_peer number;
    struct net_peer *next; /* in its hash chain */
    int fd; /* of its connection; NET_FD_NONE for inproc and ZMTP 1 and 2. Numbers are reused by the kernel: a hint, no identity */
    bool is_local; /* inproc or a Unix socket */
    bool has_key;  /* of CURVE: */
    uint8_t key[32];
    bool is_lockstep;         /* REQ: one answer per request, behind an empty delimiter */
    bool is_stuck;            /* the socket refused; outbox in use */
    uint64_t stuck_ms;        /* since when */
    bool is_gone;             /* unreachable; what it sent may still be unread */
    uint8_t probes;           /* sent since its connection was seen to close */
    uint64_t probe_at_ms;     /* next one; 0 = no doubt */
    struct net_frame probe;   /* what to probe with; none = an empty message */
    struct net_frame *outbox; /* ring of NET_OUTBOX_MAX, allocated when first needed */
    uint32_t outbox_head, outbox_count;
    uint8_t socket; /* which ROUTER, by index: each hands out routing ids of its own */
    uint8_t rid_bytes;
    uint8_t rid[]; /* routing id: never in a reply, a log line or a metric */
};

struct net_peers {
    struct net_peer **buckets; /* by routing id; a power of two */
    size_t buckets_count;
    struct net_peer **slots; /* by the low bits of the number */
    size_t slots_count, count;
    uint32_t *free_slots; /* stack */
    size_t free_count;
    uint64_t serial;
};

int net_peers_init(struct net_peers *peers);
void net_peers_fini(struct net_peers *peers);
/** The peer with this routing id on this socket, made if it is new (number set, the rest zero). NULL: out of memory. O(1). */
struct net_peer *net_peers_meet(struct net_peers *peers, uint8_t socket, struct strato_bytes rid, bool *ret_is_new);
/** The peer with this number, or NULL if it is forgotten. O(1). */
struct net_peer *net_peers_find(const struct net_peers *peers, brain_peer number);
/** Drop it and what it still was to get. */
void net_peers_forget(struct net_peers *peers, struct net_peer *peer);

/** Put a frame behind the others; taken on success. @return 0; STRATO_ELIMIT (full); STRATO_ENOMEM. */
int net_peer_queue_take(struct net_peer *peer, struct net_frame *frame);
/** The oldest waiting frame, or NULL. Owned by the peer. */
struct net_frame *net_peer_queue_head(struct net_peer *peer);
/** Free the oldest. */
void net_peer_queue_pop(struct net_peer *peer);
#endif
