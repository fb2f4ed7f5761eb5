/*
 * credentials.h - the keys that a client shows and expects: from a file, or from memory.
 *
 * Over TCP only: a Unix socket and inproc need none, and their listeners speak no CURVE.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_BINDINGS_C_NET_CREDENTIALS_H
#define STRATO_BINDINGS_C_NET_CREDENTIALS_H

#include "bindings/c/include/stratoswarm.h"
#include "core/keypair.h"

struct strato__credentials {
    bool is_on;
    uint8_t server_key[STRATO_KEY_BYTES], public_key[STRATO_KEY_BYTES], secret_key[STRATO_KEY_BYTES];
};

/**
 * @return 0, off if the options name no keys; STRATO_EINVAL (half of what is needed, or text that is no key);
 *         STRATO_ENOENT, STRATO_EIO, STRATO_ECONFIG (of the files).
 */
int strato__credentials_read(const struct strato_client_options *options, struct strato__credentials *ret_credentials);
/** Give them to a socket before it connects. @return 0; STRATO_EIO (a libzmq without CURVE). */
int strato__credentials_apply(const struct strato__credentials *credentials, void *zmq);
void strato__credentials_wipe(struct strato__credentials *credentials);
#endif
