/*
 * deadletter.c - see deadletter.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/brain/deadletter.h"

#include <stdlib.h>

const char *deadletter_reason_name(enum deadletter_reason reason)
{
#define X(name, text) text,
    static const char *const names[] = { DEADLETTER_REASONS(X) };
#undef X
    return reason < DEADLETTER_REASON_COUNT ? names[reason] : "unknown";
}

static void evict_oldest(struct deadletters *store, struct slab *slab)
{
    struct deadletter *entry = &store->entries[store->first];

    store->bytes -= message_bytes(entry->message);
    message_drop(slab, entry->message);
    free(entry->error);
    store->first = (store->first + 1) % store->capacity;
    store->count--;
}

static int grow(struct deadletters *store)
{
    uint32_t capacity = store->capacity ? store->capacity * 2 : 8;
    struct deadletter *entries;

    if (capacity > DEADLETTER_MAX)
        capacity = DEADLETTER_MAX;
    entries = malloc(capacity * sizeof(*entries));
    if (!entries)
        return STRATO_ENOMEM;
    for (uint32_t i = 0; i < store->count; i++)
        entries[i] = store->entries[(store->first + i) % store->capacity];
    free(store->entries);
    store->entries = entries;
    store->capacity = capacity;
    store->first = 0;
    return 0;
}

void deadletters_add(struct deadletters *store, struct slab *slab, struct message *m, enum deadletter_reason reason,
                     struct strato_bytes error, uint64_t now_ms)
{
    struct deadletter *entry;

    store->by_reason[reason]++;
    while (store->count && (store->count >= DEADLETTER_MAX || store->bytes + message_bytes(m) > DEADLETTER_BYTES_MAX)) {
        evict_oldest(store, slab);
        store->evicted++;
    }
    if (store->count == store->capacity && grow(store) < 0) {
        store->evicted++;
        return;
    }
    entry = &store->entries[(store->first + store->count++) % store->capacity];
    *entry = (struct deadletter){ .message = m, .at_ms = now_ms, .reason = reason };
    message_hold(m);
    store->bytes += message_bytes(m);
    if (error.bytes) {
        size_t bytes = error.bytes < DEADLETTER_ERROR_BYTES_MAX ? error.bytes : DEADLETTER_ERROR_BYTES_MAX;

        entry->error = calloc(1, bytes + 1);
        if (entry->error)
            memcpy(entry->error, error.data, bytes);
    }
}

void deadletters_fini(struct deadletters *store, struct slab *slab)
{
    while (store->count)
        evict_oldest(store, slab);
    free(store->entries);
    *store = (struct deadletters){ 0 };
}
