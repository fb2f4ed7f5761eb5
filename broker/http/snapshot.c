/*
 * snapshot.c - the thread that asks the core for its numbers.
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/http/snapshot.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

struct snapshots {
    strato_broker *broker;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_wanted, stops;
    uint64_t asked_ms; /* since when the core owes an answer; 0 = it owes none */
    struct snapshot *latest;
    uint64_t lag_counts[SNAPSHOT_LAG_BUCKETS]; /* the thread's own */
    double lag_sum_s;
};

const double snapshot_lag_bounds[SNAPSHOT_LAG_BUCKETS - 1] = { 0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.25, 1 };

static uint64_t clock_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

uint64_t snapshot_clock_ms(void)
{
    return clock_us() / 1000;
}

/* On the core thread. */
static void copy_reports(void *arg, const struct brain *brain)
{
    struct snapshot *fresh = arg;

    for (int i = 0; i <= BRAIN_REPORT_ROUTES; i++)
        brain_report(brain, (enum brain_report)i, &fresh->reports[i]);
}

static void snapshot_free(struct snapshot *snapshot)
{
    for (int i = 0; i <= BRAIN_REPORT_ROUTES; i++)
        strato_writer_fini(&snapshot->reports[i]);
    free(snapshot);
}

static void count_lag(struct snapshots *s, uint64_t took_us)
{
    double seconds = (double)took_us / 1e6;
    int i = 0;

    while (i < SNAPSHOT_LAG_BUCKETS - 1 && seconds > snapshot_lag_bounds[i])
        i++;
    s->lag_counts[i]++;
    s->lag_sum_s += seconds;
}

/* NULL if there is no memory for it: the last one stays. */
static struct snapshot *take(struct snapshots *s)
{
    struct snapshot *fresh = calloc(1, sizeof *fresh);
    uint64_t before;
    int rc = 0;

    if (!fresh)
        return NULL;
    before = clock_us();
    strato_broker_stats(s->broker, &fresh->shell);
    count_lag(s, clock_us() - before); /* the short question: its time is the core's, not that of the writing */
    strato_broker_inspect(s->broker, copy_reports, fresh);
    memcpy(fresh->lag_counts, s->lag_counts, sizeof fresh->lag_counts);
    fresh->lag_sum_s = s->lag_sum_s;
    fresh->references = 1;
    fresh->taken_ms = snapshot_clock_ms();
    for (int i = 0; i <= BRAIN_REPORT_ROUTES; i++)
        rc = rc ? rc : strato_writer_error(&fresh->reports[i]);
    if (rc == 0)
        return fresh;
    snapshot_free(fresh);
    return NULL;
}

static void drop(struct snapshot *snapshot)
{
    if (snapshot && --snapshot->references == 0)
        snapshot_free(snapshot);
}

/* A moment `ms` from now, for the condition's clock. */
static struct timespec in_ms(uint64_t ms)
{
    uint64_t at = clock_us() + ms * 1000;
    struct timespec t = { (time_t)(at / 1000000), (long)(at % 1000000) * 1000 };

    return t;
}

static void ask_core(struct snapshots *s)
{
    struct snapshot *fresh;

    s->is_wanted = false;
    s->asked_ms = snapshot_clock_ms();
    pthread_mutex_unlock(&s->lock);
    fresh = take(s);
    pthread_mutex_lock(&s->lock);
    s->asked_ms = 0;
    if (fresh) {
        drop(s->latest);
        s->latest = fresh;
    }
    pthread_cond_broadcast(&s->changed);
}

static void *serve(void *arg)
{
    struct snapshots *s = arg;

    pthread_mutex_lock(&s->lock);
    while (!s->stops) {
        while (!s->is_wanted && !s->stops)
            pthread_cond_wait(&s->changed, &s->lock);
        if (s->is_wanted && !s->stops)
            ask_core(s);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

int snapshots_open(strato_broker *broker, struct snapshots **ret_snapshots)
{
    struct snapshots *s = calloc(1, sizeof *s);
    pthread_condattr_t attributes;
    sigset_t all, before;
    int rc;

    if (!s)
        return STRATO_ENOMEM;
    s->broker = broker;
    pthread_mutex_init(&s->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&s->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    sigfillset(&all); /* signals belong to the program's own threads */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    rc = pthread_create(&s->thread, NULL, serve, s);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc != 0) {
        pthread_cond_destroy(&s->changed);
        pthread_mutex_destroy(&s->lock);
        free(s);
        return STRATO_ENOMEM;
    }
    *ret_snapshots = s;
    return 0;
}

void snapshots_close(struct snapshots **snapshots)
{
    struct snapshots *s = *snapshots;

    *snapshots = NULL;
    if (!s)
        return;
    pthread_mutex_lock(&s->lock);
    s->stops = true;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    pthread_join(s->thread, NULL);
    drop(s->latest);
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

static bool is_fresh(const struct snapshots *s)
{
    return s->latest && snapshot_clock_ms() - s->latest->taken_ms < SNAPSHOT_FRESH_MS;
}

/* With the lock. A core that owes an answer already is waited for since then, so that many readers wait once. */
static void refresh(struct snapshots *s)
{
    uint64_t waited = s->asked_ms ? snapshot_clock_ms() - s->asked_ms : 0;
    struct timespec until = in_ms(waited < SNAPSHOT_PATIENCE_MS ? SNAPSHOT_PATIENCE_MS - waited : 0);
    int rc = 0;

    if (is_fresh(s))
        return;
    if (!s->asked_ms) {
        s->is_wanted = true;
        pthread_cond_broadcast(&s->changed);
    }
    while (!is_fresh(s) && !s->stops && rc != ETIMEDOUT)
        rc = pthread_cond_timedwait(&s->changed, &s->lock, &until);
}

struct snapshot *snapshots_get(struct snapshots *s)
{
    struct snapshot *found;

    pthread_mutex_lock(&s->lock);
    refresh(s);
    found = s->latest;
    if (found)
        found->references++;
    pthread_mutex_unlock(&s->lock);
    return found;
}

void snapshots_put(struct snapshots *s, struct snapshot **snapshot)
{
    pthread_mutex_lock(&s->lock);
    drop(*snapshot);
    pthread_mutex_unlock(&s->lock);
    *snapshot = NULL;
}

bool snapshots_core_is_alive(struct snapshots *s)
{
    bool is_alive;

    pthread_mutex_lock(&s->lock);
    refresh(s);
    is_alive = is_fresh(s) || !s->asked_ms || snapshot_clock_ms() - s->asked_ms < SNAPSHOT_WEDGED_MS;
    pthread_mutex_unlock(&s->lock);
    return is_alive;
}
