/*
 * mailbox.c - each agent's own channel, `@agent`, for messages sent `to` it.
 *
 * Made when it is first used and somebody has that name. When the name ends, what is queued waits 300 s
 * for the agent to come back, then it is dead-lettered `recipient_gone`. A mailbox with dead letters stays
 * for a day, closed to senders, so that they can be looked at; the agent finds it again if it comes back.
 * Rules: semantics.md 35.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>

#include "broker/brain/state.h"

enum { FORGOTTEN_MAX = 1024 }; /* mailboxes kept only for their dead letters; then they go at once */

/* Somebody has its name. */
static void revive(struct channel *ch)
{
    ch->brain->mailboxes_forgotten -= ch->is_forgotten;
    ch->is_forgotten = false;
    ch->forget_ms = UINT64_MAX;
}

struct channel *mailbox_find(struct brain *brain, struct strato_bytes name)
{
    struct channel *ch = channel_find(brain, name);
    struct brain_channel_config config = { 0 };
    struct session *session;

    if (name.bytes < 2 || name.data[0] != '@' || name.bytes > STRATO_NAME_BYTES_MAX + 1)
        return NULL;
    session = session_by_agent(brain, strato_bytes(name.data + 1, name.bytes - 1));
    if (ch && session && ch->forget_ms != UINT64_MAX) { /* the agent is back */
        revive(ch);
        channel_touch(ch);
    }
    if (ch || !session)
        return ch && ch->is_forgotten ? NULL : ch;
    memcpy(config.name, name.data, name.bytes);
    channel_config_defaults(&config, BRAIN_WORK);
    config.full = BRAIN_FULL_REJECT;
    config.ttl_ms = 300 * 1000;
    return channel_add(brain, &config, false, &ch) == 0 ? ch : NULL;
}

struct channel *mailbox_of(struct brain *brain, struct strato_bytes agent)
{
    char name[STRATO_NAME_BYTES_MAX + 1] = { '@' };

    if (agent.bytes == 0 || agent.bytes > STRATO_NAME_BYTES_MAX)
        return NULL;
    memcpy(name + 1, agent.data, agent.bytes);
    return mailbox_find(brain, strato_bytes(name, agent.bytes + 1));
}

struct strato_bytes mailbox_to(struct strato_bytes envelopes)
{
    struct strato_cursor c = strato_cursor_over(envelopes);
    struct strato_bytes skipped;
    struct strato_envelope e;

    return strato_envelope_decode(&c, &e, &skipped) == 0 ? e.to : STRATO_BYTES_NONE;
}

void mailbox_forget_later(struct brain *brain, const char *agent)
{
    char name[STRATO_NAME_BYTES_MAX + 2];
    struct channel *ch;

    snprintf(name, sizeof(name), "@%s", agent);
    ch = channel_find(brain, strato_text(name));
    if (!ch)
        return;
    revive(ch);
    ch->forget_ms = brain->now_ms + SESSION_RESUME_MS;
    if (!wheel_is_armed(&ch->timer) || wheel_due_ms(&brain->wheel, &ch->timer) > ch->forget_ms)
        wheel_arm(&brain->wheel, &ch->timer, ch->forget_ms);
}

void mailbox_due(struct channel *ch)
{
    struct message *m;

    if (session_by_agent(ch->brain, strato_bytes(ch->name.data + 1, ch->name.bytes - 1))) {
        revive(ch);
        return;
    }
    if (ch->is_forgotten) { /* its day is over */
        brain_log(ch->brain, 1, "mailbox removed channel=%s deadletters=%u", ch->config.name, ch->dead.count);
        mailbox_remove(ch);
        return;
    }
    while ((m = lanes_oldest(&ch->plain.lanes)) != NULL || (m = ch->later) != NULL)
        channel_end(ch, m, CHANNEL_DEAD, DEADLETTER_RECIPIENT_GONE, STRATO_BYTES_NONE);
    redirect_turn_away(ch);
    if (ch->dead.count && ch->brain->mailboxes_forgotten < FORGOTTEN_MAX) {
        ch->is_forgotten = true;
        ch->brain->mailboxes_forgotten++;
        ch->forget_ms = ch->brain->now_ms + STRATO_TTL_MS_MAX;
        wheel_arm(&ch->brain->wheel, &ch->timer, ch->forget_ms);
        return;
    }
    if (ch->dead.count)
        brain_log(ch->brain, 1, "mailbox removed channel=%s deadletters=%u", ch->config.name, ch->dead.count);
    channel_remove(ch);
}

void mailbox_remove(struct channel *ch)
{
    ch->brain->mailboxes_forgotten -= ch->is_forgotten;
    channel_remove(ch);
}
