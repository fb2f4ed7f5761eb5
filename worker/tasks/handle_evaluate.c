/*
 * handle_evaluate.c - fitness.evaluate: rows to the device, the built-in kernel of the problem, values back.
 *
 * Strict: the values are those of core/oracle, bit for bit, whatever the device. A device without double
 * leaves problems that need it to the C reference on the node.
 *
 * SPDX-License-Identifier: MIT
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schemas/fitness.h"
#include "worker/tasks/command.h"
#include "worker/tasks/fitness_error.h"

enum { ROWS_MAX = 4096, GROUP_ITEMS = 64, SCRATCH_STEP = 64 * 1024 };
static const uint64_t ROWS_BYTES_MAX = 1 << 20;

struct evaluation {
    struct tasks *tasks;
    const struct task *task;
    struct task_result *result;
    struct strato_fitness_evaluate message;
    const struct strato_problem *problem;
    struct strato_problem_params params;
    struct dataset *dataset; /* NULL if the problem has nothing beside the rows */
    struct strato_rows rows;
    size_t rows_bytes;
    double *values; /* [rows.count] */
    const char *device_name;
    uint64_t ns;
};

__attribute__((format(printf, 3, 4))) static int refuse(struct evaluation *e, enum strato_common_error_code code,
                                                        const char *format, ...)
{
    char text[512];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    fitness_refuse(e->tasks, e->result, code, "%s", text);
    return STRATO_EINVAL;
}

/* ---- what is asked ------------------------------------------------------------------------------- */

static int read_params(struct evaluation *e)
{
    struct strato_iter it = strato_map_value_begin(&e->message.params);
    struct strato_pair_value pair;

    e->params = (struct strato_problem_params)STRATO_PROBLEM_PARAMS_DEFAULTS;
    while (strato_map_value_next(&it, &pair)) {
        struct strato_cursor c = strato_cursor_over(pair.value);
        double value;
        int rc = strato_cursor_f64(&c, &value);

        if (rc == 0)
            rc = strato_problem_param(e->problem, &e->params, pair.key, value);
        if (rc == STRATO_ENOENT)
            return refuse(e, STRATO_COMMON_ERROR_CODE_INVALID, "problem %s has no parameter `%.*s`", e->problem->name,
                          TEXT(pair.key));
        if (rc < 0)
            return refuse(e, STRATO_COMMON_ERROR_CODE_INVALID, "parameter `%.*s`: not a number in its range",
                          TEXT(pair.key));
    }
    return 0;
}

static int read_rows(struct evaluation *e)
{
    const struct strato_fitness_evaluate *m = &e->message;
    size_t row_bytes;
    struct strato_bytes rows;

    if (strato_binary_bytes(&m->rows, e->task->frames, e->task->frames_count, &rows) < 0)
        return refuse(e, STRATO_COMMON_ERROR_CODE_INVALID, "rows names attachment %u, the message has %u",
                      m->rows.index, e->task->frames_count);
    if (m->dim < e->problem->dim_min || m->dim > e->problem->dim_max)
        return refuse(e, STRATO_COMMON_ERROR_CODE_INVALID, "problem %s has %u..%u genes, dim is %u", e->problem->name,
                      e->problem->dim_min, e->problem->dim_max, m->dim);
    e->rows.type = m->dtype == STRATO_EVOLUTION_DTYPE_F64 ? STRATO_GENES_F64 : STRATO_GENES_F32;
    row_bytes = m->dim * strato_gene_bytes(e->rows.type);
    if (rows.bytes % row_bytes != 0)
        return refuse(e, STRATO_COMMON_ERROR_CODE_INVALID, "rows has %zu bytes, no multiple of a row's %zu", rows.bytes,
                      row_bytes);
    if (rows.bytes / row_bytes > ROWS_MAX || rows.bytes > ROWS_BYTES_MAX)
        return refuse(e, STRATO_COMMON_ERROR_CODE_INVALID,
                      "%zu rows of %zu bytes: at most %d rows and %" PRIu64 " bytes", rows.bytes / row_bytes, row_bytes,
                      ROWS_MAX, ROWS_BYTES_MAX);
    e->rows.count = (uint32_t)(rows.bytes / row_bytes);
    e->rows.dim = m->dim;
    e->rows.genes = rows.data;
    e->rows_bytes = rows.bytes;
    return 0;
}

static int add_dataset(struct evaluation *e)
{
    char hash[DATASET_HASH_BYTES + 1];
    struct strato_bytes data;
    int rc;

    if (strato_binary_bytes(&e->message.data, e->task->frames, e->task->frames_count, &data) < 0)
        return refuse(e, STRATO_COMMON_ERROR_CODE_INVALID, "data names attachment %u, the message has %u",
                      e->message.data.index, e->task->frames_count);
    dataset_hash(data, hash);
    if (!strato_bytes_is(e->message.data_hash, hash))
        return refuse(e, STRATO_COMMON_ERROR_CODE_INVALID, "data has the XXH3-128 %s, data_hash says %.*s", hash,
                      TEXT(e->message.data_hash));
    rc = dataset_add(&e->tasks->datasets, e->tasks->device, &e->tasks->pool, e->problem, &e->params, e->rows.dim, hash,
                     data, &e->dataset);
    if (rc == STRATO_EINVAL)
        return refuse(e, STRATO_COMMON_ERROR_CODE_INVALID, "data: want %s, at least %d days of prices above 0",
                      e->problem->data_doc, STRATO_STRATEGY_DAYS_MIN);
    if (rc < 0)
        return refuse(e, STRATO_COMMON_ERROR_CODE_FAILED, "no room for the data set: %s", strato_strerror(rc));
    command_event_pressure(e->tasks, e->result, e->task->wall_ms);
    return 0;
}

/* Nobody sends the table of a landscape: whoever knows instance and dim can make it. */
static int find_instance(struct evaluation *e)
{
    char name[DATASET_HASH_BYTES + 1];
    int rc;

    dataset_instance_name(&e->params, e->rows.dim, name);
    e->dataset = dataset_find(&e->tasks->datasets, e->problem, strato_text(name));
    if (e->dataset)
        return 0;
    rc = dataset_add(&e->tasks->datasets, e->tasks->device, &e->tasks->pool, e->problem, &e->params, e->rows.dim, name,
                     STRATO_BYTES_NONE, &e->dataset);
    if (rc < 0)
        return refuse(e, STRATO_COMMON_ERROR_CODE_FAILED, "no room for the instance of %s: %s", e->problem->name,
                      strato_strerror(rc));
    command_event_pressure(e->tasks, e->result, e->task->wall_ms);
    return 0;
}

static int find_dataset(struct evaluation *e)
{
    if (e->problem->landscape)
        return find_instance(e);
    if (!e->problem->needs_data)
        return 0;
    if (!e->message.has_data_hash)
        return refuse(e, STRATO_COMMON_ERROR_CODE_INVALID, "problem %s needs data: send data_hash, and data once",
                      e->problem->name);
    e->dataset = dataset_find(&e->tasks->datasets, e->problem, e->message.data_hash);
    if (e->dataset)
        return 0;
    if (!e->message.has_data)
        return refuse(e, STRATO_COMMON_ERROR_CODE_NOT_FOUND, "no data set %.*s here: send `data` too",
                      TEXT(e->message.data_hash));
    return add_dataset(e);
}

/* ---- how it is computed -------------------------------------------------------------------------- */

/** Device memory for rows (0), values (1) or room (2); grows in steps and stays for the next batch. */
static int reserve(struct evaluation *e, unsigned which, uint64_t bytes)
{
    struct tasks *t = e->tasks;
    uint64_t room = (bytes + SCRATCH_STEP - 1) / SCRATCH_STEP * SCRATCH_STEP;
    int rc;

    if (bytes <= t->scratch_bytes[which])
        return 0;
    t->device->ops->buffer_destroy(t->device, &t->scratch[which]);
    pool_give(&t->pool, t->scratch_bytes[which]);
    t->scratch_bytes[which] = 0;
    if (!pool_take(&t->pool, room))
        return refuse(e, STRATO_COMMON_ERROR_CODE_FAILED,
                      "the batch wants %" PRIu64 " bytes of the device, the pool has %" PRIu64 " left", room,
                      pool_left(&t->pool));
    rc = t->device->ops->buffer_new(t->device, room, &t->scratch[which]);
    if (rc < 0) {
        pool_give(&t->pool, room);
        return refuse(e, STRATO_COMMON_ERROR_CODE_FAILED, "allocation: %s", device_detail(t->device));
    }
    t->scratch_bytes[which] = room;
    return 0;
}

#define BUFFER(b, n)                                                                                                   \
    {                                                                                                                  \
        .kind = PARAMETER_BUFFER, .buffer = (b), .bytes = (n)                                                          \
    }
#define VALUE(v)                                                                                                       \
    {                                                                                                                  \
        .kind = PARAMETER_VALUE, .value = &(v), .bytes = sizeof(v)                                                     \
    }

static int launch(struct evaluation *e, struct device_kernel *kernel, uint64_t *ret_ns)
{
    struct device *device = e->tasks->device;
    struct device_buffer *rows = e->tasks->scratch[0], *values = e->tasks->scratch[1];
    struct device_launch l = { .kernel = kernel,
                               .local = { GROUP_ITEMS, 1, 1 },
                               .groups = { (e->rows.count + GROUP_ITEMS - 1) / GROUP_ITEMS, 1, 1 } };

    if (e->problem->landscape) {
        const struct device_argument arguments[] = {
            BUFFER(rows, e->tasks->scratch_bytes[0]),
            BUFFER(values, e->tasks->scratch_bytes[1]),
            BUFFER(e->dataset->buffers[0], e->dataset->bytes[0]),
            BUFFER(e->tasks->scratch[2], e->tasks->scratch_bytes[2]),
            VALUE(e->rows.count),
            VALUE(e->rows.dim),
            VALUE(e->problem->landscape),
        };

        l.arguments = arguments;
        l.arguments_count = sizeof(arguments) / sizeof(arguments[0]);
        return device->ops->launch(device, &l, ret_ns);
    } else if (e->dataset) {
        uint32_t from = STRATO_STRATEGY_WARMUP;
        uint32_t to =
            strato_strategy_split(strato_problem_data_strategy(e->dataset->data)->days, e->params.strategy.train);
        const struct device_argument arguments[] = {
            BUFFER(rows, e->tasks->scratch_bytes[0]),
            BUFFER(values, e->tasks->scratch_bytes[1]),
            BUFFER(e->dataset->buffers[0], e->dataset->bytes[0]),
            BUFFER(e->dataset->buffers[1], e->dataset->bytes[1]),
            VALUE(e->rows.count),
            VALUE(from),
            VALUE(to),
            VALUE(e->params.strategy.cost),
        };

        l.arguments = arguments;
        l.arguments_count = sizeof(arguments) / sizeof(arguments[0]);
        return device->ops->launch(device, &l, ret_ns);
    } else {
        const struct device_argument arguments[] = {
            BUFFER(rows, e->tasks->scratch_bytes[0]),
            BUFFER(values, e->tasks->scratch_bytes[1]),
            VALUE(e->rows.count),
            VALUE(e->rows.dim),
        };

        l.arguments = arguments;
        l.arguments_count = sizeof(arguments) / sizeof(arguments[0]);
        return device->ops->launch(device, &l, ret_ns);
    }
}

/** Values of the kernel's own type into doubles, from the end, so that they can share the array. */
static void widen(double *values, uint32_t count)
{
    const float *narrow = (const float *)(const void *)values;

    for (uint32_t i = count; i-- > 0;) {
        float v;

        memcpy(&v, (const char *)narrow + i * sizeof(v), sizeof(v));
        values[i] = (double)v;
    }
}

static int compute_on_device(struct evaluation *e, struct device_kernel *kernel, const char *name)
{
    struct device *device = e->tasks->device;
    bool is_wide = e->rows.type == STRATO_GENES_F64 || strato_problem_is_wide(e->problem);
    uint64_t values_bytes = e->rows.count * (is_wide ? sizeof(double) : sizeof(float));
    uint64_t ns[3] = { 0 };
    char id[SIGNATURE_NAME_BYTES + sizeof "builtin:"];
    int rc = reserve(e, 0, e->rows_bytes);

    if (rc == 0)
        rc = reserve(e, 1, e->rows.count * sizeof(double));
    if (rc == 0 && e->problem->landscape)
        rc = reserve(e, 2, (uint64_t)e->rows.count * 2 * e->rows.dim * sizeof(double));
    if (rc < 0)
        return rc;
    rc = device->ops->write(device, e->tasks->scratch[0], 0, strato_bytes(e->rows.genes, e->rows_bytes), &ns[0]);
    if (rc == 0)
        rc = launch(e, kernel, &ns[1]);
    if (rc == 0)
        rc = device->ops->read(device, e->tasks->scratch[1], 0, e->values, values_bytes, &ns[2]);
    snprintf(id, sizeof(id), "builtin:%s", name);
    command_event_kernel(e->tasks, e->result, e->task->wall_ms, strato_text(id), ns[1], rc == 0);
    if (rc < 0)
        return refuse(e, STRATO_COMMON_ERROR_CODE_FAILED, "the device failed: %s; send it again",
                      device_detail(device));
    if (!is_wide)
        widen(e->values, e->rows.count);
    e->tasks->counters.kernels_launched++;
    e->ns = ns[0] + ns[1] + ns[2];
    e->device_name = device->info.name;
    return 0;
}

static int compute(struct evaluation *e)
{
    struct device_kernel *kernel;
    char name[SIGNATURE_NAME_BYTES];

    e->device_name = "C reference on the node";
    if (e->rows.count == 0)
        return 0;
    if (e->problem->needs_data && strato_strategy_split(strato_problem_data_strategy(e->dataset->data)->days,
                                                        e->params.strategy.train) < STRATO_STRATEGY_WARMUP + 2)
        return refuse(e, STRATO_COMMON_ERROR_CODE_INVALID, "train leaves no day behind the warm-up of %d days",
                      STRATO_STRATEGY_WARMUP);
    snprintf(name, sizeof(name), "%s%s", e->problem->landscape ? "landscape" : e->problem->name,
             e->rows.type == STRATO_GENES_F64 ? "_f64" : "");
    kernel = e->tasks->device->ops->builtin(e->tasks->device, name);
    if (kernel)
        return compute_on_device(e, kernel, name);
    if (strato_problem_evaluate(e->problem, &e->params, e->dataset ? e->dataset->data : NULL, &e->rows, e->values) < 0)
        return refuse(e, STRATO_COMMON_ERROR_CODE_FAILED, "the node has no memory for the batch");
    return 0;
}

/* ---- the answer ---------------------------------------------------------------------------------- */

static void answer(struct evaluation *e)
{
    struct strato_fitness_fitness reply = STRATO_FITNESS_FITNESS_DEFAULTS;
    size_t bytes = e->rows.count * sizeof(double);

    e->tasks->counters.rows_evaluated += e->rows.count;
    reply.device = strato_text(e->device_name);
    reply.duration_us = e->ns / 1000;
    reply.values.is_inline = bytes <= TASK_INLINE_BYTES_MAX;
    if (reply.values.is_inline) {
        reply.values.bytes = strato_bytes(e->values, bytes);
    } else {
        e->result->frames[e->result->frames_count++] = (struct task_frame){ e->values, bytes };
    }
    strato_fitness_fitness_encode(&reply, &e->result->payload);
    e->result->type = STRATO_TYPE_FITNESS_FITNESS;
    if (!reply.values.is_inline)
        e->values = NULL; /* taken by the frame */
}

int handle_evaluate(struct tasks *tasks, const struct task *task, struct task_result *result)
{
    struct evaluation e = { .tasks = tasks, .task = task, .result = result };
    struct strato_bytes field = STRATO_BYTES_NONE;
    int rc = strato_fitness_evaluate_decode(task->payload, &e.message, &field);

    if (rc < 0) {
        (void)refuse(&e, STRATO_COMMON_ERROR_CODE_INVALID, "fitness.evaluate: field `%.*s`: %s", TEXT(field),
                     strato_strerror(rc));
        goto out;
    }
    e.problem = strato_problem_find(e.message.problem);
    if (!e.problem) {
        (void)refuse(&e, STRATO_COMMON_ERROR_CODE_INVALID, "no problem `%.*s` here: docs/evolution.md lists them",
                     TEXT(e.message.problem));
        goto out;
    }
    rc = read_params(&e);
    if (rc == 0)
        rc = read_rows(&e);
    if (rc == 0)
        rc = find_dataset(&e);
    if (rc < 0)
        goto out;
    e.values = malloc((e.rows.count + (size_t)1) * sizeof(double));
    rc = e.values ? compute(&e) : refuse(&e, STRATO_COMMON_ERROR_CODE_FAILED, "the node has no memory for the batch");
    if (rc == 0)
        answer(&e);
out:
    free(e.values);
    return strato_writer_error(&result->payload);
}
