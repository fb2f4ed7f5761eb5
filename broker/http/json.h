/*
 * json.h - what the broker reports, as JSON.
 *
 * msgpack in, text out; no tree in between. Text that is not UTF-8 (no name of ours is) has its bytes above 127
 * replaced, so that the output always is.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_HTTP_JSON_H
#define STRATO_HTTP_JSON_H

#include "core/cursor.h"
#include "core/writer.h"

/** Add text as it is. */
void http_text_add(struct strato_writer *to, const char *format, ...) __attribute__((format(printf, 2, 3)));
/** Add a quoted string. */
void http_json_add_string(struct strato_writer *to, struct strato_bytes text);
/** Add one value, moving the cursor behind it. @return 0 or STRATO_ECODEC. */
int http_json_add_value(struct strato_writer *to, struct strato_cursor *c);
/** Find a key of the map that the cursor stands before. @return true with the cursor before its value. */
bool report_find(struct strato_cursor *c, const char *key);
#endif
