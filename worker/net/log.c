/* log.c - see log.h. SPDX-License-Identifier: MIT */
#include "worker/net/log.h"

#include <stdio.h>

#include "worker/net/clock.h"

bool log_begin(const struct log *log, struct strato_log_line *line, enum strato_log_level level, const char *event)
{
    if (level > log->level)
        return false;
    strato_log_begin(line, log->format, clock_wall_ms(), level, "worker", event);
    return true;
}

void log_end(struct strato_log_line *line)
{
    fputs(strato_log_end(line), stderr);
}

void log_line(const struct log *log, enum strato_log_level level, const char *event, const char *key, const char *value)
{
    struct strato_log_line line;

    if (!log_begin(log, &line, level, event))
        return;
    strato_log_text(&line, key, value);
    log_end(&line);
}
