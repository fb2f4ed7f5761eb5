/*
 * chi_square.h - does a count per bin look like what was expected? For fixed seeds, so it never flickers.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_TEST_CHI_SQUARE_H
#define STRATO_TEST_CHI_SQUARE_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

/** Sum of (observed - expected)^2 / expected. */
static inline double chi_square(const uint32_t *observed, const double *expected, size_t bins)
{
    double sum = 0;

    for (size_t i = 0; i < bins; i++)
        sum += ((double)observed[i] - expected[i]) * ((double)observed[i] - expected[i]) / expected[i];
    return sum;
}

/** The value that a true distribution exceeds once in 1,000 times (Wilson and Hilferty 1931). */
static inline double chi_square_limit(size_t degrees)
{
    double d = (double)degrees, cube = 1 - 2 / (9 * d) + 3.0902 * sqrt(2 / (9 * d));

    return d * cube * cube * cube;
}
#endif
