/*
 * backtest.c - four runs and two equity curves.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cli/report/backtest.h"

#include <math.h>
#include <stdlib.h>

#include "core/errors.h"

/* In sample, out of sample, and the curve over both. */
static int run_evolved(struct backtest *bt, const struct strato_strategy_data *data)
{
    struct strato_strategy_result whole;
    int rc = strato_strategy_run(&bt->strategy, data, &bt->rules, bt->from, bt->split, NULL, &bt->evolved.in);

    if (rc == 0)
        rc = strato_strategy_run(&bt->strategy, data, &bt->rules, bt->split, bt->days, NULL, &bt->evolved.out);
    if (rc == 0)
        rc = strato_strategy_run(&bt->strategy, data, &bt->rules, bt->from, bt->days, bt->evolved.equity, &whole);
    return rc;
}

static int run_hold(struct backtest *bt, const struct strato_strategy_data *data)
{
    struct strato_strategy_result whole;
    int rc = strato_strategy_buy_and_hold(data, &bt->rules, bt->from, bt->split, NULL, &bt->hold.in);

    if (rc == 0)
        rc = strato_strategy_buy_and_hold(data, &bt->rules, bt->split, bt->days, NULL, &bt->hold.out);
    if (rc == 0)
        rc = strato_strategy_buy_and_hold(data, &bt->rules, bt->from, bt->days, bt->hold.equity, &whole);
    return rc;
}

int backtest_init(struct backtest *bt, const double genes[STRATO_STRATEGY_DIM], const struct market *market,
                  const struct strato_strategy_rules *rules)
{
    struct strato_strategy_data data = { 0 };
    int rc;

    *bt = (struct backtest){ .rules = *rules, .from = STRATO_STRATEGY_WARMUP, .days = market->days };
    rc = strato_strategy_data_init(&data, market->closes, market->days);
    if (rc < 0)
        return rc;
    bt->split = strato_strategy_split(bt->days, rules->train);
    bt->points = bt->days - bt->from;
    bt->time = market->time + bt->from;
    bt->evolved.equity = calloc(bt->points, sizeof(double));
    bt->hold.equity = calloc(bt->points, sizeof(double));
    rc = bt->evolved.equity && bt->hold.equity ? 0 : STRATO_ENOMEM;
    strato_strategy_decode(genes, &bt->strategy);
    if (rc == 0)
        rc = run_evolved(bt, &data);
    if (rc == 0)
        rc = run_hold(bt, &data);
    strato_strategy_data_fini(&data);
    if (rc < 0)
        backtest_fini(bt);
    return rc;
}

void backtest_fini(struct backtest *bt)
{
    free(bt->evolved.equity);
    free(bt->hold.equity);
    *bt = (struct backtest){ 0 };
}

double backtest_annual_growth(const struct strato_strategy_result *result)
{
    if (result->days == 0 || result->total_return <= -1)
        return -1;
    return pow(1 + result->total_return, STRATO_STRATEGY_YEAR / result->days) - 1;
}

const char *backtest_verdict(const struct backtest *bt)
{
    const struct strato_strategy_result *ours = &bt->evolved.out, *theirs = &bt->hold.out;

    if (ours->total_return < 0)
        return "In the years it never saw, the strategy lost money. What it learnt did not carry over.";
    if (ours->sharpe < theirs->sharpe && ours->total_return < theirs->total_return)
        return "In the years it never saw, the strategy earned less than buying and holding, also for the risk it "
               "took. "
               "Most of what it learnt did not carry over.";
    if (ours->sharpe < theirs->sharpe)
        return "In the years it never saw, the strategy earned more than buying and holding, but took more risk for "
               "it.";
    if (ours->total_return < theirs->total_return)
        return "In the years it never saw, the strategy earned less than buying and holding, with less risk: a better "
               "return for the "
               "risk, not a better return.";
    return "In the years it never saw, the strategy earned more than buying and holding, and more for the risk it "
           "took. One test period "
           "is one sample: no proof that it goes on.";
}
