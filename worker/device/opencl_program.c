/*
 * opencl_program.c - compile source, keep its log, read the signatures of its kernels.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker/device/opencl_private.h"

static void read_parameter(cl_kernel kernel, cl_uint index, struct parameter *p)
{
    cl_kernel_arg_address_qualifier space = CL_KERNEL_ARG_ADDRESS_PRIVATE;
    cl_kernel_arg_type_qualifier qualifier = 0;
    char text[256] = "";

    cl.clGetKernelArgInfo(kernel, index, CL_KERNEL_ARG_ADDRESS_QUALIFIER, sizeof(space), &space, NULL);
    cl.clGetKernelArgInfo(kernel, index, CL_KERNEL_ARG_TYPE_QUALIFIER, sizeof(qualifier), &qualifier, NULL);
    cl.clGetKernelArgInfo(kernel, index, CL_KERNEL_ARG_TYPE_NAME, sizeof(text), text, NULL);
    snprintf(p->type, sizeof(p->type), "%.*s", SIGNATURE_TYPE_BYTES - 1, text);
    text[0] = '\0';
    cl.clGetKernelArgInfo(kernel, index, CL_KERNEL_ARG_NAME, sizeof(text), text, NULL);
    snprintf(p->name, sizeof(p->name), "%.*s", SIGNATURE_TYPE_BYTES - 1, text);
    if (space == CL_KERNEL_ARG_ADDRESS_GLOBAL || space == CL_KERNEL_ARG_ADDRESS_CONSTANT) {
        p->kind = PARAMETER_BUFFER;
        p->is_read_only = space == CL_KERNEL_ARG_ADDRESS_CONSTANT || (qualifier & CL_KERNEL_ARG_TYPE_CONST) != 0;
    } else if (space == CL_KERNEL_ARG_ADDRESS_LOCAL) {
        p->kind = PARAMETER_LOCAL;
    } else {
        p->kind = PARAMETER_VALUE;
        p->bytes = signature_type_bytes(p->type);
    }
}

static int read_signature(struct opencl *o, cl_kernel kernel, struct signature *s)
{
    size_t required[3] = { 0 };
    cl_uint count = 0;

    cl.clGetKernelInfo(kernel, CL_KERNEL_FUNCTION_NAME, sizeof(s->name), s->name, NULL);
    cl.clGetKernelInfo(kernel, CL_KERNEL_NUM_ARGS, sizeof(count), &count, NULL);
    if (s->name[0] == '\0' || count > SIGNATURE_PARAMETERS_MAX)
        return device_fail(&o->device, STRATO_EINVAL,
                           "a kernel's name is over %d characters or it has over %d parameters",
                           SIGNATURE_NAME_BYTES - 1, SIGNATURE_PARAMETERS_MAX);
    s->parameters_count = count;
    for (cl_uint i = 0; i < count; i++)
        read_parameter(kernel, i, &s->parameters[i]);
    cl.clGetKernelWorkGroupInfo(kernel, o->id, CL_KERNEL_COMPILE_WORK_GROUP_SIZE, sizeof(required), required, NULL);
    for (unsigned d = 0; d < 3; d++)
        s->local_required[d] = required[d];
    return 0;
}

static int read_kernels(struct opencl *o, struct device_program *p)
{
    cl_kernel kernels[DEVICE_KERNELS_MAX];
    cl_uint count = 0;
    cl_int code = cl.clCreateKernelsInProgram(p->program, 0, NULL, &count);
    int rc = 0;

    if (code != CL_SUCCESS)
        return opencl_fail(o, code, "clCreateKernelsInProgram");
    if (count == 0 || count > DEVICE_KERNELS_MAX)
        return device_fail(&o->device, STRATO_EINVAL, "a program has 1..%d kernels, this one has %u",
                           DEVICE_KERNELS_MAX, count);
    p->kernels = calloc(count, sizeof(*p->kernels));
    if (!p->kernels)
        return device_fail(&o->device, STRATO_ENOMEM, "the host is out of memory");
    code = cl.clCreateKernelsInProgram(p->program, count, kernels, NULL);
    if (code != CL_SUCCESS)
        return opencl_fail(o, code, "clCreateKernelsInProgram");
    p->count = count;
    for (cl_uint i = 0; i < count; i++)
        p->kernels[i].kernel = kernels[i];
    for (cl_uint i = 0; i < count && rc == 0; i++)
        rc = read_signature(o, p->kernels[i].kernel, &p->kernels[i].signature);
    return rc;
}

/** The log of any length, cut to what the caller has room for. */
static void read_log(struct opencl *o, cl_program program, char *log, size_t log_bytes)
{
    size_t bytes = 0;
    char *whole;

    log[0] = '\0';
    if (cl.clGetProgramBuildInfo(program, o->id, CL_PROGRAM_BUILD_LOG, 0, NULL, &bytes) != CL_SUCCESS || bytes == 0)
        return;
    whole = calloc(1, bytes + 1);
    if (!whole)
        return;
    if (cl.clGetProgramBuildInfo(program, o->id, CL_PROGRAM_BUILD_LOG, bytes, whole, NULL) == CL_SUCCESS)
        snprintf(log, log_bytes, "%s", whole);
    free(whole);
}

int opencl_program_build(struct device *device, const char *source, const char *options,
                         struct device_program **ret_program, char *log, size_t log_bytes)
{
    struct opencl *o = opencl_of(device);
    struct device_program *p = calloc(1, sizeof(*p));
    cl_int code = CL_SUCCESS;
    char all[2048];
    int rc;

    log[0] = '\0';
    if (!p)
        return device_fail(device, STRATO_ENOMEM, "the host is out of memory");
    snprintf(all, sizeof(all), "-cl-kernel-arg-info %s", options);
    p->program = cl.clCreateProgramWithSource(o->context, 1, &source, NULL, &code);
    rc = code == CL_SUCCESS ? 0 : opencl_fail(o, code, "clCreateProgramWithSource");
    if (rc < 0)
        goto out;
    code = cl.clBuildProgram(p->program, 1, &o->id, all, NULL, NULL);
    read_log(o, p->program, log, log_bytes);
    if (code != CL_SUCCESS) {
        /* Whatever number the driver gives: source that does not build is the sender's affair. */
        rc = device_fail(device, STRATO_EINVAL, "the program does not build: %s", opencl_error_name(code));
        goto out;
    }
    rc = read_kernels(o, p);
out:
    if (rc < 0)
        opencl_program_destroy(device, &p);
    else
        *ret_program = p;
    return rc;
}

void opencl_program_destroy(struct device *device, struct device_program **program)
{
    struct device_program *p = *program;

    (void)device;
    if (!p)
        return;
    for (uint32_t i = 0; i < p->count; i++)
        cl.clReleaseKernel(p->kernels[i].kernel);
    free(p->kernels);
    if (p->program)
        cl.clReleaseProgram(p->program);
    free(p);
    *program = NULL;
}
