/*
 * handle_synchronize.c - report and forget what failed since the last Synchronize; lift the poison.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdlib.h>

#include "worker/tasks/command.h"

int handle_gpu_synchronize(struct command *c)
{
    struct strato_gpu_done done = STRATO_GPU_DONE_DEFAULTS;
    struct strato_gpu_synchronize m;
    struct strato_gpu_fault *faults;
    const uint32_t *stream;
    uint64_t upto;
    int rc = command_decode(c, &strato_gpu_synchronize__record, &m);

    if (rc < 0)
        return rc;
    stream = m.has_stream_id ? &m.stream_id : NULL;
    upto = m.has_upto ? m.upto : UINT64_MAX;
    faults = calloc(SESSION_FAULTS_MAX, sizeof(*faults));
    if (!faults)
        return command_fail(c, STRATO_GPU_ERROR_CODE_ENOMEM, "the node has no memory for the reply");
    for (uint32_t i = 0; i < c->session->faults_count; i++) {
        const struct session_fault *f = &c->session->faults[i];

        if ((stream && f->stream_id != *stream) || f->sequence > upto)
            continue;
        faults[done.errors.count++] = (struct strato_gpu_fault){
            .code = f->code, .message = strato_text(f->message), .sequence = f->sequence, .stream_id = f->stream_id
        };
    }
    done.errors.items = faults;
    done.duration_us = session_take_time(c->session, stream) / 1000;
    strato_gpu_done_encode(&done, c->reply);
    c->reply_type = STRATO_TYPE_GPU_DONE;
    session_clear(c->session, stream, upto);
    c->tasks->counters.synchronizations++;
    free(faults);
    return 0;
}
