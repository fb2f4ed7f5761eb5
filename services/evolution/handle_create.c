/*
 * handle_create.c - evolution.create: make a population.
 *
 * A repeated Create (the same name, the same settings, nothing stepped yet) is answered like the first.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>

#include "services/evolution/population.h"
#include "services/evolution/problem.h"

struct strato_mutation mutation_of(const struct strato_evolution_mutator *m, double rate)
{
    struct strato_mutation made = { .rate = rate };

    switch (m->kind) {
    case STRATO_EVOLUTION_MUTATOR_GAUSSIAN:
        made.kind = STRATO_MUTATE_GAUSSIAN;
        made.parameter = m->gaussian.sigma;
        break;
    case STRATO_EVOLUTION_MUTATOR_UNIFORM:
        made.kind = STRATO_MUTATE_UNIFORM;
        made.parameter = m->uniform.range;
        break;
    case STRATO_EVOLUTION_MUTATOR_POLYNOMIAL:
        made.kind = STRATO_MUTATE_POLYNOMIAL;
        made.parameter = m->polynomial.eta;
        break;
    }
    return made;
}

void strategy_of(const struct strato_evolution_strategy *m, enum strato_selection_strategy *ret, uint32_t *ret_size)
{
    *ret_size = STRATO_TOURNAMENT_SIZE_DEFAULT;
    switch (m->kind) {
    case STRATO_EVOLUTION_STRATEGY_TOURNAMENT:
        *ret = STRATO_SELECT_TOURNAMENT;
        *ret_size = m->tournament.size;
        break;
    case STRATO_EVOLUTION_STRATEGY_ROULETTE:
        *ret = STRATO_SELECT_ROULETTE;
        break;
    case STRATO_EVOLUTION_STRATEGY_RANK:
        *ret = STRATO_SELECT_RANK;
        break;
    case STRATO_EVOLUTION_STRATEGY_ELITIST:
        *ret = STRATO_SELECT_ELITIST;
        break;
    }
}

static void no_such_algorithm(struct evolution_service *s, uint64_t ticket, struct strato_bytes name)
{
    char names[160] = "";
    int used = 0;

    for (uint32_t i = 0; i < STRATO_ALGORITHM_COUNT && (size_t)used < sizeof(names); i++)
        used += snprintf(names + used, sizeof(names) - (size_t)used, "%s %s", i ? "," : "", strato_algorithm_name(i));
    service_error(s, ticket, STRATO_COMMON_ERROR_CODE_INVALID, "algo %.*s: this service offers%s", (int)name.bytes,
                  (const char *)name.data, names);
}

/* What the message offers beyond what this service does is refused by name, never passed over. */
static bool is_offered(struct evolution_service *s, uint64_t ticket, const struct strato_evolution_create *m)
{
    enum strato_algorithm algorithm;

    if (strato_algorithm_find(m->algo, &algorithm) < 0)
        no_such_algorithm(s, ticket, m->algo);
    else if (!strato_bytes_is(m->crossover, "one_point"))
        service_error(s, ticket, STRATO_COMMON_ERROR_CODE_INVALID, "crossover %.*s: this service offers one_point",
                      (int)m->crossover.bytes, (const char *)m->crossover.data);
    else if (m->islands != 1)
        service_error(s, ticket, STRATO_COMMON_ERROR_CODE_INVALID, "islands %u: this service breeds 1", m->islands);
    else if (m->has_fitness)
        service_error(s, ticket, STRATO_COMMON_ERROR_CODE_INVALID, "fitness: this service takes named problems only");
    else
        return true;
    return false;
}

static struct evolution_settings settings_of(const struct strato_evolution_create *m)
{
    struct evolution_settings s = EVOLUTION_SETTINGS_DEFAULTS;

    s.type = m->dtype == STRATO_EVOLUTION_DTYPE_F64 ? STRATO_GENES_F64 : STRATO_GENES_F32;
    s.size = m->size;
    s.dim = m->dim;
    s.breeding.seed = m->seed;
    (void)strato_algorithm_find(m->algo, &s.algorithm); /* is_offered() has looked */
    if (m->has_strategy)
        strategy_of(&m->strategy, &s.breeding.strategy, &s.breeding.tournament_size);
    if (m->has_mutator)
        s.breeding.mutation = mutation_of(&m->mutator, m->mutation_rate);
    s.breeding.mutation.rate = m->mutation_rate;
    s.breeding.crossover_rate = m->crossover_rate;
    s.breeding.elite_count = m->elite_count;
    s.params = m->params.raw;
    return s;
}

static bool is_same(const struct evolution_settings *a, const struct evolution_settings *b)
{
    const struct evolution_breeding *x = &a->breeding, *y = &b->breeding;

    return a->problem == b->problem && a->type == b->type && a->size == b->size && a->dim == b->dim &&
           a->low == b->low && a->high == b->high && a->algorithm == b->algorithm &&
           strato_bytes_equal(a->params, b->params) && strcmp(a->data_hash, b->data_hash) == 0 && x->seed == y->seed &&
           x->strategy == y->strategy && x->tournament_size == y->tournament_size &&
           x->mutation.kind == y->mutation.kind && x->mutation.rate == y->mutation.rate &&
           x->mutation.parameter == y->mutation.parameter && x->crossover_rate == y->crossover_rate &&
           x->elite_count == y->elite_count;
}

void reply_created(struct evolution_service *s, uint64_t ticket, const struct population *p)
{
    const struct evolution_settings *e = &p->run.settings;
    struct strato_evolution_created reply = STRATO_EVOLUTION_CREATED_DEFAULTS;

    reply.population = strato_text(p->name);
    reply.has_generation = reply.has_problem = reply.has_size = reply.has_dim = true;
    reply.has_seed = reply.has_dtype = reply.has_algo = true;
    reply.generation = p->run.generation;
    reply.problem = strato_text(e->problem->name);
    reply.size = e->size;
    reply.dim = e->dim;
    reply.seed = e->breeding.seed;
    reply.dtype = e->type == STRATO_GENES_F64 ? STRATO_EVOLUTION_DTYPE_F64 : STRATO_EVOLUTION_DTYPE_F32;
    reply.algo = strato_text(strato_algorithm_name(e->algorithm));
    service_reply(s, ticket, STRATO_TYPE_EVOLUTION_CREATED, &strato_evolution_created__record, &reply, NULL);
}

static void refuse(struct evolution_service *s, uint64_t ticket, int rc, struct strato_bytes name, const char *detail)
{
    enum strato_common_error_code code = rc == STRATO_ENOMEM    ? STRATO_COMMON_ERROR_CODE_FAILED
                                         : rc == STRATO_EEXISTS ? STRATO_COMMON_ERROR_CODE_REFUSED
                                         : rc == STRATO_ENOENT  ? STRATO_COMMON_ERROR_CODE_NOT_FOUND
                                                                : STRATO_COMMON_ERROR_CODE_INVALID;

    if (*detail)
        service_error(s, ticket, code, "%s", detail);
    else if (rc == STRATO_EEXISTS)
        service_error(s, ticket, code, "population %.*s exists with other settings; name another or none",
                      (int)name.bytes, (const char *)name.data);
    else if (rc == STRATO_ELIMIT)
        service_error(s, ticket, code,
                      "the population is too large, or all of %d populations are busy; make it smaller, or wait",
                      EVOLUTION_POPULATIONS_MAX);
    else
        service_error(s, ticket, code, "the population cannot be made: %s", strato_strerror(rc));
}

/* Why a run cannot be made of settings whose problem is in order. */
static void explain(const struct evolution_settings *s, int rc, char *detail, size_t detail_bytes)
{
    const char *name = strato_algorithm_name(s->algorithm);

    if (rc == STRATO_EINVAL && s->algorithm != STRATO_ALGORITHM_GA && s->size < STRATO_SEARCH_SIZE_MIN)
        snprintf(detail, detail_bytes, "%s needs a size of at least %d individuals", name, STRATO_SEARCH_SIZE_MIN);
    else if (rc == STRATO_EINVAL)
        snprintf(detail, detail_bytes, "bounds: the first must not be above the second");
    else if (rc == STRATO_ELIMIT && s->algorithm == STRATO_ALGORITHM_CMA && s->dim > STRATO_CMA_DIM_MAX)
        snprintf(detail, detail_bytes, "cma-es takes up to %d genes; sep-cma-es takes more", STRATO_CMA_DIM_MAX);
    else if (rc == STRATO_ELIMIT)
        snprintf(detail, detail_bytes, "size * dim is over 256 MiB of genes: make the population smaller");
}

struct population *handle_create(struct evolution_service *s, const struct evolution_message *m, struct ask *ask)
{
    struct strato_evolution_create create;
    struct evolution_settings settings;
    struct evolution_run run = { 0 };
    struct population *p = NULL;
    char detail[256] = "";
    int rc;

    if (!decode_or_refuse(s, ask->ticket, &strato_evolution_create__record, m, &create) ||
        !is_offered(s, ask->ticket, &create))
        return NULL;
    settings = settings_of(&create);
    if (create.has_data) {
        rc = strato_binary_bytes(&create.data, m->frames, m->frames_count, &settings.data);
        if (rc < 0) {
            refuse(s, ask->ticket, STRATO_EINVAL, create.population, "data: the message carries no such attachment");
            return NULL;
        }
    }
    rc = evolution_problem_prepare(create.problem, &settings, detail, sizeof(detail));
    if (rc < 0)
        goto out;
    settings.low = create.has_bounds ? create.bounds[0] : settings.problem->low;
    settings.high = create.has_bounds ? create.bounds[1] : settings.problem->high;
    p = create.has_population && create.population.bytes ? service_find(s, create.population) : NULL;
    if (p && p->run.generation == 0 && is_same(&p->run.settings, &settings)) {
        reply_created(s, ask->ticket, p);
        strato_problem_data_destroy(&settings.ready_data);
        return NULL;
    }
    rc = evolution_run_init(&run, &settings);
    if (rc < 0) {
        explain(&settings, rc, detail, sizeof(detail));
        goto out;
    }
    settings.ready_data = NULL; /* the run's now */
    rc = service_add(s, create.has_population ? create.population : STRATO_BYTES_NONE, &run, &p);
    if (rc == 0)
        reply_created(s, ask->ticket, p);
out:
    if (rc < 0)
        refuse(s, ask->ticket, rc, create.population, detail);
    strato_problem_data_destroy(&settings.ready_data);
    evolution_run_fini(&run);
    return NULL;
}
