/*
 * map.c - open addressing with linear probing; a removal shifts its followers back, so there are no tombstones.
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/brain/map.h"

#include <stdlib.h>

#include "core/errors.h"

uint64_t map_hash_number(uint64_t number)
{
    number ^= number >> 33;
    number *= UINT64_C(0xff51afd7ed558ccd);
    number ^= number >> 33;
    number *= UINT64_C(0xc4ceb9fe1a85ec53);
    return number ^ (number >> 33);
}

uint64_t map_hash_bytes(struct strato_bytes bytes)
{
    uint64_t hash = UINT64_C(0x9e3779b97f4a7c15) ^ bytes.bytes;
    const uint8_t *at = bytes.data;
    size_t left = bytes.bytes;

    for (; left >= 8; at += 8, left -= 8) {
        uint64_t word;

        memcpy(&word, at, 8);
        hash = map_hash_number(hash ^ word);
    }
    if (left) {
        uint64_t word = 0;

        memcpy(&word, at, left);
        hash = map_hash_number(hash ^ word);
    }
    return hash;
}

void *map_find(const struct map *map, uint64_t hash, map_equal_fn *equal, const void *key)
{
    if (map->capacity == 0)
        return NULL;
    for (size_t at = hash & (map->capacity - 1); map->slots[at].item; at = (at + 1) & (map->capacity - 1)) {
        if (map->slots[at].hash == hash && equal(map->slots[at].item, key))
            return map->slots[at].item;
    }
    return NULL;
}

static void put(struct map_slot *slots, size_t capacity, uint64_t hash, void *item)
{
    size_t at = hash & (capacity - 1);

    while (slots[at].item)
        at = (at + 1) & (capacity - 1);
    slots[at].hash = hash;
    slots[at].item = item;
}

static int grow(struct map *map)
{
    size_t capacity = map->capacity ? map->capacity * 2 : 16;
    struct map_slot *slots = calloc(capacity, sizeof(*slots));

    if (!slots)
        return STRATO_ENOMEM;
    for (size_t i = 0; i < map->capacity; i++) {
        if (map->slots[i].item)
            put(slots, capacity, map->slots[i].hash, map->slots[i].item);
    }
    free(map->slots);
    map->slots = slots;
    map->capacity = capacity;
    return 0;
}

int map_add(struct map *map, uint64_t hash, void *item)
{
    if (map->count * 2 >= map->capacity && grow(map) < 0)
        return STRATO_ENOMEM;
    put(map->slots, map->capacity, hash, item);
    map->count++;
    return 0;
}

void map_remove(struct map *map, uint64_t hash, const void *item)
{
    size_t mask = map->capacity - 1;
    size_t hole, at;

    if (map->capacity == 0)
        return;
    hole = hash & mask;
    while (map->slots[hole].item != item) {
        if (!map->slots[hole].item)
            return;
        hole = (hole + 1) & mask;
    }
    for (at = (hole + 1) & mask; map->slots[at].item; at = (at + 1) & mask) {
        size_t home = map->slots[at].hash & mask;

        if (((at - home) & mask) >= ((at - hole) & mask)) { /* it may move back into the hole */
            map->slots[hole] = map->slots[at];
            hole = at;
        }
    }
    map->slots[hole].item = NULL;
    map->count--;
}

void *map_next(const struct map *map, size_t *iterator)
{
    while (*iterator < map->capacity) {
        void *item = map->slots[(*iterator)++].item;

        if (item)
            return item;
    }
    return NULL;
}

void map_fini(struct map *map)
{
    free(map->slots);
    *map = (struct map){ 0 };
}
