/*
 * emit.h - write JSON to a stream, piece by piece, msgpack values among it.
 *
 * What JSON has no word for: binary is {"$bin": "base64"}, a timestamp {"$time": seconds}, NaN and the
 * infinities null, a key that is no string its JSON text as a string. u64 stays exact. Bytes that are not
 * UTF-8 become U+FFFD in strings.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_CLI_EMIT_H
#define STRATO_CLI_EMIT_H

#include "core/bytes.h"

#include <stdio.h>

/** A document being written. Zero-initialise with `to`. Keys are NULL inside arrays. Failures show in ferror(to). */
struct emit {
    FILE *to;
    bool has_before; /* a comma is due */
};

void emit_object(struct emit *j, const char *key);
void emit_object_end(struct emit *j);
void emit_array(struct emit *j, const char *key);
void emit_array_end(struct emit *j);
void emit_u64(struct emit *j, const char *key, uint64_t value);
void emit_i64(struct emit *j, const char *key, int64_t value);
void emit_f64(struct emit *j, const char *key, double value);
void emit_bool(struct emit *j, const char *key, bool value);
void emit_text(struct emit *j, const char *key, const char *value); /* NULL = null */
void emit_str(struct emit *j, const char *key, struct strato_bytes value);
void emit_bin(struct emit *j, const char *key, struct strato_bytes value);
/** One encoded msgpack value; none = null. What does not decode becomes {"$bin": ...}. */
void emit_msgpack(struct emit *j, const char *key, struct strato_bytes encoded);
/** End of the document: a newline, flushed, ready for the next. */
void emit_end(struct emit *j);

/** Is it well-formed UTF-8? */
bool text_is_utf8(struct strato_bytes text);
#endif
