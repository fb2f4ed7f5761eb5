/*
 * consumer.c - see consumer.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/brain/consumer.h"

#include <stdlib.h>

#include "broker/brain/state.h"

static int join_channel(struct consumer *c)
{
    struct channel *ch = c->stream.channel;

    if (ch->consumers_count == ch->consumers_capacity) {
        uint32_t capacity = ch->consumers_capacity ? ch->consumers_capacity * 2 : 4;
        struct consumer **grown = realloc(ch->consumers, capacity * sizeof(struct consumer *));

        if (!grown)
            return STRATO_ENOMEM;
        ch->consumers = grown;
        ch->consumers_capacity = capacity;
    }
    ch->consumers[ch->consumers_count++] = c;
    ch->consumers_version++;
    return 0;
}

static void leave_channel(struct consumer *c)
{
    struct channel *ch = c->stream.channel;

    for (uint32_t i = 0; i < ch->consumers_count; i++) {
        if (ch->consumers[i] == c) {
            ch->consumers[i] = ch->consumers[--ch->consumers_count];
            break;
        }
    }
    ch->consumers_version++;
    channel_touch(ch);
}

int consumer_open(struct session *session, struct channel *ch, uint32_t number, const struct consumer_options *options,
                  struct consumer **ret_consumer)
{
    struct consumer *c = calloc(1, sizeof(*c));
    int rc;

    if (!c)
        return STRATO_ENOMEM;
    c->stream = (struct stream){ .session = session, .channel = ch, .number = number, .role = STREAM_CONSUMER };
    c->is_responder = options->is_responder;
    c->is_auto_ack = options->is_auto_ack;
    c->is_tap = options->is_tap;
    c->bytes_max = CONSUMER_BYTES_DEFAULT;
    c->bound.is_strict = ch->config.is_strict;
    if (ch->config.is_sticky)
        c->spread_max = options->spread_max ? options->spread_max : 1;
    if (c->spread_max > CONSUMER_SPREAD_MAX)
        c->spread_max = CONSUMER_SPREAD_MAX;
    rc = stream_add(&c->stream);
    if (rc < 0) {
        free(c);
        return rc;
    }
    if (join_channel(c) < 0) {
        stream_remove(&c->stream);
        free(c);
        return STRATO_ENOMEM;
    }
    channel_touch(ch);
    if (c->is_responder)
        ch->responders++;
    *ret_consumer = c;
    return 0;
}

int consumer_open_edge(struct brain *brain, struct channel *ch, uint32_t window, uint32_t edge,
                       struct consumer **ret_consumer)
{
    struct consumer *c = calloc(1, sizeof(*c));

    (void)brain;
    if (!c)
        return STRATO_ENOMEM;
    c->stream = (struct stream){ .channel = ch, .role = STREAM_CONSUMER };
    c->is_edge = c->is_auto_ack = true;
    c->edge = edge;
    c->limit = window;
    c->bytes_max = CONSUMER_BYTES_DEFAULT;
    if (join_channel(c) < 0) {
        free(c);
        return STRATO_ENOMEM;
    }
    *ret_consumer = c;
    return 0;
}

void consumer_give_back(struct consumer *c, enum consumer_loss loss, bool only_calls)
{
    struct channel *ch = c->stream.channel;

    if (c->subscription)
        return;
    for (uint64_t tag = c->sent; tag-- > c->base;) { /* newest first: each comes back to the very front */
        struct message *m = consumer_slot(c, tag)->message;

        if (m && (!only_calls || (m->flags & MESSAGE_CALL)))
            lease_lost(ch, m, loss);
    }
    consumer_advance(c);
}

void consumer_close(struct consumer *c, enum consumer_loss loss)
{
    struct channel *ch = c->stream.channel;
    struct brain *brain = ch->brain;

    if (c->frame)
        outframe_close(c->frame);
    leave_channel(c);
    if (c->subscription)
        fanout_leave(c, CHANNEL_DROP_CANCELLED);
    affinity_unbind_all(c);
    consumer_give_back(c, loss, false);
    if (c->is_responder)
        ch->responders--;
    if (c->is_edge)
        brain->edges[c->edge] = NULL;
    else
        stream_remove(&c->stream);
    free(c->ring);
    free(c);
}

uint64_t consumer_free(const struct consumer *c)
{
    const struct session *session = c->stream.session;
    uint64_t room;

    if (c->is_edge)
        return c->is_edge_ready && c->held < c->limit ? c->limit - c->held : 0;
    if (c->limit <= c->sent || !session_is_open(session) || session->held >= SESSION_HELD_MAX)
        return 0;
    if (c->sent - c->base >= CONSUMER_SPAN_MAX)
        return 0;
    room = SESSION_HELD_MAX - session->held;
    return c->limit - c->sent < room ? c->limit - c->sent : room;
}

bool consumer_can(const struct consumer *c, const struct work_class *needs)
{
    if (needs->needs_count == 0)
        return true;
    if (c->is_edge)
        return false;
    for (unsigned i = 0; i < needs->needs_count; i++) {
        const struct session *session = c->stream.session;
        bool has = false;

        for (uint32_t k = 0; k < session->caps_count && !has; k++)
            has = strcmp(session->caps[k], needs->needs[i]) == 0;
        if (!has)
            return false;
    }
    return true;
}

int consumer_reserve(struct consumer *c)
{
    uint32_t capacity = c->ring_capacity ? c->ring_capacity * 2 : 64;
    struct delivery *ring;

    if (c->sent - c->base < c->ring_capacity)
        return 0;
    if (capacity > CONSUMER_SPAN_MAX)
        return STRATO_ELIMIT;
    ring = malloc(capacity * sizeof(*ring));
    if (!ring)
        return STRATO_ENOMEM;
    for (uint64_t tag = c->base; tag < c->sent; tag++)
        ring[tag & (capacity - 1)] = *consumer_slot(c, tag);
    free(c->ring);
    c->ring = ring;
    c->ring_capacity = capacity;
    return 0;
}

uint64_t consumer_deliver(struct consumer *c, struct delivery delivery)
{
    *consumer_slot(c, c->sent) = delivery;
    c->bytes_out += delivery.bytes;
    c->held++;
    if (c->stream.session)
        c->stream.session->held++;
    return c->sent++;
}

struct delivery *consumer_find(const struct consumer *c, uint64_t tag)
{
    struct delivery *d;

    if (tag < c->base || tag >= c->sent)
        return NULL;
    d = consumer_slot(c, tag);
    return d->message ? d : NULL;
}

void consumer_advance(struct consumer *c)
{
    while (c->base < c->sent) {
        const struct delivery *d = consumer_slot(c, c->base);

        if (d->message || d->bytes)
            break;
        c->base++;
    }
}

void consumer_want(struct consumer *c, uint64_t limit, uint64_t taken, uint64_t bytes)
{
    struct channel *ch = c->stream.channel;

    if (taken > c->sent)
        taken = c->sent;
    if (bytes)
        c->bytes_max = bytes;
    c->limit = limit;
    channel_touch(ch);
    if (c->subscription) {
        fanout_taken(c, taken);
        return;
    }
    for (; c->taken < taken; c->taken++) {
        struct delivery *d;

        if (c->taken < c->base)
            continue;
        d = consumer_slot(c, c->taken);
        c->bytes_out -= d->bytes;
        d->bytes = 0;
        if (d->message && !(d->message->flags & MESSAGE_CALL) && (c->is_auto_ack || !(d->message->flags & MESSAGE_ACK)))
            lease_ack(ch, d->message);
    }
    consumer_advance(c);
}
