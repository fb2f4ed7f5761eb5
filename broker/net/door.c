/*
 * door.c - an array by descriptor, and a list of the silent through it.
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/net/door.h"

#include <stdlib.h>
#include <string.h>

enum { ENTRIES_FIRST = 256 };

void net_door_init(struct net_door *door, uint32_t open_max, uint32_t silent_max, uint32_t silent_ms)
{
    *door = (struct net_door){ .oldest = NET_DOOR_NOBODY,
                               .newest = NET_DOOR_NOBODY,
                               .open_max = open_max,
                               .silent_max = silent_max,
                               .silent_ms = silent_ms };
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
    if (!e->is_silent)
        return;
    *(e->prev == NET_DOOR_NOBODY ? &door->oldest : &door->entries[e->prev].next) = e->next;
    *(e->next == NET_DOOR_NOBODY ? &door->newest : &door->entries[e->next].prev) = e->prev;
    e->is_silent = false;
    door->silent--;
}

static void list(struct net_door *door, struct net_door_entry *e, int fd)
{
    e->prev = door->newest;
    e->next = NET_DOOR_NOBODY;
    *(door->newest == NET_DOOR_NOBODY ? &door->oldest : &door->entries[door->newest].next) = fd;
    door->newest = fd;
    e->is_silent = true;
    door->silent++;
}

int net_door_came(struct net_door *door, uint8_t listener, int fd, bool must_speak, uint64_t now_ms)
{
    struct net_door_entry *e;

    if (!make_room(door, fd))
        return fd;
    e = &door->entries[fd];
    unlist(door, e); /* the number is another's now, and its end will be told late */
    door->open += !e->is_open;
    *e = (struct net_door_entry){ .since_ms = now_ms, .listener = listener, .is_open = true };
    if (door->open > door->open_max)
        return fd;
    if (!must_speak)
        return NET_DOOR_NOBODY;
    list(door, e, fd);
    if (door->silent <= door->silent_max)
        return NET_DOOR_NOBODY;
    fd = door->oldest;
    unlist(door, &door->entries[fd]);
    return fd;
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
    int fd = door->oldest;

    if (fd == NET_DOOR_NOBODY || now_ms - door->entries[fd].since_ms < door->silent_ms)
        return NET_DOOR_NOBODY;
    unlist(door, &door->entries[fd]);
    return fd;
}

uint64_t net_door_next_ms(const struct net_door *door)
{
    return door->oldest == NET_DOOR_NOBODY ? UINT64_MAX : door->entries[door->oldest].since_ms + door->silent_ms;
}
