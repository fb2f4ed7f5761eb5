/*
 * strategy.cl - the strategy back-test, one genome to a work-item. Reference: core/oracle/strategy.c.
 *
 * The same operations in the same order as the reference; change both or neither. All in double, whatever
 * the genes travel in. SPDX-License-Identifier: MIT
 */
#ifdef STRATO_HAS_F64
#define MARKETS STRATO_STRATEGY_MARKETS

struct strategy {
    uint fast[MARKETS], slow[MARKETS], look_back[MARKETS];
    double rise[MARKETS], weight[MARKETS]; /* rise = 1 + threshold */
    double trend_share, short_share, exposure, band;
};

struct walk {
    double held[MARKETS];
    double equity, peak, drawdown, sum, squares, turnover;
    bool is_ruined;
};

double strategy_unit(double gene)
{
    if (gene > 0.0)
        return gene < 1.0 ? gene : 1.0;
    return 0.0;
}

uint strategy_whole(double gene, uint min_value, uint max_value)
{
    uint step_value = (uint)(strategy_unit(gene) * (double)(max_value - min_value + 1));

    return step_value > max_value - min_value ? max_value : min_value + step_value;
}

double strategy_between(double gene, double min_value, double max_value)
{
    return min_value + strategy_unit(gene) * (max_value - min_value);
}

void strategy_decode(const double *genes, struct strategy *s)
{
    const double *shared = genes + MARKETS * STRATO_STRATEGY_MARKET_GENES;

    for (uint m = 0; m < MARKETS; m++) {
        const double *own = genes + m * STRATO_STRATEGY_MARKET_GENES;

        s->fast[m] = strategy_whole(own[0], STRATO_STRATEGY_FAST_MIN, STRATO_STRATEGY_FAST_MAX);
        s->slow[m] = s->fast[m] + strategy_whole(own[1], STRATO_STRATEGY_GAP_MIN, STRATO_STRATEGY_GAP_MAX);
        s->look_back[m] = strategy_whole(own[2], STRATO_STRATEGY_LOOK_MIN, STRATO_STRATEGY_LOOK_MAX);
        s->rise[m] = 1.0 + strategy_between(own[3], STRATO_STRATEGY_THRESHOLD_MIN, STRATO_STRATEGY_THRESHOLD_MAX);
        s->weight[m] = strategy_unit(own[4]);
    }
    s->trend_share = strategy_unit(shared[0]);
    s->short_share = strategy_unit(shared[1]) < 0.5 ? 0.0 : 2.0 * strategy_unit(shared[1]) - 1.0;
    s->exposure = strategy_between(shared[2], STRATO_STRATEGY_EXPOSURE_MIN, STRATO_STRATEGY_EXPOSURE_MAX);
    s->band = strategy_between(shared[3], 0.0, STRATO_STRATEGY_BAND_MAX);
}

double strategy_mean(global const double *sums, uint t, uint m, uint length)
{
    return (sums[(t + 1) * MARKETS + m] - sums[(t + 1 - length) * MARKETS + m]) / (double)length;
}

double strategy_trade(const struct strategy *s, global const double *closes, global const double *sums, uint t,
                      double weights, struct walk *w)
{
    double turnover = 0.0;

    for (uint m = 0; m < MARKETS; m++) {
        double before = closes[(t - s->look_back[m]) * MARKETS + m];
        double trend = strategy_mean(sums, t, m, s->fast[m]) > strategy_mean(sums, t, m, s->slow[m]) ? 1.0 : -1.0;
        double momentum = closes[t * MARKETS + m] > s->rise[m] * before ? 1.0 : -1.0;
        double score = s->trend_share * trend + (1.0 - s->trend_share) * momentum;
        double size = weights > 0.0 ? s->weight[m] / weights * s->exposure : 0.0;
        double target = size * (score > 0.0 ? score : s->short_share * score);
        double change = fabs(target - w->held[m]);

        if (change > s->band || (target * w->held[m] <= 0.0 && change > 0.0)) {
            turnover += change;
            w->held[m] = target;
        }
    }
    return turnover;
}

void strategy_earn(global const double *today, double kept, struct walk *w)
{
    double returns[MARKETS];
    double growth = 1.0;
    double net;

    for (uint m = 0; m < MARKETS; m++) {
        returns[m] = today[MARKETS + m] / today[m] - 1.0;
        growth += w->held[m] * returns[m];
    }
    if (!(growth > 0.0)) {
        w->is_ruined = true;
        return;
    }
    for (uint m = 0; m < MARKETS; m++)
        w->held[m] = w->held[m] * (1.0 + returns[m]) / growth;
    net = kept * growth - 1.0;
    w->equity = w->equity * (1.0 + net);
    w->sum += net;
    w->squares += net * net;
    if (w->equity > w->peak)
        w->peak = w->equity;
    if (1.0 - w->equity / w->peak > w->drawdown)
        w->drawdown = 1.0 - w->equity / w->peak;
}

double strategy_judge(const struct walk *w, uint count)
{
    double days = (double)count;
    double mean = w->sum / days;
    double variance = w->squares / days - mean * mean;
    double sharpe = variance > 0.0 ? mean / sqrt(variance) * STRATO_STRATEGY_SQRT_YEAR : 0.0;
    double turnover = w->turnover * STRATO_STRATEGY_YEAR / days;

    return sharpe - STRATO_STRATEGY_DRAWDOWN_PENALTY * w->drawdown - STRATO_STRATEGY_TURNOVER_PENALTY * turnover;
}

double strategy_run(const double *genes, global const double *closes, global const double *sums, uint from, uint to,
                    double cost)
{
    struct strategy s;
    struct walk w = { { 0.0, 0.0, 0.0, 0.0 }, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, false };
    double weights = 0.0;

    strategy_decode(genes, &s);
    for (uint m = 0; m < MARKETS; m++)
        weights += s.weight[m];
    for (uint t = from; t + 1 < to; t++) {
        double turnover = strategy_trade(&s, closes, sums, t, weights, &w);

        w.turnover += turnover;
        strategy_earn(closes + (size_t)t * MARKETS, 1.0 - cost * turnover, &w);
        if (w.is_ruined)
            return STRATO_STRATEGY_RUIN;
    }
    return strategy_judge(&w, to - from - 1);
}

kernel void strategy(global const float *rows, global double *values, global const double *closes,
                     global const double *sums, uint count, uint from, uint to, double cost)
{
    size_t id = get_global_id(0);
    double genes[STRATO_STRATEGY_DIM];

    if (id >= count)
        return;
    for (uint g = 0; g < STRATO_STRATEGY_DIM; g++)
        genes[g] = (double)rows[id * STRATO_STRATEGY_DIM + g];
    values[id] = strategy_run(genes, closes, sums, from, to, cost);
}

kernel void strategy_f64(global const double *rows, global double *values, global const double *closes,
                         global const double *sums, uint count, uint from, uint to, double cost)
{
    size_t id = get_global_id(0);
    double genes[STRATO_STRATEGY_DIM];

    if (id >= count)
        return;
    for (uint g = 0; g < STRATO_STRATEGY_DIM; g++)
        genes[g] = rows[id * STRATO_STRATEGY_DIM + g];
    values[id] = strategy_run(genes, closes, sums, from, to, cost);
}
#endif
