/*
 * strategy.h - back-test of a moving-average and momentum strategy over four stock indices.
 *
 * A genome is 24 genes in [0, 1] (outside is clamped, NaN counts as 0), each mapped monotonically:
 *
 *     market m = 0..3, genes 5m..5m+4
 *       fast       2..40 days       whole; mean of the last `fast` closes
 *       slow       fast + 5..200    whole; mean of the last `slow` closes
 *       look_back  5..250 days      whole; momentum compares with the close so many days ago
 *       threshold  -5 %..15 %       what the close must have risen by over look_back
 *       weight     0..1             share of this market, relative to the other three
 *     genes 20..23
 *       trend_share  0..1           weight of the trend vote; momentum has the rest
 *       short_share  0..1           size of a short position; below gene value 1/2 there is none
 *       exposure     0.2..1         most that is invested, of equity: never leveraged
 *       band         0..0.2         of equity: smaller changes of a position are not traded
 *
 * At the close of day t: trend votes +1 if the fast mean is above the slow one, else -1; momentum votes +1 if
 * close[t] > (1 + threshold) close[t - look_back], else -1; score = share-weighted mean of the two votes; the
 * target is weight / sum of weights * exposure * score, times short_share where the score is negative. The
 * position is traded at that same close, costs `cost` per unit of turnover, and earns the return from t to
 * t + 1: nothing of day t + 1 is known when it is decided. Positions drift with their market until traded.
 *
 *     fitness = annual Sharpe ratio of the daily net returns (cash earns nothing)
 *               - 1 * largest drawdown - 0.005 * annual turnover
 *
 * over the days 250..70 % of the data; the rest is never seen by fitness. What is left out, and flatters the
 * result: bid-ask spread beyond `cost`, dividends and borrowing fees, currency (the four markets are treated
 * as hedged), and that a closing price can be traded at all.
 *
 * Strict: only + - * / sqrt and comparisons in double, so worker/kernels/strategy.cl gives the same bits.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_ORACLE_STRATEGY_H
#define STRATO_ORACLE_STRATEGY_H

#include <stdint.h>

#include "core/oracle/strategy_constants.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    STRATO_STRATEGY_DAYS_MIN = 600, /* of data; fewer leave too little to judge after the warm-up */
    STRATO_STRATEGY_DAYS_MAX = 1 << 20,
};

/** What is not evolved. */
struct strato_strategy_rules {
    double cost;  /* per unit of turnover, 0..0.1; default 0.001 = 10 basis points */
    double train; /* share of the days that fitness sees, 0.5..1; default 0.7 */
};
#define STRATO_STRATEGY_RULES_DEFAULTS                                                                                 \
    {                                                                                                                  \
        .cost = 0.001, .train = 0.7                                                                                    \
    }

/** A decoded genome: what people read. */
struct strato_strategy {
    struct strato_strategy_market {
        uint32_t fast, slow, look_back; /* days */
        double threshold, weight;
    } market[STRATO_STRATEGY_MARKETS];
    double trend_share, short_share, exposure, band;
};

/** Closes and their running sums; filled by strato_strategy_data_init(). */
struct strato_strategy_data {
    uint32_t days;
    double *closes; /* row-major [days][4] */
    double *sums;   /* row-major [days + 1][4]: sums[t] = sum of the closes before day t */
};

/** What a run came to. */
struct strato_strategy_result {
    double fitness, sharpe;
    double total_return; /* 0.5 = +50 % */
    double volatility;   /* annual */
    double drawdown;     /* largest, 0..1 */
    double turnover;     /* annual, in units of equity */
    uint32_t trades;     /* changed positions */
    uint32_t days;       /* returns judged: to - from - 1 */
    uint32_t days_in;    /* of them with any position */
};

/** Number of genes: STRATO_STRATEGY_DIM. */
uint32_t strato_strategy_dim(void);
/** Name of a gene, "DAX.fast" .. "band"; NULL beyond the last. Static. */
const char *strato_strategy_gene_name(uint32_t gene);
/** Name of a market, "DAX", "SMI", "CAC", "FTSE"; NULL beyond the last. Static. */
const char *strato_strategy_market_name(uint32_t market);

/** Map 24 genes to parameters. Every input decodes. */
void strato_strategy_decode(const double genes[STRATO_STRATEGY_DIM], struct strato_strategy *ret_strategy);

/**
 * Copy closes and sum them.
 *
 * @param closes  Row-major float64 [days][4], any alignment; each finite and above 0. Copied.
 * @return 0; STRATO_EINVAL (days out of DAYS_MIN..DAYS_MAX, or a close that is no price); STRATO_ENOMEM.
 */
int strato_strategy_data_init(struct strato_strategy_data *data, const void *closes, uint64_t days);
/** Frees and empties. Accepts a zeroed one. */
void strato_strategy_data_fini(struct strato_strategy_data *data);

/** First day that fitness does not see: floor(train * days). */
uint32_t strato_strategy_split(uint32_t days, double train);

/**
 * Run over the days from..to-1, flat before the close of `from`.
 *
 * @param from        First close that is traded, at least STRATO_STRATEGY_WARMUP.
 * @param to          Behind the last close used; from + 2 <= to <= data->days.
 * @param ret_equity  [to - from] equity at each close from `from` on, 1 at the start; or NULL.
 * @return 0; STRATO_EINVAL if the range is not within the data.
 */
int strato_strategy_run(const struct strato_strategy *strategy, const struct strato_strategy_data *data,
                        const struct strato_strategy_rules *rules, uint32_t from, uint32_t to, double *ret_equity,
                        struct strato_strategy_result *ret_result);

/** The yardstick: a quarter of the equity into each market at the close of `from` (cost paid), never touched again. */
int strato_strategy_buy_and_hold(const struct strato_strategy_data *data, const struct strato_strategy_rules *rules,
                                 uint32_t from, uint32_t to, double *ret_equity,
                                 struct strato_strategy_result *ret_result);

/** Fitness of one genome: a run over WARMUP..split. `data` holds at least DAYS_MIN days. */
double strato_strategy_fitness(const double genes[STRATO_STRATEGY_DIM], const struct strato_strategy_data *data,
                               const struct strato_strategy_rules *rules);

#ifdef __cplusplus
}
#endif
#endif
