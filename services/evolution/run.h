/*
 * run.h - one population on its way: which rows lack fitness, who is computing them, and when to breed.
 *
 *      init --> ROWS WANTED --take--> ROWS AWAY --tell--> all known --breed--> ROWS WANTED ...
 *                   ^                    |
 *                   +------ lose --------+
 *
 * Values may arrive in any order, in any split, from a device or from the C reference, late or twice: what
 * a row gets is its own fitness, so the run ends the same. It reads no clock and opens no socket.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef EVOLUTION_RUN_H
#define EVOLUTION_RUN_H

#include "core/bytes.h"
#include "core/oracle/oracle.h"
#include "core/oracle/search.h"
#include "core/oracle/statistics.h"
#include "services/evolution/breed.h"

enum {
    EVOLUTION_NAME_BYTES_MAX = 64,
    EVOLUTION_HASH_BYTES = 32, /* XXH3-128 in hex */
};

/** What makes a population. params, data and ready_data belong to the run that took the settings. */
struct evolution_settings {
    const struct strato_problem *problem;
    enum strato_gene_type type;
    uint32_t size, dim;
    double low, high; /* bounds of the first genes; of all genes unless the algorithm is ga */
    enum strato_algorithm algorithm;
    struct evolution_breeding breeding;       /* seed for all; the rest for ga only */
    struct strato_bytes params;               /* encoded msgpack map, or none */
    struct strato_bytes data;                 /* data set of the problem, or none */
    char data_hash[EVOLUTION_HASH_BYTES + 1]; /* "" = the problem needs no data */
    struct strato_problem_params ready_params;
    struct strato_problem_data *ready_data;
};
#define EVOLUTION_SETTINGS_DEFAULTS                                                                                    \
    {                                                                                                                  \
        .type = STRATO_GENES_F32, .size = 100, .dim = 64, .low = -5.12, .high = 5.12,                                  \
        .breeding = EVOLUTION_BREEDING_DEFAULTS                                                                        \
    }

/** The best went up. */
struct evolution_improvement {
    struct strato_individual_id id;
    double old_fitness, new_fitness;
};

struct evolution_run {
    struct evolution_settings settings;
    struct strato_population now;  /* the current generation */
    struct strato_population next; /* memory of the coming one; after a breed the one before */
    struct strato_search search;   /* state of every algorithm but ga */
    bool is_fold_due;              /* bred, and not yet compared with the one before */
    uint8_t *rows;                 /* [size] enum row_state */
    uint32_t wanted, away;         /* rows in these states */
    uint32_t scan;                 /* no wanted row lies before it */
    uint32_t round;                /* rises with every change of genes: answers of an older round are stale */
    uint64_t generation;
    uint64_t births;      /* number of the last one born here */
    uint64_t asked;       /* operators that messages asked for outside a step */
    uint64_t evaluations; /* rows told, ever */
    bool has_best;
    double best; /* highest fitness ever seen */
};

/** Make the first population. Settings are copied, with params and data; ready_data is taken on success.
 *  @return 0; STRATO_EINVAL; STRATO_ELIMIT; STRATO_ENOMEM. */
int evolution_run_init(struct evolution_run *run, const struct evolution_settings *settings);
/** Frees and empties. Accepts NULL and an empty one. */
void evolution_run_fini(struct evolution_run *run);

/** Want the fitness of one row, or of all, where it is unknown. */
void evolution_run_want(struct evolution_run *run, uint32_t row);
void evolution_run_want_all(struct evolution_run *run);
/** Is nothing wanted and nothing away? */
bool evolution_run_is_settled(const struct evolution_run *run);
/** Hand out up to `max` wanted rows, lowest first; they are away until told or lost. @return how many. */
uint32_t evolution_run_take(struct evolution_run *run, uint32_t max, uint32_t *ret_rows);
/** Rows that were taken will not come back: want them again. Stale rounds and known rows change nothing. */
void evolution_run_lose(struct evolution_run *run, uint32_t round, const uint32_t *rows, uint32_t count);
/** The fitness of rows that were taken. Stale rounds and known rows change nothing. @return how many were news. */
uint32_t evolution_run_tell(struct evolution_run *run, uint32_t round, const uint32_t *rows, uint32_t count,
                            const double *values);

/** Compare the best of a settled, wholly known population with the best ever; the first best improves on nothing.
 *  @return true, and what improved, if it went up. */
bool evolution_run_note_best(struct evolution_run *run, struct evolution_improvement *ret);

/** After a breed, once all is known: de and pso take back what was better before. Does nothing the second time. */
void evolution_run_fold(struct evolution_run *run);
/** The parents' draw of the current generation, which must be wholly known and folded; for other algorithms than ga the
 *  fitness is taken in, and the selection is empty. @return 0, or an error and nothing has changed. */
int evolution_run_select(struct evolution_run *run, struct strato_selection *ret_selection);
/** Replace the population by the next one; generation and round rise by one. */
void evolution_run_breed(struct evolution_run *run, struct strato_selection *selection);

/** What a device bred: the same generations that evolution_run_breed() and an evaluation of each would have made. */
struct evolution_bred {
    uint32_t generations;
    const uint8_t *genes;    /* row-major, tightly packed */
    const double *values;    /* [size], 8-byte aligned */
    const uint32_t *origins; /* [size]: below size = that row, unchanged; else size + children born before it */
    uint64_t evaluations;
};
/** Take them in. The run is a settled, wholly known genetic one. @return 0; STRATO_EINVAL if an origin cannot be, and
 *  nothing has changed. */
int evolution_run_adopt(struct evolution_run *run, const struct evolution_bred *bred);

/** Mutate one row outside a step (counter: the number of such operators so far, see evolution_run.asked). */
void evolution_run_mutate(struct evolution_run *run, uint32_t row, const struct strato_mutation *m);
/** Replace an individual; `fitness` may be NULL for unknown. */
void evolution_run_replace(struct evolution_run *run, uint32_t row, struct strato_individual_id id, const double *genes,
                           const double *fitness);
/** @return its row, or STRATO_ENOENT. O(size). */
int evolution_run_find(const struct evolution_run *run, struct strato_individual_id id, uint32_t *ret_row);
#endif
