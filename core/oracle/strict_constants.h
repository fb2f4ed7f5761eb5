/*
 * strict_constants.h - coefficients of the strict cos(2 pi x), shared by the C oracle and the OpenCL kernels.
 *
 * Preprocessor lines only, so that OpenCL C can read the file. cos(2 pi r) = 1 + t (C1 + t (C2 + ...)) with
 * t = r * r, r in [-1/2, 1/2]: Chebyshev interpolation of (cos(2 pi sqrt t) - 1) / t, rounded to the type. The
 * first coefficient is exactly 1, so Rastrigin's optimum is exactly 0. Largest absolute error: 4e-7 (f32, 7
 * coefficients), 9e-16 (f64, 11).
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_ORACLE_STRICT_CONSTANTS_H
#define STRATO_ORACLE_STRICT_CONSTANTS_H

/* Partial sums of every reduction: element i adds to lane i % 16; 16 lanes fold to 8, 4, 2, 1. */
#define STRATO_LANES      16

#define STRATO_COS_F32_1  -0x1.3bd3cc0p+4f
#define STRATO_COS_F32_2  0x1.03c1e20p+6f
#define STRATO_COS_F32_3  -0x1.55d14a0p+6f
#define STRATO_COS_F32_4  0x1.e19f560p+5f
#define STRATO_COS_F32_5  -0x1.a197ee0p+4f
#define STRATO_COS_F32_6  0x1.ad94f80p+2f

#define STRATO_COS_F64_1  -0x1.3bd3cc9be45dep+4
#define STRATO_COS_F64_2  0x1.03c1f081b5aa5p+6
#define STRATO_COS_F64_3  -0x1.55d3c7e3cb060p+6
#define STRATO_COS_F64_4  0x1.e1f50688b7ba4p+5
#define STRATO_COS_F64_5  -0x1.a6d1f28db07a0p+4
#define STRATO_COS_F64_6  0x1.f9d3857691927p+2
#define STRATO_COS_F64_7  -0x1.b6e1a1e254732p+0
#define STRATO_COS_F64_8  0x1.20b6dade08729p-2
#define STRATO_COS_F64_9  -0x1.28682d77b866cp-5
#define STRATO_COS_F64_10 0x1.bd24e60729be4p-9
#endif
