/*
 * endpoint.h - which addresses an edge listens on.
 *
 * An edge has a stem ("native"), an offset from the base port, and from them one endpoint per TCP host,
 * one Unix socket in the run directory, and one inproc name. Text only; nothing is bound here.
 * Rule: docs/wire.md "Edges, ports, sockets".
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_NET_ENDPOINT_H
#define STRATO_NET_ENDPOINT_H

#include "broker/config.h"

enum { NET_ENDPOINT_BYTES = 320 };

enum net_transport { NET_TCP, NET_IPC, NET_INPROC };

/** Offsets from the base port. */
enum { NET_PORT_NATIVE = 0, NET_PORT_PUB_OUT = 1, NET_PORT_PUB_IN = 2, NET_PORT_EVENTS_PUSH = 3, NET_PORT_WORK = 10 };

/** How many endpoints every edge of this configuration has. */
size_t net_endpoint_count(const struct broker_config *config);
/**
 * The i-th endpoint of an edge, e.g. "tcp://127.0.0.1:7701"; with base port 0 "tcp://127.0.0.1:*".
 * @param stem  "native", "push.evolution": names the Unix socket and the inproc endpoint.
 * @return 0, or STRATO_ETOO_BIG (a path that no Unix socket can have).
 */
int net_endpoint_write(const struct broker_config *config, size_t i, const char *stem, unsigned port_offset, char *text,
                       size_t bytes);
enum net_transport net_endpoint_transport(const char *endpoint);
#endif
