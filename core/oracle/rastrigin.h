/*
 * rastrigin.h - -sum(x^2 + 10 - 10 cos(2 pi x)): optimum 0 at the origin, a trap at every whole number.
 *
 * Maximised (behaviour.md section 2.2). Terms add to lane i % 16, lanes fold in strict.h's order: the same
 * bits as worker/kernels/rastrigin.cl on every device.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_ORACLE_RASTRIGIN_H
#define STRATO_ORACLE_RASTRIGIN_H

#include <stdint.h>

/** Fitness of one row of `dim` genes. */
float strato_rastrigin_f32(const float *row, uint32_t dim);
double strato_rastrigin_f64(const double *row, uint32_t dim);
#endif
