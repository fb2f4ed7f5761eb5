/*
 * handle_transfer_from_device.c - read bytes back: inline below 4 KiB, as an attachment from there on.
 *
 * SPDX-License-Identifier: MIT
 */
#include <inttypes.h>
#include <stdlib.h>

#include "worker/tasks/command.h"

/** Hand the bytes to the reply; `bytes` is taken. */
static int answer(struct command *c, uint8_t *bytes, uint64_t size)
{
    struct strato_gpu_data data = STRATO_GPU_DATA_DEFAULTS;
    struct task_result *result = c->result;

    data.duration_us = c->ns / 1000;
    data.bytes.is_inline = size <= TASK_INLINE_BYTES_MAX;
    if (data.bytes.is_inline) {
        data.bytes.bytes = strato_bytes(bytes, size);
    } else {
        data.bytes.index = result->frames_count;
        result->frames[result->frames_count++] = (struct task_frame){ bytes, size };
    }
    strato_gpu_data_encode(&data, c->reply);
    c->reply_type = STRATO_TYPE_GPU_DATA;
    if (data.bytes.is_inline)
        free(bytes);
    return 0;
}

int handle_gpu_transfer_from_device(struct command *c)
{
    struct strato_gpu_transfer_from_device m;
    struct buffer *b;
    uint8_t *bytes;
    int rc = command_decode(c, &strato_gpu_transfer_from_device__record, &m);

    if (rc < 0)
        return rc;
    c->stream_id = m.has_stream_id ? m.stream_id : 0;
    rc = command_buffer(c, m.buffer_id, true, &b);
    if (rc == 0)
        rc = command_range(c, b, m.offset, m.size);
    if (rc == 0)
        rc = command_wait(c, &m.wait);
    if (rc < 0)
        return rc;
    if (m.size > TASK_READ_BYTES_MAX)
        return command_fail(c, STRATO_GPU_ERROR_CODE_EINVAL,
                            "%" PRIu64 " bytes do not fit one reply: read at most %" PRIu64 " at a time, by offset",
                            m.size, TASK_READ_BYTES_MAX);
    if (m.size > TASK_INLINE_BYTES_MAX && c->result->frames_count == TASK_FRAMES_MAX)
        return command_fail(c, STRATO_GPU_ERROR_CODE_EINVAL, "one message answers %d reads of 4 KiB or more at most",
                            TASK_FRAMES_MAX);
    bytes = malloc(m.size > 0 ? m.size : 1);
    if (!bytes)
        return command_fail(c, STRATO_GPU_ERROR_CODE_ENOMEM, "the node has no memory for the reply");
    rc = c->tasks->device->ops->read(c->tasks->device, b->memory, m.offset, bytes, m.size, &c->ns);
    if (rc < 0) {
        free(bytes);
        return command_fail_device(c, rc, "read");
    }
    c->tasks->counters.memory_transfers++;
    c->tasks->counters.bytes_transferred += m.size;
    return answer(c, bytes, m.size);
}
