/* handle_fill.c - repeat a pattern over a range of a buffer. SPDX-License-Identifier: MIT */
#include "worker/tasks/command.h"

enum { PATTERN_BYTES_MAX = 128 };

int handle_gpu_fill(struct command *c)
{
    struct strato_gpu_fill m;
    struct buffer *b;
    int rc = command_decode(c, &strato_gpu_fill__record, &m);

    if (rc < 0)
        return rc;
    c->stream_id = m.has_stream_id ? m.stream_id : 0;
    rc = command_buffer(c, m.buffer_id, false, &b);
    if (rc < 0)
        return rc;
    command_output(c, b);
    if (m.pattern.bytes == 0 || m.pattern.bytes > PATTERN_BYTES_MAX || (m.pattern.bytes & (m.pattern.bytes - 1)) != 0)
        return command_fail(c, STRATO_GPU_ERROR_CODE_EINVAL,
                            "a pattern has 1, 2, 4, 8, 16, 32, 64 or 128 bytes, this one %zu", m.pattern.bytes);
    if (m.size % m.pattern.bytes != 0 || m.offset % m.pattern.bytes != 0)
        return command_fail(c, STRATO_GPU_ERROR_CODE_EINVAL,
                            "size and offset must be multiples of the pattern's %zu bytes", m.pattern.bytes);
    rc = command_range(c, b, m.offset, m.size);
    if (rc < 0)
        return rc;
    rc = c->tasks->device->ops->fill(c->tasks->device, b->memory, m.offset, m.size, m.pattern, &c->ns);
    if (rc < 0)
        return command_fail_device(c, rc, "fill");
    if (m.offset + m.size > b->content_bytes)
        b->content_bytes = m.offset + m.size;
    return 0;
}
