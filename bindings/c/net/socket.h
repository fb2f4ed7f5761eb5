/*
 * socket.h - one DEALER socket and its monitor: the only place of the client that knows ZeroMQ.
 *
 * Sends parts without copying them and wraps what it receives without copying it. It belongs to one
 * thread; a new socket is made for every connection, because a peer that lost its connection is another
 * peer to the broker. Options: protocol.md section 2.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_BINDINGS_C_NET_SOCKET_H
#define STRATO_BINDINGS_C_NET_SOCKET_H

#include "bindings/c/inbound.h"
#include "bindings/c/net/credentials.h"
#include "bindings/c/outbox.h"

struct strato__socket {
    void *context;
    bool owns_context;
    char *endpoint;
    void *dealer, *monitor; /* NULL = closed; inproc has no monitor */
    int fd, monitor_fd;     /* -1 = none */
    struct strato__credentials credentials;
    bool is_refused;              /* the broker said that this key may not come in */
    uint32_t handshakes_failed;   /* otherwise, since the last one that worked */
    struct strato__outbox staged; /* taken from the session, not yet by libzmq */
};

/** @param options  Its context and its keys. @return 0; STRATO_EINVAL; STRATO_ENOMEM; as strato__credentials_read(). */
int strato__socket_init(struct strato__socket *k, const char *endpoint, const struct strato_client_options *options);
/** Make the DEALER and connect. @return 0; STRATO_EINVAL (endpoint); STRATO_EIO; STRATO_ENOMEM. */
int strato__socket_open(struct strato__socket *k);
/** Close it; what libzmq holds is sent for at most linger_ms. Staged parts are dropped. */
void strato__socket_close(struct strato__socket *k, int linger_ms);
void strato__socket_fini(struct strato__socket *k);

/** The next message. @return 1 with a reference; 0 if there is none; STRATO_ENOMEM; STRATO_ELIMIT (too many parts: dropped). */
int strato__socket_receive(struct strato__socket *k, struct strato__inbound **ret_inbound);
/** Give staged messages to libzmq. @return how many frames went; the rest stays staged. */
int strato__socket_send(struct strato__socket *k);
/** Has the connection broken since the last call? */
bool strato__socket_broke(struct strato__socket *k);
/** Must the owner come back at once instead of sleeping on the descriptors? (libzmq's are edge-triggered.) */
bool strato__socket_has_work(struct strato__socket *k);
#endif
