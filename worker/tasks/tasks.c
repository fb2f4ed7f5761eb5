/*
 * tasks.c - find the session of a message, run it, and keep the books of one device.
 *
 * SPDX-License-Identifier: MIT
 */
#include "worker/tasks/tasks.h"

#include <stdlib.h>
#include <string.h>

#include "schemas/events.h"
#include "schemas/fitness.h"
#include "worker/tasks/command.h"

struct tasks *tasks_new(struct device *device, const struct tasks_options *options)
{
    struct tasks *tasks = calloc(1, sizeof(*tasks));

    if (!tasks)
        return NULL;
    tasks->device = device;
    tasks->options = *options;
    tasks->pool.capacity = options->pool_bytes;
    return tasks;
}

void tasks_destroy(struct tasks **tasks)
{
    struct tasks *t = *tasks;

    if (!t)
        return;
    for (uint32_t i = 0; i < t->sessions_count; i++)
        session_destroy(&t->sessions[i], t->device, &t->pool);
    dataset_cache_fini(&t->datasets, t->device, &t->pool);
    for (unsigned i = 0; i < TASKS_SCRATCH; i++)
        t->device->ops->buffer_destroy(t->device, &t->scratch[i]);
    free(t);
    *tasks = NULL;
}

void task_result_fini(struct task_result *result)
{
    strato_writer_fini(&result->payload);
    for (uint32_t i = 0; i < result->frames_count; i++)
        free(result->frames[i].data);
    for (uint32_t i = 0; i < result->events_count; i++)
        strato_writer_fini(&result->events[i].payload);
    free(result->events);
    memset(result, 0, sizeof(*result));
}

const struct task_counters *tasks_counters(const struct tasks *tasks)
{
    return &tasks->counters;
}

uint64_t tasks_pool_used(const struct tasks *tasks)
{
    return tasks->pool.used;
}

uint32_t tasks_sessions(const struct tasks *tasks)
{
    return tasks->sessions_count;
}

/* ---- sessions ------------------------------------------------------------------------------------ */

static void drop_idle_sessions(struct tasks *tasks, uint64_t now_ms)
{
    for (uint32_t i = 0; i < tasks->sessions_count;) {
        struct session *s = tasks->sessions[i];

        if (now_ms < s->used_ms + tasks->options.session_idle_ms) {
            i++;
            continue;
        }
        session_destroy(&s, tasks->device, &tasks->pool);
        tasks->sessions[i] = tasks->sessions[--tasks->sessions_count];
    }
    (void)pool_pressure(&tasks->pool); /* levels that were left are armed again */
}

/** The session of a message, made if it is new; NULL if there are too many, or no memory. */
static struct session *find_session(struct tasks *tasks, const struct task *task)
{
    struct session *session;

    for (uint32_t i = 0; i < tasks->sessions_count; i++)
        if (session_is(tasks->sessions[i], task->sender, task->affinity))
            return tasks->sessions[i];
    if (tasks->sessions_count == TASK_SESSIONS_MAX)
        drop_idle_sessions(tasks, task->now_ms);
    if (tasks->sessions_count == TASK_SESSIONS_MAX)
        return NULL;
    session = session_new(task->sender, task->affinity);
    if (session)
        tasks->sessions[tasks->sessions_count++] = session;
    return session;
}

/* ---- running ------------------------------------------------------------------------------------- */

static int run_gpu(struct tasks *tasks, const struct task *task, struct task_result *result)
{
    const struct command_type *type = command_find(task->type);
    struct failure *failure = calloc(1, sizeof(*failure));
    struct command c = { .tasks = tasks,
                         .task = task,
                         .payload = task->payload,
                         .result = result,
                         .reply = &result->payload,
                         .failure = failure };
    int rc = 0;

    if (!failure)
        return STRATO_ENOMEM;
    c.session = type ? find_session(tasks, task) : NULL;
    if (c.session) {
        c.session->used_ms = task->now_ms;
        rc = command_run(&c, type);
    } else if (type) {
        rc = command_fail(&c, STRATO_GPU_ERROR_CODE_ENOMEM,
                          "the device serves %d sessions, the most allowed: try again later", TASK_SESSIONS_MAX);
    } else {
        rc = command_fail(&c, STRATO_GPU_ERROR_CODE_EINVAL, "no gpu command is called `%.*s`", TEXT(task->type));
    }
    if (!c.session) {
        tasks->counters.commands_failed++;
        c.reply_type = STRATO_TYPE_GPU_ERROR;
        command_write_error(failure, c.reply);
    }
    result->type = c.reply_type;
    result->is_failed = rc < 0;
    free(failure);
    return strato_writer_error(&result->payload);
}

int tasks_run(struct tasks *tasks, const struct task *task, struct task_result *ret_result)
{
    memset(ret_result, 0, sizeof(*ret_result));
    if (strato_bytes_is(task->type, STRATO_TYPE_FITNESS_EVALUATE))
        return handle_evaluate(tasks, task, ret_result);
    if (strato_bytes_is(task->type, STRATO_TYPE_FITNESS_BREED))
        return handle_breed(tasks, task, ret_result);
    return run_gpu(tasks, task, ret_result);
}

int tasks_tick(struct tasks *tasks, uint64_t now_ms, uint64_t wall_ms, struct task_result *ret_result)
{
    struct strato_events_gpu_utilization message = STRATO_EVENTS_GPU_UTILIZATION_DEFAULTS;
    uint64_t window_ms = tasks->tick_ms > 0 && now_ms > tasks->tick_ms ? now_ms - tasks->tick_ms : 1000;
    struct task_event *event;

    memset(ret_result, 0, sizeof(*ret_result));
    tasks->tick_ms = now_ms;
    drop_idle_sessions(tasks, now_ms);
    event = command_event(ret_result, STRATO_TYPE_EVENTS_GPU_UTILIZATION, "events.gpu_utilization.%s",
                          tasks->options.worker ? tasks->options.worker : "worker");
    if (!event)
        return STRATO_ENOMEM;
    message.timestamp = wall_ms;
    message.device_id = tasks->device->info.number;
    message.utilization = tasks->device->ops->utilization(tasks->device, window_ms * 1000000);
    message.has_worker = tasks->options.worker != NULL;
    message.worker = strato_text(tasks->options.worker);
    strato_events_gpu_utilization_encode(&message, &event->payload);
    return 0;
}
