/*
 * backtest.h - what the report shows of one trading strategy: in the years it was bred on, and in those it never saw.
 *
 * The arithmetic is core/oracle/strategy.h, the same that fitness uses; this runs it over the ranges of the report and
 * holds the numbers together.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_CLI_REPORT_BACKTEST_H
#define STRATO_CLI_REPORT_BACKTEST_H

#include "cli/report/market.h"

struct backtest_side {
    struct strato_strategy_result in, out; /* the days fitness saw, and the rest */
    double *equity;                        /* [points] one run over all days, 1 at the start */
};

struct backtest {
    struct strato_strategy strategy;
    struct strato_strategy_rules rules;
    uint32_t from, split, days; /* day numbers in the market's data */
    uint32_t points;            /* days - from */
    const double *time;         /* [points] years; borrowed from the market */
    struct backtest_side evolved, hold;
};

/** @return 0; STRATO_EINVAL (the market is too short); STRATO_ENOMEM. The market must outlive it. */
int backtest_init(struct backtest *bt, const double genes[STRATO_STRATEGY_DIM], const struct market *market,
                  const struct strato_strategy_rules *rules);
void backtest_fini(struct backtest *bt);
/** Growth per year of a result, e.g. 0.07. */
double backtest_annual_growth(const struct strato_strategy_result *result);
/** One honest sentence about the years the strategy never saw. Static text. */
const char *backtest_verdict(const struct backtest *bt);
#endif
