/*
 * landscape_functions.h - BBOB's 24 noiseless functions and six classics, one text for C and for OpenCL C.
 *
 * What is to be minimised is computed here; the callers turn the sign, since fitness is maximised. BBOB as defined
 * in Hansen, Finck, Ros, Auger: Real-Parameter Black-Box Optimization Benchmarking 2009: Noiseless Functions
 * Definitions (INRIA RR-6829), whose sections are named at each function; the instances (shifts, rotations, f_opt)
 * are of our own making: landscape.c. Everything in double, sums in one order.
 *
 * A row of genes comes in `a`, which is overwritten; `b` is room for as many. `t` is the table of an instance.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_ORACLE_LANDSCAPE_FUNCTIONS_H
#define STRATO_ORACLE_LANDSCAPE_FUNCTIONS_H

#ifndef __OPENCL_VERSION__
#include "core/oracle/landscape_numbers.h"
#include "core/oracle/strict_math.h"
#endif

#ifdef STRATO_HAS_F64
/* The table: f_opt, a factor, then dim each of x_opt, (i - 1) / (dim - 1), scale (Lambda) and weight, then the
 * rotations R and Q row by row, then for Gallagher's functions per peak: weight, dim of R y, dim of the diagonal C. */
#define LANDSCAPE_F_OPT           0
#define LANDSCAPE_FACTOR          1
#define LANDSCAPE_VECTORS         2
#define LANDSCAPE_VECTORS_COUNT   4
#define LANDSCAPE_X_OPT(t, d)     ((t) + LANDSCAPE_VECTORS)
#define LANDSCAPE_RAMP(t, d)      ((t) + LANDSCAPE_VECTORS + (d))
#define LANDSCAPE_SCALE(t, d)     ((t) + LANDSCAPE_VECTORS + 2 * (d))
#define LANDSCAPE_WEIGHT(t, d)    ((t) + LANDSCAPE_VECTORS + 3 * (d))
#define LANDSCAPE_R(t, d)         ((t) + LANDSCAPE_VECTORS + 4 * (d))
#define LANDSCAPE_Q(t, d)         ((t) + LANDSCAPE_VECTORS + 4 * (d) + (d) * (d))
#define LANDSCAPE_PEAKS(t, d)     ((t) + LANDSCAPE_VECTORS + 4 * (d) + 2 * (d) * (d))
#define LANDSCAPE_PEAK_DOUBLES(d) (1 + 2 * (d))
#define LANDSCAPE_PEAKS_OF(f)     ((f) == 21 ? 101u : (f) == 22 ? 21u : 0u)

#define LANDSCAPE_SCHWEFEL_OFFSET 418.98288727243380
#define LANDSCAPE_SCHWEFEL_HALF   2.1048437317999101 /* best gene over 200: tan s = -s / 2 at s^2 = 420.9687... */
#define LANDSCAPE_TANG_OFFSET     39.16616570377141

typedef STRATO_GLOBAL double *landscape_row;
typedef const STRATO_GLOBAL double *landscape_table;

/* ---- transformations, section 0.2 ------------------------------------------------------------------- */

static inline double landscape_osz(double x)
{
    double h, s;

    if (x == 0.0)
        return 0.0;
    h = strict_log(fabs(x));
    s = x > 0.0 ? strict_sin(10.0 * h) + strict_sin(7.9 * h) : strict_sin(5.5 * h) + strict_sin(3.1 * h);
    s = strict_exp(h + 0.049 * s);
    return x > 0.0 ? s : -s;
}

static inline double landscape_asy(double x, double beta, double ramp)
{
    return x > 0.0 ? strict_power(x, 1.0 + beta * ramp * sqrt(x)) : x;
}

static inline double landscape_penalty(landscape_row x, unsigned dim)
{
    double sum = 0.0;

    for (unsigned i = 0; i < dim; i++) {
        double over = fabs(x[i]) - 5.0;

        if (over > 0.0)
            sum += over * over;
    }
    return sum;
}

/* x := x - x_opt */
static inline void landscape_shift(landscape_table t, landscape_row x, unsigned dim)
{
    for (unsigned i = 0; i < dim; i++)
        x[i] = x[i] - LANDSCAPE_X_OPT(t, dim)[i];
}

/* to := matrix * from */
static inline void landscape_turn(landscape_table matrix, landscape_row from, landscape_row to, unsigned dim)
{
    for (unsigned i = 0; i < dim; i++) {
        double sum = 0.0;

        for (unsigned j = 0; j < dim; j++)
            sum = fma(matrix[i * dim + j], from[j], sum);
        to[i] = sum;
    }
}

static inline void landscape_scale(landscape_table t, landscape_row x, unsigned dim)
{
    for (unsigned i = 0; i < dim; i++)
        x[i] = x[i] * LANDSCAPE_SCALE(t, dim)[i];
}

static inline void landscape_osz_all(landscape_row x, unsigned dim)
{
    for (unsigned i = 0; i < dim; i++)
        x[i] = landscape_osz(x[i]);
}

static inline void landscape_asy_all(landscape_table t, landscape_row x, double beta, unsigned dim)
{
    for (unsigned i = 0; i < dim; i++)
        x[i] = landscape_asy(x[i], beta, LANDSCAPE_RAMP(t, dim)[i]);
}

/* a := Q Lambda R (a - x_opt), by way of b: sections 6, 13, 23, 24. */
static inline void landscape_q_scale_r(landscape_table t, landscape_row a, landscape_row b, unsigned dim)
{
    landscape_shift(t, a, dim);
    landscape_turn(LANDSCAPE_R(t, dim), a, b, dim);
    landscape_scale(t, b, dim);
    landscape_turn(LANDSCAPE_Q(t, dim), b, a, dim);
}

/* ---- sums that several functions share ---------------------------------------------------------------- */

static inline double landscape_weighted_squares(landscape_table t, landscape_row z, unsigned dim)
{
    double sum = 0.0;

    for (unsigned i = 0; i < dim; i++)
        sum = fma(LANDSCAPE_WEIGHT(t, dim)[i] * z[i], z[i], sum);
    return sum;
}

static inline double landscape_squares(landscape_row z, unsigned from, unsigned dim)
{
    double sum = 0.0;

    for (unsigned i = from; i < dim; i++)
        sum = fma(z[i], z[i], sum);
    return sum;
}

static inline double landscape_waves(landscape_row z, unsigned dim)
{
    double sum = 0.0;

    for (unsigned i = 0; i < dim; i++)
        sum += 1.0 - strict_cos_turn(z[i]);
    return 10.0 * sum;
}

/* 100 (z_i^2 - z_{i+1})^2 + (z_i - 1)^2 */
static inline double landscape_valley(landscape_row z, unsigned i)
{
    return 100.0 * strict_square(z[i] * z[i] - z[i + 1]) + strict_square(z[i] - 1.0);
}

static inline double landscape_rosenbrock(landscape_row z, unsigned dim)
{
    double sum = 0.0;

    for (unsigned i = 0; i + 1 < dim; i++)
        sum += landscape_valley(z, i);
    return sum;
}

/* ---- BBOB, f1 to f24: without f_opt ------------------------------------------------------------------- */

static inline double landscape_f3(landscape_table t, landscape_row a, unsigned dim)
{
    landscape_shift(t, a, dim);
    landscape_osz_all(a, dim);
    landscape_asy_all(t, a, 0.2, dim);
    landscape_scale(t, a, dim);
    return landscape_waves(a, dim) + landscape_squares(a, 0, dim);
}

static inline double landscape_f4(landscape_table t, landscape_row a, unsigned dim)
{
    double penalty = landscape_penalty(a, dim);

    landscape_shift(t, a, dim);
    for (unsigned i = 0; i < dim; i++) {
        double z = landscape_osz(a[i]);

        a[i] = (z > 0.0 && i % 2 == 0 ? 10.0 : 1.0) * LANDSCAPE_SCALE(t, dim)[i] * z;
    }
    return landscape_waves(a, dim) + landscape_squares(a, 0, dim) + 100.0 * penalty;
}

static inline double landscape_f5(landscape_table t, landscape_row a, unsigned dim)
{
    double sum = 0.0;

    for (unsigned i = 0; i < dim; i++) {
        double best = LANDSCAPE_X_OPT(t, dim)[i];
        double slope = LANDSCAPE_WEIGHT(t, dim)[i]; /* |s_i| */
        double z = best * a[i] < 25.0 ? a[i] : best;

        sum += 5.0 * slope - (best > 0.0 ? slope : -slope) * z;
    }
    return sum;
}

static inline double landscape_f6(landscape_table t, landscape_row a, landscape_row b, unsigned dim)
{
    double sum = 0.0;

    landscape_q_scale_r(t, a, b, dim);
    for (unsigned i = 0; i < dim; i++)
        sum += strict_square(a[i] * LANDSCAPE_X_OPT(t, dim)[i] > 0.0 ? 100.0 * a[i] : a[i]);
    return strict_power(landscape_osz(sum), 0.9);
}

static inline double landscape_f7(landscape_table t, landscape_row a, landscape_row b, unsigned dim)
{
    double penalty = landscape_penalty(a, dim);
    double first, sum;

    landscape_shift(t, a, dim);
    landscape_turn(LANDSCAPE_R(t, dim), a, b, dim);
    landscape_scale(t, b, dim);
    first = fabs(b[0]) / 10000.0;
    for (unsigned i = 0; i < dim; i++)
        b[i] = fabs(b[i]) > 0.5 ? floor(0.5 + b[i]) : floor(0.5 + 10.0 * b[i]) / 10.0;
    landscape_turn(LANDSCAPE_Q(t, dim), b, a, dim);
    sum = landscape_weighted_squares(t, a, dim);
    return 0.1 * (first > sum ? first : sum) + penalty;
}

static inline double landscape_f8(landscape_table t, landscape_row a, unsigned dim)
{
    landscape_shift(t, a, dim);
    for (unsigned i = 0; i < dim; i++)
        a[i] = t[LANDSCAPE_FACTOR] * a[i] + 1.0;
    return landscape_rosenbrock(a, dim);
}

/* b := factor R x + 1/2: sections 9 and 19. */
static inline void landscape_half_turn(landscape_table t, landscape_row a, landscape_row b, unsigned dim)
{
    landscape_turn(LANDSCAPE_R(t, dim), a, b, dim);
    for (unsigned i = 0; i < dim; i++)
        b[i] = t[LANDSCAPE_FACTOR] * b[i] + 0.5;
}

/* f10, f11: b := T_osz(R (x - x_opt)) */
static inline double landscape_f10(landscape_table t, landscape_row a, landscape_row b, unsigned dim)
{
    landscape_shift(t, a, dim);
    landscape_turn(LANDSCAPE_R(t, dim), a, b, dim);
    landscape_osz_all(b, dim);
    return landscape_weighted_squares(t, b, dim);
}

static inline double landscape_f12(landscape_table t, landscape_row a, landscape_row b, unsigned dim)
{
    landscape_shift(t, a, dim);
    landscape_turn(LANDSCAPE_R(t, dim), a, b, dim);
    landscape_asy_all(t, b, 0.5, dim);
    landscape_turn(LANDSCAPE_R(t, dim), b, a, dim);
    return strict_square(a[0]) + 1e6 * landscape_squares(a, 1, dim);
}

static inline double landscape_f13(landscape_table t, landscape_row a, landscape_row b, unsigned dim)
{
    landscape_q_scale_r(t, a, b, dim);
    return strict_square(a[0]) + 100.0 * sqrt(landscape_squares(a, 1, dim));
}

static inline double landscape_f14(landscape_table t, landscape_row a, landscape_row b, unsigned dim)
{
    double sum = 0.0;

    landscape_shift(t, a, dim);
    landscape_turn(LANDSCAPE_R(t, dim), a, b, dim);
    for (unsigned i = 0; i < dim; i++)
        sum += strict_power(fabs(b[i]), 2.0 + 4.0 * LANDSCAPE_RAMP(t, dim)[i]);
    return sqrt(sum);
}

static inline double landscape_f15(landscape_table t, landscape_row a, landscape_row b, unsigned dim)
{
    landscape_shift(t, a, dim);
    landscape_turn(LANDSCAPE_R(t, dim), a, b, dim);
    landscape_osz_all(b, dim);
    landscape_asy_all(t, b, 0.2, dim);
    landscape_turn(LANDSCAPE_Q(t, dim), b, a, dim);
    landscape_scale(t, a, dim);
    landscape_turn(LANDSCAPE_R(t, dim), a, b, dim);
    return landscape_waves(b, dim) + landscape_squares(b, 0, dim);
}

static inline double landscape_weierstrass(double z)
{
    double sum = 0.0, share = 1.0, three = 1.0;

    for (unsigned k = 0; k < 12; k++) {
        sum += share * strict_cos_turn(three * (z + 0.5));
        share = share * 0.5;
        three = three * 3.0;
    }
    return sum;
}

static inline double landscape_f16(landscape_table t, landscape_row a, landscape_row b, unsigned dim)
{
    double penalty = landscape_penalty(a, dim);
    double sum = 0.0;

    landscape_shift(t, a, dim);
    landscape_turn(LANDSCAPE_R(t, dim), a, b, dim);
    landscape_osz_all(b, dim);
    landscape_turn(LANDSCAPE_Q(t, dim), b, a, dim);
    landscape_scale(t, a, dim);
    landscape_turn(LANDSCAPE_R(t, dim), a, b, dim);
    for (unsigned i = 0; i < dim; i++)
        sum += landscape_weierstrass(b[i]) - landscape_weierstrass(0.0);
    sum = sum / (double)dim;
    return 10.0 * sum * sum * sum + 10.0 / (double)dim * penalty;
}

/* f17, f18 */
static inline double landscape_f17(landscape_table t, landscape_row a, landscape_row b, unsigned dim)
{
    double penalty = landscape_penalty(a, dim);
    double sum = 0.0;

    landscape_shift(t, a, dim);
    landscape_turn(LANDSCAPE_R(t, dim), a, b, dim);
    landscape_asy_all(t, b, 0.5, dim);
    landscape_turn(LANDSCAPE_Q(t, dim), b, a, dim);
    landscape_scale(t, a, dim);
    for (unsigned i = 0; i + 1 < dim; i++) {
        double s = sqrt(a[i] * a[i] + a[i + 1] * a[i + 1]);

        sum += sqrt(s) * (1.0 + strict_square(strict_sin(50.0 * strict_power(s, 0.2))));
    }
    return strict_square(sum / (double)(dim - 1)) + 10.0 * penalty;
}

static inline double landscape_f19(landscape_table t, landscape_row a, landscape_row b, unsigned dim)
{
    double sum = 0.0;

    landscape_half_turn(t, a, b, dim);
    for (unsigned i = 0; i + 1 < dim; i++) {
        double s = landscape_valley(b, i);

        sum += s / 4000.0 - strict_cos(s) + 1.0;
    }
    return 10.0 * sum / (double)(dim - 1);
}

static inline double landscape_f20(landscape_table t, landscape_row a, landscape_row b, unsigned dim)
{
    double sum = 0.0, penalty;

    for (unsigned i = 0; i < dim; i++)
        a[i] = LANDSCAPE_X_OPT(t, dim)[i] > 0.0 ? 2.0 * a[i] : -2.0 * a[i];
    for (unsigned i = 0; i < dim; i++) {
        double best = 2.0 * fabs(LANDSCAPE_X_OPT(t, dim)[i]);
        double z = i == 0 ? a[0] : a[i] + 0.25 * (a[i - 1] - 2.0 * fabs(LANDSCAPE_X_OPT(t, dim)[i - 1]));

        b[i] = LANDSCAPE_SCALE(t, dim)[i] * (z - best) + best;
    }
    penalty = landscape_penalty(b, dim);
    for (unsigned i = 0; i < dim; i++) {
        double z = 100.0 * b[i];

        sum += LANDSCAPE_SCHWEFEL_OFFSET - z * strict_sin(sqrt(fabs(z)));
    }
    return sum / (100.0 * (double)dim) + 100.0 * penalty;
}

/* f21, f22: the distances are taken in rotated space, R y is in the table. */
static inline double landscape_f21(landscape_table t, landscape_row a, landscape_row b, unsigned peaks, unsigned dim)
{
    double penalty = landscape_penalty(a, dim);
    double best = 0.0;

    landscape_turn(LANDSCAPE_R(t, dim), a, b, dim);
    for (unsigned p = 0; p < peaks; p++) {
        landscape_table peak = LANDSCAPE_PEAKS(t, dim) + p * LANDSCAPE_PEAK_DOUBLES(dim);
        double sum = 0.0, height;

        for (unsigned i = 0; i < dim; i++)
            sum = fma(peak[1 + dim + i], strict_square(b[i] - peak[1 + i]), sum);
        height = peak[0] * strict_exp(-0.5 / (double)dim * sum);
        best = height > best ? height : best;
    }
    return strict_square(landscape_osz(10.0 - best)) + penalty;
}

static inline double landscape_f23(landscape_table t, landscape_row a, landscape_row b, unsigned dim)
{
    double penalty = landscape_penalty(a, dim);
    double product = 1.0, scale = 10.0 / ((double)dim * (double)dim);

    landscape_q_scale_r(t, a, b, dim);
    for (unsigned i = 0; i < dim; i++) {
        double sum = 0.0, two = 1.0;

        for (unsigned j = 0; j < 32; j++) {
            two = two * 2.0;
            sum += fabs(two * a[i] - rint(two * a[i])) / two;
        }
        product = product * strict_power(1.0 + (double)(i + 1) * sum, t[LANDSCAPE_FACTOR]);
    }
    return scale * product - scale + penalty;
}

static inline double landscape_f24(landscape_table t, landscape_row a, landscape_row b, unsigned dim)
{
    double penalty = landscape_penalty(a, dim);
    double s = 1.0 - 1.0 / (2.0 * sqrt((double)dim + 20.0) - 8.2);
    double mean_0 = 2.5, mean_1 = -sqrt((mean_0 * mean_0 - 1.0) / s);
    double first = 0.0, second = 0.0;

    for (unsigned i = 0; i < dim; i++) {
        double x = LANDSCAPE_X_OPT(t, dim)[i] > 0.0 ? 2.0 * a[i] : -2.0 * a[i];

        first += strict_square(x - mean_0);
        second += strict_square(x - mean_1);
        a[i] = x - mean_0;
    }
    second = (double)dim + s * second;
    landscape_turn(LANDSCAPE_R(t, dim), a, b, dim);
    landscape_scale(t, b, dim);
    landscape_turn(LANDSCAPE_Q(t, dim), b, a, dim);
    return (first < second ? first : second) + landscape_waves(a, dim) + 1e4 * penalty;
}

/* ---- classics ------------------------------------------------------------------------------------------- */

static inline double landscape_ackley(landscape_row x, unsigned dim)
{
    double waves = 0.0;

    for (unsigned i = 0; i < dim; i++)
        waves += strict_cos_turn(x[i]);
    return 20.0 - 20.0 * strict_exp(-0.2 * sqrt(landscape_squares(x, 0, dim) / (double)dim)) +
           (strict_exp(1.0) - strict_exp(waves / (double)dim));
}

static inline double landscape_griewank(landscape_row x, unsigned dim)
{
    double product = 1.0;

    for (unsigned i = 0; i < dim; i++)
        product = product * strict_cos(x[i] / sqrt((double)(i + 1)));
    return landscape_squares(x, 0, dim) / 4000.0 + (1.0 - product);
}

static inline double landscape_schwefel(landscape_row x, unsigned dim)
{
    double sum = 0.0;

    for (unsigned i = 0; i < dim; i++)
        sum += LANDSCAPE_SCHWEFEL_OFFSET - x[i] * strict_sin(sqrt(fabs(x[i])));
    return sum;
}

static inline double landscape_levy(landscape_row x, unsigned dim)
{
    double sum = 0.0, w = 1.0 + (x[0] - 1.0) * 0.25;

    sum = strict_square(strict_sin(STRICT_PI * (w - 1.0)));
    for (unsigned i = 0; i + 1 < dim; i++) {
        w = 1.0 + (x[i] - 1.0) * 0.25;
        sum += strict_square(w - 1.0) * (1.0 + 10.0 * strict_square(strict_sin(STRICT_PI * w + 1.0)));
    }
    w = 1.0 + (x[dim - 1] - 1.0) * 0.25;
    return sum + strict_square(w - 1.0) * (1.0 + strict_square(strict_sin(STRICT_TWO_PI * w)));
}

static inline double landscape_zakharov(landscape_row x, unsigned dim)
{
    double slope = 0.0;

    for (unsigned i = 0; i < dim; i++)
        slope = fma(0.5 * (double)(i + 1), x[i], slope);
    slope = slope * slope;
    return landscape_squares(x, 0, dim) + slope + slope * slope;
}

static inline double landscape_styblinski_tang(landscape_row x, unsigned dim)
{
    double sum = 0.0;

    for (unsigned i = 0; i < dim; i++) {
        double square = x[i] * x[i];

        sum += 0.5 * (square * square - 16.0 * square + 5.0 * x[i]) + LANDSCAPE_TANG_OFFSET;
    }
    return sum;
}

/* ---- by number -------------------------------------------------------------------------------------------- */

/* What is to be minimised, f_opt included. */
static inline double landscape_value(unsigned function, landscape_table t, landscape_row a, landscape_row b,
                                     unsigned dim)
{
    double value = 0.0;

    switch (function) {
    case 1:
        landscape_shift(t, a, dim);
        value = landscape_squares(a, 0, dim);
        break;
    case 2:
        landscape_shift(t, a, dim);
        landscape_osz_all(a, dim);
        value = landscape_weighted_squares(t, a, dim);
        break;
    case 3:
        value = landscape_f3(t, a, dim);
        break;
    case 4:
        value = landscape_f4(t, a, dim);
        break;
    case 5:
        value = landscape_f5(t, a, dim);
        break;
    case 6:
        value = landscape_f6(t, a, b, dim);
        break;
    case 7:
        value = landscape_f7(t, a, b, dim);
        break;
    case 8:
        value = landscape_f8(t, a, dim);
        break;
    case 9:
        landscape_half_turn(t, a, b, dim);
        value = landscape_rosenbrock(b, dim);
        break;
    case 10:
    case 11:
        value = landscape_f10(t, a, b, dim);
        break;
    case 12:
        value = landscape_f12(t, a, b, dim);
        break;
    case 13:
        value = landscape_f13(t, a, b, dim);
        break;
    case 14:
        value = landscape_f14(t, a, b, dim);
        break;
    case 15:
        value = landscape_f15(t, a, b, dim);
        break;
    case 16:
        value = landscape_f16(t, a, b, dim);
        break;
    case 17:
    case 18:
        value = landscape_f17(t, a, b, dim);
        break;
    case 19:
        value = landscape_f19(t, a, b, dim);
        break;
    case 20:
        value = landscape_f20(t, a, b, dim);
        break;
    case 21:
    case 22:
        value = landscape_f21(t, a, b, LANDSCAPE_PEAKS_OF(function), dim);
        break;
    case 23:
        value = landscape_f23(t, a, b, dim);
        break;
    case 24:
        value = landscape_f24(t, a, b, dim);
        break;
    case LANDSCAPE_ACKLEY:
        value = landscape_ackley(a, dim);
        break;
    case LANDSCAPE_GRIEWANK:
        value = landscape_griewank(a, dim);
        break;
    case LANDSCAPE_SCHWEFEL:
        value = landscape_schwefel(a, dim);
        break;
    case LANDSCAPE_LEVY:
        value = landscape_levy(a, dim);
        break;
    case LANDSCAPE_ZAKHAROV:
        value = landscape_zakharov(a, dim);
        break;
    case LANDSCAPE_STYBLINSKI_TANG:
        value = landscape_styblinski_tang(a, dim);
        break;
    default:
        return NAN;
    }
    return value + t[LANDSCAPE_F_OPT];
}
#endif
#endif
