/*
 * credit_grantor.c - the broker's end of credit: who gets what is free, and who gives back.
 *
 * SPDX-License-Identifier: MIT
 */
#include "core/credit.h"

#include <stddef.h>

static uint64_t min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* The only place where limits change, so that the pool's sums cannot drift. */
static void limit_set(struct strato_credit_pool *pool, struct strato_credit_grantor *g, uint64_t limit,
                      uint64_t limit_bytes)
{
    if (!pool->is_pacing) {
        pool->granted += limit - g->limit; /* modulo 2^64: also downwards */
        pool->granted_bytes += limit_bytes - g->limit_bytes;
    }
    g->limit = limit;
    g->limit_bytes = limit_bytes;
}

static void wait_leave(struct strato_credit_pool *pool, struct strato_credit_grantor *g)
{
    if (!g->is_waiting)
        return;
    *(g->wait_prev ? &g->wait_prev->wait_next : &pool->wait_head) = g->wait_next;
    *(g->wait_next ? &g->wait_next->wait_prev : &pool->wait_tail) = g->wait_prev;
    g->wait_prev = g->wait_next = NULL;
    g->is_waiting = false;
    pool->waiting--;
    if (pool->waiting == 0)
        pool->deadline_ms = UINT64_MAX;
}

static void wait_join(struct strato_credit_pool *pool, struct strato_credit_grantor *g)
{
    g->wait_prev = pool->wait_tail;
    g->wait_next = NULL;
    *(pool->wait_tail ? &pool->wait_tail->wait_next : &pool->wait_head) = g;
    pool->wait_tail = g;
    g->is_waiting = true;
    pool->waiting++;
}

static void ring_join(struct strato_credit_pool *pool, struct strato_credit_grantor *g)
{
    if (pool->producers++ == 0) {
        pool->all = g->prev = g->next = g;
    } else {
        g->prev = pool->all->prev;
        g->next = pool->all;
        g->prev->next = g->next->prev = g;
    }
    if (pool->producers == 1)
        pool->deadline_ms = UINT64_MAX;
    g->is_attached = true;
}

void strato_credit_attach(struct strato_credit_pool *pool, struct strato_credit_grantor *g, void *owner)
{
    *g = (struct strato_credit_grantor){ .owner = owner, .deadline_ms = UINT64_MAX };
    ring_join(pool, g);
}

void strato_credit_reattach(struct strato_credit_pool *pool, struct strato_credit_grantor *g)
{
    if (!g->is_attached)
        ring_join(pool, g);
}

void strato_credit_detach(struct strato_credit_pool *pool, struct strato_credit_grantor *g)
{
    if (!g->is_attached)
        return;
    wait_leave(pool, g);
    limit_set(pool, g, g->accepted, g->accepted_bytes);
    g->is_revoking = false;
    if (--pool->producers == 0) {
        pool->all = NULL;
    } else {
        g->prev->next = g->next;
        g->next->prev = g->prev;
        pool->all = pool->all == g ? g->next : pool->all;
    }
    g->prev = g->next = NULL;
    g->is_attached = false;
}

void strato_credit_first(struct strato_credit_pool *pool, struct strato_credit_grantor *g,
                         struct strato_credit_room *room)
{
    uint64_t bytes;

    if (room->is_closed || pool->waiting > 0 || room->messages < 1 || room->bytes < 1 || g->limit > g->accepted)
        return;
    bytes = min_u64((uint64_t)room->bytes, STRATO_CREDIT_BYTES_STEP);
    limit_set(pool, g, g->accepted + 1, g->accepted_bytes + bytes);
    if (!pool->is_pacing) {
        room->messages--;
        room->bytes -= (int64_t)bytes;
    }
}

int strato_credit_need(struct strato_credit_pool *pool, struct strato_credit_grantor *g, uint64_t upto,
                       uint64_t upto_bytes, uint64_t bytes_max, uint32_t wait_ms, uint64_t now_ms)
{
    if (!g->is_attached)
        return STRATO_ESTATE;
    if (upto_bytes > g->accepted_bytes && upto_bytes - g->accepted_bytes > bytes_max)
        return STRATO_ETOO_BIG;
    if (upto <= g->limit && upto_bytes <= g->limit_bytes) {
        wait_leave(pool, g);
        return 0;
    }
    if (!g->is_waiting) {
        if (pool->waiting >= STRATO_CREDIT_WAITING_MAX)
            return STRATO_EFULL;
        wait_join(pool, g);
    }
    g->need_upto = upto;
    g->need_upto_bytes = upto_bytes;
    g->is_now = wait_ms == 0;
    g->deadline_ms = now_ms + (wait_ms ? wait_ms : STRATO_CREDIT_NOW_CAP_MS);
    pool->deadline_ms = min_u64(pool->deadline_ms, g->deadline_ms);
    return 0;
}

struct strato_credit_grantor *strato_credit_expire(struct strato_credit_pool *pool, uint64_t now_ms)
{
    uint64_t soonest = UINT64_MAX;

    if (pool->waiting == 0 || now_ms < pool->deadline_ms)
        return NULL;
    for (struct strato_credit_grantor *g = pool->wait_head; g; g = g->wait_next) {
        if (g->deadline_ms <= now_ms) {
            wait_leave(pool, g); /* the pool's deadline stays: the next call looks on */
            return g;
        }
        soonest = min_u64(soonest, g->deadline_ms);
    }
    pool->deadline_ms = soonest;
    return NULL;
}

uint64_t strato_credit_next_deadline_ms(const struct strato_credit_pool *pool)
{
    return pool->waiting ? pool->deadline_ms : UINT64_MAX;
}

void strato_credit_grant(struct strato_credit_pool *pool, struct strato_credit_grantor *g, uint64_t bytes,
                         uint64_t now_ms)
{
    wait_leave(pool, g);
    limit_set(pool, g, g->limit + 1, g->limit_bytes + bytes);
    g->granted_ms = now_ms;
}

int strato_credit_admit(const struct strato_credit_grantor *g, uint64_t i, uint64_t n, uint64_t *ret_skip)
{
    if (i > g->accepted)
        return STRATO_EGAP;
    if (n > g->limit || i > g->limit - n)
        return STRATO_ECREDIT;
    *ret_skip = min_u64(g->accepted - i, n);
    return 0;
}

int strato_credit_spend(struct strato_credit_pool *pool, struct strato_credit_grantor *g, uint64_t bytes)
{
    if (g->accepted >= g->limit || bytes > g->limit_bytes - g->accepted_bytes)
        return STRATO_ECREDIT;
    g->accepted++;
    g->accepted_bytes += bytes;
    g->active_turn = pool->turn;
    if (!pool->is_pacing) {
        pool->granted--;
        pool->granted_bytes -= bytes;
    }
    return 0;
}

int strato_credit_release(struct strato_credit_pool *pool, struct strato_credit_grantor *g, uint64_t sent,
                          uint64_t sent_bytes)
{
    bool fits =
        sent >= g->accepted && sent <= g->limit && sent_bytes >= g->accepted_bytes && sent_bytes <= g->limit_bytes;

    if (!g->is_attached)
        return STRATO_ESTATE;
    limit_set(pool, g, fits ? sent : g->accepted, fits ? sent_bytes : g->accepted_bytes);
    g->is_revoking = false;
    return fits ? 0 : STRATO_EPROTO;
}

bool strato_credit_pool_holds(const struct strato_credit_pool *pool)
{
    const struct strato_credit_grantor *g = pool->all;
    uint64_t granted = 0, granted_bytes = 0;

    for (uint32_t i = 0; i < pool->producers; i++, g = g->next) {
        if (g->limit < g->accepted || g->limit_bytes < g->accepted_bytes)
            return false;
        granted += g->limit - g->accepted;
        granted_bytes += g->limit_bytes - g->accepted_bytes;
    }
    return pool->is_pacing ? pool->granted == 0 : granted == pool->granted && granted_bytes == pool->granted_bytes;
}

/* ---- one round ------------------------------------------------------------------------------------- */

static uint64_t share_of(uint64_t whole, uint32_t waiting)
{
    uint64_t share = whole / (2 * (uint64_t)(waiting ? waiting : 1));

    return share ? share : 1;
}

/* Events: what one producer may be ahead. Large queues take a large step, or credit goes round in crumbs. */
static uint64_t pace_of(uint64_t capacity)
{
    uint64_t pace = capacity / 8;

    if (pace < STRATO_CREDIT_PACE_MESSAGES)
        return STRATO_CREDIT_PACE_MESSAGES;
    return pace < STRATO_CREDIT_WINDOW_MAX ? pace : STRATO_CREDIT_WINDOW_MAX;
}

void strato_credit_turn_begin(struct strato_credit_turn *turn, struct strato_credit_pool *pool,
                              const struct strato_credit_room *room, uint64_t now_ms)
{
    *turn = (struct strato_credit_turn){ .pool = pool, .room = *room, .now_ms = now_ms, .visits = pool->waiting };
    turn->share = pool->is_pacing ? pace_of(room->capacity) : share_of(room->capacity, pool->waiting);
    turn->share_bytes = pool->is_pacing ? STRATO_CREDIT_PACE_BYTES : share_of(room->bytes_max, pool->waiting);
    if (pool->is_pacing) {
        turn->room.messages = turn->room.bytes = INT64_MAX;
    }
    if (pool->waiting || room->messages < 0 || room->bytes < 0)
        turn->scans = pool->producers;
    turn->at = pool->wait_head;
    turn->scan = pool->all;
    pool->is_stuck = false;
    pool->turn++;
}

/* How many bytes go to `g` now: what it asked for whole, or enough to go on with. */
static uint64_t bytes_for(const struct strato_credit_turn *turn, const struct strato_credit_grantor *g)
{
    uint64_t unspent = g->limit_bytes - g->accepted_bytes;
    uint64_t target = min_u64(turn->share_bytes, STRATO_CREDIT_BYTES_STEP);
    uint64_t more = target > unspent ? target - unspent : 0;

    if (g->need_upto_bytes > g->limit_bytes && g->need_upto_bytes - g->limit_bytes > more)
        more = g->need_upto_bytes - g->limit_bytes;
    return more;
}

/* Serve one waiting producer. True if it was given something; *ret_keep: it stays at the head (collects bytes). */
static bool serve(struct strato_credit_turn *turn, struct strato_credit_grantor *g, bool *ret_keep)
{
    uint64_t unspent = g->limit - g->accepted, free_messages = (uint64_t)turn->room.messages;
    uint64_t cap = turn->share > unspent ? turn->share - unspent : 0;
    uint64_t want = g->need_upto > g->limit ? g->need_upto - g->limit : 0;
    uint64_t more = min_u64(min_u64(want, cap), free_messages);
    uint64_t need_bytes = g->need_upto_bytes > g->limit_bytes ? g->need_upto_bytes - g->limit_bytes : 0;
    uint64_t free_bytes = turn->is_collecting ? 0 : (uint64_t)turn->room.bytes;
    uint64_t bytes = min_u64(bytes_for(turn, g), free_bytes);
    bool lacks_bytes = bytes < need_bytes || (bytes == 0 && g->limit_bytes == g->accepted_bytes);

    *ret_keep = false;
    if (unspent > 0 && need_bytes == 0 && more < want && more * 4 < turn->share)
        more = 0; /* not dry: no crumbs */
    if (unspent == 0 && more == 0) {
        turn->dry++;
        bytes = 0; /* bytes without a slot are of no use to it */
    }
    if (lacks_bytes) {
        turn->dry_bytes += need_bytes > bytes ? need_bytes - bytes : 1;
        turn->is_collecting = true; /* what is freed from now on is for this one first */
        *ret_keep = true;
        more = unspent > 0 ? 0 : more;
        if (bytes == 0)
            more = 0;
    }
    if (more == 0 && need_bytes == 0)
        bytes = 0;
    if (more == 0 && bytes == 0)
        return false;
    limit_set(turn->pool, g, g->limit + more, g->limit_bytes + bytes);
    g->granted_ms = turn->now_ms;
    turn->room.messages -= (int64_t)more;
    turn->room.bytes -= (int64_t)bytes;
    return true;
}

static bool grant_next(struct strato_credit_turn *turn, struct strato_credit_step *ret_step)
{
    struct strato_credit_pool *pool = turn->pool;

    while (turn->visits > 0 && turn->at && !turn->room.is_closed && turn->room.messages >= 0 && turn->room.bytes >= 0) {
        struct strato_credit_grantor *g = turn->at;
        bool given = false, keep = false;

        turn->visits--;
        turn->at = g->wait_next;
        if (!g->is_revoking)
            given = serve(turn, g, &keep);
        if (given && !keep) {
            bool wants_more = g->need_upto > g->limit && !g->is_now;

            wait_leave(pool, g);
            if (wants_more) { /* it has something to go on with, so nobody has to tell it `full` */
                g->deadline_ms = UINT64_MAX;
                wait_join(pool, g);
            }
        }
        if (given) {
            *ret_step = (struct strato_credit_step){ STRATO_CREDIT_GRANT, g };
            return true;
        }
    }
    turn->visits = 0;
    return false;
}

/* Does the round still lack something that a revoke could bring back? */
static bool lacks(const struct strato_credit_turn *turn)
{
    if (turn->room.messages < 0 || turn->room.bytes < 0)
        return true;
    return turn->dry > turn->coming || turn->dry_bytes > turn->coming_bytes;
}

/* It has just been given something, or is spending: if it stops, a later round takes the credit back. */
static bool is_busy(const struct strato_credit_turn *turn, const struct strato_credit_grantor *g)
{
    uint64_t unspent = g->limit - g->accepted;

    if (g->granted_ms > 0 && turn->now_ms - g->granted_ms < STRATO_CREDIT_SPARE_MS)
        return true;
    return unspent > 0 && unspent <= turn->share && g->active_turn + 1 == turn->pool->turn;
}

static bool revoke_next(struct strato_credit_turn *turn, struct strato_credit_step *ret_step)
{
    bool is_over = turn->room.messages < 0 || turn->room.bytes < 0;

    while (turn->scans > 0 && lacks(turn)) {
        struct strato_credit_grantor *g = turn->scan;
        uint64_t unspent = g->limit - g->accepted, unspent_bytes = g->limit_bytes - g->accepted_bytes;
        bool is_useful = is_over || (turn->dry > turn->coming && unspent > 0) ||
                         (turn->dry_bytes > turn->coming_bytes && unspent_bytes > 0);

        turn->scans--;
        turn->scan = g->next;
        if (!is_useful || (unspent == 0 && unspent_bytes == 0) || (!is_over && g == turn->pool->wait_head))
            continue;
        if (g->is_revoking) {
            turn->coming += unspent;
            turn->coming_bytes += unspent_bytes;
            continue;
        }
        if (!is_over && is_busy(turn, g)) {
            turn->pool->is_stuck = true;
            continue;
        }
        turn->coming += unspent;
        turn->coming_bytes += unspent_bytes;
        g->is_revoking = true;
        g->revoke_ms = turn->now_ms;
        if (unspent > 0)
            wait_leave(turn->pool, g); /* not dry: it asks again if it still wants to send */
        turn->pool->all = g->next;     /* the next round begins with another */
        *ret_step = (struct strato_credit_step){ STRATO_CREDIT_REVOKE, g };
        return true;
    }
    return false;
}

bool strato_credit_turn_next(struct strato_credit_turn *turn, struct strato_credit_step *ret_step)
{
    if (turn->pool->is_pacing)
        return grant_next(turn, ret_step);
    return grant_next(turn, ret_step) || (turn->scans > 0 && revoke_next(turn, ret_step));
}
