/*
 * engine.c - buffers, settings, and two launches a generation.
 *
 * SPDX-License-Identifier: MIT
 */
#include "worker/tasks/engine.h"

#include <stdlib.h>
#include <string.h>

enum { GENES_ALIGN = STRATO_ROW_ALIGN / sizeof(float), GROUP_ITEMS = 64 };

/** As engine.cl reads them. */
enum setting {
    SETTING_SEED,
    SETTING_SIZE,
    SETTING_DIM,
    SETTING_STRIDE,
    SETTING_ELITES,
    SETTING_TOURNAMENT,
    SETTING_CROSSOVER,
    SETTING_RATE,
    SETTING_KIND,
    SETTING_PARAMETER,
    SETTING_FUNCTION,
    SETTINGS
};

/** Two generations, which take turns, and what goes with them. */
enum place { ROWS, ROWS_NEXT, VALUES, VALUES_NEXT, ORIGINS, ORIGINS_NEXT, ELITES, SETTINGS_AT, EVALUATIONS, PLACES };

struct bench {
    struct device *device;
    struct pool *pool;
    const struct engine_job *job;
    uint32_t stride; /* genes of a padded row */
    struct device_buffer *buffers[PLACES];
    uint64_t bytes[PLACES];
    uint64_t ns;
};

static const char *const fused[] = { "sphere", "rosenbrock", "rastrigin" }; /* by the function's number in engine.cl */

static int function_of(const struct strato_problem *problem)
{
    for (int i = 0; i < (int)(sizeof(fused) / sizeof(fused[0])); i++)
        if (strcmp(problem->name, fused[i]) == 0)
            return i;
    return -1;
}

bool engine_is_offered(struct device *device)
{
    return device->info.has_f64 && device->ops->builtin(device, "engine_generation") &&
           device->ops->builtin(device, "engine_elites");
}

bool engine_has_problem(const struct strato_problem *problem)
{
    return function_of(problem) >= 0;
}

/* How many random words w have (w + 1/2) / 2^32 < rate: the kernel compares whole numbers. */
static uint64_t threshold(double rate)
{
    uint64_t t = rate > 0 ? (uint64_t)(rate * 0x1p32) : 0;

    while (t < (uint64_t)1 << 32 && ((double)t + 0.5) * 0x1p-32 < rate)
        t++;
    while (t > 0 && !(((double)(t - 1) + 0.5) * 0x1p-32 < rate))
        t--;
    return t;
}

/* ---- memory ---------------------------------------------------------------------------------------- */

static int reserve(struct bench *b, enum place place, uint64_t bytes)
{
    int rc;

    if (!pool_take(b->pool, bytes))
        return STRATO_EFULL;
    rc = b->device->ops->buffer_new(b->device, bytes, &b->buffers[place]);
    if (rc < 0)
        pool_give(b->pool, bytes);
    else
        b->bytes[place] = bytes;
    return rc;
}

static void release(struct bench *b)
{
    for (unsigned i = 0; i < PLACES; i++) {
        b->device->ops->buffer_destroy(b->device, &b->buffers[i]);
        pool_give(b->pool, b->bytes[i]);
    }
}

static int put(struct bench *b, enum place place, const void *data, uint64_t bytes)
{
    uint64_t ns = 0;
    int rc = b->device->ops->write(b->device, b->buffers[place], 0, strato_bytes(data, bytes), &ns);

    b->ns += ns;
    return rc;
}

static int get(struct bench *b, enum place place, void *data, uint64_t bytes)
{
    uint64_t ns = 0;
    int rc = b->device->ops->read(b->device, b->buffers[place], 0, data, bytes, &ns);

    b->ns += ns;
    return rc;
}

static int reserve_all(struct bench *b)
{
    uint64_t size = b->job->size;
    const uint64_t bytes[PLACES] = {
        [ROWS] = size * b->stride * sizeof(float),
        [ROWS_NEXT] = size * b->stride * sizeof(float),
        [VALUES] = size * sizeof(double),
        [VALUES_NEXT] = size * sizeof(double),
        [ORIGINS] = size * sizeof(uint32_t),
        [ORIGINS_NEXT] = size * sizeof(uint32_t),
        [ELITES] = ENGINE_ELITES_MAX * sizeof(uint32_t),
        [SETTINGS_AT] = SETTINGS * sizeof(uint64_t),
        [EVALUATIONS] = sizeof(uint32_t),
    };
    int rc = 0;

    for (unsigned i = 0; i < PLACES && rc == 0; i++)
        rc = reserve(b, (enum place)i, bytes[i]);
    return rc;
}

/* ---- up, around, down ------------------------------------------------------------------------------ */

static uint32_t elites_of(const struct engine_job *job)
{
    return job->elites < job->size ? job->elites : job->size;
}

static int put_settings(struct bench *b)
{
    const struct engine_job *job = b->job;
    uint64_t s[SETTINGS] = {
        [SETTING_SEED] = job->seed,
        [SETTING_SIZE] = job->size,
        [SETTING_DIM] = job->dim,
        [SETTING_STRIDE] = b->stride,
        [SETTING_ELITES] = elites_of(job),
        [SETTING_TOURNAMENT] = job->tournament < job->size ? job->tournament : job->size,
        [SETTING_CROSSOVER] = threshold(job->crossover_rate),
        [SETTING_RATE] = threshold(job->mutation.rate),
        [SETTING_KIND] = job->mutation.kind,
        [SETTING_FUNCTION] = (uint64_t)function_of(job->problem),
    };

    memcpy(&s[SETTING_PARAMETER], &job->mutation.parameter, sizeof(job->mutation.parameter));
    return put(b, SETTINGS_AT, s, sizeof(s));
}

/* Rows padded with zeros, in memory of the host that `rows` has room for. */
static int put_all(struct bench *b, float *rows, uint32_t *origins)
{
    const struct engine_job *job = b->job;
    uint32_t none = 0;
    int rc;

    memset(rows, 0, b->bytes[ROWS]);
    for (uint32_t i = 0; i < job->size; i++) {
        memcpy(rows + (size_t)i * b->stride, (const uint8_t *)job->rows + (size_t)i * job->dim * sizeof(float),
               job->dim * sizeof(float));
        origins[i] = i;
    }
    rc = put(b, ROWS, rows, b->bytes[ROWS]);
    if (rc == 0)
        rc = put(b, VALUES, job->values, b->bytes[VALUES]);
    if (rc == 0)
        rc = put(b, ORIGINS, origins, b->bytes[ORIGINS]);
    if (rc == 0)
        rc = put(b, EVALUATIONS, &none, sizeof(none));
    return rc == 0 ? put_settings(b) : rc;
}

#define BUFFER(place)                                                                                                  \
    {                                                                                                                  \
        .kind = PARAMETER_BUFFER, .buffer = b->buffers[place], .bytes = b->bytes[place]                                \
    }
#define VALUE(v)                                                                                                       \
    {                                                                                                                  \
        .kind = PARAMETER_VALUE, .value = &(v), .bytes = sizeof(v)                                                     \
    }

static int launch(struct bench *b, const char *name, const struct device_argument *arguments, uint32_t count,
                  uint64_t groups)
{
    const struct device_launch l = { .kernel = b->device->ops->builtin(b->device, name),
                                     .arguments = arguments,
                                     .arguments_count = count,
                                     .groups = { groups, 1, 1 },
                                     .local = { GROUP_ITEMS, 1, 1 } };
    uint64_t ns = 0;
    int rc = b->device->ops->launch(b->device, &l, &ns);

    b->ns += ns;
    return rc;
}

static void swap(struct bench *b, enum place a, enum place c)
{
    struct device_buffer *kept = b->buffers[a];

    b->buffers[a] = b->buffers[c];
    b->buffers[c] = kept;
}

static int breed_once(struct bench *b, uint32_t generation, uint32_t births)
{
    const struct device_argument best[] = { BUFFER(VALUES), BUFFER(SETTINGS_AT), BUFFER(ELITES) };
    const struct device_argument next[] = {
        BUFFER(ROWS),        BUFFER(VALUES),       BUFFER(ORIGINS), BUFFER(ROWS_NEXT),
        BUFFER(VALUES_NEXT), BUFFER(ORIGINS_NEXT), BUFFER(ELITES),  BUFFER(SETTINGS_AT),
        BUFFER(EVALUATIONS), VALUE(generation),    VALUE(births),
    };
    int rc = launch(b, "engine_elites", best, 3, 1);

    if (rc == 0)
        rc = launch(b, "engine_generation", next, 11, (b->job->size + GROUP_ITEMS - 1) / GROUP_ITEMS);
    swap(b, ROWS, ROWS_NEXT);
    swap(b, VALUES, VALUES_NEXT);
    swap(b, ORIGINS, ORIGINS_NEXT);
    return rc;
}

static int get_all(struct bench *b, struct engine_result *result)
{
    uint32_t dim = b->job->dim, evaluations = 0;
    int rc = get(b, ROWS, result->rows, b->bytes[ROWS]);

    if (rc == 0)
        rc = get(b, VALUES, result->values, b->bytes[VALUES]);
    if (rc == 0)
        rc = get(b, ORIGINS, result->origins, b->bytes[ORIGINS]);
    if (rc == 0)
        rc = get(b, EVALUATIONS, &evaluations, sizeof(evaluations));
    for (uint32_t i = 1; i < b->job->size; i++) /* pack from the front: rows only move down */
        memmove(result->rows + (size_t)i * dim, result->rows + (size_t)i * b->stride, dim * sizeof(float));
    result->evaluations = evaluations;
    result->ns = b->ns;
    return rc;
}

int engine_run(struct device *device, struct pool *pool, const struct engine_job *job, struct engine_result *ret_result)
{
    struct bench b = {
        .device = device, .pool = pool, .job = job, .stride = (job->dim + GENES_ALIGN - 1) / GENES_ALIGN * GENES_ALIGN
    };
    struct engine_result made = { .rows = malloc((size_t)job->size * b.stride * sizeof(float)),
                                  .values = malloc(job->size * sizeof(double)),
                                  .origins = malloc(job->size * sizeof(uint32_t)) };
    int rc = made.rows && made.values && made.origins ? reserve_all(&b) : STRATO_ENOMEM;

    if (rc == 0)
        rc = put_all(&b, made.rows, made.origins);
    for (uint32_t i = 0; i < job->generations && rc == 0; i++)
        rc = breed_once(&b, job->generation + i, i * (job->size - elites_of(job)));
    if (rc == 0)
        rc = get_all(&b, &made);
    release(&b);
    if (rc == 0) {
        *ret_result = made;
        return 0;
    }
    free(made.rows);
    free(made.values);
    free(made.origins);
    return rc;
}
