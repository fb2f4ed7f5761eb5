/*
 * vadd.h - sum[i] = a[i] + b[i], the hello of every GPU. Reference of worker/kernels/vadd.cl.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_ORACLE_VADD_H
#define STRATO_ORACLE_VADD_H

#include <stdint.h>

/** float32 [n] each; `sum` may be `a` or `b`. */
void strato_vadd_f32(const float *a, const float *b, float *sum, uint64_t n);
#endif
