/*
 * search_private.h - between search.c and the files of the algorithms.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_ORACLE_SEARCH_PRIVATE_H
#define STRATO_ORACLE_SEARCH_PRIVATE_H

#include "core/oracle/philox.h"
#include "core/oracle/search.h"

/** One algorithm. state_doubles: how many doubles its state has. */
struct search_method {
    size_t (*state_doubles)(uint32_t size, uint32_t dim);
    void (*learn)(struct strato_search *s, const struct strato_population *now); /* s->order is best first */
    void (*ask)(struct strato_search *s, const struct strato_population *now, uint32_t generation,
                struct strato_population *next);
    bool is_elitist; /* a row that got worse is taken back: fold */
};

extern const struct search_method search_de, search_pso, search_cma, search_sep_cma, search_snes;

/** Store a gene, kept within the bounds; NaN becomes the lower one. */
static inline double search_within(const struct strato_search *s, double value)
{
    return value > s->high ? s->high : value >= s->low ? value : s->low;
}

/** N(0, 1) number `item` of a row of a generation. Pairs share a Box-Muller. ret: [dim rounded up to even]. */
void search_normals(const struct strato_search *s, uint32_t row, uint32_t generation, uint32_t count, double *ret);
/** Symmetric matrix to eigenvalues and eigenvectors. a: row-major [n][n], overwritten by the vectors, one to a row.
 *  ret_values: [n]; room: [n]. Householder and implicit QL, strict. */
void search_eigen(double *a, uint32_t n, double *ret_values, double *room);
#endif
