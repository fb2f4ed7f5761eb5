/*
 * body.h - what a message carries: an operand, or stdin for "-", as JSON, text or bytes.
 *
 * JSON stays JSON; what does not look like JSON is a string; with --raw all is bytes. Bytes of 4 KiB and
 * more travel as an attachment, with an empty payload.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_CLI_BODY_H
#define STRATO_CLI_BODY_H

#include "cli/link.h"

enum { BODY_BYTES_MAX = 64 * 1024 * 1024, BODY_INLINE_MAX = 4096 };

struct body {
    struct strato_bytes text; /* as given */
    uint8_t *owned;           /* what stdin said */
    bool is_raw, is_template;
    struct strato_writer expanded, payload; /* of the last encoding */
    struct strato_attachment attachment;
};

/**
 * Take the body from `operand`: NULL = none, "-" = all of stdin.
 * @return CLI_OK, or the exit code after telling why.
 */
int body_open(const struct cli *cli, const char *operand, bool is_raw, bool is_template, struct body *body);
void body_close(struct body *body);

/**
 * Encode it for the `count`-th message into `message`; the slices live until the next call.
 * @return CLI_OK, or the exit code after telling why.
 */
int body_encode(const struct cli *cli, struct body *body, uint64_t count, struct strato_send *message);
/** The same once, of any text (an answer of --exec). Text that is no JSON becomes a string. @return 0 or an error. */
int body_encode_text(struct strato_bytes text, struct strato_writer *payload);
/** Bytes that will travel. */
size_t body_bytes(const struct strato_send *message);
#endif
