/*
 * journal.h - what the brain asks a store to keep, and how it is written down.
 *
 * A store knows five tables of rows (table, channel, key) -> value and nothing of messages. In every turn
 * the brain gathers what durable channels did into one batch of entries, in order: put a row, delete one,
 * delete all of a channel. A batch is applied whole or not at all, so that a message on its way to the
 * dead letters is in exactly one of two tables at every instant. A batch travels as bytes, from the core
 * thread to the storage thread, and the values are opaque to all but the brain (recall.c).
 *
 * An entry in bytes, little endian, no padding:
 *     u8 verb | u8 table | u32 channel | u64 key | u32 value_bytes | value
 *
 * What is lost with a crash: batches that were not committed, all of their effects at once.
 * Rules: semantics.md 18, 23, 29, 30; design.md section 5.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_BRAIN_JOURNAL_H
#define STRATO_BRAIN_JOURNAL_H

#include "core/bytes.h"
#include "core/errors.h"
#include "core/writer.h"

enum journal_verb {
    JOURNAL_PUT,         /* insert the row, or replace it */
    JOURNAL_DELETE,      /* the row need not be there */
    JOURNAL_DROP_CHANNEL /* delete the channel's rows in all tables; table, key and value are 0 */
};

/** In the order in which a restart reads them back. */
enum journal_table {
    JOURNAL_CHANNELS,    /* key 0: name and settings */
    JOURNAL_COUNTS,      /* key 0: the columns of the law and the last seq */
    JOURNAL_MESSAGES,    /* key = seq: a message that is queued, or an event in the history; written once */
    JOURNAL_ATTEMPTS,    /* key = seq: what changes while it is queued; its absence means none yet */
    JOURNAL_DEADLETTERS, /* key = number of the entry */
    JOURNAL_IDS,         /* key = running number: the window of deduplication, oldest first */
    JOURNAL_TABLES
};

enum {
    JOURNAL_CHANNEL_MAX = 65535, /* channel numbers are 1 .. this; 0 is the broker's own (routing rules) */
    JOURNAL_HEAD_BYTES = 18,
    JOURNAL_VALUE_BYTES_MAX = 80 * 1024 * 1024, /* the largest message and what is said of it */
};

/** Keys of JOURNAL_MESSAGES and JOURNAL_ATTEMPTS: with the channel's 16 bits they make one positive 63-bit number. */
#define JOURNAL_SEQ_MAX ((UINT64_C(1) << 47) - 1)

struct journal_entry {
    enum journal_verb verb;
    enum journal_table table;
    uint32_t channel;
    uint64_t key;
    struct strato_bytes value; /* borrowed from the batch; none unless PUT */
};

/** Append one entry. @return 0; STRATO_ENOMEM (the writer remembers it as well); STRATO_ELIMIT: value, channel or key out of range. */
int journal_write(struct strato_writer *batch, const struct journal_entry *entry);

/**
 * Read the next entry and move on behind it.
 *
 * @param batch      What is left of the batch. On error unchanged.
 * @return 1; 0 at the end; STRATO_ECODEC if the bytes are no entry (cut, unknown verb or table, numbers out of range).
 */
int journal_next(struct strato_bytes *batch, struct journal_entry *ret_entry);
#endif
