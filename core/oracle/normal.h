/*
 * normal.h - normal deviates that are the same bits on every machine.
 *
 * Box-Muller on our own logarithm, sine and cosine: only +, -, *, /, and sqrt in double, each correctly
 * rounded by IEEE 754 and never contracted (-ffp-contract=off), so no libm decides the result. The functions
 * are good to about 1e-12, far below what a distribution test can see. Rule: gpu.md section 6, "RNG".
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_ORACLE_NORMAL_H
#define STRATO_ORACLE_NORMAL_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Natural logarithm of a finite x > 0. */
double strato_strict_log(double x);
/** e^x for |x| <= 700. */
double strato_strict_exp(double x);
/** sin and cos of 2 pi turn, turn in [0, 1]. */
void strato_strict_sincos_turn(double turn, double *ret_sin, double *ret_cos);

/** Two independent N(0, 1) deviates from two random words. */
void strato_normal_pair(uint32_t first, uint32_t second, double ret[2]);

#ifdef __cplusplus
}
#endif
#endif
