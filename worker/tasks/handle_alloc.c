/* handle_alloc.c - make a buffer without writing it; it holds zeros. SPDX-License-Identifier: MIT */
#include "worker/tasks/command.h"

int handle_gpu_alloc(struct command *c)
{
    struct strato_gpu_alloc m;
    struct buffer *b;
    int rc = command_decode(c, &strato_gpu_alloc__record, &m);

    if (rc < 0)
        return rc;
    c->stream_id = m.has_stream_id ? m.stream_id : 0;
    if (session_buffer(c->session, m.buffer_id))
        return command_fail(c, STRATO_GPU_ERROR_CODE_EEXIST,
                            "buffer `%.*s` exists already: free it first, or write to it", TEXT(m.buffer_id));
    return command_buffer_add(c, m.buffer_id, m.size, &b);
}
