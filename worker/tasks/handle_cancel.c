/*
 * handle_cancel.c - a command that is no longer wanted.
 *
 * Commands of a session run in order and to their end, so whatever came before this message has ended.
 *
 * SPDX-License-Identifier: MIT
 */
#include <inttypes.h>

#include "worker/tasks/command.h"

int handle_gpu_cancel(struct command *c)
{
    struct strato_gpu_cancel m;
    int rc = command_decode(c, &strato_gpu_cancel__record, &m);

    if (rc < 0)
        return rc;
    return command_fail(c, STRATO_GPU_ERROR_CODE_ENOENT, "command %" PRIu64 " is not queued here: it has ended",
                        m.sequence);
}
