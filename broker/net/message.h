/*
 * message.h - one multipart ZeroMQ message as the brain wants it: heads to read, attachments as blobs.
 *
 * An attachment keeps its zmq_msg_t, so its bytes are never copied on their way through the broker: each
 * recipient gets another reference (zmq_msg_copy). Heads are borrowed for one brain step.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_NET_MESSAGE_H
#define STRATO_NET_MESSAGE_H

#include "core/blob.h"
#include "core/envelope.h"

#include <zmq.h>

enum {
    NET_HEADS_MAX = 3,
    /* One more than a frame may have, so that the brain sees the excess; the rest is read and thrown away. */
    NET_BLOBS_MAX = STRATO_ATTACHMENTS_MAX + 1,
    /* Frames from here on are handed to libzmq as they are; below, copying into its own buffer is cheaper than a second
     * allocation and an atomic counter. CPU of the sending thread, copy against hand-over: 512 B 76 ns and 158, 1 KiB 129
     * and 167, 2 KiB 195 and 163, 64 KiB 5.8 us and 3.0. */
    NET_HANDOVER_BYTES = 2048,
};

struct net_message {
    zmq_msg_t heads[NET_HEADS_MAX];
    size_t heads_count;
    struct strato_blob *blobs[NET_BLOBS_MAX]; /* one reference each */
    size_t blobs_count;
};

/**
 * Take one message from a socket without waiting: the first `heads` parts as heads, the others as blobs.
 * With `may_delimit`, an empty second part (a REQ's delimiter) makes room for a third head.
 * @return 0; STRATO_EAGAIN (nothing there); STRATO_ENOMEM (an attachment was lost: the counts will not fit);
 *         STRATO_EIO (the socket is broken). On 0, release with net_message_fini().
 */
int net_message_receive(void *socket, size_t heads, bool may_delimit, struct net_message *ret_message);
void net_message_fini(struct net_message *message);

static inline struct strato_bytes net_message_head(struct net_message *message, size_t i)
{
    return strato_bytes(zmq_msg_data(&message->heads[i]), zmq_msg_size(&message->heads[i]));
}

/** Send one part of copied bytes without waiting. @return 0; STRATO_EAGAIN; STRATO_EUNREACHABLE; STRATO_EIO. */
int net_send_copy(void *socket, struct strato_bytes bytes, bool has_more);
/** The same from malloc'ed memory: *data is taken, and set to NULL, if it was sent and worth handing over. */
int net_send_taking(void *socket, uint8_t **data, size_t bytes, bool has_more);
/** The same for an attachment: shares the bytes where it can. */
int net_send_blob(void *socket, struct strato_blob *blob, bool has_more);
/** All attachments, the last one ending the message. */
int net_send_blobs(void *socket, struct strato_blob **blobs, size_t count);
#endif
