/*
 * history.h - the last messages of a channel, by seq: what hist pages, replays, taps and subscribers read.
 *
 * A ring of references with one entry per accepted message, so seq finds its place by arithmetic. Bounded
 * in messages and bytes; the fan-out may ask it to keep more for as long as a subscriber's queue, itself
 * bounded, still refers to it. Rules: semantics.md sections 3 and 8.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_BRAIN_HISTORY_H
#define STRATO_BRAIN_HISTORY_H

#include "broker/brain/message.h"

/** Zero-initialised = empty; the first message has seq 1. */
struct history {
    struct message **ring; /* capacity entries, a power of two, grown on demand */
    uint64_t capacity;
    uint64_t first, end; /* seqs kept: [first, end) */
    uint64_t bytes;
};

/** Keep one more: seq must be `end` (or the history empty). Takes a reference of its own. @return 0 or STRATO_ENOMEM. */
int history_add(struct history *history, struct message *m);
/** The message with this seq, borrowed; NULL if it is not kept. */
static inline struct message *history_at(const struct history *history, uint64_t seq)
{
    return seq >= history->first && seq < history->end ? history->ring[seq & (history->capacity - 1)] : NULL;
}
/** Let go of the oldest until at most `messages_max` and `bytes_max` are kept, but of nothing with seq >= keep_from. */
void history_trim(struct history *history, struct slab *slab, uint64_t messages_max, uint64_t bytes_max,
                  uint64_t keep_from);
void history_fini(struct history *history, struct slab *slab);
#endif
