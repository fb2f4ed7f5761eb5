/*
 * opencl_private.h - the loader's functions, and the structs that the OpenCL files share.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_WORKER_DEVICE_OPENCL_PRIVATE_H
#define STRATO_WORKER_DEVICE_OPENCL_PRIVATE_H

#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>

#include "worker/device/device.h"

/* One row a name. */
/* clang-format off */
#define OPENCL_FUNCTIONS(X) \
    X(clGetPlatformIDs) \
    X(clGetPlatformInfo) \
    X(clGetDeviceIDs) \
    X(clGetDeviceInfo) \
    X(clCreateContext) \
    X(clReleaseContext) \
    X(clCreateCommandQueue) \
    X(clReleaseCommandQueue) \
    X(clCreateBuffer) \
    X(clCreateSubBuffer) \
    X(clReleaseMemObject) \
    X(clEnqueueWriteBuffer) \
    X(clEnqueueReadBuffer) \
    X(clEnqueueCopyBuffer) \
    X(clEnqueueFillBuffer) \
    X(clCreateProgramWithSource) \
    X(clBuildProgram) \
    X(clGetProgramBuildInfo) \
    X(clReleaseProgram) \
    X(clCreateKernelsInProgram) \
    X(clReleaseKernel) \
    X(clGetKernelInfo) \
    X(clGetKernelArgInfo) \
    X(clGetKernelWorkGroupInfo) \
    X(clSetKernelArg) \
    X(clEnqueueNDRangeKernel) \
    X(clWaitForEvents) \
    X(clGetEventProfilingInfo) \
    X(clReleaseEvent) \
    X(clFinish)
/* clang-format on */

/** libOpenCL's functions; all set once opencl_load() returned 0. */
struct opencl_functions {
#define X(name) __typeof__(&name) name;
    OPENCL_FUNCTIONS(X)
#undef X
};
extern struct opencl_functions cl;

/** Open the loader library once. @return 0 or STRATO_ENOENT, with the reason in detail (>= DEVICE_DETAIL_BYTES). */
int opencl_load(char *detail);
/** "CL_OUT_OF_RESOURCES" for -5; the number itself where we know no name. Static per thread. */
const char *opencl_error_name(cl_int code);

struct device_buffer {
    cl_mem memory;
    uint64_t bytes;
};

struct device_kernel {
    cl_kernel kernel;
    bool ignores_surplus; /* a built-in: work-items beyond its count do nothing, so a grid may be rounded up */
    struct signature signature;
};

struct device_program {
    cl_program program;
    uint32_t count;
    struct device_kernel *kernels; /* [count] */
};

struct opencl {
    struct device device;
    cl_device_id id;
    cl_context context;
    cl_command_queue queue;
    struct device_program *builtins;
    uint64_t busy_ns; /* in this window */
};

static inline struct opencl *opencl_of(struct device *device)
{
    return (struct opencl *)device;
}

/** Wait for a command, add its time on the device to the window, release the event. */
int opencl_finish(struct opencl *o, cl_int code, cl_event event, const char *what, uint64_t *ret_ns);
/** Turn an OpenCL error into ours, with words. */
int opencl_fail(struct opencl *o, cl_int code, const char *what);

/* opencl_buffer.c */
int opencl_buffer_new(struct device *device, uint64_t bytes, struct device_buffer **ret_buffer);
void opencl_buffer_destroy(struct device *device, struct device_buffer **buffer);
int opencl_write(struct device *device, struct device_buffer *to, uint64_t offset, struct strato_bytes data,
                 uint64_t *ret_ns);
int opencl_read(struct device *device, struct device_buffer *from, uint64_t offset, void *data, uint64_t bytes,
                uint64_t *ret_ns);
int opencl_copy(struct device *device, struct device_buffer *from, uint64_t from_offset, struct device_buffer *to,
                uint64_t to_offset, uint64_t bytes, uint64_t *ret_ns);
int opencl_fill(struct device *device, struct device_buffer *to, uint64_t offset, uint64_t bytes,
                struct strato_bytes pattern, uint64_t *ret_ns);
/* opencl_program.c */
int opencl_program_build(struct device *device, const char *source, const char *options,
                         struct device_program **ret_program, char *log, size_t log_bytes);
void opencl_program_destroy(struct device *device, struct device_program **program);
/* opencl_launch.c */
int opencl_launch(struct device *device, const struct device_launch *launch, uint64_t *ret_ns);
#endif
