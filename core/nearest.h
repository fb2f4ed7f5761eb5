/*
 * nearest.h - which of the names that we know did the user most likely mean?
 *
 * For "unknown channel evoluton (did you mean evolution?)". Edit distance with transpositions, case
 * folded, '-' and '_' alike; a guess further off than a third of the word is no help and not given.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_CORE_NEAREST_H
#define STRATO_CORE_NEAREST_H

#include "core/bytes.h"

enum { STRATO_NEAREST_BYTES_MAX = 64 }; /* longer names are not guessed at */

/** A search under way: zero-initialise with strato_nearest_begin(), offer candidates, read `best`. */
struct strato_nearest {
    struct strato_bytes wanted;
    struct strato_bytes best; /* borrowed from the candidate; none = nothing is near */
    size_t distance;          /* of best */
};

struct strato_nearest strato_nearest_begin(struct strato_bytes wanted);
/** Offer one candidate. Borrowed for as long as `best` is read. O(64 * 64), no allocation. */
void strato_nearest_offer(struct strato_nearest *n, struct strato_bytes candidate);
#endif
