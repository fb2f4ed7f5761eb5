/*
 * cancel.c - see cancel.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/store/cancel.h"

#include <stdlib.h>

#include <xxhash.h>

static int add(struct cancel *cancel, const struct journal_entry *entry)
{
    if (cancel->count == cancel->capacity) {
        size_t capacity = cancel->capacity ? cancel->capacity * 2 : 1024;
        struct cancel_entry *grown = realloc(cancel->entries, capacity * sizeof(*grown));

        if (!grown)
            return STRATO_ENOMEM;
        cancel->entries = grown;
        cancel->capacity = capacity;
    }
    cancel->entries[cancel->count++] = (struct cancel_entry){ .entry = *entry };
    return 0;
}

static int read_batches(struct cancel *cancel, const struct strato_bytes *batches, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct strato_bytes left = batches[i];
        struct journal_entry entry;
        int rc;

        while ((rc = journal_next(&left, &entry)) == 1) {
            rc = add(cancel, &entry);
            if (rc < 0)
                return rc;
        }
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* ---- rows ---- */

static int make_slots(struct cancel *cancel)
{
    size_t wanted = 1024;

    while (wanted < 2 * cancel->count)
        wanted *= 2;
    if (cancel->slots_count < wanted) {
        free(cancel->slots);
        cancel->slots = malloc(wanted * sizeof(*cancel->slots));
        cancel->slots_count = cancel->slots ? wanted : 0;
        if (!cancel->slots)
            return STRATO_ENOMEM;
    }
    memset(cancel->slots, 0, cancel->slots_count * sizeof(*cancel->slots));
    return 0;
}

static bool is_same_row(const struct journal_entry *a, const struct journal_entry *b)
{
    return a->key == b->key && a->channel == b->channel && a->table == b->table;
}

/* The slot of a row: its latest entry so far, or a free one. */
static uint32_t *slot_of(struct cancel *cancel, const struct journal_entry *row)
{
    const uint64_t name[2] = { row->key, (uint64_t)row->channel << 8 | row->table };
    size_t at = (size_t)XXH3_64bits(name, sizeof(name));

    for (;; at++) {
        uint32_t *slot = &cancel->slots[at & (cancel->slots_count - 1)];

        if (*slot == 0 || is_same_row(&cancel->entries[*slot - 1].entry, row))
            return slot;
    }
}

/* Everything said of the channel until now is overtaken. Rare, so a walk over all that was read before it. */
static void drop_channel(struct cancel *cancel, size_t at)
{
    for (size_t i = 0; i < at; i++) {
        struct cancel_entry *e = &cancel->entries[i];

        if (e->entry.channel != cancel->entries[at].entry.channel || e->entry.verb == JOURNAL_DROP_CHANNEL)
            continue;
        e->is_void = true;
        e->is_new = false;
    }
}

/* Did this commit make the message that a row of attempts belongs to? */
static bool is_of_new_message(struct cancel *cancel, const struct journal_entry *entry)
{
    struct journal_entry message = *entry;
    const uint32_t *slot;

    message.table = JOURNAL_MESSAGES;
    slot = slot_of(cancel, &message);
    return *slot && cancel->entries[*slot - 1].is_new;
}

static void look_at(struct cancel *cancel, size_t at, bool keeps_births)
{
    struct cancel_entry *e = &cancel->entries[at], *before;
    uint32_t *slot;

    if (e->entry.verb == JOURNAL_DROP_CHANNEL) {
        drop_channel(cancel, at);
        return;
    }
    slot = slot_of(cancel, &e->entry);
    before = *slot ? &cancel->entries[*slot - 1] : NULL;
    *slot = (uint32_t)at + 1;
    if (e->entry.table == JOURNAL_MESSAGES)
        e->is_new = before ? before->is_new : e->entry.verb == JOURNAL_PUT;
    else if (e->entry.table == JOURNAL_ATTEMPTS)
        e->is_new = is_of_new_message(cancel, &e->entry);
    if (before)
        before->is_void = true;
    if (e->entry.verb == JOURNAL_DELETE && e->is_new && !keeps_births)
        e->is_void = true;
}

int cancel_read(struct cancel *cancel, const struct strato_bytes *batches, size_t count, bool keeps_births)
{
    int rc;

    cancel->count = 0;
    rc = read_batches(cancel, batches, count);
    if (rc == 0 && cancel->count > UINT32_MAX - 1)
        rc = STRATO_ENOMEM;
    if (rc == 0)
        rc = make_slots(cancel);
    for (size_t i = 0; rc == 0 && i < cancel->count; i++)
        look_at(cancel, i, keeps_births);
    if (rc < 0)
        cancel->count = 0;
    return rc;
}

void cancel_fini(struct cancel *cancel)
{
    free(cancel->entries);
    free(cancel->slots);
    *cancel = (struct cancel){ 0 };
}
