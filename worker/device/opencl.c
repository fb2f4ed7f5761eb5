/*
 * opencl.c - list devices, open one, tell how busy it was.
 *
 * SPDX-License-Identifier: MIT
 */
#include "worker/device/opencl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker/device/opencl_private.h"
#include "worker/kernels/builtin.h"

enum { PLATFORMS_MAX = 16 };

struct found {
    cl_device_id id;
    struct device_info info;
};

int opencl_fail(struct opencl *o, cl_int code, const char *what)
{
    int err = STRATO_EIO;

    if (code == CL_MEM_OBJECT_ALLOCATION_FAILURE || code == CL_OUT_OF_HOST_MEMORY || code == CL_INVALID_BUFFER_SIZE)
        err = STRATO_ENOMEM;
    else if (code <= CL_INVALID_VALUE)
        err = STRATO_EINVAL;
    return device_fail(&o->device, err, "%s: %s", what, opencl_error_name(code));
}

int opencl_finish(struct opencl *o, cl_int code, cl_event event, const char *what, uint64_t *ret_ns)
{
    cl_ulong start = 0, end = 0;

    *ret_ns = 0;
    if (code == CL_SUCCESS)
        code = cl.clWaitForEvents(1, &event);
    if (code == CL_SUCCESS &&
        cl.clGetEventProfilingInfo(event, CL_PROFILING_COMMAND_START, sizeof(start), &start, NULL) == CL_SUCCESS &&
        cl.clGetEventProfilingInfo(event, CL_PROFILING_COMMAND_END, sizeof(end), &end, NULL) == CL_SUCCESS &&
        end > start)
        *ret_ns = end - start;
    if (event)
        cl.clReleaseEvent(event);
    o->busy_ns += *ret_ns;
    return code == CL_SUCCESS ? 0 : opencl_fail(o, code, what);
}

/* ---- list ---------------------------------------------------------------------------------------- */

static void device_text(cl_device_id id, cl_device_info what, char text[DEVICE_TEXT_BYTES])
{
    char whole[1024] = "";

    if (cl.clGetDeviceInfo(id, what, sizeof(whole), whole, NULL) != CL_SUCCESS)
        snprintf(whole, sizeof(whole), "?");
    snprintf(text, DEVICE_TEXT_BYTES, "%.*s", DEVICE_TEXT_BYTES - 1, whole);
}

static uint64_t device_number(cl_device_id id, cl_device_info what, size_t bytes)
{
    uint64_t wide = 0;
    uint32_t narrow = 0;

    if (bytes == sizeof(narrow))
        return cl.clGetDeviceInfo(id, what, sizeof(narrow), &narrow, NULL) == CL_SUCCESS ? narrow : 0;
    return cl.clGetDeviceInfo(id, what, sizeof(wide), &wide, NULL) == CL_SUCCESS ? wide : 0;
}

static void describe(cl_platform_id platform, cl_device_id id, struct device_info *info)
{
    char whole[1024] = "?";
    cl_device_type type = device_number(id, CL_DEVICE_TYPE, sizeof(cl_device_type));

    info->class_of = type & CL_DEVICE_TYPE_GPU   ? DEVICE_GPU
                     : type & CL_DEVICE_TYPE_CPU ? DEVICE_CPU
                                                 : DEVICE_ACCELERATOR;
    device_text(id, CL_DEVICE_NAME, info->name);
    device_text(id, CL_DRIVER_VERSION, info->driver);
    cl.clGetPlatformInfo(platform, CL_PLATFORM_NAME, sizeof(whole), whole, NULL);
    snprintf(info->platform, sizeof(info->platform), "%.*s", DEVICE_TEXT_BYTES - 1, whole);
    info->memory_bytes = device_number(id, CL_DEVICE_GLOBAL_MEM_SIZE, sizeof(cl_ulong));
    info->allocation_bytes = device_number(id, CL_DEVICE_MAX_MEM_ALLOC_SIZE, sizeof(cl_ulong));
    info->units = (uint32_t)device_number(id, CL_DEVICE_MAX_COMPUTE_UNITS, sizeof(cl_uint));
    info->group_items_max = device_number(id, CL_DEVICE_MAX_WORK_GROUP_SIZE, sizeof(size_t));
    info->local_bytes = device_number(id, CL_DEVICE_LOCAL_MEM_SIZE, sizeof(cl_ulong));
    info->has_f64 = device_number(id, CL_DEVICE_DOUBLE_FP_CONFIG, sizeof(cl_ulong)) != 0;
}

static int find_all(struct found *found, uint32_t max, char *detail)
{
    cl_platform_id platforms[PLATFORMS_MAX];
    cl_uint platform_count = 0;
    uint32_t count = 0;
    int rc = opencl_load(detail);

    if (rc < 0)
        return rc;
    if (cl.clGetPlatformIDs(PLATFORMS_MAX, platforms, &platform_count) != CL_SUCCESS)
        platform_count = 0;
    for (cl_uint p = 0; p < platform_count && p < PLATFORMS_MAX; p++) {
        cl_device_id ids[OPENCL_DEVICES_MAX];
        cl_uint ids_count = 0;

        if (cl.clGetDeviceIDs(platforms[p], CL_DEVICE_TYPE_ALL, OPENCL_DEVICES_MAX, ids, &ids_count) != CL_SUCCESS)
            continue;
        for (cl_uint d = 0; d < ids_count && d < OPENCL_DEVICES_MAX && count < max; d++) {
            memset(&found[count], 0, sizeof(found[count]));
            found[count].id = ids[d];
            describe(platforms[p], ids[d], &found[count].info);
            found[count].info.number = count;
            count++;
        }
    }
    if (count == 0)
        snprintf(detail, DEVICE_DETAIL_BYTES,
                 "OpenCL is installed, but no driver offers a device: install pocl-opencl-icd for the CPU, or your "
                 "GPU's driver "
                 "(its .icd file belongs in /etc/OpenCL/vendors)");
    return (int)count;
}

int opencl_list(struct device_info *ret_infos, uint32_t max, char *ret_detail)
{
    struct found found[OPENCL_DEVICES_MAX];
    int count = find_all(found, OPENCL_DEVICES_MAX, ret_detail);

    for (int i = 0; i < count && (uint32_t)i < max; i++)
        ret_infos[i] = found[i].info;
    return count;
}

/* ---- operations ---------------------------------------------------------------------------------- */

static void opencl_close(struct device *device)
{
    struct opencl *o = opencl_of(device);

    if (o->queue)
        cl.clFinish(o->queue);
    opencl_program_destroy(device, &o->builtins);
    if (o->queue)
        cl.clReleaseCommandQueue(o->queue);
    if (o->context)
        cl.clReleaseContext(o->context);
    free(o);
}

static uint32_t opencl_program_kernels(const struct device_program *program)
{
    return program->count;
}

static struct device_kernel *opencl_program_kernel(struct device_program *program, uint32_t index)
{
    return index < program->count ? &program->kernels[index] : NULL;
}

/* Aliases are the table's; kernels that only this worker launches (the engine's) are not in it. */
static struct device_kernel *opencl_builtin(struct device *device, const char *name)
{
    const struct builtin *builtin = builtin_find(name);
    struct device_program *all = opencl_of(device)->builtins;

    for (uint32_t i = 0; i < all->count; i++)
        if (strcmp(all->kernels[i].signature.name, builtin ? builtin->name : name) == 0)
            return &all->kernels[i];
    return NULL;
}

static const struct signature *opencl_signature(const struct device_kernel *kernel)
{
    return &kernel->signature;
}

static double opencl_utilization(struct device *device, uint64_t window_ns)
{
    struct opencl *o = opencl_of(device);
    double percent = window_ns > 0 ? 100.0 * (double)o->busy_ns / (double)window_ns : 0.0;

    o->busy_ns = 0;
    return percent > 100.0 ? 100.0 : percent;
}

static const struct device_ops opencl_ops = {
    .close = opencl_close,
    .buffer_new = opencl_buffer_new,
    .buffer_destroy = opencl_buffer_destroy,
    .write = opencl_write,
    .read = opencl_read,
    .copy = opencl_copy,
    .fill = opencl_fill,
    .program_build = opencl_program_build,
    .program_destroy = opencl_program_destroy,
    .program_kernels = opencl_program_kernels,
    .program_kernel = opencl_program_kernel,
    .builtin = opencl_builtin,
    .signature = opencl_signature,
    .launch = opencl_launch,
    .utilization = opencl_utilization,
};

/* ---- open ---------------------------------------------------------------------------------------- */

static int connect_device(struct opencl *o)
{
    cl_int code = CL_SUCCESS;

    o->context = cl.clCreateContext(NULL, 1, &o->id, NULL, NULL, &code);
    if (code != CL_SUCCESS)
        return opencl_fail(o, code, "clCreateContext");
    o->queue = cl.clCreateCommandQueue(o->context, o->id, CL_QUEUE_PROFILING_ENABLE, &code);
    return code == CL_SUCCESS ? 0 : opencl_fail(o, code, "clCreateCommandQueue");
}

/**
 * Launch a built-in over nothing. PoCL generates code at the first launch with each group size (18-30 ms, later out of its
 * cache): better now than in somebody's first batch.
 */
static int warm_up(struct opencl *o, struct device_kernel *kernel, struct device_buffer *buffer)
{
    static const uint64_t zero[2];
    struct device_argument arguments[SIGNATURE_PARAMETERS_MAX] = { 0 };
    struct device_launch launch = { .kernel = kernel, .arguments = arguments, .groups = { 1, 1, 1 } };
    uint64_t ns;

    launch.arguments_count = kernel->signature.parameters_count;
    for (uint32_t i = 0; i < launch.arguments_count; i++) {
        arguments[i] = (struct device_argument){ .kind = kernel->signature.parameters[i].kind,
                                                 .value = zero,
                                                 .bytes = kernel->signature.parameters[i].bytes };
        if (arguments[i].kind == PARAMETER_BUFFER)
            arguments[i].buffer = buffer;
    }
    return opencl_launch(&o->device, &launch, &ns);
}

static int build_builtins(struct opencl *o)
{
    struct device_buffer *buffer = NULL;
    char log[DEVICE_LOG_BYTES_MAX];
    int rc = opencl_program_build(&o->device, builtin_source, "", &o->builtins, log, sizeof(log));

    if (rc == STRATO_EINVAL)
        return device_fail(&o->device, STRATO_EIO, "the driver does not compile the built-in kernels: %.160s", log);
    if (rc == 0)
        rc = opencl_buffer_new(&o->device, DEVICE_ALIGN_BYTES, &buffer);
    for (uint32_t i = 0; rc == 0 && i < o->builtins->count; i++) {
        const struct builtin *builtin = builtin_find(o->builtins->kernels[i].signature.name);

        o->builtins->kernels[i].ignores_surplus = true;
        if (builtin && !builtin_is_large(builtin))
            rc = warm_up(o, &o->builtins->kernels[i], buffer);
    }
    opencl_buffer_destroy(&o->device, &buffer);
    o->busy_ns = 0;
    return rc;
}

int opencl_open(uint32_t number, struct device **ret_device, char *ret_detail)
{
    struct found found[OPENCL_DEVICES_MAX];
    struct device *device = NULL;
    struct opencl *o;
    int rc = find_all(found, OPENCL_DEVICES_MAX, ret_detail);

    if (rc <= 0)
        return rc < 0 ? rc : STRATO_ENOENT;
    if (number >= (uint32_t)rc) {
        snprintf(ret_detail, DEVICE_DETAIL_BYTES, "no device %u: there are %d, numbered from 0 (strato-worker --list)",
                 number, rc);
        return STRATO_ENOENT;
    }
    o = calloc(1, sizeof(*o));
    if (!o)
        return STRATO_ENOMEM;
    device = &o->device;
    o->device.ops = &opencl_ops;
    o->device.info = found[number].info;
    o->id = found[number].id;
    rc = connect_device(o);
    if (rc == 0)
        rc = build_builtins(o);
    if (rc < 0) {
        snprintf(ret_detail, DEVICE_DETAIL_BYTES, "%s", o->device.detail);
        device_close(&device);
        return rc;
    }
    *ret_device = device;
    return 0;
}
