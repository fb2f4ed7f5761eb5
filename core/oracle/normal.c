/*
 * normal.c - strict logarithm, exponential, sine and cosine, and Box-Muller on top.
 *
 * SPDX-License-Identifier: MIT
 */
#include "core/oracle/normal.h"

#include "core/oracle/normal_functions.h"

double strato_strict_log(double x)
{
    return normal_log(x);
}

double strato_strict_exp(double x)
{
    return normal_exp(x);
}

void strato_strict_sincos_turn(double turn, double *ret_sin, double *ret_cos)
{
    normal_sincos_turn(turn, ret_sin, ret_cos);
}

void strato_normal_pair(uint32_t first, uint32_t second, double ret[2])
{
    double radius = sqrt(-2.0 * normal_log(normal_uniform(first)));
    double s, c;

    normal_sincos_turn(normal_uniform(second), &s, &c);
    ret[0] = radius * c;
    ret[1] = radius * s;
}
