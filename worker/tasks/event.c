/*
 * event.c - the events that commands leave behind: KernelCompleted, MemoryPressure, GpuUtilization.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schemas/events.h"
#include "worker/tasks/command.h"

enum { EVENTS_MAX = 1024 }; /* of one message: a Submit of 256 launches makes at most two each */

struct task_event *command_event(struct task_result *result, const char *type, const char *topic_format, ...)
{
    struct task_event *events, *event;
    va_list args;

    if (result->events_count >= EVENTS_MAX)
        return NULL;
    events = realloc(result->events, (result->events_count + 1) * sizeof(*events));
    if (!events)
        return NULL;
    result->events = events;
    event = &events[result->events_count++];
    memset(event, 0, sizeof(*event));
    event->type = type;
    va_start(args, topic_format);
    vsnprintf(event->topic, sizeof(event->topic), topic_format, args);
    va_end(args);
    return event;
}

void command_event_kernel(struct tasks *tasks, struct task_result *result, uint64_t wall_ms,
                          struct strato_bytes kernel_id, uint64_t ns, bool is_good)
{
    struct strato_events_kernel_completed message = STRATO_EVENTS_KERNEL_COMPLETED_DEFAULTS;
    struct task_event *event = command_event(result, STRATO_TYPE_EVENTS_KERNEL_COMPLETED, "events.kernel_completed.%s",
                                             tasks->options.worker ? tasks->options.worker : "worker");

    if (!event)
        return;
    message.timestamp = wall_ms;
    message.kernel_id = kernel_id;
    message.duration_us = ns / 1000;
    message.success = is_good;
    message.has_device_id = true;
    message.device_id = tasks->device->info.number;
    message.has_worker = tasks->options.worker != NULL;
    message.worker = strato_text(tasks->options.worker);
    strato_events_kernel_completed_encode(&message, &event->payload);
}

void command_event_pressure(struct tasks *tasks, struct task_result *result, uint64_t wall_ms)
{
    struct strato_events_memory_pressure message = STRATO_EVENTS_MEMORY_PRESSURE_DEFAULTS;
    struct task_event *event;

    if (!pool_pressure(&tasks->pool))
        return;
    event = command_event(result, STRATO_TYPE_EVENTS_MEMORY_PRESSURE, "events.memory_pressure.%s",
                          tasks->options.worker ? tasks->options.worker : "worker");
    if (!event)
        return;
    message.timestamp = wall_ms;
    message.usage_percent = pool_percent(&tasks->pool);
    message.available_bytes = pool_left(&tasks->pool);
    message.has_device_id = true;
    message.device_id = tasks->device->info.number;
    message.has_worker = tasks->options.worker != NULL;
    message.worker = strato_text(tasks->options.worker);
    strato_events_memory_pressure_encode(&message, &event->payload);
}
