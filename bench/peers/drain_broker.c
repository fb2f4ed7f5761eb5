/*
 * drain_broker.c - the least a ZeroMQ broker can be.
 *
 * SPDX-License-Identifier: MIT
 */
#include "bench/peers/drain_broker.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <zmq.h>

enum { DRAIN_MAX = 256, HWM = 1000, IDENTITY_MAX = 255 };

struct drain {
    void *in, *out;
    uint8_t responder[IDENTITY_MAX]; /* REQUEST: who answers */
    size_t responder_bytes;
};

static void *socket_bind(void *context, int type, char *endpoint, size_t bytes)
{
    const int hwm = HWM, on = 1, linger = 0;
    void *socket = zmq_socket(context, type);

    if (!socket)
        return NULL;
    zmq_setsockopt(socket, ZMQ_SNDHWM, &hwm, sizeof hwm);
    zmq_setsockopt(socket, ZMQ_RCVHWM, &hwm, sizeof hwm);
    zmq_setsockopt(socket, ZMQ_LINGER, &linger, sizeof linger);
    if (type == ZMQ_XPUB)
        zmq_setsockopt(socket, ZMQ_XPUB_NODROP, &on, sizeof on);
    if (type == ZMQ_ROUTER)
        zmq_setsockopt(socket, ZMQ_ROUTER_MANDATORY, &on, sizeof on);
    if (zmq_bind(socket, "tcp://127.0.0.1:*") < 0 || zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, endpoint, &bytes) < 0)
        return NULL;
    return socket;
}

/* One message with all its parts. False if there is none. */
static int forward(void *from, void *to)
{
    int has_more;

    do {
        zmq_msg_t part;

        zmq_msg_init(&part);
        if (zmq_msg_recv(&part, from, ZMQ_DONTWAIT) < 0)
            return 0;
        has_more = zmq_msg_more(&part);
        if (zmq_msg_send(&part, to, has_more ? ZMQ_SNDMORE : 0) < 0) {
            zmq_msg_close(&part);
            return 0;
        }
    } while (has_more);
    return 1;
}

/* Front: [asker][body] becomes [responder][asker][body]. */
static int forward_request(struct drain *d)
{
    zmq_msg_t part;

    zmq_msg_init(&part);
    if (d->responder_bytes == 0 || zmq_msg_recv(&part, d->in, ZMQ_DONTWAIT) < 0)
        return 0;
    zmq_send(d->out, d->responder, d->responder_bytes, ZMQ_SNDMORE);
    zmq_msg_send(&part, d->out, ZMQ_SNDMORE);
    return forward(d->in, d->out);
}

/* Behind: [responder][asker][body] becomes [asker][body]; [responder][] is its hello. */
static int forward_answer(struct drain *d)
{
    zmq_msg_t identity;

    zmq_msg_init(&identity);
    if (zmq_msg_recv(&identity, d->out, ZMQ_DONTWAIT) < 0)
        return 0;
    if (d->responder_bytes == 0) {
        d->responder_bytes = zmq_msg_size(&identity);
        memcpy(d->responder, zmq_msg_data(&identity), d->responder_bytes);
        zmq_msg_close(&identity);
        zmq_msg_init(&identity);
        zmq_msg_recv(&identity, d->out, 0);
        zmq_msg_close(&identity);
        return 1;
    }
    zmq_msg_close(&identity);
    return forward(d->out, d->in);
}

static void drain(struct drain *d, enum drain_pattern pattern)
{
    zmq_pollitem_t items[] = { { .socket = d->in, .events = ZMQ_POLLIN }, { .socket = d->out, .events = ZMQ_POLLIN } };
    int sockets = pattern == DRAIN_WORK ? 1 : 2;

    while (zmq_poll(items, sockets, -1) >= 0) {
        if (items[0].revents)
            for (int i = 0; i < DRAIN_MAX && (pattern == DRAIN_REQUEST ? forward_request(d) : forward(d->in, d->out));
                 i++)
                continue;
        if (sockets > 1 && items[1].revents) /* answers, or subscriptions on their way to the publishers */
            for (int i = 0; i < DRAIN_MAX && (pattern == DRAIN_REQUEST ? forward_answer(d) : forward(d->out, d->in));
                 i++)
                continue;
    }
}

int drain_broker_run(enum drain_pattern pattern, void (*on_ready)(void *arg, const char *in, const char *out),
                     void *arg)
{
    static const int types[][2] = {
        [DRAIN_EVENTS] = { ZMQ_XSUB, ZMQ_XPUB },
        [DRAIN_WORK] = { ZMQ_PULL, ZMQ_PUSH },
        [DRAIN_REQUEST] = { ZMQ_ROUTER, ZMQ_ROUTER },
    };
    char in[128], out[128];
    void *context = zmq_ctx_new();
    struct drain d = { 0 };

    if (!context)
        return -1;
    d.in = socket_bind(context, types[pattern][0], in, sizeof in);
    d.out = socket_bind(context, types[pattern][1], out, sizeof out);
    if (!d.in || !d.out)
        return -1;
    on_ready(arg, in, out);
    drain(&d, pattern);
    return -1;
}
