/*
 * edges.c - doors for plain sockets: PUB and SUB, PUSH and PULL.
 *
 * One ZeroMQ message is one message. A PULL here is not read while its channel is full, so pressure reaches
 * the senders; a PUSH here hands out only what its socket takes at once, since delivery is the ack.
 * Rule: docs/wire.md "Frames and envelope".
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/net/message.h"
#include "broker/net/shell.h"

#include <stdlib.h>

/* ---- in ------------------------------------------------------------------------------------------- */

static void take_message(struct shell *sh, struct net_socket *s, struct net_message *m, size_t heads)
{
    struct brain_event event = { .kind = BRAIN_EDGE_IN, .blobs = m->blobs, .blobs_count = m->blobs_count };
    struct net_caller caller = net_guard_caller(&sh->guard, &m->heads[m->heads_count - 1]);

    if (s->role == NET_PUB_IN)
        event.topic = net_message_head(m, 0);
    else
        event.channel = strato_text(s->role == NET_EVENTS_PUSH ? "events" : s->channel);
    if (m->heads_count == heads) /* else a topic without an envelope, which the brain counts as undecodable */
        event.data = net_message_head(m, heads - 1);
    event.key = strato_bytes(caller.key, caller.has_key ? sizeof caller.key : 0);
    shell_step(sh, &event);
}

static void read_messages(struct shell *sh, struct net_socket *s, uint32_t max)
{
    size_t heads = s->role == NET_PUB_IN ? 2 : 1;

    for (uint32_t i = 0; i < max; i++) {
        struct net_message m;

        if (net_message_receive(s->zmq, heads, false, &m) < 0)
            return;
        take_message(sh, s, &m, heads);
        net_message_fini(&m);
    }
    sh->has_more = true;
}

/* Subscriptions steer libzmq's own filter; we only count them, since events for nobody need not be written. libzmq tells
 * of the first and the last subscriber to each prefix. */
static void read_subscriptions(struct shell *sh, struct net_socket *s)
{
    bool was_read = sh->prefixes > 0;

    for (int i = 0; i < NET_DRAIN_MAX; i++) {
        struct net_message m;
        struct strato_bytes head;

        if (net_message_receive(s->zmq, 1, false, &m) < 0)
            break;
        head = net_message_head(&m, 0);
        if (head.bytes > 0 && head.data[0] == 1)
            sh->prefixes++;
        else if (head.bytes > 0 && head.data[0] == 0 && sh->prefixes > 0)
            sh->prefixes--;
        net_message_fini(&m);
    }
    if ((sh->prefixes > 0) != was_read)
        brain_publish_enable(sh->brain, sh->prefixes > 0);
}

void edges_read(struct shell *sh, struct net_socket *s)
{
    if (s->role == NET_PUB_OUT)
        read_subscriptions(sh, s);
    else if (s->role == NET_WORK_IN)
        read_messages(sh, s, brain_edge_in_room(sh->brain, s->channel));
    else
        read_messages(sh, s, NET_DRAIN_MAX);
}

/* ---- out ------------------------------------------------------------------------------------------ */

void edges_publish(struct shell *sh, struct brain_action *action)
{
    void *xpub = NULL;
    size_t topic = action->split[0], meta = action->split[1];
    int rc;

    for (size_t i = 0; i < sh->sockets_count && !xpub; i++)
        if (sh->sockets[i].role == NET_PUB_OUT)
            xpub = sh->sockets[i].zmq;
    if (!xpub)
        return;
    rc = net_send_copy(xpub, strato_bytes(action->data, topic), true);
    if (rc == 0)
        rc = net_send_copy(xpub, strato_bytes(action->data + topic, meta - topic),
                           action->bytes > meta || action->blobs_count > 0);
    if (rc == 0 && (action->bytes > meta || action->blobs_count > 0))
        rc = net_send_copy(xpub, strato_bytes(action->data + meta, action->bytes - meta), action->blobs_count > 0);
    if (rc == 0)
        net_send_blobs(xpub, action->blobs, action->blobs_count);
}

/* Only the first part can be refused; the others follow it down the same pipe or are lost with it. */
static int send_out(void *push, struct net_frame *frame)
{
    int rc = net_send_taking(push, &frame->data, frame->bytes, frame->blobs_count > 0);

    if (rc == 0 && net_send_blobs(push, frame->blobs, frame->blobs_count) < 0)
        rc = STRATO_EIO;
    return rc;
}

static void flush_outlet(struct shell *sh, struct net_outlet *outlet, void *push)
{
    uint32_t sent = 0;

    while (outlet->count > 0) {
        struct net_frame *frame = &outlet->queue[outlet->head];
        int rc;

        rc = send_out(push, frame);
        if (rc == STRATO_EAGAIN)
            break;
        net_frame_fini(frame);
        outlet->head = (outlet->head + 1) % NET_EDGE_WINDOW;
        outlet->count--;
        sent++;
    }
    if (sent == 0)
        return;
    sh->has_more = true; /* room for more */
    shell_step(sh, &(struct brain_event){ .kind = BRAIN_EDGE_SENT, .edge = outlet->edge, .count = sent });
}

void edges_out(struct shell *sh, struct brain_action *action)
{
    for (size_t i = 0; i < sh->sockets_count; i++) {
        struct net_outlet *outlet = &sh->outlets[i];

        if (sh->sockets[i].role != NET_WORK_OUT || outlet->edge != action->edge)
            continue;
        if (outlet->count < NET_EDGE_WINDOW) { /* always: the brain keeps to the window */
            outlet->queue[(outlet->head + outlet->count++) % NET_EDGE_WINDOW] =
                (struct net_frame){ action->data, action->bytes, action->blobs, action->blobs_count };
            action->data = NULL;
            action->blobs = NULL;
            action->blobs_count = 0;
        }
        flush_outlet(sh, outlet, sh->sockets[i].zmq);
        return;
    }
}

void edges_flush(struct shell *sh)
{
    for (size_t i = 0; i < sh->sockets_count; i++) {
        struct net_outlet *outlet = &sh->outlets[i];
        bool is_ready;

        if (sh->sockets[i].role != NET_WORK_OUT)
            continue;
        flush_outlet(sh, outlet, sh->sockets[i].zmq);
        is_ready = outlet->count == 0 && net_socket_takes(sh->sockets[i].zmq);
        if (is_ready == outlet->is_ready)
            continue;
        outlet->is_ready = is_ready;
        brain_edge_out_ready(sh->brain, outlet->edge, is_ready);
    }
}

void edges_hear(struct shell *sh, size_t i)
{
    struct net_monitor_event event;

    while (net_monitor_receive(sh->sockets[i].monitor, &event) == 0) {
        if (event.event == ZMQ_EVENT_ACCEPTED)
            native_accepted(sh, i, event.value);
        else if (event.event == ZMQ_EVENT_DISCONNECTED)
            native_left(sh, i, event.value);
        else if (event.event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH)
            native_refused(sh);
        if (sh->sockets[i].role != NET_WORK_OUT || event.event != ZMQ_EVENT_HANDSHAKE_SUCCEEDED ||
            sh->outlets[i].was_connected)
            continue;
        sh->outlets[i].was_connected = true;
        shell_log(sh, STRATO_LOG_INFO,
                  "first puller connected: what it has taken and not finished when it dies is lost channel=%s",
                  sh->sockets[i].channel);
    }
}
