/*
 * strict.cl - arithmetic that gives the same bits as core/oracle/strict.h, sixteen lanes at a time.
 *
 * Joined in front of the other kernels, behind the shared constants. SPDX-License-Identifier: MIT
 */
#pragma OPENCL FP_CONTRACT OFF
#ifdef cl_khr_fp64
#pragma OPENCL EXTENSION cl_khr_fp64 : enable
#define STRATO_HAS_F64
#endif

float16 strict_cos_turn_f32(float16 x)
{
    float16 r = x - rint(x);
    float16 t = r * r;
    float16 p = (float16)(STRATO_COS_F32_6);

    p = fma(p, t, (float16)(STRATO_COS_F32_5));
    p = fma(p, t, (float16)(STRATO_COS_F32_4));
    p = fma(p, t, (float16)(STRATO_COS_F32_3));
    p = fma(p, t, (float16)(STRATO_COS_F32_2));
    p = fma(p, t, (float16)(STRATO_COS_F32_1));
    return fma(p, t, (float16)(1.0f));
}

float strict_fold_f32(float16 lanes)
{
    float8 eight = lanes.lo + lanes.hi;
    float4 four = eight.lo + eight.hi;
    float2 two = four.lo + four.hi;

    return two.x + two.y;
}

/* The first n < 16 elements, the rest 0. */
float16 strict_tail_f32(global const float *row, uint n)
{
    float lanes[16];

    for (uint l = 0; l < 16; l++)
        lanes[l] = l < n ? row[l] : 0.0f;
    return vload16(0, lanes);
}

/* Terms of the first n lanes. The others add +0, which changes no lane: a partial sum is never -0. */
float16 strict_keep_f32(float16 term, uint n)
{
    return select((float16)(0.0f), term, (int16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15) < (int16)((int)n));
}

#ifdef STRATO_HAS_F64
double16 strict_cos_turn_f64(double16 x)
{
    double16 r = x - rint(x);
    double16 t = r * r;
    double16 p = (double16)(STRATO_COS_F64_10);

    p = fma(p, t, (double16)(STRATO_COS_F64_9));
    p = fma(p, t, (double16)(STRATO_COS_F64_8));
    p = fma(p, t, (double16)(STRATO_COS_F64_7));
    p = fma(p, t, (double16)(STRATO_COS_F64_6));
    p = fma(p, t, (double16)(STRATO_COS_F64_5));
    p = fma(p, t, (double16)(STRATO_COS_F64_4));
    p = fma(p, t, (double16)(STRATO_COS_F64_3));
    p = fma(p, t, (double16)(STRATO_COS_F64_2));
    p = fma(p, t, (double16)(STRATO_COS_F64_1));
    return fma(p, t, (double16)(1.0));
}

double strict_fold_f64(double16 lanes)
{
    double8 eight = lanes.lo + lanes.hi;
    double4 four = eight.lo + eight.hi;
    double2 two = four.lo + four.hi;

    return two.x + two.y;
}

double16 strict_tail_f64(global const double *row, uint n)
{
    double lanes[16];

    for (uint l = 0; l < 16; l++)
        lanes[l] = l < n ? row[l] : 0.0;
    return vload16(0, lanes);
}

double16 strict_keep_f64(double16 term, uint n)
{
    return select((double16)(0.0), term,
                  (long16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15) < (long16)((long)n));
}
#endif
