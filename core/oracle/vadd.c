/* vadd.c - see vadd.h. SPDX-License-Identifier: MIT */
#include "core/oracle/vadd.h"

void strato_vadd_f32(const float *a, const float *b, float *sum, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++)
        sum[i] = a[i] + b[i];
}
