/*
 * session.c - liveness, loss and end of sessions. How one begins is in handle_hello.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/brain/session.h"

#include <sodium.h>
#include <stdlib.h>

#include "broker/brain/state.h"

static bool is_agent(const void *item, const void *key)
{
    return strato_bytes_is(*(const struct strato_bytes *)key, ((const struct session *)item)->agent);
}

struct session *session_by_agent(struct brain *brain, struct strato_bytes agent)
{
    return map_find(&brain->sessions_by_agent, map_hash_bytes(agent), is_agent, &agent);
}

static bool is_token(const void *item, const void *key)
{
    return sodium_memcmp(((const struct session *)item)->token_hash, key, 32) == 0;
}

struct session *session_by_token(struct brain *brain, struct strato_bytes token)
{
    uint8_t hash[32];

    if (token.bytes != SESSION_TOKEN_BYTES)
        return NULL;
    crypto_generichash(hash, sizeof(hash), token.data, token.bytes, NULL, 0);
    return map_find(&brain->sessions_by_token, map_hash_bytes(STRATO_BYTES_OF(hash)), is_token, hash);
}

/* Touch every channel it consumes from: its credit has become usable, or unusable. */
static void touch_channels(struct session *session)
{
    for (struct stream *s = session->streams; s; s = s->next)
        channel_touch(s->channel);
}

static void arm(struct session *session, uint64_t due_ms)
{
    session->timer.kind = TIMER_SESSION;
    wheel_arm(&session->brain->wheel, &session->timer, due_ms);
}

static void set_state(struct session *session, enum session_state state)
{
    session->state = state;
    session->state_ms = session->brain->now_ms;
    touch_channels(session);
}

void session_seen(struct session *session)
{
    session->seen_ms = session->brain->now_ms;
    if (session->state != SESSION_SUSPECT)
        return;
    set_state(session, SESSION_OPEN);
    receipts_send(session);
    arm(session, session->seen_ms + (uint64_t)SESSION_MISSES * session->hb_ms);
}

void session_suspect(struct session *session, const char *why)
{
    if (session->state != SESSION_OPEN)
        return;
    brain_log(session->brain, 3, "session suspect sid=%s why=\"%s\"", session->sid, why);
    set_state(session, SESSION_SUSPECT);
    if (session->peer)
        peer_probe(session->peer);
    arm(session, session->brain->now_ms + session->hb_ms);
}

/* Credit back, calls held by it told; its queues stay. */
static void let_go(struct session *session)
{
    for (struct stream *s = session->streams; s; s = s->next) {
        if (s->role == STREAM_PRODUCER) {
            struct producer *p = (struct producer *)(void *)s;

            strato_credit_detach(&s->channel->credit, &p->credit);
        } else {
            struct consumer *c = (struct consumer *)(void *)s;

            if (c->frame)
                outframe_close(c->frame);
            consumer_give_back(c, CONSUMER_LOST, true);
            c->limit = c->sent; /* what it wanted, it wanted on the old connection */
            s->channel->consumers_version++;
        }
        channel_touch(s->channel);
    }
}

void session_detach(struct session *session, const char *why)
{
    struct brain *brain = session->brain;

    if (session->state == SESSION_DETACHED)
        return;
    brain_log(brain, 2, "session detached sid=%s agent=%s why=\"%s\"", session->sid, session->agent, why);
    if (session->peer)
        session->peer->session = NULL;
    set_state(session, SESSION_DETACHED);
    session->is_leases_gone = false;
    let_go(session);
    session->peer = NULL;
    arm(session, brain->now_ms + SESSION_RESUME_LEASES_MS);
}

static void end_streams(struct session *session, enum consumer_loss loss)
{
    struct strato_bytes affinity = strato_text(session->sid);

    while (session->streams) {
        struct stream *s = session->streams;
        struct channel *ch = s->channel;

        if (s->role == STREAM_PRODUCER) {
            producer_close((struct producer *)(void *)s);
            if (ch->config.is_sticky)
                affinity_forget(ch, affinity);
        } else {
            consumer_close((struct consumer *)(void *)s, loss);
        }
    }
}

void session_close(struct session *session, enum session_state how, const char *why)
{
    struct brain *brain = session->brain;

    brain_log(brain, 2, "session closed sid=%s agent=%s why=\"%s\"", session->sid, session->agent, why);
    if (session->state != SESSION_DETACHED && session->peer)
        session->peer->session = NULL;
    call_abandon_all(&session->calls);
    call_drop_late(session);
    end_streams(session, how == SESSION_OPEN ? CONSUMER_LEFT : CONSUMER_LOST);
    if (session->is_named)
        mailbox_forget_later(brain, session->agent);
    map_remove(&brain->sessions_by_agent, map_hash_bytes(strato_text(session->agent)), session);
    map_remove(&brain->sessions_by_token, map_hash_bytes(STRATO_BYTES_OF(session->token_hash)), session);
    brain->sessions_count--;
    wheel_cancel(&session->timer);
    receipts_drop(session);
    session->sender->session = NULL;
    sender_drop(session->sender);
    for (uint32_t i = 0; i < session->caps_count; i++)
        free(session->caps[i]);
    free(session);
}

static void requeue_leases(struct session *session)
{
    for (struct stream *s = session->streams; s; s = s->next) {
        if (s->role == STREAM_CONSUMER) {
            struct consumer *c = (struct consumer *)(void *)s;

            consumer_give_back(c, CONSUMER_LOST, false);
            affinity_unbind_all(c);
            channel_touch(s->channel);
        }
    }
    session->is_leases_gone = true;
}

void session_due(struct session *session)
{
    uint64_t now = session->brain->now_ms;
    uint64_t silent_at = session->seen_ms + (uint64_t)SESSION_MISSES * session->hb_ms;

    switch (session->state) {
    case SESSION_OPEN:
        if (silent_at > now)
            arm(session, silent_at);
        else
            session_suspect(session, "three heartbeats missed");
        break;
    case SESSION_SUSPECT:
        session_detach(session, "it stayed silent");
        break;
    case SESSION_DETACHED:
        if (!session->is_leases_gone) {
            requeue_leases(session);
            arm(session, session->state_ms + SESSION_RESUME_MS);
        } else {
            session_close(session, SESSION_DETACHED, "no resume in time");
        }
        break;
    }
}
