/*
 * batch.h - walk a native frame: header, then its envelopes, each with its attachment frames.
 *
 * One pass, in place. A message refused by its content (err set) does not stop the walk; bytes or counts
 * that do not fit do, and then the caller takes back what it staged of the frame: a batch whose envelopes
 * cannot all be read is refused whole. Rules: docs/wire.md "Frames"; protocol.md sections 3, 4 and 12.
 *
 *     rc = strato_batch_open(&b, frame, blobs, &header);
 *     while (rc == 0 && (rc = strato_batch_next(&b, &item)) > 0) { stage item; rc = 0; }
 *     if (rc < 0) unstage
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_CORE_BATCH_H
#define STRATO_CORE_BATCH_H

#include "core/envelope.h"
#include "core/header.h"

/** A walk under way; on the caller's stack. */
struct strato_batch {
    struct strato_cursor at;    /* the next envelope */
    uint32_t left;              /* envelopes still to come */
    uint32_t attachments, used; /* frames behind the first one; those that envelopes have claimed */
    int rc;                     /* how the walk ended: sticky */
};

/** One message of the frame. */
struct strato_batch_item {
    struct strato_envelope envelope; /* what was readable, if err is set */
    int err;                         /* 0, STRATO_ESCHEMA or STRATO_ELIMIT: this message is refused, the rest stands */
    uint32_t attachments_at;         /* its attachments are frames [attachments_at, + envelope.attach) */
    size_t bytes;                    /* of the envelope as sent, attachments not counted */
};

/**
 * Decode the header and judge the counts.
 *
 * @param attachments  Number of frames that follow this one.
 * @return 0; what strato_header_decode() returns; STRATO_EFRAME (n envelopes cannot fit, bytes behind an operation
 *         that carries none, attachments without an envelope); STRATO_ELIMIT (over STRATO_ENVELOPES_MAX or
 *         STRATO_ATTACHMENTS_MAX). After EFRAME and ELIMIT ret_header->n says how many indices the frame uses up.
 *         An `ok` may carry one envelope (the answer of an admin operation) although its header has no n.
 */
int strato_batch_open(struct strato_batch *b, struct strato_bytes frame, size_t attachments,
                      struct strato_header *ret_header);
/** Begin behind a header that was decoded before. */
int strato_batch_begin(struct strato_batch *b, struct strato_cursor envelopes, uint64_t n, size_t attachments);
/**
 * The next message.
 * @return 1; 0 at the end, all bytes and attachments used; STRATO_ECODEC; STRATO_EFRAME (more or fewer envelopes,
 *         bytes or attachments than announced).
 */
int strato_batch_next(struct strato_batch *b, struct strato_batch_item *ret_item);
#endif
