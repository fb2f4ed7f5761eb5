/*
 * zmq_load.c - load by raw ZeroMQ sockets.
 *
 * SPDX-License-Identifier: MIT
 */
#include "bench/peers/zmq_load.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

enum { HWM = 1000, SLICE_MS = 100 };

struct wire {
    void *context, *socket;
    uint8_t *body;
    size_t bytes; /* of a frame */
    uint32_t batch;
};

static int wire_open(struct load_role *role, int type, const char *endpoint, struct wire *w)
{
    const int hwm = HWM, on = 1, slice = SLICE_MS, linger = 0;

    w->batch = role->load->batch ? role->load->batch : 1;
    w->bytes = (size_t)role->load->bytes * w->batch;
    w->body = malloc(w->bytes);
    w->context = zmq_ctx_new();
    w->socket = w->context ? zmq_socket(w->context, type) : NULL;
    if (!w->body || !w->socket)
        return load_fail(role, STRATO_ENOMEM, "out of memory");
    load_body_fill(w->body, w->bytes);
    zmq_setsockopt(w->socket, ZMQ_SNDHWM, &hwm, sizeof hwm);
    zmq_setsockopt(w->socket, ZMQ_RCVHWM, &hwm, sizeof hwm);
    zmq_setsockopt(w->socket, ZMQ_SNDTIMEO, &slice, sizeof slice);
    zmq_setsockopt(w->socket, ZMQ_RCVTIMEO, &slice, sizeof slice);
    zmq_setsockopt(w->socket, ZMQ_LINGER, &linger, sizeof linger);
    zmq_setsockopt(w->socket, ZMQ_IMMEDIATE, &on, sizeof on);
    if (type == ZMQ_PUB)
        zmq_setsockopt(w->socket, ZMQ_XPUB_NODROP, &on, sizeof on);
    if (type == ZMQ_SUB)
        zmq_setsockopt(w->socket, ZMQ_SUBSCRIBE, "", 0);
    if (zmq_connect(w->socket, endpoint) < 0)
        return load_fail(role, STRATO_EUNREACHABLE, "%s: %s", endpoint, zmq_strerror(errno));
    return 0;
}

static void wire_close(struct wire *w)
{
    if (w->socket)
        zmq_close(w->socket);
    if (w->context)
        zmq_ctx_term(w->context);
    free(w->body);
}

static int send_all(struct load_role *role, struct wire *w)
{
    struct load_pace pace;

    load_wait_start(role);
    load_pace_start(&pace, role->load);
    while (!load_is_over(role)) {
        if (!load_pace_wait(&pace))
            continue;
        if (pace.interval_ns > 0)
            load_body_stamp(w->body, w->bytes, load_pace_due(&pace));
        if (zmq_send(w->socket, w->body, w->bytes, 0) < 0) {
            if (errno != EAGAIN && errno != EINTR)
                return load_fail(role, STRATO_EIO, "send: %s", zmq_strerror(errno));
            continue;
        }
        pace.sent += w->batch;
        load_count(role, w->batch, w->bytes);
    }
    return 0;
}

static int receive_all(struct load_role *role, struct wire *w)
{
    load_ready(role);
    while (!load_is_over(role)) {
        zmq_msg_t m;

        zmq_msg_init(&m);
        if (zmq_msg_recv(&m, w->socket, 0) < 0) {
            if (errno != EAGAIN && errno != EINTR)
                return load_fail(role, STRATO_EIO, "receive: %s", zmq_strerror(errno));
            continue;
        }
        load_latency(role, load_body_time(zmq_msg_data(&m), zmq_msg_size(&m)));
        load_count(role, zmq_msg_size(&m) / role->load->bytes, zmq_msg_size(&m));
        zmq_msg_close(&m);
    }
    return 0;
}

static int ask_all(struct load_role *role, struct wire *w)
{
    uint32_t in_flight = 0;

    load_wait_start(role);
    while (!load_is_over(role)) {
        zmq_msg_t m;

        while (in_flight < role->load->in_flight) {
            load_body_stamp(w->body, w->bytes, load_now_ns());
            if (zmq_send(w->socket, w->body, w->bytes, 0) < 0)
                break;
            in_flight++;
        }
        zmq_msg_init(&m);
        if (zmq_msg_recv(&m, w->socket, 0) >= 0) {
            in_flight--;
            load_latency(role, load_body_time(zmq_msg_data(&m), zmq_msg_size(&m)));
            load_count(role, 1, zmq_msg_size(&m));
        }
        zmq_msg_close(&m);
    }
    return 0;
}

static int answer_all(struct load_role *role, struct wire *w)
{
    if (zmq_send(w->socket, "", 0, 0) < 0)
        return load_fail(role, STRATO_EIO, "hello: %s", zmq_strerror(errno));
    load_ready(role);
    while (!load_is_over(role)) {
        zmq_msg_t asker, body;

        zmq_msg_init(&asker);
        zmq_msg_init(&body);
        if (zmq_msg_recv(&asker, w->socket, 0) >= 0 && zmq_msg_recv(&body, w->socket, 0) >= 0) {
            load_count(role, 1, zmq_msg_size(&body));
            zmq_msg_send(&asker, w->socket, ZMQ_SNDMORE);
            zmq_msg_send(&body, w->socket, 0);
        }
        zmq_msg_close(&asker);
        zmq_msg_close(&body);
    }
    return 0;
}

static int role_send(struct load_role *role)
{
    static const int types[] = { [LOAD_EVENTS] = ZMQ_PUB, [LOAD_WORK] = ZMQ_PUSH, [LOAD_REQUEST] = ZMQ_DEALER };
    struct wire w = { 0 };
    int rc = wire_open(role, types[role->load->pattern], role->load->endpoint, &w);

    if (rc == 0)
        rc = role->load->pattern == LOAD_REQUEST ? ask_all(role, &w) : send_all(role, &w);
    wire_close(&w);
    return rc;
}

static int role_receive(struct load_role *role)
{
    static const int types[] = { [LOAD_EVENTS] = ZMQ_SUB, [LOAD_WORK] = ZMQ_PULL, [LOAD_REQUEST] = ZMQ_DEALER };
    struct wire w = { 0 };
    int rc = wire_open(role, types[role->load->pattern], role->load->endpoint_out, &w);

    if (rc == 0)
        rc = role->load->pattern == LOAD_REQUEST ? answer_all(role, &w) : receive_all(role, &w);
    wire_close(&w);
    return rc;
}

const struct load_system load_zmq = { .name = "zmq", .send = role_send, .receive = role_receive };
