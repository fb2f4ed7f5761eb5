/*
 * sim.c - see sim.h. Buffers are host memory; built-ins run their C references.
 *
 * SPDX-License-Identifier: MIT
 */
#include "worker/device/sim.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker/kernels/builtin.h"

enum { SIM_LAUNCH_NS = 100 * 1000, SIM_MEMORY_GIB = 4 };

struct device_buffer {
    uint8_t *data;
    uint64_t bytes;
};

struct device_kernel {
    const struct builtin *builtin;
    struct signature signature;
};

struct sim {
    struct device device;
    uint64_t now_ns;
    uint64_t window_items; /* work-items of the last launch in the window */
    uint32_t broken;       /* operations that will still fail */
    struct device_kernel kernels[BUILTIN_COUNT];
};

static struct sim *sim_of(struct device *device)
{
    return (struct sim *)device;
}

static bool is_broken(struct sim *sim)
{
    if (sim->broken == 0)
        return false;
    sim->broken--;
    device_fail(&sim->device, STRATO_EIO, "the sim device was told to fail");
    return true;
}

static void pass(struct sim *sim, uint64_t ns, uint64_t *ret_ns)
{
    sim->now_ns += ns;
    *ret_ns = ns;
}

static void sim_close(struct device *device)
{
    free(device);
}

static int sim_buffer_new(struct device *device, uint64_t bytes, struct device_buffer **ret_buffer)
{
    struct device_buffer *buffer;

    if (is_broken(sim_of(device)))
        return STRATO_EIO;
    buffer = calloc(1, sizeof(*buffer));
    if (buffer)
        buffer->data = calloc(1, bytes);
    if (!buffer || !buffer->data) {
        free(buffer);
        return device_fail(device, STRATO_ENOMEM, "the host has no memory for %llu bytes", (unsigned long long)bytes);
    }
    buffer->bytes = bytes;
    *ret_buffer = buffer;
    return 0;
}

static void sim_buffer_destroy(struct device *device, struct device_buffer **buffer)
{
    (void)device;
    if (!*buffer)
        return;
    free((*buffer)->data);
    free(*buffer);
    *buffer = NULL;
}

static int sim_write(struct device *device, struct device_buffer *to, uint64_t offset, struct strato_bytes data,
                     uint64_t *ret_ns)
{
    if (is_broken(sim_of(device)))
        return STRATO_EIO;
    if (data.bytes > 0)
        memcpy(to->data + offset, data.data, data.bytes);
    pass(sim_of(device), data.bytes, ret_ns);
    return 0;
}

static int sim_read(struct device *device, struct device_buffer *from, uint64_t offset, void *data, uint64_t bytes,
                    uint64_t *ret_ns)
{
    if (is_broken(sim_of(device)))
        return STRATO_EIO;
    if (bytes > 0)
        memcpy(data, from->data + offset, bytes);
    pass(sim_of(device), bytes, ret_ns);
    return 0;
}

static int sim_copy(struct device *device, struct device_buffer *from, uint64_t from_offset, struct device_buffer *to,
                    uint64_t to_offset, uint64_t bytes, uint64_t *ret_ns)
{
    if (is_broken(sim_of(device)))
        return STRATO_EIO;
    memmove(to->data + to_offset, from->data + from_offset, bytes);
    pass(sim_of(device), bytes, ret_ns);
    return 0;
}

static int sim_fill(struct device *device, struct device_buffer *to, uint64_t offset, uint64_t bytes,
                    struct strato_bytes pattern, uint64_t *ret_ns)
{
    if (is_broken(sim_of(device)))
        return STRATO_EIO;
    for (uint64_t at = 0; at + pattern.bytes <= bytes; at += pattern.bytes)
        memcpy(to->data + offset + at, pattern.data, pattern.bytes);
    pass(sim_of(device), bytes, ret_ns);
    return 0;
}

static int sim_program_build(struct device *device, const char *source, const char *options,
                             struct device_program **ret_program, char *log, size_t log_bytes)
{
    (void)source;
    (void)options;
    (void)ret_program;
    snprintf(log, log_bytes, "the sim device has no compiler: it runs the built-in kernels only");
    return device_fail(device, STRATO_EINVAL, "%s", log);
}

static void sim_program_destroy(struct device *device, struct device_program **program)
{
    (void)device;
    *program = NULL;
}

static uint32_t sim_program_kernels(const struct device_program *program)
{
    (void)program;
    return 0;
}

static struct device_kernel *sim_program_kernel(struct device_program *program, uint32_t index)
{
    (void)program;
    (void)index;
    return NULL;
}

static struct device_kernel *sim_builtin(struct device *device, const char *name)
{
    const struct builtin *builtin = builtin_find(name);

    for (uint32_t i = 0; builtin && i < BUILTIN_COUNT; i++)
        if (sim_of(device)->kernels[i].builtin == builtin)
            return &sim_of(device)->kernels[i];
    return NULL;
}

static const struct signature *sim_signature(const struct device_kernel *kernel)
{
    return &kernel->signature;
}

static uint64_t count_items(const struct device_launch *launch)
{
    uint64_t items = 1;

    for (unsigned d = 0; d < 3; d++)
        items *= launch->groups[d] * (launch->local[0] ? launch->local[d] : 1);
    return items;
}

static int sim_launch(struct device *device, const struct device_launch *launch, uint64_t *ret_ns)
{
    struct builtin_argument arguments[BUILTIN_PARAMETERS_MAX] = { 0 };
    struct sim *sim = sim_of(device);
    uint64_t items = count_items(launch);

    if (is_broken(sim))
        return STRATO_EIO;
    for (uint32_t i = 0; i < launch->arguments_count; i++) {
        const struct device_argument *a = &launch->arguments[i];

        arguments[i].bytes = a->bytes;
        if (a->kind == PARAMETER_BUFFER)
            arguments[i].data = a->buffer ? a->buffer->data + a->offset : NULL;
        else
            arguments[i].data = (void *)(uintptr_t)a->value;
    }
    if (items > 0)
        launch->kernel->builtin->run(
            arguments,
            (struct builtin_range){ launch->offset[0], launch->groups[0] * (launch->local[0] ? launch->local[0] : 1) });
    sim->window_items = items;
    pass(sim, SIM_LAUNCH_NS + items, ret_ns);
    return 0;
}

static double sim_utilization(struct device *device, uint64_t window_ns)
{
    struct sim *sim = sim_of(device);
    double busy = sim->window_items > 0 ? 10.0 * log2((double)sim->window_items) : 0.0;

    (void)window_ns;
    sim->window_items = 0;
    return busy > 100.0 ? 100.0 : busy;
}

static const struct device_ops sim_ops = {
    .close = sim_close,
    .buffer_new = sim_buffer_new,
    .buffer_destroy = sim_buffer_destroy,
    .write = sim_write,
    .read = sim_read,
    .copy = sim_copy,
    .fill = sim_fill,
    .program_build = sim_program_build,
    .program_destroy = sim_program_destroy,
    .program_kernels = sim_program_kernels,
    .program_kernel = sim_program_kernel,
    .builtin = sim_builtin,
    .signature = sim_signature,
    .launch = sim_launch,
    .utilization = sim_utilization,
};

void sim_describe(struct device_info *ret_info)
{
    *ret_info = (struct device_info){ .class_of = DEVICE_SIM,
                                      .name = "sim",
                                      .platform = "sim",
                                      .driver = "1",
                                      .memory_bytes = (uint64_t)SIM_MEMORY_GIB << 30,
                                      .allocation_bytes = (uint64_t)SIM_MEMORY_GIB << 30,
                                      .units = 1,
                                      .group_items_max = 4096,
                                      .local_bytes = 64 * 1024,
                                      .has_f64 = true };
}

int sim_open(struct device **ret_device)
{
    struct sim *sim = calloc(1, sizeof(*sim));

    if (!sim)
        return STRATO_ENOMEM;
    sim->device.ops = &sim_ops;
    sim_describe(&sim->device.info);
    for (uint32_t i = 0; i < BUILTIN_COUNT; i++) {
        sim->kernels[i].builtin = builtin_at(i);
        signature_parse(&sim->kernels[i].signature, builtin_at(i)->name, builtin_at(i)->parameters);
    }
    *ret_device = &sim->device;
    return 0;
}

uint64_t sim_now_ns(const struct device *device)
{
    return ((const struct sim *)device)->now_ns;
}

void sim_break(struct device *device, uint32_t count)
{
    sim_of(device)->broken = count;
}
