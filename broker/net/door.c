/*
 * door.c - an array by descriptor, and two lists through it.
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/net/door.h"

#include <stdlib.h>
#include <string.h>

enum { ENTRIES_FIRST = 256 };

void net_door_init(struct net_door *door, const struct net_door_limits *limits)
{
    *door = (struct net_door){ .limits = *limits,
                               .oldest = { NET_DOOR_NOBODY, NET_DOOR_NOBODY },
                               .newest = { NET_DOOR_NOBODY, NET_DOOR_NOBODY } };
}

void net_door_fini(struct net_door *door)
{
    free(door->entries);
    door->entries = NULL;
    door->capacity = 0;
}

/* Descriptors are small and bounded by RLIMIT_NOFILE. */
static bool make_room(struct net_door *door, int fd)
{
    size_t capacity = door->capacity ? door->capacity : ENTRIES_FIRST;
    struct net_door_entry *entries;

    if (fd < 0)
        return false;
    while (capacity <= (size_t)fd)
        capacity *= 2;
    if (capacity == door->capacity)
        return true;
    entries = realloc(door->entries, capacity * sizeof *entries);
    if (!entries)
        return false;
    memset(entries + door->capacity, 0, (capacity - door->capacity) * sizeof *entries);
    for (size_t i = door->capacity; i < capacity; i++)
        entries[i].kind = NET_DOOR_SPEAKING;
    door->entries = entries;
    door->capacity = capacity;
    return true;
}

static struct net_door_entry *entry_at(struct net_door *door, int fd)
{
    return fd >= 0 && (size_t)fd < door->capacity ? &door->entries[fd] : NULL;
}

static void unlist(struct net_door *door, struct net_door_entry *e)
{
    uint8_t kind = e->kind;

    if (kind == NET_DOOR_SPEAKING)
        return;
    *(e->prev == NET_DOOR_NOBODY ? &door->oldest[kind] : &door->entries[e->prev].next) = e->next;
    *(e->next == NET_DOOR_NOBODY ? &door->newest[kind] : &door->entries[e->next].prev) = e->prev;
    e->kind = NET_DOOR_SPEAKING;
    door->silent[kind]--;
}

/* Entries move from MUTE to BEGUN in the order in which they came, so both lists are in that order. */
static void list(struct net_door *door, int fd, enum net_door_kind kind)
{
    struct net_door_entry *e = &door->entries[fd];

    e->prev = door->newest[kind];
    e->next = NET_DOOR_NOBODY;
    *(door->newest[kind] == NET_DOOR_NOBODY ? &door->oldest[kind] : &door->entries[door->newest[kind]].next) = fd;
    door->newest[kind] = fd;
    e->kind = (uint8_t)kind;
    door->silent[kind]++;
}

/* The oldest that is mute and has had its time, taken off its list. Those that have begun since are seen on the way. */
static int take_mute(struct net_door *door, uint64_t now_ms)
{
    int fd;

    while ((fd = door->oldest[NET_DOOR_MUTE]) != NET_DOOR_NOBODY &&
           now_ms - door->entries[fd].since_ms >= NET_DOOR_MUTE_MS) {
        unlist(door, &door->entries[fd]);
        if (door->limits.is_mute(fd))
            return fd;
        list(door, fd, NET_DOOR_BEGUN);
    }
    return NET_DOOR_NOBODY;
}

int net_door_came(struct net_door *door, uint8_t listener, int fd, bool must_speak, uint64_t now_ms)
{
    struct net_door_entry *e;
    int gone = NET_DOOR_NOBODY;

    if (!make_room(door, fd))
        return fd;
    e = &door->entries[fd];
    unlist(door, e); /* the number is another's now, and its end will be told late */
    door->open += !e->is_open;
    *e =
        (struct net_door_entry){ .since_ms = now_ms, .listener = listener, .kind = NET_DOOR_SPEAKING, .is_open = true };
    if (door->open > door->limits.open) {
        gone = take_mute(door, now_ms);
        if (gone == NET_DOOR_NOBODY)
            return fd;
    }
    if (must_speak)
        list(door, fd, NET_DOOR_MUTE);
    if (gone == NET_DOOR_NOBODY && door->silent[NET_DOOR_MUTE] > door->limits.mute)
        gone = take_mute(door, now_ms);
    return gone;
}

void net_door_spoke(struct net_door *door, int fd)
{
    struct net_door_entry *e = entry_at(door, fd);

    if (e)
        unlist(door, e);
}

void net_door_left(struct net_door *door, uint8_t listener, int fd)
{
    struct net_door_entry *e = entry_at(door, fd);

    if (!e || !e->is_open || e->listener != listener)
        return;
    unlist(door, e);
    e->is_open = false;
    door->open--;
}

int net_door_overdue(struct net_door *door, uint64_t now_ms)
{
    for (int kind = NET_DOOR_MUTE; kind <= NET_DOOR_BEGUN; kind++) {
        int fd = door->oldest[kind];

        if (fd == NET_DOOR_NOBODY || now_ms - door->entries[fd].since_ms < door->limits.silent_ms)
            continue;
        unlist(door, &door->entries[fd]);
        return fd;
    }
    return NET_DOOR_NOBODY;
}

uint64_t net_door_next_ms(const struct net_door *door)
{
    uint64_t next = UINT64_MAX;

    for (int kind = NET_DOOR_MUTE; kind <= NET_DOOR_BEGUN; kind++) {
        int fd = door->oldest[kind];

        if (fd != NET_DOOR_NOBODY && door->entries[fd].since_ms + door->limits.silent_ms < next)
            next = door->entries[fd].since_ms + door->limits.silent_ms;
    }
    return next;
}
