/*
 * deadletter.c - see deadletter.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/brain/deadletter.h"

#include <stdlib.h>

#include "core/utf8.h"

#define X(name, text) text,
static const char *const names[] = { DEADLETTER_REASONS(X) };
#undef X

const char *deadletter_reason_name(enum deadletter_reason reason)
{
    return reason < DEADLETTER_REASON_COUNT ? names[reason] : "unknown";
}

int deadletter_reason_find(struct strato_bytes name, enum deadletter_reason *ret_reason)
{
    for (int i = 0; i < DEADLETTER_REASON_COUNT; i++) {
        if (strato_bytes_is(name, names[i])) {
            *ret_reason = (enum deadletter_reason)i;
            return 0;
        }
    }
    return STRATO_ENOENT;
}

static uint32_t entries_max(const struct deadletters *store)
{
    return store->max ? store->max : DEADLETTER_MAX;
}

bool deadletters_is_full(const struct deadletters *store, uint64_t bytes)
{
    uint64_t bytes_max = store->bytes_max ? store->bytes_max : DEADLETTER_BYTES_MAX;

    return store->count && (store->count >= entries_max(store) || store->bytes + bytes > bytes_max);
}

struct deadletter *deadletters_at(const struct deadletters *store, uint32_t k)
{
    return &store->entries[(store->first + k) % store->capacity];
}

static int grow(struct deadletters *store)
{
    uint32_t capacity = store->capacity ? store->capacity * 2 : 8;
    struct deadletter *entries;

    if (capacity > entries_max(store) && entries_max(store) > store->count)
        capacity = entries_max(store);
    entries = malloc(capacity * sizeof(*entries));
    if (!entries)
        return STRATO_ENOMEM;
    for (uint32_t i = 0; i < store->count; i++)
        entries[i] = *deadletters_at(store, i);
    free(store->entries);
    store->entries = entries;
    store->capacity = capacity;
    store->first = 0;
    return 0;
}

/* Text of at most 256 bytes, cut between two characters; NULL for none, and when out of memory. */
static char *copy_text(struct strato_bytes text)
{
    char *copy;

    if (text.bytes == 0)
        return NULL;
    if (text.bytes > DEADLETTER_ERROR_BYTES_MAX) {
        text.bytes = DEADLETTER_ERROR_BYTES_MAX;
        while (text.bytes && (text.data[text.bytes] & 0xc0) == 0x80)
            text.bytes--;
    }
    copy = strndup((const char *)text.data, text.bytes);
    if (copy && !strato_utf8_is_valid(strato_text(copy))) { /* what a peer wrote; readers expect text */
        for (char *at = copy; *at; at++)
            *at = (unsigned char)*at >= 0x80 ? '?' : *at;
    }
    return copy;
}

static int append(struct deadletters *store, const struct deadletter *entry)
{
    if (store->count == store->capacity && grow(store) < 0)
        return STRATO_ENOMEM;
    *deadletters_at(store, store->count++) = *entry;
    store->bytes += message_bytes(entry->message);
    return 0;
}

struct deadletter *deadletters_add(struct deadletters *store, struct message *m, const struct deadletter_note *note)
{
    struct message_past *past = m->extra && m->extra->past.number ? &m->extra->past : NULL;
    bool is_repeat = past && past->reason == note->reason;
    struct deadletter entry = {
        .message = m,
        .reason = note->reason,
        .count = is_repeat ? past->count + 1 : 1,
        .first_ms = is_repeat ? past->first_ms : note->now_ms,
        .last_ms = note->now_ms,
        .ttl_ms = note->ttl_ms,
        .redriven_from = past ? past->number : 0,
    };

    store->by_reason[note->reason]++;
    entry.number = ++store->numbers;
    if (append(store, &entry) < 0) {
        store->evicted++;
        return NULL;
    }
    message_hold(m);
    deadletters_at(store, store->count - 1)->error = copy_text(note->error);
    deadletters_at(store, store->count - 1)->consumer = copy_text(note->consumer);
    return deadletters_at(store, store->count - 1);
}

void deadletters_repeat(struct deadletters *store, struct deadletter *entry, uint64_t now_ms)
{
    store->by_reason[entry->reason]++;
    if (entry->count < UINT32_MAX)
        entry->count++;
    entry->last_ms = now_ms;
}

int deadletters_restore(struct deadletters *store, const struct deadletter *entry)
{
    if (store->numbers < entry->number)
        store->numbers = entry->number;
    return append(store, entry);
}

uint32_t deadletters_from(const struct deadletters *store, uint64_t number)
{
    uint32_t low = 0, high = store->count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (deadletters_at(store, middle)->number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint32_t deadletters_find(const struct deadletters *store, uint64_t number)
{
    uint32_t k = deadletters_from(store, number);

    return k < store->count && deadletters_at(store, k)->number == number ? k : store->count;
}

void deadletters_remove(struct deadletters *store, struct slab *slab, uint32_t k)
{
    struct deadletter entry = *deadletters_at(store, k);

    for (uint32_t i = k; i > 0; i--) /* those before it move up by one: nothing to do for the oldest */
        *deadletters_at(store, i) = *deadletters_at(store, i - 1);
    store->first = (store->first + 1) % store->capacity;
    store->count--;
    store->bytes -= message_bytes(entry.message);
    message_drop(slab, entry.message);
    free(entry.error);
    free(entry.consumer);
}

void deadletters_fini(struct deadletters *store, struct slab *slab)
{
    while (store->count)
        deadletters_remove(store, slab, 0);
    free(store->entries);
    *store = (struct deadletters){ 0 };
}
