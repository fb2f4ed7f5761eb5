/*
 * strict_math.h - exp, log, sin, cos and power in double, one text for C and for OpenCL C.
 *
 * The file is read by both compilers, so reference and kernel cannot drift apart. Only + - * / and the exact or
 * correctly rounded fma, rint, floor, sqrt, frexp, ldexp; never contracted, never libm's transcendental functions. Good to about 2e-16
 * relative near the origin of each reduction, 1e-15 elsewhere. Behind worker/kernels/strict.cl in a program.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_ORACLE_STRICT_MATH_H
#define STRATO_ORACLE_STRICT_MATH_H

#ifndef __OPENCL_VERSION__
#include <math.h>
#define STRATO_HAS_F64
#define STRATO_GLOBAL
#else
#define STRATO_GLOBAL global
#endif

#ifdef STRATO_HAS_F64
#define STRICT_LN2_HIGH    0x1.62e42fee00000p-1 /* 32 bits: a whole number of up to 11 bits times it is exact */
#define STRICT_LN2_LOW     0x1.a39ef35793c76p-33
#define STRICT_LOG2_E      0x1.71547652b82fep+0
#define STRICT_TWO_PI      0x1.921fb54442d18p+2
#define STRICT_PI          0x1.921fb54442d18p+1
#define STRICT_TWO_OVER_PI 0x1.45f306dc9c883p-1
#define STRICT_HALF_PI_1   0x1.921fb54442d18p+0
#define STRICT_HALF_PI_2   0x1.1a62633145c07p-54
#define STRICT_EXP_MAX     709.0
#define STRICT_EXP_MIN     -745.0

/* e^x; 0 below -745, infinity above 709. */
static inline double strict_exp(double x)
{
    double n, r, p;

    if (!(x == x))
        return x;
    if (x > STRICT_EXP_MAX)
        return INFINITY;
    if (x < STRICT_EXP_MIN)
        return 0.0;
    n = rint(x * STRICT_LOG2_E);
    r = fma(-n, STRICT_LN2_HIGH, x); /* |r| <= 0.35: what Taylor leaves out behind the 13th power is below 1e-17 */
    r = fma(-n, STRICT_LN2_LOW, r);
    p = fma(r, 1.0 / 6227020800.0, 1.0 / 479001600.0);
    p = fma(p, r, 1.0 / 39916800.0);
    p = fma(p, r, 1.0 / 3628800.0);
    p = fma(p, r, 1.0 / 362880.0);
    p = fma(p, r, 1.0 / 40320.0);
    p = fma(p, r, 1.0 / 5040.0);
    p = fma(p, r, 1.0 / 720.0);
    p = fma(p, r, 1.0 / 120.0);
    p = fma(p, r, 1.0 / 24.0);
    p = fma(p, r, 1.0 / 6.0);
    p = fma(p, r, 0.5);
    p = fma(p, r, 1.0);
    p = fma(p, r, 1.0);
    return ldexp(p, (int)n);
}

/* Natural logarithm; -infinity at 0, NaN below and for NaN. */
static inline double strict_log(double x)
{
    int exponent = 0;
    double m, s, z, p;

    if (!(x > 0.0))
        return x == 0.0 ? -INFINITY : NAN;
    if (x == INFINITY)
        return x;
    m = frexp(x, &exponent); /* [1/2, 1) */
    if (m < 0.70710678118654752440) {
        m = m * 2.0;
        exponent = exponent - 1;
    }
    s = (m - 1.0) / (m + 1.0); /* log m = 2 atanh(s), |s| <= 0.1716 */
    z = s * s;
    p = fma(z, 1.0 / 23.0, 1.0 / 21.0);
    p = fma(p, z, 1.0 / 19.0);
    p = fma(p, z, 1.0 / 17.0);
    p = fma(p, z, 1.0 / 15.0);
    p = fma(p, z, 1.0 / 13.0);
    p = fma(p, z, 1.0 / 11.0);
    p = fma(p, z, 1.0 / 9.0);
    p = fma(p, z, 1.0 / 7.0);
    p = fma(p, z, 1.0 / 5.0);
    p = fma(p, z, 1.0 / 3.0);
    p = fma(p * z, s, s);
    return fma((double)exponent, STRICT_LN2_HIGH, fma((double)exponent, STRICT_LN2_LOW, 2.0 * p));
}

/* x^y for x >= 0; 0^y is 0. */
static inline double strict_power(double x, double y)
{
    return x == 0.0 ? 0.0 : strict_exp(y * strict_log(x));
}

static inline double strict_square(double x)
{
    return x * x;
}

/* Taylor sums on |x| <= pi/4. */
static inline double strict_sin_small(double x)
{
    double z = x * x;
    double p = fma(z, -1.0 / 1307674368000.0, 1.0 / 6227020800.0);

    p = fma(p, z, -1.0 / 39916800.0);
    p = fma(p, z, 1.0 / 362880.0);
    p = fma(p, z, -1.0 / 5040.0);
    p = fma(p, z, 1.0 / 120.0);
    p = fma(p, z, -1.0 / 6.0);
    return fma(p * z, x, x);
}

static inline double strict_cos_small(double x)
{
    double z = x * x;
    double p = fma(z, 1.0 / 20922789888000.0, -1.0 / 87178291200.0);

    p = fma(p, z, 1.0 / 479001600.0);
    p = fma(p, z, -1.0 / 3628800.0);
    p = fma(p, z, 1.0 / 40320.0);
    p = fma(p, z, -1.0 / 720.0);
    p = fma(p, z, 1.0 / 24.0);
    p = fma(p, z, -0.5);
    return fma(p, z, 1.0);
}

/* sin of x = quarter * (pi / 2) + rest; the cosine is that of one quarter more. */
static inline double strict_sin_quarter(double quarter, double rest)
{
    double turn = quarter - 4.0 * floor(quarter * 0.25); /* 0, 1, 2 or 3 */

    if (turn == 0.0)
        return strict_sin_small(rest);
    if (turn == 1.0)
        return strict_cos_small(rest);
    if (turn == 2.0)
        return -strict_sin_small(rest);
    return -strict_cos_small(rest);
}

/* The rest of x over quarter turns, in radians. Exact enough up to |x| = 1e8; NaN for what is not finite. */
static inline double strict_quarter_rest(double x, double quarter)
{
    return fma(-quarter, STRICT_HALF_PI_2, fma(-quarter, STRICT_HALF_PI_1, x));
}

static inline double strict_sin(double x)
{
    double quarter = rint(x * STRICT_TWO_OVER_PI);

    return strict_sin_quarter(quarter, strict_quarter_rest(x, quarter));
}

static inline double strict_cos(double x)
{
    double quarter = rint(x * STRICT_TWO_OVER_PI);

    return strict_sin_quarter(quarter + 1.0, strict_quarter_rest(x, quarter));
}

/* cos(2 pi x): exactly 1 at whole numbers. */
static inline double strict_cos_turn(double x)
{
    double r = x - rint(x);
    double quarter = rint(r * 4.0);

    return strict_sin_quarter(quarter + 1.0, (r - quarter * 0.25) * STRICT_TWO_PI);
}
#endif
#endif
