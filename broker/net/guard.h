/*
 * guard.h - keys at the doors: the set in force, the broker's own secret, the ZAP handler.
 *
 * Everything here is off, and costs nothing, in a broker without a keys file. With one, every TCP listener speaks CURVE
 * and nothing else; a message's `User-Id`, which ZAP sets and no peer can, says whose it is.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_NET_GUARD_H
#define STRATO_NET_GUARD_H

#include "broker/net/zap.h"

enum { NET_CUT_DELAY_MS = 200 }; /* what was said to an expelled peer shall reach it */

struct net_guard {
    bool is_on;
    struct auth_keys *keys; /* in force; held */
    struct net_zap *zap;
    struct net_security security;
    uint8_t public_key[STRATO_KEY_BYTES];
};

/** What a message's frame says about its sender. */
struct net_caller {
    bool has_key, is_local; /* is_local: over a Unix socket, by the word of our own handler */
    uint8_t key[STRATO_KEY_BYTES];
};

/** Read the files that the configuration names, and start the handler. Off if it names none. @return 0, or as strato_broker_new(). */
int net_guard_open(struct net_guard *guard, void *context, const struct broker_config *config, char *detail,
                   size_t detail_bytes);
void net_guard_close(struct net_guard *guard);
/** Whose message is this? Metadata stands on the message's frames, not on the routing id (libzmq 4.3.4 loses it there). */
struct net_caller net_guard_caller(const struct net_guard *guard, zmq_msg_t *frame);
#endif
