/*
 * link.c - the network: frames that arrive in order on a connection, late, or not at all.
 *
 * A connection that breaks loses what is under way. One that goes silent loses it too, and nobody is told: then it
 * is up to heartbeats. The broker learns of a broken connection as from a socket monitor: a doubt first.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdlib.h>

#include "tests/sim/bus/bus.h"

static void parcels_free(struct bus_parcel **first, struct bus_parcel **last)
{
    while (*first) {
        struct bus_parcel *p = *first;

        *first = p->next;
        free(p->data);
        free(p);
    }
    *last = NULL;
}

static void post(struct bus_parcel **first, struct bus_parcel **last, uint64_t due_us, struct strato_bytes frame)
{
    struct bus_parcel *p = malloc(sizeof(*p));
    uint8_t *data = malloc(frame.bytes + 1);

    if (!p || !data)
        abort();
    memcpy(data, frame.data, frame.bytes);
    *p = (struct bus_parcel){ NULL, due_us, data, frame.bytes };
    if (*last)
        (*last)->next = p;
    else
        *first = p;
    *last = p;
}

/* Mostly fast, sometimes slow: the order among connections changes, on one it does not. */
static uint64_t delay_us(struct bus *bus)
{
    return bus_draw(bus, 20) == 0 ? bus_draw(bus, 300) * BUS_MS : 20 + bus_draw(bus, 3 * BUS_MS);
}

void link_open(struct bus *bus, struct bus_actor *actor)
{
    struct bus_link *link = &actor->link;

    link_cut(bus, actor);
    *link = (struct bus_link){ .peer = ++bus->host.peers, .is_up = true };
    link->up_due_us = link->down_due_us = bus->now_us;
}

void link_cut(struct bus *bus, struct bus_actor *actor)
{
    struct bus_link *link = &actor->link;

    parcels_free(&link->up, &link->up_last);
    parcels_free(&link->down, &link->down_last);
    link->down_count = 0;
    if (!link->is_up)
        return;
    link->is_up = false;
    host_news(bus, BRAIN_PEER_DOUBT, link->peer, (uint32_t)bus_draw(bus, 20));
}

void link_send_up(struct bus *bus, struct bus_actor *actor, struct strato_bytes frame)
{
    struct bus_link *link = &actor->link;
    uint64_t due = bus->now_us + delay_us(bus);

    if (!link->is_up || link->is_silent_up)
        return;
    link->up_due_us = due > link->up_due_us ? due : link->up_due_us;
    post(&link->up, &link->up_last, link->up_due_us, frame);
}

void link_send_down(struct bus *bus, struct bus_actor *actor, struct strato_bytes frame)
{
    struct bus_link *link = &actor->link;
    uint64_t due = bus->now_us + delay_us(bus);

    if (!link->is_up || link->is_silent_down)
        return;
    link->down_due_us = due > link->down_due_us ? due : link->down_due_us;
    post(&link->down, &link->down_last, link->down_due_us, frame);
    link->down_count++;
    if (link->down_count >= BUS_STUCK_FRAMES && !link->is_stuck) {
        link->is_stuck = true;
        host_news(bus, BRAIN_PEER_STUCK, link->peer, 0);
    }
}

struct bus_actor *link_actor(struct bus *bus, brain_peer peer)
{
    for (int i = 0; i < BUS_ACTORS; i++) {
        if (bus->actors[i].link.peer == peer)
            return &bus->actors[i];
    }
    return NULL;
}

static struct bus_parcel *take(struct bus_parcel **first, struct bus_parcel **last)
{
    struct bus_parcel *p = *first;

    *first = p->next;
    if (!*first)
        *last = NULL;
    return p;
}

static void step_up(struct bus *bus, struct bus_actor *actor)
{
    struct bus_link *link = &actor->link;

    while (link->up && link->up->due_us <= bus->now_us) {
        struct bus_parcel *p = take(&link->up, &link->up_last);

        if (bus->host.is_up)
            host_frame(bus, link->peer, strato_bytes(p->data, p->bytes));
        free(p->data);
        free(p);
    }
}

static void step_down(struct bus *bus, struct bus_actor *actor)
{
    struct bus_link *link = &actor->link;

    if (!actor->is_alive || actor->frozen_us > bus->now_us)
        return;
    while (link->down && link->down->due_us <= bus->now_us) {
        struct bus_parcel *p = take(&link->down, &link->down_last);

        link->down_count--;
        actor_receive(bus, actor, strato_bytes(p->data, p->bytes));
        free(p->data);
        free(p);
    }
    if (link->is_stuck && link->down_count < BUS_STUCK_FRAMES / 2) {
        link->is_stuck = false;
        host_news(bus, BRAIN_PEER_FLOWS, link->peer, 0);
    }
}

void links_step(struct bus *bus)
{
    for (int i = 0; i < BUS_ACTORS; i++) {
        step_up(bus, &bus->actors[i]);
        step_down(bus, &bus->actors[i]);
    }
}

uint64_t links_next_us(const struct bus *bus)
{
    uint64_t next = UINT64_MAX;

    for (int i = 0; i < BUS_ACTORS; i++) {
        const struct bus_actor *actor = &bus->actors[i];
        uint64_t down = actor->link.down ? actor->link.down->due_us : UINT64_MAX;

        if (actor->link.up && actor->link.up->due_us < next)
            next = actor->link.up->due_us;
        if (down < actor->frozen_us)
            down = actor->frozen_us;
        if (actor->is_alive && actor->link.down && down < next)
            next = down;
    }
    return next;
}
