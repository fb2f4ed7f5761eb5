/*
 * run.c - the book of one population: known, wanted, away.
 *
 * SPDX-License-Identifier: MIT
 */
#include "services/evolution/run.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/errors.h"

enum row_state { ROW_QUIET, ROW_WANTED, ROW_AWAY };

static int copy_bytes(struct strato_bytes from, struct strato_bytes *ret)
{
    uint8_t *copy = NULL;

    if (from.bytes) {
        copy = malloc(from.bytes);
        if (!copy)
            return STRATO_ENOMEM;
        memcpy(copy, from.data, from.bytes);
    }
    *ret = strato_bytes(copy, from.bytes);
    return 0;
}

int evolution_run_init(struct evolution_run *run, const struct evolution_settings *settings)
{
    struct evolution_run made = { .settings = *settings };
    int rc;

    made.settings.params = made.settings.data = STRATO_BYTES_NONE;
    made.settings.ready_data = NULL;
    if (!(settings->low <= settings->high) || settings->high - settings->low > 1e300)
        return STRATO_EINVAL;
    rc = evolution_breeding_check(&settings->breeding);
    if (rc < 0)
        return rc;
    rc = strato_population_init(&made.now, settings->type, settings->size, settings->dim);
    if (rc < 0)
        goto out;
    rc = strato_population_init(&made.next, settings->type, settings->size, settings->dim);
    if (rc < 0)
        goto out;
    rc = strato_search_init(&made.search, settings->algorithm, settings->breeding.seed, settings->size, settings->dim,
                            settings->low, settings->high);
    if (rc < 0)
        goto out;
    rc = copy_bytes(settings->params, &made.settings.params);
    if (rc < 0)
        goto out;
    rc = copy_bytes(settings->data, &made.settings.data);
    if (rc < 0)
        goto out;
    made.rows = calloc(settings->size, 1);
    if (!made.rows) {
        rc = STRATO_ENOMEM;
        goto out;
    }
    strato_population_randomise(&made.now, settings->breeding.seed, settings->low, settings->high);
    for (uint32_t row = 0; row < settings->size; row++)
        made.now.ids[row] = strato_individual_id_of(settings->breeding.seed, ++made.births);
    made.settings.ready_data = settings->ready_data;
    *run = made;
out:
    if (rc < 0)
        evolution_run_fini(&made);
    return rc;
}

void evolution_run_fini(struct evolution_run *run)
{
    if (!run)
        return;
    strato_population_fini(&run->now);
    strato_population_fini(&run->next);
    strato_search_fini(&run->search);
    free((void *)(uintptr_t)run->settings.params.data);
    free((void *)(uintptr_t)run->settings.data.data);
    strato_problem_data_destroy(&run->settings.ready_data);
    free(run->rows);
    *run = (struct evolution_run){ 0 };
}

void evolution_run_want(struct evolution_run *run, uint32_t row)
{
    assert(row < run->now.size);
    if (run->now.is_known[row] || run->rows[row] != ROW_QUIET)
        return;
    run->rows[row] = ROW_WANTED;
    run->wanted++;
    run->scan = row < run->scan ? row : run->scan;
}

void evolution_run_want_all(struct evolution_run *run)
{
    for (uint32_t row = 0; row < run->now.size; row++)
        evolution_run_want(run, row);
}

bool evolution_run_is_settled(const struct evolution_run *run)
{
    return run->wanted == 0 && run->away == 0;
}

uint32_t evolution_run_take(struct evolution_run *run, uint32_t max, uint32_t *ret_rows)
{
    uint32_t taken = 0;

    for (; run->wanted > 0 && taken < max && run->scan < run->now.size; run->scan++) {
        if (run->rows[run->scan] != ROW_WANTED)
            continue;
        run->rows[run->scan] = ROW_AWAY;
        run->wanted--;
        run->away++;
        ret_rows[taken++] = run->scan;
    }
    return taken;
}

void evolution_run_lose(struct evolution_run *run, uint32_t round, const uint32_t *rows, uint32_t count)
{
    if (round != run->round)
        return;
    for (uint32_t i = 0; i < count; i++) {
        if (run->rows[rows[i]] != ROW_AWAY)
            continue;
        run->rows[rows[i]] = ROW_QUIET;
        run->away--;
        evolution_run_want(run, rows[i]);
    }
}

uint32_t evolution_run_tell(struct evolution_run *run, uint32_t round, const uint32_t *rows, uint32_t count,
                            const double *values)
{
    uint32_t news = 0;

    if (round != run->round)
        return 0;
    for (uint32_t i = 0; i < count; i++) {
        uint8_t *state = &run->rows[rows[i]];

        if (*state == ROW_QUIET)
            continue;
        run->wanted -= *state == ROW_WANTED;
        run->away -= *state == ROW_AWAY;
        *state = ROW_QUIET;
        strato_population_set_fitness(&run->now, rows[i], values[i]);
        news++;
    }
    run->evaluations += news;
    return news;
}

bool evolution_run_note_best(struct evolution_run *run, struct evolution_improvement *ret)
{
    struct strato_statistics s;
    bool is_better;

    assert(strato_population_unknown(&run->now) == 0);
    strato_statistics(run->now.fitness, run->now.size, &s); /* size > 0, so it cannot fail */
    is_better = run->has_best && strato_fitness_better(s.best, run->best);
    if (is_better) {
        ret->id = run->now.ids[s.best_row];
        ret->old_fitness = run->best;
        ret->new_fitness = s.best;
    }
    if (is_better || !run->has_best)
        run->best = s.best;
    run->has_best = true;
    return is_better;
}

void evolution_run_fold(struct evolution_run *run)
{
    assert(strato_population_unknown(&run->now) == 0);
    if (run->is_fold_due)
        strato_search_fold(&run->search, &run->now, &run->next);
    run->is_fold_due = false;
}

int evolution_run_select(struct evolution_run *run, struct strato_selection *ret_selection)
{
    assert(strato_population_unknown(&run->now) == 0 && !run->is_fold_due);
    if (run->settings.algorithm == STRATO_ALGORITHM_GA)
        return evolution_breed_select(&run->settings.breeding, &run->now, ret_selection);
    *ret_selection = (struct strato_selection){ 0 };
    return strato_search_learn(&run->search, &run->now);
}

void evolution_run_breed(struct evolution_run *run, struct strato_selection *selection)
{
    struct strato_population parents = run->now;

    assert(evolution_run_is_settled(run));
    if (run->settings.algorithm == STRATO_ALGORITHM_GA) {
        evolution_breed_children(&run->settings.breeding, &run->now, selection, (uint32_t)run->generation, &run->next,
                                 &run->births);
    } else {
        strato_search_ask(&run->search, &run->now, (uint32_t)run->generation, &run->next);
        for (uint32_t row = 0; row < run->next.size; row++)
            run->next.ids[row] = strato_individual_id_of(run->settings.breeding.seed, ++run->births);
        run->is_fold_due = true;
    }
    run->now = run->next;
    run->next = parents;
    run->generation++;
    run->round++;
    run->scan = 0;
}

int evolution_run_adopt(struct evolution_run *run, const struct evolution_bred *bred)
{
    struct strato_population parents = run->now;
    uint32_t size = parents.size, elites = run->settings.breeding.elite_count;
    uint64_t born = (uint64_t)bred->generations * (size - (elites < size ? elites : size));
    size_t row_bytes = parents.dim * strato_gene_bytes(parents.type);

    assert(evolution_run_is_settled(run) && run->settings.algorithm == STRATO_ALGORITHM_GA);
    for (uint32_t row = 0; row < size; row++)
        if (bred->origins[row] >= size + born)
            return STRATO_EINVAL;
    for (uint32_t row = 0; row < size; row++) {
        uint32_t origin = bred->origins[row];

        memcpy(run->next.genes + row * run->next.stride_bytes, bred->genes + row * row_bytes, row_bytes);
        strato_population_set_fitness(&run->next, row, bred->values[row]);
        run->next.ids[row] =
            origin < size ? parents.ids[origin]
                          : strato_individual_id_of(run->settings.breeding.seed, run->births + (origin - size) + 1);
    }
    run->now = run->next;
    run->next = parents;
    run->births += born;
    run->evaluations += bred->evaluations;
    run->generation += bred->generations;
    run->round++;
    run->scan = 0;
    return 0;
}

void evolution_run_mutate(struct evolution_run *run, uint32_t row, const struct strato_mutation *m)
{
    struct strato_counter at = { .individual = row, .generation = (uint32_t)run->asked, .stream = STRATO_STREAM_ASKED };

    assert(evolution_run_is_settled(run));
    if (strato_mutate_row(m, &run->now, row, run->settings.breeding.seed, at) > 0)
        run->round++;
}

void evolution_run_replace(struct evolution_run *run, uint32_t row, struct strato_individual_id id, const double *genes,
                           const double *fitness)
{
    assert(evolution_run_is_settled(run));
    for (uint32_t gene = 0; gene < run->now.dim; gene++)
        strato_population_set_gene(&run->now, row, gene, genes[gene]);
    run->now.ids[row] = id;
    if (fitness)
        strato_population_set_fitness(&run->now, row, *fitness);
    else
        strato_population_forget(&run->now, row);
    run->round++;
}

int evolution_run_find(const struct evolution_run *run, struct strato_individual_id id, uint32_t *ret_row)
{
    for (uint32_t row = 0; row < run->now.size; row++)
        if (memcmp(run->now.ids[row].bytes, id.bytes, sizeof(id.bytes)) == 0) {
            *ret_row = row;
            return 0;
        }
    return STRATO_ENOENT;
}
