/*
 * json.h - JSON text to msgpack, as users type it in bodies. The other way is emit.h.
 *
 * {"$bin": "base64"} becomes binary. Integers go up to 2^63-1; keys may not repeat.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_CLI_JSON_H
#define STRATO_CLI_JSON_H

#include "core/writer.h"

/**
 * JSON text to one msgpack value.
 *
 * @param text       Borrowed; need not end in NUL.
 * @param w          The value is appended; what stands there after an error is of no use.
 * @param ret_error  Where and what, for people.
 * @return 0; STRATO_EINVAL (not JSON, or deeper than 32); STRATO_ENOMEM.
 */
int json_to_msgpack(struct strato_bytes text, struct strato_writer *w, char *ret_error, size_t error_bytes);
#endif
