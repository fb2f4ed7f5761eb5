/*
 * log.h - stratod's log lines: on standard error, logfmt or JSON, from one level up.
 *
 * The library hands over "event key=value ..."; here it gets its time and its form.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_BROKER_LOG_H
#define STRATO_BROKER_LOG_H

#include "core/logfmt.h"

#include <stdatomic.h>
#include <stdio.h>

struct broker_log {
    FILE *to;
    enum strato_log_format format;
    atomic_int level; /* changed by a reload while other threads write */
};

/** A broker_log_fn; arg is a struct broker_log. Any thread: one fputs a line. */
void broker_log_write(void *arg, enum strato_log_level level, const char *component, const char *text);
/** Build the line only: split `text` at its pairs ("job=7", reason="no such thing"). */
void broker_log_line(struct strato_log_line *l, enum strato_log_format format, uint64_t wall_ms,
                     enum strato_log_level level, const char *component, const char *text);
#endif
