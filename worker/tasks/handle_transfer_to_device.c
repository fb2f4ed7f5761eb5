/*
 * handle_transfer_to_device.c - write bytes into a named buffer; the first write makes it.
 *
 * SPDX-License-Identifier: MIT
 */
#include <inttypes.h>
#include <xxhash.h>

#include "worker/tasks/command.h"

/** The first write to an unknown name allocates offset + length bytes. */
static int create(struct command *c, const struct strato_gpu_transfer_to_device *m, uint64_t length,
                  struct buffer **ret_buffer)
{
    if (!m->create)
        return command_fail(c, STRATO_GPU_ERROR_CODE_ENOENT, "no buffer `%.*s` in this session, and create is false",
                            TEXT(m->buffer_id));
    if (m->offset > UINT64_MAX - length)
        return command_fail(c, STRATO_GPU_ERROR_CODE_ERANGE, "%" PRIu64 " bytes at offset %" PRIu64 " run over 2^64",
                            length, m->offset);
    if (m->offset + length == 0)
        return command_fail(c, STRATO_GPU_ERROR_CODE_EINVAL,
                            "an empty write creates no buffer: send bytes, or use alloc");
    return command_buffer_add(c, m->buffer_id, m->offset + length, ret_buffer);
}

int handle_gpu_transfer_to_device(struct command *c)
{
    struct strato_gpu_transfer_to_device m;
    struct strato_bytes data;
    struct buffer *b;
    int rc = command_decode(c, &strato_gpu_transfer_to_device__record, &m);

    if (rc < 0)
        return rc;
    c->stream_id = m.has_stream_id ? m.stream_id : 0;
    b = session_buffer(c->session, m.buffer_id);
    if (b)
        command_output(c, b);
    if (strato_binary_bytes(&m.data, c->task->frames, c->task->frames_count, &data) < 0)
        return command_fail(c, STRATO_GPU_ERROR_CODE_EINVAL, "data names attachment %u, the message has %u",
                            m.data.index, c->task->frames_count);
    if (m.has_xxh64 && XXH64(data.data, data.bytes, 0) != m.xxh64)
        return command_fail(c, STRATO_GPU_ERROR_CODE_EINVAL,
                            "the data does not have the xxh64 that came with it: send it again");
    rc = command_wait(c, &m.wait);
    if (rc == 0)
        rc = b ? command_range(c, b, m.offset, data.bytes) : create(c, &m, data.bytes, &b);
    if (rc < 0)
        return rc;
    /* The driver copies out of the frame: a frame's address is not aligned, so a kernel never sees it. */
    rc = c->tasks->device->ops->write(c->tasks->device, b->memory, m.offset, data, &c->ns);
    if (rc < 0)
        return command_fail_device(c, rc, "write");
    if (m.offset + data.bytes > b->content_bytes)
        b->content_bytes = m.offset + data.bytes;
    c->tasks->counters.memory_transfers++;
    c->tasks->counters.bytes_transferred += data.bytes;
    return 0;
}
