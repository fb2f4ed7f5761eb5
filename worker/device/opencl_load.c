/*
 * opencl_load.c - find libOpenCL at run time.
 *
 * SPDX-License-Identifier: MIT
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "worker/device/opencl_private.h"

struct opencl_functions cl;

#if defined(__SANITIZE_ADDRESS__)
/*
 * PoCL gives the calling thread a signal stack of its own; AddressSanitizer would take it for its own when that thread
 * ends, and abort. Only in builds with the sanitizer.
 */
const char *__asan_default_options(void) __attribute__((visibility("default")));
const char *__asan_default_options(void)
{
    return "use_sigaltstack=0";
}
#endif

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int loaded = STRATO_ENOENT;
static char why[DEVICE_DETAIL_BYTES];

static int find(void *library, const char *name, void *ret_function, size_t bytes)
{
    void *symbol = dlsym(library, name);

    if (!symbol) {
        snprintf(why, sizeof(why), "libOpenCL.so.1 lacks %s: install a loader of OpenCL 1.2 or newer", name);
        return STRATO_ENOENT;
    }
    /* POSIX lets a function live in a void *, ISO C does not let it be cast. */
    memcpy(ret_function, &symbol, bytes);
    return 0;
}

/** The library stays open: drivers keep threads that outlive any device. */
static void load(void)
{
    void *library = dlopen("libOpenCL.so.1", RTLD_NOW | RTLD_LOCAL);
    int rc = 0;

    if (!library) {
        snprintf(why, sizeof(why),
                 "no OpenCL loader (libOpenCL.so.1): install ocl-icd-libopencl1 and a driver such as pocl-opencl-icd");
        return;
    }
#define X(name)                                                                                                        \
    if (rc == 0)                                                                                                       \
        rc = find(library, #name, &cl.name, sizeof(cl.name));
    OPENCL_FUNCTIONS(X)
#undef X
    loaded = rc;
}

int opencl_load(char *detail)
{
    pthread_once(&once, load);
    if (loaded < 0)
        snprintf(detail, DEVICE_DETAIL_BYTES, "%s", why);
    return loaded;
}

const char *opencl_error_name(cl_int code)
{
    static _Thread_local char number[24];

    switch (code) {
    case CL_DEVICE_NOT_AVAILABLE:
        return "CL_DEVICE_NOT_AVAILABLE";
    case CL_MEM_OBJECT_ALLOCATION_FAILURE:
        return "CL_MEM_OBJECT_ALLOCATION_FAILURE";
    case CL_OUT_OF_RESOURCES:
        return "CL_OUT_OF_RESOURCES";
    case CL_OUT_OF_HOST_MEMORY:
        return "CL_OUT_OF_HOST_MEMORY";
    case CL_BUILD_PROGRAM_FAILURE:
        return "CL_BUILD_PROGRAM_FAILURE";
    case CL_MISALIGNED_SUB_BUFFER_OFFSET:
        return "CL_MISALIGNED_SUB_BUFFER_OFFSET";
    case CL_INVALID_BUFFER_SIZE:
        return "CL_INVALID_BUFFER_SIZE";
    case CL_INVALID_BUILD_OPTIONS:
        return "CL_INVALID_BUILD_OPTIONS";
    case CL_INVALID_ARG_VALUE:
        return "CL_INVALID_ARG_VALUE";
    case CL_INVALID_ARG_SIZE:
        return "CL_INVALID_ARG_SIZE";
    case CL_INVALID_KERNEL_ARGS:
        return "CL_INVALID_KERNEL_ARGS";
    case CL_INVALID_WORK_GROUP_SIZE:
        return "CL_INVALID_WORK_GROUP_SIZE";
    case CL_INVALID_WORK_ITEM_SIZE:
        return "CL_INVALID_WORK_ITEM_SIZE";
    case CL_INVALID_GLOBAL_OFFSET:
        return "CL_INVALID_GLOBAL_OFFSET";
    default:
        snprintf(number, sizeof(number), "OpenCL error %d", (int)code);
        return number;
    }
}
