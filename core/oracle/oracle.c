/*
 * oracle.c - the table of problems, and how each walks over its rows.
 *
 * SPDX-License-Identifier: MIT
 */
#include "core/oracle/oracle.h"

#include <stdlib.h>
#include <string.h>

#include "core/errors.h"
#include "core/oracle/rastrigin.h"
#include "core/oracle/rosenbrock.h"
#include "core/oracle/sphere.h"

struct strato_problem_data {
    struct strato_strategy_data strategy;
};

/** How one problem is computed, beside its public row. */
struct method {
    float (*f32)(const float *row, uint32_t dim); /* NULL = in double only */
    double (*f64)(const double *row, uint32_t dim);
};

enum { PROBLEM_SPHERE, PROBLEM_ROSENBROCK, PROBLEM_RASTRIGIN, PROBLEM_STRATEGY, PROBLEM_COUNT };

static const struct strato_problem problems[PROBLEM_COUNT] = {
    [PROBLEM_SPHERE] = { .name = "sphere",
                         .doc = "-sum(x^2), optimum 0 at the origin",
                         .low = -5.12,
                         .high = 5.12,
                         .dim_default = 64,
                         .dim_min = 1,
                         .dim_max = STRATO_POPULATION_DIM_MAX },
    [PROBLEM_ROSENBROCK] = { .name = "rosenbrock",
                             .doc = "a long curved valley, optimum 0 at (1, ..., 1)",
                             .low = -5.12,
                             .high = 5.12,
                             .dim_default = 64,
                             .dim_min = 2,
                             .dim_max = STRATO_POPULATION_DIM_MAX },
    [PROBLEM_RASTRIGIN] = { .name = "rastrigin",
                            .doc = "a trap at every whole number, optimum 0 at the origin",
                            .low = -5.12,
                            .high = 5.12,
                            .dim_default = 64,
                            .dim_min = 1,
                            .dim_max = STRATO_POPULATION_DIM_MAX },
    [PROBLEM_STRATEGY] = { .name = "strategy",
                           .doc = "trading rules over four indices, judged by risk-adjusted return after costs",
                           .low = 0.0,
                           .high = 1.0,
                           .dim_default = STRATO_STRATEGY_DIM,
                           .dim_min = STRATO_STRATEGY_DIM,
                           .dim_max = STRATO_STRATEGY_DIM,
                           .needs_data = true,
                           .data_doc = "daily closes, row-major float64 [days][4], little-endian" },
};

static const struct method methods[PROBLEM_COUNT] = {
    [PROBLEM_SPHERE] = { strato_sphere_f32, strato_sphere_f64 },
    [PROBLEM_ROSENBROCK] = { strato_rosenbrock_f32, strato_rosenbrock_f64 },
    [PROBLEM_RASTRIGIN] = { strato_rastrigin_f32, strato_rastrigin_f64 },
};

const struct strato_problem *strato_problems(uint32_t *ret_count)
{
    *ret_count = PROBLEM_COUNT;
    return problems;
}

const struct strato_problem *strato_problem_find(struct strato_bytes name)
{
    for (unsigned i = 0; i < PROBLEM_COUNT; i++)
        if (strato_bytes_is(name, problems[i].name))
            return &problems[i];
    return NULL;
}

int strato_problem_param(const struct strato_problem *problem, struct strato_problem_params *params,
                         struct strato_bytes name, double value)
{
    if (problem != &problems[PROBLEM_STRATEGY])
        return STRATO_ENOENT;
    if (strato_bytes_is(name, "cost")) {
        if (!(value >= 0.0 && value <= 0.1))
            return STRATO_EINVAL;
        params->strategy.cost = value;
        return 0;
    }
    if (strato_bytes_is(name, "train")) {
        if (!(value >= 0.5 && value <= 1.0))
            return STRATO_EINVAL;
        params->strategy.train = value;
        return 0;
    }
    return STRATO_ENOENT;
}

/* ---- data ---------------------------------------------------------------------------------------- */

int strato_problem_data_new(const struct strato_problem *problem, struct strato_bytes bytes,
                            struct strato_problem_data **ret_data)
{
    const size_t day_bytes = STRATO_STRATEGY_MARKETS * sizeof(double);
    struct strato_problem_data *data;
    int rc;

    *ret_data = NULL;
    if (!problem->needs_data)
        return bytes.bytes == 0 ? 0 : STRATO_EINVAL;
    if (bytes.bytes % day_bytes != 0)
        return STRATO_EINVAL;
    data = calloc(1, sizeof(*data));
    if (!data)
        return STRATO_ENOMEM;
    rc = strato_strategy_data_init(&data->strategy, bytes.data, bytes.bytes / day_bytes);
    if (rc < 0) {
        free(data);
        return rc;
    }
    *ret_data = data;
    return 0;
}

void strato_problem_data_destroy(struct strato_problem_data **data)
{
    if (!*data)
        return;
    strato_strategy_data_fini(&(*data)->strategy);
    free(*data);
    *data = NULL;
}

const struct strato_strategy_data *strato_problem_data_strategy(const struct strato_problem_data *data)
{
    return data ? &data->strategy : NULL;
}

/* ---- evaluation ---------------------------------------------------------------------------------- */

/** One row as doubles: a genome of the strategy, whatever type it travelled in. */
static void widen(const struct strato_rows *rows, const uint8_t *row, double *ret_genes)
{
    for (uint32_t g = 0; g < rows->dim; g++) {
        if (rows->type == STRATO_GENES_F64) {
            memcpy(&ret_genes[g], row + g * sizeof(double), sizeof(double));
        } else {
            float gene;

            memcpy(&gene, row + g * sizeof(float), sizeof(gene));
            ret_genes[g] = (double)gene;
        }
    }
}

int strato_problem_evaluate(const struct strato_problem *problem, const struct strato_problem_params *params,
                            const struct strato_problem_data *data, const struct strato_rows *rows, double *ret_values)
{
    const struct method *method = &methods[problem - problems];
    size_t row_bytes = rows->dim * strato_gene_bytes(rows->type);
    size_t stride = rows->stride_bytes ? rows->stride_bytes : row_bytes;
    void *aligned;

    if (rows->dim < problem->dim_min || rows->dim > problem->dim_max || (problem->needs_data && !data))
        return STRATO_EINVAL;
    aligned =
        malloc(row_bytes > sizeof(double) * STRATO_STRATEGY_DIM ? row_bytes : sizeof(double) * STRATO_STRATEGY_DIM);
    if (!aligned)
        return STRATO_ENOMEM;
    for (uint32_t i = 0; i < rows->count; i++) {
        const uint8_t *row = (const uint8_t *)rows->genes + i * stride;

        if (problem->needs_data) {
            widen(rows, row, aligned);
            ret_values[i] = strato_strategy_fitness(aligned, &data->strategy, &params->strategy);
            continue;
        }
        memcpy(aligned, row, row_bytes);
        ret_values[i] =
            rows->type == STRATO_GENES_F64 ? method->f64(aligned, rows->dim) : (double)method->f32(aligned, rows->dim);
    }
    free(aligned);
    return 0;
}
