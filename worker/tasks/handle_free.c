/* handle_free.c - give a buffer back. SPDX-License-Identifier: MIT */
#include "worker/tasks/command.h"

int handle_gpu_free(struct command *c)
{
    struct strato_gpu_free m;
    struct buffer *b;
    int rc = command_decode(c, &strato_gpu_free__record, &m);

    if (rc < 0)
        return rc;
    c->stream_id = m.has_stream_id ? m.stream_id : 0;
    rc = command_buffer(c, m.buffer_id, false, &b);
    if (rc < 0)
        return rc;
    session_buffer_remove(c->session, c->tasks->device, &c->tasks->pool, b);
    (void)pool_pressure(&c->tasks->pool); /* levels that were left are armed again */
    return 0;
}
