/*
 * lag.h - what a queue of events has lost and has not said yet: a few ranges of seq, in order.
 *
 * A notice must come before the next newer event and after every older one that is still to come, so losses in
 * different places are kept apart. More than LAGS_MAX of them run together with a neighbour: counts stay exact.
 * Rules: semantics.md 32.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_BRAIN_LAG_H
#define STRATO_BRAIN_LAG_H

#include <stdbool.h>
#include <stdint.h>

enum { LAGS_MAX = 4 };

/** `count` events between `from` and `to`, both of which may be among them. */
struct lag {
    uint64_t count, from, to;
};

/** Ascending, apart from each other. Zero-initialised = nothing was lost. */
struct lags {
    struct lag list[LAGS_MAX];
    uint32_t used;
};

/** A count of 0 adds nothing. */
void lags_add(struct lags *lags, struct lag more);
/** Add all of `from` to `to`, and empty it. */
void lags_move(struct lags *to, struct lags *from);
/** Take the oldest that lies wholly before `seq`. False: there is none. */
bool lags_pop_before(struct lags *lags, uint64_t seq, struct lag *ret_lag);
#endif
