/*
 * api_mailbox.c - messages from one agent to another: a mailbox is a channel named after its owner.
 *
 * SPDX-License-Identifier: MIT
 */
#include "bindings/c/client.h"

#include <stdio.h>

struct mailbox {
    char name[STRATO_NAME_BYTES_MAX + 2];
};

static int mailbox_of(const char *agent, struct mailbox *ret_mailbox)
{
    int length = agent ? snprintf(ret_mailbox->name, sizeof ret_mailbox->name, "@%s", agent) : 0;

    return length > 1 && (size_t)length < sizeof ret_mailbox->name ? 0 : STRATO_EINVAL;
}

int strato_send_to(strato_client *c, const char *agent, const struct strato_send *message, int timeout_ms)
{
    struct mailbox mailbox;
    struct strato_send to_agent;

    if (!message || mailbox_of(agent, &mailbox) < 0)
        return STRATO_EINVAL;
    to_agent = *message;
    to_agent.channel = mailbox.name;
    to_agent.envelope.to = agent;
    return strato_send_confirmed(c, &to_agent, timeout_ms);
}

int strato_mailbox_open(strato_client *c, uint32_t prefetch, strato_consumer **ret_consumer)
{
    struct mailbox mailbox;
    struct strato_consumer_options options = { .channel = mailbox.name, .prefetch = prefetch };
    int rc = mailbox_of(strato_client_agent(c), &mailbox);

    return rc < 0 ? rc : strato_consumer_open(c, &options, ret_consumer);
}
