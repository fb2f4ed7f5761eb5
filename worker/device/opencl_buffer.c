/*
 * opencl_buffer.c - device memory and the ways in and out of it.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdlib.h>

#include "worker/device/opencl_private.h"

int opencl_buffer_new(struct device *device, uint64_t bytes, struct device_buffer **ret_buffer)
{
    struct opencl *o = opencl_of(device);
    struct device_buffer *buffer;
    const uint8_t zero = 0;
    cl_event event = NULL;
    cl_int code = CL_SUCCESS;
    uint64_t ns;
    int rc;

    if (bytes > device->info.allocation_bytes)
        return device_fail(device, STRATO_ENOMEM, "the device allocates at most %llu bytes at once",
                           (unsigned long long)device->info.allocation_bytes);
    buffer = calloc(1, sizeof(*buffer));
    if (!buffer)
        return device_fail(device, STRATO_ENOMEM, "the host is out of memory");
    buffer->bytes = bytes;
    buffer->memory = cl.clCreateBuffer(o->context, CL_MEM_READ_WRITE, bytes, NULL, &code);
    if (code != CL_SUCCESS) {
        free(buffer);
        return opencl_fail(o, code, "clCreateBuffer");
    }
    /* Touch it once: a lazy driver fails here and not at a launch, and nobody reads what another session left. */
    code = cl.clEnqueueFillBuffer(o->queue, buffer->memory, &zero, 1, 0, bytes, 0, NULL, &event);
    rc = opencl_finish(o, code, event, "clEnqueueFillBuffer", &ns);
    if (rc < 0) {
        opencl_buffer_destroy(device, &buffer);
        return rc;
    }
    *ret_buffer = buffer;
    return 0;
}

void opencl_buffer_destroy(struct device *device, struct device_buffer **buffer)
{
    (void)device;
    if (!*buffer)
        return;
    cl.clReleaseMemObject((*buffer)->memory);
    free(*buffer);
    *buffer = NULL;
}

int opencl_write(struct device *device, struct device_buffer *to, uint64_t offset, struct strato_bytes data,
                 uint64_t *ret_ns)
{
    struct opencl *o = opencl_of(device);
    cl_event event = NULL;
    cl_int code;

    *ret_ns = 0;
    if (data.bytes == 0)
        return 0;
    /* Not blocking: opencl_finish() waits for the event, and the data outlives that. */
    code = cl.clEnqueueWriteBuffer(o->queue, to->memory, CL_FALSE, offset, data.bytes, data.data, 0, NULL, &event);
    return opencl_finish(o, code, event, "clEnqueueWriteBuffer", ret_ns);
}

int opencl_read(struct device *device, struct device_buffer *from, uint64_t offset, void *data, uint64_t bytes,
                uint64_t *ret_ns)
{
    struct opencl *o = opencl_of(device);
    cl_event event = NULL;
    cl_int code;

    *ret_ns = 0;
    if (bytes == 0)
        return 0;
    code = cl.clEnqueueReadBuffer(o->queue, from->memory, CL_FALSE, offset, bytes, data, 0, NULL, &event);
    return opencl_finish(o, code, event, "clEnqueueReadBuffer", ret_ns);
}

int opencl_copy(struct device *device, struct device_buffer *from, uint64_t from_offset, struct device_buffer *to,
                uint64_t to_offset, uint64_t bytes, uint64_t *ret_ns)
{
    struct opencl *o = opencl_of(device);
    cl_event event = NULL;
    cl_int code;

    *ret_ns = 0;
    if (bytes == 0)
        return 0;
    code = cl.clEnqueueCopyBuffer(o->queue, from->memory, to->memory, from_offset, to_offset, bytes, 0, NULL, &event);
    return opencl_finish(o, code, event, "clEnqueueCopyBuffer", ret_ns);
}

int opencl_fill(struct device *device, struct device_buffer *to, uint64_t offset, uint64_t bytes,
                struct strato_bytes pattern, uint64_t *ret_ns)
{
    struct opencl *o = opencl_of(device);
    cl_event event = NULL;
    cl_int code;

    *ret_ns = 0;
    if (bytes == 0)
        return 0;
    code = cl.clEnqueueFillBuffer(o->queue, to->memory, pattern.data, pattern.bytes, offset, bytes, 0, NULL, &event);
    return opencl_finish(o, code, event, "clEnqueueFillBuffer", ret_ns);
}
