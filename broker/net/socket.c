/*
 * socket.c - options by role, binds with reasons.
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/net/socket.h"

#include "broker/net/zap.h"
#include "core/port_owner.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { NET_ZAP_ENFORCE_DOMAIN = 93 }; /* a draft's name in this zmq.h, and yet an option of every libzmq since 4.3.0 */

static const struct {
    int type;
    const char *stem;
    unsigned port;
} roles[] = {
    [NET_NATIVE] = { ZMQ_ROUTER, "native", NET_PORT_NATIVE },
    [NET_LOCAL] = { ZMQ_ROUTER, "native", NET_PORT_NATIVE },
    [NET_PUB_OUT] = { ZMQ_XPUB, "pub_out", NET_PORT_PUB_OUT },
    [NET_PUB_IN] = { ZMQ_XSUB, "pub_in", NET_PORT_PUB_IN },
    [NET_EVENTS_PUSH] = { ZMQ_PULL, "events_push", NET_PORT_EVENTS_PUSH },
    [NET_WORK_IN] = { ZMQ_PULL, "push", NET_PORT_WORK },
    [NET_WORK_OUT] = { ZMQ_PUSH, "pull", NET_PORT_WORK + 1 },
};

static int set_int(void *socket, int option, int value)
{
    return zmq_setsockopt(socket, option, &value, sizeof value) == 0 ? 0 : STRATO_EIO;
}

static int set_common(void *socket)
{
    int rc = set_int(socket, ZMQ_LINGER, 0);

    rc = rc ? rc : set_int(socket, ZMQ_IPV6, 1);
    rc = rc ? rc : set_int(socket, ZMQ_BACKLOG, NET_BACKLOG);
    return rc ? rc : set_int(socket, ZMQ_HANDSHAKE_IVL, NET_HANDSHAKE_MS);
}

/* Edges without an application ping notice a dead network by TCP itself: within 30 s. */
static int set_keepalive(void *socket)
{
    int rc = set_int(socket, ZMQ_TCP_KEEPALIVE, 1);

    rc = rc ? rc : set_int(socket, ZMQ_TCP_KEEPALIVE_IDLE, 15);
    rc = rc ? rc : set_int(socket, ZMQ_TCP_KEEPALIVE_INTVL, 5);
    return rc ? rc : set_int(socket, ZMQ_TCP_KEEPALIVE_CNT, 3);
}

static int set_frame_max(void *socket, uint64_t bytes)
{
    int64_t max = (int64_t)bytes;

    return zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &max, sizeof max) == 0 ? 0 : STRATO_EIO;
}

static int set_role(void *socket, enum net_role role, const struct broker_config *config, bool has_keys)
{
    uint64_t frame_max = config->message_bytes_max + NET_HEADER_SLACK_BYTES;
    uint64_t small_max = has_keys ? NET_INITIATE_BYTES_MAX : NET_SUBSCRIPTION_BYTES_MAX;
    int rc = role == NET_NATIVE || role == NET_LOCAL ? 0 : set_keepalive(socket);

    switch (role) {
    case NET_NATIVE:
    case NET_LOCAL:
        rc = rc ? rc : set_int(socket, ZMQ_ROUTER_MANDATORY, 1);
        rc = rc ? rc : set_int(socket, ZMQ_ROUTER_HANDOVER, 0);
        rc = rc ? rc : set_int(socket, ZMQ_SNDHWM, NET_ROUTER_SNDHWM);
        rc = rc ? rc : set_int(socket, ZMQ_RCVHWM, NET_HWM);
        return rc ? rc : set_frame_max(socket, frame_max);
    case NET_PUB_OUT:
        rc = rc ? rc : set_int(socket, ZMQ_SNDHWM, NET_XPUB_SNDHWM);
        return rc ? rc : set_frame_max(socket, small_max);
    case NET_PUB_IN:
    case NET_EVENTS_PUSH:
    case NET_WORK_IN:
        rc = rc ? rc : set_int(socket, ZMQ_RCVHWM, NET_HWM);
        return rc ? rc : set_frame_max(socket, frame_max);
    case NET_WORK_OUT:
        /* What sits here dies with the puller: as little as possible. */
        rc = rc ? rc : set_int(socket, ZMQ_SNDHWM, 1);
        rc = rc ? rc : set_int(socket, ZMQ_SNDBUF, 4096);
        return rc ? rc : set_frame_max(socket, small_max);
    }
    return rc;
}

/* libzmq unlinks an existing Unix socket before it binds, so it would quietly take a living broker's place. */
static bool unix_socket_is_served(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    bool is_served = false;
    int fd;

    if (strlen(path) >= sizeof address.sun_path)
        return false;
    memcpy(address.sun_path, path, strlen(path) + 1);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return false;
    is_served = connect(fd, (const struct sockaddr *)&address, sizeof address) == 0 || errno == EAGAIN;
    close(fd);
    return is_served;
}

static int bind_failed(const char *endpoint, int error, char *detail, size_t detail_bytes)
{
    const char *colon = strrchr(endpoint, ':');
    char owner[128] = "";

    if (error != EADDRINUSE) {
        snprintf(detail, detail_bytes, "cannot listen on %s: %s", endpoint, zmq_strerror(error));
        return error == EADDRNOTAVAIL || error == ENODEV || error == EINVAL ? STRATO_ECONFIG : STRATO_EIO;
    }
    if (net_endpoint_transport(endpoint) == NET_TCP && colon)
        strato_port_owner((unsigned)strtoul(colon + 1, NULL, 10), owner, sizeof owner);
    snprintf(detail, detail_bytes, "%s is in use%s%s; stop that process or choose another port or run_dir", endpoint,
             *owner ? " by " : "", owner);
    return STRATO_EADDRINUSE;
}

/* With IPV6 on, libzmq calls 127.0.0.1 [::ffff:127.0.0.1], which a client without IPV6 cannot connect to. */
static void show_endpoint(const char *bound, char *shown)
{
    static const char mapped[] = "tcp://[::ffff:";
    const char *v4 = bound + sizeof mapped - 1, *end = strchr(bound, ']');

    if (strncmp(bound, mapped, sizeof mapped - 1) == 0 && end && memchr(v4, '.', (size_t)(end - v4)))
        snprintf(shown, NET_ENDPOINT_BYTES, "tcp://%.*s%.200s", (int)(end - v4), v4, end + 1);
    else
        memcpy(shown, bound, NET_ENDPOINT_BYTES); /* both are rows of NET_ENDPOINT_BYTES */
}

/* A listener keeps the options that its socket has when it is bound, so one ROUTER speaks CURVE over TCP and none over ipc. */
static int secure(struct net_socket *s, const struct net_security *security, enum net_transport transport)
{
    char domain[256];
    int rc;

    if (!security || transport == NET_INPROC)
        return 0;
    net_zap_domain(s, transport, domain, sizeof domain);
    if (zmq_setsockopt(s->zmq, ZMQ_ZAP_DOMAIN, domain, strlen(domain)) < 0)
        return STRATO_EIO;
    rc = set_int(s->zmq, NET_ZAP_ENFORCE_DOMAIN, 1); /* without it a handler that is not there admits everybody */
    if (rc == 0 && transport == NET_TCP &&
        zmq_setsockopt(s->zmq, ZMQ_CURVE_SECRETKEY, security->secret_key, sizeof security->secret_key) < 0)
        rc = STRATO_EIO;
    return rc ? rc : set_int(s->zmq, ZMQ_CURVE_SERVER, transport == NET_TCP);
}

static int bind_one(struct net_socket *s, const char *endpoint, const struct net_security *security, char *detail,
                    size_t detail_bytes)
{
    enum net_transport transport = net_endpoint_transport(endpoint);
    char bound[NET_ENDPOINT_BYTES] = "";
    size_t bytes = sizeof bound;

    if (transport == NET_IPC && unix_socket_is_served(endpoint + strlen("ipc://")))
        return bind_failed(endpoint, EADDRINUSE, detail, detail_bytes);
    if (secure(s, security, transport) < 0) {
        snprintf(detail, detail_bytes, "edge %s: keys could not be set up: %s", s->name, zmq_strerror(zmq_errno()));
        return STRATO_EIO;
    }
    if (zmq_bind(s->zmq, endpoint) < 0)
        return bind_failed(endpoint, zmq_errno(), detail, detail_bytes);
    if (zmq_getsockopt(s->zmq, ZMQ_LAST_ENDPOINT, bound, &bytes) < 0)
        return STRATO_EIO;
    show_endpoint(bound, s->endpoints[s->endpoints_count]);
    memcpy(s->bound[s->endpoints_count], bound, sizeof bound);
    s->endpoints_count++;
    if (transport == NET_IPC && chmod(endpoint + strlen("ipc://"), 0660) < 0) {
        snprintf(detail, detail_bytes, "cannot set the mode of %s: %s", endpoint, strerror(errno));
        return STRATO_EIO;
    }
    return 0;
}

static int bind_all(struct net_socket *s, const struct broker_config *config, const struct net_security *security,
                    char *detail, size_t detail_bytes)
{
    bool is_work = s->role == NET_WORK_IN || s->role == NET_WORK_OUT;
    unsigned port = roles[s->role].port;
    char stem[STRATO_NAME_BYTES_MAX + 8];

    snprintf(stem, sizeof stem, "%s%s%s", roles[s->role].stem, is_work ? "." : "", s->channel);
    if (is_work)
        port += 2U * (unsigned)broker_config_edge_number(config, s->channel);
    for (size_t i = 0; i < net_endpoint_count(config); i++) {
        char endpoint[NET_ENDPOINT_BYTES];
        int rc = i < NET_ENDPOINTS_MAX ? net_endpoint_write(config, i, stem, port, endpoint, sizeof endpoint)
                                       : STRATO_ECONFIG;

        if (rc < 0) {
            snprintf(detail, detail_bytes,
                     rc == STRATO_ECONFIG ? "more than 16 hosts" : "run_dir makes a socket path that is too long");
            return STRATO_ECONFIG;
        }
        if ((s->role == NET_NATIVE && net_endpoint_transport(endpoint) == NET_INPROC) ||
            (s->role == NET_LOCAL && net_endpoint_transport(endpoint) != NET_INPROC))
            continue;
        rc = bind_one(s, endpoint, security, detail, detail_bytes);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int subscribe_all(void *socket)
{
    return zmq_send(socket, "\x01", 1, 0) == 1 ? 0 : STRATO_EIO;
}

int net_socket_open(struct net_socket *s, void *context, const struct broker_config *config, enum net_role role,
                    const char *channel, const struct net_security *security, char *detail, size_t detail_bytes)
{
    int rc;

    memset(s, 0, sizeof *s);
    s->role = role;
    s->security = security;
    snprintf(s->channel, sizeof s->channel, "%s", channel);
    snprintf(s->name, sizeof s->name, "%s%s%.128s", roles[role].stem, *channel ? ":" : "", channel);
    s->zmq = zmq_socket(context, roles[role].type);
    if (!s->zmq) {
        snprintf(detail, detail_bytes, "no socket for edge %s: %s", s->name, zmq_strerror(zmq_errno()));
        return STRATO_EIO;
    }
    rc = set_common(s->zmq);
    rc = rc ? rc : set_role(s->zmq, role, config, security != NULL);
    if (rc < 0)
        snprintf(detail, detail_bytes, "edge %s: a socket option was refused: %s", s->name, zmq_strerror(zmq_errno()));
    rc = rc ? rc : bind_all(s, config, security, detail, detail_bytes);
    /* After the bind: an XSUB repeats its subscriptions to every pipe that comes later. */
    if (rc == 0 && role == NET_PUB_IN)
        rc = subscribe_all(s->zmq);
    if (rc < 0)
        net_socket_close(s, 0);
    return rc;
}

void net_socket_unbind(struct net_socket *s)
{
    for (size_t i = 0; i < s->endpoints_count; i++)
        if (net_endpoint_transport(s->endpoints[i]) == NET_TCP && !(s->unbound & 1U << i) &&
            zmq_unbind(s->zmq, s->bound[i]) == 0)
            s->unbound |= 1U << i;
}

/* The I/O thread closes the old listener in its own time; until then the port is in use. */
bool net_socket_bind_again(struct net_socket *s)
{
    for (size_t i = 0; i < s->endpoints_count; i++) {
        if (!(s->unbound & 1U << i))
            continue;
        if (secure(s, s->security, NET_TCP) == 0 && zmq_bind(s->zmq, s->bound[i]) == 0)
            s->unbound &= ~(1U << i);
    }
    return s->unbound == 0;
}

int net_socket_watch(struct net_socket *s, void *context, int events)
{
    static atomic_uint serial;
    char endpoint[64];
    int zero = 0;

    /* A monitor's name is not free again at once after it is closed, so each is used once in a process. */
    snprintf(endpoint, sizeof endpoint, "inproc://strato.monitor.%u", atomic_fetch_add(&serial, 1));
    if (zmq_socket_monitor(s->zmq, endpoint, events) < 0)
        return STRATO_EIO;
    s->monitor = zmq_socket(context, ZMQ_PAIR);
    if (!s->monitor)
        return STRATO_EIO;
    zmq_setsockopt(s->monitor, ZMQ_LINGER, &zero, sizeof zero);
    zmq_setsockopt(s->monitor, ZMQ_RCVHWM, &zero, sizeof zero); /* a lost DISCONNECTED is a credit lost for 20 s */
    return zmq_connect(s->monitor, endpoint) == 0 ? 0 : STRATO_EIO;
}

void net_socket_close(struct net_socket *s, int linger_ms)
{
    if (s->monitor) {
        zmq_socket_monitor(s->zmq, NULL, 0);
        zmq_close(s->monitor);
        s->monitor = NULL;
    }
    if (s->zmq) {
        zmq_setsockopt(s->zmq, ZMQ_LINGER, &linger_ms, sizeof linger_ms);
        zmq_close(s->zmq);
        s->zmq = NULL;
    }
}

bool net_socket_takes(void *zmq)
{
    int events = 0;
    size_t bytes = sizeof events;

    return zmq_getsockopt(zmq, ZMQ_EVENTS, &events, &bytes) == 0 && (events & ZMQ_POLLOUT);
}

const char *net_socket_endpoint(const struct net_socket *s, enum net_transport transport)
{
    for (size_t i = 0; i < s->endpoints_count; i++)
        if (net_endpoint_transport(s->endpoints[i]) == transport)
            return s->endpoints[i];
    return NULL;
}

int net_monitor_receive(void *monitor, struct net_monitor_event *ret_event)
{
    zmq_msg_t part;
    bool has_more = true;
    int rc = STRATO_EAGAIN;

    for (int i = 0; has_more; i++) {
        zmq_msg_init(&part);
        if (zmq_msg_recv(&part, monitor, ZMQ_DONTWAIT) < 0) {
            zmq_msg_close(&part);
            return zmq_errno() == EAGAIN || zmq_errno() == EINTR ? STRATO_EAGAIN : STRATO_EIO;
        }
        if (i == 0 && zmq_msg_size(&part) >= 6) {
            memcpy(&ret_event->event, zmq_msg_data(&part), 2);
            memcpy(&ret_event->value, (const uint8_t *)zmq_msg_data(&part) + 2, 4);
            rc = 0;
        }
        has_more = zmq_msg_more(&part) != 0;
        zmq_msg_close(&part);
    }
    return rc;
}
