/*
 * builtin.c - the table of built-in kernels.
 *
 * SPDX-License-Identifier: MIT
 */
#include "worker/kernels/builtin.h"

#include <stdio.h>
#include <string.h>

#include "core/errors.h"
#include "core/oracle/landscape.h"
#include "core/oracle/landscape_numbers.h"
#include "core/oracle/rastrigin.h"
#include "core/oracle/rosenbrock.h"
#include "core/oracle/sphere.h"
#include "core/oracle/strategy.h"
#include "core/oracle/vadd.h"

static uint32_t u32(const struct builtin_argument *argument)
{
    uint32_t v;

    memcpy(&v, argument->data, sizeof(v));
    return v;
}

/** `count` items of `bytes` each must fit into argument `index`. count < 2^32 and bytes < 2^32: no overflow. */
static int fits(const struct builtin_argument *arguments, uint32_t index, const char *name, uint64_t count,
                uint64_t bytes, char *detail)
{
    if (count * bytes <= arguments[index].bytes)
        return 0;
    snprintf(detail, BUILTIN_DETAIL_BYTES, "arg %u `%s`: the kernel touches %llu bytes, the buffer range has %llu",
             index, name, (unsigned long long)(count * bytes), (unsigned long long)arguments[index].bytes);
    return STRATO_EINVAL;
}

static struct builtin_range cut(struct builtin_range range, uint32_t count)
{
    if (range.first >= count)
        return (struct builtin_range){ 0, 0 };
    if (range.count > count - range.first)
        range.count = count - range.first;
    return range;
}

/* ---- vadd ---------------------------------------------------------------------------------------- */

static int vadd_check(const struct builtin_argument *a, char *detail)
{
    uint64_t n = u32(&a[3]);
    int rc = fits(a, 0, "a", n, sizeof(float), detail);

    if (rc == 0)
        rc = fits(a, 1, "b", n, sizeof(float), detail);
    return rc == 0 ? fits(a, 2, "sum", n, sizeof(float), detail) : rc;
}

static void vadd_run(const struct builtin_argument *a, struct builtin_range range)
{
    range = cut(range, u32(&a[3]));
    if (range.count > 0)
        strato_vadd_f32((const float *)a[0].data + range.first, (const float *)a[1].data + range.first,
                        (float *)a[2].data + range.first, range.count);
}

/* ---- benchmark functions: rows, values, count, dim ------------------------------------------------ */

static int rows_check(const struct builtin_argument *a, uint64_t gene_bytes, char *detail)
{
    uint64_t count = u32(&a[2]), dim = u32(&a[3]);
    int rc;

    if (dim == 0 || dim > 65536) {
        snprintf(detail, BUILTIN_DETAIL_BYTES, "arg 3 `dim`: want 1..65536, got %llu", (unsigned long long)dim);
        return STRATO_EINVAL;
    }
    rc = fits(a, 0, "rows", count, dim * gene_bytes, detail);
    return rc == 0 ? fits(a, 1, "values", count, gene_bytes, detail) : rc;
}

static int rows_check_f32(const struct builtin_argument *a, char *detail)
{
    return rows_check(a, sizeof(float), detail);
}

static int rows_check_f64(const struct builtin_argument *a, char *detail)
{
    return rows_check(a, sizeof(double), detail);
}

#define ROWS_RUN(name, type, reference)                                                                                \
    static void name(const struct builtin_argument *a, struct builtin_range range)                                     \
    {                                                                                                                  \
        uint32_t dim = u32(&a[3]);                                                                                     \
                                                                                                                       \
        range = cut(range, u32(&a[2]));                                                                                \
        for (uint64_t i = range.first; i < range.first + range.count; i++)                                             \
            ((type *)a[1].data)[i] = reference((const type *)a[0].data + i * dim, dim);                                \
    }
ROWS_RUN(sphere_run, float, strato_sphere_f32)
ROWS_RUN(sphere_f64_run, double, strato_sphere_f64)
ROWS_RUN(rosenbrock_run, float, strato_rosenbrock_f32)
ROWS_RUN(rosenbrock_f64_run, double, strato_rosenbrock_f64)
ROWS_RUN(rastrigin_run, float, strato_rastrigin_f32)
ROWS_RUN(rastrigin_f64_run, double, strato_rastrigin_f64)

/* ---- strategy: rows, values, closes, sums, count, from, to, cost ----------------------------------- */

enum { DAY_BYTES = STRATO_STRATEGY_MARKETS * sizeof(double) };

static int strategy_check(const struct builtin_argument *a, uint64_t gene_bytes, char *detail)
{
    uint64_t count = u32(&a[4]), from = u32(&a[5]), to = u32(&a[6]);
    int rc = fits(a, 0, "rows", count, STRATO_STRATEGY_DIM * gene_bytes, detail);

    if (rc == 0)
        rc = fits(a, 1, "values", count, sizeof(double), detail);
    if (rc == 0)
        rc = fits(a, 2, "closes", to, DAY_BYTES, detail);
    if (rc == 0)
        rc = fits(a, 3, "sums", to + 1, DAY_BYTES, detail);
    if (rc == 0 && (from < STRATO_STRATEGY_WARMUP || to > STRATO_STRATEGY_DAYS_MAX || from + 2 > to)) {
        snprintf(detail, BUILTIN_DETAIL_BYTES,
                 "arg 5 `from`, arg 6 `to`: want %d <= from, from + 2 <= to <= %d, got %llu, %llu",
                 STRATO_STRATEGY_WARMUP, STRATO_STRATEGY_DAYS_MAX, (unsigned long long)from, (unsigned long long)to);
        rc = STRATO_EINVAL;
    }
    return rc;
}

static int strategy_check_f32(const struct builtin_argument *a, char *detail)
{
    return strategy_check(a, sizeof(float), detail);
}

static int strategy_check_f64(const struct builtin_argument *a, char *detail)
{
    return strategy_check(a, sizeof(double), detail);
}

static void strategy_rows(const struct builtin_argument *a, struct builtin_range range, bool is_f64)
{
    struct strato_strategy_data data = { u32(&a[6]), a[2].data, a[3].data };
    struct strato_strategy_rules rules = STRATO_STRATEGY_RULES_DEFAULTS;

    memcpy(&rules.cost, a[7].data, sizeof(rules.cost));
    range = cut(range, u32(&a[4]));
    for (uint64_t i = range.first; i < range.first + range.count; i++) {
        struct strato_strategy_result result = { .fitness = STRATO_STRATEGY_RUIN };
        double genes[STRATO_STRATEGY_DIM];
        struct strato_strategy strategy;

        for (unsigned g = 0; g < STRATO_STRATEGY_DIM; g++)
            genes[g] = is_f64 ? ((const double *)a[0].data)[i * STRATO_STRATEGY_DIM + g]
                              : (double)((const float *)a[0].data)[i * STRATO_STRATEGY_DIM + g];
        strato_strategy_decode(genes, &strategy);
        (void)strato_strategy_run(&strategy, &data, &rules, u32(&a[5]), u32(&a[6]), NULL, &result);
        ((double *)a[1].data)[i] = result.fitness;
    }
}

static void strategy_run(const struct builtin_argument *a, struct builtin_range range)
{
    strategy_rows(a, range, false);
}

static void strategy_f64_run(const struct builtin_argument *a, struct builtin_range range)
{
    strategy_rows(a, range, true);
}

/* ---- landscape: rows, values, table, room, count, dim, function ------------------------------------------ */

/** Doubles of the table that the function reads, by the layout of landscape_functions.h. */
static uint64_t landscape_doubles(uint64_t function, uint64_t dim)
{
    uint64_t peaks = function == 21 ? 101 : function == 22 ? 21 : 0;

    if (function == 0 || function > LANDSCAPE_BBOB_COUNT)
        return 2;
    return 2 + 4 * dim + 2 * dim * dim + peaks * (1 + 2 * dim);
}

static int landscape_check(const struct builtin_argument *a, uint64_t gene_bytes, char *detail)
{
    uint64_t count = u32(&a[4]), dim = u32(&a[5]), function = u32(&a[6]);
    bool is_bbob = function >= 1 && function <= LANDSCAPE_BBOB_COUNT;
    uint64_t dim_max = is_bbob ? STRATO_LANDSCAPE_DIM_MAX : 65536;
    int rc;

    if (dim < (is_bbob ? 2 : 1) || dim > dim_max) {
        snprintf(detail, BUILTIN_DETAIL_BYTES, "arg 5 `dim`: want %d..%llu, got %llu", is_bbob ? 2 : 1,
                 (unsigned long long)dim_max, (unsigned long long)dim);
        return STRATO_EINVAL;
    }
    rc = fits(a, 0, "rows", count, dim * gene_bytes, detail);
    if (rc == 0)
        rc = fits(a, 1, "values", count, sizeof(double), detail);
    if (rc == 0)
        rc = fits(a, 2, "table", landscape_doubles(function, dim), sizeof(double), detail);
    return rc == 0 ? fits(a, 3, "room", count, 2 * dim * sizeof(double), detail) : rc;
}

static int landscape_check_f32(const struct builtin_argument *a, char *detail)
{
    return landscape_check(a, sizeof(float), detail);
}

static int landscape_check_f64(const struct builtin_argument *a, char *detail)
{
    return landscape_check(a, sizeof(double), detail);
}

static void landscape_rows(const struct builtin_argument *a, struct builtin_range range, bool is_f64)
{
    uint32_t dim = u32(&a[5]);
    struct strato_landscape landscape = { .function = u32(&a[6]), .dim = dim, .table = a[2].data };

    range = cut(range, u32(&a[4]));
    for (uint64_t i = range.first; i < range.first + range.count; i++) {
        double *room = (double *)a[3].data + i * 2 * dim;

        for (uint32_t g = 0; g < dim; g++)
            room[g] =
                is_f64 ? ((const double *)a[0].data)[i * dim + g] : (double)((const float *)a[0].data)[i * dim + g];
        ((double *)a[1].data)[i] = strato_landscape_fitness(&landscape, room, room + dim);
    }
}

static void landscape_run(const struct builtin_argument *a, struct builtin_range range)
{
    landscape_rows(a, range, false);
}

static void landscape_f64_run(const struct builtin_argument *a, struct builtin_range range)
{
    landscape_rows(a, range, true);
}

/* ---- the table ----------------------------------------------------------------------------------- */

#define ROWS_F32 "global const float *rows, global float *values, uint count, uint dim"
#define ROWS_F64 "global const double *rows, global double *values, uint count, uint dim"
#define STRATEGY(type)                                                                                                 \
    "global const " type " *rows, global double *values, global const double *closes, global const double *sums, "     \
    "uint count, uint from, uint to, double cost"
#define LANDSCAPE(type)                                                                                                \
    "global const " type                                                                                               \
    " *rows, global double *values, global const double *table, global double *room, uint count, "                     \
    "uint dim, uint function"

static const struct builtin builtins[] = {
    { "vadd", "global const float *a, global const float *b, global float *sum, uint n", vadd_check, vadd_run },
    { "sphere", ROWS_F32, rows_check_f32, sphere_run },
    { "sphere_f64", ROWS_F64, rows_check_f64, sphere_f64_run },
    { "rosenbrock", ROWS_F32, rows_check_f32, rosenbrock_run },
    { "rosenbrock_f64", ROWS_F64, rows_check_f64, rosenbrock_f64_run },
    { "rastrigin", ROWS_F32, rows_check_f32, rastrigin_run },
    { "rastrigin_f64", ROWS_F64, rows_check_f64, rastrigin_f64_run },
    { "strategy", STRATEGY("float"), strategy_check_f32, strategy_run },
    { "strategy_f64", STRATEGY("double"), strategy_check_f64, strategy_f64_run },
    { "landscape", LANDSCAPE("float"), landscape_check_f32, landscape_run },
    { "landscape_f64", LANDSCAPE("double"), landscape_check_f64, landscape_f64_run },
};
_Static_assert(sizeof(builtins) / sizeof(builtins[0]) == BUILTIN_COUNT, "BUILTIN_COUNT counts the rows");

const struct builtin *builtin_at(uint32_t index)
{
    return index < BUILTIN_COUNT ? &builtins[index] : NULL;
}

bool builtin_is_large(const struct builtin *builtin)
{
    return builtin->run == landscape_run || builtin->run == landscape_f64_run;
}

const struct builtin *builtin_find(const char *name)
{
    /* The message samples say vector_add; both names are one kernel. */
    if (strcmp(name, "vector_add") == 0)
        name = "vadd";
    for (uint32_t i = 0; i < BUILTIN_COUNT; i++)
        if (strcmp(builtins[i].name, name) == 0)
            return &builtins[i];
    return NULL;
}
