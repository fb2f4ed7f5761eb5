/*
 * signature.h - what a kernel wants to be given: the types, names and sizes of its parameters.
 *
 * Filled from the compiler (clGetKernelArgInfo) or from the table of built-ins; LaunchKernel's arguments are
 * checked against it, so an error can name the argument.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_WORKER_DEVICE_SIGNATURE_H
#define STRATO_WORKER_DEVICE_SIGNATURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SIGNATURE_PARAMETERS_MAX = 64,
    SIGNATURE_NAME_BYTES = 128,
    SIGNATURE_TYPE_BYTES = 48,
    SIGNATURE_TEXT_BYTES = 2048,
};

enum parameter_kind {
    PARAMETER_BUFFER, /* global or constant pointer */
    PARAMETER_VALUE,  /* scalar, vector or struct by value */
    PARAMETER_LOCAL,  /* pointer to local memory: the launch gives a size */
};

struct parameter {
    enum parameter_kind kind;
    bool is_read_only;               /* BUFFER: const or constant */
    uint32_t bytes;                  /* VALUE: size; 0 = not known (a struct) */
    char type[SIGNATURE_TYPE_BYTES]; /* "uint", "float*" */
    char name[SIGNATURE_TYPE_BYTES];
};

struct signature {
    char name[SIGNATURE_NAME_BYTES];
    uint32_t parameters_count;
    struct parameter parameters[SIGNATURE_PARAMETERS_MAX];
    uint64_t local_required[3]; /* reqd_work_group_size; zeros = any */
};

/** Size of an OpenCL C scalar or vector type name ("uint", "float4"); 0 = not one. Vectors of 3 take the room of 4. */
uint32_t signature_type_bytes(const char *type);

/** Write it as OpenCL C does: "global const float *a, uint n". Cut at `bytes`. */
void signature_print(const struct signature *s, char *text, size_t bytes);

/**
 * Read parameters as OpenCL C writes them: "global const float *a, local float *t, uint n". For the table of
 * built-ins; a text that does not parse is our own mistake and aborts.
 */
void signature_parse(struct signature *s, const char *name, const char *text);
#endif
