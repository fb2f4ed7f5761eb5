/*
 * journal.c - see journal.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/brain/journal.h"

static void put_number(uint8_t *to, uint64_t number, int bytes)
{
    for (int i = 0; i < bytes; i++)
        to[i] = (uint8_t)(number >> (8 * i));
}

static uint64_t get_number(const uint8_t *from, int bytes)
{
    uint64_t number = 0;

    for (int i = 0; i < bytes; i++)
        number |= (uint64_t)from[i] << (8 * i);
    return number;
}

static bool is_in_range(uint32_t channel, enum journal_table table, uint64_t key, uint64_t bytes)
{
    bool is_seq = table == JOURNAL_MESSAGES || table == JOURNAL_ATTEMPTS;

    return channel <= JOURNAL_CHANNEL_MAX && bytes <= JOURNAL_VALUE_BYTES_MAX && (!is_seq || key <= JOURNAL_SEQ_MAX);
}

int journal_write(struct strato_writer *batch, const struct journal_entry *entry)
{
    uint8_t head[JOURNAL_HEAD_BYTES];

    if (!is_in_range(entry->channel, entry->table, entry->key, entry->value.bytes))
        return STRATO_ELIMIT;
    head[0] = (uint8_t)entry->verb;
    head[1] = (uint8_t)entry->table;
    put_number(head + 2, entry->channel, 4);
    put_number(head + 6, entry->key, 8);
    put_number(head + 14, entry->value.bytes, 4);
    strato_writer_raw(batch, strato_bytes(head, sizeof(head)));
    strato_writer_raw(batch, entry->value);
    return strato_writer_error(batch);
}

int journal_next(struct strato_bytes *batch, struct journal_entry *ret_entry)
{
    const uint8_t *at = batch->data;
    struct journal_entry entry;
    uint64_t bytes;

    if (batch->bytes == 0)
        return 0;
    if (batch->bytes < JOURNAL_HEAD_BYTES || at[0] > JOURNAL_DROP_CHANNEL || at[1] >= JOURNAL_TABLES)
        return STRATO_ECODEC;
    entry.verb = (enum journal_verb)at[0];
    entry.table = (enum journal_table)at[1];
    entry.channel = (uint32_t)get_number(at + 2, 4);
    entry.key = get_number(at + 6, 8);
    bytes = get_number(at + 14, 4);
    if (!is_in_range(entry.channel, entry.table, entry.key, bytes) || bytes > batch->bytes - JOURNAL_HEAD_BYTES ||
        (bytes && entry.verb != JOURNAL_PUT))
        return STRATO_ECODEC;
    entry.value = strato_bytes(at + JOURNAL_HEAD_BYTES, bytes);
    *batch = strato_bytes(at + JOURNAL_HEAD_BYTES + bytes, batch->bytes - JOURNAL_HEAD_BYTES - bytes);
    *ret_entry = entry;
    return 1;
}
