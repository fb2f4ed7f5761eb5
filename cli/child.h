/*
 * child.h - run a command with bytes on its stdin, take what it says, within bounds.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_CLI_CHILD_H
#define STRATO_CLI_CHILD_H

#include "core/writer.h"

enum { CHILD_ERRORS_MAX = 1024 };

struct child_limits {
    size_t output_max;   /* bytes of stdout; more is a failure */
    uint32_t timeout_ms; /* then its process group is killed */
};

struct child_result {
    struct strato_writer output;         /* stdout; fini it */
    char errors[CHILD_ERRORS_MAX];       /* the beginning of stderr */
    int status;                          /* exit status; 128 + signal */
    bool was_killed, is_output_too_long; /* by us: time, or length */
};

/**
 * Run `sh -c command` in a process group of its own.
 * @param input       Its stdin. Borrowed.
 * @param environment "NAME=value" entries beyond ours, NULL-terminated; may be NULL.
 * @return 0 when it ran (see `status`); STRATO_EIO, STRATO_ENOMEM.
 */
int child_run(const char *command, struct strato_bytes input, char *const *environment,
              const struct child_limits *limits, struct child_result *ret_result);
#endif
