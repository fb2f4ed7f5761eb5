/*
 * json.c - result.json.
 *
 * SPDX-License-Identifier: MIT
 */
#include <jansson.h>
#include <math.h>

#include "cli/report/report.h"

/* JSON knows no NaN and no infinity. */
static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *numbers(const double *values, size_t count)
{
    json_t *array = json_array();

    for (size_t i = 0; i < count; i++)
        json_array_append_new(array, number(values[i]));
    return array;
}

static json_t *outcome(const struct strato_strategy_result *r)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:I}", "sharpe", number(r->sharpe), "total_return",
                     number(r->total_return), "annual_growth", number(backtest_annual_growth(r)), "volatility",
                     number(r->volatility), "drawdown", number(r->drawdown), "turnover", number(r->turnover), "trades",
                     (json_int_t)r->trades, "days", (json_int_t)r->days, "days_in", (json_int_t)r->days_in);
}

static json_t *parameters(const struct strato_strategy *s)
{
    json_t *object = json_pack("{s:o, s:o, s:o, s:o}", "trend_share", number(s->trend_share), "short_share",
                               number(s->short_share), "exposure", number(s->exposure), "band", number(s->band));

    for (uint32_t m = 0; m < STRATO_STRATEGY_MARKETS; m++)
        json_object_set_new(object, strato_strategy_market_name(m),
                            json_pack("{s:I, s:I, s:I, s:o, s:o}", "fast", (json_int_t)s->market[m].fast, "slow",
                                      (json_int_t)s->market[m].slow, "look_back", (json_int_t)s->market[m].look_back,
                                      "threshold", number(s->market[m].threshold), "weight",
                                      number(s->market[m].weight)));
    return object;
}

static json_t *tested(const struct backtest *bt)
{
    return json_pack("{s:o, s:o, s:I, s:I, s:{s:o, s:o}, s:{s:o, s:o}, s:o, s:s}", "cost", number(bt->rules.cost),
                     "train", number(bt->rules.train), "first_day", (json_int_t)bt->from, "split_day",
                     (json_int_t)bt->split, "strategy", "in_sample", outcome(&bt->evolved.in), "out_of_sample",
                     outcome(&bt->evolved.out), "buy_and_hold", "in_sample", outcome(&bt->hold.in), "out_of_sample",
                     outcome(&bt->hold.out), "parameters", parameters(&bt->strategy), "verdict", backtest_verdict(bt));
}

char *report_json(const struct report_run *run)
{
    json_t *root = json_pack("{s:s, s:I, s:I, s:I, s:I, s:s, s:I, s:o, s:I, s:o, s:o}", "problem", run->problem, "seed",
                             (json_int_t)run->seed, "population", (json_int_t)run->population, "dim",
                             (json_int_t)run->dim, "generations", (json_int_t)run->generations, "dtype", run->dtype,
                             "evaluations", (json_int_t)run->evaluations, "seconds", number(run->seconds),
                             "workers_most", (json_int_t)run->workers_most, "best_fitness", number(run->best_fitness),
                             "genome", numbers(run->genome, run->genome ? run->dim : 0));
    char *text;

    json_object_set_new(root, "progress",
                        json_pack("{s:o, s:o, s:o}", "generation", numbers(run->generation, run->points), "best",
                                  numbers(run->best, run->points), "mean", numbers(run->mean, run->points)));
    if (run->backtest)
        json_object_set_new(root, "backtest", tested(run->backtest));
    text = json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION(17) | JSON_PRESERVE_ORDER);
    json_decref(root);
    return text;
}
