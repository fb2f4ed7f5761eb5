/*
 * cma.c - covariance matrix adaptation, whole and separable, and SNES: searches that sample a normal distribution.
 *
 * Generation 0, uniform, gives the first mean (its better half, weighted) and the first step, 0.3 of the bounds'
 * width; then as in Hansen's tutorial, arXiv 1604.00772, with lambda = size of the population and positive weights.
 * The inner loops add whole vectors, so that a compiler may use its vector unit without changing one bit.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdlib.h>
#include <string.h>

#include "core/oracle/search_private.h"
#include "core/oracle/strict_math.h"

static const double FIRST_STEP = 0.3; /* of the width of the bounds */

/* Head of the state; behind it mean, path of sigma, path of C, root of the eigenvalues: dim each; then C, then the
 * eigenvectors, one to a row: dim * dim each, or for sep-cma-es dim and nothing. */
enum { CMA_BEGUN, CMA_SIGMA, CMA_DECAY, CMA_STALE, CMA_HEAD };

struct cma {
    double *head, *mean, *path_sigma, *path_c, *root, *c, *vectors;
    uint32_t dim;
    bool is_whole;
};

static struct cma cma_of(struct strato_search *s)
{
    struct cma v = { .head = s->state, .dim = s->dim, .is_whole = s->algorithm == STRATO_ALGORITHM_CMA };

    v.mean = s->state + CMA_HEAD;
    v.path_sigma = v.mean + s->dim;
    v.path_c = v.path_sigma + s->dim;
    v.root = v.path_c + s->dim;
    v.c = v.root + s->dim;
    v.vectors = v.c + (size_t)s->dim * s->dim;
    return v;
}

static size_t cma_state(uint32_t size, uint32_t dim)
{
    (void)size;
    return CMA_HEAD + 4 * (size_t)dim + 2 * (size_t)dim * dim;
}

static size_t sep_state(uint32_t size, uint32_t dim)
{
    (void)size;
    return CMA_HEAD + 5 * (size_t)dim;
}

/** Constants of one (size, dim). */
struct rates {
    uint32_t parents;
    double effective; /* mu_eff */
    double sigma, c, one, rank, damping, length;
};

/* log((lambda + 1) / 2) - log(i), of place i = 1..parents; not normalised. */
static double raw_weight(uint32_t size, uint32_t place)
{
    return strict_log(((double)size + 1.0) / 2.0) - strict_log((double)place + 1.0);
}

static double weights_sum(uint32_t size, uint32_t parents)
{
    double sum = 0;

    for (uint32_t i = 0; i < parents; i++)
        sum += raw_weight(size, i);
    return sum;
}

static struct rates rates_of(const struct strato_search *s, double sum)
{
    struct rates r = { .parents = s->size / 2 };
    double n = (double)s->dim, squares = 0, excess;

    for (uint32_t i = 0; i < r.parents; i++)
        squares += strict_square(raw_weight(s->size, i) / sum);
    r.effective = 1.0 / squares;
    r.sigma = (r.effective + 2.0) / (n + r.effective + 5.0);
    r.c = (4.0 + r.effective / n) / (n + 4.0 + 2.0 * r.effective / n);
    r.one = 2.0 / (strict_square(n + 1.3) + r.effective);
    r.rank = 2.0 * (r.effective - 2.0 + 1.0 / r.effective) / (strict_square(n + 2.0) + r.effective);
    if (s->algorithm == STRATO_ALGORITHM_SEP_CMA) { /* fewer numbers to learn: Ros and Hansen */
        r.one = r.one * (n + 2.0) / 3.0;
        r.rank = r.rank * (n + 2.0) / 3.0;
        r.one = r.one < 1.0 ? r.one : 1.0;
    }
    r.rank = r.rank < 1.0 - r.one ? r.rank : 1.0 - r.one;
    r.rank = r.rank > 0.0 ? r.rank : 0.0;
    excess = sqrt((r.effective - 1.0) / (n + 1.0)) - 1.0;
    r.damping = 1.0 + 2.0 * (excess > 0.0 ? excess : 0.0) + r.sigma;
    r.damping = r.effective > 1.0 ? r.damping : 1.0 + r.sigma;
    r.length = sqrt(n) * (1.0 - 1.0 / (4.0 * n) + 1.0 / (21.0 * n * n));
    return r;
}

static void read_row(const struct strato_population *p, uint32_t row, double *ret_genes)
{
    for (uint32_t g = 0; g < p->dim; g++)
        ret_genes[g] = strato_population_gene(p, row, g);
}

/* ret_mean := weighted mean of the better half; work: [dim]. */
static void better_mean(const struct strato_search *s, const struct strato_population *now, double sum, double *work,
                        double *ret_mean)
{
    memset(ret_mean, 0, s->dim * sizeof(*ret_mean));
    for (uint32_t i = 0; i < s->size / 2; i++) {
        double weight = raw_weight(s->size, i) / sum;

        read_row(now, s->order[i], work);
        for (uint32_t g = 0; g < s->dim; g++)
            ret_mean[g] += weight * work[g];
    }
}

static double first_step(const struct strato_search *s)
{
    return s->high > s->low ? FIRST_STEP * (s->high - s->low) : 1.0;
}

static void cma_begin(struct strato_search *s, const struct strato_population *now, double sum)
{
    struct cma v = cma_of(s);

    memset(s->state, 0, s->doubles * sizeof(*s->state));
    better_mean(s, now, sum, s->work, v.mean);
    v.head[CMA_BEGUN] = 1.0;
    v.head[CMA_SIGMA] = first_step(s);
    v.head[CMA_DECAY] = 1.0;
    for (uint32_t i = 0; i < v.dim; i++) {
        v.root[i] = 1.0;
        v.c[v.is_whole ? (size_t)i * v.dim + i : i] = 1.0;
        if (v.is_whole)
            v.vectors[(size_t)i * v.dim + i] = 1.0;
    }
}

/* ret := C^-1/2 step */
static void whiten(const struct cma *v, const double *step, double *ret)
{
    if (!v->is_whole) {
        for (uint32_t i = 0; i < v->dim; i++)
            ret[i] = step[i] / v->root[i];
        return;
    }
    memset(ret, 0, v->dim * sizeof(*ret));
    for (uint32_t k = 0; k < v->dim; k++) {
        const double *vector = v->vectors + (size_t)k * v->dim;
        double along = 0;

        for (uint32_t i = 0; i < v->dim; i++)
            along += vector[i] * step[i];
        along /= v->root[k];
        for (uint32_t i = 0; i < v->dim; i++)
            ret[i] += along * vector[i];
    }
}

/* C += factor * y y^T, lower triangle; the diagonal for sep-cma-es. */
static void add_outer(const struct cma *v, double factor, const double *y)
{
    for (uint32_t i = 0; i < v->dim; i++) {
        double f = factor * y[i];
        double *row = v->c + (size_t)i * v->dim;

        if (!v->is_whole) {
            v->c[i] += f * y[i];
            continue;
        }
        for (uint32_t j = 0; j <= i; j++)
            row[j] += f * y[j];
    }
}

static void decompose(const struct strato_search *s, const struct cma *v, const struct rates *r)
{
    size_t n = v->dim;

    if (!v->is_whole) {
        for (uint32_t i = 0; i < v->dim; i++)
            v->root[i] = sqrt(v->c[i] > 0.0 ? v->c[i] : 0x1p-500);
        return;
    }
    v->head[CMA_STALE] += 1.0;
    if (v->head[CMA_STALE] * (r->one + r->rank) * (double)n * 10.0 < 1.0)
        return; /* it changed too little to be worth n^3 */
    v->head[CMA_STALE] = 0.0;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++)
            v->c[j * n + i] = v->c[i * n + j];
    memcpy(v->vectors, v->c, n * n * sizeof(*v->c));
    search_eigen(v->vectors, v->dim, v->root, s->work);
    for (size_t i = 0; i < n; i++)
        v->root[i] = sqrt(v->root[i] > 0x1p-100 ? v->root[i] : 0x1p-100); /* rounding may take one below 0 */
}

static double length_of(const double *x, uint32_t dim)
{
    double sum = 0;

    for (uint32_t i = 0; i < dim; i++)
        sum += x[i] * x[i];
    return sqrt(sum);
}

/* Both paths; @return whether C's path was stalled. work: [2][dim], the first holds the step of the mean. */
static bool walk_paths(const struct cma *v, const struct rates *r, double *work)
{
    double push = sqrt(r->sigma * (2.0 - r->sigma) * r->effective), pull = sqrt(r->c * (2.0 - r->c) * r->effective);
    bool is_stalled;

    whiten(v, work, work + v->dim);
    for (uint32_t i = 0; i < v->dim; i++)
        v->path_sigma[i] = (1.0 - r->sigma) * v->path_sigma[i] + push * work[v->dim + i];
    v->head[CMA_DECAY] *= strict_square(1.0 - r->sigma);
    is_stalled = !(length_of(v->path_sigma, v->dim) / sqrt(1.0 - v->head[CMA_DECAY]) <
                   (1.4 + 2.0 / ((double)v->dim + 1.0)) * r->length);
    for (uint32_t i = 0; i < v->dim; i++)
        v->path_c[i] = (1.0 - r->c) * v->path_c[i] + (is_stalled ? 0.0 : pull * work[i]);
    return is_stalled;
}

static void cma_learn(struct strato_search *s, const struct strato_population *now)
{
    double sum = weights_sum(s->size, s->size / 2), sigma = s->state[CMA_SIGMA], keep;
    struct rates r = rates_of(s, sum);
    struct cma v = cma_of(s);
    double *step = s->work, *y = s->work + 2 * (size_t)s->dim;
    size_t cells = v.is_whole ? (size_t)v.dim * v.dim : v.dim;

    if (v.head[CMA_BEGUN] == 0.0) {
        cma_begin(s, now, sum);
        return;
    }
    better_mean(s, now, sum, y, step);
    for (uint32_t i = 0; i < s->dim; i++)
        step[i] = (step[i] - v.mean[i]) / sigma;
    keep = 1.0 - r.one - r.rank + (walk_paths(&v, &r, step) ? r.one * r.c * (2.0 - r.c) : 0.0);
    for (size_t i = 0; i < cells; i++)
        v.c[i] *= keep;
    add_outer(&v, r.one, v.path_c);
    for (uint32_t i = 0; i < r.parents; i++) {
        read_row(now, s->order[i], y);
        for (uint32_t g = 0; g < s->dim; g++)
            y[g] = (y[g] - v.mean[g]) / sigma;
        add_outer(&v, r.rank * raw_weight(s->size, i) / sum, y);
    }
    for (uint32_t g = 0; g < s->dim; g++)
        v.mean[g] += sigma * step[g];
    v.head[CMA_SIGMA] = sigma * strict_exp(r.sigma / r.damping * (length_of(v.path_sigma, v.dim) / r.length - 1.0));
    decompose(s, &v, &r);
}

static void cma_ask(struct strato_search *s, const struct strato_population *now, uint32_t generation,
                    struct strato_population *next)
{
    struct cma v = cma_of(s);
    double *z = s->work, *y = s->work + s->dim + 1;

    (void)now;
    for (uint32_t row = 0; row < s->size; row++) {
        search_normals(s, row, generation, s->dim, z);
        if (v.is_whole)
            memset(y, 0, s->dim * sizeof(*y));
        for (uint32_t k = 0; k < s->dim; k++) {
            const double *vector = v.vectors + (size_t)k * v.dim;
            double along = v.root[k] * z[k];

            if (!v.is_whole) {
                y[k] = along;
                continue;
            }
            for (uint32_t i = 0; i < s->dim; i++)
                y[i] += along * vector[i];
        }
        for (uint32_t g = 0; g < s->dim; g++)
            strato_population_set_gene(next, row, g, search_within(s, v.mean[g] + v.head[CMA_SIGMA] * y[g]));
    }
}

const struct search_method search_cma = { cma_state, cma_learn, cma_ask, false };
const struct search_method search_sep_cma = { sep_state, cma_learn, cma_ask, false };

/* ---- SNES: state = has begun, mean [dim], sigma [dim] --------------------------------------------------------- */

static size_t snes_state(uint32_t size, uint32_t dim)
{
    (void)size;
    return 1 + 2 * (size_t)dim;
}

/* max(0, log(n / 2 + 1) - log(place)) */
static double snes_utility(uint32_t size, uint32_t place)
{
    double u = strict_log((double)size / 2.0 + 1.0) - strict_log((double)place + 1.0);

    return u > 0.0 ? u : 0.0;
}

static void snes_move(struct strato_search *s, const struct strato_population *now)
{
    double *mean = s->state + 1, *sigma = mean + s->dim, *x = s->work, *pull = x + s->dim, *spread = pull + s->dim;
    double sum = 0, rate = (3.0 + strict_log((double)s->dim)) / (5.0 * sqrt((double)s->dim));

    memset(pull, 0, 2 * (size_t)s->dim * sizeof(*pull));
    for (uint32_t i = 0; i < s->size; i++)
        sum += snes_utility(s->size, i);
    for (uint32_t i = 0; i < s->size; i++) {
        double utility = snes_utility(s->size, i) / sum - 1.0 / (double)s->size;

        read_row(now, s->order[i], x);
        for (uint32_t g = 0; g < s->dim; g++) {
            double z = (x[g] - mean[g]) / sigma[g];

            pull[g] += utility * z;
            spread[g] += utility * (z * z - 1.0);
        }
    }
    for (uint32_t g = 0; g < s->dim; g++) {
        mean[g] += sigma[g] * pull[g];
        sigma[g] *= strict_exp(0.5 * rate * spread[g]);
    }
}

static void snes_learn(struct strato_search *s, const struct strato_population *now)
{
    if (s->state[0] != 0.0) {
        snes_move(s, now);
        return;
    }
    s->state[0] = 1.0;
    better_mean(s, now, weights_sum(s->size, s->size / 2), s->work, s->state + 1);
    for (uint32_t g = 0; g < s->dim; g++)
        s->state[1 + s->dim + g] = first_step(s);
}

static void snes_ask(struct strato_search *s, const struct strato_population *now, uint32_t generation,
                     struct strato_population *next)
{
    const double *mean = s->state + 1, *sigma = mean + s->dim;

    (void)now;
    for (uint32_t row = 0; row < s->size; row++) {
        search_normals(s, row, generation, s->dim, s->work);
        for (uint32_t g = 0; g < s->dim; g++)
            strato_population_set_gene(next, row, g, search_within(s, mean[g] + sigma[g] * s->work[g]));
    }
}

const struct search_method search_snes = { snes_state, snes_learn, snes_ask, false };
