/*
 * host.h - run services inside a program, each over a client session of its own.
 *
 * The seam by which stratod's main.c hosts them over inproc (the key `services`). A service is a client like
 * any other: with a tcp endpoint and no context the same call runs it in a process of its own.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef SERVICES_HOST_H
#define SERVICES_HOST_H

#include <stddef.h>

typedef struct strato_services strato_services;

/**
 * Start services, each on its own thread, and wait until all serve.
 *
 * @param names       Services by name, e.g. "evolution". Copied.
 * @param endpoint    Native edge of the broker. Copied.
 * @param zmq_context For inproc: strato_broker_zmq_context(), borrowed until the stop; NULL = own ones.
 * @param ret_detail  On failure: cause and fix (>= 256 bytes); may be NULL.
 * @return 0; STRATO_ECONFIG (no such service); STRATO_ENOMEM; or why one could not reach the broker. On failure none runs.
 */
int strato_services_start(const char *const *names, size_t count, const char *endpoint, void *zmq_context,
                          strato_services **ret_services, char *ret_detail, size_t detail_bytes);
/** Ask all to end, give back what they took, wait for their threads. Before the broker is destroyed. Accepts NULL. */
void strato_services_stop(strato_services **services);
#endif
