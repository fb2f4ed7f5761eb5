/*
 * token.h - the bearer token that /metrics and /api ask for.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_HTTP_TOKEN_H
#define STRATO_HTTP_TOKEN_H

#include <stdbool.h>
#include <stddef.h>

enum { HTTP_TOKEN_CHARS_MIN = 16, HTTP_TOKEN_CHARS_MAX = 256 };

/** The token, without the newline behind it. @return 0; STRATO_ECONFIG, STRATO_ENOENT, STRATO_EIO with cause and fix. */
int http_token_read(const char *path, char ret_token[HTTP_TOKEN_CHARS_MAX + 1], char *detail, size_t detail_bytes);
/** Does this Authorization header (may be NULL) carry it? In a time that does not depend on where they differ. */
bool http_token_fits(const char *token, const char *authorization);
#endif
