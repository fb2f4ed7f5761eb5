/*
 * handle_launch_kernel.c - find a kernel, check its arguments and its grid, run it.
 *
 * SPDX-License-Identifier: MIT
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "worker/kernels/builtin.h"
#include "worker/tasks/argument.h"

/* More work-items than any kernel of ours means: a typing error would hold the device for hours. */
#define LAUNCH_ITEMS_MAX (1ULL << 36)

static struct device_kernel *find_in_program(struct command *c, const struct program *p, const char *name)
{
    const struct device_ops *ops = c->tasks->device->ops;

    for (uint32_t i = 0; i < ops->program_kernels(p->program); i++)
        if (strcmp(ops->signature(ops->program_kernel(p->program, i))->name, name) == 0)
            return ops->program_kernel(p->program, i);
    return NULL;
}

/** builtin:NAME or prog:HASH#kernel. */
static int find_kernel(struct command *c, struct strato_bytes id, struct device_kernel **ret_kernel)
{
    char text[257], *hash;

    snprintf(text, sizeof(text), "%.*s", (int)id.bytes, (const char *)id.data);
    *ret_kernel = NULL;
    if (strncmp(text, "builtin:", 8) == 0) {
        if (builtin_find(text + 8)) /* others are the worker's own: nobody checks their arguments */
            *ret_kernel = c->tasks->device->ops->builtin(c->tasks->device, text + 8);
    } else if (strncmp(text, "prog:", 5) == 0) {
        hash = strchr(text, '#');
        if (!hash)
            return command_fail(c, STRATO_GPU_ERROR_CODE_EINVAL, "kernel_id `%s`: want prog:HASH#kernel", text);
        *hash = '\0';
        for (uint32_t i = 0; i < c->session->programs_count; i++)
            if (strcmp(c->session->programs[i].id, text) == 0)
                *ret_kernel = find_in_program(c, &c->session->programs[i], hash + 1);
        *hash = '#';
    } else {
        return command_fail(c, STRATO_GPU_ERROR_CODE_EINVAL, "kernel_id `%s`: want builtin:NAME or prog:HASH#kernel",
                            text);
    }
    if (!*ret_kernel)
        return command_fail(c, STRATO_GPU_ERROR_CODE_ENOENT, "no kernel `%s`: query lists those of this session", text);
    return 0;
}

/** Block and grid within the device's limits. */
static int check_grid(struct command *c, const struct device_launch *l, const struct signature *s)
{
    uint64_t group = 1, items = 1;
    unsigned zeros = 0;

    for (unsigned d = 0; d < 3; d++) {
        uint64_t in_dimension = l->groups[d] * (l->local[d] ? l->local[d] : 1);

        zeros += l->local[d] == 0;
        group = group > UINT32_MAX ? group : group * (l->local[d] ? l->local[d] : 1);
        if (in_dimension > 0 && items > LAUNCH_ITEMS_MAX / in_dimension)
            return command_fail(c, STRATO_GPU_ERROR_CODE_EINVAL, "grid_dim x block_dim is over 2^36 work-items");
        items *= in_dimension;
        if (l->offset[d] > UINT64_MAX - in_dimension)
            return command_fail(c, STRATO_GPU_ERROR_CODE_EINVAL, "global_offset and grid run over 2^64");
        if (l->local[0] > 0 && s->local_required[0] > 0 && l->local[d] != s->local_required[d])
            return command_fail(c, STRATO_GPU_ERROR_CODE_EINVAL,
                                "block_dim: kernel `%s` requires [%" PRIu64 ", %" PRIu64 ", %" PRIu64 "]", s->name,
                                s->local_required[0], s->local_required[1], s->local_required[2]);
    }
    if (zeros != 0 && zeros != 3)
        return command_fail(c, STRATO_GPU_ERROR_CODE_EINVAL, "block_dim: all zero (the node chooses) or none");
    if (group > c->tasks->device->info.group_items_max)
        return command_fail(c, STRATO_GPU_ERROR_CODE_EINVAL,
                            "block_dim has %" PRIu64 " work-items, the device takes %" PRIu64 " at most", group,
                            c->tasks->device->info.group_items_max);
    return 0;
}

/** What a built-in will touch lies within the ranges that it was given. */
static int check_builtin(struct command *c, const char *name, const struct arguments *all)
{
    struct builtin_argument arguments[BUILTIN_PARAMETERS_MAX] = { 0 };
    char detail[BUILTIN_DETAIL_BYTES] = "";
    const struct builtin *b = builtin_find(name);

    for (uint32_t i = 0; i < all->count; i++) {
        arguments[i].bytes = all->items[i].bytes;
        arguments[i].data = (void *)(uintptr_t)all->items[i].value;
    }
    if (!b || b->check(arguments, detail) == 0)
        return 0;
    return command_fail(c, STRATO_GPU_ERROR_CODE_ERANGE, "%s", detail);
}

/**
 * The effect. A kernel over its deadline ran to its end: nothing but the end of its process stops one. It is
 * reported, and what it wrote is poisoned.
 */
static int run(struct command *c, const struct strato_gpu_launch_kernel *m, const struct device_launch *launch)
{
    int rc = c->tasks->device->ops->launch(c->tasks->device, launch, &c->ns);

    if (rc < 0)
        return command_fail_device(c, rc, "launch");
    c->tasks->counters.kernels_launched++;
    if (m->has_deadline_ms && c->ns / 1000000 >= m->deadline_ms)
        return command_fail(c, STRATO_GPU_ERROR_CODE_EKERNEL_TIMEOUT,
                            "the kernel took %" PRIu64 " ms, its deadline was %" PRIu64 " ms: do not use what it wrote",
                            c->ns / 1000000, m->deadline_ms);
    return 0;
}

static int prepare(struct command *c, const struct strato_gpu_launch_kernel *m, struct device_launch *launch,
                   struct arguments *arguments)
{
    const struct signature *signature;
    int rc = find_kernel(c, m->kernel_id, &launch->kernel);

    if (rc < 0)
        return rc;
    signature = c->tasks->device->ops->signature(launch->kernel);
    for (unsigned d = 0; d < 3; d++) {
        launch->groups[d] = m->grid_dim[d];
        launch->local[d] = m->block_dim[d];
        launch->offset[d] = m->global_offset[d];
    }
    rc = check_grid(c, launch, signature);
    if (rc == 0)
        rc = command_wait(c, &m->wait);
    if (rc == 0)
        rc = arguments_read(c, &m->params, signature, arguments);
    if (rc == 0 && m->kernel_id.data[0] == 'b')
        rc = check_builtin(c, signature->name, arguments);
    launch->arguments = arguments->items;
    launch->arguments_count = arguments->count;
    return rc;
}

int handle_gpu_launch_kernel(struct command *c)
{
    struct strato_gpu_launch_kernel m;
    struct device_launch launch = { 0 };
    struct arguments arguments;
    int rc = command_decode(c, &strato_gpu_launch_kernel__record, &m);

    if (rc < 0)
        return rc;
    c->stream_id = m.has_stream_id ? m.stream_id : 0;
    rc = prepare(c, &m, &launch, &arguments);
    if (rc == 0)
        rc = run(c, &m, &launch);
    command_event_kernel(c->tasks, c->result, c->task->wall_ms, m.kernel_id, c->ns, rc == 0);
    return rc;
}
