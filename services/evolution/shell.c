/*
 * shell.c - the thread of the evolution service: messages in, replies and events out, batches to workers.
 *
 * A ticket of the step logic is the received message itself. A call is answered; a put is acked once its effect
 * is there, or dead-lettered with the reason if it is refused, because nobody is there to be told.
 *
 * SPDX-License-Identifier: MIT
 */
#include "services/evolution/shell.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "schemas/evolution.h"
#include "services/evolution/outward.h"

enum {
    SHELL_PREFETCH = 64,
    SHELL_PAUSE_AT = EVOLUTION_ASKS_MAX - SHELL_PREFETCH, /* asks waiting: no more are let in */
    SHELL_ADVANCES = 32,                                  /* between two looks at the sockets */
};

struct shell {
    strato_client *client;
    strato_consumer *consumer;
    struct evolution_service *service;
    struct outward outward;
    bool is_paused;
    int stop_fd; /* eventfd: readable = end */
    atomic_bool is_stopping;
    pthread_t thread;
    /* the start, told by the thread */
    struct strato_client_options options;
    char *endpoint;
    pthread_mutex_t lock;
    pthread_cond_t started;
    bool has_started;
    int start_rc;
    char start_detail[256];
};

static uint64_t now_us(void *arg)
{
    struct timespec t;

    (void)arg;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

static uint64_t wall_ms(void *arg)
{
    struct timespec t;

    (void)arg;
    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000u + (uint64_t)t.tv_nsec / 1000000u;
}

static bool take_message(struct shell *sh)
{
    struct strato_bytes frames[EVOLUTION_FRAMES_MAX];
    struct evolution_message m = { .frames = frames };
    const struct strato_envelope *envelope;
    strato_message *message = NULL;

    if (strato_consumer_next(sh->consumer, 0, &message) < 0)
        return false;
    envelope = strato_message_envelope(message);
    m.type = envelope->type;
    m.payload = envelope->payload;
    for (; m.frames_count < strato_message_attachments(message) && m.frames_count < EVOLUTION_FRAMES_MAX;
         m.frames_count++)
        frames[m.frames_count] = strato_message_attachment(message, m.frames_count);
    if (evolution_service_ask(sh->service, (uint64_t)(uintptr_t)message, &m) < 0)
        strato_message_destroy(&message); /* out of memory: back to the channel, or E_NO_REPLY */
    return true;
}

static void settle_put(strato_message *message, const struct evolution_action *a)
{
    struct strato_evolution_error error;
    struct strato_nack nack = { .delay_ms = -1 };
    char reason[200];

    if (strcmp(a->type, STRATO_TYPE_EVOLUTION_ERROR) != 0 ||
        strato_evolution_error_decode(strato_writer_view(&a->payload), &error, NULL) < 0) {
        strato_message_ack(message);
        return;
    }
    snprintf(reason, sizeof(reason), "%.*s", (int)error.message.bytes, (const char *)error.message.data);
    nack.reason = reason;
    nack.dead = error.code != STRATO_COMMON_ERROR_CODE_FAILED;
    strato_message_nack(message, &nack);
}

static void send_action(struct shell *sh, const struct evolution_action *a)
{
    struct strato_attachment frame = { .data = a->attachment.data, .bytes = a->attachment.bytes };
    const struct strato_send send = {
        .channel = "events",
        .envelope = { .type = a->type,
                      .payload = strato_writer_view(&a->payload),
                      .topic = *a->topic ? a->topic : NULL },
        .attachments = &frame,
        .attachments_count = frame.bytes ? 1 : 0,
    };
    strato_message *message = (strato_message *)(uintptr_t)a->ticket;

    if (a->kind == EVOLUTION_EVENT) {
        strato_send(sh->client, &send,
                    1000); /* events never make a run wait: the broker drops the oldest for those who lag */
        return;
    }
    if (strato_message_envelope(message)->call)
        strato_message_reply(message, &send, false);
    else
        settle_put(message, a);
    strato_message_destroy(&message);
}

static void send_actions(struct shell *sh)
{
    struct evolution_action a;

    while (evolution_service_action(sh->service, &a)) {
        send_action(sh, &a);
        evolution_action_fini(&a);
    }
}

/* Backpressure: what this service cannot take waits in the channel, where it is seen and bounded. */
static void pace(struct shell *sh)
{
    uint32_t waiting = evolution_service_waiting(sh->service);

    if (!sh->is_paused && waiting >= SHELL_PAUSE_AT)
        sh->is_paused = strato_consumer_set_prefetch(sh->consumer, 0) == 0;
    else if (sh->is_paused && waiting <= SHELL_PREFETCH)
        sh->is_paused = strato_consumer_set_prefetch(sh->consumer, SHELL_PREFETCH) != 0;
}

/* One round: everything that can be done without waiting. @return true if anything was done. */
static bool turn(struct shell *sh)
{
    uint64_t now_ms = now_us(NULL) / 1000;
    bool is_busy = false;

    while (take_message(sh))
        is_busy = true;
    pace(sh);
    while (outward_receive(&sh->outward, now_ms))
        is_busy = true;
    for (int i = 0; i < SHELL_ADVANCES && evolution_service_advance(sh->service); i++)
        is_busy = true;
    send_actions(sh);
    for (int i = 0; i < OUTWARD_CALLS_MAX && outward_send(&sh->outward, now_ms); i++)
        is_busy = true;
    return is_busy;
}

static void serve(struct shell *sh)
{
    struct pollfd fds[2] = { { .fd = sh->stop_fd, .events = POLLIN } };
    int rc;

    while (!atomic_load(&sh->is_stopping)) {
        if (turn(sh))
            continue;
        rc = strato_client_process(sh->client, 0);
        if (rc > 0)
            continue;
        fds[1] = (struct pollfd){ .fd = strato_client_fd(sh->client), .events = POLLIN };
        poll(fds, rc < 0 ? 1 : 2,
             strato_client_next_timer_ms(sh->client)); /* an ended session only waits for the stop */
    }
}

/* ---- start and stop ------------------------------------------------------------------------------------ */

static int open_all(struct shell *sh)
{
    const struct evolution_options options = { .clock_us = now_us, .wall_ms = wall_ms };
    const struct strato_consumer_options consumer = { .channel = "evolution", .prefetch = SHELL_PREFETCH };
    const char *step = "connect";
    int rc = strato_client_open(&sh->options, &sh->client);

    if (rc == 0) {
        step = "declare the channel fitness";
        rc = outward_declare(sh->client);
    }
    if (rc == 0) {
        step = "consume the channel evolution";
        rc = strato_consumer_open(sh->client, &consumer, &sh->consumer);
    }
    if (rc == 0)
        rc = evolution_service_new(&options, &sh->service);
    if (rc < 0)
        snprintf(sh->start_detail, sizeof(sh->start_detail), "evolution: cannot %s at %s: %s%s%s", step, sh->endpoint,
                 strato_strerror(rc), sh->client ? ": " : "", sh->client ? strato_client_detail(sh->client) : "");
    sh->outward.client = sh->client;
    sh->outward.service = sh->service;
    return rc;
}

/* What was taken and not answered goes back: to the channel uncounted, or as E_NO_REPLY to who called. */
static void close_all(struct shell *sh)
{
    strato_message *message;
    uint64_t ticket;

    if (sh->service) {
        outward_fini(&sh->outward);
        send_actions(sh);
        while (evolution_service_give_up(sh->service, &ticket)) {
            message = (strato_message *)(uintptr_t)ticket;
            strato_message_destroy(&message);
        }
    }
    evolution_service_destroy(&sh->service);
    strato_consumer_close(&sh->consumer);
    strato_client_close(&sh->client);
}

static void *thread_main(void *arg)
{
    struct shell *sh = arg;
    int rc = open_all(sh);

    pthread_mutex_lock(&sh->lock);
    sh->start_rc = rc;
    sh->has_started = true;
    pthread_cond_signal(&sh->started);
    pthread_mutex_unlock(&sh->lock);
    if (rc == 0)
        serve(sh);
    close_all(sh);
    return NULL;
}

static void shell_free(struct shell *sh)
{
    if (sh->stop_fd >= 0)
        close(sh->stop_fd);
    pthread_mutex_destroy(&sh->lock);
    pthread_cond_destroy(&sh->started);
    free(sh->endpoint);
    free(sh);
}

int evolution_shell_start(const char *endpoint, void *zmq_context, void **ret_service, char *ret_detail,
                          size_t detail_bytes)
{
    struct shell *sh = calloc(1, sizeof(*sh));
    int rc;

    if (!sh)
        return STRATO_ENOMEM;
    pthread_mutex_init(&sh->lock, NULL);
    pthread_cond_init(&sh->started, NULL);
    sh->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    sh->endpoint = strdup(endpoint);
    sh->options = (struct strato_client_options)STRATO_CLIENT_OPTIONS_DEFAULTS;
    sh->options.endpoint = sh->endpoint;
    sh->options.zmq_context = zmq_context;
    sh->options.agent = "evolution";
    sh->options.kind = "service";
    if (sh->stop_fd < 0 || !sh->endpoint || pthread_create(&sh->thread, NULL, thread_main, sh) != 0) {
        shell_free(sh);
        return STRATO_ENOMEM;
    }
    pthread_mutex_lock(&sh->lock);
    while (!sh->has_started)
        pthread_cond_wait(&sh->started, &sh->lock);
    rc = sh->start_rc;
    pthread_mutex_unlock(&sh->lock);
    if (rc < 0) {
        if (ret_detail)
            snprintf(ret_detail, detail_bytes, "%s", sh->start_detail);
        pthread_join(sh->thread, NULL);
        shell_free(sh);
        return rc;
    }
    *ret_service = sh;
    return 0;
}

void evolution_shell_stop(void **service)
{
    struct shell *sh = *service;
    const uint64_t one = 1;

    if (!sh)
        return;
    atomic_store(&sh->is_stopping, true);
    if (write(sh->stop_fd, &one, sizeof(one)) < 0) {
        /* the counter is full: it is readable, which is all that was wanted */
    }
    pthread_join(sh->thread, NULL);
    shell_free(sh);
    *service = NULL;
}
