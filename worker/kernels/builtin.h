/*
 * builtin.h - the kernels that every device of this worker offers, and what each demands of its arguments.
 *
 * One row per kernel: its name in LaunchKernel (`builtin:NAME`), its parameters, the bytes it will touch in
 * each buffer (so that a wrong count is an error and never a wild write), and its C reference, which is what
 * the sim device runs. The OpenCL source is in the .cl file of the same name.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_WORKER_KERNELS_BUILTIN_H
#define STRATO_WORKER_KERNELS_BUILTIN_H

#include "worker/device/signature.h"

enum { BUILTIN_PARAMETERS_MAX = 8, BUILTIN_COUNT = 11, BUILTIN_DETAIL_BYTES = 160 };

/** One argument as the reference sees it: the whole range of a buffer in host memory, or a value. */
struct builtin_argument {
    void *data; /* BUFFER: 8-byte aligned, host memory, or NULL where only sizes are checked; VALUE: any alignment */
    uint64_t bytes; /* of data */
};

/** Which rows, elements or genomes a launch covers: ids first..first + count - 1, already cut to what exists. */
struct builtin_range {
    uint64_t first, count;
};

struct builtin {
    const char *name;
    const char *parameters; /* as signature_parse() takes them */
    /* 0, or STRATO_ERANGE's cause in `detail`: an argument's buffer is smaller than what the values say. */
    int (*check)(const struct builtin_argument *arguments, char *detail);
    /* Run work-items first..first + count - 1 of dimension 0. */
    void (*run)(const struct builtin_argument *arguments, struct builtin_range range);
};

const struct builtin *builtin_find(const char *name);
const struct builtin *builtin_at(uint32_t index); /* NULL behind the last */
/** Does a compiler take seconds over it, so that its first use makes it ready and not the start of a node? */
bool builtin_is_large(const struct builtin *builtin);
/** OpenCL C of all built-ins: files joined in order, NUL-terminated. Static; made at build time. */
extern const char *const builtin_source;
#endif
