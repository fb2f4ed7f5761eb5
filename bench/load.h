/*
 * load.h - put load on a broker from several processes and measure what comes through.
 *
 * Senders and receivers are processes of their own, forked from here, as in real life; they share a small
 * block of memory with us for counters and orders, so nothing of the measurement travels through what is
 * measured. A run is: all connect, warm-up, window, stop. Rates are counted at the receiving end (requests:
 * at the asking end) between the two edges of the window.
 *
 * SATURATED runs send as fast as the system takes it. With a `rate` each message has a time at which it was
 * due; latency counts from then, not from when a late sender got round to it, so that a stall shows in every
 * message that it delayed (no coordinated omission).
 *
 * The caller must have no client, socket or thread open when it calls load_run(): it forks.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_BENCH_LOAD_H
#define STRATO_BENCH_LOAD_H

#include "core/errors.h"
#include "core/histogram.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum load_pattern { LOAD_EVENTS, LOAD_WORK, LOAD_REQUEST };

enum { LOAD_PROCESSES_MAX = 256, LOAD_TEXT_BYTES = 192 };

/** What is sent, by whom, how. Every process gets a copy. */
struct load_case {
    enum load_pattern pattern;
    uint32_t bytes;              /* of a message's body */
    uint32_t senders, receivers; /* requests: askers and responders. 0 = none of ours */
    uint32_t in_flight;          /* requests: most unanswered at a time, of one asker */
    uint32_t batch;              /* raw sockets: messages to a frame; 0 = 1 */
    double rate;                 /* messages/s of one sender; 0 = saturated */
    bool is_acked;               /* work: every message is settled by its receiver */
    bool is_unbatched;           /* our client: one message per frame */
    uint32_t warmup_ms, window_ms;
    char endpoint[LOAD_TEXT_BYTES];                              /* where senders go; ours: everybody */
    char key_file[LOAD_TEXT_BYTES], server_key[LOAD_TEXT_BYTES]; /* ours, with keys; "" = none */
    char endpoint_out[LOAD_TEXT_BYTES];                          /* where receivers go, if not there */
    char channel[LOAD_TEXT_BYTES];                               /* or subject */
    char topic[LOAD_TEXT_BYTES];                                 /* events */
};

enum load_phase { LOAD_CONNECT, LOAD_WARMUP, LOAD_WINDOW, LOAD_STOP };

/** One process's side of the shared memory. Written by it alone, but for reading. */
struct load_slot {
    _Atomic uint64_t messages, bytes, failures;
    _Atomic int is_ready;
    int rc;
    char detail[LOAD_TEXT_BYTES];
    struct strato_histogram latency_ns; /* filled during the window only */
};

struct load_shared {
    _Atomic int phase;
    struct load_slot slots[];
};

/** A process as seen by itself. */
struct load_role {
    const struct load_case *load;
    struct load_slot *slot;
    struct load_shared *shared;
};

/** How one system sends and receives. A role runs until load_is_over(). @return 0 or an error; slot->detail says more. */
struct load_system {
    const char *name;
    int (*send)(struct load_role *role);    /* or ask */
    int (*receive)(struct load_role *role); /* or answer */
};

/** The C client, the system under test. */
extern const struct load_system load_strato;

struct load_result {
    double per_s, mb_per_s; /* received in the window */
    double broker_cpu_us;   /* CPU time of the broker per message; 0 if no pid was given */
    double clients_cpu_us;  /* of all our senders and receivers, per message */
    double broker_rss_mb;
    uint64_t failures;
    struct strato_histogram latency_ns; /* empty if the run had none to measure */
    int rc;                             /* first error of any process */
    char detail[LOAD_TEXT_BYTES];
};

/**
 * Run one case. The result is counted over receivers if there are any, else over senders.
 * @param broker_pid  For its CPU and memory; 0 = not ours to look at.
 * @param is_cancelled  Polled; ends the run early. May be NULL.
 * @return 0, also if processes failed (ret_result->rc); STRATO_ENOMEM, STRATO_EIO, STRATO_EINVAL, STRATO_EINTERRUPTED.
 */
int load_run(const struct load_case *load, const struct load_system *system, pid_t broker_pid,
             bool (*is_cancelled)(void), struct load_result *ret_result);

/* ---- for roles ------------------------------------------------------------------------------------ */

uint64_t load_now_ns(void);

static inline bool load_is_over(const struct load_role *role)
{
    return atomic_load_explicit(&role->shared->phase, memory_order_relaxed) == LOAD_STOP;
}

static inline void load_ready(struct load_role *role)
{
    atomic_store(&role->slot->is_ready, 1);
}

/** Wait until everybody is ready; senders do before their first message. */
void load_wait_start(struct load_role *role);

static inline void load_count(struct load_role *role, uint64_t messages, uint64_t bytes)
{
    struct load_slot *s = role->slot;

    /* One writer: no locked instruction is needed. */
    atomic_store_explicit(&s->messages, atomic_load_explicit(&s->messages, memory_order_relaxed) + messages,
                          memory_order_relaxed);
    atomic_store_explicit(&s->bytes, atomic_load_explicit(&s->bytes, memory_order_relaxed) + bytes,
                          memory_order_relaxed);
}

static inline void load_failed(struct load_role *role)
{
    atomic_fetch_add_explicit(&role->slot->failures, 1, memory_order_relaxed);
}

/** Latency of a message that was due, or sent, at `from_ns`; 0 = it carries no time. */
static inline void load_latency(struct load_role *role, uint64_t from_ns)
{
    if (from_ns && atomic_load_explicit(&role->shared->phase, memory_order_relaxed) == LOAD_WINDOW)
        strato_histogram_record(&role->slot->latency_ns, load_now_ns() - from_ns);
}

/** For senders to peers whose queue has no bound: most that they are ahead of the receivers, as our channels hold. */
enum { LOAD_AHEAD_MAX = 10000 };
/** Is a sender of `sent` messages that far ahead? Then it has slept a moment. */
bool load_is_ahead(const struct load_role *role, uint64_t sent);

int load_fail(struct load_role *role, int rc, const char *format, ...) __attribute__((format(printf, 3, 4)));

/** When messages are due. */
struct load_pace {
    uint64_t start_ns, sent;
    double interval_ns; /* 0 = saturated */
};
void load_pace_start(struct load_pace *pace, const struct load_case *load);
/** When the next one is due; 0 when saturated. */
static inline uint64_t load_pace_due(const struct load_pace *pace)
{
    return pace->interval_ns > 0 ? pace->start_ns + (uint64_t)((double)pace->sent * pace->interval_ns) : 0;
}
/** Sleep until the next is due (at most 100 ms at a time); false if it is not yet. Always true when saturated. */
bool load_pace_wait(const struct load_pace *pace);

/** A body of `bytes` bytes whose first 8 are a time stamp (if there is room), the rest a pattern. */
void load_body_fill(uint8_t *body, size_t bytes);
void load_body_stamp(uint8_t *body, size_t bytes, uint64_t when_ns);
uint64_t load_body_time(const uint8_t *body, size_t bytes);
#endif
