/*
 * command.h - one gpu command while it runs: where it finds its session, and how it answers or fails.
 *
 * A handler (handle_*.c) decodes its payload, checks, acts on the device, and either writes a reply of
 * its own or fails with a code and a message that names cause and fix. Shared by the handlers; net/ uses tasks.h.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_WORKER_TASKS_COMMAND_H
#define STRATO_WORKER_TASKS_COMMAND_H

#include "schemas/gpu.h"
#include "worker/tasks/dataset.h"
#include "worker/tasks/session.h"
#include "worker/tasks/tasks.h"

enum { TASKS_SCRATCH = 3 };

struct tasks {
    struct device *device; /* borrowed */
    struct tasks_options options;
    struct pool pool;
    struct session *sessions[TASK_SESSIONS_MAX];
    uint32_t sessions_count;
    struct dataset_cache datasets;
    struct device_buffer *scratch[TASKS_SCRATCH]; /* rows, values and room of fitness.evaluate */
    uint64_t scratch_bytes[TASKS_SCRATCH];
    uint64_t tick_ms;
    struct task_counters counters;
};

/** Why a command failed, as gpu.error says it. */
struct failure {
    bool is_set;
    enum strato_gpu_error_code code;
    char message[FAULT_MESSAGE_BYTES];
    bool has_memory; /* requested and available */
    uint64_t requested, available;
    char log[DEVICE_LOG_BYTES_MAX];
};

struct command {
    struct tasks *tasks;
    struct session *session;
    const struct task *task;
    struct strato_bytes payload;
    struct task_result *result;  /* frames and events go here */
    struct strato_writer *reply; /* payload of the reply; empty = gpu.done with `ns` */
    const char *reply_type;      /* static; NULL = gpu.done */
    uint32_t stream_id;          /* set by the handler as soon as it knows */
    uint64_t ns;                 /* device time */
    struct failure *failure;
    /* Buffers that the command was to write: poisoned if it fails. */
    struct buffer *outputs[SIGNATURE_PARAMETERS_MAX];
    uint32_t outputs_count;
};

/** What a message type needs to be run. */
struct command_type {
    const char *type;
    const struct strato_record *record;
    int (*handle)(struct command *command); /* 0, or negative with command->failure set */
};
/** By type, or NULL. */
const struct command_type *command_find(struct strato_bytes type);

/** Run one command and its bookkeeping: poison, faults, times, counters. *reply and failure are filled. */
int command_run(struct command *command, const struct command_type *type);
/** Write gpu.error from a failure. */
void command_write_error(const struct failure *failure, struct strato_writer *w);

/** Fail: sets the code and the message; returns STRATO_EINVAL, so `return command_fail(...)` reads well. */
__attribute__((format(printf, 3, 4))) int command_fail(struct command *c, enum strato_gpu_error_code code,
                                                       const char *format, ...);
/** Fail as the device did. `what` names the deed, e.g. "write of buffer x". */
int command_fail_device(struct command *c, int err, const char *what);
/** Decode the payload; a failure names the field. */
int command_decode(struct command *c, const struct strato_record *record, void *ret_message);

/** A buffer by name; ENOENT if absent, EDEP if it is to be read and an earlier command that was to write it failed. */
int command_buffer(struct command *c, struct strato_bytes name, bool is_read, struct buffer **ret_buffer);
/** offset + bytes within the buffer, whatever the two numbers are; ERANGE if not. */
int command_range(struct command *c, const struct buffer *b, uint64_t offset, uint64_t bytes);
/** Make a buffer; ENOMEM with requested and available. */
int command_buffer_add(struct command *c, struct strato_bytes name, uint64_t bytes, struct buffer **ret_buffer);
/** It will be written. */
void command_output(struct command *c, struct buffer *b);
/** Numbers of commands of other streams that must be done first: all earlier ones are; a later one is EINVAL. */
int command_wait(struct command *c, const struct strato_list_u64 *wait);

/** Append an event; without memory for it there is none: events are for the eye. */
struct task_event *command_event(struct task_result *result, const char *type, const char *topic_format, ...)
    __attribute__((format(printf, 3, 4)));
void command_event_kernel(struct tasks *tasks, struct task_result *result, uint64_t wall_ms,
                          struct strato_bytes kernel_id, uint64_t ns, bool is_good);
/** MemoryPressure, if a level was crossed. */
void command_event_pressure(struct tasks *tasks, struct task_result *result, uint64_t wall_ms);

/* One file each. */
int handle_gpu_launch_kernel(struct command *c);
int handle_gpu_transfer_to_device(struct command *c);
int handle_gpu_transfer_from_device(struct command *c);
int handle_gpu_synchronize(struct command *c);
int handle_gpu_alloc(struct command *c);
int handle_gpu_free(struct command *c);
int handle_gpu_copy_buffer(struct command *c);
int handle_gpu_fill(struct command *c);
int handle_gpu_build_program(struct command *c);
int handle_gpu_query(struct command *c);
int handle_gpu_cancel(struct command *c);
int handle_gpu_submit(struct command *c);
/** fitness.evaluate; answers by itself, also its errors. */
int handle_evaluate(struct tasks *tasks, const struct task *task, struct task_result *result);
int handle_breed(struct tasks *tasks, const struct task *task, struct task_result *result);

/** Printable name of a buffer or kernel for messages: "%.*s". */
#define TEXT(b) (int)((b).bytes < 128 ? (b).bytes : 128), (const char *)(b).data
#endif
