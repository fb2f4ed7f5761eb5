/*
 * socket.c - DEALER and monitor.
 *
 * SPDX-License-Identifier: MIT
 */
#include "bindings/c/net/socket.h"

#include "core/envelope.h"
#include "core/handover.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <zmq.h>

enum { PARTS_MAX = 1 + STRATO_ATTACHMENTS_MAX, CONTEXT_ZERO_COPY_RECV = 10 };

/* A received message and what libzmq keeps for it. */
struct received {
    struct strato__inbound inbound;
    uint32_t parts;
    struct strato_bytes *views;
    zmq_msg_t messages[];
};

int strato__socket_init(struct strato__socket *k, const char *endpoint, const struct strato_client_options *options)
{
    void *context = options->zmq_context;
    int rc;

    *k = (struct strato__socket){ .fd = -1, .monitor_fd = -1 };
    rc = strato__credentials_read(options, &k->credentials);
    if (rc < 0)
        return rc;
    k->credentials.is_on = k->credentials.is_on && strncmp(endpoint, "tcp:", 4) == 0;
    k->endpoint = strdup(endpoint);
    if (!k->endpoint)
        return STRATO_ENOMEM;
    k->context = context ? context : zmq_ctx_new();
    if (!k->context)
        return STRATO_ENOMEM;
    k->owns_context = !context;
    if (k->owns_context)
        /* Without it every received message pins an 8 KiB read buffer (protocol.md 16.4). */
        (void)zmq_ctx_set(k->context, CONTEXT_ZERO_COPY_RECV, 0);
    return 0;
}

void strato__socket_fini(struct strato__socket *k)
{
    strato__socket_close(k, 0);
    strato__outbox_fini(&k->staged);
    if (k->owns_context)
        while (zmq_ctx_term(k->context) < 0 && errno == EINTR)
            continue;
    free(k->endpoint);
    strato__credentials_wipe(&k->credentials);
    *k = (struct strato__socket){ .fd = -1, .monitor_fd = -1 };
}

static int set_int(void *socket, int option, int value)
{
    return zmq_setsockopt(socket, option, &value, sizeof value) < 0 ? STRATO_EIO : 0;
}

static int options_set(void *dealer)
{
    int rc = set_int(dealer, ZMQ_LINGER, 1000);

    /* IMMEDIATE: a pipe to a broker that is not there would swallow messages. */
    rc = rc < 0 ? rc : set_int(dealer, ZMQ_IMMEDIATE, 1);
    rc = rc < 0 ? rc : set_int(dealer, ZMQ_IPV6, 1);
    rc = rc < 0 ? rc : set_int(dealer, ZMQ_RECONNECT_IVL, 100);
    return rc < 0 ? rc : set_int(dealer, ZMQ_RECONNECT_IVL_MAX, 5000);
}

static int monitor_open(struct strato__socket *k)
{
    static atomic_uint serial; /* a monitor's name is not free again at once */
    char name[64];

    if (strncmp(k->endpoint, "inproc:", 7) == 0)
        return 0;
    snprintf(name, sizeof name, "inproc://strato.client.monitor.%u", atomic_fetch_add(&serial, 1));
    if (zmq_socket_monitor(k->dealer, name,
                           ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_SUCCEEDED |
                               ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
                               ZMQ_EVENT_HANDSHAKE_FAILED_AUTH) < 0)
        return STRATO_EIO;
    k->monitor = zmq_socket(k->context, ZMQ_PAIR);
    if (!k->monitor || set_int(k->monitor, ZMQ_LINGER, 0) < 0 || zmq_connect(k->monitor, name) < 0)
        return STRATO_EIO;
    return 0;
}

static int fd_of(void *socket)
{
    int fd = -1;
    size_t bytes = sizeof fd;

    if (socket && zmq_getsockopt(socket, ZMQ_FD, &fd, &bytes) < 0)
        return -1;
    return fd;
}

int strato__socket_open(struct strato__socket *k)
{
    int rc;

    strato__socket_close(k, 0);
    k->dealer = zmq_socket(k->context, ZMQ_DEALER);
    if (!k->dealer)
        return errno == EMFILE ? STRATO_ELIMIT : STRATO_ENOMEM;
    k->is_refused = false;
    rc = options_set(k->dealer);
    if (rc == 0)
        rc = strato__credentials_apply(&k->credentials, k->dealer);
    if (rc == 0)
        rc = monitor_open(k);
    if (rc == 0 && zmq_connect(k->dealer, k->endpoint) < 0)
        rc = errno == ECONNREFUSED ? STRATO_EUNREACHABLE : STRATO_EINVAL; /* ECONNREFUSED: inproc, not bound */
    if (rc < 0) {
        strato__socket_close(k, 0);
        return rc;
    }
    k->fd = fd_of(k->dealer);
    k->monitor_fd = fd_of(k->monitor);
    return 0;
}

void strato__socket_close(struct strato__socket *k, int linger_ms)
{
    strato__outbox_clear(&k->staged);
    if (k->dealer) {
        (void)set_int(k->dealer, ZMQ_LINGER, linger_ms);
        (void)zmq_socket_monitor(k->dealer, NULL, 0);
        (void)zmq_close(k->dealer);
    }
    if (k->monitor)
        (void)zmq_close(k->monitor);
    k->dealer = k->monitor = NULL;
    k->fd = k->monitor_fd = -1;
}

/* ---- receiving ----------------------------------------------------------------------------------- */

static void received_free(struct strato__inbound *inbound)
{
    struct received *r = (struct received *)inbound; /* its first member */

    for (uint32_t i = 0; i < r->parts; i++)
        zmq_msg_close(&r->messages[i]);
    free(r->views);
    free(r);
}

static void discard_rest(void *dealer, zmq_msg_t *last)
{
    while (zmq_msg_more(last) && zmq_msg_recv(last, dealer, ZMQ_DONTWAIT) >= 0)
        continue;
    zmq_msg_close(last);
}

/* One zmq_msg_t is moved into its final place first, then asked for its data: short ones live inside it. */
static struct received *wrap(zmq_msg_t *parts, uint32_t count)
{
    struct received *r = calloc(1, sizeof *r + count * sizeof(zmq_msg_t));

    if (r && count > 1) {
        r->views = calloc(count - 1, sizeof *r->views);
        if (!r->views) {
            free(r);
            r = NULL;
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!r) {
            zmq_msg_close(&parts[i]);
            continue;
        }
        zmq_msg_init(&r->messages[i]);
        zmq_msg_move(&r->messages[i], &parts[i]);
        zmq_msg_close(&parts[i]);
        if (i > 0)
            r->views[i - 1] = strato_bytes(zmq_msg_data(&r->messages[i]), zmq_msg_size(&r->messages[i]));
    }
    if (!r)
        return NULL;
    r->parts = count;
    atomic_init(&r->inbound.references, 1);
    r->inbound.frame = strato_bytes(zmq_msg_data(&r->messages[0]), zmq_msg_size(&r->messages[0]));
    r->inbound.attachments = r->views;
    r->inbound.attachments_count = count - 1;
    r->inbound.free_fn = received_free;
    return r;
}

int strato__socket_receive(struct strato__socket *k, struct strato__inbound **ret_inbound)
{
    zmq_msg_t parts[PARTS_MAX];
    struct received *r;
    uint32_t count = 0;

    if (!k->dealer)
        return 0;
    for (;;) {
        zmq_msg_init(&parts[count]);
        if (zmq_msg_recv(&parts[count], k->dealer, ZMQ_DONTWAIT) < 0) {
            /* the first part: nothing is there; later parts of a message are always there */
            zmq_msg_close(&parts[count]);
            while (count > 0)
                zmq_msg_close(&parts[--count]);
            return 0;
        }
        count++;
        if (!zmq_msg_more(&parts[count - 1]))
            break;
        if (count == PARTS_MAX) {
            discard_rest(k->dealer, &parts[--count]);
            while (count > 0)
                zmq_msg_close(&parts[--count]);
            return STRATO_ELIMIT;
        }
    }
    strato_handover_take();
    r = wrap(parts, count);
    if (!r)
        return STRATO_ENOMEM;
    *ret_inbound = &r->inbound;
    return 1;
}

/* ---- sending ------------------------------------------------------------------------------------- */

static void landed(void *data, void *hint)
{
    (void)data;
    strato__buffer_landed(hint);
}

/* 1 = libzmq took it; 0 = not now; the part keeps its reference then. */
static int send_part(void *dealer, const struct strato__part *part)
{
    void *data = (void *)(uintptr_t)part->buffer->data; /* libzmq only reads it */
    zmq_msg_t message;

    strato__buffer_hold(part->buffer);
    if (zmq_msg_init_data(&message, data, part->buffer->bytes, landed, part->buffer) < 0) {
        strato__buffer_drop(part->buffer);
        return 0;
    }
    strato_handover_give();
    if (zmq_msg_send(&message, dealer, ZMQ_DONTWAIT | (part->more ? ZMQ_SNDMORE : 0)) >= 0)
        return 1;
    zmq_msg_close(&message); /* lands it: counted anew with the next attempt */
    return 0;
}

int strato__socket_send(struct strato__socket *k)
{
    int sent = 0;

    while (k->dealer && k->staged.count) {
        struct strato__part *part = &k->staged.parts[k->staged.head];

        if (!send_part(k->dealer, part))
            break;
        sent += !part->more;
        strato__buffer_drop(part->buffer);
        k->staged.head = (k->staged.head + 1) & (k->staged.capacity - 1);
        k->staged.count--;
    }
    return sent;
}

/* ---- events -------------------------------------------------------------------------------------- */

/* 1 = that ends the connection. Without keys a handshake that broke off says only that nobody good was there. */
static bool take_event(struct strato__socket *k, uint16_t event)
{
    switch (event) {
    case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
        k->handshakes_failed = 0;
        return false;
    case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
        k->is_refused = true;
        return true;
    case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
        k->handshakes_failed++;
        return true;
    case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
        k->handshakes_failed += k->credentials.is_on;
        return true;
    default:
        return event == ZMQ_EVENT_DISCONNECTED;
    }
}

bool strato__socket_broke(struct strato__socket *k)
{
    bool is_broken = false;
    zmq_msg_t part;

    while (k->monitor) {
        uint16_t event = 0;
        bool more;

        zmq_msg_init(&part);
        if (zmq_msg_recv(&part, k->monitor, ZMQ_DONTWAIT) < 0) {
            zmq_msg_close(&part);
            break;
        }
        if (zmq_msg_size(&part) >= sizeof event)
            memcpy(&event, zmq_msg_data(&part), sizeof event);
        more = zmq_msg_more(&part);
        zmq_msg_close(&part);
        is_broken |= take_event(k, event);
        if (more) { /* the address */
            zmq_msg_init(&part);
            (void)zmq_msg_recv(&part, k->monitor, ZMQ_DONTWAIT);
            zmq_msg_close(&part);
        }
    }
    return is_broken;
}

bool strato__socket_has_work(struct strato__socket *k)
{
    int events = 0;
    size_t bytes = sizeof events;

    if (!k->dealer || zmq_getsockopt(k->dealer, ZMQ_EVENTS, &events, &bytes) < 0)
        return false;
    if (events & ZMQ_POLLIN)
        return true;
    if ((events & ZMQ_POLLOUT) && k->staged.count)
        return true;
    events = 0;
    if (k->monitor && zmq_getsockopt(k->monitor, ZMQ_EVENTS, &events, &bytes) == 0)
        return events & ZMQ_POLLIN;
    return false;
}
