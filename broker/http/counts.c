/*
 * counts.c - what the HTTP door counts about itself.
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/http/counts.h"

#define X(code) code,
const unsigned http_status_codes[HTTP_STATUS_KINDS] = { HTTP_STATUSES(X) };
#undef X

void http_counts_response(struct http_counts *counts, unsigned code)
{
    for (int i = 0; i < HTTP_STATUS_KINDS; i++)
        if (http_status_codes[i] == code)
            atomic_fetch_add(&counts->responses[i], 1);
}
