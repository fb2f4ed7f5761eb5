/* sphere.c - see sphere.h. SPDX-License-Identifier: MIT */
#include "core/oracle/sphere.h"

#include "core/oracle/strict.h"

float strato_sphere_f32(const float *row, uint32_t dim)
{
    float lanes[STRATO_LANES] = { 0 };

    for (uint32_t i = 0; i < dim; i++)
        lanes[i % STRATO_LANES] = fmaf(row[i], row[i], lanes[i % STRATO_LANES]);
    return 0.0F - strato_strict_fold_f32(lanes);
}

double strato_sphere_f64(const double *row, uint32_t dim)
{
    double lanes[STRATO_LANES] = { 0 };

    for (uint32_t i = 0; i < dim; i++)
        lanes[i % STRATO_LANES] = fma(row[i], row[i], lanes[i % STRATO_LANES]);
    return 0.0 - strato_strict_fold_f64(lanes);
}
