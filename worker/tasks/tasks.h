/*
 * tasks.h - what one device does for the bus: a message in, its effect, its reply and its events out.
 *
 * Step logic over device/device.h. It opens no socket and reads no clock: the caller passes the message with
 * everything that belongs to it and the time, and sends what comes out. State is keyed by (sender, affinity),
 * so two sessions never see each other's buffers. Rules: behaviour.md sections 1.2 and 2.1; gpu.md section 5.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_WORKER_TASKS_TASKS_H
#define STRATO_WORKER_TASKS_TASKS_H

#include "core/bytes.h"
#include "core/writer.h"
#include "worker/device/device.h"

enum {
    TASK_FRAMES_MAX = 8,          /* attachments of one reply */
    TASK_INLINE_BYTES_MAX = 4095, /* of binary in a payload; from 4 KiB on it travels as an attachment */
    TASK_TOPIC_BYTES = 201,
    TASK_SESSIONS_MAX = 256, /* sessions of one device; the longest idle one over session_idle_ms goes first */
};
#define TASK_READ_BYTES_MAX                                                                                            \
    ((uint64_t)8 << 20) /* of one reply: with its envelope it stays under the 10 MiB message limit */

struct tasks_options {
    uint64_t pool_bytes;      /* memory that all sessions share; default 1 GiB */
    uint32_t session_idle_ms; /* a session untouched for so long loses its buffers; default 15 min */
    bool is_source_allowed;   /* BuildProgram: user kernels run inside this process */
    const char *worker;       /* name in events; borrowed; NULL = none */
};
#define TASKS_OPTIONS_DEFAULTS                                                                                         \
    {                                                                                                                  \
        .pool_bytes = (uint64_t)1 << 30, .session_idle_ms = 15 * 60 * 1000                                             \
    }

/** One message. All borrowed. */
struct task {
    struct strato_bytes type, payload, sender, affinity;
    uint64_t sequence; /* in its channel */
    const struct strato_bytes *frames;
    uint32_t frames_count;
    uint64_t now_ms;  /* monotonic */
    uint64_t wall_ms; /* since the epoch, for events */
};

/** Binary of a reply; whoever sends it takes `data` and frees it with free(). */
struct task_frame {
    void *data;
    size_t bytes;
};

struct task_event {
    char topic[TASK_TOPIC_BYTES];
    const char *type; /* static */
    struct strato_writer payload;
};

/** Zero-initialise; freed by task_result_fini(). */
struct task_result {
    const char *type; /* of the reply; static */
    struct strato_writer payload;
    struct task_frame frames[TASK_FRAMES_MAX];
    uint32_t frames_count;
    bool is_failed; /* the reply is an error */
    struct task_event *events;
    uint32_t events_count;
};

struct task_counters {
    uint64_t kernels_launched, memory_transfers, bytes_transferred, synchronizations;
    uint64_t commands_failed, rows_evaluated;
};

struct tasks;

/** @param device  Borrowed; outlives the tasks. @return NULL if out of memory. */
struct tasks *tasks_new(struct device *device, const struct tasks_options *options);
/** Accepts NULL. */
void tasks_destroy(struct tasks **tasks);

/**
 * Run one message of the channels gpu or fitness. There is always a reply in *ret_result, a typed error if need be.
 * @return 0, or STRATO_ENOMEM if not even an error could be written.
 */
int tasks_run(struct tasks *tasks, const struct task *task, struct task_result *ret_result);

/** Once a second: a GpuUtilization event over the window since the last tick, and idle sessions go. */
int tasks_tick(struct tasks *tasks, uint64_t now_ms, uint64_t wall_ms, struct task_result *ret_result);

void task_result_fini(struct task_result *result);
const struct task_counters *tasks_counters(const struct tasks *tasks);
uint64_t tasks_pool_used(const struct tasks *tasks);
uint32_t tasks_sessions(const struct tasks *tasks);
#endif
