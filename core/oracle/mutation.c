/*
 * mutation.c - three ways to change a gene, and a rate that follows diversity.
 *
 * SPDX-License-Identifier: MIT
 */
#include "core/oracle/mutation.h"

#include <math.h> /* isfinite */

#include "core/errors.h"
#include "core/oracle/normal.h"
#include "core/oracle/normal_functions.h"

int strato_mutation_check(const struct strato_mutation *m)
{
    if (!(m->rate >= 0 && m->rate <= 1) || !isfinite(m->parameter))
        return STRATO_EINVAL;
    if (m->kind == STRATO_MUTATE_POLYNOMIAL ? m->parameter < 0 : m->parameter <= 0)
        return STRATO_EINVAL;
    return m->is_bounded && !(m->low <= m->high) ? STRATO_EINVAL : 0;
}

double strato_polynomial_delta(double u, double eta)
{
    return normal_polynomial(u, eta);
}

/* The deviate of one gene from the block of its four neighbours: lanes 0,1 and 2,3 share a Box-Muller pair. */
static double draw_change(const struct strato_mutation *m, const uint32_t words[4], uint32_t lane)
{
    double pair[2];

    switch (m->kind) {
    case STRATO_MUTATE_GAUSSIAN:
        strato_normal_pair(words[lane & 2], words[(lane & 2) + 1], pair);
        return m->parameter * pair[lane & 1];
    case STRATO_MUTATE_UNIFORM:
        return m->parameter * (2 * strato_uniform(words[lane]) - 1);
    case STRATO_MUTATE_POLYNOMIAL:
        break;
    }
    return strato_polynomial_delta(strato_uniform(words[lane]), m->parameter);
}

uint32_t strato_mutate_row(const struct strato_mutation *m, struct strato_population *p, uint32_t row, uint64_t seed,
                           struct strato_counter at)
{
    struct strato_counter mask_at = at, change_at = at;
    uint32_t mask[4], words[4], drawn = 0;
    bool is_changed = false;

    mask_at.stream = at.stream + STRATO_STREAM_MASK;
    change_at.stream = at.stream + STRATO_STREAM_MUTATE;
    for (uint32_t gene = 0; m->rate > 0 && gene < p->dim; gene++) {
        double before, after;

        mask_at.block = change_at.block = gene / 4;
        if (gene % 4 == 0)
            strato_random_block(seed, mask_at, mask);
        if (!(strato_uniform(mask[gene % 4]) < m->rate))
            continue;
        strato_random_block(seed, change_at, words);
        before = strato_population_gene(p, row, gene);
        after = before + draw_change(m, words, gene % 4);
        if (m->is_bounded)
            after = after < m->low ? m->low : after > m->high ? m->high : after;
        strato_population_set_gene(p, row, gene, after);
        drawn++;
        is_changed = is_changed || strato_population_gene(p, row, gene) != before;
    }
    if (is_changed)
        strato_population_forget(p, row);
    return drawn;
}

double strato_adaptive_rate(double min, double max, double diversity, double max_diversity)
{
    double share;

    if (max_diversity == 0)
        return max;
    share = diversity / max_diversity;
    share = share > 1 ? 1 : share >= 0 ? share : 0;
    return max - share * (max - min);
}
