/*
 * admin.h - one administrative operation: its arguments, its answer.
 *
 * handle_admin.c reads the arguments, asks for permission and sends what an operation wrote; the operations
 * stand there and in handle_dlq.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_BRAIN_ADMIN_H
#define STRATO_BRAIN_ADMIN_H

#include "broker/brain/outbox.h"

struct frame;

struct admin {
    struct brain *brain;
    const struct frame *frame;
    struct strato_bytes arguments; /* the payload: an encoded map, or none */
    struct channel *channel;       /* NULL after an operation that removed it */
    struct strato_writer answer;   /* payload of the answer */
    struct strato_blob *
        *blobs; /* attachments of the answer, borrowed until it is sent; malloc'd array, one reference each */
    size_t blobs_count;
    char detail[DETAIL_BYTES_MAX];
};

/* All: 0, or an error with its detail. */
int dlq_list(struct admin *a);
int dlq_get(struct admin *a);
int dlq_redrive(struct admin *a);
int dlq_purge(struct admin *a);
#endif
