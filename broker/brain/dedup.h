/*
 * dedup.h - was this id accepted before? The window in which sending again is safe.
 *
 * Keyed by (principal, id), so nobody can suppress another's message; by default 120 s and max(8,192, 2 x capacity)
 * ids per channel. Only messages with an id of the client's own are looked at. An id is claimed when its
 * frame is decoded and gets its seq when it is accepted, so duplicates inside one frame are seen as well.
 * Rules: semantics.md 30.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_BRAIN_DEDUP_H
#define STRATO_BRAIN_DEDUP_H

#include "broker/brain/map.h"

enum { DEDUP_IDS_MIN = 8192 };

struct dedup_entry {
    struct dedup_entry *prev, *next; /* by age */
    uint64_t hash, content;          /* of (principal, id); of the message */
    uint64_t at_ms, seq;             /* seq 0 = claimed, not accepted yet */
    uint64_t number;                 /* of its row in the store; 0 = none */
    uint8_t principal_bytes, id_bytes;
    uint8_t key[]; /* principal, id */
};

/** Zero-initialised = empty. */
struct dedup {
    struct map map;
    struct dedup_entry *oldest, *newest;
    uint64_t numbers; /* the last one given */
    void (*on_forget)(struct dedup *d,
                      const struct dedup_entry *entry); /* an entry with a number is forgotten; or NULL */
};

/**
 * Claim an id for a new message.
 * @return 0 and the claim (*ret_entry, NULL when out of memory: then it is not remembered); 1 and the seq that it had, if
 *         the same message was accepted before; STRATO_ECONFLICT (same id, other content); STRATO_EPARKED (its first
 *         sending still waits for a slot).
 */
int dedup_claim(struct dedup *d, struct strato_bytes principal, struct strato_bytes id, uint64_t content,
                uint64_t now_ms, uint32_t window_ms, uint64_t ids_max, struct dedup_entry **ret_entry,
                uint64_t *ret_seq);
/** Remember again what was accepted before a restart; entries come in the order of their numbers. @return 0 or STRATO_ENOMEM. */
int dedup_restore(struct dedup *d, struct strato_bytes principal, struct strato_bytes id,
                  const struct dedup_entry *entry);
/** The message with this claim was not accepted after all. */
void dedup_release(struct dedup *d, struct dedup_entry *entry);
void dedup_fini(struct dedup *d);
#endif
