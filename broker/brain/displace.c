/*
 * displace.c - see displace.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/brain/displace.h"

#include "broker/brain/state.h"

enum { LOW = LANES - 1 };

/* The queues of a channel one after the other: its classes, then its consumers' own. NULL at the end. */
static struct lanes *queue_at(struct channel *ch, uint32_t k)
{
    for (struct work_class *c = &ch->plain; c; c = c->next, k--) {
        if (k == 0)
            return &c->lanes;
    }
    return k < ch->consumers_count ? &ch->consumers[k]->bound : NULL;
}

static bool has_room(const struct channel *ch, uint64_t bytes)
{
    struct strato_credit_room room = channel_room(ch);

    return room.messages >= 1 && room.bytes >= 0 && (uint64_t)room.bytes >= bytes;
}

/* Would it be enough if all that may go went? */
static bool is_enough(struct channel *ch, uint64_t bytes)
{
    struct strato_credit_room room = channel_room(ch);
    struct lanes *queue;

    for (uint32_t k = 0; (queue = queue_at(ch, k)) != NULL; k++) {
        for (const struct message *m = queue->lane[LOW].head; m; m = m->next) {
            if (m->flags & MESSAGE_CALL)
                continue;
            room.messages++;
            room.bytes += (int64_t)message_bytes(m);
            if (room.messages >= 1 && room.bytes >= 0 && (uint64_t)room.bytes >= bytes)
                return true;
        }
    }
    return false;
}

static struct message *newest_low(struct channel *ch)
{
    struct message *newest = NULL;
    struct lanes *queue;

    for (uint32_t k = 0; (queue = queue_at(ch, k)) != NULL; k++) {
        struct message *m = queue->lane[LOW].tail;

        while (m && (m->flags & MESSAGE_CALL))
            m = m->prev;
        if (m && (!newest || m->seq > newest->seq))
            newest = m;
    }
    return newest;
}

bool displace_for(struct channel *ch, uint64_t bytes)
{
    if (has_room(ch, bytes))
        return true;
    if (!brain_has_memory(ch->brain) || confirm_closes(ch) || !is_enough(ch, bytes))
        return false;
    while (!has_room(ch, bytes)) {
        struct message *m = newest_low(ch);

        if (ch->config.dead_on_drop)
            channel_end(ch, m, CHANNEL_DEAD, DEADLETTER_DISPLACED, strato_text("a critical message took its place"));
        else
            channel_end(ch, m, CHANNEL_DROPPED, CHANNEL_DROP_DISPLACED, STRATO_BYTES_NONE);
    }
    return true;
}
