/*
 * search.c - the table of algorithms, and differential evolution and particle swarm, which are short.
 *
 * SPDX-License-Identifier: MIT
 */
#include "core/oracle/search.h"

#include <stdlib.h>
#include <string.h>

#include "core/errors.h"
#include "core/oracle/normal.h"
#include "core/oracle/search_private.h"
#include "core/oracle/strict_math.h"

static const double DE_FACTOR_MIN = 0.5, DE_FACTOR_MAX = 1.0, DE_CROSSOVER = 0.9; /* a factor a row: dither */
enum { DE_BEST_SHARE = 10 };                                                      /* pbest is one of the best tenth */
static const double PSO_INERTIA = 0.7298, PSO_PULL = 1.4962, PSO_SPEED_MAX = 0.5; /* of the width of the bounds */

static const struct algorithm {
    const char *name;
    const struct search_method *method;
} algorithms[STRATO_ALGORITHM_COUNT] = {
    [STRATO_ALGORITHM_GA] = { "ga", NULL },
    [STRATO_ALGORITHM_DE] = { "de", &search_de },
    [STRATO_ALGORITHM_DE_BEST] = { "de-best", &search_de },
    [STRATO_ALGORITHM_DE_PBEST] = { "de-pbest", &search_de },
    [STRATO_ALGORITHM_PSO] = { "pso", &search_pso },
    [STRATO_ALGORITHM_SEP_CMA] = { "sep-cma-es", &search_sep_cma },
    [STRATO_ALGORITHM_CMA] = { "cma-es", &search_cma },
    [STRATO_ALGORITHM_SNES] = { "snes", &search_snes },
};

const char *strato_algorithm_name(uint32_t algorithm)
{
    return algorithm < STRATO_ALGORITHM_COUNT ? algorithms[algorithm].name : NULL;
}

int strato_algorithm_find(struct strato_bytes name, enum strato_algorithm *ret_algorithm)
{
    for (uint32_t i = 0; i < STRATO_ALGORITHM_COUNT; i++)
        if (strato_bytes_is(name, algorithms[i].name)) {
            *ret_algorithm = (enum strato_algorithm)i;
            return 0;
        }
    return STRATO_ENOENT;
}

int strato_search_init(struct strato_search *s, enum strato_algorithm algorithm, uint64_t seed, uint32_t size,
                       uint32_t dim, double low, double high)
{
    struct strato_search made = {
        .algorithm = algorithm, .seed = seed, .size = size, .dim = dim, .low = low, .high = high
    };
    const struct search_method *method = algorithms[algorithm].method;

    if (!method) {
        *s = made;
        return 0;
    }
    if (size < STRATO_SEARCH_SIZE_MIN)
        return STRATO_EINVAL;
    if (algorithm == STRATO_ALGORITHM_CMA && dim > STRATO_CMA_DIM_MAX)
        return STRATO_ELIMIT;
    made.doubles = method->state_doubles(size, dim);
    made.state = calloc(made.doubles + 1, sizeof(*made.state));
    made.order = calloc(size, sizeof(*made.order));
    made.work = calloc(3 * ((size_t)dim + 1), sizeof(*made.work));
    if (!made.state || !made.order || !made.work) {
        strato_search_fini(&made);
        return STRATO_ENOMEM;
    }
    *s = made;
    return 0;
}

void strato_search_fini(struct strato_search *s)
{
    if (!s)
        return;
    free(s->state);
    free(s->order);
    free(s->work);
    *s = (struct strato_search){ 0 };
}

void strato_search_fold(const struct strato_search *s, struct strato_population *now,
                        const struct strato_population *before)
{
    const struct search_method *method = algorithms[s->algorithm].method;

    for (uint32_t row = 0; method && method->is_elitist && row < s->size; row++)
        if (strato_fitness_better(before->fitness[row], now->fitness[row]))
            strato_population_copy_row(now, row, before, row);
}

int strato_search_learn(struct strato_search *s, const struct strato_population *now)
{
    const struct search_method *method = algorithms[s->algorithm].method;
    int rc = method ? strato_fitness_order(now->fitness, s->size, s->order) : 0;

    if (rc == 0 && method)
        method->learn(s, now);
    return rc;
}

void strato_search_ask(struct strato_search *s, const struct strato_population *now, uint32_t generation,
                       struct strato_population *next)
{
    algorithms[s->algorithm].method->ask(s, now, generation, next);
    for (uint32_t row = 0; row < s->size; row++)
        strato_population_forget(next, row);
}

void search_normals(const struct strato_search *s, uint32_t row, uint32_t generation, uint32_t count, double *ret)
{
    struct strato_counter at = { .individual = row, .generation = generation, .stream = STRATO_STREAM_SAMPLE };
    uint32_t words[4];
    double pair[2];

    for (uint32_t i = 0; i < count; i += 2) {
        at.block = i / 4;
        if (i % 4 == 0)
            strato_random_block(s->seed, at, words);
        strato_normal_pair(words[i % 4], words[i % 4 + 1], pair);
        ret[i] = pair[0];
        if (i + 1 < count)
            ret[i + 1] = pair[1];
    }
}

/* ---- differential evolution ------------------------------------------------------------------------------ */

static size_t de_state(uint32_t size, uint32_t dim)
{
    (void)size;
    (void)dim;
    return 0;
}

static void de_learn(struct strato_search *s, const struct strato_population *now)
{
    (void)s;
    (void)now;
}

/** Draws of one row, in order. */
struct partners {
    const struct strato_search *s;
    struct strato_counter at;
};

/* Uniform below n, two words a draw. */
static uint32_t draw_below(struct partners *p, uint32_t n)
{
    uint32_t words[4];

    strato_random_block(p->s->seed, p->at, words);
    p->at.block++;
    return (uint32_t)strato_uniform_below((uint64_t)words[1] << 32 | words[0], n);
}

/* A row that is none of the `count` taken so far; there are at least four. */
static uint32_t draw_other(struct partners *p, const uint32_t *taken, uint32_t count)
{
    for (;;) {
        uint32_t row = draw_below(p, p->s->size), i = 0;

        while (i < count && taken[i] != row)
            i++;
        if (i == count)
            return row;
    }
}

/* Base vector and the two whose difference is added; for pbest the base is the row itself, pulled to a good one. */
static void de_choose(const struct strato_search *s, struct partners *p, uint32_t row, uint32_t ret[3])
{
    uint32_t taken[3] = { row }, count = 1;

    switch (s->algorithm) {
    case STRATO_ALGORITHM_DE_BEST:
        ret[0] = s->order[0];
        break;
    case STRATO_ALGORITHM_DE_PBEST:
        ret[0] = s->order[draw_below(p, (s->size + DE_BEST_SHARE - 1) / DE_BEST_SHARE)];
        break;
    default:
        ret[0] = taken[count++] = draw_other(p, taken, 1);
    }
    ret[1] = taken[count] = draw_other(p, taken, count);
    ret[2] = draw_other(p, taken, count + 1);
}

static double de_mutant(const struct strato_search *s, const struct strato_population *now, uint32_t row,
                        const uint32_t chosen[3], double factor, uint32_t gene)
{
    double own = strato_population_gene(now, row, gene);
    double base = strato_population_gene(now, chosen[0], gene);
    double change =
        factor * (strato_population_gene(now, chosen[1], gene) - strato_population_gene(now, chosen[2], gene));
    double value = s->algorithm == STRATO_ALGORITHM_DE_PBEST ? own + factor * (base - own) + change : base + change;

    if (!(value >= s->low)) /* beyond a bound: half the way to it */
        value = 0.5 * (s->low + own);
    return value > s->high ? 0.5 * (s->high + own) : value;
}

static void de_ask(struct strato_search *s, const struct strato_population *now, uint32_t generation,
                   struct strato_population *next)
{
    for (uint32_t row = 0; row < s->size; row++) {
        struct partners p = { s, { .individual = row, .generation = generation, .stream = STRATO_STREAM_PARTNER } };
        struct strato_counter at = { .individual = row, .generation = generation, .stream = STRATO_STREAM_CROSSOVER };
        uint32_t chosen[3], always = draw_below(&p, s->dim), words[4];
        double factor;

        de_choose(s, &p, row, chosen);
        strato_random_block(s->seed, p.at, words);
        factor = DE_FACTOR_MIN + (DE_FACTOR_MAX - DE_FACTOR_MIN) * strato_uniform(words[0]);
        for (uint32_t gene = 0; gene < s->dim; gene++) {
            bool is_crossed;

            at.block = gene / 4;
            if (gene % 4 == 0)
                strato_random_block(s->seed, at, words);
            is_crossed = gene == always || strato_uniform(words[gene % 4]) < DE_CROSSOVER;
            strato_population_set_gene(next, row, gene,
                                       is_crossed ? search_within(s, de_mutant(s, now, row, chosen, factor, gene))
                                                  : strato_population_gene(now, row, gene));
        }
    }
}

const struct search_method search_de = { de_state, de_learn, de_ask, true };

/* ---- particle swarm: state = has begun, positions [size][dim], velocities [size][dim] ------------------------ */

static size_t pso_state(uint32_t size, uint32_t dim)
{
    return 1 + 2 * (size_t)size * dim;
}

/* The population is everybody's best place; where they are now is in the state. */
static void pso_learn(struct strato_search *s, const struct strato_population *now)
{
    if (s->state[0] != 0.0)
        return;
    s->state[0] = 1.0;
    for (uint32_t row = 0; row < s->size; row++)
        for (uint32_t gene = 0; gene < s->dim; gene++)
            s->state[1 + (size_t)row * s->dim + gene] = strato_population_gene(now, row, gene);
}

static void pso_fly(struct strato_search *s, const struct strato_population *now, uint32_t row, uint32_t gene,
                    double own_pull, double common_pull)
{
    size_t at = 1 + (size_t)row * s->dim + gene, cells = (size_t)s->size * s->dim;
    double *x = &s->state[at], *v = &s->state[at + cells];
    double speed_max = PSO_SPEED_MAX * (s->high - s->low), landed;

    *v = PSO_INERTIA * *v + own_pull * (strato_population_gene(now, row, gene) - *x) +
         common_pull * (strato_population_gene(now, s->order[0], gene) - *x);
    *v = *v > speed_max ? speed_max : *v < -speed_max ? -speed_max : *v;
    landed = search_within(s, *x + *v);
    if (landed != *x + *v)
        *v = 0; /* against the wall */
    *x = landed;
}

static void pso_ask(struct strato_search *s, const struct strato_population *now, uint32_t generation,
                    struct strato_population *next)
{
    for (uint32_t row = 0; row < s->size; row++) {
        struct strato_counter at = { .individual = row, .generation = generation, .stream = STRATO_STREAM_SAMPLE };
        uint32_t words[4];

        for (uint32_t gene = 0; gene < s->dim; gene++) {
            at.block = gene / 2;
            if (gene % 2 == 0)
                strato_random_block(s->seed, at, words);
            pso_fly(s, now, row, gene, PSO_PULL * strato_uniform(words[2 * (gene % 2)]),
                    PSO_PULL * strato_uniform(words[2 * (gene % 2) + 1]));
            strato_population_set_gene(next, row, gene, s->state[1 + (size_t)row * s->dim + gene]);
        }
    }
}

const struct search_method search_pso = { pso_state, pso_learn, pso_ask, true };
