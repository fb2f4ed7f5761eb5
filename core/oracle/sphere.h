/*
 * sphere.h - -sum(x^2): optimum 0 at the origin.
 *
 * Maximised (behaviour.md section 2.2). Terms add to lane i % 16, lanes fold in strict.h's order: the same
 * bits as worker/kernels/sphere.cl on every device.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_ORACLE_SPHERE_H
#define STRATO_ORACLE_SPHERE_H

#include <stdint.h>

/** Fitness of one row of `dim` genes. */
float strato_sphere_f32(const float *row, uint32_t dim);
double strato_sphere_f64(const double *row, uint32_t dim);
#endif
