/*
 * histogram.c - log-linear buckets.
 *
 * SPDX-License-Identifier: MIT
 */
#include "core/histogram.h"

#include <string.h>

enum { BITS = STRATO_HISTOGRAM_STEP_BITS, STEPS = 1 << BITS };

/* Below 2 * STEPS a bucket is a value; above, `shift` low bits are dropped and STEPS buckets cover one power of two. */
static unsigned bucket_of(uint64_t value)
{
    unsigned shift = value < 2 * STEPS ? 0 : 63U - (unsigned)__builtin_clzll(value) - BITS;

    return (shift << BITS) + (unsigned)(value >> shift);
}

static uint64_t bucket_last(unsigned bucket)
{
    unsigned shift = bucket < 2 * STEPS ? 0 : (bucket >> BITS) - 1;
    uint64_t first = (uint64_t)(bucket - (shift << BITS)) << shift;

    return first + (((uint64_t)1 << shift) - 1);
}

void strato_histogram_record(struct strato_histogram *h, uint64_t value)
{
    if (h->count == 0 || value < h->min)
        h->min = value;
    if (value > h->max)
        h->max = value;
    h->count++;
    h->sum += (double)value;
    h->buckets[bucket_of(value)]++;
}

void strato_histogram_merge(struct strato_histogram *h, const struct strato_histogram *from)
{
    if (from->count == 0)
        return;
    if (h->count == 0 || from->min < h->min)
        h->min = from->min;
    if (from->max > h->max)
        h->max = from->max;
    h->count += from->count;
    h->sum += from->sum;
    for (unsigned i = 0; i < STRATO_HISTOGRAM_BUCKETS; i++)
        h->buckets[i] += from->buckets[i];
}

uint64_t strato_histogram_percentile(const struct strato_histogram *h, double percent)
{
    double exact = (double)h->count * percent / 100.0;
    uint64_t rank = exact <= 1.0 ? 1 : (uint64_t)exact, seen = 0;

    if (h->count == 0)
        return 0;
    if (percent >= 100.0)
        return h->max;
    rank += (double)rank < exact; /* round up: p50 of three values is the second */
    for (unsigned i = 0; i < STRATO_HISTOGRAM_BUCKETS; i++) {
        seen += h->buckets[i];
        if (seen >= rank) {
            uint64_t value = bucket_last(i);

            return value < h->max ? value : h->max;
        }
    }
    return h->max;
}

double strato_histogram_mean(const struct strato_histogram *h)
{
    return h->count ? h->sum / (double)h->count : 0.0;
}

void strato_histogram_reset(struct strato_histogram *h)
{
    memset(h, 0, sizeof *h);
}
