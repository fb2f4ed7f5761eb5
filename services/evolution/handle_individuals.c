/*
 * handle_individuals.c - the four messages that are answered with Individuals: evaluate_fitness, selection, mutation, get_best.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdlib.h>

#include "services/evolution/population.h"

/* Wants everything and waits; true once all is known and the best is noted. */
static bool all_known(struct evolution_service *s, struct population *p, struct ask *ask)
{
    if (!ask->has_begun)
        evolution_run_want_all(&p->run);
    ask->has_begun = true;
    if (!evolution_run_is_settled(&p->run))
        return false;
    service_note_best(s, p);
    service_tell_improved(s, p, true);
    return true;
}

/* Rows of the ask's ids, to be freed; NULL if it has replied. */
static uint32_t *find_rows(struct evolution_service *s, struct population *p, const struct ask *ask)
{
    uint32_t *rows = calloc(ask->ids_count ? ask->ids_count : 1, sizeof(*rows));

    if (!rows) {
        service_error(s, ask->ticket, STRATO_COMMON_ERROR_CODE_FAILED, "out of memory for %u ids", ask->ids_count);
        return NULL;
    }
    for (uint32_t i = 0; i < ask->ids_count; i++)
        if (evolution_run_find(&p->run, ask->ids[i], &rows[i]) < 0) {
            service_error(s, ask->ticket, STRATO_COMMON_ERROR_CODE_NOT_FOUND,
                          "individual number %u of the list is not in generation %llu of population %s", i,
                          (unsigned long long)p->run.generation, p->name);
            free(rows);
            return NULL;
        }
    return rows;
}

static enum ask_progress progress_evaluate(struct evolution_service *s, struct population *p, struct ask *ask)
{
    uint32_t *rows;

    if (ask->has_begun && !evolution_run_is_settled(&p->run))
        return ASK_WAITS;
    rows = find_rows(s, p, ask);
    if (!rows)
        return ASK_DONE;
    for (uint32_t i = 0; i < ask->ids_count; i++)
        evolution_run_want(&p->run, rows[i]);
    ask->has_begun = true;
    if (evolution_run_is_settled(&p->run)) {
        if (strato_population_unknown(&p->run.now) == 0)
            service_note_best(s, p);
        service_tell_improved(s, p, true);
        reply_individuals(s, p, ask->ticket, rows, ask->ids_count);
        free(rows);
        return ASK_DONE;
    }
    free(rows);
    return ASK_WAITS;
}

struct population *handle_evaluate_fitness(struct evolution_service *s, const struct evolution_message *m,
                                           struct ask *ask)
{
    struct strato_evolution_evaluate_fitness message;

    if (!decode_or_refuse(s, ask->ticket, &strato_evolution_evaluate_fitness__record, m, &message) ||
        !ids_or_refuse(s, ask, &message.individual_ids))
        return NULL;
    ask->progress = progress_evaluate;
    return population_or_refuse(s, ask->ticket, message.has_population, message.population);
}

/* Sorts draws best first: place[row] is where a row stands in the order of fitness. */
static int compare_places(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

/* Draws as places in the order of fitness, sorts the places, and maps them back to rows. */
static int draw_sorted(struct population *p, struct strato_selection *selection, uint32_t count, uint32_t *ret_rows)
{
    uint32_t *place = calloc(selection->n, sizeof(*place));
    struct strato_counter at = { .generation = (uint32_t)p->run.asked,
                                 .stream = STRATO_STREAM_ASKED + STRATO_STREAM_SELECT };

    if (!place)
        return STRATO_ENOMEM;
    for (uint32_t i = 0; i < selection->n; i++)
        place[selection->order[i]] = i;
    for (at.individual = 0; at.individual < count; at.individual++)
        ret_rows[at.individual] = place[strato_selection_draw(selection, p->run.settings.breeding.seed, at)];
    qsort(ret_rows, count, sizeof(*ret_rows), compare_places);
    for (uint32_t i = 0; i < count; i++)
        ret_rows[i] = selection->order[ret_rows[i]];
    p->run.asked++;
    free(place);
    return 0;
}

/* get_best is the elitist selection; both take at most the population. */
static enum ask_progress progress_select(struct evolution_service *s, struct population *p, struct ask *ask)
{
    struct strato_selection selection = { 0 };
    uint32_t size = p->run.now.size;
    uint32_t count = ask->strategy == STRATO_SELECT_ELITIST && ask->count > size ? size : (uint32_t)ask->count;
    uint32_t *rows = NULL;
    int rc;

    if (!all_known(s, p, ask))
        return ASK_WAITS;
    rows = calloc(count, sizeof(*rows));
    rc = rows ? strato_selection_init(&selection, ask->strategy, ask->tournament_size, p->run.now.fitness, size)
              : STRATO_ENOMEM;
    if (rc == 0)
        rc = draw_sorted(p, &selection, count, rows);
    if (rc == 0)
        reply_individuals(s, p, ask->ticket, rows, count);
    else
        service_error(s, ask->ticket, STRATO_COMMON_ERROR_CODE_FAILED, "%u individuals: %s", count,
                      strato_strerror(rc));
    strato_selection_fini(&selection);
    free(rows);
    return ASK_DONE;
}

struct population *handle_selection(struct evolution_service *s, const struct evolution_message *m, struct ask *ask)
{
    struct strato_evolution_selection message;

    if (!decode_or_refuse(s, ask->ticket, &strato_evolution_selection__record, m, &message))
        return NULL;
    ask->progress = progress_select;
    ask->count = message.count;
    strategy_of(&message.strategy, &ask->strategy, &ask->tournament_size);
    return population_or_refuse(s, ask->ticket, message.has_population, message.population);
}

struct population *handle_get_best(struct evolution_service *s, const struct evolution_message *m, struct ask *ask)
{
    struct strato_evolution_get_best message;

    if (!decode_or_refuse(s, ask->ticket, &strato_evolution_get_best__record, m, &message))
        return NULL;
    ask->progress = progress_select;
    ask->count = message.count;
    ask->strategy = STRATO_SELECT_ELITIST;
    ask->tournament_size = 1;
    return population_or_refuse(s, ask->ticket, message.has_population, message.population);
}

static enum ask_progress progress_mutate(struct evolution_service *s, struct population *p, struct ask *ask)
{
    struct strato_mutation mutation = ask->mutation;
    uint32_t *rows = find_rows(s, p, ask);

    if (!rows)
        return ASK_DONE;
    if (!ask->has_mutation) {
        mutation = p->run.settings.breeding.mutation;
        mutation.rate = ask->mutation.rate;
    }
    for (uint32_t i = 0; i < ask->ids_count; i++)
        evolution_run_mutate(&p->run, rows[i], &mutation);
    p->run.asked++;
    reply_individuals(s, p, ask->ticket, rows, ask->ids_count);
    free(rows);
    return ASK_DONE;
}

struct population *handle_mutation(struct evolution_service *s, const struct evolution_message *m, struct ask *ask)
{
    struct strato_evolution_mutation message;

    if (!decode_or_refuse(s, ask->ticket, &strato_evolution_mutation__record, m, &message) ||
        !ids_or_refuse(s, ask, &message.individual_ids))
        return NULL;
    ask->progress = progress_mutate;
    ask->has_mutation = message.has_op;
    ask->mutation.rate = message.rate;
    if (message.has_op)
        ask->mutation = mutation_of(&message.op, message.rate);
    return population_or_refuse(s, ask->ticket, message.has_population, message.population);
}
