/*
 * shell.h - the evolution service on the bus: one thread, one session, the step logic of service.h between them.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef EVOLUTION_SHELL_H
#define EVOLUTION_SHELL_H

#include <stddef.h>

/** Start the thread and wait until it serves the channel `evolution` and has declared `fitness`. See services/host.h for the rest. */
int evolution_shell_start(const char *endpoint, void *zmq_context, void **ret_service, char *ret_detail,
                          size_t detail_bytes);
void evolution_shell_stop(void **service);
#endif
