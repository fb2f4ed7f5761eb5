/*
 * dedup.c - see dedup.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/brain/dedup.h"

#include <stdlib.h>

#include "core/errors.h"

struct key {
    struct strato_bytes principal, id;
};

static bool is_entry(const void *item, const void *key)
{
    const struct dedup_entry *e = item;
    const struct key *k = key;

    return strato_bytes_equal(strato_bytes(e->key, e->principal_bytes), k->principal) &&
           strato_bytes_equal(strato_bytes(e->key + e->principal_bytes, e->id_bytes), k->id);
}

void dedup_release(struct dedup *d, struct dedup_entry *entry)
{
    *(entry->prev ? &entry->prev->next : &d->oldest) = entry->next;
    *(entry->next ? &entry->next->prev : &d->newest) = entry->prev;
    map_remove(&d->map, entry->hash, entry);
    free(entry);
}

/* Claims that wait for a slot are kept: somebody holds a pointer to them. */
static void forget_old(struct dedup *d, uint64_t now_ms, uint32_t window_ms, uint64_t ids_max)
{
    struct dedup_entry *entry = d->oldest, *next;

    for (; entry && (entry->at_ms + window_ms <= now_ms || d->map.count >= ids_max); entry = next) {
        next = entry->next;
        if (!entry->seq)
            continue;
        if (entry->number && d->on_forget)
            d->on_forget(d, entry);
        dedup_release(d, entry);
    }
}

static uint64_t hash_of(struct strato_bytes principal, struct strato_bytes id)
{
    return map_hash_number(map_hash_bytes(principal) + map_hash_bytes(id));
}

/* A new newest one; NULL when out of memory. */
static struct dedup_entry *add(struct dedup *d, struct strato_bytes principal, struct strato_bytes id,
                               const struct dedup_entry *contents)
{
    struct dedup_entry *entry = malloc(sizeof(*entry) + principal.bytes + id.bytes);

    if (!entry || map_add(&d->map, hash_of(principal, id), entry) < 0) {
        free(entry);
        return NULL;
    }
    *entry = *contents;
    entry->hash = hash_of(principal, id);
    entry->prev = d->newest;
    entry->next = NULL;
    entry->principal_bytes = (uint8_t)principal.bytes;
    entry->id_bytes = (uint8_t)id.bytes;
    memcpy(entry->key, principal.data, principal.bytes);
    memcpy(entry->key + principal.bytes, id.data, id.bytes);
    *(d->newest ? &d->newest->next : &d->oldest) = entry;
    d->newest = entry;
    return entry;
}

int dedup_claim(struct dedup *d, struct strato_bytes principal, struct strato_bytes id, uint64_t content,
                uint64_t now_ms, uint32_t window_ms, uint64_t ids_max, struct dedup_entry **ret_entry,
                uint64_t *ret_seq)
{
    struct key key = { principal, id };
    struct dedup_entry contents = { .content = content, .at_ms = now_ms }, *entry;

    forget_old(d, now_ms, window_ms, ids_max);
    *ret_entry = NULL;
    entry = map_find(&d->map, hash_of(principal, id), is_entry, &key);
    if (entry) {
        if (entry->content != content)
            return STRATO_ECONFLICT;
        if (entry->seq == 0)
            return STRATO_EPARKED;
        *ret_seq = entry->seq;
        return 1;
    }
    *ret_entry = add(d, principal, id, &contents);
    return 0;
}

int dedup_restore(struct dedup *d, struct strato_bytes principal, struct strato_bytes id,
                  const struct dedup_entry *entry)
{
    struct key key = { principal, id };

    if (entry->number > d->numbers)
        d->numbers = entry->number;
    if (map_find(&d->map, hash_of(principal, id), is_entry, &key))
        return 0;
    return add(d, principal, id, entry) ? 0 : STRATO_ENOMEM;
}

void dedup_fini(struct dedup *d)
{
    while (d->oldest)
        dedup_release(d, d->oldest);
    map_fini(&d->map);
}
