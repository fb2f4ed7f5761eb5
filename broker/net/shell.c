/*
 * shell.c - the core loop.
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/net/shell.h"

#include "broker/net/limits.h"
#include "broker/net/selftest.h"
#include "broker/store/committer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

static uint64_t clock_ms(clockid_t id)
{
    struct timespec t;

    clock_gettime(id, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static uint64_t clock_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void update_clocks(struct shell *sh)
{
    sh->now_ms = clock_ms(CLOCK_MONOTONIC);
    sh->wall_ms = clock_ms(CLOCK_REALTIME);
}

void shell_log(struct shell *sh, enum strato_log_level level, const char *format, ...)
{
    char text[1024];
    va_list arguments;

    if (!sh->log_fn)
        return;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    sh->log_fn(sh->log_arg, level, "net", text);
}

bool shell_log_allows(struct shell *sh, uint64_t key, uint64_t *ret_suppressed)
{
    return sh->log_fn && strato_log_limit_allows(&sh->log_limit, key, sh->now_ms, NET_LOG_INTERVAL_MS, ret_suppressed);
}

int net_peer_list_add(struct net_peer_list *list, brain_peer number)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? list->capacity * 2 : 16;
        brain_peer *numbers = realloc(list->numbers, capacity * sizeof *numbers);

        if (!numbers)
            return STRATO_ENOMEM;
        list->numbers = numbers;
        list->capacity = capacity;
    }
    list->numbers[list->count++] = number;
    return 0;
}

/* ---- opening -------------------------------------------------------------------------------------- */

static int open_socket(struct shell *sh, const struct broker_config *config, enum net_role role, const char *channel,
                       char *detail, size_t detail_bytes)
{
    struct net_socket *s = &sh->sockets[sh->sockets_count];
    const struct net_security *security = sh->guard.is_on ? &sh->guard.security : NULL;
    int rc = net_socket_open(s, sh->zmq, config, role, channel, security, detail, detail_bytes);

    if (rc < 0)
        return rc;
    sh->sockets_count++;
    if (role == NET_NATIVE)
        rc = net_socket_watch(s, sh->zmq,
                              ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED |
                                  ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
                                  ZMQ_EVENT_HANDSHAKE_FAILED_AUTH);
    else if (role != NET_LOCAL)
        rc = net_socket_watch(s, sh->zmq,
                              ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH |
                                  (role == NET_WORK_OUT ? ZMQ_EVENT_HANDSHAKE_SUCCEEDED : 0));
    if (rc < 0)
        snprintf(detail, detail_bytes, "edge %s: its monitor could not be set up", s->name);
    return rc;
}

static int open_sockets(struct shell *sh, const struct broker_config *config, char *detail, size_t detail_bytes)
{
    int rc = config->has_native ? open_socket(sh, config, NET_NATIVE, "", detail, detail_bytes) : 0;

    if (rc == 0 && config->has_inproc) /* also when the native edge is off for the world: hosted services need it */
        rc = open_socket(sh, config, NET_LOCAL, "", detail, detail_bytes);

    if (rc == 0 && config->has_pub_sub) {
        rc = open_socket(sh, config, NET_PUB_OUT, "", detail, detail_bytes);
        rc = rc ? rc : open_socket(sh, config, NET_PUB_IN, "", detail, detail_bytes);
    }
    if (rc == 0 && config->has_events_push)
        rc = open_socket(sh, config, NET_EVENTS_PUSH, "", detail, detail_bytes);
    for (size_t i = 0; i < config->push_pull.count && rc == 0; i++) {
        rc = open_socket(sh, config, NET_WORK_IN, config->push_pull.items[i], detail, detail_bytes);
        rc = rc ? rc : open_socket(sh, config, NET_WORK_OUT, config->push_pull.items[i], detail, detail_bytes);
    }
    return rc;
}

static int open_brain(struct shell *sh, const struct broker_config *config, char *detail, size_t detail_bytes)
{
    struct brain_channel_config *channels = NULL;
    struct brain_config brain;
    int rc = broker_config_brain(config, &brain, &channels);

    if (rc < 0)
        return rc;
    brain.epoch = sh->wall_ms;
    brain.has_store = sh->store != NULL;
    brain.memory_max = brain.memory_max ? brain.memory_max : net_memory_budget();
    if (getrandom(brain.secret, sizeof brain.secret, 0) != sizeof brain.secret)
        memset(brain.secret, 0, sizeof brain.secret); /* derived from the seed, then */
    if (getrandom(&brain.seed, sizeof brain.seed, 0) != sizeof brain.seed)
        brain.seed = sh->wall_ms ^ sh->now_ms << 32;
    rc = brain_open(&brain, sh->now_ms, &sh->brain, detail, detail_bytes);
    free(channels);
    return rc;
}

static int open_outlets(struct shell *sh)
{
    int rc = 0;

    for (size_t i = 0; i < sh->sockets_count && rc == 0; i++) {
        if (sh->sockets[i].role == NET_WORK_OUT)
            rc = brain_edge_out_open(sh->brain, sh->sockets[i].channel, NET_EDGE_WINDOW, &sh->outlets[i].edge);
    }
    return rc;
}

static void list_items(struct shell *sh, int wake_fd)
{
    sh->items_count = 0;
    for (size_t i = 0; i < sh->sockets_count; i++)
        sh->items[sh->items_count++] = (zmq_pollitem_t){ .socket = sh->sockets[i].zmq, .events = ZMQ_POLLIN };
    /* A monitor by its descriptor: zmq_poll() asks each socket in four system calls, a descriptor in none of its own.
     * It is signalled once for what comes after the reader found nothing, so hear_monitors() reads to the end, and
     * once before the first wait. */
    for (size_t i = 0; i < sh->sockets_count; i++) {
        int fd;
        size_t bytes = sizeof fd;

        if (sh->sockets[i].monitor && zmq_getsockopt(sh->sockets[i].monitor, ZMQ_FD, &fd, &bytes) == 0)
            sh->items[sh->items_count++] = (zmq_pollitem_t){ .fd = fd, .events = ZMQ_POLLIN };
    }
    sh->hears_all = true;
    if (sh->committer)
        sh->items[sh->items_count++] = (zmq_pollitem_t){ .fd = committer_fd(sh->committer), .events = ZMQ_POLLIN };
    sh->items[sh->items_count++] = (zmq_pollitem_t){ .fd = wake_fd, .events = ZMQ_POLLIN };
}

/* libzmq draws the first automatic routing id from rand(): unseeded, two runs would hand out the same ones. */
static void seed_rand(void)
{
    unsigned seed;

    if (getrandom(&seed, sizeof seed, 0) == sizeof seed)
        srand(seed);
}

static int open_context(struct shell *sh, const struct broker_config *config)
{
    int major, minor, patch;

    zmq_version(&major, &minor, &patch);
    if (major * 10000 + minor * 100 + patch < 40303)
        return STRATO_ECONFIG;
    sh->zmq = zmq_ctx_new();
    if (!sh->zmq)
        return STRATO_ENOMEM;
    /* Encryption is the I/O thread's work: two, unless somebody wants it otherwise. */
    zmq_ctx_set(sh->zmq, ZMQ_IO_THREADS,
                config->io_threads               ? (int)config->io_threads
                : broker_config_has_keys(config) ? 2
                                                 : 1);
    zmq_ctx_set(sh->zmq, ZMQ_MAX_SOCKETS, 16384);         /* inproc clients share this context */
    zmq_ctx_set(sh->zmq, 10 /* ZMQ_ZERO_COPY_RECV */, 0); /* else each held message pins an 8 KiB read buffer */
    return 0;
}

int shell_open(struct shell *sh, const struct broker_config *config, int wake_fd, char *detail, size_t detail_bytes)
{
    int rc;

    *sh = (struct shell){
        .wake_fd = wake_fd, .spin_us = config->spin_us, .log_fn = config->log_fn, .log_arg = config->log_arg
    };
    update_clocks(sh);
    rc = net_descriptors_raise(config->connections + BROKER_FD_RESERVE, detail, detail_bytes);
    if (rc < 0)
        return rc;
    sh->descriptors_near = net_descriptors_near();
    net_door_init(&sh->door, &(struct net_door_limits){ .open = config->connections,
                                                        .mute = config->mute_connections,
                                                        .silent_ms = NET_SILENT_MS,
                                                        .is_mute = net_connection_is_mute });
    seed_rand();
    rc = open_context(sh, config);
    if (rc == STRATO_ECONFIG)
        snprintf(detail, detail_bytes, "libzmq is older than 4.3.3, which has known holes; install a newer one");
    if (rc < 0)
        return rc;
    sh->sockets = calloc(NET_SOCKETS_MAX, sizeof *sh->sockets);
    sh->outlets = calloc(NET_SOCKETS_MAX, sizeof *sh->outlets);
    sh->items = calloc(NET_SOCKETS_MAX * 2 + 2, sizeof *sh->items);
    rc = sh->sockets && sh->outlets && sh->items ? net_peers_init(&sh->peers) : STRATO_ENOMEM;
    rc = rc ? rc : storage_open(sh, config, detail, detail_bytes);
    rc = rc ? rc : net_guard_open(&sh->guard, sh->zmq, config, detail, detail_bytes); /* before any bind */
    rc = rc ? rc : open_sockets(sh, config, detail, detail_bytes);
    rc = rc ? rc : open_brain(sh, config, detail, detail_bytes);
    rc = rc ? rc : storage_restore(sh, detail, detail_bytes);
    rc = rc ? rc : open_outlets(sh);
    if (rc == 0 && sh->guard.is_on) {
        shell_step(sh, &(struct brain_event){ .kind = BRAIN_PRINCIPALS, .principals = auth_keys_all(sh->guard.keys) });
        rc = net_selftest(sh->sockets, sh->sockets_count, sh->guard.public_key, sh->guard.zap, detail, detail_bytes);
    }
    if (rc < 0) {
        shell_close(sh, 0);
        return rc;
    }
    list_items(sh, wake_fd);
    return 0;
}

void shell_close(struct shell *sh, int linger_ms)
{
    brain_out_fini(&sh->out);
    for (size_t i = 0; i < sh->sockets_count; i++) {
        for (; sh->outlets[i].count > 0; sh->outlets[i].count--) {
            net_frame_fini(&sh->outlets[i].queue[sh->outlets[i].head]);
            sh->outlets[i].head = (sh->outlets[i].head + 1) % NET_EDGE_WINDOW;
        }
        net_socket_close(&sh->sockets[i], linger_ms);
    }
    sh->sockets_count = 0;
    storage_close(sh);
    if (sh->brain)
        brain_destroy(&sh->brain);
    net_guard_close(&sh->guard); /* after the brain, which looks into its keys */
    net_peers_fini(&sh->peers);
    net_door_fini(&sh->door);
    free(sh->cuts);
    sh->cuts = NULL;
    sh->cuts_count = sh->cuts_capacity = 0;
    free(sh->sockets);
    free(sh->outlets);
    free(sh->items);
    free(sh->doubted.numbers);
    free(sh->gone.numbers);
    free(sh->stuck.numbers);
    sh->sockets = NULL;
    sh->outlets = NULL;
    sh->items = NULL;
    sh->doubted = sh->gone = sh->stuck = (struct net_peer_list){ 0 };
}

/* ---- other keys ---------------------------------------------------------------------------------- */

/* A plain socket's connection was judged at its handshake, and libzmq ends none by itself: the edge's connections are all
 * made anew, which those who may still come do within a moment. */
static void unbind_edge(void *arg, const char *domain)
{
    struct shell *sh = arg;
    char own[256];

    for (size_t i = 0; i < sh->sockets_count; i++) {
        struct net_socket *s = &sh->sockets[i];

        net_zap_domain(s, NET_TCP, own, sizeof own);
        if (s->role == NET_NATIVE || s->role == NET_LOCAL || (domain && strcmp(domain, own) != 0))
            continue;
        net_socket_unbind(s);
        shell_log(sh, STRATO_LOG_INFO, "connections of the edge end, since a key of theirs changed edge=%s", s->name);
    }
}

void shell_replace_keys(struct shell *sh, struct auth_keys *keys)
{
    struct auth_keys *before = sh->guard.keys;

    update_clocks(sh);
    sh->guard.keys = auth_keys_hold(keys);
    net_zap_replace(sh->guard.zap, keys, unbind_edge, sh); /* first: nobody may slip in between */
    shell_step(sh, &(struct brain_event){ .kind = BRAIN_PRINCIPALS, .principals = auth_keys_all(keys) });
    auth_keys_drop(before);
    sh->has_more = true;
}

/* When to try again. */
static uint64_t bind_again(struct shell *sh)
{
    uint64_t next = UINT64_MAX;

    for (size_t i = 0; i < sh->sockets_count; i++)
        if (sh->sockets[i].unbound && !net_socket_bind_again(&sh->sockets[i]))
            next = sh->now_ms + NET_RETRY_MS;
    return next;
}

/* ---- turning -------------------------------------------------------------------------------------- */

void shell_step(struct shell *sh, struct brain_event *event)
{
    event->wall_ms = sh->wall_ms;
    brain_step(sh->brain, event, sh->now_ms, &sh->out); /* out of memory: the brain has told the peer */
}

static void log_action(struct shell *sh, const struct brain_action *action)
{
    char text[1024];

    if (!sh->log_fn)
        return;
    snprintf(text, sizeof text, "%.*s", action->bytes < sizeof text ? (int)action->bytes : (int)sizeof text - 1,
             (const char *)action->data);
    sh->log_fn(sh->log_arg, (enum strato_log_level)action->level, "broker", text);
}

static void act(struct shell *sh, struct brain_action *action)
{
    switch (action->kind) {
    case BRAIN_SEND:
        native_send(sh, action);
        break;
    case BRAIN_PUBLISH:
        edges_publish(sh, action);
        break;
    case BRAIN_EDGE_OUT:
        edges_out(sh, action);
        break;
    case BRAIN_PROBE:
        native_probe(sh, action);
        break;
    case BRAIN_CLOSE:
        native_close(sh, action->peer);
        break;
    case BRAIN_LOG:
        log_action(sh, action);
        break;
    case BRAIN_COMMIT:
        storage_commit(sh, action);
        break;
    case BRAIN_DRAINED:
        sh->is_drained = true;
        sh->drained.leased_abandoned = action->drain.leased_abandoned;
        sh->drained.dropped_shutdown = action->drain.dropped_shutdown;
        sh->drained.kept = action->drain.kept;
        sh->drained.unsynced = action->drain.unsynced;
        break;
    }
}

/* Carrying out an action may be news to the brain (a send that fails), whose actions join the same list. */
static void act_all(struct shell *sh)
{
    for (size_t i = 0; i < sh->out.count; i++) {
        struct brain_action action = sh->out.actions[i];

        sh->out.actions[i].data = NULL;
        sh->out.actions[i].blobs = NULL;
        sh->out.actions[i].blobs_count = 0;
        act(sh, &action);
        free(action.data);
        for (size_t k = 0; k < action.blobs_count; k++)
            strato_blob_drop(action.blobs[k]);
        free(action.blobs);
    }
    brain_out_reset(&sh->out);
}

static void arm_items(struct shell *sh)
{
    for (size_t i = 0; i < sh->sockets_count; i++) {
        if (sh->sockets[i].role == NET_WORK_IN)
            sh->items[i].events = brain_edge_in_room(sh->brain, sh->sockets[i].channel) > 0 ? ZMQ_POLLIN : 0;
        else if (sh->sockets[i].role == NET_WORK_OUT) /* a ready one has nothing to tell; polling it would not sleep */
            sh->items[i].events = sh->outlets[i].is_ready ? 0 : ZMQ_POLLOUT;
    }
}

static long sleep_ms(const struct shell *sh)
{
    uint64_t due = brain_next_timer_ms(sh->brain), now = clock_ms(CLOCK_MONOTONIC);

    due = sh->retry_at_ms < due ? sh->retry_at_ms : due;
    if (sh->has_more || sh->hears_all || due <= now)
        return 0;
    return due - now > 60000 ? 60000 : (long)(due - now);
}

static int wait_for_work(struct shell *sh)
{
    long timeout = sleep_ms(sh);
    uint64_t until;
    int ready = 0;

    if (timeout > 0 && sh->spin_us > 0 && sh->was_busy) {
        until = clock_us() + sh->spin_us;
        while (ready == 0 && clock_us() < until)
            ready = zmq_poll(sh->items, (int)sh->items_count, 0);
        if (ready != 0)
            return ready;
    }
    return zmq_poll(sh->items, (int)sh->items_count, timeout);
}

static void hear_monitors(struct shell *sh)
{
    size_t item = sh->sockets_count;

    for (size_t i = 0; i < sh->sockets_count; i++) {
        if (!sh->sockets[i].monitor)
            continue;
        if (sh->items[item++].revents == 0 && !sh->hears_all)
            continue;
        if (sh->sockets[i].role == NET_NATIVE)
            native_hear(sh, i);
        else
            edges_hear(sh, i);
    }
    sh->hears_all = false;
}

static void read_sockets(struct shell *sh)
{
    for (size_t i = 0; i < sh->sockets_count; i++) {
        bool is_router = sh->sockets[i].role == NET_NATIVE || sh->sockets[i].role == NET_LOCAL;

        if (!(sh->items[i].revents & ZMQ_POLLIN) && !(is_router && sh->gone.count > 0))
            continue;
        if (is_router)
            native_read(sh, (uint8_t)i);
        else
            edges_read(sh, &sh->sockets[i]);
    }
}

bool shell_turn(struct shell *sh)
{
    int ready;

    arm_items(sh);
    ready = wait_for_work(sh);
    update_clocks(sh);
    sh->was_busy = ready > 0;
    sh->has_more = false;
    sh->stats.turns++;
    if (ready > 0 || sh->hears_all)
        hear_monitors(sh);
    if (ready > 0 && sh->committer && sh->items[sh->items_count - 2].revents)
        storage_hear(sh);
    if (ready > 0 || sh->gone.count > 0)
        read_sockets(sh);
    if (brain_next_timer_ms(sh->brain) <= sh->now_ms)
        shell_step(sh, &(struct brain_event){ .kind = BRAIN_TICK });
    sh->retry_at_ms = native_retry(sh);
    if (sh->guard.is_on) {
        uint64_t next = bind_again(sh);

        sh->retry_at_ms = next < sh->retry_at_ms ? next : sh->retry_at_ms;
    }
    edges_flush(sh);
    shell_step(sh, &(struct brain_event){ .kind = BRAIN_TURN_END });
    act_all(sh);
    return ready > 0 && sh->items[sh->items_count - 1].revents != 0;
}

void shell_begin_drain(struct shell *sh)
{
    update_clocks(sh);
    /* Nothing is unbound: libzmq 4.3.4 ends the connections that a listener accepted together with it, and those are to
     * finish their work. Who comes now is told E_DRAINING, which is more than a refused connection says. */
    shell_step(sh, &(struct brain_event){ .kind = BRAIN_DRAIN });
    sh->has_more = true;
}
