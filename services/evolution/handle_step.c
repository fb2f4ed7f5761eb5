/*
 * handle_step.c - evolution.step: run generations.
 *
 *     fitness known? -> copy elites, select, cross, mutate (or ask the search) -> fitness of the children known? -> ... -> Stepped
 *
 * Where a worker breeds on its device, several generations at a time go there instead (engine.c), as one long evaluation.
 * One generation a call of progress, so that messages are looked at in between however long the step is.
 *
 * SPDX-License-Identifier: MIT
 */
#include "services/evolution/population.h"

enum { STEP_GENERATIONS_MAX = 1000000 };

static void stepped(struct evolution_service *s, struct population *p, const struct ask *ask)
{
    struct strato_evolution_stepped reply = STRATO_EVOLUTION_STEPPED_DEFAULTS;
    struct strato_statistics statistics;

    strato_statistics(p->run.now.fitness, p->run.now.size, &statistics);
    reply.generation = p->run.generation;
    reply.best = statistics.best;
    reply.average = statistics.mean;
    reply.std_dev = statistics.std_dev;
    reply.has_worst = true;
    reply.worst = statistics.worst;
    if (p->run.now.size <= 256) { /* all pairs: above that it would cost more than the step */
        reply.has_diversity = true;
        reply.diversity = strato_diversity(&p->run.now);
    }
    reply.evaluations = p->run.evaluations - ask->evaluations_before;
    reply.local_evaluations = p->local_evaluations - ask->local_before;
    reply.evaluation_ms = (double)ask->evaluation_us / 1000;
    reply.selection_ms = (double)ask->selection_us / 1000;
    reply.reproduction_ms = (double)ask->reproduction_us / 1000;
    reply.has_population = true;
    reply.population = strato_text(p->name);
    service_reply(s, ask->ticket, STRATO_TYPE_EVOLUTION_STEPPED, &strato_evolution_stepped__record, &reply, NULL);
}

static bool breed(struct evolution_service *s, struct population *p, struct ask *ask)
{
    struct strato_selection selection;
    uint64_t start_us = service_now_us(s), selected_us;

    if (evolution_run_select(&p->run, &selection) < 0)
        return false;
    selected_us = service_now_us(s);
    evolution_run_breed(&p->run, &selection);
    strato_selection_fini(&selection);
    ask->since_us = service_now_us(s);
    ask->selection_us += selected_us - start_us;
    ask->reproduction_us += ask->since_us - selected_us;
    return true;
}

static bool begin(struct evolution_service *s, struct population *p, struct ask *ask)
{
    if (ask->generation != p->run.generation) {
        service_error(s, ask->ticket, STRATO_COMMON_ERROR_CODE_REFUSED,
                      "population %s is at generation %llu, not %llu: somebody stepped it, or this step ran already",
                      p->name, (unsigned long long)p->run.generation, (unsigned long long)ask->generation);
        return false;
    }
    if (ask->generations > STEP_GENERATIONS_MAX || p->run.generation + ask->generations > UINT32_MAX) {
        service_error(s, ask->ticket, STRATO_COMMON_ERROR_CODE_INVALID,
                      "generations: at most %d a step, and 2^32 in all", STEP_GENERATIONS_MAX);
        return false;
    }
    ask->has_begun = true;
    ask->evaluations_before = p->run.evaluations;
    ask->local_before = p->local_evaluations;
    ask->since_us = service_now_us(s);
    evolution_run_want_all(&p->run);
    return true;
}

static enum ask_progress progress_step(struct evolution_service *s, struct population *p, struct ask *ask)
{
    if (!ask->has_begun && !begin(s, p, ask))
        return ASK_DONE;
    if (!evolution_run_is_settled(&p->run) || p->engine.state != ENGINE_IDLE)
        return ASK_WAITS;
    ask->done += p->engine.bred;
    p->engine.bred = 0;
    ask->evaluation_us += service_now_us(s) - ask->since_us;
    evolution_run_fold(&p->run);
    service_note_best(s, p);
    if (ask->done == ask->generations) {
        service_tell_improved(s, p, true);
        stepped(s, p, ask);
        return ASK_DONE;
    }
    if (service_engine_want(s, p, ask->generations - ask->done)) {
        ask->since_us = service_now_us(s);
        return ASK_WAITS;
    }
    if (!breed(s, p, ask)) {
        service_error(s, ask->ticket, STRATO_COMMON_ERROR_CODE_FAILED, "out of memory in generation %llu",
                      (unsigned long long)p->run.generation);
        return ASK_DONE;
    }
    ask->done++;
    evolution_run_want_all(&p->run);
    return ASK_AGAIN;
}

struct population *handle_step(struct evolution_service *s, const struct evolution_message *m, struct ask *ask)
{
    struct strato_evolution_step step;

    if (!decode_or_refuse(s, ask->ticket, &strato_evolution_step__record, m, &step))
        return NULL;
    ask->progress = progress_step;
    ask->generation = step.generation;
    ask->generations = step.generations;
    return population_or_refuse(s, ask->ticket, step.has_population, step.population);
}
