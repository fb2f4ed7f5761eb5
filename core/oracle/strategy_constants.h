/*
 * strategy_constants.h - the numbers of the strategy back-test, shared by the C oracle and the OpenCL kernel.
 *
 * Preprocessor lines only, so that OpenCL C can read the file. What they mean: strategy.h.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_ORACLE_STRATEGY_CONSTANTS_H
#define STRATO_ORACLE_STRATEGY_CONSTANTS_H

#define STRATO_STRATEGY_MARKETS      4
#define STRATO_STRATEGY_MARKET_GENES 5
#define STRATO_STRATEGY_SHARED_GENES 4
#define STRATO_STRATEGY_DIM          24 /* MARKETS * MARKET_GENES + SHARED_GENES */

/* Nothing is decided before this day, whatever the genome, so that all are judged on the same days. */
#define STRATO_STRATEGY_WARMUP        250

#define STRATO_STRATEGY_FAST_MIN      2
#define STRATO_STRATEGY_FAST_MAX      40
#define STRATO_STRATEGY_GAP_MIN       5 /* slow = fast + gap */
#define STRATO_STRATEGY_GAP_MAX       200
#define STRATO_STRATEGY_LOOK_MIN      5
#define STRATO_STRATEGY_LOOK_MAX      250
#define STRATO_STRATEGY_THRESHOLD_MIN -0.05
#define STRATO_STRATEGY_THRESHOLD_MAX 0.15
#define STRATO_STRATEGY_EXPOSURE_MIN  0.2
#define STRATO_STRATEGY_EXPOSURE_MAX  1.0
#define STRATO_STRATEGY_BAND_MAX      0.2

/* The data has 260 closes to a year. */
#define STRATO_STRATEGY_YEAR             260.0
#define STRATO_STRATEGY_SQRT_YEAR        16.124515496597098
#define STRATO_STRATEGY_DRAWDOWN_PENALTY 1.0
#define STRATO_STRATEGY_TURNOVER_PENALTY 0.005
/* Fitness of a genome that lost everything. */
#define STRATO_STRATEGY_RUIN -1000.0
#endif
