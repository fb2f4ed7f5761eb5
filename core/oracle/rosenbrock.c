/* rosenbrock.c - see rosenbrock.h. SPDX-License-Identifier: MIT */
#include "core/oracle/rosenbrock.h"

#include "core/oracle/strict.h"

float strato_rosenbrock_f32(const float *row, uint32_t dim)
{
    float lanes[STRATO_LANES] = { 0 };

    for (uint32_t i = 0; i + 1 < dim; i++) {
        float bend = fmaf(-row[i], row[i], row[i + 1]);
        float rest = 1.0F - row[i];

        lanes[i % STRATO_LANES] += fmaf(100.0F * bend, bend, rest * rest);
    }
    return 0.0F - strato_strict_fold_f32(lanes);
}

double strato_rosenbrock_f64(const double *row, uint32_t dim)
{
    double lanes[STRATO_LANES] = { 0 };

    for (uint32_t i = 0; i + 1 < dim; i++) {
        double bend = fma(-row[i], row[i], row[i + 1]);
        double rest = 1.0 - row[i];

        lanes[i % STRATO_LANES] += fma(100.0 * bend, bend, rest * rest);
    }
    return 0.0 - strato_strict_fold_f64(lanes);
}
