/*
 * argument.h - the typed arguments of LaunchKernel, read and checked against the kernel's signature.
 *
 * Every error names the argument by number and by name: "arg 3 `n`: want uint, got float".
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_WORKER_TASKS_ARGUMENT_H
#define STRATO_WORKER_TASKS_ARGUMENT_H

#include "worker/tasks/command.h"

enum { ARGUMENT_VALUE_BYTES_MAX = 256 };

/** Arguments as the device takes them, and the room for their values. */
struct arguments {
    struct device_argument items[SIGNATURE_PARAMETERS_MAX];
    uint32_t count;
    union argument_value {
        uint8_t bytes[ARGUMENT_VALUE_BYTES_MAX];
        uint64_t align;
    } values[SIGNATURE_PARAMETERS_MAX];
};

/**
 * Read `params` for a kernel. Buffers that the kernel may write become outputs of the command.
 * @return 0, or negative with the command's failure set: EINVAL, ENOENT, ERANGE, EDEP.
 */
int arguments_read(struct command *c, const struct strato_list_value *params, const struct signature *signature,
                   struct arguments *ret_arguments);
#endif
