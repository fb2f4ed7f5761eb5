/*
 * lanes.c - see lanes.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/brain/lanes.h"

static const uint8_t weights[LANES] = { 8, 4, 2, 1 };

static void insert_after(struct lanes *lanes, struct lane *lane, struct message *after, struct message *m)
{
    m->prev = after;
    m->next = after ? after->next : lane->head;
    if (m->next)
        m->next->prev = m;
    else
        lane->tail = m;
    if (after)
        after->next = m;
    else
        lane->head = m;
    lanes->count++;
}

void lanes_append(struct lanes *lanes, struct message *m)
{
    struct lane *lane = &lanes->lane[message_lane(m)];

    insert_after(lanes, lane, lane->tail, m);
}

void lanes_add(struct lanes *lanes, struct message *m)
{
    struct lane *lane = &lanes->lane[message_lane(m)];
    struct message *after = lane->tail;

    if (after &&
        after->seq > m->seq) { /* comes back: what is still before it is usually nothing, so look from the front */
        struct message *before = lane->head;

        while (before->seq < m->seq)
            before = before->next;
        after = before->prev;
    }
    insert_after(lanes, lane, after, m);
}

struct message *lanes_peek(struct lanes *lanes)
{
    if (lanes->count == 0)
        return NULL;
    for (int i = 0; lanes->is_strict && i < LANES; i++) {
        if (lanes->lane[i].head)
            return lanes->lane[i].head;
    }
    while (lanes->used >= weights[lanes->turn] || !lanes->lane[lanes->turn].head) {
        lanes->turn = (uint8_t)((lanes->turn + 1) % LANES);
        lanes->used = 0;
    }
    return lanes->lane[lanes->turn].head;
}

void lanes_take(struct lanes *lanes, struct message *m)
{
    lanes->used++;
    lanes_remove(lanes, m);
}

void lanes_remove(struct lanes *lanes, struct message *m)
{
    struct lane *lane = &lanes->lane[message_lane(m)];

    if (m->prev)
        m->prev->next = m->next;
    else
        lane->head = m->next;
    if (m->next)
        m->next->prev = m->prev;
    else
        lane->tail = m->prev;
    m->prev = m->next = NULL;
    lanes->count--;
}

struct message *lanes_oldest(struct lanes *lanes)
{
    for (int i = LANES - 1; i >= 0; i--) {
        if (lanes->lane[i].head)
            return lanes->lane[i].head;
    }
    return NULL;
}
