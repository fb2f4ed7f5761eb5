/*
 * strategy.c - decode a genome, walk through the days, judge the equity curve.
 *
 * worker/kernels/strategy.cl does the same operations in the same order; change both or neither.
 *
 * SPDX-License-Identifier: MIT
 */
#include "core/oracle/strategy.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/errors.h"

enum { MARKETS = STRATO_STRATEGY_MARKETS };

static const char *const market_names[MARKETS] = { "DAX", "SMI", "CAC", "FTSE" };
#define MARKET_GENES(m) m ".fast", m ".slow", m ".look_back", m ".threshold", m ".weight"
static const char *const gene_names[STRATO_STRATEGY_DIM] = {
    MARKET_GENES("DAX"), MARKET_GENES("SMI"), MARKET_GENES("CAC"), MARKET_GENES("FTSE"),
    "trend_share",       "short_share",       "exposure",          "band",
};

uint32_t strato_strategy_dim(void)
{
    return STRATO_STRATEGY_DIM;
}

const char *strato_strategy_gene_name(uint32_t gene)
{
    return gene < STRATO_STRATEGY_DIM ? gene_names[gene] : NULL;
}

const char *strato_strategy_market_name(uint32_t market)
{
    return market < MARKETS ? market_names[market] : NULL;
}

/* ---- genome -------------------------------------------------------------------------------------- */

/** Into [0, 1]; NaN fails both comparisons and becomes 0. */
static double unit(double gene)
{
    if (gene > 0.0)
        return gene < 1.0 ? gene : 1.0;
    return 0.0;
}

/** min..max, every whole number with the same share of [0, 1]. */
static uint32_t whole(double gene, uint32_t min, uint32_t max)
{
    uint32_t step = (uint32_t)(unit(gene) * (double)(max - min + 1));

    return step > max - min ? max : min + step;
}

static double between(double gene, double min, double max)
{
    return min + unit(gene) * (max - min);
}

void strato_strategy_decode(const double genes[STRATO_STRATEGY_DIM], struct strato_strategy *ret_strategy)
{
    const double *shared = genes + MARKETS * STRATO_STRATEGY_MARKET_GENES;

    for (unsigned m = 0; m < MARKETS; m++) {
        const double *own = genes + m * STRATO_STRATEGY_MARKET_GENES;
        struct strato_strategy_market *market = &ret_strategy->market[m];

        market->fast = whole(own[0], STRATO_STRATEGY_FAST_MIN, STRATO_STRATEGY_FAST_MAX);
        market->slow = market->fast + whole(own[1], STRATO_STRATEGY_GAP_MIN, STRATO_STRATEGY_GAP_MAX);
        market->look_back = whole(own[2], STRATO_STRATEGY_LOOK_MIN, STRATO_STRATEGY_LOOK_MAX);
        market->threshold = between(own[3], STRATO_STRATEGY_THRESHOLD_MIN, STRATO_STRATEGY_THRESHOLD_MAX);
        market->weight = unit(own[4]);
    }
    ret_strategy->trend_share = unit(shared[0]);
    ret_strategy->short_share = unit(shared[1]) < 0.5 ? 0.0 : 2.0 * unit(shared[1]) - 1.0;
    ret_strategy->exposure = between(shared[2], STRATO_STRATEGY_EXPOSURE_MIN, STRATO_STRATEGY_EXPOSURE_MAX);
    ret_strategy->band = between(shared[3], 0.0, STRATO_STRATEGY_BAND_MAX);
}

/* ---- data ---------------------------------------------------------------------------------------- */

static bool are_prices(const double *closes, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        if (!(closes[i] > 0.0) || !isfinite(closes[i]))
            return false;
    return true;
}

int strato_strategy_data_init(struct strato_strategy_data *data, const void *closes, uint64_t days)
{
    int rc = STRATO_ENOMEM;

    memset(data, 0, sizeof(*data));
    if (days < STRATO_STRATEGY_DAYS_MIN || days > STRATO_STRATEGY_DAYS_MAX)
        return STRATO_EINVAL;
    data->days = (uint32_t)days;
    data->closes = malloc(days * MARKETS * sizeof(double));
    data->sums = calloc((days + 1) * MARKETS, sizeof(double));
    if (!data->closes || !data->sums)
        goto out;
    memcpy(data->closes, closes, days * MARKETS * sizeof(double));
    rc = STRATO_EINVAL;
    if (!are_prices(data->closes, days * MARKETS))
        goto out;
    for (uint64_t i = 0; i < days * MARKETS; i++)
        data->sums[i + MARKETS] = data->sums[i] + data->closes[i];
    rc = 0;
out:
    if (rc < 0)
        strato_strategy_data_fini(data);
    return rc;
}

void strato_strategy_data_fini(struct strato_strategy_data *data)
{
    free(data->closes);
    free(data->sums);
    memset(data, 0, sizeof(*data));
}

uint32_t strato_strategy_split(uint32_t days, double train)
{
    return (uint32_t)(train * (double)days);
}

/* ---- one run ------------------------------------------------------------------------------------- */

/** What a walk through the days has come to so far. */
struct walk {
    double held[MARKETS]; /* position, as a share of equity */
    double equity, peak, drawdown;
    double sum, squares; /* of the daily net returns */
    double turnover;
    uint32_t trades, days, days_in;
    bool is_ruined;
};
#define WALK_START ((struct walk){ .equity = 1.0, .peak = 1.0 })

/** Mean of the `length` closes up to and with day t. */
static double mean_close(const struct strato_strategy_data *data, uint32_t t, unsigned m, uint32_t length)
{
    const double *sums = data->sums + m;

    return (sums[(t + 1) * MARKETS] - sums[(t + 1 - length) * MARKETS]) / (double)length;
}

/** -1..1: how the two votes stand at the close of day t. */
static double score_market(const struct strato_strategy *s, const struct strato_strategy_data *data, uint32_t t,
                           unsigned m)
{
    const struct strato_strategy_market *market = &s->market[m];
    const double *closes = data->closes + m;
    double before = closes[(t - market->look_back) * MARKETS];
    double trend = mean_close(data, t, m, market->fast) > mean_close(data, t, m, market->slow) ? 1.0 : -1.0;
    double momentum = closes[t * MARKETS] > (1.0 + market->threshold) * before ? 1.0 : -1.0;

    return s->trend_share * trend + (1.0 - s->trend_share) * momentum;
}

/** Trade towards the targets of day t; returns the turnover. */
static double trade(const struct strato_strategy *s, const struct strato_strategy_data *data, uint32_t t,
                    double weights, struct walk *walk)
{
    double turnover = 0.0;

    for (unsigned m = 0; m < MARKETS; m++) {
        double score = score_market(s, data, t, m);
        double size = weights > 0.0 ? s->market[m].weight / weights * s->exposure : 0.0;
        double target = size * (score > 0.0 ? score : s->short_share * score);
        double change = fabs(target - walk->held[m]);

        /* A small change waits, but never on the wrong side of the market. */
        if (change > s->band || (target * walk->held[m] <= 0.0 && change > 0.0)) {
            turnover += change;
            walk->held[m] = target;
            walk->trades++;
        }
    }
    return turnover;
}

/** Earn the returns from day t to t + 1, and let the positions drift with them. */
static void earn(const struct strato_strategy_data *data, uint32_t t, double kept, struct walk *walk)
{
    const double *today = data->closes + (size_t)t * MARKETS;
    double returns[MARKETS];
    double growth = 1.0;
    double net;
    bool is_in = false;

    for (unsigned m = 0; m < MARKETS; m++) {
        returns[m] = today[MARKETS + m] / today[m] - 1.0;
        growth += walk->held[m] * returns[m];
        is_in = is_in || walk->held[m] < 0.0 || walk->held[m] > 0.0;
    }
    if (!(growth > 0.0)) {
        walk->is_ruined = true;
        return;
    }
    for (unsigned m = 0; m < MARKETS; m++)
        walk->held[m] = walk->held[m] * (1.0 + returns[m]) / growth;
    net = kept * growth - 1.0;
    walk->equity = walk->equity * (1.0 + net);
    walk->sum += net;
    walk->squares += net * net;
    if (walk->equity > walk->peak)
        walk->peak = walk->equity;
    if (1.0 - walk->equity / walk->peak > walk->drawdown)
        walk->drawdown = 1.0 - walk->equity / walk->peak;
    walk->days++;
    walk->days_in += is_in;
}

static void judge(const struct walk *walk, struct strato_strategy_result *ret)
{
    double days = (double)walk->days;
    double mean = walk->sum / days;
    double variance = walk->squares / days - mean * mean;
    double sharpe = variance > 0.0 ? mean / sqrt(variance) * STRATO_STRATEGY_SQRT_YEAR : 0.0;
    double turnover = walk->turnover * STRATO_STRATEGY_YEAR / days;

    *ret = (struct strato_strategy_result){ .drawdown = 1.0,
                                            .total_return = -1.0,
                                            .trades = walk->trades,
                                            .days = walk->days,
                                            .days_in = walk->days_in,
                                            .fitness = STRATO_STRATEGY_RUIN };
    if (walk->is_ruined)
        return;
    ret->sharpe = sharpe;
    ret->turnover = turnover;
    ret->drawdown = walk->drawdown;
    ret->total_return = walk->equity - 1.0;
    ret->volatility = variance > 0.0 ? sqrt(variance) * STRATO_STRATEGY_SQRT_YEAR : 0.0;
    ret->fitness =
        sharpe - STRATO_STRATEGY_DRAWDOWN_PENALTY * walk->drawdown - STRATO_STRATEGY_TURNOVER_PENALTY * turnover;
}

static bool is_range(const struct strato_strategy_data *data, uint32_t from, uint32_t to)
{
    return from >= STRATO_STRATEGY_WARMUP && to <= data->days && to >= 2 && from <= to - 2;
}

/** After ruin the curve stays at nothing. */
static void run(const struct strato_strategy *strategy, const struct strato_strategy_data *data,
                const struct strato_strategy_rules *rules, uint32_t from, uint32_t to, double *ret_equity,
                struct walk *walk)
{
    double weights = 0.0;

    if (strategy)
        for (unsigned m = 0; m < MARKETS; m++)
            weights += strategy->market[m].weight;
    for (uint32_t t = from; t + 1 < to; t++) {
        double turnover = 0.0;

        if (ret_equity)
            ret_equity[t - from] = walk->is_ruined ? 0.0 : walk->equity;
        if (walk->is_ruined)
            continue;
        if (strategy) {
            turnover = trade(strategy, data, t, weights, walk);
        } else if (t == from) {
            for (unsigned m = 0; m < MARKETS; m++)
                walk->held[m] = 1.0 / MARKETS;
            walk->trades = MARKETS;
            turnover = 1.0;
        }
        walk->turnover += turnover;
        earn(data, t, 1.0 - rules->cost * turnover, walk);
    }
    if (ret_equity)
        ret_equity[to - 1 - from] = walk->is_ruined ? 0.0 : walk->equity;
}

int strato_strategy_run(const struct strato_strategy *strategy, const struct strato_strategy_data *data,
                        const struct strato_strategy_rules *rules, uint32_t from, uint32_t to, double *ret_equity,
                        struct strato_strategy_result *ret_result)
{
    struct walk walk = WALK_START;

    if (!is_range(data, from, to))
        return STRATO_EINVAL;
    run(strategy, data, rules, from, to, ret_equity, &walk);
    judge(&walk, ret_result);
    return 0;
}

int strato_strategy_buy_and_hold(const struct strato_strategy_data *data, const struct strato_strategy_rules *rules,
                                 uint32_t from, uint32_t to, double *ret_equity,
                                 struct strato_strategy_result *ret_result)
{
    return strato_strategy_run(NULL, data, rules, from, to, ret_equity, ret_result);
}

double strato_strategy_fitness(const double genes[STRATO_STRATEGY_DIM], const struct strato_strategy_data *data,
                               const struct strato_strategy_rules *rules)
{
    struct strato_strategy strategy;
    struct strato_strategy_result result;

    strato_strategy_decode(genes, &strategy);
    if (strato_strategy_run(&strategy, data, rules, STRATO_STRATEGY_WARMUP,
                            strato_strategy_split(data->days, rules->train), NULL, &result) < 0)
        return STRATO_STRATEGY_RUIN;
    return result.fitness;
}
