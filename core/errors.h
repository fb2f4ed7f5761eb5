/*
 * errors.h - the one list of error numbers.
 *
 * The list itself stands in schemas/errors.yaml and reaches this header through the schema compiler, so
 * that C, the wire document and every binding agree. Numbers from 100 travel; names are API: E_FULL on
 * the wire is STRATO_EFULL here.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_CORE_ERRORS_H
#define STRATO_CORE_ERRORS_H

#include "schemas/errors.h"

#ifdef __cplusplus
extern "C" {
#endif

#define X(name, number, text, retry) STRATO_E##name = -(number),
enum strato_err { STRATO_OK = 0, STRATO_ERRORS(X) };
#undef X

/** Text for people, e.g. "the channel is at its bound". Static, never NULL, also for unknown numbers. */
const char *strato_strerror(int err);

/** Name as it travels, e.g. "E_FULL"; "E_UNKNOWN" for a number that is not in the list. Static. */
const char *strato_err_name(int err);

/** The negative number of a wire name ("E_FULL"), or 0 if it is none of ours. */
int strato_err_from_name(const char *name, unsigned long bytes);

/** 'y' retry later, 'n' never, 'h' after a new hello, 'c' the caller decides. */
char strato_err_retry(int err);

#ifdef __cplusplus
}
#endif
#endif
