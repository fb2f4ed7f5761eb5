/*
 * selftest.c - one client for each endpoint, all at once; each must be told no.
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/net/selftest.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* TURNED_AWAY: the connection ended before the handshake did. A SUB and a PULL learn no more when they are refused. */
enum knock_state { KNOCKING, REFUSED, TURNED_AWAY, LET_IN, BROKEN };

/* One key for all, known to nobody. */
struct stranger {
    char public_key[STRATO_KEY_CHARS + 1], secret_key[STRATO_KEY_CHARS + 1];
};

struct knock {
    void *socket, *monitor;
    const char *endpoint;
    enum knock_state state;
};

/* The type that the edge's own clients have: with another one a refusal would prove nothing. */
static int client_type(enum net_role role)
{
    switch (role) {
    case NET_PUB_OUT:
        return ZMQ_SUB;
    case NET_PUB_IN:
        return ZMQ_PUB;
    case NET_EVENTS_PUSH:
    case NET_WORK_IN:
        return ZMQ_PUSH;
    case NET_WORK_OUT:
        return ZMQ_PULL;
    case NET_NATIVE:
    case NET_LOCAL:
        break;
    }
    return ZMQ_DEALER;
}

static bool open_knock(struct knock *k, void *context, enum net_role role, const uint8_t *server_key,
                       const struct stranger *stranger, size_t number)
{
    int zero = 0, never = -1;
    char name[48];

    snprintf(name, sizeof name, "inproc://strato.selftest.%zu", number);
    k->socket = zmq_socket(context, client_type(role));
    k->monitor = zmq_socket(context, ZMQ_PAIR);
    return k->socket && k->monitor && zmq_setsockopt(k->socket, ZMQ_LINGER, &zero, sizeof zero) == 0 &&
           zmq_setsockopt(k->monitor, ZMQ_LINGER, &zero, sizeof zero) == 0 &&
           zmq_setsockopt(k->socket, ZMQ_RECONNECT_IVL, &never, sizeof never) == 0 &&
           zmq_setsockopt(k->socket, ZMQ_CURVE_SERVERKEY, server_key, STRATO_KEY_BYTES) == 0 &&
           zmq_setsockopt(k->socket, ZMQ_CURVE_PUBLICKEY, stranger->public_key, STRATO_KEY_CHARS + 1) == 0 &&
           zmq_setsockopt(k->socket, ZMQ_CURVE_SECRETKEY, stranger->secret_key, STRATO_KEY_CHARS + 1) == 0 &&
           zmq_socket_monitor(k->socket, name, ZMQ_EVENT_ALL) == 0 && zmq_connect(k->monitor, name) == 0 &&
           zmq_connect(k->socket, k->endpoint) == 0;
}

static void hear(struct knock *k)
{
    struct net_monitor_event event;

    while (k->state == KNOCKING && net_monitor_receive(k->monitor, &event) == 0) {
        switch (event.event) {
        case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
            k->state = LET_IN;
            break;
        case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
            k->state = REFUSED;
            break;
        case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
        case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
        case ZMQ_EVENT_DISCONNECTED:
        case ZMQ_EVENT_CLOSED:
            k->state = TURNED_AWAY;
            break;
        default:
            break;
        }
    }
}

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void wait_for_all(struct knock *knocks, size_t count)
{
    zmq_pollitem_t *items = calloc(count + 1, sizeof *items);
    int64_t deadline = now_ms() + NET_SELFTEST_MS, left;
    size_t open = 1;

    while (items && open > 0 && (left = deadline - now_ms()) > 0) {
        open = 0;
        for (size_t i = 0; i < count; i++)
            if (knocks[i].state == KNOCKING)
                items[open++] = (zmq_pollitem_t){ .socket = knocks[i].monitor, .events = ZMQ_POLLIN };
        if (open > 0 && zmq_poll(items, (int)open, (long)left) < 0 && errno != EINTR)
            break;
        for (size_t i = 0; i < count; i++)
            hear(&knocks[i]);
    }
    free(items);
}

static int judge(const struct knock *knocks, size_t count, uint64_t refusals, char *detail, size_t detail_bytes)
{
    for (size_t i = 0; i < count; i++) {
        if (knocks[i].state == REFUSED || (knocks[i].state == TURNED_AWAY && refusals >= count))
            continue;
        if (knocks[i].state == LET_IN) {
            snprintf(detail, detail_bytes,
                     "self-test: a key made up at this moment was let in at %s, so keys are not asked for; this libzmq "
                     "may lack ZAP_ENFORCE_DOMAIN",
                     knocks[i].endpoint);
            return STRATO_EAUTH;
        }
        snprintf(detail, detail_bytes, "self-test: %s did not refuse a stranger's key as it should within %d s",
                 knocks[i].endpoint, NET_SELFTEST_MS / 1000);
        return STRATO_EIO;
    }
    return 0;
}

static size_t count_endpoints(const struct net_socket *sockets, size_t sockets_count)
{
    size_t count = 0;

    for (size_t i = 0; i < sockets_count; i++)
        count += sockets[i].endpoints_count;
    return count;
}

int net_selftest(const struct net_socket *sockets, size_t sockets_count, const uint8_t server_key[STRATO_KEY_BYTES],
                 struct net_zap *zap, char *ret_detail, size_t detail_bytes)
{
    struct knock *knocks = calloc(count_endpoints(sockets, sockets_count) + 1, sizeof *knocks);
    void *context = zmq_ctx_new();
    struct stranger stranger = { .public_key = "" };
    uint8_t key[STRATO_KEY_BYTES] = { 0 };
    size_t count = 0;
    int rc = STRATO_ENOMEM;

    if (zmq_curve_keypair(stranger.public_key, stranger.secret_key) == 0 &&
        strato_key_parse(strato_text(stranger.public_key), key) && zap)
        net_zap_watch(zap, key);
    for (size_t i = 0; i < sockets_count && knocks && context; i++) {
        for (size_t e = 0; e < sockets[i].endpoints_count; e++) {
            struct knock *k = &knocks[count];

            if (net_endpoint_transport(sockets[i].endpoints[e]) != NET_TCP)
                continue;
            k->endpoint = sockets[i].endpoints[e];
            if (!open_knock(k, context, sockets[i].role, server_key, &stranger, count++))
                k->state = BROKEN;
        }
    }
    if (knocks && context) {
        wait_for_all(knocks, count);
        rc = judge(knocks, count, zap ? net_zap_watched(zap) : 0, ret_detail, detail_bytes);
    }
    for (size_t i = 0; i < count; i++) {
        if (knocks[i].socket)
            zmq_close(knocks[i].socket);
        if (knocks[i].monitor)
            zmq_close(knocks[i].monitor);
    }
    if (context)
        zmq_ctx_term(context);
    free(knocks);
    explicit_bzero(&stranger, sizeof stranger);
    return rc;
}
