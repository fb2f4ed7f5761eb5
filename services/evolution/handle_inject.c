/*
 * handle_inject.c - evolution.inject: individuals from elsewhere take the places of the worst.
 *
 * One whose id is in the population already takes its own place: so a remote evaluator can tell a fitness.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdlib.h>

#include "services/evolution/population.h"

/* Rows that the injected ones take: their own if they are there, else the worst that nobody took. */
static int choose_rows(const struct evolution_run *run, const struct ask *ask, uint32_t *order, bool *taken,
                       uint32_t *ret_rows)
{
    uint32_t worst = run->now.size;

    for (uint32_t i = 0; i < ask->ids_count; i++) {
        ret_rows[i] = UINT32_MAX;
        if (evolution_run_find(run, ask->ids[i], &ret_rows[i]) == 0)
            taken[ret_rows[i]] = true;
    }
    for (uint32_t i = 0; i < ask->ids_count; i++) {
        if (ret_rows[i] != UINT32_MAX)
            continue;
        while (worst > 0 && taken[order[worst - 1]])
            worst--;
        if (worst == 0)
            return STRATO_ELIMIT;
        ret_rows[i] = order[--worst];
        taken[ret_rows[i]] = true;
    }
    return 0;
}

static enum ask_progress progress_inject(struct evolution_service *s, struct population *p, struct ask *ask)
{
    struct strato_evolution_ack ack = STRATO_EVOLUTION_ACK_DEFAULTS;
    uint32_t size = p->run.now.size;
    uint32_t *order = NULL, *rows = NULL;
    bool *taken = NULL;
    int rc = STRATO_ENOMEM;

    if (ask->dim != p->run.now.dim) {
        service_error(s, ask->ticket, STRATO_COMMON_ERROR_CODE_INVALID,
                      "genomes of population %s have %u genes, not %u", p->name, p->run.now.dim, ask->dim);
        return ASK_DONE;
    }
    if (!ask->has_begun)
        evolution_run_want_all(&p->run); /* who is worst must be known */
    ask->has_begun = true;
    if (!evolution_run_is_settled(&p->run))
        return ASK_WAITS;
    service_note_best(s, p); /* before the newcomers, so that theirs counts as an improvement at the next look */
    order = calloc(size, sizeof(*order));
    rows = calloc(ask->ids_count, sizeof(*rows));
    taken = calloc(size, sizeof(*taken));
    if (order && rows && taken)
        rc = strato_fitness_order(p->run.now.fitness, size, order);
    if (rc == 0)
        rc = choose_rows(&p->run, ask, order, taken, rows);
    for (uint32_t i = 0; rc == 0 && i < ask->ids_count; i++)
        evolution_run_replace(&p->run, rows[i], ask->ids[i], ask->genes + (size_t)i * ask->dim,
                              ask->has_fitness[i] ? &ask->fitness[i] : NULL);
    if (rc == 0)
        service_reply(s, ask->ticket, STRATO_TYPE_EVOLUTION_ACK, &strato_evolution_ack__record, &ack, NULL);
    else
        service_error(s, ask->ticket,
                      rc == STRATO_ELIMIT ? STRATO_COMMON_ERROR_CODE_INVALID : STRATO_COMMON_ERROR_CODE_FAILED,
                      "%u individuals into a population of %u: %s", ask->ids_count, size, strato_strerror(rc));
    free(order);
    free(rows);
    free(taken);
    return ASK_DONE;
}

static bool copy_individuals(struct evolution_service *s, const struct strato_evolution_inject *m, struct ask *ask)
{
    struct strato_iter it = strato_evolution_individual_list_begin(&m->individuals);
    struct strato_evolution_individual one;

    while (strato_evolution_individual_list_next(&it, &one)) {
        struct strato_iter genes = strato_list_f64_begin(&one.genome);
        double *at;

        if (!ask->ids) {
            ask->dim = one.genome.count;
            ask->ids = calloc(m->individuals.count, sizeof(*ask->ids));
            ask->genes = calloc((size_t)m->individuals.count * (ask->dim ? ask->dim : 1), sizeof(*ask->genes));
            ask->fitness = calloc(m->individuals.count, sizeof(*ask->fitness));
            ask->has_fitness = calloc(m->individuals.count, sizeof(*ask->has_fitness));
        }
        if (!ask->ids || !ask->genes || !ask->fitness || !ask->has_fitness) {
            service_error(s, ask->ticket, STRATO_COMMON_ERROR_CODE_FAILED, "out of memory for %u individuals",
                          m->individuals.count);
            return false;
        }
        if (one.genome.count != ask->dim) {
            service_error(s, ask->ticket, STRATO_COMMON_ERROR_CODE_INVALID,
                          "genomes of %u and of %u genes in one message", ask->dim, one.genome.count);
            return false;
        }
        at = ask->genes + (size_t)ask->ids_count * ask->dim;
        for (uint32_t gene = 0; gene < ask->dim && strato_list_f64_next(&genes, at); gene++)
            at++;
        memcpy(ask->ids[ask->ids_count].bytes, one.id.bytes, sizeof(one.id.bytes));
        ask->has_fitness[ask->ids_count] = one.has_fitness;
        ask->fitness[ask->ids_count] = one.fitness;
        ask->ids_count++;
    }
    return true;
}

struct population *handle_inject(struct evolution_service *s, const struct evolution_message *m, struct ask *ask)
{
    struct strato_evolution_inject message;

    if (!decode_or_refuse(s, ask->ticket, &strato_evolution_inject__record, m, &message) ||
        !copy_individuals(s, &message, ask))
        return NULL;
    ask->progress = progress_inject;
    return population_or_refuse(s, ask->ticket, message.has_population, message.population);
}
