/* fitness_error.c - see fitness_error.h. SPDX-License-Identifier: MIT */
#include "worker/tasks/fitness_error.h"

#include <stdarg.h>
#include <stdio.h>

#include "schemas/fitness.h"

void fitness_refuse(struct tasks *tasks, struct task_result *result, enum strato_common_error_code code,
                    const char *format, ...)
{
    struct strato_fitness_error error = STRATO_FITNESS_ERROR_DEFAULTS;
    char text[512];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    error.code = code;
    error.message = strato_text(text);
    strato_writer_reset(&result->payload);
    strato_fitness_error_encode(&error, &result->payload);
    result->type = STRATO_TYPE_FITNESS_ERROR;
    result->is_failed = true;
    tasks->counters.commands_failed++;
}
