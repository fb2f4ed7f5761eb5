/*
 * probe.h - what is at the other end of an address: nothing, something else, a broker that asks for keys, or not this key?
 *
 * A client library sees most of these alike: nobody answers. Here the first bytes of ZMTP are read by hand, which tell
 * ZeroMQ from other services and whether keys are asked for, and libzmq's monitor tells how a handshake ended.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_CLI_PROBE_H
#define STRATO_CLI_PROBE_H

#include "core/z85.h"

enum probe_greeting {
    PROBE_NO_ADDRESS,  /* the name does not resolve, or is no tcp://host:port */
    PROBE_UNREACHABLE, /* no connection: refused, filtered, no route */
    PROBE_MUTE,        /* a connection, and not a word in time */
    PROBE_FOREIGN,     /* it speaks, but not ZMTP 3 */
    PROBE_NULL,        /* ZMTP, and no keys are asked for */
    PROBE_CURVE,
    PROBE_OTHER_MECHANISM,
};

/** Connect and read the greeting. ret_detail: the cause in words, where there is more to say. */
enum probe_greeting probe_greet(const char *endpoint, uint32_t timeout_ms, char *ret_detail, size_t detail_bytes);

enum probe_handshake {
    PROBE_WELCOME,
    PROBE_REFUSED,          /* the broker does not know this key, or it has no right there */
    PROBE_WRONG_SERVER_KEY, /* the broker could not read what was meant for another key */
    PROBE_SILENT,           /* no end within the time */
    PROBE_BROKEN,           /* libzmq would not even try */
};

/** Shake hands as a client of this pair. */
enum probe_handshake probe_shake(const char *endpoint, uint32_t timeout_ms, const uint8_t server_key[STRATO_KEY_BYTES],
                                 const uint8_t public_key[STRATO_KEY_BYTES],
                                 const uint8_t secret_key[STRATO_KEY_BYTES]);
#endif
