/*
 * landscape.h - an instance of a benchmark function: shift, rotations and optimum, ready to be evaluated.
 *
 * The functions are in landscape_functions.h. An instance is a table of doubles, a pure function of (function,
 * instance, dim): service, worker and test make the same one. BBOB's suite uses seeds of its own; ours are drawn
 * from Philox, so values are not to be compared with COCO's archives, only the shapes are.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_ORACLE_LANDSCAPE_H
#define STRATO_ORACLE_LANDSCAPE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    STRATO_LANDSCAPE_DIM_MAX = 256, /* of a BBOB function: two rotations of so many squared */
    STRATO_LANDSCAPE_INSTANCE_MAX = 1000000,
};

/** Zero-initialised = empty; filled by strato_landscape_init(). */
struct strato_landscape {
    uint32_t function; /* 1..24 = BBOB, else LANDSCAPE_... */
    uint32_t instance;
    uint32_t dim;
    double *table;
    size_t doubles; /* of the table */
};

/**
 * @param function  A number of landscape_functions.h.
 * @param instance  1..STRATO_LANDSCAPE_INSTANCE_MAX; the classics have one only, which any number means.
 * @param dim       2..STRATO_LANDSCAPE_DIM_MAX for BBOB; any for the classics.
 * @return 0; STRATO_EINVAL; STRATO_ENOMEM.
 */
int strato_landscape_init(struct strato_landscape *l, uint32_t function, uint32_t instance, uint32_t dim);
/** Frees and empties. Accepts an empty one. */
void strato_landscape_fini(struct strato_landscape *l);

/** Fitness (= -value) of one row. `row` [dim] is overwritten, `room` [dim] is scratch. */
double strato_landscape_fitness(const struct strato_landscape *l, double *row, double *room);
/** Where the best is. ret_row: [dim]. */
void strato_landscape_optimum(const struct strato_landscape *l, double *ret_row);
/** Fitness there: -f_opt; 0 for the classics. */
double strato_landscape_best(const struct strato_landscape *l);

#ifdef __cplusplus
}
#endif
#endif
