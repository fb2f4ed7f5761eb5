/*
 * selftest.h - is a stranger really refused?
 *
 * CURVE with a handler that does not answer, or a domain that is not enforced, admits anyone who knows the server's key,
 * without a word. So before it serves, a broker that asks for keys knocks at every TCP endpoint with a key made up at that
 * moment; one that is let in is a reason not to start. Rule: docs/wire.md "Security".
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_NET_SELFTEST_H
#define STRATO_NET_SELFTEST_H

#include "broker/net/zap.h"

enum { NET_SELFTEST_MS = 5000 };

/**
 * @param server_key  The broker's public key.
 * @param zap         Its handler, which must have refused every knock. NULL: only what the clients see counts.
 * @return 0: every endpoint refused; STRATO_EAUTH (one let a stranger in) or STRATO_EIO (one did not answer in time, or
 *         not as it should): ret_detail names it.
 */
int net_selftest(const struct net_socket *sockets, size_t sockets_count, const uint8_t server_key[STRATO_KEY_BYTES],
                 struct net_zap *zap, char *ret_detail, size_t detail_bytes);
#endif
