/*
 * server.h - the HTTP door of stratod: metrics, health, and what the broker knows as JSON. Read-only.
 *
 * libmicrohttpd on one thread. It never touches the brain: it reads snapshots (snapshot.h), so that no peer of this
 * door, however slow or many, costs the core thread more than four short questions a second.
 * What is served and what is refused: docs/http.md.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_HTTP_SERVER_H
#define STRATO_HTTP_SERVER_H

#include "broker/broker.h"

enum {
    HTTP_CONNECTIONS_MAX = 64,
    HTTP_CONNECTIONS_ROOMY = 48,       /* above it the one that has been idle longest is ended for a new one */
    HTTP_REQUEST_MS = 10000,           /* from connecting, or from the last answer, to the next whole request */
    HTTP_CONNECTION_BYTES = 16 * 1024, /* request line and headers; more is answered 431 or 414 */
    HTTP_PAGE_MAX = 1000,
    HTTP_PAGE_DEFAULT = 100,
};

struct http_server;

/** Bind and serve. `broker` is borrowed until close. @return 0; STRATO_EADDRINUSE, STRATO_ECONFIG, STRATO_ENOMEM, STRATO_EIO with cause and fix. */
int http_open(strato_broker *broker, const struct broker_config *config, struct http_server **ret_server, char *detail,
              size_t detail_bytes);
/** Accepts NULL. */
void http_close(struct http_server **server);
/** "http://127.0.0.1:7790" */
const char *http_endpoint(const struct http_server *server);
/** From now on /healthz/ready says no. Thread-safe. */
void http_set_draining(struct http_server *server);
#endif
