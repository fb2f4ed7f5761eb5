/*
 * message.c - received messages: decoding in place, accessors, the pool.
 *
 * SPDX-License-Identifier: MIT
 */
#include "bindings/c/message.h"

#include <stdlib.h>

enum { POOL_MAX = 1024 };

struct strato_message *strato__message_new(struct strato__message_pool *pool)
{
    struct strato_message *message = pool ? pool->free : NULL;

    if (message) {
        pool->free = message->next;
        pool->count--;
    } else {
        message = calloc(1, sizeof *message);
        if (!message)
            return NULL;
    }
    message->kind = STRATO_MESSAGE_EVENT;
    message->needs_settling = message->is_lost = message->is_cancelled = false;
    message->tag = 0;
    message->gap = (struct strato_gap){ 0 };
    message->inbound = NULL;
    message->attachments = NULL;
    message->attachments_count = 0;
    message->channel = NULL;
    message->client = NULL;
    message->stream = NULL;
    message->previous = message->next = NULL;
    return message;
}

void strato__message_free(struct strato__message_pool *pool, struct strato_message *message)
{
    strato__inbound_drop(message->inbound);
    strato__name_drop(message->channel);
    if (!pool || pool->count >= POOL_MAX) {
        free(message);
        return;
    }
    message->next = pool->free;
    pool->free = message;
    pool->count++;
}

void strato__message_pool_fini(struct strato__message_pool *pool)
{
    while (pool->free) {
        struct strato_message *next = pool->free->next;

        free(pool->free);
        pool->free = next;
    }
    pool->count = 0;
}

int strato__message_decode(struct strato__message_pool *pool, struct strato__inbound *inbound, struct strato_cursor *c,
                           uint32_t *attachments_at, struct strato__name *channel, struct strato_message **ret_message)
{
    struct strato_message *message = strato__message_new(pool);
    struct strato_bytes skipped;
    uint32_t attach;
    int rc;

    if (!message)
        return STRATO_ENOMEM;
    rc = strato_envelope_decode(c, &message->envelope, &skipped);
    if (rc < 0)
        goto fail;
    attach = message->envelope.attach;
    if (attach > inbound->attachments_count - *attachments_at) {
        rc = STRATO_EFRAME;
        goto fail;
    }
    message->attachments = attach ? inbound->attachments + *attachments_at : NULL;
    message->attachments_count = attach;
    *attachments_at += attach;
    message->inbound = strato__inbound_hold(inbound);
    message->channel = strato__name_hold(channel);
    *ret_message = message;
    return 0;
fail:
    strato__message_free(pool, message);
    return rc;
}

enum strato_message_kind strato_message_kind(const strato_message *message)
{
    return message->kind;
}

const struct strato_envelope *strato_message_envelope(const strato_message *message)
{
    return &message->envelope;
}

const char *strato_message_channel(const strato_message *message)
{
    return message->channel ? message->channel->text : "";
}

uint32_t strato_message_attachments(const strato_message *message)
{
    return message->attachments_count;
}

struct strato_bytes strato_message_attachment(const strato_message *message, uint32_t index)
{
    return index < message->attachments_count ? message->attachments[index] : STRATO_BYTES_NONE;
}

struct strato_gap strato_message_gap(const strato_message *message)
{
    return message->gap;
}

bool strato_message_is_cancelled(const strato_message *message)
{
    return message->is_cancelled;
}
