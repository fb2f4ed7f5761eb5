/*
 * philox.h - the one random number generator of evolution: Philox4x32-10, counter-based.
 *
 * A draw is a pure function of (seed, individual, gene block, generation, stream), so a result never depends
 * on the order of evaluation, on batch splits, on work-group sizes, on the device or on a restart. There is
 * no state to keep and none to lose. Checked against the known answers of Random123 (Salmon et al., SC 2011).
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_ORACLE_PHILOX_H
#define STRATO_ORACLE_PHILOX_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** One stream per use. Numbers are part of every saved run: append, never renumber. */
enum strato_stream {
    STRATO_STREAM_BIRTH = 1,     /* first population: one word per gene */
    STRATO_STREAM_SELECT = 2,    /* one block sequence per drawn parent */
    STRATO_STREAM_CROSSOVER = 3, /* whether, and where */
    STRATO_STREAM_MASK = 4,      /* which genes mutate: one word per gene */
    STRATO_STREAM_MUTATE = 5,    /* by how much: one word per gene */
    STRATO_STREAM_IDENTITY = 6,  /* names of individuals */
    STRATO_STREAM_LANDSCAPE = 7, /* instances of benchmark functions, keyed by function and instance */
    STRATO_STREAM_SAMPLE = 8,    /* normals and pulls of a search */
    STRATO_STREAM_PARTNER = 9,   /* who takes part in a difference */
    STRATO_STREAM_ASKED = 32,    /* added to the stream of an operator that a message asked for outside a step */
};

/** Where a draw stands. Words 0..3 of the Philox counter, in this order. */
struct strato_counter {
    uint32_t individual;
    uint32_t block; /* gene / 4, or the number of the draw */
    uint32_t generation;
    uint32_t stream;
};

/** The bare function: 4 counter words and 2 key words to 4 random words. ret may be counter. */
void strato_philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t ret[4]);

/** The block of four random words at `at` under a 64-bit seed (low word is key 0). */
void strato_random_block(uint64_t seed, struct strato_counter at, uint32_t ret[4]);

/** Random word of gene `gene`: lane gene % 4 of block gene / 4; `at.block` is ignored. */
uint32_t strato_random_gene(uint64_t seed, struct strato_counter at, uint32_t gene);

/** Uniform in (0, 1): (word + 1/2) / 2^32, exact in double. */
static inline double strato_uniform(uint32_t word)
{
    return ((double)word + 0.5) * 0x1p-32;
}

/** Uniform in 0..n-1 from 64 random bits; n > 0. The bias is below n / 2^64. */
uint64_t strato_uniform_below(uint64_t bits, uint64_t n);

#ifdef __cplusplus
}
#endif
#endif
