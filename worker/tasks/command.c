/*
 * command.c - the table of gpu commands, and what every one of them does alike.
 *
 * SPDX-License-Identifier: MIT
 */
#include "worker/tasks/command.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- failing ------------------------------------------------------------------------------------- */

int command_fail(struct command *c, enum strato_gpu_error_code code, const char *format, ...)
{
    va_list args;

    c->failure->is_set = true;
    c->failure->code = code;
    va_start(args, format);
    vsnprintf(c->failure->message, sizeof(c->failure->message), format, args);
    va_end(args);
    return STRATO_EINVAL;
}

int command_fail_device(struct command *c, int err, const char *what)
{
    const char *detail = device_detail(c->tasks->device);

    if (err == STRATO_ENOMEM)
        return command_fail(c, STRATO_GPU_ERROR_CODE_ENOMEM, "%s: %s", what, detail);
    if (err == STRATO_EINVAL)
        return command_fail(c, STRATO_GPU_ERROR_CODE_EINVAL, "%s: the driver refuses it: %s", what, detail);
    return command_fail(c, STRATO_GPU_ERROR_CODE_ELOST, "%s: the device failed: %s; send it again", what, detail);
}

int command_decode(struct command *c, const struct strato_record *record, void *ret_message)
{
    struct strato_bytes field = STRATO_BYTES_NONE;
    int rc = strato_record_decode(record, c->payload, ret_message, &field);

    if (rc < 0)
        return command_fail(c, STRATO_GPU_ERROR_CODE_EINVAL, "%s: field `%.*s`: %s", record->name, TEXT(field),
                            strato_strerror(rc));
    return 0;
}

/** UTF-8 goes onto the wire as it is: a name was checked for length only, and a message may hold any bytes. */
void command_write_error(const struct failure *failure, struct strato_writer *w)
{
    struct strato_gpu_error error = STRATO_GPU_ERROR_DEFAULTS;

    error.code = failure->code;
    error.message = strato_text(failure->message);
    error.has_requested = error.has_available = failure->has_memory;
    error.requested = failure->requested;
    error.available = failure->available;
    error.has_log = failure->log[0] != '\0';
    error.log = strato_text(failure->log);
    strato_gpu_error_encode(&error, w);
}

/* ---- buffers ------------------------------------------------------------------------------------- */

int command_buffer(struct command *c, struct strato_bytes name, bool is_read, struct buffer **ret_buffer)
{
    struct buffer *b = session_buffer(c->session, name);

    if (!b)
        return command_fail(c, STRATO_GPU_ERROR_CODE_ENOENT,
                            "no buffer `%.*s` in this session: create it by transfer_to_device or alloc", TEXT(name));
    if (is_read && b->is_poisoned)
        return command_fail(c, STRATO_GPU_ERROR_CODE_EDEP,
                            "buffer `%.*s`: command %" PRIu64
                            " of stream %u, which was to write it, failed; synchronize clears this",
                            TEXT(name), b->poison_sequence, b->poison_stream);
    *ret_buffer = b;
    return 0;
}

int command_range(struct command *c, const struct buffer *b, uint64_t offset, uint64_t bytes)
{
    if (bytes <= b->bytes && offset <= b->bytes - bytes)
        return 0;
    return command_fail(c, STRATO_GPU_ERROR_CODE_ERANGE,
                        "buffer `%s` has %" PRIu64 " bytes: %" PRIu64 " at offset %" PRIu64 " run over its end",
                        b->name, b->bytes, bytes, offset);
}

int command_buffer_add(struct command *c, struct strato_bytes name, uint64_t bytes, struct buffer **ret_buffer)
{
    struct tasks *tasks = c->tasks;
    uint64_t available = pool_left(&tasks->pool);
    int rc = session_buffer_add(c->session, tasks->device, &tasks->pool, name, bytes, ret_buffer);

    if (rc == 0) {
        command_event_pressure(tasks, c->result, c->task->wall_ms);
        return 0;
    }
    if (rc == STRATO_ELIMIT)
        return command_fail(c, STRATO_GPU_ERROR_CODE_ENOMEM,
                            "the session holds %d buffers, the most allowed: free some", SESSION_BUFFERS_MAX);
    if (rc == STRATO_EFULL || rc == STRATO_ENOMEM) {
        c->failure->has_memory = true;
        c->failure->requested = bytes;
        c->failure->available = available;
    }
    if (rc == STRATO_EFULL)
        return command_fail(c, STRATO_GPU_ERROR_CODE_ENOMEM,
                            "buffer `%.*s` wants %" PRIu64 " bytes, the pool has %" PRIu64
                            " left: free buffers, or start the worker with a larger --pool",
                            TEXT(name), bytes, available);
    return command_fail_device(c, rc, "allocation");
}

void command_output(struct command *c, struct buffer *b)
{
    if (c->outputs_count < SIGNATURE_PARAMETERS_MAX)
        c->outputs[c->outputs_count++] = b;
}

int command_wait(struct command *c, const struct strato_list_u64 *wait)
{
    struct strato_iter it = strato_list_u64_begin(wait);
    uint64_t sequence;

    /* Commands of a session run in the order of the channel, so whatever came before is done. */
    while (strato_list_u64_next(&it, &sequence))
        if (sequence >= c->task->sequence)
            return command_fail(c, STRATO_GPU_ERROR_CODE_EINVAL,
                                "wait names command %" PRIu64 ", this one is %" PRIu64
                                ": only earlier ones can be waited for",
                                sequence, c->task->sequence);
    return 0;
}

/* ---- running ------------------------------------------------------------------------------------- */

static void book_failure(struct command *c)
{
    struct session_fault fault = { .code = c->failure->code, .sequence = c->task->sequence, .stream_id = c->stream_id };

    memcpy(fault.message, c->failure->message, sizeof(fault.message));
    session_fault(c->session, &fault);
    c->tasks->counters.commands_failed++;
    for (uint32_t i = 0; i < c->outputs_count; i++) {
        c->outputs[i]->is_poisoned = true;
        c->outputs[i]->poison_stream = c->stream_id;
        c->outputs[i]->poison_sequence = c->task->sequence;
    }
}

int command_run(struct command *c, const struct command_type *type)
{
    int rc = type->handle(c);

    if (rc == 0 && c->reply->bytes == 0) {
        struct strato_gpu_done done = STRATO_GPU_DONE_DEFAULTS;

        done.duration_us = c->ns / 1000;
        strato_gpu_done_encode(&done, c->reply);
        c->reply_type = STRATO_TYPE_GPU_DONE;
    }
    if (rc == 0 && strato_writer_error(c->reply) < 0)
        rc = command_fail(c, STRATO_GPU_ERROR_CODE_ENOMEM, "the node has no memory for the reply");
    session_time(c->session, c->stream_id, c->ns);
    if (rc == 0)
        return 0;
    book_failure(c);
    strato_writer_reset(c->reply);
    c->reply_type = STRATO_TYPE_GPU_ERROR;
    command_write_error(c->failure, c->reply);
    return rc;
}

static const struct command_type types[] = {
    { STRATO_TYPE_GPU_LAUNCH_KERNEL, &strato_gpu_launch_kernel__record, handle_gpu_launch_kernel },
    { STRATO_TYPE_GPU_TRANSFER_TO_DEVICE, &strato_gpu_transfer_to_device__record, handle_gpu_transfer_to_device },
    { STRATO_TYPE_GPU_TRANSFER_FROM_DEVICE, &strato_gpu_transfer_from_device__record, handle_gpu_transfer_from_device },
    { STRATO_TYPE_GPU_SYNCHRONIZE, &strato_gpu_synchronize__record, handle_gpu_synchronize },
    { STRATO_TYPE_GPU_SUBMIT, &strato_gpu_submit__record, handle_gpu_submit },
    { STRATO_TYPE_GPU_ALLOC, &strato_gpu_alloc__record, handle_gpu_alloc },
    { STRATO_TYPE_GPU_FREE, &strato_gpu_free__record, handle_gpu_free },
    { STRATO_TYPE_GPU_COPY_BUFFER, &strato_gpu_copy_buffer__record, handle_gpu_copy_buffer },
    { STRATO_TYPE_GPU_FILL, &strato_gpu_fill__record, handle_gpu_fill },
    { STRATO_TYPE_GPU_BUILD_PROGRAM, &strato_gpu_build_program__record, handle_gpu_build_program },
    { STRATO_TYPE_GPU_QUERY, &strato_gpu_query__record, handle_gpu_query },
    { STRATO_TYPE_GPU_CANCEL, &strato_gpu_cancel__record, handle_gpu_cancel },
};

const struct command_type *command_find(struct strato_bytes type)
{
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (strato_bytes_is(type, types[i].type))
            return &types[i];
    return NULL;
}
