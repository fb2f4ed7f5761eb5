/*
 * host.h - run services of this house inside the broker's process.
 *
 * Each service is step logic behind one client session over inproc; stratod's main.c calls these two
 * functions and knows nothing else about services. The table of names stands in host.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_SERVICES_HOST_H
#define STRATO_SERVICES_HOST_H

#include "core/errors.h"
#include "core/logfmt.h"

#include <stdatomic.h>
#include <stddef.h>

typedef struct strato_services strato_services;

/** Where hosted services find the broker, and where their log lines go. Borrowed until stop. */
struct service_context {
    const char *endpoint; /* inproc://strato.native */
    void *zmq_context;    /* the broker's, lent */
    void (*log_fn)(void *arg, enum strato_log_level level, const char *component, const char *text); /* any thread; never NULL */
    void *log_arg;
};

/** One row of the table in host.c: `run` owns its thread until *stop is set or it fails. */
struct service {
    const char *name; /* as in the key `services` */
    int (*run)(const struct service_context *context, const atomic_bool *stop);
};

/**
 * Start the named services, each on its own thread.
 * @return 0; STRATO_ENOENT (an unknown name: ret_detail says which and the nearest); STRATO_ENOMEM; STRATO_EIO.
 *         On failure none runs.
 */
int strato_services_start(const struct service_context *context, const char *const *names, size_t names_count,
                          strato_services **ret_services, char *ret_detail, size_t detail_bytes);
/** Ask all to stop, wait for them. Accepts NULL. Before the broker is destroyed. */
void strato_services_stop(strato_services **services);
#endif
