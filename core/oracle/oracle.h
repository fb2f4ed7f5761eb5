/*
 * oracle.h - the fitness functions by name: what can be evaluated, over which genes, with which data.
 *
 * One table for the worker (which offers them), the evolution service (which falls back on them) and the
 * tests (which compare every device with them).
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_ORACLE_ORACLE_H
#define STRATO_ORACLE_ORACLE_H

#include <stdbool.h>

#include "core/bytes.h"
#include "core/oracle/landscape.h"
#include "core/oracle/population.h"
#include "core/oracle/strategy.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Parameters of all problems, by name in `params` of fitness.evaluate and evolution.create. */
struct strato_problem_params {
    struct strato_strategy_rules strategy; /* "cost", "train" */
    uint32_t instance;                     /* "instance", of a BBOB function: 1..STRATO_LANDSCAPE_INSTANCE_MAX */
};
#define STRATO_PROBLEM_PARAMS_DEFAULTS                                                                                 \
    {                                                                                                                  \
        .strategy = STRATO_STRATEGY_RULES_DEFAULTS, .instance = 1                                                      \
    }

/** Rows to evaluate. Borrowed. */
struct strato_rows {
    enum strato_gene_type type;
    uint32_t count, dim;
    const void *genes;   /* row-major, any alignment */
    size_t stride_bytes; /* from row to row; 0 = tightly packed */
};

/** What a problem computes with beside the rows: a data set made ready, or the table of an instance; opaque to callers.
 *  NULL where a problem needs neither. */
struct strato_problem_data;

struct strato_problem {
    const char *name;
    const char *doc;      /* one line, for people */
    double low, high;     /* default bounds of the genes */
    uint32_t dim_default; /* genes where the user names no number */
    uint32_t dim_min, dim_max;
    bool needs_data;      /* that somebody sends */
    const char *data_doc; /* layout of the data, or NULL */
    uint32_t
        landscape; /* number in landscape_functions.h, computed in double whatever the rows are; 0 = another kind */
    bool is_fused; /* workers with an engine breed it on their device */
    const char *capability; /* workers offer fitness:CAPABILITY; NULL = the name */
};

/** All problems, in the order of the documentation. */
const struct strato_problem *strato_problems(uint32_t *ret_count);
/** By name, or NULL. The name need not end in NUL. */
const struct strato_problem *strato_problem_find(struct strato_bytes name);

/** Set one parameter. @return 0; STRATO_ENOENT (the problem has none of this name); STRATO_EINVAL (out of range). */
int strato_problem_param(const struct strato_problem *problem, struct strato_problem_params *params,
                         struct strato_bytes name, double value);

/** Does it compute with something beside the rows, so that strato_problem_data_new() gives not NULL? */
bool strato_problem_has_data(const struct strato_problem *problem);
/** Are its values doubles whatever the rows are? Else they are of the type of the rows. */
bool strato_problem_is_wide(const struct strato_problem *problem);
/** What follows `fitness:` in the capability of a worker that offers it. Static. */
const char *strato_problem_capability(const struct strato_problem *problem);

/**
 * Make ready what the problem computes with beside the rows.
 *
 * @param dim       Genes of the rows to come.
 * @param bytes     The data set as in fitness.evaluate, none if it needs none. Copied.
 * @param ret_data  NULL if the problem needs nothing.
 * @return 0; STRATO_EINVAL (wrong size or values); STRATO_ENOMEM.
 */
int strato_problem_data_new(const struct strato_problem *problem, const struct strato_problem_params *params,
                            uint32_t dim, struct strato_bytes bytes, struct strato_problem_data **ret_data);
void strato_problem_data_destroy(struct strato_problem_data **data);
/** The closes of a data set of the problem "strategy", else NULL. Ends with the data set. */
const struct strato_strategy_data *strato_problem_data_strategy(const struct strato_problem_data *data);
/** The instance of a landscape, else NULL. Ends with the data. */
const struct strato_landscape *strato_problem_data_landscape(const struct strato_problem_data *data);

/**
 * Fitness of every row by the C reference: strict arithmetic in the type of the rows, widened to double.
 *
 * @param ret_values  [rows->count]
 * @return 0; STRATO_EINVAL if dim is not dim_min..dim_max, or data is missing; STRATO_ENOMEM.
 */
int strato_problem_evaluate(const struct strato_problem *problem, const struct strato_problem_params *params,
                            const struct strato_problem_data *data, const struct strato_rows *rows, double *ret_values);

#ifdef __cplusplus
}
#endif
#endif
