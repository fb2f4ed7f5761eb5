/*
 * histogram.h - latencies in fixed memory: any u64 of nanoseconds, within 0.8 % of its value.
 *
 * Log-linear buckets as in HdrHistogram: 128 equal steps to every power of two, exact below 256. About 58 KiB,
 * no allocation, nothing to configure. Not thread-safe: one per thread, then merge.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_CORE_HISTOGRAM_H
#define STRATO_CORE_HISTOGRAM_H

#include <stdint.h>

enum {
    STRATO_HISTOGRAM_STEP_BITS = 7,
    STRATO_HISTOGRAM_BUCKETS = (64 - STRATO_HISTOGRAM_STEP_BITS + 1) << STRATO_HISTOGRAM_STEP_BITS,
};

/** Zero-initialised = empty. */
struct strato_histogram {
    uint64_t count, min, max; /* min and max are exact; min is valid if count > 0 */
    double sum;
    uint64_t buckets[STRATO_HISTOGRAM_BUCKETS];
};

/** Count one value. O(1). */
void strato_histogram_record(struct strato_histogram *h, uint64_t value);
/** Add all of `from`. O(buckets). */
void strato_histogram_merge(struct strato_histogram *h, const struct strato_histogram *from);
/** The smallest value that `percent` (0..100) of all values do not exceed, rounded up within its bucket, at most max; 0 if empty. */
uint64_t strato_histogram_percentile(const struct strato_histogram *h, double percent);
/** 0 if empty. */
double strato_histogram_mean(const struct strato_histogram *h);
void strato_histogram_reset(struct strato_histogram *h);
#endif
