/*
 * socket.h - one socket of one edge: its options, its endpoints, its monitor.
 *
 * The option values are docs/wire.md "Edges, ports, sockets"; each has a reason there. An edge binds all
 * its endpoints or none, and a failure names the endpoint, the cause and, for a port in use, the process.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_NET_SOCKET_H
#define STRATO_NET_SOCKET_H

#include "broker/net/endpoint.h"

#include <zmq.h>

enum {
    NET_ENDPOINTS_MAX = 18, /* 16 hosts, one Unix socket, one inproc name */
    NET_BACKLOG = 4096,
    NET_HANDSHAKE_MS = 5000,
    NET_ROUTER_SNDHWM = 4352, /* 4,096 credits and 256 control frames */
    NET_HWM = 1000,
    NET_XPUB_SNDHWM = 10000,
    NET_HEADER_SLACK_BYTES = 65536, /* a frame is a message and its header */
    NET_SUBSCRIPTION_BYTES_MAX = 256,
    NET_INITIATE_BYTES_MAX =
        2048, /* with keys: CURVE's INITIATE is a frame too, 300 bytes and what a client says of itself */
};

/* LOCAL is the native edge over inproc, on a ROUTER of its own: only which socket a frame came from tells this process
 * from a ZMTP 1 or 2 peer on TCP, whose messages have no metadata either, and who must not get the rights of `local`. */
enum net_role { NET_NATIVE, NET_LOCAL, NET_PUB_OUT, NET_PUB_IN, NET_EVENTS_PUSH, NET_WORK_IN, NET_WORK_OUT };

/** With keys: the broker's secret, for its TCP listeners. */
struct net_security {
    uint8_t secret_key[32];
};

struct net_socket {
    enum net_role role;
    char name[STRATO_NAME_BYTES_MAX + 8];    /* "native", "push:evolution" */
    char channel[STRATO_NAME_BYTES_MAX + 1]; /* of WORK_IN and WORK_OUT */
    const struct net_security *security;     /* borrowed */
    void *zmq;
    void *monitor;                                         /* of all but LOCAL: inproc has no events */
    char endpoints[NET_ENDPOINTS_MAX][NET_ENDPOINT_BYTES]; /* as bound */
    char bound[NET_ENDPOINTS_MAX][NET_ENDPOINT_BYTES];     /* as libzmq calls them */
    size_t endpoints_count;
    uint32_t unbound; /* bits of those that were given up and are to be bound again */
};

/**
 * Create the socket with its role's options and bind every endpoint of the configuration.
 * @param channel   For WORK roles; else "".
 * @param security  TCP speaks CURVE and asks the ZAP handler of the context, the others ask it too. NULL = no keys.
 * @return 0; STRATO_EADDRINUSE, STRATO_ECONFIG, STRATO_ENOMEM, STRATO_EIO with detail.
 */
int net_socket_open(struct net_socket *s, void *context, const struct broker_config *config, enum net_role role,
                    const char *channel, const struct net_security *security, char *detail, size_t detail_bytes);
/** End every TCP connection: those who may still come are back within a moment. net_socket_bind_again() must follow. */
void net_socket_unbind(struct net_socket *s);
/** Bind what was unbound. @return true when all is bound; else try again soon. */
bool net_socket_bind_again(struct net_socket *s);
/** Watch connections: events arrive at s->monitor. Monitor names are never reused. */
int net_socket_watch(struct net_socket *s, void *context, int events);
/** Close, giving what is still to be sent linger_ms. Accepts a zeroed struct. */
void net_socket_close(struct net_socket *s, int linger_ms);
/** Would a send go through now? */
bool net_socket_takes(void *zmq);
/** The first endpoint of a transport, or NULL. */
const char *net_socket_endpoint(const struct net_socket *s, enum net_transport transport);

/** What a monitor socket had to say. */
struct net_monitor_event {
    uint16_t event; /* ZMQ_EVENT_* */
    int32_t value;  /* descriptor or errno */
};
/** @return 0; STRATO_EAGAIN; STRATO_EIO. */
int net_monitor_receive(void *monitor, struct net_monitor_event *ret_event);
#endif
