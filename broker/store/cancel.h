/*
 * cancel.h - what need not be written, because the same commit takes it back.
 *
 * Most messages are settled before the commit that would have stored them has begun. Within the batches that one
 * commit holds, the last word on a row is the only one that counts, and a row that can only have come into being
 * in this commit and is gone again at its end is not written at all: a message under its seq, which no other has, and
 * with it what is said of its attempts. Order between different rows carries no
 * meaning inside a commit: it is applied whole or not at all. Pure.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_STORE_CANCEL_H
#define STRATO_STORE_CANCEL_H

#include "broker/brain/journal.h"

/** An entry and what became of it. */
struct cancel_entry {
    struct journal_entry entry; /* value borrowed from the batch */
    bool is_new;                /* of a message, or of its attempts, that came into being in this commit */
    bool is_void;               /* a later word on the same row, or DROP_CHANNEL, has overtaken it */
};

/** Zero-initialised = empty; keeps its memory between commits. */
struct cancel {
    struct cancel_entry *entries; /* in order */
    size_t count, capacity;
    uint32_t *slots; /* hash table of entries by row: index + 1, 0 = free */
    size_t slots_count;
};

/**
 * Read the batches and void what is overtaken.
 *
 * @param batches       Borrowed; the entries point into them.
 * @param keeps_births  Write the DELETE of what was PUT here as well. After a commit that failed nobody knows what of it
 *                      is in the file, so the next one must not leave out that it is gone.
 * @return 0; STRATO_ECODEC: a batch is no batch; STRATO_ENOMEM. On error `count` is 0.
 */
int cancel_read(struct cancel *cancel, const struct strato_bytes *batches, size_t count, bool keeps_births);
void cancel_fini(struct cancel *cancel);
#endif
