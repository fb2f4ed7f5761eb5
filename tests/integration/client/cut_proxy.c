/*
 * cut_proxy.c - accept, relay, and reset on demand.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tests/integration/client/cut_proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { PAIRS_MAX = 8 };

struct cut_proxy {
    struct sockaddr_in target;
    char endpoint[64];
    int listener, command;
    int pairs[PAIRS_MAX][2]; /* client, broker; -1 = unused */
    atomic_bool is_stopping;
    pthread_t thread;
};

/* A reset instead of an orderly end, as a broken network would. */
static void reset(int fd)
{
    const struct linger hard = { .l_onoff = 1, .l_linger = 0 };

    setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    close(fd);
}

static void drop(struct cut_proxy *p, int i)
{
    if (p->pairs[i][0] < 0)
        return;
    reset(p->pairs[i][0]);
    reset(p->pairs[i][1]);
    p->pairs[i][0] = p->pairs[i][1] = -1;
}

static void take_in(struct cut_proxy *p)
{
    int client = accept(p->listener, NULL, NULL), broker = socket(AF_INET, SOCK_STREAM, 0);

    for (int i = 0; client >= 0 && i < PAIRS_MAX; i++) {
        if (p->pairs[i][0] >= 0)
            continue;
        if (connect(broker, (struct sockaddr *)&p->target, sizeof p->target) < 0)
            break;
        p->pairs[i][0] = client;
        p->pairs[i][1] = broker;
        return;
    }
    close(client);
    close(broker);
}

static int relay(int from, int to)
{
    char buffer[65536];
    ssize_t bytes = read(from, buffer, sizeof buffer), at = 0;

    while (at < bytes) {
        ssize_t written = send(to, buffer + at, (size_t)(bytes - at), MSG_NOSIGNAL);

        if (written <= 0)
            return -1;
        at += written;
    }
    return bytes > 0 ? 0 : -1;
}

static void *proxy_main(void *arg)
{
    struct cut_proxy *p = arg;

    while (!atomic_load(&p->is_stopping)) {
        struct pollfd fds[2 + 2 * PAIRS_MAX] = { { .fd = p->listener, .events = POLLIN },
                                                 { .fd = p->command, .events = POLLIN } };
        uint64_t commands;

        for (int i = 0; i < 2 * PAIRS_MAX; i++)
            fds[2 + i] = (struct pollfd){ .fd = p->pairs[i / 2][i % 2], .events = POLLIN };
        poll(fds, 2 + 2 * PAIRS_MAX, -1);
        for (int i = 0; i < 2 * PAIRS_MAX; i++)
            if (fds[2 + i].fd >= 0 && fds[2 + i].revents && p->pairs[i / 2][0] >= 0 &&
                relay(p->pairs[i / 2][i % 2], p->pairs[i / 2][1 - i % 2]) < 0)
                drop(p, i / 2);
        if (fds[1].revents && read(p->command, &commands, sizeof commands) > 0)
            for (int i = 0; i < PAIRS_MAX; i++)
                drop(p, i);
        if (fds[0].revents)
            take_in(p);
    }
    for (int i = 0; i < PAIRS_MAX; i++)
        drop(p, i);
    return NULL;
}

struct cut_proxy *cut_proxy_start(const char *target)
{
    struct cut_proxy *p = calloc(1, sizeof *p);
    struct sockaddr_in own = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t bytes = sizeof own;
    unsigned port = 0;

    assert_non_null(p);
    memset(p->pairs, -1, sizeof p->pairs);
    assert_int_equal(sscanf(target, "tcp://127.0.0.1:%u", &port), 1);
    p->target = own;
    p->target.sin_port = htons((uint16_t)port);
    p->listener = socket(AF_INET, SOCK_STREAM, 0);
    p->command = eventfd(0, 0);
    assert_int_equal(bind(p->listener, (struct sockaddr *)&own, sizeof own), 0);
    assert_int_equal(listen(p->listener, 16), 0);
    assert_int_equal(getsockname(p->listener, (struct sockaddr *)&own, &bytes), 0);
    snprintf(p->endpoint, sizeof p->endpoint, "tcp://127.0.0.1:%u", ntohs(own.sin_port));
    assert_int_equal(pthread_create(&p->thread, NULL, proxy_main, p), 0);
    return p;
}

const char *cut_proxy_endpoint(const struct cut_proxy *proxy)
{
    return proxy->endpoint;
}

void cut_proxy_cut(struct cut_proxy *proxy)
{
    const uint64_t one = 1;

    assert_int_equal(write(proxy->command, &one, sizeof one), sizeof one);
}

void cut_proxy_stop(struct cut_proxy **proxy)
{
    struct cut_proxy *p = *proxy;

    atomic_store(&p->is_stopping, true);
    cut_proxy_cut(p);
    pthread_join(p->thread, NULL);
    close(p->listener);
    close(p->command);
    free(p);
    *proxy = NULL;
}
