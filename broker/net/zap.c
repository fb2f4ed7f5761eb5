/*
 * zap.c - one REP socket, one lock, one verdict.
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/net/zap.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { PARTS_MAX = 7, VISITS_MAX = 4096, DOMAIN_BYTES = 200 };

/* A key was let in on this edge of plain sockets. At most once for each pair. */
struct visit {
    uint8_t key[STRATO_KEY_BYTES];
    char domain[DOMAIN_BYTES];
};

struct net_zap {
    void *socket;
    int stop_fd;
    pthread_t thread;
    bool has_thread;
    pthread_mutex_t lock; /* guards all below */
    struct auth_keys *keys;
    uint64_t counts[NET_ZAP_CAUSES];
    struct net_zap_refusal last;
    uint8_t watched[STRATO_KEY_BYTES];
    uint64_t watched_refusals;
    struct visit *visits;
    size_t visits_count, visits_capacity;
    bool has_lost_visits; /* more than VISITS_MAX: then all edges count as visited */
};

const char *net_zap_cause_name(enum net_zap_cause cause)
{
    static const char *const names[NET_ZAP_CAUSES] = { "admitted", "unknown_key", "no_right", "mechanism",
                                                       "malformed" };

    return names[cause];
}

/* ---- the verdict ---------------------------------------------------------------------------------- */

void net_zap_domain(const struct net_socket *s, enum net_transport transport, char *text, size_t bytes)
{
    size_t edge = strcspn(s->name, ":"); /* "push:evolution" */

    snprintf(text, bytes, "strato:%.*s:%s:%s", (int)edge, s->name, transport == NET_TCP ? "tcp" : "ipc", s->channel);
}

static struct strato_bytes cut(struct strato_bytes *rest)
{
    const uint8_t *colon = rest->bytes ? memchr(rest->data, ':', rest->bytes) : NULL;
    size_t length = colon ? (size_t)(colon - rest->data) : rest->bytes;
    struct strato_bytes part = strato_bytes(rest->data, length);

    *rest = strato_bytes(rest->data + length + (colon != NULL), rest->bytes - length - (colon != NULL));
    return part;
}

static bool may_use(const struct auth_principal *p, struct strato_bytes edge, struct strato_bytes channel)
{
    if (strato_bytes_is(edge, "native")) /* judged frame by frame */
        return true;
    if (strato_bytes_is(edge, "pub_in")) /* judged message by message; the topic is not known yet */
        return auth_has_verb(p, AUTH_PUBLISH);
    if (strato_bytes_is(edge, "events_push"))
        return auth_judge(p, AUTH_PUBLISH, strato_text("events")) != AUTH_DENIED;
    if (strato_bytes_is(edge, "push"))
        return auth_judge(p, AUTH_PUBLISH, channel) != AUTH_DENIED;
    if (strato_bytes_is(edge, "pub_out")) /* a SUB may ask for every topic of every events channel */
        return auth_judge(p, AUTH_CONSUME, STRATO_BYTES_NONE) == AUTH_ALLOWED;
    return strato_bytes_is(edge, "pull") && auth_judge(p, AUTH_CONSUME, channel) == AUTH_ALLOWED;
}

enum net_zap_cause net_zap_judge(const struct auth_keys *keys, const struct net_zap_request *request,
                                 const struct auth_principal **ret_principal)
{
    struct strato_bytes rest = request->domain;
    struct strato_bytes house = cut(&rest), edge = cut(&rest), transport = cut(&rest);

    *ret_principal = NULL;
    if (!strato_bytes_is(request->version, "1.0") || !strato_bytes_is(house, "strato"))
        return NET_ZAP_MALFORMED;
    if (strato_bytes_is(transport, "ipc"))
        return strato_bytes_is(request->mechanism, "NULL") ? NET_ZAP_ADMITTED : NET_ZAP_MECHANISM;
    if (!strato_bytes_is(transport, "tcp"))
        return NET_ZAP_MALFORMED;
    if (!strato_bytes_is(request->mechanism, "CURVE"))
        return NET_ZAP_MECHANISM;
    if (request->key.bytes != STRATO_KEY_BYTES)
        return NET_ZAP_MALFORMED;
    *ret_principal = auth_find(auth_keys_all(keys), request->key.data);
    if (!*ret_principal)
        return NET_ZAP_UNKNOWN_KEY;
    return may_use(*ret_principal, edge, rest) ? NET_ZAP_ADMITTED : NET_ZAP_NO_RIGHT;
}

/* ---- the books ------------------------------------------------------------------------------------ */

static void print_bytes(char *to, size_t room, struct strato_bytes from)
{
    size_t length = from.bytes < room - 1 ? from.bytes : room - 1;

    for (size_t i = 0; i < length; i++) /* addresses are libzmq's, but this ends in a log */
        to[i] = from.data[i] > ' ' && from.data[i] < 0x7f && from.data[i] != '"' ? (char)from.data[i] : '?';
    to[length] = '\0';
}

static void note_refusal(struct net_zap *zap, const struct net_zap_request *r, enum net_zap_cause cause,
                         const struct auth_principal *p)
{
    struct net_zap_refusal *last = &zap->last;

    *last = (struct net_zap_refusal){ .cause = cause };
    print_bytes(last->address, sizeof last->address, r->address);
    print_bytes(last->domain, sizeof last->domain, r->domain);
    if (r->key.bytes == STRATO_KEY_BYTES)
        strato_key_print(r->key.data, last->key);
    if (p)
        snprintf(last->name, sizeof last->name, "%s", p->name);
}

/* The native edge needs no note: its sessions end by the brain. */
static void note_visit(struct net_zap *zap, const struct net_zap_request *r)
{
    struct visit v = { .domain = "" };

    if (r->domain.bytes >= sizeof v.domain || memcmp(r->domain.data, "strato:native:", 14) == 0)
        return;
    memcpy(v.key, r->key.data, sizeof v.key);
    memcpy(v.domain, r->domain.data, r->domain.bytes);
    for (size_t i = 0; i < zap->visits_count; i++)
        if (memcmp(zap->visits[i].key, v.key, sizeof v.key) == 0 && strcmp(zap->visits[i].domain, v.domain) == 0)
            return;
    if (zap->visits_count == zap->visits_capacity) {
        size_t capacity = zap->visits_capacity ? zap->visits_capacity * 2 : 8;
        struct visit *visits = capacity <= VISITS_MAX ? realloc(zap->visits, capacity * sizeof *visits) : NULL;

        if (!visits) {
            zap->has_lost_visits = true;
            return;
        }
        zap->visits = visits;
        zap->visits_capacity = capacity;
    }
    zap->visits[zap->visits_count++] = v;
}

static enum net_zap_cause decide(struct net_zap *zap, const struct net_zap_request *r, char user[STRATO_KEY_CHARS + 1])
{
    const struct auth_principal *p;
    enum net_zap_cause cause;

    pthread_mutex_lock(&zap->lock);
    cause = net_zap_judge(zap->keys, r, &p);
    if (cause == NET_ZAP_UNKNOWN_KEY && memcmp(r->key.data, zap->watched, sizeof zap->watched) == 0)
        zap->watched_refusals++; /* our own knocking is no news */
    else
        zap->counts[cause]++;
    if (cause != NET_ZAP_ADMITTED)
        note_refusal(zap, r, cause, p);
    else if (p)
        note_visit(zap, r);
    pthread_mutex_unlock(&zap->lock);
    user[0] = '\0';
    if (cause == NET_ZAP_ADMITTED && p)
        strato_key_print(r->key.data, user);
    else if (cause == NET_ZAP_ADMITTED)
        memcpy(user, NET_ZAP_USER_LOCAL, sizeof NET_ZAP_USER_LOCAL);
    return cause;
}

/* ---- the conversation ----------------------------------------------------------------------------- */

static void send_text(void *socket, const char *text, bool has_more)
{
    zmq_send(socket, text, strlen(text), ZMQ_DONTWAIT | (has_more ? ZMQ_SNDMORE : 0));
}

static void reply(void *socket, const struct net_zap_request *r, enum net_zap_cause cause, const char *user)
{
    zmq_send(socket, "1.0", 3, ZMQ_DONTWAIT | ZMQ_SNDMORE);
    zmq_send(socket, r->id.data, r->id.bytes, ZMQ_DONTWAIT | ZMQ_SNDMORE);
    send_text(socket, cause == NET_ZAP_ADMITTED ? "200" : "400", true);
    send_text(socket, cause == NET_ZAP_ADMITTED ? "OK" : net_zap_cause_name(cause), true);
    send_text(socket, user, true);
    send_text(socket, "", false);
}

/* One request; libzmq sends them whole, so the parts are there. */
static void answer_one(struct net_zap *zap)
{
    zmq_msg_t parts[PARTS_MAX];
    struct strato_bytes at[PARTS_MAX] = { { 0 } };
    struct net_zap_request request;
    char user[STRATO_KEY_CHARS + 1];
    size_t count = 0;
    bool has_more = true;

    while (has_more) {
        zmq_msg_t spare, *part = count < PARTS_MAX ? &parts[count] : &spare;

        zmq_msg_init(part);
        if (zmq_msg_recv(part, zap->socket, ZMQ_DONTWAIT) < 0) {
            zmq_msg_close(part);
            break;
        }
        has_more = zmq_msg_more(part) != 0;
        if (part == &spare) {
            zmq_msg_close(part);
            continue;
        }
        at[count++] = strato_bytes(zmq_msg_data(part), zmq_msg_size(part));
    }
    if (count > 0 && !has_more) {
        request = (struct net_zap_request){ at[0], at[1], at[2], at[3], at[5], at[6] }; /* at[4]: the routing id */
        reply(zap->socket, &request, decide(zap, &request, user), user);
    }
    while (count > 0)
        zmq_msg_close(&parts[--count]);
}

static void *zap_main(void *arg)
{
    struct net_zap *zap = arg;
    zmq_pollitem_t items[] = { { .socket = zap->socket, .events = ZMQ_POLLIN },
                               { .fd = zap->stop_fd, .events = ZMQ_POLLIN } };

    for (;;) {
        if (zmq_poll(items, 2, -1) < 0 && errno != EINTR)
            break;
        if (items[1].revents)
            break;
        if (items[0].revents)
            answer_one(zap);
    }
    zmq_close(zap->socket); /* the thread that used it */
    return NULL;
}

static int start(struct net_zap *zap)
{
    sigset_t all, before;
    int rc;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    rc = pthread_create(&zap->thread, NULL, zap_main, zap);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    zap->has_thread = rc == 0;
    return rc == 0 ? 0 : STRATO_ENOMEM;
}

int net_zap_open(void *context, struct auth_keys *keys, struct net_zap **ret_zap)
{
    struct net_zap *zap = calloc(1, sizeof *zap);
    int zero = 0, rc = STRATO_EIO;

    if (!zap)
        return STRATO_ENOMEM;
    zap->keys = auth_keys_hold(keys);
    pthread_mutex_init(&zap->lock, NULL);
    zap->stop_fd = eventfd(0, EFD_CLOEXEC);
    zap->socket = zmq_socket(context, ZMQ_REP);
    if (zap->stop_fd >= 0 && zap->socket && zmq_setsockopt(zap->socket, ZMQ_LINGER, &zero, sizeof zero) == 0 &&
        zmq_bind(zap->socket, "inproc://zeromq.zap.01") == 0)
        rc = start(zap);
    if (rc < 0)
        net_zap_close(&zap);
    else
        *ret_zap = zap;
    return rc;
}

void net_zap_close(struct net_zap **ret_zap)
{
    struct net_zap *zap = *ret_zap;
    uint64_t one = 1;

    *ret_zap = NULL;
    if (!zap)
        return;
    if (zap->has_thread) {
        while (write(zap->stop_fd, &one, sizeof one) < 0 && errno == EINTR)
            ;
        pthread_join(zap->thread, NULL);
    } else if (zap->socket) {
        zmq_close(zap->socket);
    }
    if (zap->stop_fd >= 0)
        close(zap->stop_fd);
    auth_keys_drop(zap->keys);
    pthread_mutex_destroy(&zap->lock);
    free(zap->visits);
    free(zap);
}

static bool is_as_before(const struct auth_keys *before, const struct auth_keys *now, const uint8_t *key)
{
    const struct auth_principal *a = auth_find(auth_keys_all(before), key), *b = auth_find(auth_keys_all(now), key);

    return a && b && strcmp(a->name, b->name) == 0 && auth_rights_equal(a, b);
}

void net_zap_replace(struct net_zap *zap, struct auth_keys *keys, void (*changed)(void *arg, const char *domain),
                     void *arg)
{
    struct auth_keys *before;
    size_t kept = 0;

    pthread_mutex_lock(&zap->lock);
    before = zap->keys;
    zap->keys = auth_keys_hold(keys);
    if (zap->has_lost_visits && changed)
        changed(arg, NULL);
    zap->has_lost_visits = false;
    for (size_t i = 0; i < zap->visits_count; i++) {
        if (is_as_before(before, keys, zap->visits[i].key))
            zap->visits[kept++] = zap->visits[i];
        else if (changed)
            changed(arg, zap->visits[i].domain);
    }
    zap->visits_count = kept;
    pthread_mutex_unlock(&zap->lock);
    auth_keys_drop(before);
}

void net_zap_watch(struct net_zap *zap, const uint8_t key[STRATO_KEY_BYTES])
{
    pthread_mutex_lock(&zap->lock);
    memcpy(zap->watched, key, sizeof zap->watched);
    zap->watched_refusals = 0;
    pthread_mutex_unlock(&zap->lock);
}

uint64_t net_zap_watched(struct net_zap *zap)
{
    uint64_t refusals;

    pthread_mutex_lock(&zap->lock);
    refusals = zap->watched_refusals;
    pthread_mutex_unlock(&zap->lock);
    return refusals;
}

void net_zap_counts(struct net_zap *zap, uint64_t ret_counts[NET_ZAP_CAUSES], struct net_zap_refusal *ret_last)
{
    pthread_mutex_lock(&zap->lock);
    memcpy(ret_counts, zap->counts, sizeof zap->counts);
    *ret_last = zap->last;
    pthread_mutex_unlock(&zap->lock);
}
