/*
 * population.h - a population as structure of arrays: rows of genes, and beside them fitness and names.
 *
 * Genes are row-major, each row padded to 64 bytes with zeros, as the kernels want them; they are stored in
 * the population's type, and arithmetic on them is in double, rounded once when stored. Fitness is maximised.
 * A row without fitness is unknown; NaN is known, and the worst there is. Rule: behaviour.md section 2.2.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_ORACLE_POPULATION_H
#define STRATO_ORACLE_POPULATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    STRATO_POPULATION_SIZE_MAX = 1 << 20,
    STRATO_POPULATION_DIM_MAX = 1 << 16,
    STRATO_ROW_ALIGN = 64,
};
#define STRATO_POPULATION_BYTES_MAX ((size_t)1 << 28) /* genes of one population */

enum strato_gene_type { STRATO_GENES_F32, STRATO_GENES_F64 };

/** Bytes of one gene. */
static inline size_t strato_gene_bytes(enum strato_gene_type type)
{
    return type == STRATO_GENES_F64 ? 8 : 4;
}

/** Name of an individual: a UUID. */
struct strato_individual_id {
    uint8_t bytes[16];
};

/** The UUID (version 8, RFC 9562) of number `birth` of a run: 8 bytes of the seed's, 8 of the number. */
struct strato_individual_id strato_individual_id_of(uint64_t seed, uint64_t birth);

/** Zero-initialised = empty; filled by strato_population_init(). Read the fields freely, write them through the functions. */
struct strato_population {
    enum strato_gene_type type;
    uint32_t size;                    /* individuals */
    uint32_t dim;                     /* genes of one */
    size_t stride_bytes;              /* of a row, a multiple of 64 */
    uint8_t *genes;                   /* [size] rows of stride_bytes, 64-byte aligned */
    double *fitness;                  /* [size], meaningful where is_known */
    bool *is_known;                   /* [size] */
    struct strato_individual_id *ids; /* [size] name of each for good; zero until set */
};

/** @return 0; STRATO_EINVAL (size or dim is 0); STRATO_ELIMIT (over the limits above); STRATO_ENOMEM. */
int strato_population_init(struct strato_population *p, enum strato_gene_type type, uint32_t size, uint32_t dim);
/** Frees and empties. Accepts NULL and an empty one. */
void strato_population_fini(struct strato_population *p);

double strato_population_gene(const struct strato_population *p, uint32_t row, uint32_t gene);
/** Store a gene, rounded to the type. Does not touch the fitness. */
void strato_population_set_gene(struct strato_population *p, uint32_t row, uint32_t gene, double value);
/** Genes, fitness and name of one individual; the two populations have one type and dim. */
void strato_population_copy_row(struct strato_population *to, uint32_t to_row, const struct strato_population *from,
                                uint32_t from_row);
/** Make the fitness of a row unknown. */
void strato_population_forget(struct strato_population *p, uint32_t row);
void strato_population_set_fitness(struct strato_population *p, uint32_t row, double fitness);
/** Rows without fitness. */
uint32_t strato_population_unknown(const struct strato_population *p);
/** Tightly packed genes of one row, little-endian: dim * strato_gene_bytes(type) bytes. */
void strato_population_pack_row(const struct strato_population *p, uint32_t row, uint8_t *ret);

/** Every gene uniform in [low, high] by the stream STRATO_STREAM_BIRTH, generation 0; fitness unknown. */
void strato_population_randomise(struct strato_population *p, uint64_t seed, double low, double high);

/** Is a better than b? NaN is worse than everything and equal to itself. */
bool strato_fitness_better(double a, double b);
/** Rows best first; NaN last, equal fitness by row. `ret_order` has n places. @return 0 or STRATO_ENOMEM. */
int strato_fitness_order(const double *fitness, uint32_t n, uint32_t *ret_order);

#ifdef __cplusplus
}
#endif
#endif
