/*
 * landscape_numbers.h - the numbers of the benchmark functions. Preprocessor lines only: kernels read them too.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_ORACLE_LANDSCAPE_NUMBERS_H
#define STRATO_ORACLE_LANDSCAPE_NUMBERS_H

/* Numbers of the functions: 1..24 are BBOB's. */
#define LANDSCAPE_BBOB_COUNT      24
#define LANDSCAPE_ACKLEY          101
#define LANDSCAPE_GRIEWANK        102
#define LANDSCAPE_SCHWEFEL        103
#define LANDSCAPE_LEVY            104
#define LANDSCAPE_ZAKHAROV        105
#define LANDSCAPE_STYBLINSKI_TANG 106
#endif
