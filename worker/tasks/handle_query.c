/*
 * handle_query.c - what the device is, and what this session can name.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <stdlib.h>

#include "worker/kernels/builtin.h"
#include "worker/tasks/command.h"

/** Names and signatures need room that outlives the encoding. */
struct kernel_text {
    char id[256];
    char signature[SIGNATURE_TEXT_BYTES];
};

struct kernel_list {
    struct strato_gpu_kernel_info *items;
    struct kernel_text *texts;
    uint32_t count, room;
};

static void add(struct kernel_list *list, const struct command *c, struct device_kernel *kernel, const char *program)
{
    const struct signature *s = kernel ? c->tasks->device->ops->signature(kernel) : NULL;
    struct kernel_text *text;

    if (!s || list->count >= list->room)
        return;
    text = &list->texts[list->count];
    snprintf(text->id, sizeof(text->id), program ? "%s#%s" : "%s:%s", program ? program : "builtin", s->name);
    signature_print(s, text->signature, sizeof(text->signature));
    list->items[list->count++] = (struct strato_gpu_kernel_info){ strato_text(text->id), strato_text(text->signature) };
}

static uint32_t count_kernels(const struct command *c)
{
    uint32_t count = BUILTIN_COUNT;

    for (uint32_t p = 0; p < c->session->programs_count; p++)
        count += c->tasks->device->ops->program_kernels(c->session->programs[p].program);
    return count < 4096 ? count : 4096; /* the schema's limit */
}

static void list_kernels(struct command *c, struct kernel_list *list)
{
    const struct device_ops *ops = c->tasks->device->ops;

    for (uint32_t i = 0; i < BUILTIN_COUNT; i++)
        add(list, c, ops->builtin(c->tasks->device, builtin_at(i)->name), NULL);
    for (uint32_t p = 0; p < c->session->programs_count; p++) {
        const struct program *program = &c->session->programs[p];

        for (uint32_t k = 0; k < ops->program_kernels(program->program); k++)
            add(list, c, ops->program_kernel(program->program, k), program->id);
    }
}

int handle_gpu_query(struct command *c)
{
    const struct device_info *device = &c->tasks->device->info;
    struct strato_gpu_info info = STRATO_GPU_INFO_DEFAULTS;
    struct kernel_list kernels = { .room = count_kernels(c) };
    struct strato_gpu_buffer_info *buffers = calloc(c->session->buffers_count + 1, sizeof(*buffers));
    int rc = 0;

    kernels.items = calloc(kernels.room, sizeof(*kernels.items));
    kernels.texts = calloc(kernels.room, sizeof(*kernels.texts));
    if (!buffers || !kernels.items || !kernels.texts) {
        rc = command_fail(c, STRATO_GPU_ERROR_CODE_ENOMEM, "the node has no memory for the reply");
        goto out;
    }
    for (uint32_t i = 0; i < c->session->buffers_count; i++) {
        const struct buffer *b = c->session->buffers[i];

        buffers[i].buffer_id = strato_bytes(b->name, b->name_bytes);
        buffers[i].size = b->bytes;
        buffers[i].content = b->content_bytes;
    }
    list_kernels(c, &kernels);
    info.device = strato_text(device->name);
    info.platform = strato_text(device->platform);
    info.device_id = device->number;
    info.pool_bytes = c->tasks->pool.capacity;
    info.free_bytes = pool_left(&c->tasks->pool);
    info.buffers.items = buffers;
    info.buffers.count = c->session->buffers_count;
    info.kernels.items = kernels.items;
    info.kernels.count = kernels.count;
    strato_gpu_info_encode(&info, c->reply);
    c->reply_type = STRATO_TYPE_GPU_INFO;
out:
    free(buffers);
    free(kernels.items);
    free(kernels.texts);
    return rc;
}
