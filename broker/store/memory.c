/*
 * memory.c - see memory.h. Rows in one sorted array: simple enough to be believed.
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/store/memory.h"

#include <stdio.h>
#include <stdlib.h>

struct row {
    enum journal_table table;
    uint32_t channel;
    uint64_t key;
    uint8_t *value;
    size_t bytes;
};

struct memory {
    struct store store; /* first */
    struct row *rows;   /* by table, channel, key */
    size_t count, capacity;
    unsigned to_fail;
};

static struct memory *memory_of(struct store *store)
{
    return (struct memory *)(void *)store;
}

static int compare(const struct row *row, const struct journal_entry *entry)
{
    if (row->table != entry->table)
        return row->table < entry->table ? -1 : 1;
    if (row->channel != entry->channel)
        return row->channel < entry->channel ? -1 : 1;
    return row->key < entry->key ? -1 : row->key > entry->key;
}

/* Where the row is, or belongs. */
static size_t place_of(const struct memory *memory, const struct journal_entry *entry)
{
    size_t low = 0, high = memory->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (compare(&memory->rows[middle], entry) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void remove_at(struct memory *memory, size_t at)
{
    free(memory->rows[at].value);
    memory->count--;
    memmove(&memory->rows[at], &memory->rows[at + 1], (memory->count - at) * sizeof(memory->rows[0]));
}

static int grow(struct memory *memory)
{
    size_t capacity = memory->capacity ? memory->capacity * 2 : 64;
    struct row *grown;

    if (memory->count < memory->capacity)
        return 0;
    grown = realloc(memory->rows, capacity * sizeof(*grown));
    if (!grown)
        return STRATO_ENOMEM;
    memory->rows = grown;
    memory->capacity = capacity;
    return 0;
}

static int put(struct memory *memory, const struct journal_entry *entry)
{
    size_t at = place_of(memory, entry);
    uint8_t *value = malloc(entry->value.bytes + 1);

    if (!value || grow(memory) < 0) {
        free(value);
        return STRATO_ENOMEM;
    }
    if (entry->value.bytes)
        memcpy(value, entry->value.data, entry->value.bytes);
    if (at < memory->count && compare(&memory->rows[at], entry) == 0) {
        free(memory->rows[at].value);
    } else {
        memmove(&memory->rows[at + 1], &memory->rows[at], (memory->count - at) * sizeof(memory->rows[0]));
        memory->count++;
    }
    memory->rows[at] = (struct row){ entry->table, entry->channel, entry->key, value, entry->value.bytes };
    return 0;
}

static int apply(struct memory *memory, const struct journal_entry *entry)
{
    size_t at;

    switch (entry->verb) {
    case JOURNAL_PUT:
        return put(memory, entry);
    case JOURNAL_DELETE:
        at = place_of(memory, entry);
        if (at < memory->count && compare(&memory->rows[at], entry) == 0)
            remove_at(memory, at);
        return 0;
    case JOURNAL_DROP_CHANNEL:
        for (at = memory->count; at-- > 0;) {
            if (memory->rows[at].channel == entry->channel)
                remove_at(memory, at);
        }
        return 0;
    }
    return STRATO_ECODEC;
}

static int check(const struct strato_bytes *batches, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct strato_bytes left = batches[i];
        struct journal_entry entry;
        int rc;

        while ((rc = journal_next(&left, &entry)) == 1)
            ;
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int memory_commit(struct store *store, const struct strato_bytes *batches, size_t count)
{
    struct memory *memory = memory_of(store);
    int rc = check(batches, count);

    if (rc < 0) {
        snprintf(store->error, sizeof(store->error), "a batch is not one of the journal's");
        return rc;
    }
    if (memory->to_fail) {
        memory->to_fail--;
        snprintf(store->error, sizeof(store->error), "this commit was told to fail");
        return STRATO_ESTORE;
    }
    for (size_t i = 0; i < count; i++) {
        struct strato_bytes left = batches[i];
        struct journal_entry entry;

        while (rc == 0 && journal_next(&left, &entry) == 1)
            rc = apply(memory, &entry);
    }
    if (rc < 0)
        snprintf(store->error, sizeof(store->error), "out of memory in the middle of a commit");
    return rc < 0 ? STRATO_ESTORE : 0;
}

static int memory_scan(struct store *store, int (*fn)(void *arg, const struct journal_entry *entry), void *arg,
                       struct store_findings *findings)
{
    struct memory *memory = memory_of(store);
    int rc = 0;

    *findings = (struct store_findings){ 0 };
    for (size_t i = 0; rc >= 0 && i < memory->count; i++) {
        const struct row *row = &memory->rows[i];
        struct journal_entry entry = { JOURNAL_PUT, row->table, row->channel, row->key,
                                       strato_bytes(row->value, row->bytes) };

        rc = fn(arg, &entry);
        findings->rows++;
    }
    return rc < 0 ? rc : 0;
}

static void memory_close(struct store *store)
{
    struct memory *memory = memory_of(store);

    for (size_t i = 0; i < memory->count; i++)
        free(memory->rows[i].value);
    free(memory->rows);
    free(memory);
}

int store_memory_open(struct store **ret_store)
{
    static const struct store_ops ops = { "memory", false, memory_commit, memory_scan, memory_close };
    struct memory *memory = calloc(1, sizeof(*memory));

    if (!memory)
        return STRATO_ENOMEM;
    memory->store.ops = &ops;
    *ret_store = &memory->store;
    return 0;
}

void store_memory_fail(struct store *store, unsigned count)
{
    memory_of(store)->to_fail = count;
}
