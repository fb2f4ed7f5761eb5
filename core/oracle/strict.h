/*
 * strict.h - arithmetic that gives the same bits in C and in OpenCL: cos(2 pi x) and sums of fixed shape.
 *
 * Nothing here is contracted (-ffp-contract=off), reordered, or left to libm's taste: fma and rint are exact
 * operations of IEEE 754, all else is +, - and *. The kernels in worker/kernels/strict.cl do the same steps
 * on float16; a test compares them bit for bit. Rule: gpu.md sections 4 and 6, "strict mode".
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_ORACLE_STRICT_H
#define STRATO_ORACLE_STRICT_H

#include <math.h>

#include "core/oracle/strict_constants.h"

/** cos(2 pi x); NaN for infinities and NaN. */
static inline float strato_strict_cos_turn_f32(float x)
{
    float r = x - rintf(x); /* exact, in [-1/2, 1/2] */
    float t = r * r;
    float p = STRATO_COS_F32_6;

    p = fmaf(p, t, STRATO_COS_F32_5);
    p = fmaf(p, t, STRATO_COS_F32_4);
    p = fmaf(p, t, STRATO_COS_F32_3);
    p = fmaf(p, t, STRATO_COS_F32_2);
    p = fmaf(p, t, STRATO_COS_F32_1);
    return fmaf(p, t, 1.0F);
}

static inline double strato_strict_cos_turn_f64(double x)
{
    double r = x - rint(x);
    double t = r * r;
    double p = STRATO_COS_F64_10;

    p = fma(p, t, STRATO_COS_F64_9);
    p = fma(p, t, STRATO_COS_F64_8);
    p = fma(p, t, STRATO_COS_F64_7);
    p = fma(p, t, STRATO_COS_F64_6);
    p = fma(p, t, STRATO_COS_F64_5);
    p = fma(p, t, STRATO_COS_F64_4);
    p = fma(p, t, STRATO_COS_F64_3);
    p = fma(p, t, STRATO_COS_F64_2);
    p = fma(p, t, STRATO_COS_F64_1);
    return fma(p, t, 1.0);
}

/** Fold 16 lanes in the one fixed order: lane l takes lane l + 8, then + 4, + 2, + 1. Destroys them. */
static inline float strato_strict_fold_f32(float lanes[STRATO_LANES])
{
    for (unsigned half = STRATO_LANES / 2; half > 0; half /= 2)
        for (unsigned l = 0; l < half; l++)
            lanes[l] += lanes[l + half];
    return lanes[0];
}

static inline double strato_strict_fold_f64(double lanes[STRATO_LANES])
{
    for (unsigned half = STRATO_LANES / 2; half > 0; half /= 2)
        for (unsigned l = 0; l < half; l++)
            lanes[l] += lanes[l + half];
    return lanes[0];
}
#endif
