/*
 * oracle.c - the table of problems, and how each walks over its rows.
 *
 * SPDX-License-Identifier: MIT
 */
#include "core/oracle/oracle.h"

#include <stdlib.h>
#include <string.h>

#include "core/errors.h"
#include "core/oracle/landscape_numbers.h"
#include "core/oracle/rastrigin.h"
#include "core/oracle/rosenbrock.h"
#include "core/oracle/sphere.h"

struct strato_problem_data {
    struct strato_strategy_data strategy; /* one of the two, the other is empty */
    struct strato_landscape landscape;
};

/** How one problem is computed, beside its public row. */
struct method {
    float (*f32)(const float *row, uint32_t dim); /* NULL = in double only */
    double (*f64)(const double *row, uint32_t dim);
};

enum {
    PROBLEM_SPHERE,
    PROBLEM_ROSENBROCK,
    PROBLEM_RASTRIGIN,
    PROBLEM_STRATEGY,
    PROBLEM_ACKLEY,
    PROBLEM_GRIEWANK,
    PROBLEM_SCHWEFEL,
    PROBLEM_LEVY,
    PROBLEM_ZAKHAROV,
    PROBLEM_STYBLINSKI_TANG,
    PROBLEM_BBOB, /* f1 */
    PROBLEM_COUNT = PROBLEM_BBOB + LANDSCAPE_BBOB_COUNT
};

#define CLASSIC(title, text, from, to, least, number)                                                                  \
    {                                                                                                                  \
        .name = (title), .doc = (text), .low = (from), .high = (to), .dim_default = 64, .dim_min = (least),            \
        .dim_max = STRATO_POPULATION_DIM_MAX, .landscape = (number)                                                    \
    }
#define BBOB(number, text)                                                                                             \
    [PROBLEM_BBOB + (number)-1] = { .name = "bbob:f" #number,                                                          \
                                    .doc = (text),                                                                     \
                                    .low = -5.0,                                                                       \
                                    .high = 5.0,                                                                       \
                                    .dim_default = 20,                                                                 \
                                    .dim_min = 2,                                                                      \
                                    .dim_max = STRATO_LANDSCAPE_DIM_MAX,                                               \
                                    .landscape = (number),                                                             \
                                    .capability = "bbob" }

static const struct strato_problem problems[PROBLEM_COUNT] = {
    [PROBLEM_SPHERE] = { .name = "sphere",
                         .doc = "-sum(x^2), optimum 0 at the origin",
                         .low = -5.12,
                         .high = 5.12,
                         .dim_default = 64,
                         .dim_min = 1,
                         .dim_max = STRATO_POPULATION_DIM_MAX,
                         .is_fused = true },
    [PROBLEM_ROSENBROCK] = { .name = "rosenbrock",
                             .doc = "a long curved valley, optimum 0 at (1, ..., 1)",
                             .low = -5.12,
                             .high = 5.12,
                             .dim_default = 64,
                             .dim_min = 2,
                             .dim_max = STRATO_POPULATION_DIM_MAX,
                             .is_fused = true },
    [PROBLEM_RASTRIGIN] = { .name = "rastrigin",
                            .doc = "a trap at every whole number, optimum 0 at the origin",
                            .low = -5.12,
                            .high = 5.12,
                            .dim_default = 64,
                            .dim_min = 1,
                            .dim_max = STRATO_POPULATION_DIM_MAX,
                            .is_fused = true },
    [PROBLEM_STRATEGY] = { .name = "strategy",
                           .doc = "trading rules over four indices, judged by risk-adjusted return after costs",
                           .low = 0.0,
                           .high = 1.0,
                           .dim_default = STRATO_STRATEGY_DIM,
                           .dim_min = STRATO_STRATEGY_DIM,
                           .dim_max = STRATO_STRATEGY_DIM,
                           .needs_data = true,
                           .data_doc = "daily closes, row-major float64 [days][4], little-endian" },
    [PROBLEM_ACKLEY] =
        CLASSIC("ackley", "a flat plain with a funnel, optimum 0 at the origin", -32.768, 32.768, 1, LANDSCAPE_ACKLEY),
    [PROBLEM_GRIEWANK] = CLASSIC("griewank", "a bowl under a product of waves, optimum 0 at the origin", -600.0, 600.0,
                                 1, LANDSCAPE_GRIEWANK),
    [PROBLEM_SCHWEFEL] =
        CLASSIC("schwefel", "the best lies far from the next best, optimum 0 at 420.96875 in all genes", -500.0, 500.0,
                1, LANDSCAPE_SCHWEFEL),
    [PROBLEM_LEVY] = CLASSIC("levy", "waves on a slope, optimum 0 at (1, ..., 1)", -10.0, 10.0, 1, LANDSCAPE_LEVY),
    [PROBLEM_ZAKHAROV] = CLASSIC("zakharov", "a plate with one steep direction, optimum 0 at the origin", -5.0, 10.0, 1,
                                 LANDSCAPE_ZAKHAROV),
    [PROBLEM_STYBLINSKI_TANG] = CLASSIC("styblinski-tang", "two valleys a gene, optimum 0 at -2.903534 in all genes",
                                        -5.0, 5.0, 1, LANDSCAPE_STYBLINSKI_TANG),
    BBOB(1, "sphere"),
    BBOB(2, "ellipsoid, separable"),
    BBOB(3, "Rastrigin, separable"),
    BBOB(4, "Bueche-Rastrigin"),
    BBOB(5, "linear slope"),
    BBOB(6, "attractive sector"),
    BBOB(7, "step ellipsoid"),
    BBOB(8, "Rosenbrock"),
    BBOB(9, "Rosenbrock, rotated"),
    BBOB(10, "ellipsoid"),
    BBOB(11, "discus"),
    BBOB(12, "bent cigar"),
    BBOB(13, "sharp ridge"),
    BBOB(14, "different powers"),
    BBOB(15, "Rastrigin"),
    BBOB(16, "Weierstrass"),
    BBOB(17, "Schaffers F7"),
    BBOB(18, "Schaffers F7, ill-conditioned"),
    BBOB(19, "Griewank-Rosenbrock"),
    BBOB(20, "Schwefel"),
    BBOB(21, "Gallagher, 101 peaks"),
    BBOB(22, "Gallagher, 21 peaks"),
    BBOB(23, "Katsuura"),
    BBOB(24, "Lunacek bi-Rastrigin"),
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
    if (problem->landscape >= 1 && problem->landscape <= LANDSCAPE_BBOB_COUNT && strato_bytes_is(name, "instance")) {
        if (!(value >= 1.0 && value <= STRATO_LANDSCAPE_INSTANCE_MAX) || value != (double)(uint32_t)value)
            return STRATO_EINVAL;
        params->instance = (uint32_t)value;
        return 0;
    }
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

bool strato_problem_has_data(const struct strato_problem *problem)
{
    return problem->needs_data || problem->landscape != 0;
}

bool strato_problem_is_wide(const struct strato_problem *problem)
{
    return strato_problem_has_data(problem);
}

const char *strato_problem_capability(const struct strato_problem *problem)
{
    return problem->capability ? problem->capability : problem->name;
}

int strato_problem_data_new(const struct strato_problem *problem, const struct strato_problem_params *params,
                            uint32_t dim, struct strato_bytes bytes, struct strato_problem_data **ret_data)
{
    const size_t day_bytes = STRATO_STRATEGY_MARKETS * sizeof(double);
    struct strato_problem_data *data;
    int rc;

    *ret_data = NULL;
    if (!problem->needs_data && bytes.bytes > 0)
        return STRATO_EINVAL;
    if (!strato_problem_has_data(problem))
        return 0;
    if (problem->needs_data && bytes.bytes % day_bytes != 0)
        return STRATO_EINVAL;
    data = calloc(1, sizeof(*data));
    if (!data)
        return STRATO_ENOMEM;
    if (problem->landscape)
        rc = strato_landscape_init(&data->landscape, problem->landscape, params->instance, dim);
    else
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
    strato_landscape_fini(&(*data)->landscape);
    free(*data);
    *data = NULL;
}

const struct strato_strategy_data *strato_problem_data_strategy(const struct strato_problem_data *data)
{
    return data && data->strategy.days ? &data->strategy : NULL;
}

const struct strato_landscape *strato_problem_data_landscape(const struct strato_problem_data *data)
{
    return data && data->landscape.table ? &data->landscape : NULL;
}

/* ---- evaluation ---------------------------------------------------------------------------------- */

/** One row as doubles, whatever type it travelled in. */
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
    const struct strato_landscape *landscape = strato_problem_data_landscape(data);
    size_t row_bytes = rows->dim * strato_gene_bytes(rows->type);
    size_t stride = rows->stride_bytes ? rows->stride_bytes : row_bytes;
    double *aligned;

    if (rows->dim < problem->dim_min || rows->dim > problem->dim_max || (problem->needs_data && !data))
        return STRATO_EINVAL;
    if (problem->landscape && (!landscape || landscape->function != problem->landscape || landscape->dim != rows->dim))
        return STRATO_EINVAL;
    aligned = calloc(2 * (size_t)rows->dim, sizeof(*aligned)); /* a row, and as much room for a landscape */
    if (!aligned)
        return STRATO_ENOMEM;
    for (uint32_t i = 0; i < rows->count; i++) {
        const uint8_t *row = (const uint8_t *)rows->genes + i * stride;

        if (strato_problem_has_data(problem)) {
            widen(rows, row, aligned);
            ret_values[i] = landscape ? strato_landscape_fitness(landscape, aligned, aligned + rows->dim)
                                      : strato_strategy_fitness(aligned, &data->strategy, &params->strategy);
            continue;
        }
        memcpy(aligned, row, row_bytes);
        ret_values[i] = rows->type == STRATO_GENES_F64 ? method->f64(aligned, rows->dim)
                                                       : (double)method->f32((const float *)(void *)aligned, rows->dim);
    }
    free(aligned);
    return 0;
}
