/*
 * principal.c - see principal.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/brain/principal.h"

#include <stdio.h>
#include <stdlib.h>

#include "broker/brain/state.h"

enum { RATE_BURST_MS = 1000 }; /* what a second allows may come at once */

void principals_init(struct principals *who)
{
    snprintf(who->local.name, sizeof(who->local.name), "local");
}

static void principal_free(struct principal *p)
{
    sender_drop(p->edge_sender);
    free(p);
}

void principals_fini(struct principals *who)
{
    void *item;
    size_t at = 0;

    while ((item = map_next(&who->by_key, &at)) != NULL)
        principal_free(item);
    map_fini(&who->by_key);
    sender_drop(who->local.edge_sender);
    who->local.edge_sender = NULL;
}

static bool is_principal(const void *item, const void *key)
{
    return memcmp(((const struct principal *)item)->key, key, STRATO_KEY_BYTES) == 0;
}

static struct principal *principal_new(struct principals *who, const struct auth_principal *rights)
{
    struct principal *p = calloc(1, sizeof(*p));

    if (!p)
        return NULL;
    p->rights = rights;
    memcpy(p->key, rights->key, sizeof(p->key));
    snprintf(p->name, sizeof(p->name), "%s", rights->name);
    p->salt = map_hash_bytes(strato_text(p->name));
    if (map_add(&who->by_key, map_hash_bytes(STRATO_BYTES_OF(p->key)), p) == 0)
        return p;
    free(p);
    return NULL;
}

struct principal *principal_of(struct brain *brain, struct strato_bytes key)
{
    struct principals *who = &brain->who;
    const struct auth_principal *rights;
    struct principal *p;

    if (key.bytes == 0 || !who->set)
        return &who->local;
    if (key.bytes != STRATO_KEY_BYTES)
        return NULL;
    p = map_find(&who->by_key, map_hash_bytes(key), is_principal, key.data);
    if (p)
        return p;
    rights = auth_find(who->set, key.data);
    return rights ? principal_new(who, rights) : NULL;
}

bool principal_is_anothers_name(const struct brain *brain, const struct principal *principal, struct strato_bytes agent)
{
    const struct auth_principals *set = brain->who.set;

    if (!set || !principal->rights || strato_bytes_is(agent, principal->name))
        return false;
    for (size_t i = 0; i < set->count; i++)
        if (strato_bytes_is(agent, set->items[i].name))
            return true;
    return false;
}

struct sender *principal_edge_sender(struct principal *principal)
{
    if (!principal->edge_sender)
        principal->edge_sender = sender_new(principal->name, NULL, "", 0);
    return principal->edge_sender;
}

bool principal_rate_takes(struct principal *principal, uint64_t n, uint64_t now_ms, uint32_t *ret_retry_ms)
{
    uint64_t rate = principal->rights ? principal->rights->rate_per_s : 0;
    uint64_t back, wanted = n * 1000, burst = rate * RATE_BURST_MS;

    if (rate == 0)
        return true;
    back = now_ms - principal->rate_ms < RATE_BURST_MS ? (now_ms - principal->rate_ms) * rate : burst;
    principal->rate_ms = now_ms;
    principal->rate_spent -= back < principal->rate_spent ? back : principal->rate_spent;
    /* A frame larger than a whole burst passes when nothing is owed, or it could never pass. */
    if (principal->rate_spent == 0 || principal->rate_spent + wanted <= burst) {
        principal->rate_spent += wanted;
        return true;
    }
    *ret_retry_ms = (uint32_t)((principal->rate_spent + wanted - burst) / rate + 1);
    return false;
}

/* ---- what the log is told -------------------------------------------------------------------------- */

static bool audit_allows(struct principal_audit *audit, uint32_t lines, uint64_t now_ms, uint32_t *ret_held_back)
{
    if (audit->since_ms == 0 || now_ms - audit->since_ms >= PRINCIPAL_AUDIT_MS) {
        *ret_held_back = audit->held_back;
        *audit = (struct principal_audit){ .since_ms = now_ms ? now_ms : 1, .written = 1 };
        return true;
    }
    *ret_held_back = 0;
    if (audit->written >= lines) {
        audit->held_back++;
        return false;
    }
    audit->written++;
    return true;
}

void principal_audit_refusal(struct brain *brain, struct principal *principal, const char *verb,
                             struct strato_bytes channel)
{
    uint32_t held_back;

    principal->refused++;
    if (audit_allows(&principal->refusals, PRINCIPAL_REFUSED_LINES, brain->now_ms, &held_back))
        brain_log(brain, 1, "audit: refused principal=%s verb=%s channel=%.*s total=%llu held_back=%u", principal->name,
                  verb, (int)(channel.bytes < 128 ? channel.bytes : 128), (const char *)channel.data,
                  (unsigned long long)principal->refused, held_back);
}

void principal_audit_act(struct brain *brain, struct principal *principal, const char *act, struct strato_bytes channel)
{
    uint32_t held_back;

    if (audit_allows(&principal->acts, PRINCIPAL_ADMIN_LINES, brain->now_ms, &held_back))
        brain_log(brain, 2, "audit: done principal=%s operation=%s channel=%.*s held_back=%u", principal->name, act,
                  (int)(channel.bytes < 128 ? channel.bytes : 128), (const char *)channel.data, held_back);
}

/* ---- peers ----------------------------------------------------------------------------------------- */

void peer_expel(struct peer *peer, int err, const char *detail)
{
    struct brain *brain = peer->brain;
    struct brain_action *action;
    brain_peer id = peer->id;

    if (!peer->is_lockstep || peer->owed > 0)
        answer_err(peer, NULL, err, detail);
    if (peer->session) /* as after bye: it is nobody's crash, so no work is suspected for it */
        session_close(peer->session, SESSION_OPEN, detail);
    peer_free(peer);
    action = outbox_action(brain, BRAIN_CLOSE);
    if (action)
        action->peer = id;
}

bool peer_admit(struct peer *peer, const struct brain_event *event)
{
    struct brain *brain = peer->brain;
    char detail[DETAIL_BYTES_MAX];
    struct principal *p;

    if (peer->principal)
        return true;
    /* libzmq gives a chosen id to whoever asks for it first, so another could connect in the place of one who just left, and be
     * sent what was meant for him. Ids of libzmq's own choice cannot be asked for. */
    if (event->is_self_named) {
        peer_expel(peer, STRATO_EPROTO,
                   "with keys a client must not choose its routing id: leave ZMQ_ROUTING_ID unset");
        return false;
    }
    p = event->is_local                           ? &brain->who.local
        : brain->who.set && event->key.bytes == 0 ? NULL
                                                  : principal_of(brain, event->key);
    if (!p) {
        brain->who.strangers++;
        peer_expel(peer, STRATO_EAUTH, "this broker asks for a key, and yours is not (or no longer) in its keys file");
        return false;
    }
    if (p->rights && p->peers >= p->rights->connections_max) {
        brain->who.over_connections++;
        snprintf(detail, sizeof(detail), "key %s has %u connections already, and may have no more", p->name, p->peers);
        principal_audit_refusal(brain, p, "connect", STRATO_BYTES_NONE);
        peer_expel(peer, STRATO_ELIMIT, detail);
        return false;
    }
    p->peers++;
    peer->principal = p;
    return true;
}

/* ---- other keys ------------------------------------------------------------------------------------ */

static bool may_consume(const struct auth_principal *rights, const struct consumer *c, struct strato_bytes channel)
{
    enum auth_verb verb = c->is_tap ? AUTH_OBSERVE : c->is_responder ? AUTH_SERVE : AUTH_CONSUME;
    enum auth_verdict verdict = auth_judge(rights, verb, channel);

    if (verdict != AUTH_BY_TOPIC || !c->subscription)
        return verdict == AUTH_ALLOWED;
    for (uint32_t i = 0; i < c->subscription->match_count; i++)
        if (!auth_permits_match(rights, verb, channel, strato_text(c->subscription->match[i])))
            return false;
    return c->subscription->match_count > 0;
}

static bool may_keep(const struct session *session)
{
    const struct auth_principal *rights = session->owner->rights;

    for (struct stream *s = session->streams; s; s = s->next) {
        struct strato_bytes channel = s->channel->name;
        bool may = s->role == STREAM_CONSUMER ? may_consume(rights, (struct consumer *)(void *)s, channel)
                                              : auth_judge(rights, AUTH_PUBLISH, channel) != AUTH_DENIED ||
                                                    auth_judge(rights, AUTH_REQUEST, channel) != AUTH_DENIED;

        if (!may)
            return false;
    }
    return true;
}

/* Ending one invalidates the walk, so it begins again: keys change seldom. */
static void end_sessions(struct brain *brain, const struct principal *p, bool all, int err, const char *detail)
{
    struct session *session;
    size_t at = 0;

    while ((session = map_next(&brain->sessions_by_agent, &at)) != NULL) {
        if (session->owner != p || (!all && may_keep(session)))
            continue;
        if (session->peer)
            peer_expel(session->peer, err, detail);
        else
            session_close(session, SESSION_OPEN, detail);
        at = 0;
    }
}

static void end_peers(struct brain *brain, const struct principal *p, int err, const char *detail)
{
    struct peer *peer;
    size_t at = 0;

    while ((peer = map_next(&brain->peers, &at)) != NULL) {
        if (peer->principal != p)
            continue;
        peer_expel(peer, err, detail);
        at = 0;
    }
}

/* What it declared stays, as nobody's. */
static void disown_channels(struct brain *brain, const struct principal *p)
{
    for (uint32_t i = 0; i < brain->channels_count; i++)
        if (brain->channels[i] && brain->channels[i]->declarer == p)
            brain->channels[i]->declarer = NULL;
}

static void revoke(struct brain *brain, struct principal *p)
{
    static const char detail[] = "the key was revoked";

    brain_log(brain, 1, "audit: key revoked principal=%s peers=%u", p->name, p->peers);
    end_sessions(brain, p, true, STRATO_EAUTH, detail);
    end_peers(brain, p, STRATO_EAUTH, detail);
    disown_channels(brain, p);
    map_remove(&brain->who.by_key, map_hash_bytes(STRATO_BYTES_OF(p->key)), p);
    principal_free(p);
}

void principals_replace(struct brain *brain, const struct auth_principals *set)
{
    struct principal *p;
    size_t at = 0;

    brain->who.set = set;
    while ((p = map_next(&brain->who.by_key, &at)) != NULL) {
        const struct auth_principal *fresh = set ? auth_find(set, p->key) : NULL;
        bool is_same;

        if (!fresh || strcmp(fresh->name, p->name) != 0) {
            revoke(brain, p);
            at = 0;
            continue;
        }
        if (p->rights == fresh)
            continue;
        is_same = auth_rights_equal(p->rights, fresh);
        p->rights = fresh;
        if (!is_same)
            end_sessions(brain, p, false, STRATO_EFORBIDDEN, "the key lost a right that this session was using");
    }
}
