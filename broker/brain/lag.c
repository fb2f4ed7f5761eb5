/*
 * lag.c - see lag.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/brain/lag.h"

#include <string.h>

static void widen(struct lag *lag, const struct lag *more)
{
    lag->from = more->from < lag->from ? more->from : lag->from;
    lag->to = more->to > lag->to ? more->to : lag->to;
    lag->count += more->count;
}

static void remove_at(struct lags *lags, uint32_t at)
{
    lags->used--;
    memmove(&lags->list[at], &lags->list[at + 1], (lags->used - at) * sizeof(lags->list[0]));
}

void lags_add(struct lags *lags, struct lag more)
{
    uint32_t at = 0;

    if (more.count == 0)
        return;
    while (at < lags->used && lags->list[at].to + 1 < more.from)
        at++;
    if (at < lags->used && lags->list[at].from <= more.to + 1) { /* touches it */
        widen(&lags->list[at], &more);
        while (at + 1 < lags->used && lags->list[at + 1].from <= lags->list[at].to + 1) {
            widen(&lags->list[at], &lags->list[at + 1]);
            remove_at(lags, at + 1);
        }
        return;
    }
    if (lags->used == LAGS_MAX) {
        widen(&lags->list[at ? at - 1 : 0], &more);
        return;
    }
    memmove(&lags->list[at + 1], &lags->list[at], (lags->used - at) * sizeof(lags->list[0]));
    lags->list[at] = more;
    lags->used++;
}

void lags_move(struct lags *to, struct lags *from)
{
    for (uint32_t i = 0; i < from->used; i++)
        lags_add(to, from->list[i]);
    from->used = 0;
}

bool lags_pop_before(struct lags *lags, uint64_t seq, struct lag *ret_lag)
{
    if (lags->used == 0 || lags->list[0].to >= seq)
        return false;
    *ret_lag = lags->list[0];
    remove_at(lags, 0);
    return true;
}
