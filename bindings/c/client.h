/*
 * client.h - what is behind strato_client: the session, its socket, one lock, and who drives them.
 *
 * Two ways to drive. Inline: the calling thread owns the socket; it pumps while it waits. Own thread: a
 * background thread owns the socket; callers change the session under the lock, wake the thread if it
 * sleeps, and wait on a condition. The socket is only ever touched by its owner.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_BINDINGS_C_CLIENT_H
#define STRATO_BINDINGS_C_CLIENT_H

#include "bindings/c/net/socket.h"
#include "bindings/c/producer.h"
#include "bindings/c/request.h"
#include "bindings/c/session.h"
#include "bindings/c/stream.h"

#include <pthread.h>

struct strato_client {
    struct strato__session session;
    struct strato__socket socket;
    strato_client_event_fn *on_event;
    void *on_event_arg;
    bool own_thread;
    bool is_thread_running;
    bool is_stopping;
    bool is_asleep;         /* own thread: in ppoll, to be woken by wake_fd */
    bool is_telling;        /* inside on_event: no second one */
    bool ready_told;        /* own thread: ready_fd is readable */
    uint32_t clock_skipped; /* sends since the clock was read */
    uint64_t ticks;         /* inline: when the clock was last read, see clock.h */
    uint64_t pumped_us;     /* when the socket was last read empty */
    bool wants_pump;        /* own thread: somebody waits until it has read the socket */
    uint64_t arrivals_told;
    int poll_fd; /* inline: epoll over the socket's descriptors; own thread: an eventfd */
    int wake_fd; /* own thread */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
};

struct strato_consumer {
    struct strato_client *client;
    struct strato__stream *stream;
};
struct strato_subscription {
    struct strato_client *client;
    struct strato__stream *stream;
};

/** Every public function begins with one and ends with the other. */
void strato__enter(struct strato_client *c);
void strato__leave(struct strato_client *c);
/** Wait until something may have changed; the caller looks again. @return STRATO_ETIMEOUT once deadline_us is past. */
int strato__wait(struct strato_client *c, uint64_t deadline_us);
/** Absolute time of a timeout in ms; STRATO__NEVER for STRATO_FOREVER. */
uint64_t strato__deadline(const struct strato_client *c, int timeout_ms);
/**
 * May credit have been taken back without our knowing? The own thread was kept from the socket (by on_event, or by a
 * machine without time for it) for so long that an unread revoke can have ended the session at the broker.
 */
bool strato__is_stale(const struct strato_client *c);
/** Wait for a session; STRATO_EUNREACHABLE if there is none in time. */
int strato__wait_open(struct strato_client *c, uint64_t deadline_us);
/** Wait for the answer to a question, at most until deadline_us, and free nothing. @return its error, or ETIMEOUT. */
int strato__wait_answer(struct strato_client *c, struct strato__ask *ask, uint64_t deadline_us);

/* net/drive.c */
int strato__drive_init(struct strato_client *c);
void strato__drive_fini(struct strato_client *c);
int strato__drive_start(struct strato_client *c);
void strato__drive_stop(struct strato_client *c);
/** Owner only: read, step, write once. */
void strato__drive_pump(struct strato_client *c);
/** Owner only: pump, and sleep until something arrives or until_us if there was nothing to do. */
void strato__drive_sleep(struct strato_client *c, uint64_t until_us);
/** Owner only: give what the session has queued to the socket. */
void strato__drive_send(struct strato_client *c);
/** Wake the own thread if it sleeps and has something to do. */
void strato__drive_kick(struct strato_client *c);
/** Call on_event for what has happened; the lock is released meanwhile. */
void strato__drive_tell(struct strato_client *c);
#endif
