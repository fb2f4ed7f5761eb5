/*
 * landscape.c - draw shift, rotations and peaks of an instance, and lay them out as the functions read them.
 *
 * SPDX-License-Identifier: MIT
 */
#include "core/oracle/landscape.h"

#include <stdbool.h>
#include <stdlib.h>

#include "core/errors.h"
#include "core/oracle/landscape_functions.h"
#include "core/oracle/normal.h"
#include "core/oracle/philox.h"

/** What is drawn, as the individual of the counter. Appended to, never renumbered: instances must stay. */
enum draw { DRAW_SHIFT, DRAW_SIGN, DRAW_R, DRAW_Q, DRAW_F_OPT, DRAW_PEAK, DRAW_PEAK_ORDER, DRAW_DIAGONAL_ORDER };

struct maker {
    uint64_t seed;
    struct strato_landscape *l;
};

static double uniform_of(const struct maker *m, enum draw draw, uint32_t row, uint32_t item)
{
    struct strato_counter at = { .individual = draw, .generation = row, .stream = STRATO_STREAM_LANDSCAPE };

    return strato_uniform(strato_random_gene(m->seed, at, item));
}

static double normal_of(const struct maker *m, enum draw draw, uint32_t row, uint32_t item)
{
    struct strato_counter at = { .individual = draw, .generation = row, .stream = STRATO_STREAM_LANDSCAPE };
    double pair[2];

    strato_normal_pair(strato_random_gene(m->seed, at, item & ~1U), strato_random_gene(m->seed, at, item | 1U), pair);
    return pair[item & 1U];
}

/* Cauchy with half of its mass within 100, two decimals, within 1000: section 0.1. */
static double draw_f_opt(const struct maker *m)
{
    double below = normal_of(m, DRAW_F_OPT, 0, 1);
    double value = rint(100.0 * 100.0 * normal_of(m, DRAW_F_OPT, 0, 0) / (below == 0.0 ? 1.0 : below)) / 100.0;

    return value > 1000.0 ? 1000.0 : value < -1000.0 ? -1000.0 : value;
}

/* Rows of normal deviates, made orthonormal one after the other. */
static void draw_rotation(const struct maker *m, enum draw draw, double *matrix)
{
    uint32_t dim = m->l->dim;

    for (uint32_t i = 0; i < dim; i++) {
        double *row = matrix + (size_t)i * dim, norm = 0;

        for (uint32_t j = 0; j < dim; j++)
            row[j] = normal_of(m, draw, i, j);
        for (uint32_t k = 0; k < i; k++) {
            const double *other = matrix + (size_t)k * dim;
            double dot = 0;

            for (uint32_t j = 0; j < dim; j++)
                dot += row[j] * other[j];
            for (uint32_t j = 0; j < dim; j++)
                row[j] -= dot * other[j];
        }
        for (uint32_t j = 0; j < dim; j++)
            norm += row[j] * row[j];
        norm = sqrt(norm);
        for (uint32_t j = 0; j < dim; j++)
            row[j] /= norm;
    }
}

/* Numbers 0..count-1 in random order. */
static void draw_order(const struct maker *m, enum draw draw, uint32_t row, uint32_t count, uint32_t *ret_order)
{
    for (uint32_t i = 0; i < count; i++)
        ret_order[i] = i;
    for (uint32_t i = count; i > 1; i--) {
        uint32_t other = (uint32_t)(uniform_of(m, draw, row, i) * i), kept = ret_order[i - 1];

        other = other < i ? other : i - 1;
        ret_order[i - 1] = ret_order[other];
        ret_order[other] = kept;
    }
}

static double draw_sign(const struct maker *m, uint32_t i)
{
    return uniform_of(m, DRAW_SIGN, 0, i) < 0.5 ? -1.0 : 1.0;
}

/* ---- shift: sections 1 to 24 ------------------------------------------------------------------------ */

/* x_opt where it is mapped to (1/2, ..., 1/2) / factor by R: R is orthogonal. */
static void shift_by_half(struct strato_landscape *l)
{
    double *t = l->table;

    for (uint32_t j = 0; j < l->dim; j++) {
        double sum = 0;

        for (uint32_t i = 0; i < l->dim; i++)
            sum += LANDSCAPE_R(t, l->dim)[(size_t)i * l->dim + j];
        LANDSCAPE_X_OPT(t, l->dim)[j] = 0.5 * sum / t[LANDSCAPE_FACTOR];
    }
}

static void make_shift(const struct maker *m)
{
    struct strato_landscape *l = m->l;
    double *x = LANDSCAPE_X_OPT(l->table, l->dim);

    if (l->function == 9 || l->function == 19) {
        shift_by_half(l);
        return;
    }
    for (uint32_t i = 0; i < l->dim; i++) {
        double u = 2.0 * uniform_of(m, DRAW_SHIFT, 0, i) - 1.0;

        switch (l->function) {
        case 4: /* every other one positive, so that the tenfold side is up the hill */
            x[i] = i % 2 == 0 ? fabs(4.0 * u) : 4.0 * u;
            break;
        case 5:
            x[i] = 5.0 * draw_sign(m, i);
            break;
        case 8:
            x[i] = 3.0 * u;
            break;
        case 20:
            x[i] = LANDSCAPE_SCHWEFEL_HALF * draw_sign(m, i);
            break;
        case 22:
            x[i] = 3.92 * u;
            break;
        case 24:
            x[i] = 1.25 * draw_sign(m, i);
            break;
        default:
            x[i] = 4.0 * u;
        }
    }
}

/* ---- scales and weights ------------------------------------------------------------------------------ */

/* Lambda^alpha: section 0.2. */
static double conditioning(uint32_t function)
{
    switch (function) {
    case 3:
    case 4:
    case 6:
    case 7:
    case 13:
    case 15:
    case 17:
    case 20:
        return 10.0;
    case 16:
        return 0.01;
    case 18:
        return 1000.0;
    case 23:
    case 24:
        return 100.0;
    default:
        return 1.0;
    }
}

/* weight_i = 10^(power * (i - 1) / (D - 1)) */
static double weight_power(uint32_t function)
{
    switch (function) {
    case 2:
    case 10:
        return 6.0;
    case 5:
        return 1.0;
    case 7:
        return 2.0;
    default:
        return 0.0;
    }
}

static void make_vectors(const struct maker *m)
{
    struct strato_landscape *l = m->l;
    double *t = l->table;

    for (uint32_t i = 0; i < l->dim; i++) {
        double ramp = (double)i / (double)(l->dim - 1);

        LANDSCAPE_RAMP(t, l->dim)[i] = ramp;
        LANDSCAPE_SCALE(t, l->dim)[i] = strict_power(conditioning(l->function), 0.5 * ramp);
        LANDSCAPE_WEIGHT(t, l->dim)[i] = strict_power(10.0, weight_power(l->function) * ramp);
    }
    if (l->function == 11)
        LANDSCAPE_WEIGHT(t, l->dim)[0] = 1e6;
    t[LANDSCAPE_FACTOR] = l->function == 23 ? 10.0 / strict_power((double)l->dim, 1.2) : sqrt((double)l->dim) / 8.0;
    if (l->function != 23 && t[LANDSCAPE_FACTOR] < 1.0)
        t[LANDSCAPE_FACTOR] = 1.0;
}

/* ---- Gallagher's peaks: sections 21 and 22 ----------------------------------------------------------- */

static void make_peak(const struct maker *m, uint32_t p, uint32_t peaks, uint32_t rank, uint32_t *order)
{
    struct strato_landscape *l = m->l;
    uint32_t dim = l->dim;
    double *peak = LANDSCAPE_PEAKS(l->table, dim) + (size_t)p * LANDSCAPE_PEAK_DOUBLES(dim);
    double last = (double)(peaks - 2), reach = l->function == 21 ? 5.0 : 4.9;
    double alpha = p == 0 ? (l->function == 21 ? 1000.0 : 1e6) : strict_power(1000.0, 2.0 * (double)rank / last);
    double root = sqrt(sqrt(alpha));

    peak[0] = p == 0 ? 10.0 : 1.1 + 8.0 * (double)(p - 1) / last;
    draw_order(m, DRAW_DIAGONAL_ORDER, p, dim, order);
    for (uint32_t i = 0; i < dim; i++) {
        const double *row = LANDSCAPE_R(l->table, dim) + (size_t)i * dim;
        double sum = 0;

        for (uint32_t j = 0; j < dim; j++) {
            double y =
                p == 0 ? LANDSCAPE_X_OPT(l->table, dim)[j] : reach * (2.0 * uniform_of(m, DRAW_PEAK, p, j) - 1.0);

            sum = fma(row[j], y, sum); /* as landscape_turn() adds, so that the best peak is hit exactly */
        }
        peak[1 + i] = sum;
        peak[1 + dim + i] = strict_power(alpha, 0.5 * LANDSCAPE_RAMP(l->table, dim)[order[i]]) / root;
    }
}

static int make_peaks(const struct maker *m)
{
    uint32_t peaks = LANDSCAPE_PEAKS_OF(m->l->function);
    uint32_t *ranks, *order;

    if (peaks == 0)
        return 0;
    ranks = calloc((size_t)peaks + m->l->dim, sizeof(*ranks));
    if (!ranks)
        return STRATO_ENOMEM;
    order = ranks + peaks;
    draw_order(m, DRAW_PEAK_ORDER, 0, peaks - 1, ranks);
    for (uint32_t p = 0; p < peaks; p++)
        make_peak(m, p, peaks, p == 0 ? 0 : ranks[p - 1], order);
    free(ranks);
    return 0;
}

/* ---- the whole ----------------------------------------------------------------------------------------- */

static bool is_bbob(uint32_t function)
{
    return function >= 1 && function <= LANDSCAPE_BBOB_COUNT;
}

int strato_landscape_init(struct strato_landscape *l, uint32_t function, uint32_t instance, uint32_t dim)
{
    struct strato_landscape made = { .function = function, .instance = instance, .dim = dim };
    struct maker m = { .seed = (uint64_t)function << 32 | instance, .l = &made };
    int rc = 0;

    if (is_bbob(function) &&
        (dim < 2 || dim > STRATO_LANDSCAPE_DIM_MAX || instance < 1 || instance > STRATO_LANDSCAPE_INSTANCE_MAX))
        return STRATO_EINVAL;
    if (dim == 0 || (!is_bbob(function) && (function < LANDSCAPE_ACKLEY || function > LANDSCAPE_STYBLINSKI_TANG)))
        return STRATO_EINVAL;
    made.doubles = LANDSCAPE_VECTORS;
    if (is_bbob(function))
        made.doubles += (size_t)LANDSCAPE_VECTORS_COUNT * dim + 2 * (size_t)dim * dim +
                        (size_t)LANDSCAPE_PEAKS_OF(function) * LANDSCAPE_PEAK_DOUBLES(dim);
    made.table = calloc(made.doubles, sizeof(*made.table));
    if (!made.table)
        return STRATO_ENOMEM;
    if (is_bbob(function)) {
        made.table[LANDSCAPE_F_OPT] = draw_f_opt(&m);
        draw_rotation(&m, DRAW_R, LANDSCAPE_R(made.table, dim));
        draw_rotation(&m, DRAW_Q, LANDSCAPE_Q(made.table, dim));
        make_vectors(&m);
        make_shift(&m);
        rc = make_peaks(&m);
    }
    if (rc < 0)
        strato_landscape_fini(&made);
    else
        *l = made;
    return rc;
}

void strato_landscape_fini(struct strato_landscape *l)
{
    free(l->table);
    *l = (struct strato_landscape){ 0 };
}

double strato_landscape_fitness(const struct strato_landscape *l, double *row, double *room)
{
    return 0.0 - landscape_value(l->function, l->table, row, room, l->dim);
}

double strato_landscape_best(const struct strato_landscape *l)
{
    return 0.0 - l->table[LANDSCAPE_F_OPT];
}

void strato_landscape_optimum(const struct strato_landscape *l, double *ret_row)
{
    for (uint32_t i = 0; i < l->dim; i++) {
        if (is_bbob(l->function))
            ret_row[i] = LANDSCAPE_X_OPT(l->table, l->dim)[i];
        else if (l->function == LANDSCAPE_SCHWEFEL)
            ret_row[i] = 200.0 * LANDSCAPE_SCHWEFEL_HALF;
        else if (l->function == LANDSCAPE_LEVY)
            ret_row[i] = 1.0;
        else
            ret_row[i] = l->function == LANDSCAPE_STYBLINSKI_TANG ? -2.903534027771177 : 0.0;
    }
}
