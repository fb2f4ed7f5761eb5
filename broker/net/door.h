/*
 * door.h - who has come in by a listener, and who of them has not said anything yet.
 *
 * Before a connection has said its first word nobody knows whose it is, so these are bounded by themselves: when too many
 * stand there silent, the one that has stood there longest makes room for the newcomer, since a real client speaks within
 * a moment; and each has a time in which to speak. All connections together are bounded too; there the newcomer goes.
 * Keeps the book only: no socket, no clock. Descriptor numbers are reused, so an entry names its listener as well.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_NET_DOOR_H
#define STRATO_NET_DOOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { NET_DOOR_NOBODY = -1 };

struct net_door_entry {
    uint64_t since_ms;
    int32_t prev, next; /* among the silent, oldest first */
    uint8_t listener;
    bool is_open, is_silent;
};

struct net_door {
    struct net_door_entry *entries; /* by descriptor */
    size_t capacity;
    int32_t oldest, newest;
    uint32_t open, silent;         /* now */
    uint32_t open_max, silent_max; /* limits */
    uint32_t silent_ms;            /* how long one may stand silent */
};

void net_door_init(struct net_door *door, uint32_t open_max, uint32_t silent_max, uint32_t silent_ms);
void net_door_fini(struct net_door *door);
/**
 * A connection came in.
 * @param must_speak  It is expected to say something (native edge); else it counts among all only.
 * @return the descriptor of the connection that has to go: this one, or the one that was silent longest; or NOBODY. The
 *         caller shuts it down and tells of its end by net_door_left().
 */
int net_door_came(struct net_door *door, uint8_t listener, int fd, bool must_speak, uint64_t now_ms);
/** It said something. */
void net_door_spoke(struct net_door *door, int fd);
/** It is closed, by the word of its own listener. */
void net_door_left(struct net_door *door, uint8_t listener, int fd);
/** One whose time to speak is over, or NOBODY. It is not named again. */
int net_door_overdue(struct net_door *door, uint64_t now_ms);
/** When the next one's time is over; UINT64_MAX = never. */
uint64_t net_door_next_ms(const struct net_door *door);
#endif
