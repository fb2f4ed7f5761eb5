/* fitness_error.h - fitness.error as the answer. SPDX-License-Identifier: MIT */
#ifndef STRATO_WORKER_TASKS_FITNESS_ERROR_H
#define STRATO_WORKER_TASKS_FITNESS_ERROR_H

#include "schemas/common.h"
#include "worker/tasks/command.h"

/** Make the result a fitness.error of these words, whatever was written to it before, and count it. */
__attribute__((format(printf, 4, 5))) void fitness_refuse(struct tasks *tasks, struct task_result *result,
                                                          enum strato_common_error_code code, const char *format, ...);
#endif
