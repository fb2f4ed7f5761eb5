/*
 * probe.c - a greeting by hand, a handshake by libzmq.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cli/net/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

/* ZMTP 3.1: signature, version, mechanism (20 bytes, padded with NUL), as-server, 31 of filler. */
enum { GREETING_BYTES = 64, VERSION_AT = 10, MECHANISM_AT = 12, MECHANISM_BYTES = 20 };

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bool wait_for(int fd, short events, int64_t deadline)
{
    struct pollfd p = { .fd = fd, .events = events };
    int64_t left = deadline - now_ms();
    int rc;

    do
        rc = poll(&p, 1, left > 0 ? (int)left : 0);
    while (rc < 0 && errno == EINTR);
    return rc > 0;
}

/* "tcp://host:port", "tcp://[::1]:port". */
static bool split(const char *endpoint, char *host, size_t host_bytes, const char **ret_port)
{
    const char *from = endpoint + 6, *colon = strrchr(endpoint, ':'), *to = colon;

    if (strncmp(endpoint, "tcp://", 6) != 0 || !colon || colon < from || !colon[1])
        return false;
    if (*from == '[' && to > from && to[-1] == ']') {
        from++;
        to--;
    }
    if (to <= from || (size_t)(to - from) >= host_bytes)
        return false;
    memcpy(host, from, (size_t)(to - from));
    host[to - from] = '\0';
    *ret_port = colon + 1;
    return true;
}

static int connect_one(const struct addrinfo *a, int64_t deadline)
{
    int fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, a->ai_protocol), error = 0;
    socklen_t bytes = sizeof error;

    if (fd < 0)
        return -1;
    if (connect(fd, a->ai_addr, a->ai_addrlen) == 0)
        return fd;
    error = errno;
    if (error == EINPROGRESS) {
        error = ETIMEDOUT;
        if (wait_for(fd, POLLOUT, deadline) && getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &bytes) < 0)
            error = errno;
    }
    if (error == 0)
        return fd;
    close(fd);
    errno = error;
    return -1;
}

static enum probe_greeting connect_any(const char *endpoint, int64_t deadline, int *ret_fd, char *detail,
                                       size_t detail_bytes)
{
    struct addrinfo wanted = { .ai_socktype = SOCK_STREAM }, *found = NULL;
    const char *port;
    char host[256];
    int rc, fd = -1;

    if (!split(endpoint, host, sizeof host, &port)) {
        snprintf(detail, detail_bytes, "not tcp://host:port");
        return PROBE_NO_ADDRESS;
    }
    rc = getaddrinfo(host, port, &wanted, &found);
    if (rc != 0) {
        snprintf(detail, detail_bytes, "%.100s does not resolve: %s", host, gai_strerror(rc));
        return PROBE_NO_ADDRESS;
    }
    for (struct addrinfo *a = found; a && fd < 0; a = a->ai_next)
        fd = connect_one(a, deadline);
    if (fd < 0)
        snprintf(detail, detail_bytes, "%s", strerror(errno));
    freeaddrinfo(found);
    *ret_fd = fd;
    return fd < 0 ? PROBE_UNREACHABLE : PROBE_MUTE;
}

/* A listener tells its mechanism when it has seen our version. */
static size_t read_greeting(int fd, uint8_t greeting[GREETING_BYTES], int64_t deadline)
{
    static const uint8_t ours[] = { 0xFF, 0, 0, 0, 0, 0, 0, 0, 1, 0x7F, 3 };
    size_t used = 0;

    if (send(fd, ours, sizeof ours, MSG_NOSIGNAL) != (ssize_t)sizeof ours)
        return 0;
    while (used < MECHANISM_AT + MECHANISM_BYTES && wait_for(fd, POLLIN, deadline)) {
        ssize_t got = recv(fd, greeting + used, GREETING_BYTES - used, 0);

        if (got <= 0 && errno != EINTR && errno != EAGAIN)
            break;
        used += got > 0 ? (size_t)got : 0;
    }
    return used;
}

enum probe_greeting probe_greet(const char *endpoint, uint32_t timeout_ms, char *ret_detail, size_t detail_bytes)
{
    uint8_t greeting[GREETING_BYTES] = { 0 };
    char mechanism[MECHANISM_BYTES + 1] = "";
    int64_t deadline = now_ms() + timeout_ms;
    enum probe_greeting found;
    size_t used;
    int fd = -1;

    ret_detail[0] = '\0';
    found = connect_any(endpoint, deadline, &fd, ret_detail, detail_bytes);
    if (fd < 0)
        return found;
    used = read_greeting(fd, greeting, deadline);
    close(fd);
    if (used == 0)
        return PROBE_MUTE;
    if (greeting[0] != 0xFF || (used > 9 && greeting[9] != 0x7F) || used <= VERSION_AT || greeting[VERSION_AT] < 3 ||
        used < MECHANISM_AT + MECHANISM_BYTES)
        return PROBE_FOREIGN;
    memcpy(mechanism, greeting + MECHANISM_AT, MECHANISM_BYTES);
    if (strcmp(mechanism, "NULL") == 0)
        return PROBE_NULL;
    if (strcmp(mechanism, "CURVE") == 0)
        return PROBE_CURVE;
    snprintf(ret_detail, detail_bytes, "a mechanism that is neither NULL nor CURVE");
    return PROBE_OTHER_MECHANISM;
}

/* ---- the handshake --------------------------------------------------------------------------------- */

static enum probe_handshake hear(void *monitor, uint32_t timeout_ms)
{
    int64_t deadline = now_ms() + timeout_ms, left;

    while ((left = deadline - now_ms()) > 0) {
        zmq_pollitem_t item = { .socket = monitor, .events = ZMQ_POLLIN };
        uint16_t event = 0;
        uint8_t part[64];
        int more = 1;
        size_t bytes = sizeof more;

        if (zmq_poll(&item, 1, (long)left) <= 0)
            continue;
        for (bool is_first = true; more; is_first = false) {
            if (zmq_recv(monitor, part, sizeof part, 0) < 0)
                return PROBE_BROKEN;
            if (is_first)
                memcpy(&event, part, sizeof event);
            if (zmq_getsockopt(monitor, ZMQ_RCVMORE, &more, &bytes) < 0)
                return PROBE_BROKEN;
        }
        if (event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED)
            return PROBE_WELCOME;
        if (event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH)
            return PROBE_REFUSED;
        if (event == ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL || event == ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL)
            return PROBE_WRONG_SERVER_KEY; /* the greeting was good, so this is all that is left */
    }
    return PROBE_SILENT;
}

enum probe_handshake probe_shake(const char *endpoint, uint32_t timeout_ms, const uint8_t server_key[STRATO_KEY_BYTES],
                                 const uint8_t public_key[STRATO_KEY_BYTES], const uint8_t secret_key[STRATO_KEY_BYTES])
{
    void *context = zmq_ctx_new(), *dealer = context ? zmq_socket(context, ZMQ_DEALER) : NULL;
    void *monitor = context ? zmq_socket(context, ZMQ_PAIR) : NULL;
    enum probe_handshake result = PROBE_BROKEN;
    int zero = 0, one = 1;

    if (dealer && monitor && zmq_setsockopt(dealer, ZMQ_LINGER, &zero, sizeof zero) == 0 &&
        zmq_setsockopt(monitor, ZMQ_LINGER, &zero, sizeof zero) == 0 &&
        zmq_setsockopt(dealer, ZMQ_IPV6, &one, sizeof one) == 0 &&
        zmq_setsockopt(dealer, ZMQ_CURVE_SERVERKEY, server_key, STRATO_KEY_BYTES) == 0 &&
        zmq_setsockopt(dealer, ZMQ_CURVE_PUBLICKEY, public_key, STRATO_KEY_BYTES) == 0 &&
        zmq_setsockopt(dealer, ZMQ_CURVE_SECRETKEY, secret_key, STRATO_KEY_BYTES) == 0 &&
        zmq_socket_monitor(dealer, "inproc://strato.probe", ZMQ_EVENT_ALL) == 0 &&
        zmq_connect(monitor, "inproc://strato.probe") == 0 && zmq_connect(dealer, endpoint) == 0)
        result = hear(monitor, timeout_ms);
    if (dealer)
        zmq_close(dealer);
    if (monitor)
        zmq_close(monitor);
    if (context)
        zmq_ctx_term(context);
    return result;
}
