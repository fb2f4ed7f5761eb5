/*
 * handle_submit.c - several commands in one message: admitted all or none, answered by one message.
 *
 * Admission checks what can be known before the first command runs: types, shapes, and the memory that new
 * buffers want together. After that the commands run in order until one fails; those behind it answer EDEP.
 *
 * SPDX-License-Identifier: MIT
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "worker/tasks/command.h"

enum { COMMANDS_MAX = 256 };

/** What the commands that were looked at so far will want. */
struct wanted {
    uint64_t bytes;       /* of new buffers; saturates */
    uint32_t large_reads; /* replies that travel as attachments */
};

/** Room for any of the messages that admission decodes. */
union message {
    struct strato_gpu_launch_kernel launch_kernel;
    struct strato_gpu_transfer_to_device to;
    struct strato_gpu_transfer_from_device from;
    struct strato_gpu_alloc alloc;
    struct strato_gpu_build_program build;
    struct strato_gpu_copy_buffer copy;
    struct strato_gpu_fill fill;
    struct strato_gpu_synchronize synchronize;
    struct strato_gpu_free free;
    struct strato_gpu_query query;
    struct strato_gpu_cancel cancel;
};

static void want(struct wanted *wanted, uint64_t bytes)
{
    wanted->bytes = bytes > UINT64_MAX - wanted->bytes ? UINT64_MAX : wanted->bytes + bytes;
}

static void look_at(struct command *c, const struct command_type *type, const union message *m, struct wanted *wanted)
{
    struct strato_bytes data;

    if (type->record == &strato_gpu_alloc__record) {
        want(wanted, m->alloc.size);
    } else if (type->record == &strato_gpu_transfer_from_device__record) {
        wanted->large_reads += m->from.size > TASK_INLINE_BYTES_MAX;
    } else if (type->record == &strato_gpu_transfer_to_device__record && !session_buffer(c->session, m->to.buffer_id) &&
               strato_binary_bytes(&m->to.data, c->task->frames, c->task->frames_count, &data) == 0) {
        want(wanted, m->to.offset);
        want(wanted, data.bytes);
    }
}

/** Would it be run at all? */
static int admit(struct command *c, const struct strato_gpu_submit *m)
{
    struct strato_iter it = strato_gpu_command_list_begin(&m->commands);
    struct strato_bytes payload = c->payload;
    struct strato_gpu_command item;
    struct wanted wanted = { 0 };
    union message message;
    int rc = 0;

    for (uint32_t i = 0; rc == 0 && strato_gpu_command_list_next(&it, &item); i++) {
        const struct command_type *type = command_find(item.type);

        if (!type || type->handle == handle_gpu_submit)
            return command_fail(c, STRATO_GPU_ERROR_CODE_EINVAL,
                                "command %u: `%.*s` cannot be submitted; nothing was run", i, TEXT(item.type));
        c->payload = item.has_payload ? item.payload : STRATO_BYTES_NONE;
        rc = command_decode(c, type->record, &message);
        c->payload = payload;
        if (rc == 0)
            look_at(c, type, &message, &wanted);
    }
    if (rc < 0)
        return rc;
    if (wanted.large_reads > TASK_FRAMES_MAX)
        return command_fail(c, STRATO_GPU_ERROR_CODE_EINVAL,
                            "%u reads of 4 KiB or more: one message answers %d at most; nothing was run",
                            wanted.large_reads, TASK_FRAMES_MAX);
    if (wanted.bytes > pool_left(&c->tasks->pool)) {
        c->failure->has_memory = true;
        c->failure->requested = wanted.bytes;
        c->failure->available = pool_left(&c->tasks->pool);
        return command_fail(c, STRATO_GPU_ERROR_CODE_ENOMEM,
                            "the new buffers want %" PRIu64 " bytes, the pool has %" PRIu64 " left; nothing was run",
                            wanted.bytes, c->failure->available);
    }
    return 0;
}

/** Run one of the commands; its reply goes into `reply`. */
static int run_one(struct command *c, const struct strato_gpu_command *item, struct failure *failure,
                   struct strato_writer *reply, const char **ret_type)
{
    struct command one = { .tasks = c->tasks,
                           .session = c->session,
                           .task = c->task,
                           .result = c->result,
                           .reply = reply,
                           .failure = failure,
                           .payload = item->has_payload ? item->payload : STRATO_BYTES_NONE };
    int rc;

    memset(failure, 0, sizeof(*failure));
    rc = command_run(&one, command_find(item->type));
    *ret_type = one.reply_type;
    return rc;
}

/** A command behind a failed one. */
static void answer_dependent(uint32_t failed, struct failure *failure, struct strato_writer *reply,
                             const char **ret_type)
{
    struct command c = { .failure = failure };

    memset(failure, 0, sizeof(*failure));
    (void)command_fail(&c, STRATO_GPU_ERROR_CODE_EDEP, "not run: command %u of this submit failed", failed);
    command_write_error(failure, reply);
    *ret_type = STRATO_TYPE_GPU_ERROR;
}

/** @return the number of the first failed command, or COMMANDS_MAX. */
static uint32_t run_all(struct command *c, const struct strato_gpu_submit *m, struct strato_gpu_command *replies,
                        struct strato_writer *writers, struct failure *failure)
{
    struct strato_iter it = strato_gpu_command_list_begin(&m->commands);
    struct strato_gpu_command item;
    uint32_t failed = COMMANDS_MAX;

    for (uint32_t i = 0; strato_gpu_command_list_next(&it, &item); i++) {
        const char *type = NULL;

        if (failed < COMMANDS_MAX)
            answer_dependent(failed, failure, &writers[i], &type);
        else if (run_one(c, &item, failure, &writers[i], &type) < 0)
            failed = i;
        replies[i].type = strato_text(type);
        replies[i].has_payload = true;
        replies[i].payload = strato_writer_view(&writers[i]);
    }
    return failed;
}

int handle_gpu_submit(struct command *c)
{
    struct strato_gpu_submitted submitted = STRATO_GPU_SUBMITTED_DEFAULTS;
    struct strato_gpu_command *replies = NULL;
    struct strato_writer *writers = NULL;
    struct failure *failure = NULL;
    struct strato_gpu_submit m;
    int rc = command_decode(c, &strato_gpu_submit__record, &m);

    if (rc == 0)
        rc = admit(c, &m);
    if (rc < 0)
        return rc;
    replies = calloc(m.commands.count, sizeof(*replies));
    writers = calloc(m.commands.count, sizeof(*writers));
    failure = calloc(1, sizeof(*failure));
    if (!replies || !writers || !failure) {
        rc = command_fail(c, STRATO_GPU_ERROR_CODE_ENOMEM, "the node has no memory for the replies; nothing was run");
        goto out;
    }
    (void)run_all(c, &m, replies, writers, failure);
    submitted.replies.items = replies;
    submitted.replies.count = m.commands.count;
    strato_gpu_submitted_encode(&submitted, c->reply);
    c->reply_type = STRATO_TYPE_GPU_SUBMITTED;
out:
    for (uint32_t i = 0; writers && i < m.commands.count; i++)
        strato_writer_fini(&writers[i]);
    free(replies);
    free(writers);
    free(failure);
    return rc;
}
