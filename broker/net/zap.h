/*
 * zap.h - who is let in at the handshake: our own ZAP handler, on a thread of its own.
 *
 * libzmq asks over inproc (RFC 27) before a connection carries anything. The domain says which edge, over what and for
 * which channel: "strato:<edge>:<tcp|ipc>:<channel>". Over TCP only CURVE is let in, with a key of the keys file that has
 * the edge's right: the native edge takes every key and asks on each frame; plain sockets are judged here. Over a Unix
 * socket everybody is `local`. CZMQ's zauth is not used: it never looks at the domain. Rule: docs/wire.md "Security".
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_NET_ZAP_H
#define STRATO_NET_ZAP_H

#include "broker/auth/keys.h"
#include "broker/net/socket.h"

enum net_zap_cause {
    NET_ZAP_ADMITTED,
    NET_ZAP_UNKNOWN_KEY,
    NET_ZAP_NO_RIGHT,  /* a good key, on an edge that it may not use */
    NET_ZAP_MECHANISM, /* not CURVE over TCP */
    NET_ZAP_MALFORMED, /* no request of RFC 27, or a domain of nobody */
    NET_ZAP_CAUSES,
};

#define NET_ZAP_USER_LOCAL "local" /* User-Id of who comes by a Unix socket; that of a key is its text */

/** What libzmq asks. Borrowed. */
struct net_zap_request {
    struct strato_bytes version, id, domain, address, mechanism, key;
};

/** The last refusal, for the log. */
struct net_zap_refusal {
    enum net_zap_cause cause;
    char key[STRATO_KEY_CHARS + 1]; /* public; "" = none was shown */
    char name[STRATO_KEY_NAME_BYTES_MAX + 1];
    char address[64];
    char domain[200];
};

struct net_zap;

/** Decide, without any socket. *ret_principal is set for a known key, let in or not. */
enum net_zap_cause net_zap_judge(const struct auth_keys *keys, const struct net_zap_request *request,
                                 const struct auth_principal **ret_principal);
/** The domain of a socket of this role for one transport. */
void net_zap_domain(const struct net_socket *s, enum net_transport transport, char *text, size_t bytes);

/** Bind the handler in this context and start its thread: before any other bind. @param keys Held. @return 0, STRATO_EIO, STRATO_ENOMEM. */
int net_zap_open(void *context, struct auth_keys *keys, struct net_zap **ret_zap);
/** Before the context ends. Accepts NULL. */
void net_zap_close(struct net_zap **zap);
/**
 * From now on these keys (held).
 * @param changed  Called with the domain of each edge of plain sockets ("strato:pull:tcp:evolution") that let in a key which
 *                 is gone or has other rights now: connections there must be made anew. NULL = any. May be NULL.
 */
void net_zap_replace(struct net_zap *zap, struct auth_keys *keys, void (*changed)(void *arg, const char *domain),
                     void *arg);
/** Count how often this public key is refused, from now on; one key at a time. For the self-test. */
void net_zap_watch(struct net_zap *zap, const uint8_t key[STRATO_KEY_BYTES]);
uint64_t net_zap_watched(struct net_zap *zap);
/** Requests so far, by cause. Thread-safe. */
void net_zap_counts(struct net_zap *zap, uint64_t ret_counts[NET_ZAP_CAUSES], struct net_zap_refusal *ret_last);
const char *net_zap_cause_name(enum net_zap_cause cause);
#endif
