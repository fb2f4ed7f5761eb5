/*
 * native.c - the ROUTERs: frames in, frames out, and how a vanished peer is told from a quiet one.
 *
 * A closed connection is only a hint, since descriptor numbers are reused: the peer is probed until libzmq
 * says that it is unreachable. Then its last messages may still be unread, thousands of them, so it counts
 * as gone after the ROUTER has been read empty once more. Rule: docs/wire.md "The bound and credit".
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/net/message.h"
#include "broker/net/shell.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/socket.h>

/* ---- in ------------------------------------------------------------------------------------------- */

static bool is_ip(const char *address)
{
    struct in6_addr v6;
    struct in_addr v4;

    return strchr(address, '%') || inet_pton(AF_INET6, address, &v6) == 1 || inet_pton(AF_INET, address, &v4) == 1;
}

/* A Unix socket gives rights, so both must agree: the kernel about the descriptor, whose number may have been reused since,
 * and libzmq about the address, which over ipc is "localhost:uid:gid:pid". */
static bool is_unix(int fd, const char *address)
{
    int domain = 0;
    socklen_t bytes = sizeof domain;

    return address && *address && !is_ip(address) && getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &bytes) == 0 &&
           domain == AF_UNIX;
}

/* Metadata stands on the message frame, not on the routing-id frame (libzmq 4.3.4 loses it there). */
static void learn_connection(struct net_peer *peer, enum net_role role, zmq_msg_t *frame,
                             const struct net_caller *caller)
{
    const char *address = zmq_msg_gets(frame, "Peer-Address");
    int fd = zmq_msg_get(frame, ZMQ_SRCFD);

    if (fd != peer->fd)
        peer->probe_at_ms = 0; /* another connection of the same peer: the doubt was about the old one */
    peer->fd = fd >= 0 ? fd : NET_FD_NONE;
    peer->is_local = role == NET_LOCAL || caller->is_local || (fd >= 0 && is_unix(fd, address));
    peer->has_key = caller->has_key;
    memcpy(peer->key, caller->key, sizeof peer->key);
}

static void take_frame(struct shell *sh, uint8_t socket, struct net_message *m)
{
    size_t at = m->heads_count - 1;
    struct strato_bytes rid = net_message_head(m, 0);
    struct strato_bytes frame = net_message_head(m, at);
    struct net_peer *peer;
    bool is_new;

    if (at == 0 || (frame.bytes == 0 && m->blobs_count == 0)) { /* PROBE_ROUTER and its like */
        sh->stats.empty_frames++;
        return;
    }
    peer = net_peers_meet(&sh->peers, socket, rid, &is_new);
    if (!peer)
        return;
    /* Routing ids that libzmq chose begin with 0 and never come back on another connection; own ones may. */
    if (is_new || rid.data[0] != 0) {
        struct net_caller caller = net_guard_caller(&sh->guard, &m->heads[at]);

        learn_connection(peer, sh->sockets[socket].role, &m->heads[at], &caller);
        net_door_spoke(&sh->door, peer->fd);
    }
    peer->is_lockstep = at == 2;
    shell_step(sh, &(struct brain_event){ .kind = BRAIN_FRAME,
                                          .peer = peer->number,
                                          .is_lockstep = peer->is_lockstep,
                                          .is_local = peer->is_local,
                                          .is_self_named = rid.data[0] != 0 && sh->guard.is_on &&
                                                           sh->sockets[socket].role == NET_NATIVE,
                                          .key = strato_bytes(peer->key, peer->has_key ? sizeof peer->key : 0),
                                          .data = frame,
                                          .blobs = m->blobs,
                                          .blobs_count = m->blobs_count });
}

/* This ROUTER was just read empty. */
static void release_gone(struct shell *sh, uint8_t socket)
{
    size_t kept = 0;

    for (size_t i = 0; i < sh->gone.count; i++) {
        struct net_peer *peer = net_peers_find(&sh->peers, sh->gone.numbers[i]);

        if (!peer)
            continue;
        if (peer->socket != socket) {
            sh->gone.numbers[kept++] = peer->number;
            continue;
        }
        sh->stats.gone++;
        shell_step(sh, &(struct brain_event){ .kind = BRAIN_PEER_GONE, .peer = peer->number });
        net_peers_forget(&sh->peers, peer);
    }
    sh->gone.count = kept;
}

void native_read(struct shell *sh, uint8_t socket)
{
    for (int i = 0; i < NET_DRAIN_MAX; i++) {
        struct net_message m;
        int rc = net_message_receive(sh->sockets[socket].zmq, 2, true, &m);

        if (rc == STRATO_EAGAIN) {
            release_gone(sh, socket);
            return;
        }
        if (rc == STRATO_EIO)
            return;
        take_frame(sh, socket, &m);
        net_message_fini(&m);
    }
    sh->has_more = true;
}

/* ---- out ------------------------------------------------------------------------------------------ */

static void mark_gone(struct shell *sh, struct net_peer *peer)
{
    if (peer->is_gone)
        return;
    peer->is_gone = true;
    peer->probe_at_ms = 0;
    if (net_peer_list_add(&sh->gone, peer->number) < 0)
        peer->is_gone = false; /* out of memory: the next send finds out again */
    sh->has_more = true;       /* the ROUTER must be read empty before this is news */
}

/* The routing id decides: once it is taken, the rest goes through. Data and blobs stay with the caller on EAGAIN. */
static int send_frame(struct shell *sh, struct net_peer *peer, struct net_frame *frame)
{
    void *router = sh->sockets[peer->socket].zmq;
    int rc = net_send_copy(router, strato_bytes(peer->rid, peer->rid_bytes), true);

    if (rc < 0)
        return rc;
    if (peer->is_lockstep)
        rc = net_send_copy(router, STRATO_BYTES_NONE, true);
    if (rc == 0)
        rc = net_send_taking(router, &frame->data, frame->bytes, frame->blobs_count > 0);
    if (rc == 0)
        rc = net_send_blobs(router, frame->blobs, frame->blobs_count);
    return rc == STRATO_EAGAIN ? STRATO_EIO : rc; /* half a message cannot wait */
}

static void queue_frame(struct shell *sh, struct net_peer *peer, struct net_frame *frame)
{
    if (!peer->is_stuck) {
        peer->is_stuck = true;
        peer->stuck_ms = sh->now_ms;
        sh->stats.stuck++;
        net_peer_list_add(&sh->stuck, peer->number);
        shell_step(sh, &(struct brain_event){ .kind = BRAIN_PEER_STUCK, .peer = peer->number });
    }
    if (net_peer_queue_take(peer, frame) == 0)
        return;
    /* A message must not get lost on a living session, so the session ends and its leases go back. */
    sh->stats.outbox_overflows++;
    mark_gone(sh, peer);
}

static void send_or_queue(struct shell *sh, struct net_peer *peer, struct net_frame *frame)
{
    int rc = peer->outbox_count > 0 ? STRATO_EAGAIN : send_frame(sh, peer, frame);

    if (rc == STRATO_EAGAIN)
        queue_frame(sh, peer, frame);
    else if (rc < 0)
        mark_gone(sh, peer);
}

static struct net_frame take_action(struct brain_action *action)
{
    struct net_frame frame = { action->data, action->bytes, action->blobs, action->blobs_count };

    action->data = NULL;
    action->blobs = NULL;
    action->blobs_count = 0;
    return frame;
}

void native_send(struct shell *sh, struct brain_action *action)
{
    struct net_peer *peer = net_peers_find(&sh->peers, action->peer);
    struct net_frame frame;

    if (!peer || peer->is_gone)
        return;
    frame = take_action(action);
    send_or_queue(sh, peer, &frame);
    net_frame_fini(&frame);
}

/* A ROUTER cannot end a connection, so its descriptor is shut; libzmq sees that and closes it. */
static void cut_later(struct shell *sh, int fd)
{
    if (fd < 0)
        return;
    for (size_t i = 0; i < sh->cuts_count; i++)
        if (sh->cuts[i].fd == fd)
            return;
    if (sh->cuts_count == sh->cuts_capacity) {
        size_t capacity = sh->cuts_capacity ? sh->cuts_capacity * 2 : 16;
        struct net_cut *cuts = realloc(sh->cuts, capacity * sizeof *cuts);

        if (!cuts)
            return; /* it stays; each of its frames is refused */
        sh->cuts = cuts;
        sh->cuts_capacity = capacity;
    }
    sh->cuts[sh->cuts_count++] = (struct net_cut){ fd, sh->now_ms + NET_CUT_DELAY_MS };
    sh->has_more = true; /* another turn, which sees when that is due */
}

/* It has closed by itself: the number may be another's from now on. */
static void cut_is_done(struct shell *sh, int fd)
{
    size_t kept = 0;

    for (size_t i = 0; i < sh->cuts_count; i++)
        if (sh->cuts[i].fd != fd)
            sh->cuts[kept++] = sh->cuts[i];
    sh->cuts_count = kept;
}

static uint64_t cut_due(struct shell *sh)
{
    uint64_t next = UINT64_MAX;
    size_t kept = 0;

    for (size_t i = 0; i < sh->cuts_count; i++) {
        if (sh->cuts[i].at_ms <= sh->now_ms) {
            shutdown(sh->cuts[i].fd, SHUT_RDWR);
            sh->stats.cut++;
            continue;
        }
        next = sh->cuts[i].at_ms < next ? sh->cuts[i].at_ms : next;
        sh->cuts[kept++] = sh->cuts[i];
    }
    sh->cuts_count = kept;
    return next;
}

void native_close(struct shell *sh, brain_peer number)
{
    struct net_peer *peer = net_peers_find(&sh->peers, number);

    if (!peer)
        return;
    cut_later(sh, peer->fd);
    net_peers_forget(&sh->peers, peer);
}

/* ---- doubt ---------------------------------------------------------------------------------------- */

/* An empty message is skipped by a REQ and ignored by our libraries, so it can do no harm to a peer that lives. */
static int send_probe(struct shell *sh, struct net_peer *peer)
{
    void *router = sh->sockets[peer->socket].zmq;
    int rc = net_send_copy(router, strato_bytes(peer->rid, peer->rid_bytes), true);
    bool is_empty = peer->is_lockstep || !peer->probe.data;

    if (rc < 0)
        return rc;
    sh->stats.probes++;
    return net_send_copy(router, is_empty ? STRATO_BYTES_NONE : strato_bytes(peer->probe.data, peer->probe.bytes),
                         false);
}

static void probe(struct shell *sh, struct net_peer *peer)
{
    int rc = send_probe(sh, peer);

    if (rc == STRATO_EUNREACHABLE || rc == STRATO_EIO)
        mark_gone(sh, peer);
    if (peer->is_gone || peer->probe_at_ms == 0)
        return;
    /* The monitor is often quicker than the pipe's end: ask again, at 1, 2, 4 ... ms; then it was another's number. */
    peer->probe_at_ms = peer->probes < NET_PROBES_MAX ? sh->now_ms + (1U << peer->probes) : 0;
    peer->probes++;
}

void native_probe(struct shell *sh, struct brain_action *action)
{
    struct net_peer *peer = net_peers_find(&sh->peers, action->peer);

    if (!peer || peer->is_gone)
        return;
    net_frame_fini(&peer->probe);
    peer->probe = take_action(action);
    probe(sh, peer);
}

static void doubt_connection(struct shell *sh, int fd)
{
    for (size_t i = 0; i < sh->peers.slots_count; i++) {
        struct net_peer *peer = sh->peers.slots[i];

        /* Only one ROUTER has connections with descriptors. */
        if (!peer || peer->fd != fd || peer->is_gone)
            continue;
        peer->probes = 0;
        if (peer->probe_at_ms == 0 && net_peer_list_add(&sh->doubted, peer->number) < 0)
            continue;
        peer->probe_at_ms = sh->now_ms + 1;
        shell_step(sh, &(struct brain_event){ .kind = BRAIN_PEER_DOUBT, .peer = peer->number });
    }
}

static void count_failed_handshake(struct shell *sh)
{
    uint64_t held;

    sh->stats.handshakes_failed++;
    if (shell_log_allows(sh, NET_LOG_HANDSHAKE, &held))
        shell_log(
            sh, STRATO_LOG_WARN,
            "handshake failed: not ZeroMQ, or a mechanism that this edge does not speak total=%llu held_back=%llu",
            (unsigned long long)sh->stats.handshakes_failed, (unsigned long long)held);
}

void native_refused(struct shell *sh)
{
    uint64_t counts[NET_ZAP_CAUSES], held, total = 0;
    struct net_zap_refusal last;

    if (!sh->guard.is_on)
        return;
    net_zap_counts(sh->guard.zap, counts, &last);
    for (int i = NET_ZAP_ADMITTED + 1; i < NET_ZAP_CAUSES; i++)
        total += counts[i];
    if (total == 0) /* the self-test's */
        return;
    sh->stats.handshakes_failed++;
    if (!shell_log_allows(sh, NET_LOG_REFUSED, &held))
        return;
    shell_log(sh, STRATO_LOG_WARN,
              "audit: refused cause=%s principal=%s key=\"%s\" address=%s domain=%s total=%llu held_back=%llu",
              net_zap_cause_name(last.cause), last.name, last.key, last.address, last.domain, (unsigned long long)total,
              (unsigned long long)held);
}

/* A listener that finds no descriptor spins for ever (libzmq accepts again at once), so there must always be one. The
 * connection is shut, not closed: the descriptor is libzmq's. Should the number be another's by now, it is too high as well. */
static void turn_away(struct shell *sh, int fd)
{
    uint64_t held;

    shutdown(fd, SHUT_RDWR);
    sh->stats.turned_away++;
    if (shell_log_allows(sh, NET_LOG_TURNED_AWAY, &held))
        shell_log(sh, STRATO_LOG_WARN,
                  "connection turned away: hardly a file descriptor is left total=%llu held_back=%llu",
                  (unsigned long long)sh->stats.turned_away, (unsigned long long)held);
}

static void turn_away_full(struct shell *sh, int fd)
{
    uint64_t held;

    shutdown(fd, SHUT_RDWR);
    sh->stats.turned_away_full++;
    if (shell_log_allows(sh, NET_LOG_FULL, &held))
        shell_log(sh, STRATO_LOG_WARN,
                  "connection turned away: as many are open as `connections` allows open=%u total=%llu held_back=%llu",
                  sh->door.open, (unsigned long long)sh->stats.turned_away_full, (unsigned long long)held);
}

static void turn_out_silent(struct shell *sh, int fd)
{
    uint64_t held;

    shutdown(fd, SHUT_RDWR);
    sh->stats.silent_ended++;
    if (shell_log_allows(sh, NET_LOG_SILENT, &held))
        shell_log(sh, STRATO_LOG_WARN, "connection ended: it never said a word silent=%u total=%llu held_back=%llu",
                  net_door_silent(&sh->door), (unsigned long long)sh->stats.silent_ended, (unsigned long long)held);
}

void native_accepted(struct shell *sh, size_t socket, int fd)
{
    int gone;

    if (fd < 0)
        return;
    gone = net_door_came(&sh->door, (uint8_t)socket, fd, sh->sockets[socket].role == NET_NATIVE, sh->now_ms);
    if ((uint64_t)fd >= sh->descriptors_near) {
        turn_away(sh, fd);
        return;
    }
    if (gone == fd)
        turn_away_full(sh, fd);
    else if (gone != NET_DOOR_NOBODY)
        turn_out_silent(sh, gone);
}

void native_left(struct shell *sh, size_t socket, int fd)
{
    net_door_left(&sh->door, (uint8_t)socket, fd);
    cut_is_done(sh, fd);
}

static uint64_t turn_out_overdue(struct shell *sh)
{
    int fd;

    while ((fd = net_door_overdue(&sh->door, sh->now_ms)) != NET_DOOR_NOBODY)
        turn_out_silent(sh, fd);
    return net_door_next_ms(&sh->door);
}

void native_hear(struct shell *sh, size_t socket)
{
    struct net_monitor_event event;

    while (net_monitor_receive(sh->sockets[socket].monitor, &event) == 0) {
        switch (event.event) {
        case ZMQ_EVENT_ACCEPTED:
            native_accepted(sh, socket, event.value);
            break;
        case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
            sh->stats.connected++;
            break;
        case ZMQ_EVENT_DISCONNECTED:
            sh->stats.disconnected++;
            native_left(sh, socket, event.value);
            doubt_connection(sh, event.value);
            break;
        case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
        case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
            count_failed_handshake(sh);
            break;
        case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
            native_refused(sh);
            break;
        default:
            break;
        }
    }
}

static uint64_t retry_stuck(struct shell *sh)
{
    size_t kept = 0;

    for (size_t i = 0; i < sh->stuck.count; i++) {
        struct net_peer *peer = net_peers_find(&sh->peers, sh->stuck.numbers[i]);
        struct net_frame *frame;
        int rc = 0;

        if (!peer || peer->is_gone)
            continue;
        while (rc == 0 && (frame = net_peer_queue_head(peer)) != NULL) {
            rc = send_frame(sh, peer, frame);
            if (rc == 0)
                net_peer_queue_pop(peer);
        }
        if (rc == STRATO_EAGAIN && sh->now_ms - peer->stuck_ms < NET_STUCK_MAX_MS) {
            sh->stuck.numbers[kept++] = peer->number;
        } else if (rc < 0) {
            mark_gone(sh, peer);
        } else {
            peer->is_stuck = false;
            shell_step(sh, &(struct brain_event){ .kind = BRAIN_PEER_FLOWS, .peer = peer->number });
        }
    }
    sh->stuck.count = kept;
    return kept > 0 ? sh->now_ms + NET_RETRY_MS : UINT64_MAX;
}

static uint64_t retry_doubted(struct shell *sh)
{
    uint64_t next = UINT64_MAX;
    size_t kept = 0;

    for (size_t i = 0; i < sh->doubted.count; i++) {
        struct net_peer *peer = net_peers_find(&sh->peers, sh->doubted.numbers[i]);

        if (peer && peer->probe_at_ms != 0 && peer->probe_at_ms <= sh->now_ms)
            probe(sh, peer);
        if (!peer || peer->probe_at_ms == 0)
            continue;
        sh->doubted.numbers[kept++] = peer->number;
        next = peer->probe_at_ms < next ? peer->probe_at_ms : next;
    }
    sh->doubted.count = kept;
    return next;
}

uint64_t native_retry(struct shell *sh)
{
    uint64_t stuck = retry_stuck(sh), doubted = retry_doubted(sh), cut = cut_due(sh);

    uint64_t silent = turn_out_overdue(sh);

    doubted = cut < doubted ? cut : doubted;
    doubted = silent < doubted ? silent : doubted;
    return stuck < doubted ? stuck : doubted;
}
