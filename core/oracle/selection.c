/*
 * selection.c - integer weights, prefix sums, and draws without replacement.
 *
 * SPDX-License-Identifier: MIT
 */
#include "core/oracle/selection.h"

#include <math.h> /* isfinite, isnan, ldexp: exact */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/errors.h"
#include "core/oracle/population.h"

/* Shifted, non-negative weights in double; NaN and -inf weigh nothing, +inf outweighs every finite value. */
static double roulette_weights(const double *fitness, uint32_t n, double *ret_weights)
{
    double min = 0, max = 0, scale = 1;
    bool any = false, any_infinite = false;

    for (uint32_t i = 0; i < n; i++) {
        any_infinite = any_infinite || (isinf(fitness[i]) && fitness[i] > 0);
        if (!isfinite(fitness[i]))
            continue;
        min = !any || fitness[i] < min ? fitness[i] : min;
        max = !any || fitness[i] > max ? fitness[i] : max;
        any = true;
    }
    if (any && !isfinite(max - min))
        scale = 0.25; /* values that span the whole of double: quarter them so that the shift is finite */
    max = 0;
    for (uint32_t i = 0; i < n; i++) {
        double w = 0;

        if (any_infinite)
            w = isinf(fitness[i]) && fitness[i] > 0 ? 1 : 0;
        else if (isfinite(fitness[i]))
            w = min < 0 ? fitness[i] * scale - min * scale + 1 : fitness[i] * scale;
        ret_weights[i] = w;
        max = w > max ? w : max;
    }
    return max;
}

/* The heaviest weight becomes 2^k with n * 2^k < 2^63: products by a power of two and one division, each exactly
 * rounded, then truncated to integers. From there on everything is exact. */
static int roulette_sums(const double *fitness, uint32_t n, uint64_t *ret_sums)
{
    double *weights = calloc(n, sizeof(*weights));
    double heaviest;
    uint64_t total = 0;
    int bits = 62;

    if (!weights)
        return STRATO_ENOMEM;
    heaviest = roulette_weights(fitness, n, weights);
    for (uint32_t left = n; left > 1; left = left / 2 + left % 2)
        bits--;
    for (uint32_t i = 0; i < n; i++) {
        total += heaviest > 0 ? (uint64_t)ldexp(weights[i] / heaviest, bits) : 1;
        ret_sums[i] = total;
    }
    free(weights);
    return 0;
}

static void rank_sums(const uint32_t *order, uint32_t n, uint64_t *ret_sums)
{
    uint64_t total = 0;

    for (uint32_t place = 0; place < n; place++)
        ret_sums[order[place]] = n - place;
    for (uint32_t row = 0; row < n; row++) {
        total += ret_sums[row];
        ret_sums[row] = total;
    }
}

int strato_selection_init(struct strato_selection *s, enum strato_selection_strategy strategy, uint32_t tournament_size,
                          const double *fitness, uint32_t n)
{
    struct strato_selection made = { .strategy = strategy, .n = n };
    bool is_weighted = strategy == STRATO_SELECT_ROULETTE || strategy == STRATO_SELECT_RANK;
    bool is_tournament = strategy == STRATO_SELECT_TOURNAMENT;
    int rc = STRATO_ENOMEM;

    if (n == 0 || (is_tournament && tournament_size == 0))
        return STRATO_EINVAL;
    made.tournament_size = tournament_size < n ? tournament_size : n;
    made.order = calloc(n, sizeof(*made.order));
    if (is_tournament) {
        made.places = calloc(n, sizeof(*made.places));
        made.marks = calloc((n + 7) / 8, 1);
    }
    if (is_weighted)
        made.sums = calloc(n, sizeof(*made.sums));
    if (!made.order || (is_tournament && (!made.places || !made.marks)) || (is_weighted && !made.sums))
        goto out;
    rc = strato_fitness_order(fitness, n, made.order);
    if (rc < 0)
        goto out;
    if (strategy == STRATO_SELECT_ROULETTE)
        rc = roulette_sums(fitness, n, made.sums);
    else if (strategy == STRATO_SELECT_RANK)
        rank_sums(made.order, n, made.sums);
    for (uint32_t place = 0; is_tournament && place < n; place++)
        made.places[made.order[place]] = place;
out:
    if (rc < 0)
        strato_selection_fini(&made);
    else
        *s = made;
    return rc;
}

void strato_selection_fini(struct strato_selection *s)
{
    if (!s)
        return;
    free(s->order);
    free(s->places);
    free(s->sums);
    free(s->marks);
    *s = (struct strato_selection){ 0 };
}

/* 64 random bits: half number `half` of the blocks of this draw. */
static uint64_t draw_bits(uint64_t seed, struct strato_counter at, uint32_t half)
{
    uint32_t words[4];

    at.block = half / 2;
    strato_random_block(seed, at, words);
    return half % 2 ? ((uint64_t)words[3] << 32 | words[2]) : ((uint64_t)words[1] << 32 | words[0]);
}

static bool is_marked(const struct strato_selection *s, uint32_t row)
{
    return s->marks[row / 8] >> (row % 8) & 1;
}

static void mark(struct strato_selection *s, uint32_t row)
{
    s->marks[row / 8] = (uint8_t)(s->marks[row / 8] | 1u << (row % 8));
}

/* Floyd's sample without replacement: `size` draws, no retries, so the number of random blocks is fixed. */
static uint32_t draw_tournament(struct strato_selection *s, uint64_t seed, struct strato_counter at)
{
    uint32_t best = s->n; /* a place; n = nobody yet */

    for (uint32_t i = 0; i < s->tournament_size; i++) {
        uint32_t last = s->n - s->tournament_size + i;
        uint32_t row = (uint32_t)strato_uniform_below(draw_bits(seed, at, i), (uint64_t)last + 1);

        if (is_marked(s, row))
            row = last;
        mark(s, row);
        best = s->places[row] < best ? s->places[row] : best;
    }
    for (uint32_t i = 0; i < s->tournament_size; i++) { /* wipe what was marked, by walking the same draws */
        uint32_t last = s->n - s->tournament_size + i;
        uint32_t row = (uint32_t)strato_uniform_below(draw_bits(seed, at, i), (uint64_t)last + 1);

        s->marks[row / 8] = 0;
        s->marks[last / 8] = 0;
    }
    return s->order[best];
}

static uint32_t draw_weighted(const struct strato_selection *s, uint64_t seed, struct strato_counter at)
{
    uint64_t point = strato_uniform_below(draw_bits(seed, at, 0), s->sums[s->n - 1]);
    uint32_t low = 0, high = s->n - 1;

    while (low < high) { /* first row whose sum is beyond the point; rows of weight 0 are never that */
        uint32_t middle = low + (high - low) / 2;

        if (s->sums[middle] > point)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

uint32_t strato_selection_draw(struct strato_selection *s, uint64_t seed, struct strato_counter at)
{
    switch (s->strategy) {
    case STRATO_SELECT_TOURNAMENT:
        return draw_tournament(s, seed, at);
    case STRATO_SELECT_ELITIST:
        return s->order[at.individual % s->n];
    case STRATO_SELECT_ROULETTE:
    case STRATO_SELECT_RANK:
        break;
    }
    return draw_weighted(s, seed, at);
}
