/*
 * credit.pml - the credit protocol of one channel: N producers, the broker, a consumer, connections that break.
 *
 * Every step of the code that changes who owns a slot is one atomic step here, under the name that it has
 * there; README.md says where. Left out: bytes (the same machine counted twice), clocks (what waits for time
 * may happen at any moment), parked L1 puts, several streams of a session. What a dishonest peer does is the
 * business of tests/fuzz and tests/integration/hostile.
 *
 * Asserted: ready + leased + granted <= C after every step; no index is accepted twice or left out; an honest
 * producer is never refused a put or a release; nothing that arrived of a dead producer is thrown away; no
 * deadlock, and at the end each message was settled once. Claim `served`: who waits gets a slot in the end.
 *
 * Sizes come by -D, and so do the planted faults (MUTATE_...): see check.py. SPDX-License-Identifier: MIT
 */
#ifndef N
#define N 2 /* producers: 2 or 3 */
#endif
#ifndef C
#define C 2 /* capacity */
#endif
#ifndef M
#define M 2 /* messages that each of them wants to send, at most */
#endif
#ifndef WINDOW
#define WINDOW 2 /* how far ahead a need asks */
#endif
#ifndef LOSSES
#define LOSSES 1 /* how many sessions may lose their connection: by death, by a cut, by being suspected */
#endif
#ifndef GIVE_BACKS
#define GIVE_BACKS 1 /* deliveries that come back: nack, expiry of the lease, death of the consumer */
#endif

/* Two lanes to each producer: its first connection and the one that it resumes on. */
#define LANES (2 * N)
#define PRODUCER(lane) ((lane) / 2)
#ifndef LANE
#define LANE 2 /* frames that may be on their way in one direction */
#endif
#define NOBODY 255

mtype = { put, need, release, hello, credit, revoke, full_, welcome, no_session, bad_token }; /* full is a word of Promela */

/* put: ep, i, n. need: upto, wait. release: sent. hello: token, which is the epoch that it was given for. */
chan up[LANES] = [LANE] of { mtype, byte, byte, byte };
/* credit: has it a limit, limit, accepted. revoke. full. welcome: ep, accepted, limit. no_session, bad_token: err. */
chan down[LANES] = [LANE] of { mtype, byte, byte, byte };
bool is_cut[LANES]; /* closed at the client's end; what has arrived can still be read */

/* The broker: struct strato_credit_grantor and session of each producer, and the pool. */
byte g_limit[N], g_accepted[N], g_need_upto[N];
bool g_is_revoking[N], g_is_now[N], g_is_dirty[N];
byte g_ep[N], g_peer[N]; /* lane of the session's connection; NOBODY = SESSION_DETACHED */
chan waiting = [N] of { byte };
byte granted;
chan ready = [C] of { byte, byte };
bool is_leased;
byte leased_from, leased_index, settled[N];

/* The client: struct strato_credit_sender, and the frame that is being gathered. */
byte s_limit[N], s_sent[N], s_accepted[N], s_asked_upto[N], s_gathered[N], s_ep[N], s_lane[N];
bool s_is_lost[N];
byte next_index[N]; /* messages that the application has handed over */
bool has_given_up[N], is_dead[N];
byte losses_left = LOSSES, give_backs_left = GIVE_BACKS;
bool may_give_up = true; /* one of them: if all could, fairness would make them, and nobody would starve */

#define FREE (C - len(ready) - (is_leased -> 1 : 0) - granted)
#define UNSPENT(p) (g_limit[p] - g_accepted[p])
#define IS_WAITING(p) (waiting ?? [eval(p)])

inline laws()
{
    assert(g_limit[0] >= g_accepted[0] && g_limit[1] >= g_accepted[1]);
#if N == 2
    assert(granted == UNSPENT(0) + UNSPENT(1)); /* strato_credit_pool_holds */
#else
    assert(g_limit[2] >= g_accepted[2]);
    assert(granted == UNSPENT(0) + UNSPENT(1) + UNSPENT(2));
#endif
    assert(len(ready) + (is_leased -> 1 : 0) + granted <= C)
}

/* ---- the broker ------------------------------------------------------------------------------------- */

inline limit_set(p, to)
{
    granted = granted + to - g_limit[p];
    g_limit[p] = to
}

inline wait_leave(p)
{
    if
    :: IS_WAITING(p) -> waiting ?? eval(p)
    :: else -> skip
    fi
}

inline session_detach(p)
{
    wait_leave(p); /* strato_credit_detach */
    limit_set(p, g_accepted[p]);
    g_is_revoking[p] = false;
    g_is_dirty[p] = false;
    g_peer[p] = NOBODY
}

inline session_put(p, ep, i, n)
{
    if
    :: ep != g_ep[p] /* E_EPOCH: not accepted */
    :: else ->
        assert(i <= g_accepted[p]);  /* strato_credit_admit: E_GAP */
        assert(i + n <= g_limit[p]); /* strato_credit_admit: E_CREDIT */
        do
        :: g_accepted[p] < i + n -> /* strato_credit_spend, ingest_admit */
            assert(nfull(ready));
            ready ! p, g_accepted[p];
            g_accepted[p]++;
            granted--
        :: else -> break
        od;
        g_is_dirty[p] = true
    fi
}

inline handle_need(p, upto, wait)
{
    if
    :: upto <= g_limit[p] -> wait_leave(p); g_is_dirty[p] = true
    :: else ->
        if
        :: IS_WAITING(p)
        :: else -> waiting ! p
        fi;
        g_need_upto[p] = upto;
        g_is_now[p] = (wait == 0)
    fi
}

inline handle_release(p, sent)
{
    assert(sent >= g_accepted[p] && sent <= g_limit[p]); /* strato_credit_release: E_PROTO */
    limit_set(p, sent);
    g_is_revoking[p] = false
}

/* resume(): the newest connection wins; revive_streams(): one message of credit if one is free and nobody waits. */
inline handle_hello(p, lane)
{
    if
    :: g_peer[p] != NOBODY -> session_detach(p)
    :: else -> skip
    fi;
    g_ep[p]++;
    g_peer[p] = lane;
    if
#ifdef MUTATE_FIRST_CREDIT_WITHOUT_ROOM
    :: true -> limit_set(p, g_accepted[p] + 1)
#else
    :: len(waiting) == 0 && FREE > 0 -> limit_set(p, g_accepted[p] + 1) /* strato_credit_first */
#endif
    :: else -> skip
    fi;
    down[lane] ! welcome, g_ep[p], g_accepted[p], g_limit[p]
}

/* native_read, brain_step: one frame of one connection. */
proctype connection(byte lane)
{
    mtype op;
    byte a, b, c;
    bool is_released = false; /* it was gone, and its credit came back */

end:
    do
    :: atomic { up[lane] ? op, a, b, c ->
        if
        :: op == hello && a == g_ep[PRODUCER(lane)] -> handle_hello(PRODUCER(lane), lane)
        :: op == hello && a != g_ep[PRODUCER(lane)] -> /* the token was used: it is good once */
            down[lane] ! bad_token, 0, 0, 0
        :: op != hello && g_peer[PRODUCER(lane)] != lane -> /* E_NO_SESSION */
            assert(!is_released || op != put)
        :: op == put && g_peer[PRODUCER(lane)] == lane -> session_put(PRODUCER(lane), a, b, c)
        :: op == need && g_peer[PRODUCER(lane)] == lane -> handle_need(PRODUCER(lane), a, b)
        :: op == release && g_peer[PRODUCER(lane)] == lane -> handle_release(PRODUCER(lane), a)
        fi;
        laws();
        op = 0; a = 0; b = 0; c = 0 }
    /* A cut connection loses what has not arrived. */
    :: atomic { is_cut[lane] && nempty(up[lane]) ->
        do
        :: up[lane] ? _, _, _, _
        :: empty(up[lane]) -> break
        od }
    /* mark_gone, and release_gone once the ROUTER was read empty: BRAIN_PEER_GONE. */
#ifdef MUTATE_RELEASE_BEFORE_DRAIN
    :: atomic { is_cut[lane] && g_peer[PRODUCER(lane)] == lane ->
#else
    :: atomic { is_cut[lane] && empty(up[lane]) && g_peer[PRODUCER(lane)] == lane ->
#endif
        session_detach(PRODUCER(lane));
        is_released = true;
        laws() }
    /* session_due: it stayed silent, though it lives; it learns so by the answer to its next frame. */
    :: atomic { !is_cut[lane] && g_peer[PRODUCER(lane)] == lane && losses_left > 0 && nfull(down[lane]) ->
        losses_left--;
        session_detach(PRODUCER(lane));
        down[lane] ! no_session, 0, 0, 0;
        laws() }
    od
}

/* grant_next and serve: the FIFO once; who was served and wants more goes to the back. */
inline grants()
{
    visits = len(waiting);
    share = (visits > 0 && C / (2 * visits) > 1 -> C / (2 * visits) : 1);
    do
    :: visits > 0 ->
        visits--;
        waiting ? q;
        more = 0;
        if
        :: !g_is_revoking[q] && share > UNSPENT(q) ->
            more = share - UNSPENT(q);
            more = (more < g_need_upto[q] - g_limit[q] -> more : g_need_upto[q] - g_limit[q]);
            more = (more < FREE -> more : FREE)
        :: else -> skip
        fi;
        if
        :: more > 0 ->
            limit_set(q, g_limit[q] + more);
            g_is_dirty[q] = true;
            if
            :: g_need_upto[q] > g_limit[q] && !g_is_now[q] -> waiting ! q
            :: else -> skip
            fi
        :: else ->
            dry = dry + (UNSPENT(q) == 0 && !g_is_revoking[q] -> 1 : 0);
            waiting ! q
        fi
    :: else -> break
    od
}

/* is_busy: a grant is not taken back within SPARE_MS. Only `served` needs it: who is quick enough uses its grant. */
#if defined(PROMPT) && !defined(MUTATE_NOT_SPARED)
#define IS_BUSY(p) \
    (g_is_dirty[p] || len(down[s_lane[p]]) > 0 || (!is_dead[p] && !s_is_lost[p] && s_sent[p] < s_limit[p] && s_sent[p] < next_index[p]) || \
     (!is_dead[p] && !s_is_lost[p] && s_sent[p] < s_limit[p] && !has_given_up[p] && next_index[p] < M) || \
     s_gathered[p] > 0 || len(up[s_lane[p]]) > 0)
#else
#define IS_BUSY(p) false
#endif

/* revoke_next: as many as there are dry ones, but for what is coming back already. */
inline revokes()
{
    q = 0;
    do
    :: q < N ->
        coming = coming + (g_is_revoking[q] -> UNSPENT(q) : 0);
        q++
    :: else -> break
    od;
    q = 0;
    do
    :: q < N && dry > coming ->
        if
        :: UNSPENT(q) > 0 && !g_is_revoking[q] && !IS_BUSY(q) && g_peer[q] != NOBODY && len(down[g_peer[q]]) < LANE ->
            coming = coming + UNSPENT(q);
            wait_leave(q);
            down[g_peer[q]] ! revoke, 0, 0, 0;
#ifdef MUTATE_REVOKE_WITHOUT_RELEASE
            limit_set(q, g_accepted[q])
#else
            g_is_revoking[q] = true
#endif
        :: else -> skip
        fi;
        q++
    :: else -> break
    od
}

/* producer_send_credit: what was revoked is not granted anew before it is released. */
inline credits()
{
    q = 0;
    do
    :: q < N ->
        if
        :: g_is_dirty[q] && g_peer[q] != NOBODY && len(down[g_peer[q]]) < LANE ->
#ifdef MUTATE_CREDIT_WHILE_REVOKING
            down[g_peer[q]] ! credit, true, g_limit[q], g_accepted[q];
#else
            down[g_peer[q]] ! credit, !g_is_revoking[q], (g_is_revoking[q] -> 0 : g_limit[q]), g_accepted[q];
#endif
            g_is_dirty[q] = false
        :: else -> skip
        fi;
        q++
    :: else -> break
    od
}

#define CAN_TELL(p) (g_is_dirty[p] && g_peer[p] != NOBODY && nfull(down[g_peer[p]]))
#define CAN_GRANT(p) (FREE > 0 && IS_WAITING(p) && !g_is_revoking[p] && UNSPENT(p) == 0)
#ifdef MUTATE_NEVER_REVOKE
#define CAN_TAKE_BACK(p) false
#else
#define CAN_TAKE_BACK(p)                                                                                             \
    (FREE == 0 && UNSPENT(p) > 0 && !g_is_revoking[p] && !IS_BUSY(p) && g_peer[p] != NOBODY && nfull(down[g_peer[p]]))
#endif
#if N == 2
#define ANY(f) (f(0) || f(1))
#define IS_ANY_DRY (IS_DRY(0) || IS_DRY(1))
#else
#define ANY(f) (f(0) || f(1) || f(2))
#define IS_ANY_DRY (IS_DRY(0) || IS_DRY(1) || IS_DRY(2))
#endif
#define IS_DRY(p) (IS_WAITING(p) && !g_is_revoking[p] && UNSPENT(p) == 0)

/* BRAIN_TURN_END: producers_turn. */
active proctype producers_turn()
{
    byte visits, share, q, more, dry, coming;

end:
    do
    :: atomic { ANY(CAN_TELL) || ANY(CAN_GRANT) || (ANY(CAN_TAKE_BACK) && IS_ANY_DRY) ->
        dry = 0; coming = 0;
        grants();
#ifndef MUTATE_NEVER_REVOKE
        revokes();
#endif
        credits();
        laws();
        visits = 0; share = 0; q = 0; more = 0; dry = 0; coming = 0 }
    od
}

#ifdef TRIES
#define CAN_EXPIRE(p) (IS_WAITING(p) && g_peer[p] != NOBODY && nfull(down[g_peer[p]]))

inline expire(p)
{
    waiting ?? eval(p); /* strato_credit_expire */
    down[g_peer[p]] ! full_, 0, 0, 0 /* send_full */
}

/* A wait is over: at any moment. */
active proctype producers_due()
{
end:
    do
    :: atomic { CAN_EXPIRE(0) -> expire(0) }
    :: atomic { CAN_EXPIRE(1) -> expire(1) }
#if N > 2
    :: atomic { CAN_EXPIRE(2) -> expire(2) }
#endif
    od
}
#endif

/* ---- the consumer: dispatch, handle_settle, lease ---------------------------------------------------- */

active proctype consumer()
{
end:
    do
    :: atomic { !is_leased && nempty(ready) -> ready ? leased_from, leased_index; is_leased = true }
    :: atomic { is_leased ->
        assert(leased_index == settled[leased_from]); /* each once, none left out, in order */
        settled[leased_from]++;
        is_leased = false; leased_from = 0; leased_index = 0;
        laws() }
    :: atomic { is_leased && give_backs_left > 0 -> /* front of its lane: it keeps its slot */
        give_backs_left-- }
    od
}

/* ---- the client: bindings/c/producer.c, need.c, resend.c ---------------------------------------------- */

#define HAS_TO_RESEND(p) (s_sent[p] < next_index[p])
#define WANTS_TO_SEND(p) (HAS_TO_RESEND(p) || (!has_given_up[p] && next_index[p] < M))

inline flush(p)
{
    if
    :: s_gathered[p] > 0 ->
        up[s_lane[p]] ! put, s_ep[p], s_sent[p] - s_gathered[p], s_gathered[p];
        s_gathered[p] = 0
    :: else -> skip
    fi
}

inline on_revoke(p)
{
    flush(p);
    s_limit[p] = s_sent[p]; /* strato_credit_sender_revoke */
    s_asked_upto[p] = 0;
    up[s_lane[p]] ! release, s_sent[p], 0, 0
}

/* strato__producer_resume: credit of the old connection is void, and so is what was gathered with it. */
inline on_welcome(p, ep, accepted, limit)
{
    assert(accepted >= s_accepted[p] && accepted <= next_index[p]); /* strato_credit_sender_resume */
    s_ep[p] = ep;
    s_gathered[p] = 0;
#ifndef MUTATE_RESUME_WITHOUT_RESEND
    s_sent[p] = accepted;
#endif
    s_accepted[p] = accepted;
    s_limit[p] = (limit > s_sent[p] -> limit : s_sent[p]);
    s_asked_upto[p] = 0;
    s_is_lost[p] = false
}

inline on_credit(p, has_limit, limit, accepted)
{
    assert(accepted <= s_sent[p]); /* "credit confirms more than was sent" */
    if
    :: has_limit && limit > s_limit[p] -> s_limit[p] = limit; s_asked_upto[p] = 0
    :: else -> skip
    fi;
    s_accepted[p] = (accepted > s_accepted[p] -> accepted : s_accepted[p])
}

#define ROOM_FOR(p, frames) (len(up[s_lane[p]]) + frames <= LANE)

proctype producer(byte p)
{
    mtype op;
    byte a, b, c;

end:
    do
    /* strato__session_on_frame. While it waits for welcome, frames of the session that has ended are passed over. */
    :: atomic { !is_dead[p] && ROOM_FOR(p, 2) && nempty(down[s_lane[p]]) ->
        down[s_lane[p]] ? op, a, b, c;
        if
        :: op == welcome -> on_welcome(p, a, b, c)
        :: op == bad_token -> /* told so; it begins a new session, which is another producer */
            is_dead[p] = true
        :: op == no_session && !s_is_lost[p] -> /* hello with the token, on the same connection */
            s_is_lost[p] = true;
            up[s_lane[p]] ! hello, s_ep[p], 0, 0
        :: op == credit && !s_is_lost[p] -> on_credit(p, a, b, c)
        :: op == revoke && !s_is_lost[p] -> on_revoke(p)
        :: op == full_ && !s_is_lost[p] -> s_asked_upto[p] = 0
        :: op != welcome && op != bad_token && s_is_lost[p]
        fi;
        op = 0; a = 0; b = 0; c = 0 }
    /* strato_send with credit: done at once, in the frame that is being gathered. */
    :: atomic { !is_dead[p] && !s_is_lost[p] && !has_given_up[p] && s_sent[p] == next_index[p] && next_index[p] < M &&
                s_sent[p] < s_limit[p] ->
        s_sent[p]++; next_index[p]++; s_gathered[p]++ }
    :: atomic { !is_dead[p] && !s_is_lost[p] && s_gathered[p] > 0 && ROOM_FOR(p, 1) -> flush(p) }
    /* strato__producer_resend: what was undecided goes first. */
    :: atomic { !is_dead[p] && !s_is_lost[p] && HAS_TO_RESEND(p) && s_sent[p] < s_limit[p] && ROOM_FOR(p, 1) ->
        up[s_lane[p]] ! put, s_ep[p], s_sent[p], 1;
        s_sent[p]++ }
    /* Dry: strato__producer_need. */
    :: atomic { !is_dead[p] && !s_is_lost[p] && WANTS_TO_SEND(p) && s_sent[p] == s_limit[p] &&
                s_asked_upto[p] <= s_sent[p] && ROOM_FOR(p, 2) ->
        flush(p);
        s_asked_upto[p] = s_sent[p] + WINDOW;
        if
        :: up[s_lane[p]] ! need, s_asked_upto[p], 1, 0
#ifdef TRIES
        :: up[s_lane[p]] ! need, s_asked_upto[p], 0, 0 /* strato_send with timeout 0 */
#endif
        fi }
    /* strato__producer_unneed: nobody wants to send any longer; credit that comes late is idle. */
    :: atomic { !is_dead[p] && !s_is_lost[p] && may_give_up && !HAS_TO_RESEND(p) && s_asked_upto[p] > 0 &&
                ROOM_FOR(p, 1) ->
        has_given_up[p] = true;
        may_give_up = false;
        s_asked_upto[p] = 0;
        up[s_lane[p]] ! need, s_sent[p], 0, 0 }
    /* The connection breaks; the producer dies with it, or comes back on another one. */
    :: atomic { !is_dead[p] && losses_left > 0 && !is_cut[s_lane[p]] && s_lane[p] == 2 * p ->
        losses_left--;
        is_cut[s_lane[p]] = true;
        s_is_lost[p] = true;
        do
        :: down[s_lane[p]] ? _, _, _, _
        :: empty(down[s_lane[p]]) -> break
        od;
        if
        :: is_dead[p] = true
        :: s_lane[p] = 2 * p + 1; up[s_lane[p]] ! hello, s_ep[p], 0, 0
        fi }
    od
}

/* ---- the end ---------------------------------------------------------------------------------------- */

/* Nothing can happen any more: whoever lives has sent everything and knows it, and nothing is left anywhere. */
active proctype judge()
{
    byte p;

    timeout ->
    assert(empty(ready) && !is_leased && empty(waiting));
    do
    :: p < N ->
        assert(settled[p] == g_accepted[p]);
        assert(settled[p] >= s_accepted[p]);
        assert(is_dead[p] || (settled[p] == next_index[p] && s_accepted[p] == next_index[p]));
        assert(is_dead[p] || has_given_up[p] || next_index[p] == M);
        p++
    :: else -> break
    od
}

init
{
    byte p;

    atomic {
        do
        :: p < N ->
            g_peer[p] = 2 * p; /* opened, with a first credit of 0: the hardest start */
            g_ep[p] = 1;
            s_ep[p] = 1;
            s_lane[p] = 2 * p;
            run connection(2 * p);
#if LOSSES > 0
            run connection(2 * p + 1);
#endif
            run producer(p);
            p++
        :: else -> break
        od;
        p = 0
    }
}

#ifdef PROMPT
#define IS_SERVED(p) (is_dead[p] || s_is_lost[p] || has_given_up[p] || s_sent[p] < s_limit[p] || !WANTS_TO_SEND(p))
ltl served { [] (! IS_SERVED(0) -> <> IS_SERVED(0)) && [] (! IS_SERVED(1) -> <> IS_SERVED(1)) }
#endif
