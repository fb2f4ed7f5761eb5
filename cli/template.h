/*
 * template.h - {{Count}} and its like in the bodies that pub, push, req and reply send.
 *
 *     {{Count}}          1, 2, 3 ...                  {{Time}}       12:30:05
 *     {{TimeStamp}}      2026-01-31T12:30:05.123Z     {{Unix}}       seconds        {{UnixNano}}   nanoseconds
 *     {{Random 10 100}}  10 to 100 letters and digits {{ID}}         16 random hex digits
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_CLI_TEMPLATE_H
#define STRATO_CLI_TEMPLATE_H

#include "core/writer.h"

enum { TEMPLATE_RANDOM_MAX = 1 << 20 }; /* characters of one {{Random}} */

/**
 * Append `text` to `w` with its templates filled in.
 * @param count      What {{Count}} says.
 * @param ret_error  Which template is wrong, and what was perhaps meant.
 * @return 0; STRATO_EINVAL; STRATO_ENOMEM.
 */
int template_expand(struct strato_bytes text, uint64_t count, struct strato_writer *w, char *ret_error,
                    size_t error_bytes);

/** Does it hold any template? */
bool template_is_in(struct strato_bytes text);
#endif
