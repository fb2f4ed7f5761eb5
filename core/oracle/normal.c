/*
 * normal.c - strict logarithm, exponential, sine and cosine, and Box-Muller on top.
 *
 * SPDX-License-Identifier: MIT
 */
#include "core/oracle/normal.h"

#include <math.h> /* frexp, ldexp and sqrt only: exact or correctly rounded */

#include "core/oracle/philox.h"

#define LN2_HIGH  0x1.62e42fee00000p-1 /* the first 32 bits of ln 2: exponent * LN2_HIGH is exact */
#define LN2_LOW   0x1.a39ef35793c76p-33
#define SQRT_HALF 0.70710678118654752440
#define TWO_PI    6.28318530717958647692

double strato_strict_log(double x)
{
    int exponent = 0;
    double m = frexp(x, &exponent); /* [1/2, 1) */
    double s, z, term, sum = 0;

    if (m < SQRT_HALF) {
        m *= 2;
        exponent--;
    }
    /* log m = 2 atanh(s), s = (m - 1) / (m + 1), |s| <= 0.1716: 12 terms leave less than 1e-19 */
    s = (m - 1) / (m + 1);
    z = s * s;
    term = s;
    for (int k = 1; k <= 23; k += 2) {
        sum += term / k;
        term *= z;
    }
    return exponent * LN2_HIGH + (2 * sum + exponent * LN2_LOW);
}

double strato_strict_exp(double x)
{
    double n = floor(x / (LN2_HIGH + LN2_LOW) + 0.5);
    double r = (x - n * LN2_HIGH) - n * LN2_LOW; /* |r| <= 0.35: 14 terms leave less than 1e-17 */
    double sum = 1;

    for (int k = 14; k >= 1; k--)
        sum = 1 + sum * r / k;
    return ldexp(sum, (int)n);
}

/* Taylor sums on |x| <= pi/4 with Horner's rule; the first term left out is below 1e-17. */
static double sin_small(double x)
{
    double z = x * x, sum = 1;

    for (int k = 16; k >= 2; k -= 2)
        sum = 1 - sum * z / (double)(k * (k + 1));
    return x * sum;
}

static double cos_small(double x)
{
    double z = x * x, sum = 1;

    for (int k = 15; k >= 1; k -= 2)
        sum = 1 - sum * z / (double)(k * (k + 1));
    return sum;
}

void strato_strict_sincos_turn(double turn, double *ret_sin, double *ret_cos)
{
    double quarter = floor(turn * 4 + 0.5);      /* nearest quarter turn, 0..4 */
    double x = (turn - quarter * 0.25) * TWO_PI; /* exact difference, |x| <= pi/4 */
    double s = sin_small(x), c = cos_small(x);

    switch ((int)quarter & 3) {
    case 0:
        *ret_sin = s;
        *ret_cos = c;
        break;
    case 1:
        *ret_sin = c;
        *ret_cos = -s;
        break;
    case 2:
        *ret_sin = -s;
        *ret_cos = -c;
        break;
    default:
        *ret_sin = -c;
        *ret_cos = s;
        break;
    }
}

void strato_normal_pair(uint32_t first, uint32_t second, double ret[2])
{
    double radius = sqrt(-2 * strato_strict_log(strato_uniform(first)));
    double s, c;

    strato_strict_sincos_turn(strato_uniform(second), &s, &c);
    ret[0] = radius * c;
    ret[1] = radius * s;
}
