/*
 * statistics.c - sums in one fixed order, so that they are the same bits everywhere.
 *
 * SPDX-License-Identifier: MIT
 */
#include "core/oracle/statistics.h"

#include <math.h> /* sqrt is correctly rounded; NAN */

#include "core/errors.h"

int strato_statistics(const double *fitness, uint32_t n, struct strato_statistics *ret)
{
    struct strato_statistics s = { 0 };
    double sum = 0, squares = 0;
    uint32_t counted = 0;

    if (n == 0)
        return STRATO_EINVAL;
    for (uint32_t i = 0; i < n; i++) {
        if (strato_fitness_better(fitness[i], fitness[s.best_row]))
            s.best_row = i;
        if (!strato_fitness_better(fitness[i], fitness[s.worst_row]))
            s.worst_row = i;
        if (fitness[i] != fitness[i])
            continue;
        sum += fitness[i];
        counted++;
    }
    s.best = fitness[s.best_row];
    s.worst = fitness[s.worst_row];
    s.mean = counted ? sum / counted : (double)NAN;
    for (uint32_t i = 0; i < n; i++) /* a second pass: the difference of two large sums would lose all digits */
        if (fitness[i] == fitness[i])
            squares += (fitness[i] - s.mean) * (fitness[i] - s.mean);
    s.std_dev = counted ? sqrt(squares / counted) : (double)NAN;
    *ret = s;
    return 0;
}

static double distance(const struct strato_population *p, uint32_t a, uint32_t b)
{
    double sum = 0;

    for (uint32_t gene = 0; gene < p->dim; gene++) {
        double d = strato_population_gene(p, a, gene) - strato_population_gene(p, b, gene);

        sum += d * d;
    }
    return sqrt(sum);
}

double strato_diversity(const struct strato_population *p)
{
    double sum = 0;

    if (p->size < 2)
        return 0;
    for (uint32_t a = 0; a < p->size; a++)
        for (uint32_t b = a + 1; b < p->size; b++)
            sum += distance(p, a, b);
    return sum / ((double)p->size * (p->size - 1) / 2);
}
