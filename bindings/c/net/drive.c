/*
 * drive.c - carry frames between the session and the socket, by whichever thread owns it.
 *
 * SPDX-License-Identifier: MIT
 */
#include "bindings/c/client.h"
#include "bindings/c/net/clock.h"

#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { RECEIVE_MAX = 64, SEND_MAX = 64 };

static void lock(struct strato_client *c)
{
    if (c->own_thread)
        pthread_mutex_lock(&c->lock);
    c->session.now_us = strato__clock_us();
}

static void unlock(struct strato_client *c)
{
    if (c->own_thread)
        pthread_mutex_unlock(&c->lock);
}

int strato__drive_init(struct strato_client *c)
{
    pthread_condattr_t attributes;

    c->wake_fd = -1;
    c->poll_fd = c->own_thread ? eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC) : epoll_create1(EPOLL_CLOEXEC);
    if (c->own_thread)
        c->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    pthread_mutex_init(&c->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&c->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    return c->poll_fd < 0 || (c->own_thread && c->wake_fd < 0) ? STRATO_ELIMIT : 0;
}

void strato__drive_fini(struct strato_client *c)
{
    if (c->poll_fd >= 0)
        close(c->poll_fd);
    if (c->wake_fd >= 0)
        close(c->wake_fd);
    pthread_cond_destroy(&c->changed);
    pthread_mutex_destroy(&c->lock);
}

/* ---- the socket ---------------------------------------------------------------------------------- */

static void watch(const struct strato_client *c)
{
    struct epoll_event event = { .events = EPOLLIN };

    if (c->own_thread)
        return;
    /* A closed descriptor leaves the set by itself. */
    if (c->socket.fd >= 0)
        (void)epoll_ctl(c->poll_fd, EPOLL_CTL_ADD, c->socket.fd, &event);
    if (c->socket.monitor_fd >= 0)
        (void)epoll_ctl(c->poll_fd, EPOLL_CTL_ADD, c->socket.monitor_fd, &event);
}

static void unwatch(const struct strato_client *c)
{
    if (c->own_thread)
        return;
    if (c->socket.fd >= 0)
        (void)epoll_ctl(c->poll_fd, EPOLL_CTL_DEL, c->socket.fd, NULL);
    if (c->socket.monitor_fd >= 0)
        (void)epoll_ctl(c->poll_fd, EPOLL_CTL_DEL, c->socket.monitor_fd, NULL);
}

/* Open or close the socket as the session asks. */
static void connection(struct strato_client *c)
{
    struct strato__session *s = &c->session;
    struct strato__step opened = { .kind = STRATO__STEP_OPENED };
    int rc;

    if (s->drop_socket) {
        s->drop_socket = false;
        unwatch(c);
        strato__socket_close(&c->socket, 0);
    }
    if (!s->wants_socket)
        return;
    s->wants_socket = false;
    rc = strato__socket_open(&c->socket);
    if (rc == 0) {
        watch(c);
        strato__session_step(s, &opened, s->now_us);
        return;
    }
    strato__session_detail(s, strato_text(rc == STRATO_EINVAL
                                              ? "the endpoint is not valid: tcp://host:port, ipc://path or "
                                                "inproc://name"
                                              : strato_strerror(rc)));
    strato__session_lost(s);
}

static bool receive(struct strato_client *c)
{
    struct strato__inbound *batch[RECEIVE_MAX];
    uint64_t began_us = c->session.now_us;
    uint32_t count = 0;
    int rc = 1;

    unlock(c);
    while (count < RECEIVE_MAX && (rc = strato__socket_receive(&c->socket, &batch[count])) == 1)
        count++;
    lock(c);
    for (uint32_t i = 0; i < count; i++) {
        struct strato__step frame = { .kind = STRATO__STEP_FRAME, .inbound = batch[i] };

        if (!c->session.drop_socket) /* what follows a broken frame belongs to a dead connection */
            strato__session_step(&c->session, &frame, c->session.now_us);
        strato__inbound_drop(batch[i]);
    }
    if (count < RECEIVE_MAX)
        c->pumped_us = began_us;
    if (rc == STRATO_ELIMIT)
        strato__session_malformed(&c->session, "a message with too many parts");
    return count > 0;
}

/* Move what the session has queued into the socket's hands. Counted as in flight here, under the lock, so that
 * nobody takes the socket for idle in between. */
static void stage(struct strato_client *c)
{
    struct strato__session *s = &c->session;
    struct strato__part part;
    bool is_first = true;

    if (strato__outbox_reserve(&c->socket.staged, s->out.count) < 0)
        return;
    while (strato__outbox_pop(&s->out, &part)) {
        if (is_first && !part.buffer->flight)
            strato__buffer_fly(part.buffer, s->flight);
        is_first = !part.more;
        strato__outbox_take(&c->socket.staged, &part.buffer, part.more);
    }
}

void strato__drive_send(struct strato_client *c)
{
    int sent;

    if (c->session.out.count)
        stage(c);
    if (c->socket.staged.count == 0)
        return;
    unlock(c);
    sent = strato__socket_send(&c->socket);
    lock(c);
    if (sent > 0) {
        c->session.last_tx_us = c->session.now_us;
        c->session.counters.frames_out += (uint64_t)sent;
    }
}

void strato__drive_tell(struct strato_client *c)
{
    struct strato__session *s = &c->session;

    if (c->is_telling)
        return;
    c->is_telling = true;
    while (s->notices_count) {
        struct strato__notice notice = s->notices[s->notices_head];

        s->notices_head = (s->notices_head + 1) % STRATO__NOTICES_MAX;
        s->notices_count--;
        if (!c->on_event)
            continue;
        unlock(c);
        c->on_event(c->on_event_arg, notice.event, notice.err, notice.detail);
        lock(c);
    }
    c->is_telling = false;
}

static bool round_trip(struct strato_client *c)
{
    const struct strato__step dropped = { .kind = STRATO__STEP_DROPPED }, tick = { .kind = STRATO__STEP_TICK };
    bool is_busy;

    connection(c);
    is_busy = receive(c);
    if (strato__socket_broke(&c->socket)) {
        while (receive(c)) /* what came before the end still counts */
            continue;
        if (c->socket.is_refused)
            strato__session_unwelcome(&c->session);
        else
            strato__session_step(&c->session, &dropped, c->session.now_us);
    }
    strato__session_step(&c->session, &tick, c->session.now_us);
    connection(c);
    strato__drive_send(c);
    return is_busy;
}

void strato__drive_pump(struct strato_client *c)
{
    (void)round_trip(c);
    c->pumped_us = c->session.now_us;
}

static void sleep_on(struct strato_client *c, uint64_t until_us)
{
    struct pollfd fds[3];
    struct timespec timeout;
    uint64_t now = c->session.now_us, ns, drained;
    nfds_t count = 0;

    if (c->socket.fd >= 0)
        fds[count++] = (struct pollfd){ .fd = c->socket.fd, .events = POLLIN };
    if (c->socket.monitor_fd >= 0)
        fds[count++] = (struct pollfd){ .fd = c->socket.monitor_fd, .events = POLLIN };
    if (c->wake_fd >= 0)
        fds[count++] = (struct pollfd){ .fd = c->wake_fd, .events = POLLIN };
    ns = until_us == STRATO__NEVER ? 0 : until_us > now ? (until_us - now) * 1000 : 0;
    timeout.tv_sec = (time_t)(ns / 1000000000);
    timeout.tv_nsec = (long)(ns % 1000000000);
    c->is_asleep = true;
    unlock(c);
    (void)ppoll(fds, count, until_us == STRATO__NEVER ? NULL : &timeout, NULL);
    lock(c);
    c->is_asleep = false;
    if (c->wake_fd >= 0 && read(c->wake_fd, &drained, sizeof drained) < 0 && errno != EAGAIN)
        strato__session_detail(&c->session, strato_text("the wake-up descriptor failed"));
}

void strato__drive_sleep(struct strato_client *c, uint64_t until_us)
{
    uint64_t next = strato__session_next_us(&c->session);

    if (next < until_us)
        until_us = next;
    if (c->session.out.count || c->session.drop_socket || c->session.wants_socket || c->is_stopping)
        return;
    if (until_us > c->session.now_us && !strato__socket_has_work(&c->socket))
        sleep_on(c, until_us);
}

/* ---- the own thread ------------------------------------------------------------------------------ */

static void tell_waiters(struct strato_client *c, uint64_t *progress)
{
    const uint64_t one = 1;

    if (c->session.progress != *progress || c->wants_pump) {
        *progress = c->session.progress;
        c->wants_pump = false;
        pthread_cond_broadcast(&c->changed);
    }
    if (c->session.arrivals != c->arrivals_told && !c->ready_told) {
        c->ready_told = write(c->poll_fd, &one, sizeof one) == sizeof one;
        c->arrivals_told = c->session.arrivals;
    }
}

static void *thread_main(void *arg)
{
    struct strato_client *c = arg;
    uint64_t progress = 0;

    lock(c);
    while (!c->is_stopping) {
        bool is_busy = round_trip(c);

        tell_waiters(c, &progress);
        strato__drive_tell(c);
        if (!is_busy)
            strato__drive_sleep(c, STRATO__NEVER);
    }
    strato__drive_send(c);
    unlock(c);
    return NULL;
}

int strato__drive_start(struct strato_client *c)
{
    if (!c->own_thread)
        return 0;
    if (pthread_create(&c->thread, NULL, thread_main, c) != 0)
        return STRATO_ELIMIT;
    c->is_thread_running = true;
    return 0;
}

void strato__drive_stop(struct strato_client *c)
{
    const uint64_t one = 1;

    if (!c->is_thread_running)
        return;
    pthread_mutex_lock(&c->lock);
    c->is_stopping = true;
    pthread_mutex_unlock(&c->lock);
    while (write(c->wake_fd, &one, sizeof one) < 0 && errno == EINTR)
        continue;
    pthread_join(c->thread, NULL);
    c->is_thread_running = false;
    c->own_thread = false; /* the joining thread owns the socket now */
}

void strato__drive_kick(struct strato_client *c)
{
    const struct strato__session *s = &c->session;
    const uint64_t one = 1;

    if (!c->is_asleep ||
        !(s->out.count || s->has_pending || s->drop_socket || s->wants_socket || s->notices_count || c->wants_pump))
        return;
    c->is_asleep = false; /* one wake-up is enough until it sleeps again */
    if (write(c->wake_fd, &one, sizeof one) < 0 && errno != EAGAIN)
        c->is_asleep = true;
}
