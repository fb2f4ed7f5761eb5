/*
 * opencl_launch.c - set the arguments, run the kernel, take its time.
 *
 * SPDX-License-Identifier: MIT
 */
#include <string.h>

#include "worker/device/opencl_private.h"

/* The first launch with each local size costs 18-30 ms on PoCL: one size for everybody unless told. */
enum { LOCAL_DEFAULT = 64 };

/** A buffer range; the sub-buffer, if one was needed, is returned for release after the launch. */
static cl_int set_buffer(cl_kernel kernel, cl_uint index, const struct device_argument *a, cl_mem *ret_part)
{
    cl_buffer_region region = { a->offset, a->bytes };
    cl_int code = CL_SUCCESS;

    if (!a->buffer)
        return cl.clSetKernelArg(kernel, index, sizeof(cl_mem), NULL);
    if (a->offset == 0)
        return cl.clSetKernelArg(kernel, index, sizeof(cl_mem), &a->buffer->memory);
    *ret_part = cl.clCreateSubBuffer(a->buffer->memory, 0, CL_BUFFER_CREATE_TYPE_REGION, &region, &code);
    if (code != CL_SUCCESS)
        return code;
    return cl.clSetKernelArg(kernel, index, sizeof(cl_mem), ret_part);
}

static cl_int set_argument(cl_kernel kernel, cl_uint index, const struct device_argument *a, cl_mem *ret_part)
{
    union {
        uint8_t bytes[256];
        cl_ulong16 align;
    } value;

    if (a->kind == PARAMETER_BUFFER)
        return set_buffer(kernel, index, a, ret_part);
    if (a->kind == PARAMETER_LOCAL)
        return cl.clSetKernelArg(kernel, index, a->bytes, NULL);
    if (a->bytes > sizeof(value))
        return CL_INVALID_ARG_SIZE;
    /* Out of the message and into aligned memory: drivers read vectors with aligned loads. */
    memcpy(value.bytes, a->value, a->bytes);
    return cl.clSetKernelArg(kernel, index, a->bytes, value.bytes);
}

/** Work-items per dimension, and the group. @return whether `local` says it; false: the driver chooses. */
static bool shape(const struct device_launch *launch, size_t global[3], size_t local[3])
{
    const struct signature *s = &launch->kernel->signature;
    bool is_chosen = launch->local[0] == 0;

    for (unsigned d = 0; d < 3; d++) {
        local[d] = is_chosen ? s->local_required[d] : launch->local[d];
        global[d] = launch->groups[d] * (is_chosen ? 1 : launch->local[d]);
    }
    if (local[0] > 0)
        return true;
    local[0] = LOCAL_DEFAULT;
    local[1] = local[2] = 1;
    if (launch->kernel->ignores_surplus)
        global[0] = (global[0] + LOCAL_DEFAULT - 1) / LOCAL_DEFAULT * LOCAL_DEFAULT;
    return global[0] % LOCAL_DEFAULT == 0;
}

int opencl_launch(struct device *device, const struct device_launch *launch, uint64_t *ret_ns)
{
    struct opencl *o = opencl_of(device);
    cl_kernel kernel = launch->kernel->kernel;
    cl_mem parts[SIGNATURE_PARAMETERS_MAX] = { NULL };
    size_t global[3], local[3], offset[3];
    cl_event event = NULL;
    cl_int code = CL_SUCCESS;
    bool has_local;
    int rc = 0;

    *ret_ns = 0;
    has_local = shape(launch, global, local);
    for (unsigned d = 0; d < 3; d++)
        offset[d] = launch->offset[d];
    for (uint32_t i = 0; i < launch->arguments_count && code == CL_SUCCESS; i++)
        code = set_argument(kernel, i, &launch->arguments[i], &parts[i]);
    if (code != CL_SUCCESS) {
        rc = opencl_fail(o, code, "clSetKernelArg");
    } else if (global[0] > 0 && global[1] > 0 && global[2] > 0) {
        code =
            cl.clEnqueueNDRangeKernel(o->queue, kernel, 3, offset, global, has_local ? local : NULL, 0, NULL, &event);
        rc = opencl_finish(o, code, event, "clEnqueueNDRangeKernel", ret_ns);
    }
    for (uint32_t i = 0; i < launch->arguments_count; i++)
        if (parts[i])
            cl.clReleaseMemObject(parts[i]);
    return rc;
}
