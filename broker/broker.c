/*
 * broker.c - one shell on a thread of its own, and the few things that other threads may ask of it.
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/broker.h"

#include "broker/net/shell.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum { LINGER_AFTER_DRAIN_MS = 2000 };

struct strato_broker {
    struct shell shell; /* the core thread's, but for what is said below */
    char *keys_path;    /* NULL: no keys are asked for */
    pthread_t thread;
    bool has_thread, has_lock;
    int wake_fd;
    pthread_mutex_t lock; /* guards the wishes and their answers */
    pthread_cond_t changed;
    bool wants_stop, wants_drain, is_drained;
    void (*look)(void *arg, struct shell *shell);
    void *look_arg;
    struct strato_broker_drain drained;
};

/* Endpoints and socket names are written before the thread starts and never again, so they are read without the lock. */

static void wake(strato_broker *broker)
{
    uint64_t one = 1;

    while (write(broker->wake_fd, &one, sizeof one) < 0 && errno == EINTR)
        ;
}

/* ---- the core thread ------------------------------------------------------------------------------ */

static bool serve_wishes(strato_broker *broker)
{
    uint64_t count;
    bool stops, drains = false;

    while (read(broker->wake_fd, &count, sizeof count) < 0 && errno == EINTR)
        ;
    pthread_mutex_lock(&broker->lock);
    stops = broker->wants_stop;
    if (broker->wants_drain) {
        broker->wants_drain = false;
        drains = true;
    }
    if (broker->look) {
        broker->look(broker->look_arg, &broker->shell);
        broker->look = NULL;
        pthread_cond_broadcast(&broker->changed);
    }
    pthread_mutex_unlock(&broker->lock);
    if (drains)
        shell_begin_drain(&broker->shell);
    return stops;
}

static void tell_drained(strato_broker *broker)
{
    pthread_mutex_lock(&broker->lock);
    broker->is_drained = true;
    broker->drained = broker->shell.drained;
    pthread_cond_broadcast(&broker->changed);
    pthread_mutex_unlock(&broker->lock);
}

static void *serve(void *arg)
{
    strato_broker *broker = arg;
    bool stops = false, told = false;

    while (!stops) {
        if (shell_turn(&broker->shell))
            stops = serve_wishes(broker);
        if (broker->shell.is_drained && !told) {
            told = true;
            tell_drained(broker);
        }
    }
    return NULL;
}

/* Signals belong to the program's own threads. */
static int start_thread(strato_broker *broker)
{
    sigset_t all, before;
    int rc;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    rc = pthread_create(&broker->thread, NULL, serve, broker);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    broker->has_thread = rc == 0;
    return rc == 0 ? 0 : STRATO_ENOMEM;
}

/* ---- for other threads ---------------------------------------------------------------------------- */

static int init_lock(strato_broker *broker)
{
    pthread_condattr_t attributes;

    if (pthread_mutex_init(&broker->lock, NULL) != 0)
        return STRATO_ENOMEM;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&broker->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    broker->has_lock = true;
    return 0;
}

static int broker_start(strato_broker *broker, const struct broker_config *config, char *detail, size_t detail_bytes)
{
    struct strato_option_error wrong;
    int rc = broker_config_check(config, &wrong);

    if (rc < 0) {
        snprintf(detail, detail_bytes, "%s", wrong.text);
        return rc;
    }
    broker->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (broker->wake_fd < 0)
        return STRATO_EIO;
    rc = init_lock(broker);
    if (rc < 0)
        return rc;
    if (broker_config_has_keys(config)) {
        broker->keys_path = strdup(config->keys);
        if (!broker->keys_path)
            return STRATO_ENOMEM;
    }
    rc = shell_open(&broker->shell, config, broker->wake_fd, detail, detail_bytes);
    return rc < 0 ? rc : start_thread(broker);
}

int strato_broker_new(const struct broker_config *config, strato_broker **ret_broker, char *ret_detail,
                      size_t detail_bytes)
{
    strato_broker *broker = calloc(1, sizeof *broker);
    char detail[512] = "";
    int rc;

    if (!broker)
        return STRATO_ENOMEM;
    broker->wake_fd = -1;
    rc = broker_start(broker, config, detail, sizeof detail);
    if (rc < 0) {
        if (ret_detail)
            snprintf(ret_detail, detail_bytes, "%s", *detail ? detail : strato_strerror(rc));
        strato_broker_destroy(&broker);
        return rc;
    }
    *ret_broker = broker;
    return 0;
}

void strato_broker_destroy(strato_broker **broker)
{
    strato_broker *b = *broker;

    *broker = NULL;
    if (!b)
        return;
    if (b->has_thread) {
        pthread_mutex_lock(&b->lock);
        b->wants_stop = true;
        pthread_mutex_unlock(&b->lock);
        wake(b);
        pthread_join(b->thread, NULL);
    }
    shell_close(&b->shell, b->is_drained ? LINGER_AFTER_DRAIN_MS : 0);
    if (b->shell.zmq)
        zmq_ctx_term(b->shell.zmq);
    if (b->has_lock) {
        pthread_cond_destroy(&b->changed);
        pthread_mutex_destroy(&b->lock);
    }
    if (b->wake_fd >= 0)
        close(b->wake_fd);
    free(b->keys_path);
    free(b);
}

static struct timespec deadline_in(uint32_t timeout_ms)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += timeout_ms / 1000;
    t.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
    if (t.tv_nsec >= 1000000000) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000;
    }
    return t;
}

/* The caller's time ran out before the brain's: what is held now is what is left behind. */
static void count_rest(void *arg, const struct brain *brain)
{
    struct strato_broker_drain *drain = arg;
    struct brain_channel_stats stats;
    size_t at = 0;

    while (brain_channel_stats_next(brain, &at, &stats)) {
        drain->leased_abandoned += stats.leased;
        if (stats.pattern != BRAIN_EVENTS)
            drain->dropped_shutdown += stats.ready + stats.delayed;
    }
}

int strato_broker_drain(strato_broker *broker, uint32_t timeout_ms, struct strato_broker_drain *ret_drain)
{
    struct timespec deadline = deadline_in(timeout_ms);
    struct strato_broker_drain drain = { 0 };
    bool is_drained;

    pthread_mutex_lock(&broker->lock);
    broker->wants_drain = true;
    wake(broker);
    while (!broker->is_drained && pthread_cond_timedwait(&broker->changed, &broker->lock, &deadline) != ETIMEDOUT)
        ;
    is_drained = broker->is_drained;
    drain = broker->drained;
    pthread_mutex_unlock(&broker->lock);
    if (!is_drained)
        strato_broker_inspect(broker, count_rest, &drain);
    *ret_drain = drain;
    return 0;
}

const char *strato_broker_endpoint_at(const strato_broker *broker, size_t i, const char **ret_edge)
{
    for (size_t s = 0; s < broker->shell.sockets_count; s++) {
        if (i < broker->shell.sockets[s].endpoints_count) {
            *ret_edge = broker->shell.sockets[s].name;
            return broker->shell.sockets[s].endpoints[i];
        }
        i -= broker->shell.sockets[s].endpoints_count;
    }
    return NULL;
}

const char *strato_broker_endpoint(const strato_broker *broker, const char *edge)
{
    static const struct {
        const char *suffix;
        enum net_transport transport;
    } suffixes[] = { { "@tcp", NET_TCP }, { "@ipc", NET_IPC }, { "@inproc", NET_INPROC } };
    const char *at = strchr(edge, '@');
    size_t length = at ? (size_t)(at - edge) : strlen(edge);

    if (strcmp(edge, "inproc") == 0)
        return strato_broker_endpoint(broker, "native@inproc");
    for (size_t s = 0; s < broker->shell.sockets_count; s++) {
        const struct net_socket *socket = &broker->shell.sockets[s];

        if (strlen(socket->name) != length || memcmp(socket->name, edge, length) != 0)
            continue;
        if (!at && socket->endpoints_count > 0)
            return socket->endpoints[0];
        for (size_t i = 0; at && i < 3; i++)
            if (strcmp(at, suffixes[i].suffix) == 0 && net_socket_endpoint(socket, suffixes[i].transport))
                return net_socket_endpoint(socket, suffixes[i].transport);
    }
    return NULL;
}

void *strato_broker_zmq_context(strato_broker *broker)
{
    return broker->shell.zmq;
}

/* One question at a time; the answer comes between two turns. */
static void ask(strato_broker *broker, void (*look)(void *arg, struct shell *shell), void *arg)
{
    pthread_mutex_lock(&broker->lock);
    while (broker->look)
        pthread_cond_wait(&broker->changed, &broker->lock);
    broker->look = look;
    broker->look_arg = arg;
    wake(broker);
    while (broker->look == look && broker->look_arg == arg)
        pthread_cond_wait(&broker->changed, &broker->lock);
    pthread_mutex_unlock(&broker->lock);
}

struct inspection {
    void (*look)(void *arg, const struct brain *brain);
    void *arg;
};

static void inspect_brain(void *arg, struct shell *shell)
{
    struct inspection *inspection = arg;

    inspection->look(inspection->arg, shell->brain);
}

void strato_broker_inspect(strato_broker *broker, void (*look)(void *arg, const struct brain *brain), void *arg)
{
    struct inspection inspection = { look, arg };

    ask(broker, inspect_brain, &inspection);
}

static void replace_keys(void *arg, struct shell *shell)
{
    shell_replace_keys(shell, arg);
}

int strato_broker_reload_keys(strato_broker *broker, char *ret_detail, size_t detail_bytes)
{
    struct strato_option_error error = { "" };
    struct auth_keys *keys = NULL;
    int rc;

    if (!broker->keys_path)
        return 0;
    rc = auth_keys_read(broker->keys_path, &keys, &error);
    if (rc < 0) {
        snprintf(ret_detail, detail_bytes, "%s", *error.text ? error.text : strato_strerror(rc));
        return rc;
    }
    ask(broker, replace_keys, keys);
    auth_keys_drop(keys);
    return 0;
}

static void copy_key_stats(const struct shell *shell, struct strato_broker_stats *stats)
{
    uint64_t counts[NET_ZAP_CAUSES];
    struct net_zap_refusal last;
    struct brain_refusals refusals;

    net_zap_counts(shell->guard.zap, counts, &last);
    brain_refusals(shell->brain, &refusals);
    stats->keys_admitted = counts[NET_ZAP_ADMITTED];
    stats->keys_unknown = counts[NET_ZAP_UNKNOWN_KEY];
    stats->keys_without_right = counts[NET_ZAP_NO_RIGHT];
    stats->keys_malformed = counts[NET_ZAP_MECHANISM] + counts[NET_ZAP_MALFORMED];
    stats->key_strangers = refusals.strangers;
    stats->key_over_rate = refusals.over_rate;
    stats->key_over_connections = refusals.over_connections;
}

static void copy_stats(void *arg, struct shell *shell)
{
    struct strato_broker_stats *stats = arg;

    *stats = shell->stats;
    stats->peers = shell->peers.count;
    stats->connections_open = shell->door.open;
    stats->connections_silent = net_door_silent(&shell->door);
    if (shell->guard.is_on)
        copy_key_stats(shell, stats);
}

void strato_broker_stats(strato_broker *broker, struct strato_broker_stats *ret_stats)
{
    ask(broker, copy_stats, ret_stats);
}
