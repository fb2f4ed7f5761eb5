/*
 * normal_functions.h - the strict functions behind every random deviate, one text for C and for OpenCL C.
 *
 * Only +, -, *, / and sqrt in double with frexp, ldexp and floor. What each gives is part of every saved run: strict_math.h
 * has faster ones for other uses. In C they are reached through normal.h and mutation.h.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_ORACLE_NORMAL_FUNCTIONS_H
#define STRATO_ORACLE_NORMAL_FUNCTIONS_H

#ifndef __OPENCL_VERSION__
#include "core/oracle/strict_math.h"
#endif

#ifdef STRATO_HAS_F64
#define NORMAL_SQRT_HALF 0.70710678118654752440
#define NORMAL_TWO_PI    6.28318530717958647692

static inline double normal_log(double x)
{
    int exponent = 0;
    double m = frexp(x, &exponent); /* [1/2, 1) */
    double s, z, term, sum = 0.0;

    if (m < NORMAL_SQRT_HALF) {
        m = m * 2.0;
        exponent = exponent - 1;
    }
    /* log m = 2 atanh(s), s = (m - 1) / (m + 1), |s| <= 0.1716: 12 terms leave less than 1e-19 */
    s = (m - 1.0) / (m + 1.0);
    z = s * s;
    term = s;
    for (int k = 1; k <= 23; k += 2) {
        sum = sum + term / (double)k;
        term = term * z;
    }
    return (double)exponent * STRICT_LN2_HIGH + (2.0 * sum + (double)exponent * STRICT_LN2_LOW);
}

static inline double normal_exp(double x)
{
    double n = floor(x / (STRICT_LN2_HIGH + STRICT_LN2_LOW) + 0.5);
    double r = (x - n * STRICT_LN2_HIGH) - n * STRICT_LN2_LOW; /* |r| <= 0.35: 14 terms leave less than 1e-17 */
    double sum = 1.0;

    for (int k = 14; k >= 1; k--)
        sum = 1.0 + sum * r / (double)k;
    return ldexp(sum, (int)n);
}

/* Taylor sums on |x| <= pi/4 with Horner's rule; the first term left out is below 1e-17. */
static inline double normal_sin_small(double x)
{
    double z = x * x, sum = 1.0;

    for (int k = 16; k >= 2; k -= 2)
        sum = 1.0 - sum * z / (double)(k * (k + 1));
    return x * sum;
}

static inline double normal_cos_small(double x)
{
    double z = x * x, sum = 1.0;

    for (int k = 15; k >= 1; k -= 2)
        sum = 1.0 - sum * z / (double)(k * (k + 1));
    return sum;
}

/* sin and cos of 2 pi turn, turn in [0, 1]. */
static inline void normal_sincos_turn(double turn, double *ret_sin, double *ret_cos)
{
    double quarter = floor(turn * 4.0 + 0.5);           /* nearest quarter turn, 0..4 */
    double x = (turn - quarter * 0.25) * NORMAL_TWO_PI; /* exact difference, |x| <= pi/4 */
    double s = normal_sin_small(x), c = normal_cos_small(x);
    int which = (int)quarter & 3;

    *ret_sin = which == 0 ? s : which == 1 ? c : which == 2 ? -s : -c;
    *ret_cos = which == 0 ? c : which == 1 ? -s : which == 2 ? -c : s;
}

/* A random word as a uniform number in (0, 1); exact. */
static inline double normal_uniform(unsigned word)
{
    return ((double)word + 0.5) * 0x1p-32;
}

/* One of the two deviates of a Box-Muller pair. */
static inline double normal_deviate(unsigned first, unsigned second, unsigned which)
{
    double radius = sqrt(-2.0 * normal_log(normal_uniform(first)));
    double s, c;

    normal_sincos_turn(normal_uniform(second), &s, &c);
    return which == 0 ? radius * c : radius * s;
}

/* delta of the polynomial mutation for u in (0, 1). */
static inline double normal_polynomial(double u, double eta)
{
    double power = 1.0 / (eta + 1.0);

    if (u < 0.5)
        return normal_exp(power * normal_log(2.0 * u)) - 1.0;
    return 1.0 - normal_exp(power * normal_log(2.0 * (1.0 - u)));
}
#endif
#endif
