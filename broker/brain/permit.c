/*
 * permit.c - may this frame do that? The one place that answers.
 *
 * `local` has every verb, admin only over inproc and Unix sockets. A key has what its roles grant. Where they grant a verb
 * for some topics only, a subscription's globs are judged here and messages when they are ingested.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>

#include "broker/brain/state.h"

/* All of the frame's globs lie within a grant. None would be everything. */
static bool globs_are_granted(const struct frame *frame, enum auth_verb verb, struct strato_bytes channel)
{
    struct strato_bytes globs[FANOUT_MATCH_MAX];
    uint32_t count = 0;

    if (frame->header->group.bytes) /* a group's queue has the globs of whoever made it */
        return false;
    if (match_read(frame->header->match, globs, &count) < 0 || count == 0)
        return false;
    for (uint32_t i = 0; i < count; i++)
        if (!auth_permits_match(frame->peer->principal->rights, verb, channel, globs[i]))
            return false;
    return true;
}

static bool is_own_mailbox(const struct peer *peer, struct strato_bytes channel)
{
    struct session *owner = session_by_agent(peer->brain, strato_bytes(channel.data + 1, channel.bytes - 1));

    return owner && owner->owner == peer->principal;
}

static bool grants(const struct frame *frame, enum auth_verb verb, struct strato_bytes channel)
{
    const struct auth_principal *rights = frame->peer->principal->rights;

    if (verb == AUTH_CONSUME && channel.bytes > 1 && channel.data[0] == '@' && !is_own_mailbox(frame->peer, channel))
        return false;
    switch (auth_judge(rights, verb, channel)) {
    case AUTH_ALLOWED:
        return true;
    case AUTH_BY_TOPIC:
        if (verb != AUTH_PUBLISH && verb != AUTH_REQUEST)
            return globs_are_granted(frame, verb, channel);
        frame->peer->brain->by_topic = frame->peer->principal;
        frame->peer->brain->by_topic_verb = verb;
        return true;
    case AUTH_DENIED:
        break;
    }
    return false;
}

bool frame_has_verb(const struct frame *frame, const char *verb, struct strato_bytes channel)
{
    if (!frame->peer->principal->rights)
        return strcmp(verb, "admin") != 0 || frame->peer->is_local;
    return grants(frame, (enum auth_verb)auth_verb_parse(strato_text(verb)), channel);
}

bool frame_permits_name(const struct frame *frame, const char *verb, struct strato_bytes channel)
{
    struct principal *p = frame->peer->principal;
    char detail[DETAIL_BYTES_MAX];

    if (frame_has_verb(frame, verb, channel))
        return true;
    if (p->rights)
        auth_explain(p->rights, (enum auth_verb)auth_verb_parse(strato_text(verb)), channel, STRATO_BYTES_NONE, detail,
                     sizeof(detail));
    else
        snprintf(detail, sizeof(detail),
                 "admin operations need the ipc:// endpoint (or a key with the verb admin), not tcp without keys");
    principal_audit_refusal(frame->peer->brain, p, verb, channel);
    answer_err(frame->peer, frame->header, STRATO_EFORBIDDEN, detail);
    return false;
}

bool frame_permits(const struct frame *frame, const char *verb, const struct channel *ch)
{
    if (frame_permits_name(frame, verb, ch ? ch->name : STRATO_BYTES_NONE))
        return true;
    if (ch)
        channel_refused((struct channel *)(uintptr_t)ch, STRATO_EFORBIDDEN);
    return false;
}

bool frame_permits_topic(struct brain *brain, const struct channel *ch, struct strato_bytes topic, char *ret_detail,
                         size_t detail_bytes)
{
    struct principal *p = brain->by_topic;

    if (auth_permits_topic(p->rights, brain->by_topic_verb, ch->name, topic))
        return true;
    auth_explain(p->rights, brain->by_topic_verb, ch->name, topic, ret_detail, detail_bytes);
    principal_audit_refusal(brain, p, auth_verb_name(brain->by_topic_verb), ch->name);
    return false;
}

bool frame_is_within_rate(const struct frame *frame, uint64_t n, char *ret_detail, size_t detail_bytes)
{
    struct principal *p = frame->peer->principal;
    uint32_t retry_ms;

    /* More than a frame may carry is refused for that, by the next who looks. */
    if (n > STRATO_ENVELOPES_MAX || principal_rate_takes(p, n, frame->peer->brain->now_ms, &retry_ms))
        return true;
    frame->peer->brain->who.over_rate++;
    snprintf(ret_detail, detail_bytes, "key %s may send %u messages a second: come back in %u ms", p->name,
             p->rights->rate_per_s, retry_ms);
    return false;
}

/* ---- edges of plain sockets ------------------------------------------------------------------------ */

int edge_permits(struct brain *brain, struct principal *p, const struct channel *ch)
{
    uint32_t retry_ms;

    if (!p->rights)
        return 0;
    switch (auth_judge(p->rights, AUTH_PUBLISH, ch->name)) {
    case AUTH_DENIED:
        principal_audit_refusal(brain, p, "publish", ch->name);
        return STRATO_EFORBIDDEN;
    case AUTH_BY_TOPIC:
        brain->by_topic = p;
        brain->by_topic_verb = AUTH_PUBLISH;
        break;
    case AUTH_ALLOWED:
        break;
    }
    if (principal_rate_takes(p, 1, brain->now_ms, &retry_ms))
        return 0;
    brain->who.over_rate++;
    return STRATO_ERATE;
}
