/*
 * counts.h - what the HTTP door counts about itself.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_HTTP_COUNTS_H
#define STRATO_HTTP_COUNTS_H

#include <stdatomic.h>
#include <stdint.h>

/** Answers that we give ourselves; what libmicrohttpd refuses (no HTTP, a header too long) ends without one of them. */
#define HTTP_STATUSES(X) X(200) X(400) X(401) X(403) X(404) X(405) X(500) X(503)
#define X(code)          HTTP_STATUS_##code,
enum http_status { HTTP_STATUSES(X) HTTP_STATUS_KINDS };
#undef X

struct http_counts {
    _Atomic uint64_t responses[HTTP_STATUS_KINDS];
    _Atomic uint64_t accepted;       /* connections */
    _Atomic uint64_t ended_slow;     /* had no whole request within HTTP_REQUEST_MS */
    _Atomic uint64_t ended_for_room; /* idle, and others wanted in */
    _Atomic uint64_t open;
};

extern const unsigned http_status_codes[HTTP_STATUS_KINDS];

/** Count an answer. */
void http_counts_response(struct http_counts *counts, unsigned code);
#endif
