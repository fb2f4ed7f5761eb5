/* handle_copy_buffer.c - copy between two buffers on the device. SPDX-License-Identifier: MIT */
#include "worker/tasks/command.h"

int handle_gpu_copy_buffer(struct command *c)
{
    struct strato_gpu_copy_buffer m;
    struct buffer *source, *target;
    int rc = command_decode(c, &strato_gpu_copy_buffer__record, &m);

    if (rc < 0)
        return rc;
    c->stream_id = m.has_stream_id ? m.stream_id : 0;
    rc = command_buffer(c, m.target, false, &target);
    if (rc < 0)
        return rc;
    command_output(c, target);
    rc = command_buffer(c, m.source, true, &source);
    if (rc == 0)
        rc = command_range(c, source, m.source_offset, m.size);
    if (rc == 0)
        rc = command_range(c, target, m.target_offset, m.size);
    if (rc < 0)
        return rc;
    if (source == target && m.source_offset < m.target_offset + m.size && m.target_offset < m.source_offset + m.size)
        return command_fail(c, STRATO_GPU_ERROR_CODE_EINVAL, "the two ranges of buffer `%s` overlap", source->name);
    rc = c->tasks->device->ops->copy(c->tasks->device, source->memory, m.source_offset, target->memory, m.target_offset,
                                     m.size, &c->ns);
    if (rc < 0)
        return command_fail_device(c, rc, "copy");
    if (m.target_offset + m.size > target->content_bytes)
        target->content_bytes = m.target_offset + m.size;
    return 0;
}
