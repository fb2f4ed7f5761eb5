/*
 * peer.c - two indices over the same peers, and the ring of frames that wait.
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/net/peer.h"

#include <stdlib.h>
#include <xxhash.h>

/* Number = serial << SLOT_BITS | slot: found in O(1), and never the same twice (2^44 connections in a run). */
enum { SLOT_BITS = 20, SLOTS_FIRST = 64, BUCKETS_FIRST = 128 };

void net_frame_fini(struct net_frame *frame)
{
    free(frame->data);
    for (size_t i = 0; i < frame->blobs_count; i++)
        strato_blob_drop(frame->blobs[i]);
    free(frame->blobs);
    *frame = (struct net_frame){ 0 };
}

int net_peers_init(struct net_peers *peers)
{
    *peers = (struct net_peers){ .buckets_count = BUCKETS_FIRST };
    peers->buckets = calloc(peers->buckets_count, sizeof(struct net_peer *));
    return peers->buckets ? 0 : STRATO_ENOMEM;
}

static void peer_free(struct net_peer *peer)
{
    while (net_peer_queue_head(peer))
        net_peer_queue_pop(peer);
    free(peer->outbox);
    net_frame_fini(&peer->probe);
    free(peer);
}

void net_peers_fini(struct net_peers *peers)
{
    for (size_t i = 0; i < peers->slots_count; i++)
        if (peers->slots[i])
            peer_free(peers->slots[i]);
    free(peers->buckets);
    free(peers->slots);
    free(peers->free_slots);
    *peers = (struct net_peers){ 0 };
}

/* XXH3: a client may choose its routing id, but hardly a collision worth a chain of length. */
static size_t bucket_of(const struct net_peers *peers, uint8_t socket, struct strato_bytes rid)
{
    return (size_t)XXH3_64bits_withSeed(rid.data, rid.bytes, socket) & (peers->buckets_count - 1);
}

static int grow_buckets(struct net_peers *peers)
{
    struct net_peers wider = { .buckets_count = peers->buckets_count * 2 };

    wider.buckets = calloc(wider.buckets_count, sizeof(struct net_peer *));
    if (!wider.buckets)
        return STRATO_ENOMEM;
    for (size_t i = 0; i < peers->slots_count; i++) {
        struct net_peer *peer = peers->slots[i];
        size_t b;

        if (!peer)
            continue;
        b = bucket_of(&wider, peer->socket, strato_bytes(peer->rid, peer->rid_bytes));
        peer->next = wider.buckets[b];
        wider.buckets[b] = peer;
    }
    free(peers->buckets);
    peers->buckets = wider.buckets;
    peers->buckets_count = wider.buckets_count;
    return 0;
}

static int grow_slots(struct net_peers *peers)
{
    size_t count = peers->slots_count ? peers->slots_count * 2 : SLOTS_FIRST;
    struct net_peer **slots;
    uint32_t *free_slots;

    if (count > (size_t)1 << SLOT_BITS)
        return STRATO_ENOMEM;
    slots = realloc(peers->slots, count * sizeof(struct net_peer *));
    if (!slots)
        return STRATO_ENOMEM;
    peers->slots = slots;
    free_slots = realloc(peers->free_slots, count * sizeof *free_slots);
    if (!free_slots)
        return STRATO_ENOMEM;
    peers->free_slots = free_slots;
    for (size_t i = count; i > peers->slots_count; i--) { /* lowest on top */
        slots[i - 1] = NULL;
        free_slots[peers->free_count++] = (uint32_t)(i - 1);
    }
    peers->slots_count = count;
    return 0;
}

static struct net_peer *peer_new(struct net_peers *peers, uint8_t socket, struct strato_bytes rid)
{
    struct net_peer *peer;
    uint32_t slot;

    if (peers->free_count == 0 && grow_slots(peers) < 0)
        return NULL;
    if (peers->count >= peers->buckets_count && grow_buckets(peers) < 0)
        return NULL;
    peer = calloc(1, sizeof *peer + rid.bytes);
    if (!peer)
        return NULL;
    slot = peers->free_slots[--peers->free_count];
    peer->number = ++peers->serial << SLOT_BITS | slot;
    peer->fd = NET_FD_NONE;
    peer->socket = socket;
    peer->rid_bytes = (uint8_t)rid.bytes;
    memcpy(peer->rid, rid.data, rid.bytes);
    peers->slots[slot] = peer;
    peers->count++;
    return peer;
}

struct net_peer *net_peers_meet(struct net_peers *peers, uint8_t socket, struct strato_bytes rid, bool *ret_is_new)
{
    struct net_peer *peer = peers->buckets[bucket_of(peers, socket, rid)];
    size_t b;

    *ret_is_new = false;
    for (; peer; peer = peer->next)
        if (peer->socket == socket && strato_bytes_equal(strato_bytes(peer->rid, peer->rid_bytes), rid))
            return peer;
    peer = rid.bytes <= UINT8_MAX ? peer_new(peers, socket, rid) : NULL;
    if (!peer)
        return NULL;
    b = bucket_of(peers, socket, rid);
    peer->next = peers->buckets[b];
    peers->buckets[b] = peer;
    *ret_is_new = true;
    return peer;
}

struct net_peer *net_peers_find(const struct net_peers *peers, brain_peer number)
{
    size_t slot = number & (((uint64_t)1 << SLOT_BITS) - 1);
    struct net_peer *peer = slot < peers->slots_count ? peers->slots[slot] : NULL;

    return peer && peer->number == number ? peer : NULL;
}

void net_peers_forget(struct net_peers *peers, struct net_peer *peer)
{
    struct net_peer **at = &peers->buckets[bucket_of(peers, peer->socket, strato_bytes(peer->rid, peer->rid_bytes))];
    uint32_t slot = (uint32_t)(peer->number & (((uint64_t)1 << SLOT_BITS) - 1));

    while (*at != peer)
        at = &(*at)->next;
    *at = peer->next;
    peers->slots[slot] = NULL;
    peers->free_slots[peers->free_count++] = slot;
    peers->count--;
    peer_free(peer);
}

int net_peer_queue_take(struct net_peer *peer, struct net_frame *frame)
{
    if (peer->outbox_count == NET_OUTBOX_MAX)
        return STRATO_ELIMIT;
    if (!peer->outbox) {
        peer->outbox = calloc(NET_OUTBOX_MAX, sizeof *peer->outbox);
        if (!peer->outbox)
            return STRATO_ENOMEM;
    }
    peer->outbox[(peer->outbox_head + peer->outbox_count++) % NET_OUTBOX_MAX] = *frame;
    *frame = (struct net_frame){ 0 };
    return 0;
}

struct net_frame *net_peer_queue_head(struct net_peer *peer)
{
    return peer->outbox_count > 0 ? &peer->outbox[peer->outbox_head] : NULL;
}

void net_peer_queue_pop(struct net_peer *peer)
{
    net_frame_fini(&peer->outbox[peer->outbox_head]);
    peer->outbox_head = (peer->outbox_head + 1) % NET_OUTBOX_MAX;
    peer->outbox_count--;
}
