/*
 * tally.c - see tally.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/brain/tally.h"

#include <stdlib.h>

#include "core/errors.h"

static bool name_is(const void *item, const void *key)
{
    const struct tally_entry *entry = item;

    return strato_bytes_equal(strato_bytes(entry->name, entry->name_bytes), *(const struct strato_bytes *)key);
}

static uint64_t hash_of(const struct tally_entry *entry)
{
    return map_hash_bytes(strato_bytes(entry->name, entry->name_bytes));
}

static void roll(struct tally_counts *counts, uint64_t bucket)
{
    if (counts->bucket == bucket)
        return;
    counts->before = counts->bucket + 1 == bucket ? counts->now : 0;
    counts->now = 0;
    counts->bucket = bucket;
}

static void add(struct tally_counts *counts, uint64_t bytes, uint64_t now_ms)
{
    roll(counts, now_ms / TALLY_BUCKET_MS);
    counts->messages++;
    counts->bytes += bytes;
    counts->now++;
    counts->last_ms = now_ms;
}

/* A place for a new name: the next free one, or that of a name long unseen. NULL if there is none. */
static struct tally_entry **place_for(struct tally *t, uint64_t now_ms)
{
    if (!t->entries)
        t->entries = malloc(TALLY_NAMES_MAX * sizeof(struct tally_entry *));
    if (!t->entries)
        return NULL;
    if (t->count < TALLY_NAMES_MAX)
        return &t->entries[t->count];
    for (int i = 0; i < TALLY_LOOKS; i++) {
        struct tally_entry **place = &t->entries[t->hand];

        t->hand = (t->hand + 1) % TALLY_NAMES_MAX;
        if ((*place)->counts.last_ms + TALLY_IDLE_MS <= now_ms)
            return place;
    }
    return NULL;
}

/* What it counted is not forgotten, only its name. */
static void give_up(struct tally *t, struct tally_entry *entry)
{
    map_remove(&t->names, hash_of(entry), entry);
    t->other.messages += entry->counts.messages;
    t->other.bytes += entry->counts.bytes;
    if (entry->counts.last_ms > t->other.last_ms)
        t->other.last_ms = entry->counts.last_ms;
    t->others++;
    free(entry);
}

static struct tally_entry *entry_new(struct tally *t, struct strato_bytes name, uint64_t hash, uint64_t now_ms)
{
    struct tally_entry **place = place_for(t, now_ms), *entry;

    if (!place)
        return NULL;
    entry = calloc(1, sizeof(*entry) + name.bytes);
    if (!entry)
        return NULL;
    memcpy(entry->name, name.data, name.bytes);
    entry->name_bytes = (uint32_t)name.bytes;
    if (map_add(&t->names, hash, entry) < 0) {
        free(entry);
        return NULL;
    }
    if (place == &t->entries[t->count])
        t->count++;
    else
        give_up(t, *place);
    *place = entry;
    return entry;
}

void tally_count(struct tally *t, struct strato_bytes name, uint64_t bytes, uint64_t now_ms)
{
    uint64_t hash = map_hash_bytes(name);
    struct tally_entry *entry = name.bytes ? map_find(&t->names, hash, name_is, &name) : NULL;

    if (!entry && name.bytes)
        entry = entry_new(t, name, hash, now_ms);
    if (!entry)
        t->others++;
    add(entry ? &entry->counts : &t->other, bytes, now_ms);
}

uint64_t tally_rate_milli(const struct tally_counts *counts, uint64_t now_ms)
{
    struct tally_counts now = *counts;
    uint64_t into_ms = now_ms % TALLY_BUCKET_MS;

    roll(&now, now_ms / TALLY_BUCKET_MS);
    /* the tail of the bucket before, and the one that is not over yet: ten seconds together */
    return ((uint64_t)now.before * (TALLY_BUCKET_MS - into_ms) / TALLY_BUCKET_MS + now.now) * 1000000 / TALLY_BUCKET_MS;
}

void tally_fini(struct tally *t)
{
    for (uint32_t i = 0; i < t->count; i++)
        free(t->entries[i]);
    free(t->entries);
    map_fini(&t->names);
    *t = (struct tally){ 0 };
}
