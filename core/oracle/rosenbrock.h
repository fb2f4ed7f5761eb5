/*
 * rosenbrock.h - -sum(100 (x[i+1] - x[i]^2)^2 + (1 - x[i])^2): optimum 0 at (1, ..., 1).
 *
 * Maximised (behaviour.md section 2.2). Terms add to lane i % 16, lanes fold in strict.h's order: the same
 * bits as worker/kernels/rosenbrock.cl on every device.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_ORACLE_ROSENBROCK_H
#define STRATO_ORACLE_ROSENBROCK_H

#include <stdint.h>

/** Fitness of one row of `dim` genes. */
float strato_rosenbrock_f32(const float *row, uint32_t dim);
double strato_rosenbrock_f64(const double *row, uint32_t dim);
#endif
