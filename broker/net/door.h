/*
 * door.h - who has come in by a listener, and who of them has not said anything yet.
 *
 * Before a connection has sent its first frame nobody knows whose it is, so these are bounded by themselves. Two kinds stand
 * there silent. From a mute one not a byte has come: a stranger that only holds the place, since a client's greeting
 * follows its connection at once. One that has begun is shaking hands, which with keys takes a broker a millisecond of its
 * time, so after a restart thousands of them stand there rightly. Too many mute ones: the oldest goes, never one that has
 * begun. No place at all: a mute one goes for the newcomer, or else the newcomer. And each has a time in which to speak.
 * Keeps the book only: no socket, no clock. Descriptor numbers are reused, so an entry names its listener as well.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_NET_DOOR_H
#define STRATO_NET_DOOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    NET_DOOR_NOBODY = -1,
    NET_DOOR_MUTE_MS = 500, /* a greeting may be so long on its way before its connection is held for a mute one */
};

enum net_door_kind { NET_DOOR_MUTE, NET_DOOR_BEGUN, NET_DOOR_SPEAKING, NET_DOOR_KINDS };

struct net_door_entry {
    uint64_t since_ms;
    int32_t prev, next; /* among those of its kind, oldest first; of MUTE and BEGUN only */
    uint8_t listener, kind;
    bool is_open;
};

struct net_door_limits {
    uint32_t open, mute; /* so many at once */
    uint32_t silent_ms;  /* how long one may be without a first frame */
    /** Has no byte come from this connection yet? Asked at most once for each that has begun. */
    bool (*is_mute)(int fd);
};

struct net_door {
    struct net_door_limits limits;
    struct net_door_entry *entries; /* by descriptor */
    size_t capacity;
    int32_t oldest[2], newest[2]; /* by kind */
    uint32_t open, silent[2];     /* now */
};

void net_door_init(struct net_door *door, const struct net_door_limits *limits);
void net_door_fini(struct net_door *door);
/**
 * A connection came in.
 * @param must_speak  It is expected to send a frame (native edge); else it counts among all only.
 * @return the descriptor of the connection that has to go, this one or a mute one; or NOBODY. The caller shuts it down and
 *         tells of its end by net_door_left().
 */
int net_door_came(struct net_door *door, uint8_t listener, int fd, bool must_speak, uint64_t now_ms);
/** It sent a frame. */
void net_door_spoke(struct net_door *door, int fd);
/** It is closed, by the word of its own listener. */
void net_door_left(struct net_door *door, uint8_t listener, int fd);
/** One whose time to speak is over, or NOBODY. It is not named again. */
int net_door_overdue(struct net_door *door, uint64_t now_ms);
/** When the next one's time is over; UINT64_MAX = never. */
uint64_t net_door_next_ms(const struct net_door *door);
/** Without a first frame, of both kinds. */
static inline uint32_t net_door_silent(const struct net_door *door)
{
    return door->silent[NET_DOOR_MUTE] + door->silent[NET_DOOR_BEGUN];
}
#endif
