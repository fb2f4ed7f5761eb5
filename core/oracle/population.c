/*
 * population.c - memory and access of a population.
 *
 * SPDX-License-Identifier: MIT
 */
#include "core/oracle/population.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/errors.h"
#include "core/oracle/philox.h"

static uint8_t *row_at(const struct strato_population *p, uint32_t row)
{
    assert(row < p->size);
    return p->genes + (size_t)row * p->stride_bytes;
}

int strato_population_init(struct strato_population *p, enum strato_gene_type type, uint32_t size, uint32_t dim)
{
    struct strato_population made = { .type = type, .size = size, .dim = dim };
    size_t bytes;

    if (size == 0 || dim == 0)
        return STRATO_EINVAL;
    if (size > STRATO_POPULATION_SIZE_MAX || dim > STRATO_POPULATION_DIM_MAX)
        return STRATO_ELIMIT;
    made.stride_bytes = (dim * strato_gene_bytes(type) + STRATO_ROW_ALIGN - 1) / STRATO_ROW_ALIGN * STRATO_ROW_ALIGN;
    bytes = made.stride_bytes * size;
    if (bytes > STRATO_POPULATION_BYTES_MAX)
        return STRATO_ELIMIT;
    made.genes = aligned_alloc(STRATO_ROW_ALIGN, bytes);
    made.fitness = calloc(size, sizeof(*made.fitness));
    made.is_known = calloc(size, sizeof(*made.is_known));
    made.ids = calloc(size, sizeof(*made.ids));
    if (!made.genes || !made.fitness || !made.is_known || !made.ids) {
        strato_population_fini(&made);
        return STRATO_ENOMEM;
    }
    memset(made.genes, 0, bytes);
    *p = made;
    return 0;
}

void strato_population_fini(struct strato_population *p)
{
    if (!p)
        return;
    free(p->genes);
    free(p->fitness);
    free(p->is_known);
    free(p->ids);
    *p = (struct strato_population){ 0 };
}

double strato_population_gene(const struct strato_population *p, uint32_t row, uint32_t gene)
{
    const uint8_t *at = row_at(p, row);
    float narrow;
    double wide;

    assert(gene < p->dim);
    if (p->type == STRATO_GENES_F64) {
        memcpy(&wide, at + (size_t)gene * sizeof(wide), sizeof(wide));
        return wide;
    }
    memcpy(&narrow, at + (size_t)gene * sizeof(narrow), sizeof(narrow));
    return (double)narrow;
}

void strato_population_set_gene(struct strato_population *p, uint32_t row, uint32_t gene, double value)
{
    uint8_t *at = row_at(p, row);
    float narrow = (float)value;

    assert(gene < p->dim);
    if (p->type == STRATO_GENES_F64)
        memcpy(at + (size_t)gene * sizeof(value), &value, sizeof(value));
    else
        memcpy(at + (size_t)gene * sizeof(narrow), &narrow, sizeof(narrow));
}

void strato_population_copy_row(struct strato_population *to, uint32_t to_row, const struct strato_population *from,
                                uint32_t from_row)
{
    assert(to->type == from->type && to->dim == from->dim);
    memcpy(row_at(to, to_row), row_at(from, from_row), from->stride_bytes);
    to->fitness[to_row] = from->fitness[from_row];
    to->is_known[to_row] = from->is_known[from_row];
    to->ids[to_row] = from->ids[from_row];
}

void strato_population_forget(struct strato_population *p, uint32_t row)
{
    assert(row < p->size);
    p->is_known[row] = false;
    p->fitness[row] = 0;
}

void strato_population_set_fitness(struct strato_population *p, uint32_t row, double fitness)
{
    assert(row < p->size);
    p->is_known[row] = true;
    p->fitness[row] = fitness;
}

uint32_t strato_population_unknown(const struct strato_population *p)
{
    uint32_t count = 0;

    for (uint32_t row = 0; row < p->size; row++)
        count += !p->is_known[row];
    return count;
}

void strato_population_pack_row(const struct strato_population *p, uint32_t row, uint8_t *ret)
{
    memcpy(ret, row_at(p, row), p->dim * strato_gene_bytes(p->type));
}

void strato_population_randomise(struct strato_population *p, uint64_t seed, double low, double high)
{
    struct strato_counter at = { .stream = STRATO_STREAM_BIRTH };
    uint32_t words[4];

    for (uint32_t row = 0; row < p->size; row++) {
        at.individual = row;
        for (uint32_t gene = 0; gene < p->dim; gene++) {
            at.block = gene / 4;
            if (gene % 4 == 0)
                strato_random_block(seed, at, words);
            strato_population_set_gene(p, row, gene, low + (high - low) * strato_uniform(words[gene % 4]));
        }
        strato_population_forget(p, row);
    }
}

struct strato_individual_id strato_individual_id_of(uint64_t seed, uint64_t birth)
{
    struct strato_individual_id id;
    uint32_t words[4];

    strato_random_block(seed, (struct strato_counter){ .stream = STRATO_STREAM_IDENTITY }, words);
    for (int i = 0; i < 8; i++) {
        id.bytes[i] = (uint8_t)(words[i / 4] >> (8 * (i % 4)));
        id.bytes[8 + i] = (uint8_t)(birth >> (56 - 8 * i));
    }
    id.bytes[6] = (uint8_t)((id.bytes[6] & 0x0F) | 0x80);
    id.bytes[8] = (uint8_t)((id.bytes[8] & 0x3F) | 0x80);
    return id;
}

bool strato_fitness_better(double a, double b)
{
    if (b != b)
        return a == a;
    return a > b;
}

struct ranked {
    double fitness;
    uint32_t row;
};

static int compare_ranked(const void *left, const void *right)
{
    const struct ranked *a = left, *b = right;

    if (strato_fitness_better(a->fitness, b->fitness))
        return -1;
    if (strato_fitness_better(b->fitness, a->fitness))
        return 1;
    return a->row < b->row ? -1 : a->row > b->row;
}

int strato_fitness_order(const double *fitness, uint32_t n, uint32_t *ret_order)
{
    struct ranked *ranked = calloc(n ? n : 1, sizeof(*ranked));

    if (!ranked)
        return STRATO_ENOMEM;
    for (uint32_t i = 0; i < n; i++)
        ranked[i] = (struct ranked){ fitness[i], i };
    qsort(ranked, n, sizeof(*ranked), compare_ranked);
    for (uint32_t i = 0; i < n; i++)
        ret_order[i] = ranked[i].row;
    free(ranked);
    return 0;
}
