/* rastrigin.c - see rastrigin.h. SPDX-License-Identifier: MIT */
#include "core/oracle/rastrigin.h"

#include "core/oracle/strict.h"

float strato_rastrigin_f32(const float *row, uint32_t dim)
{
    float lanes[STRATO_LANES] = { 0 };

    for (uint32_t i = 0; i < dim; i++)
        lanes[i % STRATO_LANES] += fmaf(row[i], row[i], fmaf(-10.0F, strato_strict_cos_turn_f32(row[i]), 10.0F));
    return 0.0F - strato_strict_fold_f32(lanes);
}

double strato_rastrigin_f64(const double *row, uint32_t dim)
{
    double lanes[STRATO_LANES] = { 0 };

    for (uint32_t i = 0; i < dim; i++)
        lanes[i % STRATO_LANES] += fma(row[i], row[i], fma(-10.0, strato_strict_cos_turn_f64(row[i]), 10.0));
    return 0.0 - strato_strict_fold_f64(lanes);
}
