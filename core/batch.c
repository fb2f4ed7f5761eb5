/*
 * batch.c - one pass over the envelopes of a frame.
 *
 * SPDX-License-Identifier: MIT
 */
#include "core/batch.h"

int strato_batch_begin(struct strato_batch *b, struct strato_cursor envelopes, uint64_t n, size_t attachments)
{
    *b = (struct strato_batch){ .at = envelopes };
    if (n > STRATO_ENVELOPES_MAX || attachments > STRATO_ATTACHMENTS_MAX)
        b->rc = STRATO_ELIMIT;
    else if (n > strato_cursor_left(&envelopes) || (n == 0 && (attachments > 0 || strato_cursor_left(&envelopes) > 0)))
        b->rc = STRATO_EFRAME;
    b->left = b->rc == 0 ? (uint32_t)n : 0;
    b->attachments = b->rc == 0 ? (uint32_t)attachments : 0;
    return b->rc;
}

int strato_batch_open(struct strato_batch *b, struct strato_bytes frame, size_t attachments,
                      struct strato_header *ret_header)
{
    struct strato_cursor c = strato_cursor_over(frame);
    uint64_t n;
    int rc = strato_header_decode(&c, STRATO_HEADER_BYTES_MAX, ret_header);

    if (rc < 0) {
        *b = (struct strato_batch){ .rc = rc };
        return rc;
    }
    n = strato_op_carries(ret_header->opcode) ? ret_header->n : 0;
    if (ret_header->opcode == STRATO_OP_ok && strato_cursor_left(&c) > 0)
        n = 1;
    return strato_batch_begin(b, c, n, attachments);
}

static int walk_end(struct strato_batch *b, int rc)
{
    b->rc = rc;
    b->left = 0;
    return rc;
}

int strato_batch_next(struct strato_batch *b, struct strato_batch_item *ret_item)
{
    const uint8_t *start = b->at.at;
    struct strato_bytes skipped = STRATO_BYTES_NONE;
    int rc;

    if (b->rc < 0)
        return b->rc;
    if (b->left == 0)
        return walk_end(b, b->at.at != b->at.end || b->used != b->attachments ? STRATO_EFRAME : 0);
    if (b->at.at == b->at.end)
        return walk_end(b, STRATO_EFRAME);
    rc = strato_envelope_decode(&b->at, &ret_item->envelope, &skipped);
    if (rc == STRATO_ECODEC)
        return walk_end(b, rc);
    if (rc < 0)
        b->at.at = skipped.data + skipped.bytes;
    if (ret_item->envelope.attach > b->attachments - b->used)
        return walk_end(b, STRATO_EFRAME);
    ret_item->err = rc;
    ret_item->attachments_at = b->used;
    ret_item->bytes = (size_t)(b->at.at - start);
    b->used += ret_item->envelope.attach;
    b->left--;
    return 1;
}
