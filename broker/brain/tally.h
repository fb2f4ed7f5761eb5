/*
 * tally.h - messages and bytes by name: of the topics, or of the senders, of one channel.
 *
 * At most TALLY_NAMES_MAX names are told apart, whatever clients send; what finds no place is counted as
 * `other`. A name that was not seen for TALLY_IDLE_MS gives its place to a new one, and its counts go to
 * `other`, so that names and `other` together are always everything that was counted. To find one, a new
 * name looks at TALLY_LOOKS places and no more.
 *
 * The rate is that of the last ten seconds, from two buckets. Reads no clock.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_BRAIN_TALLY_H
#define STRATO_BRAIN_TALLY_H

#include "broker/brain/map.h"

enum { TALLY_NAMES_MAX = 1024, TALLY_IDLE_MS = 10 * 60 * 1000, TALLY_LOOKS = 8, TALLY_BUCKET_MS = 10000 };

struct tally_counts {
    uint64_t messages, bytes;
    uint64_t last_ms;     /* monotonic, when it was last seen */
    uint64_t bucket;      /* number of the bucket that `now` counts */
    uint32_t now, before; /* messages of it, and of the one before it */
};

struct tally_entry {
    struct tally_counts counts;
    uint32_t name_bytes;
    char name[];
};

/** Zero-initialised = empty. */
struct tally {
    struct map names;
    struct tally_entry **entries; /* TALLY_NAMES_MAX places, the first `count` in use */
    uint32_t count, hand;         /* hand: where the next new name looks for a place */
    struct tally_counts other;
    uint64_t others; /* times that a new name found no place, or an old one lost its own */
};

/** Count one message. Out of memory, it is `other`. */
void tally_count(struct tally *tally, struct strato_bytes name, uint64_t bytes, uint64_t now_ms);
/** Messages per 1,000 seconds over the last ten seconds. */
uint64_t tally_rate_milli(const struct tally_counts *counts, uint64_t now_ms);
void tally_fini(struct tally *tally);
#endif
