/*
 * handle_breed.c - fitness.breed: a population in, the population so many generations later out.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>

#include "schemas/fitness.h"
#include "worker/tasks/command.h"
#include "worker/tasks/engine.h"
#include "worker/tasks/fitness_error.h"

enum { BREED_BYTES_MAX = 8 << 20 }; /* rows, values and origins of one message */

static struct strato_mutation mutation_of(const struct strato_fitness_breed *m)
{
    struct strato_mutation made = STRATO_MUTATION_DEFAULTS;

    made.rate = m->mutation_rate;
    if (!m->has_mutator)
        return made;
    switch (m->mutator.kind) {
    case STRATO_EVOLUTION_MUTATOR_GAUSSIAN:
        made.kind = STRATO_MUTATE_GAUSSIAN;
        made.parameter = m->mutator.gaussian.sigma;
        break;
    case STRATO_EVOLUTION_MUTATOR_UNIFORM:
        made.kind = STRATO_MUTATE_UNIFORM;
        made.parameter = m->mutator.uniform.range;
        break;
    case STRATO_EVOLUTION_MUTATOR_POLYNOMIAL:
        made.kind = STRATO_MUTATE_POLYNOMIAL;
        made.parameter = m->mutator.polynomial.eta;
        break;
    }
    return made;
}

/* What is wrong with the message, or "" and the job. `words` is room for it. */
static const char *read_job(const struct task *task, const struct strato_fitness_breed *m, struct engine_job *job,
                            char *words, size_t words_bytes)
{
    struct strato_bytes rows, values;

    words[0] = '\0';
    job->problem = strato_problem_find(m->problem);
    if (!job->problem || !engine_has_problem(job->problem))
        snprintf(words, words_bytes, "no fused kernel for problem %.*s: sphere, rosenbrock, rastrigin",
                 TEXT(m->problem));
    else if (strato_binary_bytes(&m->rows, task->frames, task->frames_count, &rows) < 0 ||
             strato_binary_bytes(&m->values, task->frames, task->frames_count, &values) < 0)
        snprintf(words, words_bytes, "rows and values: the message carries no such attachment");
    else if (m->dim < job->problem->dim_min || values.bytes == 0 || values.bytes % sizeof(double) != 0 ||
             rows.bytes != values.bytes / sizeof(double) * m->dim * sizeof(float))
        snprintf(words, words_bytes, "rows has %zu bytes and values %zu: want f32[count][%u] and f64[count], count > 0",
                 rows.bytes, values.bytes, m->dim);
    else if (rows.bytes + values.bytes / 2 * 3 > BREED_BYTES_MAX)
        snprintf(words, words_bytes, "the population has %zu bytes; at most %d travel in one message",
                 rows.bytes + values.bytes / 2 * 3, BREED_BYTES_MAX);
    if (words[0])
        return words;
    job->size = (uint32_t)(values.bytes / sizeof(double));
    job->dim = m->dim;
    job->rows = rows.data;
    job->values = values.data;
    job->seed = m->seed;
    job->generation = m->generation;
    job->generations = m->generations;
    job->tournament = m->tournament;
    job->elites = m->elite_count;
    job->mutation = mutation_of(m);
    job->crossover_rate = m->crossover_rate;
    if (strato_mutation_check(&job->mutation) < 0)
        snprintf(words, words_bytes, "mutator: a parameter is out of its range");
    return words;
}

static void answer(struct tasks *tasks, const struct engine_job *job, struct engine_result *made,
                   struct task_result *result)
{
    struct strato_fitness_bred reply = STRATO_FITNESS_BRED_DEFAULTS;
    struct strato_binary *parts[] = { &reply.rows, &reply.values, &reply.origins };
    const struct task_frame frames[] = { { made->rows, (size_t)job->size * job->dim * sizeof(float) },
                                         { made->values, job->size * sizeof(double) },
                                         { made->origins, job->size * sizeof(uint32_t) } };

    for (unsigned i = 0; i < 3; i++) {
        parts[i]->index = result->frames_count;
        result->frames[result->frames_count++] = frames[i]; /* taken */
    }
    reply.evaluations = made->evaluations;
    reply.device = strato_text(tasks->device->info.name);
    reply.duration_us = made->ns / 1000;
    strato_fitness_bred_encode(&reply, &result->payload);
    result->type = STRATO_TYPE_FITNESS_BRED;
    tasks->counters.rows_evaluated += made->evaluations;
    tasks->counters.kernels_launched += 2 * (uint64_t)job->generations;
}

int handle_breed(struct tasks *tasks, const struct task *task, struct task_result *result)
{
    struct strato_fitness_breed m;
    struct engine_job job = { 0 };
    struct engine_result made;
    struct strato_bytes field = STRATO_BYTES_NONE;
    char words[256];
    int rc = strato_fitness_breed_decode(task->payload, &m, &field);

    if (rc < 0)
        fitness_refuse(tasks, result, STRATO_COMMON_ERROR_CODE_INVALID, "fitness.breed: field `%.*s`: %s", TEXT(field),
                       strato_strerror(rc));
    else if (!engine_is_offered(tasks->device))
        fitness_refuse(tasks, result, STRATO_COMMON_ERROR_CODE_INVALID,
                       "device %s has no engine: ask for a worker with the capability engine",
                       tasks->device->info.name);
    else if (*read_job(task, &m, &job, words, sizeof(words)))
        fitness_refuse(tasks, result, STRATO_COMMON_ERROR_CODE_INVALID, "%s", words);
    else if ((rc = engine_run(tasks->device, &tasks->pool, &job, &made)) < 0)
        fitness_refuse(tasks, result, STRATO_COMMON_ERROR_CODE_FAILED, "the device failed: %s; send it again",
                       rc == STRATO_EFULL || rc == STRATO_ENOMEM ? strato_strerror(rc) : device_detail(tasks->device));
    else
        answer(tasks, &job, &made, result);
    return strato_writer_error(&result->payload);
}
