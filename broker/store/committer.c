/*
 * committer.c - see committer.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/store/committer.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

struct batch {
    struct batch *next;
    uint64_t number;
    uint8_t *data;
    size_t bytes;
};

struct committer {
    struct store *store; /* the thread's, once it runs */
    pthread_t thread;
    pthread_mutex_t lock; /* of all below */
    pthread_cond_t wake;
    struct batch *head, *tail;
    uint64_t synced, told; /* number of the last batch that is synced; that the core thread knows to be */
    bool is_failed;        /* since the core thread last asked */
    char detail[256];
    bool is_stopping;
    uint64_t give_up_ms; /* while is_stopping */
    struct committer_stats stats;
    int fd;
};

static uint64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static uint64_t now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void signal_core(struct committer *c)
{
    uint64_t one = 1;
    ssize_t wrote = write(c->fd, &one, sizeof(one));

    (void)wrote; /* EAGAIN: it is readable as it is */
}

/* ---- the thread ---- */

/* What the next commit takes: the front of the queue, which stays where it is until it is synced. */
static size_t gather(struct committer *c, struct strato_bytes batches[COMMITTER_BATCHES_MAX], uint64_t *ret_number)
{
    size_t count = 0, bytes = 0;

    for (struct batch *b = c->head; b && count < COMMITTER_BATCHES_MAX; b = b->next) {
        if (count && bytes + b->bytes > COMMITTER_BYTES_MAX)
            break;
        batches[count++] = strato_bytes(b->data, b->bytes);
        bytes += b->bytes;
        *ret_number = b->number;
    }
    return count;
}

/* Off the front of the queue; to be freed outside the lock. */
static struct batch *take(struct committer *c, size_t count)
{
    struct batch *first = c->head, *last = first;

    for (size_t i = 1; i < count; i++)
        last = last->next;
    c->head = last->next;
    if (!c->head)
        c->tail = NULL;
    last->next = NULL;
    return first;
}

static void batches_free(struct batch *b)
{
    while (b) {
        struct batch *next = b->next;

        free(b->data);
        free(b);
        b = next;
    }
}

static void pause_for(struct committer *c, uint64_t ms)
{
    uint64_t end = now_ms() + ms;

    while (now_ms() < end && !(c->is_stopping && now_ms() >= c->give_up_ms)) {
        uint64_t until = c->is_stopping && c->give_up_ms < end ? c->give_up_ms : end;
        struct timespec at = { (time_t)(until / 1000), (long)(until % 1000) * 1000000 };

        pthread_cond_timedwait(&c->wake, &c->lock, &at);
    }
}

/* Under the lock, which is let go while the store works. @return how long to pause before the next try. */
static uint64_t commit(struct committer *c, uint64_t last_pause_ms)
{
    struct strato_bytes batches[COMMITTER_BATCHES_MAX];
    struct batch *done;
    uint64_t number = 0, began, took;
    size_t count = gather(c, batches, &number);
    int rc;

    pthread_mutex_unlock(&c->lock);
    began = now_us();
    rc = store_commit(c->store, batches, count);
    took = now_us() - began;
    assert(rc != STRATO_ECODEC);
    pthread_mutex_lock(&c->lock);
    if (rc < 0) {
        c->stats.failures++;
        c->is_failed = true;
        memcpy(c->detail, store_error(c->store), sizeof(c->detail));
        signal_core(c);
        return last_pause_ms == 0                           ? COMMITTER_PAUSE_MS
               : last_pause_ms * 2 < COMMITTER_PAUSE_MS_MAX ? last_pause_ms * 2
                                                            : COMMITTER_PAUSE_MS_MAX;
    }
    done = take(c, count);
    c->synced = number;
    c->is_failed = false; /* a failure that nobody has asked about is past */
    c->stats.commits++;
    c->stats.batches += count;
    c->stats.micros += took;
    if (took > c->stats.micros_max)
        c->stats.micros_max = took;
    for (size_t i = 0; i < count; i++)
        c->stats.bytes += batches[i].bytes;
    signal_core(c);
    pthread_mutex_unlock(&c->lock);
    batches_free(done);
    pthread_mutex_lock(&c->lock);
    return 0;
}

static void *work(void *arg)
{
    struct committer *c = arg;
    uint64_t pause_ms = 0;

    pthread_mutex_lock(&c->lock);
    for (;;) {
        while (!c->head && !c->is_stopping)
            pthread_cond_wait(&c->wake, &c->lock);
        if (!c->head || (pause_ms && c->is_stopping && now_ms() >= c->give_up_ms))
            break;
        pause_ms = commit(c, pause_ms);
        if (pause_ms)
            pause_for(c, pause_ms);
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

/* ---- the core thread ---- */

static int start_thread(struct committer *c)
{
    pthread_condattr_t attributes;
    sigset_t all, before;
    int rc;

    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&c->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&c->lock, NULL);
    sigfillset(&all); /* signals are the main thread's */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    rc = pthread_create(&c->thread, NULL, work, c);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc == 0)
        return 0;
    pthread_cond_destroy(&c->wake);
    pthread_mutex_destroy(&c->lock);
    return STRATO_ENO_RESOURCES;
}

int committer_start(struct store *store, struct committer **ret_committer)
{
    struct committer *c = calloc(1, sizeof(*c));
    int rc;

    if (!c)
        return STRATO_ENOMEM;
    c->store = store;
    c->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    rc = c->fd < 0 ? STRATO_ENO_RESOURCES : start_thread(c);
    if (rc < 0) {
        if (c->fd >= 0)
            close(c->fd);
        free(c);
        return rc;
    }
    *ret_committer = c;
    return 0;
}

int committer_fd(const struct committer *c)
{
    return c->fd;
}

int committer_submit(struct committer *c, uint64_t number, uint8_t *data, size_t bytes)
{
    struct batch *b = malloc(sizeof(*b));

    if (!b)
        return STRATO_ENOMEM;
    *b = (struct batch){ NULL, number, data, bytes };
    pthread_mutex_lock(&c->lock);
    if (c->tail)
        c->tail->next = b;
    else
        c->head = b;
    c->tail = b;
    pthread_cond_signal(&c->wake);
    pthread_mutex_unlock(&c->lock);
    return 0;
}

bool committer_next(struct committer *c, struct committer_result *ret_result)
{
    uint64_t count;
    bool has_news = true;
    ssize_t got = read(c->fd, &count, sizeof(count));

    (void)got; /* EAGAIN: asked without having polled */
    pthread_mutex_lock(&c->lock);
    if (c->synced > c->told) {
        c->told = c->synced;
        *ret_result = (struct committer_result){ .commit = c->synced };
    } else if (c->is_failed) {
        c->is_failed = false;
        *ret_result = (struct committer_result){ .is_failed = true };
        memcpy(ret_result->detail, c->detail, sizeof(ret_result->detail));
    } else {
        has_news = false;
    }
    pthread_mutex_unlock(&c->lock);
    return has_news;
}

void committer_stats(struct committer *c, struct committer_stats *ret_stats)
{
    pthread_mutex_lock(&c->lock);
    *ret_stats = c->stats;
    pthread_mutex_unlock(&c->lock);
}

int committer_stop(struct committer **committer, unsigned timeout_ms, uint64_t *ret_unsynced)
{
    struct committer *c = *committer;

    *ret_unsynced = 0;
    if (!c)
        return 0;
    pthread_mutex_lock(&c->lock);
    c->is_stopping = true;
    c->give_up_ms = now_ms() + timeout_ms;
    pthread_cond_signal(&c->wake);
    pthread_mutex_unlock(&c->lock);
    pthread_join(c->thread, NULL);
    for (const struct batch *b = c->head; b; b = b->next)
        (*ret_unsynced)++;
    batches_free(c->head);
    store_close(&c->store);
    close(c->fd);
    pthread_cond_destroy(&c->wake);
    pthread_mutex_destroy(&c->lock);
    free(c);
    *committer = NULL;
    return *ret_unsynced ? STRATO_ESTORE : 0;
}
