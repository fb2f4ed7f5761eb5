/*
 * credit.h - the credit machine of a channel's producers, both ends, as pure step logic.
 *
 * Credit is an absolute limit: "you may have sent `limit` messages ever", and the same for bytes. The
 * broker's end (`pool` per channel, `grantor` per producer of it) decides who gets what is free; the
 * client's end (`sender`) spends it. Neither knows a socket, a clock or a frame: the caller carries the
 * numbers in need, credit, full, revoke, release, put.
 * Law: sum over grantors of (limit - accepted) = pool.granted, and the caller only offers what is free, so
 * ready + leased + delayed + granted <= capacity. Rules: docs/wire.md "Credit"; protocol.md section 5.
 *
 *   CLOSED --open--> DRY --credit(limit > sent)--> FLOW --sent == limit--> DRY
 *   FLOW|DRY --revoke--> flush; release{sent}; limit := sent --> DRY
 *   any --detached--> LOST --resume--> FLOW|DRY, resend from index `accepted`
 *
 * None is thread-safe. Nothing allocates. All are O(1) but strato_credit_turn_next() and _expire().
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_CORE_CREDIT_H
#define STRATO_CORE_CREDIT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/errors.h"

enum {
    STRATO_CREDIT_WAITING_MAX = 1024,  /* waiting producers per channel; then E_FULL */
    STRATO_CREDIT_WINDOW_MAX = 4096,   /* default `window`: most unspent credit a producer wants */
    STRATO_CREDIT_PACE_MESSAGES = 256, /* drop_* channels: what may be in flight, reserving nothing */
    STRATO_CREDIT_PACE_BYTES = 8 * 1024 * 1024,
    STRATO_CREDIT_SPARE_MS = 5,             /* a grant is not revoked while it may still be on its way */
    STRATO_CREDIT_BYTES_STEP = 1024 * 1024, /* bytes that go with a grant when the need names none */
};

/* ---- the broker's end ------------------------------------------------------------------------------ */

/** One producer (session and stream) of one channel. Lives inside the caller's producer; never moves while attached. */
struct strato_credit_grantor {
    uint64_t limit, accepted; /* accepted = puts decided, refused ones too */
    uint64_t limit_bytes, accepted_bytes;
    uint64_t need_upto, need_upto_bytes; /* wanted absolute limits while is_waiting */
    uint64_t deadline_ms;                /* when `full` is due; UINT64_MAX = never */
    uint64_t revoke_ms;                  /* when the revoke went out, while is_revoking */
    uint64_t granted_ms;  /* of the last grant: spared for STRATO_CREDIT_SPARE_MS, or it would never be used */
    uint64_t active_turn; /* pool.turn of the last put */
    bool is_attached, is_waiting, is_revoking;
    bool is_now;                                         /* need{wait: 0}: any credit answers it */
    struct strato_credit_grantor *prev, *next;           /* all of the pool */
    struct strato_credit_grantor *wait_prev, *wait_next; /* the FIFO of those who wait */
    void *owner;                                         /* the caller's; not looked at */
};

/** The producers of one channel. Zero-initialised = empty. */
struct strato_credit_pool {
    struct strato_credit_grantor *all; /* ring */
    struct strato_credit_grantor *wait_head, *wait_tail;
    uint64_t granted, granted_bytes; /* unspent credit of all; 0 if is_pacing */
    uint64_t deadline_ms;            /* no wait ends before this */
    uint64_t turn;
    uint32_t producers, waiting;
    bool is_pacing; /* drop_* channel: credit paces bytes in flight and reserves nothing */
    bool is_stuck;  /* somebody is dry and a holder was spared as active: take another turn within SPARE_MS */
};

/** What the channel has to give, computed by the caller once per core turn. */
struct strato_credit_room {
    int64_t messages;  /* capacity - ready - leased - delayed - pool.granted; < 0 after the capacity was lowered */
    int64_t bytes;     /* the same in bytes */
    uint64_t capacity; /* C, for the share */
    uint64_t bytes_max;
    bool is_closed; /* memory budget used up, or draining: grant nothing (revokes go on) */
};

/** Join a pool, with all counts at 0 (new session or open). `owner` is kept for the caller. */
void strato_credit_attach(struct strato_credit_pool *pool, struct strato_credit_grantor *g, void *owner);
/** The session is detached or the stream closed: limit := accepted, demand dropped, out of the pool. Accepts one that is not attached. */
void strato_credit_detach(struct strato_credit_pool *pool, struct strato_credit_grantor *g);
/** The session resumed: join again with the counts kept and a fresh limit (= accepted). */
void strato_credit_reattach(struct strato_credit_pool *pool, struct strato_credit_grantor *g);

/** First credit of `opened` and `welcome`: 1 message (and bytes for it) if one is free and nobody waits. Takes it out of *room. */
void strato_credit_first(struct strato_credit_pool *pool, struct strato_credit_grantor *g,
                         struct strato_credit_room *room);

/**
 * need{upto, upto_bytes, wait}: queue the demand, FIFO. A larger upto replaces, upto <= limit cancels.
 *
 * @param upto_bytes   0 = no wish: bytes come with the messages.
 * @param wait_ms      0 = answer now: credit within one revoke round, else `full`; the cap is `now_cap_ms`.
 * @return 0 (credit may be there already: compare limits); STRATO_EFULL (too many wait); STRATO_ETOO_BIG (upto_bytes
 *         asks for more than the channel holds).
 */
int strato_credit_need(struct strato_credit_pool *pool, struct strato_credit_grantor *g, uint64_t upto,
                       uint64_t upto_bytes, uint64_t bytes_max, uint32_t wait_ms, uint64_t now_ms);
enum { STRATO_CREDIT_NOW_CAP_MS = 20 };

/** Take somebody whose wait is over out of the FIFO (answer: `full`); NULL if there is none. */
struct strato_credit_grantor *strato_credit_expire(struct strato_credit_pool *pool, uint64_t now_ms);
/** When strato_credit_expire() is worth calling; UINT64_MAX = never. May be early. */
uint64_t strato_credit_next_deadline_ms(const struct strato_credit_pool *pool);

/** One message and `bytes` more for this producer, outside of the rounds: the caller has made room for it alone. */
void strato_credit_grant(struct strato_credit_pool *pool, struct strato_credit_grantor *g, uint64_t bytes,
                         uint64_t now_ms);

/**
 * May a put of n messages from absolute index i come in?
 * @param ret_skip  How many at its front are duplicates of what was accepted before (0..n).
 * @return 0; STRATO_EGAP (i > accepted: resend from accepted); STRATO_ECREDIT (i + n > limit: close the session).
 */
int strato_credit_admit(const struct strato_credit_grantor *g, uint64_t i, uint64_t n, uint64_t *ret_skip);
/**
 * One more message was decided: credit becomes a queued message (or, if it was refused, falls free).
 * @param bytes  Envelope and attachments as sent.
 * @return 0 or STRATO_ECREDIT (beyond the limit of messages or bytes; nothing changed).
 */
int strato_credit_spend(struct strato_credit_pool *pool, struct strato_credit_grantor *g, uint64_t bytes);
/** release{sent, sent_bytes}: what lies above it comes back. STRATO_EPROTO if it is below accepted or above limit (then limit := accepted). */
int strato_credit_release(struct strato_credit_pool *pool, struct strato_credit_grantor *g, uint64_t sent,
                          uint64_t sent_bytes);

enum strato_credit_verb { STRATO_CREDIT_GRANT, STRATO_CREDIT_REVOKE };
/** What to tell one producer: credit{limit, limit_bytes} or revoke{limit, limit_bytes}, from the grantor's fields. */
struct strato_credit_step {
    enum strato_credit_verb verb;
    struct strato_credit_grantor *grantor;
};

/** One round of granting; on the caller's stack. */
struct strato_credit_turn {
    struct strato_credit_pool *pool;
    struct strato_credit_room room;     /* what is left of it; the caller may read it afterwards */
    struct strato_credit_grantor *at;   /* next of the FIFO to serve */
    struct strato_credit_grantor *scan; /* next to look at for a revoke */
    uint64_t now_ms, share, share_bytes;
    uint64_t coming, coming_bytes; /* on their way back by revokes */
    uint64_t dry, dry_bytes;       /* what those who got nothing want at least */
    uint32_t visits, scans;        /* left */
    bool is_collecting;            /* the head saves up bytes: none for those behind it */
};
/** Begin a round: once per core turn, after its frames. O(1); ends at once if nobody waits and nothing is over. */
void strato_credit_turn_begin(struct strato_credit_turn *turn, struct strato_credit_pool *pool,
                              const struct strato_credit_room *room, uint64_t now_ms);
/** The next step of the round, false at its end. The grantor's limits are changed already; no other call on the pool in between. A round is O(waiting), O(producers) if it revokes. */
bool strato_credit_turn_next(struct strato_credit_turn *turn, struct strato_credit_step *ret_step);

/** Unspent credit of one producer. */
static inline uint64_t strato_credit_unspent(const struct strato_credit_grantor *g)
{
    return g->limit - g->accepted;
}
/** Does the pool's sum match its members? For the law check of a core turn. O(producers). */
bool strato_credit_pool_holds(const struct strato_credit_pool *pool);

/* ---- the client's end ------------------------------------------------------------------------------ */

enum strato_credit_state { STRATO_CREDIT_CLOSED, STRATO_CREDIT_DRY, STRATO_CREDIT_FLOW, STRATO_CREDIT_LOST };

struct strato_credit_sender {
    enum strato_credit_state state;
    uint64_t limit, sent;
    uint64_t limit_bytes, sent_bytes;
    uint64_t accepted, durable;            /* confirmed: decided in memory; synced */
    uint64_t asked_upto, asked_upto_bytes; /* the outstanding need; 0 = none */
    uint32_t window, window_max;           /* how far ahead the next need asks; doubles from 1 */
};

/** `opened`: counts start at 0. window_max 0 = STRATO_CREDIT_WINDOW_MAX. */
void strato_credit_sender_open(struct strato_credit_sender *s, uint32_t window_max, uint64_t limit,
                               uint64_t limit_bytes);
/** Does a message of `bytes` have a slot? */
static inline bool strato_credit_sender_may(const struct strato_credit_sender *s, uint64_t bytes)
{
    return s->state == STRATO_CREDIT_FLOW && s->sent < s->limit && s->limit_bytes - s->sent_bytes >= bytes;
}
/** Spend one credit. @return 0 and the message's index; STRATO_EAGAIN (dry: ask); STRATO_ESTATE (closed or lost). */
int strato_credit_sender_spend(struct strato_credit_sender *s, uint64_t bytes, uint64_t *ret_index);
/**
 * Must a need go out for a message of `bytes` (0: only to keep the window filled)? Writes its numbers and remembers them,
 * so that the same need is not sent twice. True while dry, and once 3/4 of a window are used.
 */
bool strato_credit_sender_need(struct strato_credit_sender *s, uint64_t bytes, uint64_t *ret_upto,
                               uint64_t *ret_upto_bytes);
/** credit{limit, limit_bytes, accepted, durable}: only what is larger than before counts, so repeats and old ones do nothing. */
void strato_credit_sender_credit(struct strato_credit_sender *s, uint64_t limit, uint64_t limit_bytes,
                                 uint64_t accepted, uint64_t durable);
/** `full`: the need is answered and may be asked again. */
void strato_credit_sender_full(struct strato_credit_sender *s);
/** Nobody wants to send any longer. @return true if need{upto: *ret_upto} must go out to cancel. */
bool strato_credit_sender_cancel(struct strato_credit_sender *s, uint64_t *ret_upto);
/** `revoke`, after flushing what was spent: gives the numbers for release{sent, sent_bytes}. */
void strato_credit_sender_revoke(struct strato_credit_sender *s, uint64_t *ret_sent, uint64_t *ret_sent_bytes);
/** The connection is gone. Nothing may be sent until resume or open. */
void strato_credit_sender_lost(struct strato_credit_sender *s);
/**
 * `welcome` of a resumed session. Messages with index >= accepted that were sent must be sent again; they own the first of the
 * new credit.
 * @return 0; STRATO_EPROTO if accepted is beyond what was sent. *ret_resend = how many to send again; `sent` is at accepted,
 *         so each of them is spent anew.
 */
int strato_credit_sender_resume(struct strato_credit_sender *s, uint64_t accepted, uint64_t accepted_bytes,
                                uint64_t limit, uint64_t limit_bytes, uint64_t *ret_resend);
#endif
