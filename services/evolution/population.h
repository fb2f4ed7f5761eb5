/*
 * population.h - inside the service: a named population with its queue of asks, and what an ask is.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef EVOLUTION_POPULATION_H
#define EVOLUTION_POPULATION_H

#include "schemas/common.h"
#include "schemas/evolution.h"
#include "services/evolution/service.h"

struct ask;

enum ask_progress {
    ASK_WAITS, /* for rows that are wanted or away */
    ASK_AGAIN, /* has done a piece of work and wants to go on */
    ASK_DONE,  /* has replied */
};

/** One message on its way. What it carries depends on `progress`, the function of its kind. */
struct ask {
    struct ask *next;
    uint64_t ticket;
    enum ask_progress (*progress)(struct evolution_service *s, struct population *p, struct ask *ask);
    bool has_begun;
    /* step */
    uint64_t generation, generations, done;
    uint64_t evaluations_before, local_before;
    uint64_t evaluation_us, selection_us, reproduction_us, since_us;
    /* evaluate_fitness, mutation: the individuals named; inject: those given */
    struct strato_individual_id *ids;
    uint32_t ids_count;
    double *genes; /* inject: [ids_count][dim of the first] */
    uint32_t dim;
    double *fitness; /* inject: NaN where has_fitness is false */
    bool *has_fitness;
    /* selection, get_best */
    uint64_t count;
    enum strato_selection_strategy strategy;
    uint32_t tournament_size;
    /* mutation */
    bool has_mutation;
    struct strato_mutation mutation;
};

/** Breeding of one population on a device, engine.c. */
struct engine {
    enum { ENGINE_IDLE, ENGINE_WANTED, ENGINE_AWAY } state;
    uint32_t generations;  /* asked for */
    uint32_t chunk;        /* how many the next time; 0 = none yet */
    uint32_t bred;         /* done since the step looked */
    uint32_t by_rows_left; /* generations to go by rows after a loss */
    uint64_t since_us;
};

struct population {
    struct population *next;
    char name[EVOLUTION_NAME_BYTES_MAX + 1];
    struct evolution_run run;
    struct ask *head, *tail;
    uint32_t batches_out;
    uint64_t used; /* turn of the service when it was last asked */
    uint64_t created_us;
    uint64_t local_evaluations;
    struct engine engine;
    /* FitnessImproved that waits for its turn */
    bool has_improved;
    struct evolution_improvement improved;
    uint64_t improved_generation, improved_us;
};

struct action_node {
    struct action_node *next;
    struct evolution_action action;
};

struct evolution_service {
    struct evolution_options options;
    struct population *populations;
    uint32_t populations_count;
    size_t memory;           /* genes of all populations */
    struct population *turn; /* whose batch comes next */
    struct action_node *head, *tail;
    uint32_t waiting;
    bool has_engine;       /* a worker breeds on its device */
    uint64_t turns, named; /* named: populations that the service named, for the next name */
};

uint64_t service_now_us(const struct evolution_service *s);
/** By name; "" is the default population. NULL if there is none. */
struct population *service_find(struct evolution_service *s, struct strato_bytes name);
/** Take a run in under a name ("" = the service chooses); on success the run is the service's. An idle population may go for it.
 *  @return 0; STRATO_EEXISTS; STRATO_ELIMIT (every population is busy); STRATO_ENOMEM. */
int service_add(struct evolution_service *s, struct strato_bytes name, struct evolution_run *run,
                struct population **ret);

/** Queue one reply. `record` and `value` are a generated message; `attachment` may be NULL and is taken. A message that cannot be
 *  encoded for lack of memory becomes error `failed`. */
void service_reply(struct evolution_service *s, uint64_t ticket, const char *type, const struct strato_record *record,
                   const void *value, struct strato_writer *attachment);
void service_error(struct evolution_service *s, uint64_t ticket, enum strato_common_error_code code, const char *format,
                   ...) __attribute__((format(printf, 4, 5)));
/** Queue FitnessImproved if an improvement is noted and due (or `is_last`). */
void service_tell_improved(struct evolution_service *s, struct population *p, bool is_last);
/** Note the best of a wholly known population. */
void service_note_best(struct evolution_service *s, struct population *p);

/** Want up to `left` generations bred on a device, if there is one that can. @return whether they are wanted now. */
bool service_engine_want(struct evolution_service *s, struct population *p, uint64_t left);
/** The batch of a population that wants to be bred; NULL if memory is out. */
struct evolution_batch *service_engine_batch(struct evolution_service *s, struct population *p);
/** A batch to breed was lost: some generations go by rows before it is tried again. */
void service_engine_lost(struct population *p);
void service_batch_free(struct evolution_batch **batch);

/** Reply Created with what the population is. */
void reply_created(struct evolution_service *s, uint64_t ticket, const struct population *p);
/** Reply Individuals of these rows. */
void reply_individuals(struct evolution_service *s, struct population *p, uint64_t ticket, const uint32_t *rows,
                       uint32_t count);

/** The operator of a mutator as it travels; `rate` as it is. */
struct strato_mutation mutation_of(const struct strato_evolution_mutator *m, double rate);
void strategy_of(const struct strato_evolution_strategy *m, enum strato_selection_strategy *ret, uint32_t *ret_size);

/** One handler per message type: decode, then reply at once, or fill in *ask and return its population for the queue. A failed decode
 *  has replied. */
struct population *handle_create(struct evolution_service *s, const struct evolution_message *m, struct ask *ask);
struct population *handle_step(struct evolution_service *s, const struct evolution_message *m, struct ask *ask);
struct population *handle_evaluate_fitness(struct evolution_service *s, const struct evolution_message *m,
                                           struct ask *ask);
struct population *handle_selection(struct evolution_service *s, const struct evolution_message *m, struct ask *ask);
struct population *handle_mutation(struct evolution_service *s, const struct evolution_message *m, struct ask *ask);
struct population *handle_get_best(struct evolution_service *s, const struct evolution_message *m, struct ask *ask);
struct population *handle_inject(struct evolution_service *s, const struct evolution_message *m, struct ask *ask);
struct population *handle_checkpoint(struct evolution_service *s, const struct evolution_message *m, struct ask *ask);
struct population *handle_restore(struct evolution_service *s, const struct evolution_message *m, struct ask *ask);

/** Decode, or reply error `invalid` with the field at fault. @return true if decoded. */
bool decode_or_refuse(struct evolution_service *s, uint64_t ticket, const struct strato_record *record,
                      const struct evolution_message *m, void *ret);
/** The population named, or reply not_found. */
struct population *population_or_refuse(struct evolution_service *s, uint64_t ticket, bool has_name,
                                        struct strato_bytes name);
/** Copy the ids of a list into the ask, or reply. */
bool ids_or_refuse(struct evolution_service *s, struct ask *ask, const struct strato_list_uuid *list);
#endif
