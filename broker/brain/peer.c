/*
 * peer.c - connections: what one holds without a session, and whether it is still there.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <stdlib.h>

#include "broker/brain/state.h"

static bool is_peer(const void *item, const void *key)
{
    return ((const struct peer *)item)->id == *(const brain_peer *)key;
}

struct peer *peer_find(struct brain *brain, brain_peer id)
{
    return map_find(&brain->peers, map_hash_number(id), is_peer, &id);
}

struct peer *peer_get(struct brain *brain, brain_peer id)
{
    struct peer *peer = peer_find(brain, id);

    if (peer)
        return peer;
    if (brain->peers.count >= PEERS_MAX)
        return NULL;
    peer = calloc(1, sizeof(*peer));
    if (!peer || map_add(&brain->peers, map_hash_number(id), peer) < 0) {
        free(peer);
        return NULL;
    }
    peer->id = id;
    peer->brain = brain;
    peer->seen_ms = brain->now_ms;
    peer->timer.kind = TIMER_PEER;
    wheel_arm(&brain->wheel, &peer->timer, brain->now_ms + PEER_IDLE_MS);
    return peer;
}

struct sender *peer_sender(struct peer *peer)
{
    char affinity[24];

    if (peer->session)
        return peer->session->sender;
    if (!peer->sender) {
        snprintf(affinity, sizeof(affinity), "p%llu", (unsigned long long)peer->id);
        peer->sender = sender_new(peer->principal ? peer->principal->name : "local", NULL, affinity, 0);
    }
    return peer->sender;
}

void peer_free(struct peer *peer)
{
    struct brain *brain = peer->brain;

    if (peer->session)
        session_detach(peer->session, "its connection is gone");
    if (peer->parked)
        parking_put_end(peer->parked, 0);
    while (peer->getters)
        parking_get_end(peer->getters, 0);
    call_abandon_all(&peer->calls);
    outbox_drop_peer(peer);
    sender_drop(peer->sender);
    if (peer->principal)
        peer->principal->peers--;
    wheel_cancel(&peer->timer);
    map_remove(&brain->peers, map_hash_number(peer->id), peer);
    free(peer);
}

void peer_probe(struct peer *peer)
{
    struct strato_writer w = { 0 };
    struct strato_header_writer hw;
    struct brain_action *action;
    size_t bytes;

    if (peer->is_lockstep) /* nothing unsolicited to a REQ: what it holds ends by time */
        return;
    strato_header_begin(&hw, &w, "ping");
    strato_header_end(&hw);
    action = strato_writer_error(&w) < 0 ? NULL : outbox_action(peer->brain, BRAIN_PROBE);
    if (!action) {
        strato_writer_fini(&w);
        return;
    }
    action->peer = peer->id;
    action->data = strato_writer_take(&w, &bytes);
    action->bytes = bytes;
}

/* An L1 peer that holds nothing may be forgotten: its next frame makes it known again. */
void peer_due(struct peer *peer)
{
    struct brain *brain = peer->brain;
    uint64_t idle = brain->now_ms - peer->seen_ms;

    if (peer->is_stuck && brain->now_ms - peer->stuck_ms >= SESSION_STUCK_MS) {
        brain_log(brain, 1, "peer reads nothing, detached after_ms=%u", SESSION_STUCK_MS);
        peer_free(peer);
        return;
    }
    if (!peer->session && !peer->parked && !peer->getters && !peer->calls && idle >= PEER_IDLE_MS) {
        peer_free(peer);
        return;
    }
    if (peer->is_stuck)
        wheel_arm(&brain->wheel, &peer->timer, peer->stuck_ms + SESSION_STUCK_MS);
    else
        wheel_arm(&brain->wheel, &peer->timer, brain->now_ms + PEER_IDLE_MS);
}
