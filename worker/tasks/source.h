/*
 * source.h - what is refused in a program before a compiler sees it, and in a log before a user does.
 *
 * These checks are manners, not the defence: they keep a kernel from reading the host's files by #include and
 * from leaving OpenCL C by inline assembly, as long as it does not try hard. Rule: gpu.md section 5.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_WORKER_TASKS_SOURCE_H
#define STRATO_WORKER_TASKS_SOURCE_H

#include <stdbool.h>
#include <stddef.h>

/** @return NULL if the source may be compiled; else what is refused ("#include", "asm"). Static. */
const char *source_refused(const char *source);
/** @return NULL if every option is one of -D, -cl-std= and -cl-*; else writes the refused one into `word` and returns it. */
const char *options_refused(const char *options, char *word, size_t word_bytes);
/** Cut every absolute path in a compiler's log down to its last part, in place. */
void log_strip_paths(char *log);
#endif
