/*
 * snapshot.h - the broker's numbers as they were a moment ago, for readers who must never wait for it or make it wait.
 *
 * A thread of its own asks the core thread, between two turns and at most four times a second, and only if
 * somebody wants to know. What it got stays readable until the next; a core that does not answer makes it old,
 * which is how a wedged broker is seen. Nothing here knows HTTP.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_HTTP_SNAPSHOT_H
#define STRATO_HTTP_SNAPSHOT_H

#include "broker/broker.h"
#include "core/writer.h"

enum {
    SNAPSHOT_FRESH_MS = 250,     /* younger than this is not asked for again */
    SNAPSHOT_PATIENCE_MS = 1000, /* how long a reader waits for the core before it takes what is there */
    SNAPSHOT_WEDGED_MS = 5000,   /* a core that has not answered a question for this long is not alive */
    SNAPSHOT_LAG_BUCKETS = 9,
};

/** Upper bounds of the lag histogram, in seconds; the last bucket has none. */
extern const double snapshot_lag_bounds[SNAPSHOT_LAG_BUCKETS - 1];

struct snapshot {
    unsigned references;
    uint64_t taken_ms;               /* monotonic */
    struct strato_writer reports[3]; /* by enum brain_report */
    struct strato_broker_stats shell;
    uint64_t lag_counts[SNAPSHOT_LAG_BUCKETS]; /* of all questions so far: how long the core took to answer */
    double lag_sum_s;
};

struct snapshots;

/** Start the asking thread. `broker` is borrowed until close. @return 0 or STRATO_ENOMEM. */
int snapshots_open(strato_broker *broker, struct snapshots **ret_snapshots);
/** Ends the thread; waits for the core if a question is under way. */
void snapshots_close(struct snapshots **snapshots);
/** What is known now, asked for anew if it is old; waits SNAPSHOT_PATIENCE_MS at most. NULL before the first. Thread-safe. */
struct snapshot *snapshots_get(struct snapshots *s);
/** What snapshots_get() gave. Accepts NULL. */
void snapshots_put(struct snapshots *s, struct snapshot **snapshot);
/** Does the core answer? Asks, and waits as snapshots_get(). */
bool snapshots_core_is_alive(struct snapshots *s);
uint64_t snapshot_clock_ms(void);
#endif
