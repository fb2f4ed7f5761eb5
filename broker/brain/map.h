/*
 * map.h - find things by number or by name: an open-addressing index of pointers.
 *
 * It owns nothing but its table. Looked up once per frame (peer, channel, stream), never per message.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_BRAIN_MAP_H
#define STRATO_BRAIN_MAP_H

#include "core/bytes.h"

struct map_slot {
    uint64_t hash;
    void *item; /* NULL = empty */
};

/** Zero-initialised = empty. */
struct map {
    struct map_slot *slots;
    size_t count, capacity; /* capacity is 0 or a power of two */
};

typedef bool map_equal_fn(const void *item, const void *key);

/** @return the item, or NULL. */
void *map_find(const struct map *map, uint64_t hash, map_equal_fn *equal, const void *key);
/** Add an item that is not in it. @return 0 or STRATO_ENOMEM (nothing changed). */
int map_add(struct map *map, uint64_t hash, void *item);
/** Remove this very item, if it is there. */
void map_remove(struct map *map, uint64_t hash, const void *item);
/** Walk: start with *iterator = 0; NULL at the end. Adding or removing invalidates the walk. */
void *map_next(const struct map *map, size_t *iterator);
void map_fini(struct map *map);

uint64_t map_hash_number(uint64_t number);
uint64_t map_hash_bytes(struct strato_bytes bytes);
#endif
