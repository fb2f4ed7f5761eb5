/*
 * crossover.c - one-point crossover.
 *
 * SPDX-License-Identifier: MIT
 */
#include "core/oracle/crossover.h"

#include <assert.h>
#include <string.h>

bool strato_crossover_one_point(struct strato_population *child, uint32_t child_row,
                                const struct strato_population *parents, uint32_t first, uint32_t second, double rate,
                                uint64_t seed, struct strato_counter at)
{
    struct strato_individual_id id = child->ids[child_row];
    size_t gene_bytes = strato_gene_bytes(parents->type);
    size_t cut_bytes, rest_bytes;
    uint8_t *to;
    const uint8_t *from;
    uint32_t words[4];

    assert(child != parents);
    at.stream = STRATO_STREAM_CROSSOVER;
    at.block = 0;
    strato_random_block(seed, at, words);
    strato_population_copy_row(child, child_row, parents, first);
    child->ids[child_row] = id;
    if (parents->dim < 2 || !(strato_uniform(words[0]) < rate))
        return false;
    cut_bytes = (1 + strato_uniform_below((uint64_t)words[2] << 32 | words[1], parents->dim - 1)) * gene_bytes;
    rest_bytes = parents->dim * gene_bytes - cut_bytes;
    to = child->genes + child_row * child->stride_bytes + cut_bytes;
    from = parents->genes + second * parents->stride_bytes + cut_bytes;
    if (memcmp(to, from, rest_bytes) == 0)
        return true; /* nothing new was born: the fitness is still true */
    memcpy(to, from, rest_bytes);
    strato_population_forget(child, child_row);
    return true;
}
