/*
 * handle_hello.c - hello and bye: a session begins, goes on on another connection, or ends.
 *
 * SPDX-License-Identifier: MIT
 */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "broker/brain/state.h"
#include "core/utf8.h"

enum { HB_MS_MIN = 1000, HB_MS_MAX = 60000, CAP_BYTES_MAX = 64, KIND_BYTES_MAX = 15 };

/* A new token; the session keeps only its hash. */
static void make_token(struct session *session, uint8_t token[SESSION_TOKEN_BYTES])
{
    struct brain *brain = session->brain;
    uint64_t input[4] = { brain->config.epoch, session->number, session->ep, brain_random(brain) };

    crypto_generichash(token, SESSION_TOKEN_BYTES, (const uint8_t *)input, sizeof(input), brain->config.secret,
                       sizeof(brain->config.secret));
    crypto_generichash(session->token_hash, sizeof(session->token_hash), token, SESSION_TOKEN_BYTES, NULL, 0);
}

static void write_limits(struct brain *brain, struct strato_writer *w)
{
    const struct {
        const char *name;
        uint64_t value;
    } limits[] = {
        { "message_bytes", brain->config.message_bytes_max },
        { "header_bytes", STRATO_HEADER_BYTES_MAX },
        { "envelopes", STRATO_ENVELOPES_MAX },
        { "attachments", STRATO_ATTACHMENTS_MAX },
        { "attachments_each", STRATO_ATTACHMENTS_EACH_MAX },
        { "credits", STRATO_CREDIT_WINDOW_MAX },
        { "calls", SESSION_CALLS_MAX },
        { "held", SESSION_HELD_MAX },
        { "streams", STREAMS_PER_SESSION_MAX },
    };
    uint32_t count = sizeof(limits) / sizeof(limits[0]);

    strato_writer_map(w, count);
    for (uint32_t i = 0; i < count; i++) {
        strato_writer_text(w, limits[i].name);
        strato_writer_u64(w, limits[i].value);
    }
}

static void key(struct strato_writer *w, const char *name, uint64_t value)
{
    strato_writer_text(w, name);
    strato_writer_u64(w, value);
}

static void write_producer(const struct producer *p, struct strato_writer *w)
{
    bool is_kept = channel_is_kept(p->stream.channel);

    strato_writer_map(w, 7U + is_kept + (p->refusals_count > 0));
    strato_writer_text(w, "ch");
    strato_writer_str(w, p->stream.channel->name);
    key(w, "stream", p->stream.number);
    strato_writer_text(w, "dir");
    strato_writer_text(w, "p");
    key(w, "accepted", p->credit.accepted);
    key(w, "accepted_bytes", p->credit.accepted_bytes);
    key(w, "limit", p->credit.limit);
    key(w, "limit_bytes", p->credit.limit_bytes);
    if (is_kept)
        key(w, "durable", p->durable);
    if (p->refusals_count == 0)
        return;
    strato_writer_text(w, "refused");
    strato_writer_array(w, p->refusals_count);
    for (uint32_t i = 0; i < p->refusals_count; i++) {
        strato_writer_array(w, 3);
        strato_writer_u64(w, p->refusals[i].i);
        strato_writer_u64(w, p->refusals[i].n);
        strato_writer_u64(w, (uint64_t)-p->refusals[i].err);
    }
}

static void write_consumer(const struct consumer *c, struct strato_writer *w)
{
    bool has_tags = !c->subscription;

    strato_writer_map(w, 5);
    strato_writer_text(w, "ch");
    strato_writer_str(w, c->stream.channel->name);
    key(w, "stream", c->stream.number);
    strato_writer_text(w, "dir");
    strato_writer_text(w, c->is_responder ? "s" : "c");
    key(w, "limit", c->sent); /* the next tag: demand counts from here */
    strato_writer_text(w, "tags");
    strato_writer_array(w, has_tags ? c->held : 0);
    for (uint64_t tag = c->base; has_tags && tag < c->sent; tag++) {
        if (consumer_find(c, tag))
            strato_writer_u64(w, tag);
    }
}

static void send_welcome(struct session *session, const struct strato_header *h,
                         const uint8_t token[SESSION_TOKEN_BYTES], bool resumed)
{
    struct brain *brain = session->brain;
    struct answer a;

    answer_begin(&a, brain, session->peer, "welcome", h);
    strato_header_str(&a.header, "sid", strato_text(session->sid));
    strato_header_key(&a.header, "token");
    strato_writer_bin(&a.w, strato_bytes(token, SESSION_TOKEN_BYTES));
    strato_header_u64(&a.header, "ep", session->ep);
    strato_header_u64(&a.header, "epoch", brain->config.epoch);
    strato_header_bool(&a.header, "resumed", resumed);
    strato_header_u64(&a.header, "hb_ms", session->hb_ms);
    strato_header_str(&a.header, "agent", strato_text(session->agent));
    strato_header_key(&a.header, "limits");
    write_limits(brain, &a.w);
    if (resumed) {
        strato_header_key(&a.header, "chans");
        strato_writer_array(&a.w, session->streams_count);
        for (struct stream *s = session->streams; s; s = s->next) {
            if (s->role == STREAM_PRODUCER)
                write_producer((struct producer *)(void *)s, &a.w);
            else
                write_consumer((struct consumer *)(void *)s, &a.w);
        }
    }
    answer_send(&a);
}

/* The streams of a session whose connection is new. */
static void revive_streams(struct session *session)
{
    for (struct stream *s = session->streams; s; s = s->next) {
        struct channel *ch = s->channel;

        if (s->role == STREAM_PRODUCER) {
            struct producer *p = (struct producer *)(void *)s;
            struct strato_credit_room room = channel_room(ch);

            strato_credit_reattach(&ch->credit, &p->credit);
            p->critical = 0;
            strato_credit_first(&ch->credit, &p->credit, &room);
            if (channel_is_kept(ch))
                producer_touch(p); /* the welcome does not say what is on disk */
        } else {
            struct consumer *c = (struct consumer *)(void *)s;

            if (c->subscription)
                fanout_rewind(c);
            c->limit = c->sent;
            ch->consumers_version++;
        }
        channel_touch(ch);
    }
}

static void resume(const struct frame *frame, struct session *session)
{
    struct brain *brain = session->brain;
    struct peer *peer = frame->peer, *old = session->peer;
    uint8_t token[SESSION_TOKEN_BYTES];

    if (old) { /* the newest connection wins */
        session_detach(session, "resumed on another connection");
        if (old != peer)
            answer_err(old, NULL, STRATO_ESUPERSEDED, NULL);
    }
    map_remove(&brain->sessions_by_token, map_hash_bytes(STRATO_BYTES_OF(session->token_hash)), session);
    session->ep++;
    make_token(session, token);
    if (map_add(&brain->sessions_by_token, map_hash_bytes(STRATO_BYTES_OF(session->token_hash)), session) < 0)
        brain_log(brain, 1, "session cannot be resumed again: out of memory sid=%s", session->sid);
    session->state = SESSION_OPEN;
    session->state_ms = session->seen_ms = brain->now_ms;
    session->peer = peer;
    peer->session = session;
    wheel_arm(&brain->wheel, &session->timer, brain->now_ms + (uint64_t)SESSION_MISSES * session->hb_ms);
    revive_streams(session);
    send_welcome(session, frame->header, token, true);
    call_send_late(session);
    receipts_send(session);
    brain_log(brain, 2, "session resumed sid=%s agent=%s ep=%llu", session->sid, session->agent,
              (unsigned long long)session->ep);
}

/* ---- a new one ---- */

static int read_caps(struct session *session, struct strato_bytes caps)
{
    struct strato_cursor c = strato_cursor_over(caps);
    struct strato_bytes cap;
    uint32_t count;

    if (caps.bytes == 0)
        return 0;
    if (strato_cursor_array(&c, UINT32_MAX, &count) < 0)
        return STRATO_EPROTO;
    if (count > SESSION_CAPS_MAX)
        return STRATO_ELIMIT;
    for (uint32_t i = 0; i < count; i++) {
        if (strato_cursor_str(&c, CAP_BYTES_MAX, &cap) < 0)
            return STRATO_ELIMIT;
        if (!strato_utf8_is_valid(cap))
            return STRATO_ESCHEMA;
        session->caps[i] = strndup((const char *)cap.data, cap.bytes);
        if (!session->caps[i])
            return STRATO_ENO_RESOURCES;
        session->caps_count++;
    }
    return 0;
}

/* Agent, kind and capabilities are shown to others. */
static bool agent_is_good(struct strato_bytes agent)
{
    if (!strato_utf8_is_valid(agent))
        return false;
    for (size_t i = 0; i < agent.bytes; i++) {
        if (agent.data[i] <= ' ' || agent.data[i] == 0x7f || agent.data[i] == '*' || agent.data[i] == '>' ||
            agent.data[i] == '@')
            return false;
    }
    return true;
}

/* Is the name free? A detached session of the same principal yields it at once. */
static int claim_name(struct brain *brain, const struct principal *who, struct strato_bytes agent)
{
    struct session *other = session_by_agent(brain, agent);

    if (!other)
        return 0;
    if (other->state != SESSION_DETACHED || other->owner != who)
        return STRATO_ENAME_IN_USE;
    session_close(other, SESSION_DETACHED, "its name was taken over");
    return 0;
}

static void session_free_new(struct session *session)
{
    for (uint32_t i = 0; i < session->caps_count; i++)
        free(session->caps[i]);
    if (session->sender)
        session->sender->session = NULL;
    sender_drop(session->sender);
    free(session);
}

static int session_new(const struct frame *frame, struct session **ret_session)
{
    const struct strato_header *h = frame->header;
    struct brain *brain = frame->peer->brain;
    struct session *session = calloc(1, sizeof(*session));
    uint64_t hb_ms = h->hb_ms ? h->hb_ms : brain->config.hb_ms;
    int rc;

    if (!session)
        return STRATO_ENO_RESOURCES;
    session->brain = brain;
    session->number = ++brain->sessions_made;
    session->ep = 1;
    snprintf(session->sid, sizeof(session->sid), "s%u-%06x", session->number,
             (unsigned)(brain->config.epoch & 0xffffff));
    session->owner = frame->peer->principal;
    snprintf(session->principal, sizeof(session->principal), "%s", session->owner->name);
    session->is_named = h->agent.bytes > 0;
    if (session->is_named)
        memcpy(session->agent, h->agent.data, h->agent.bytes);
    else
        memcpy(session->agent, session->sid, sizeof(session->sid));
    snprintf(session->kind, sizeof(session->kind), "%s", "agent");
    if (h->kind.bytes) {
        memset(session->kind, 0, sizeof(session->kind));
        memcpy(session->kind, h->kind.data, h->kind.bytes);
    }
    session->hb_ms = (uint32_t)(hb_ms < HB_MS_MIN ? HB_MS_MIN : hb_ms > HB_MS_MAX ? HB_MS_MAX : hb_ms);
    session->sender =
        sender_new(session->principal, session->is_named ? session->agent : NULL, session->sid, session->number);
    rc = session->sender ? read_caps(session, h->caps) : STRATO_ENO_RESOURCES;
    if (session->sender)
        session->sender->session = session;
    if (rc < 0)
        session_free_new(session);
    else
        *ret_session = session;
    return rc;
}

static void begin(const struct frame *frame, struct session *session)
{
    struct brain *brain = session->brain;
    struct peer *peer = frame->peer;
    uint8_t token[SESSION_TOKEN_BYTES];

    make_token(session, token);
    if (map_add(&brain->sessions_by_agent, map_hash_bytes(strato_text(session->agent)), session) < 0) {
        session_free_new(session);
        answer_err(peer, frame->header, STRATO_ENO_RESOURCES, NULL);
        return;
    }
    if (map_add(&brain->sessions_by_token, map_hash_bytes(STRATO_BYTES_OF(session->token_hash)), session) < 0) {
        map_remove(&brain->sessions_by_agent, map_hash_bytes(strato_text(session->agent)), session);
        session_free_new(session);
        answer_err(peer, frame->header, STRATO_ENO_RESOURCES, NULL);
        return;
    }
    brain->sessions_count++;
    session->peer = peer;
    peer->session = session;
    session->seen_ms = session->state_ms = brain->now_ms;
    session->timer.kind = TIMER_SESSION;
    wheel_arm(&brain->wheel, &session->timer, brain->now_ms + (uint64_t)SESSION_MISSES * session->hb_ms);
    send_welcome(session, frame->header, token, false);
    brain_log(brain, 2, "session open sid=%s agent=%s kind=%s", session->sid, session->agent, session->kind);
}

void handle_hello(struct brain *brain, const struct frame *frame)
{
    const struct strato_header *h = frame->header;
    struct strato_cursor c = strato_cursor_over(h->token);
    struct strato_bytes token = STRATO_BYTES_NONE;
    struct session *session = NULL;
    const char *detail = NULL;
    int rc = 0;

    if (h->token.bytes) {
        session = strato_cursor_bin(&c, SESSION_TOKEN_BYTES, &token) == 0 ? session_by_token(brain, token) : NULL;
        if (session && session->owner != frame->peer->principal) { /* stolen: a token is good with its own key only */
            principal_audit_refusal(brain, frame->peer->principal, "resume", STRATO_BYTES_NONE);
            session = NULL;
        }
        if (session && (!frame->peer->session || frame->peer->session == session))
            resume(frame, session);
        else
            answer_err(frame->peer, h, STRATO_ETOKEN, "the token is unknown or has expired: hello again without it");
        return;
    }
    if (frame->peer->session) {
        rc = STRATO_EPROTO;
        detail = "this connection has a session already: say bye first";
    } else if (brain->is_draining) {
        rc = STRATO_EDRAINING;
    } else if (h->agent.bytes > STRATO_NAME_BYTES_MAX) {
        rc = STRATO_ELIMIT;
        detail = "an agent name has at most 128 bytes";
    } else if (!agent_is_good(h->agent)) {
        rc = STRATO_ESCHEMA;
        detail = "an agent name is text that has no blanks and none of * > @";
    } else if (h->kind.bytes > KIND_BYTES_MAX || !agent_is_good(h->kind)) {
        rc = STRATO_ESCHEMA;
        detail = "kind is agent, service, worker or tool";
    } else if (brain->sessions_count >= brain->config.sessions_max) {
        rc = STRATO_ELIMIT;
        detail = "as many sessions as the broker allows are open";
    } else if (principal_is_anothers_name(brain, frame->peer->principal, h->agent)) {
        principal_audit_refusal(brain, frame->peer->principal, "hello", STRATO_BYTES_NONE);
        rc = STRATO_EFORBIDDEN;
        detail = "this agent name is the name of another key";
    } else if (h->agent.bytes) {
        rc = claim_name(brain, frame->peer->principal, h->agent);
    }
    if (rc == 0)
        rc = session_new(frame, &session);
    if (rc < 0)
        answer_err(frame->peer, h, rc, detail);
    else
        begin(frame, session);
}

void handle_bye(struct brain *brain, const struct frame *frame)
{
    (void)brain;
    session_close(frame->peer->session, SESSION_OPEN, "bye");
    answer_ok(frame->peer, frame->header);
}
