/*
 * nearest.c - optimal string alignment distance over three rows.
 *
 * SPDX-License-Identifier: MIT
 */
#include "core/nearest.h"

static unsigned fold(uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return (unsigned)c + 32U;
    return c == '-' ? '_' : c;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t distance(struct strato_bytes a, struct strato_bytes b)
{
    size_t rows[3][STRATO_NEAREST_BYTES_MAX + 1];
    size_t *before = rows[0], *last = rows[1], *now = rows[2];

    for (size_t j = 0; j <= b.bytes; j++)
        last[j] = j;
    for (size_t i = 1; i <= a.bytes; i++) {
        size_t *turned;

        now[0] = i;
        for (size_t j = 1; j <= b.bytes; j++) {
            unsigned x = fold(a.data[i - 1]), y = fold(b.data[j - 1]);

            now[j] = least(least(last[j] + 1, now[j - 1] + 1), last[j - 1] + (x != y));
            if (i > 1 && j > 1 && x == fold(b.data[j - 2]) && y == fold(a.data[i - 2]))
                now[j] = least(now[j], before[j - 2] + 1);
        }
        turned = before;
        before = last;
        last = now;
        now = turned;
    }
    return last[b.bytes];
}

struct strato_nearest strato_nearest_begin(struct strato_bytes wanted)
{
    /* One slip in a short word, a third of a long one: beyond that a guess misleads. */
    struct strato_nearest n = { .wanted = wanted, .distance = wanted.bytes / 3 + 2 };

    return n;
}

void strato_nearest_offer(struct strato_nearest *n, struct strato_bytes candidate)
{
    size_t d;

    if (n->wanted.bytes == 0 || n->wanted.bytes > STRATO_NEAREST_BYTES_MAX || candidate.bytes == 0 ||
        candidate.bytes > STRATO_NEAREST_BYTES_MAX)
        return;
    d = distance(n->wanted, candidate);
    if (d < n->distance) {
        n->distance = d;
        n->best = candidate;
    }
}
