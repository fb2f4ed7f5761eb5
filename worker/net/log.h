/*
 * log.h - the worker's log lines: on standard error, event first, then key=value.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_WORKER_NET_LOG_H
#define STRATO_WORKER_NET_LOG_H

#include <stdatomic.h>

#include "core/logfmt.h"

struct log {
    enum strato_log_format format;
    enum strato_log_level level; /* lines above it are not written */
};

/** Begin a line at the present time. @return false if this level is not written. */
bool log_begin(const struct log *log, struct strato_log_line *line, enum strato_log_level level, const char *event);
/** Write it: one call, so lines of several threads do not mix. */
void log_end(struct strato_log_line *line);
/** One line with one pair. */
void log_line(const struct log *log, enum strato_log_level level, const char *event, const char *key,
              const char *value);
#endif
