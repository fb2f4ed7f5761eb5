/*
 * message.c - zmq_msg_t in, blobs out, and back.
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/net/message.h"

#include "core/errors.h"
#include "core/handover.h"

#include <errno.h>
#include <stdlib.h>

struct zmq_blob {
    struct strato_blob blob; /* first: the brain sees only this */
    zmq_msg_t message;
};

static void zmq_blob_free(struct strato_blob *blob)
{
    struct zmq_blob *b = (struct zmq_blob *)blob;

    zmq_msg_close(&b->message);
    free(b);
}

static struct strato_blob *zmq_blob_new(zmq_msg_t *message)
{
    struct zmq_blob *b = calloc(1, sizeof *b);

    if (!b)
        return NULL;
    zmq_msg_init(&b->message);
    zmq_msg_move(&b->message, message);
    b->blob = (struct strato_blob){
        .data = zmq_msg_data(&b->message), .bytes = zmq_msg_size(&b->message), .references = 1, .free_fn = zmq_blob_free
    };
    return &b->blob;
}

static int receive_part(void *socket, zmq_msg_t *part)
{
    int rc;

    do
        rc = zmq_msg_recv(part, socket, ZMQ_DONTWAIT);
    while (rc < 0 && errno == EINTR);
    if (rc >= 0) {
        strato_handover_take();
        return 0;
    }
    return errno == EAGAIN ? STRATO_EAGAIN : STRATO_EIO;
}

/* Attachments beyond the limit are read, since a ZeroMQ message is read whole or not at all, and dropped. */
static int keep_blob(struct net_message *m, zmq_msg_t *part)
{
    struct strato_blob *blob = NULL;

    if (m->blobs_count < NET_BLOBS_MAX) {
        blob = zmq_blob_new(part);
        if (blob)
            m->blobs[m->blobs_count++] = blob;
    }
    zmq_msg_close(part);
    return blob || m->blobs_count == NET_BLOBS_MAX ? 0 : STRATO_ENOMEM;
}

int net_message_receive(void *socket, size_t heads, bool may_delimit, struct net_message *ret_message)
{
    struct net_message *m = ret_message;
    bool has_more = true;
    int result = 0;

    m->heads_count = 0;
    m->blobs_count = 0;
    while (has_more) {
        zmq_msg_t *part, spare;
        bool is_head = m->heads_count < heads;
        int rc;

        part = is_head ? &m->heads[m->heads_count] : &spare;
        zmq_msg_init(part);
        rc = receive_part(socket, part);
        if (rc < 0) {
            zmq_msg_close(part);
            net_message_fini(m);
            return rc;
        }
        has_more = zmq_msg_more(part) != 0;
        if (!is_head) {
            rc = keep_blob(m, part);
            result = rc < 0 ? rc : result;
            continue;
        }
        m->heads_count++;
        if (may_delimit && m->heads_count == 2 && heads == 2 && has_more && zmq_msg_size(part) == 0)
            heads = 3;
    }
    return result;
}

void net_message_fini(struct net_message *message)
{
    for (size_t i = 0; i < message->heads_count; i++)
        zmq_msg_close(&message->heads[i]);
    for (size_t i = 0; i < message->blobs_count; i++)
        strato_blob_drop(message->blobs[i]);
    message->heads_count = 0;
    message->blobs_count = 0;
}

/* Set while a part that could not be sent is closed: its data then stays with the caller. */
static _Thread_local bool keeps_data;

/* The message is libzmq's after success, ours to close after failure. */
static int send_part(void *socket, zmq_msg_t *part, bool has_more)
{
    int rc, error;

    strato_handover_give();
    do
        rc = zmq_msg_send(part, socket, ZMQ_DONTWAIT | (has_more ? ZMQ_SNDMORE : 0));
    while (rc < 0 && errno == EINTR);
    if (rc >= 0)
        return 0;
    error = errno;
    keeps_data = true;
    zmq_msg_close(part);
    keeps_data = false;
    if (error == EAGAIN)
        return STRATO_EAGAIN;
    return error == EHOSTUNREACH ? STRATO_EUNREACHABLE : STRATO_EIO;
}

int net_send_copy(void *socket, struct strato_bytes bytes, bool has_more)
{
    zmq_msg_t part;

    if (zmq_msg_init_size(&part, bytes.bytes) < 0)
        return STRATO_ENOMEM;
    if (bytes.bytes > 0)
        memcpy(zmq_msg_data(&part), bytes.data, bytes.bytes);
    return send_part(socket, &part, has_more);
}

static void free_data(void *data, void *hint)
{
    (void)hint;
    if (!keeps_data)
        free(data);
}

int net_send_taking(void *socket, uint8_t **data, size_t bytes, bool has_more)
{
    zmq_msg_t part;
    int rc;

    if (bytes < NET_HANDOVER_BYTES)
        return net_send_copy(socket, strato_bytes(*data, bytes), has_more);
    if (zmq_msg_init_data(&part, *data, bytes, free_data, NULL) < 0)
        return STRATO_ENOMEM;
    rc = send_part(socket, &part, has_more);
    if (rc == 0)
        *data = NULL; /* freed by whichever thread lets go last */
    return rc;
}

int net_send_blob(void *socket, struct strato_blob *blob, bool has_more)
{
    struct zmq_blob *b = (struct zmq_blob *)blob;
    zmq_msg_t part;

    if (blob->free_fn != zmq_blob_free)
        return net_send_copy(socket, strato_bytes(blob->data, blob->bytes), has_more);
    zmq_msg_init(&part);
    if (zmq_msg_copy(&part, &b->message) < 0)
        return STRATO_EIO;
    return send_part(socket, &part, has_more);
}

int net_send_blobs(void *socket, struct strato_blob **blobs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int rc = net_send_blob(socket, blobs[i], i + 1 < count);

        if (rc < 0)
            return rc;
    }
    return 0;
}
