/*
 * host.c - names to services, one thread each.
 *
 * SPDX-License-Identifier: MIT
 */
#include "services/host.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/errors.h"
#include "core/nearest.h"
#include "services/evolution/shell.h"

enum { SERVICES_MAX = 16 };

/** One kind of service: how to start it and how to end it. */
static const struct kind {
    const char *name;
    int (*start)(const char *endpoint, void *zmq_context, void **ret_service, char *ret_detail, size_t detail_bytes);
    void (*stop)(void **service);
} kinds[] = {
    { "evolution", evolution_shell_start, evolution_shell_stop },
};

struct strato_services {
    struct {
        const struct kind *kind;
        void *service;
    } hosted[SERVICES_MAX];
    size_t count;
};

static const struct kind *find_kind(const char *name, char *ret_detail, size_t detail_bytes)
{
    struct strato_nearest nearest = strato_nearest_begin(strato_text(name));

    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        if (strcmp(kinds[i].name, name) == 0)
            return &kinds[i];
        strato_nearest_offer(&nearest, strato_text(kinds[i].name));
    }
    if (ret_detail && nearest.best.bytes)
        snprintf(ret_detail, detail_bytes, "no service \"%s\" (did you mean %.*s?)", name, (int)nearest.best.bytes,
                 (const char *)nearest.best.data);
    else if (ret_detail)
        snprintf(ret_detail, detail_bytes, "no service \"%s\"; this build has: evolution", name);
    return NULL;
}

int strato_services_start(const char *const *names, size_t count, const char *endpoint, void *zmq_context,
                          strato_services **ret_services, char *ret_detail, size_t detail_bytes)
{
    strato_services *made = calloc(1, sizeof(*made));
    int rc = made ? 0 : STRATO_ENOMEM;

    for (size_t i = 0; rc == 0 && i < count; i++) {
        const struct kind *kind = find_kind(names[i], ret_detail, detail_bytes);
        bool is_running = false;

        for (size_t k = 0; k < made->count; k++)
            is_running = is_running || made->hosted[k].kind == kind;
        if (is_running)
            continue;
        rc = kind && made->count < SERVICES_MAX ? 0 : STRATO_ECONFIG;
        if (rc == 0)
            rc = kind->start(endpoint, zmq_context, &made->hosted[made->count].service, ret_detail, detail_bytes);
        if (rc == 0)
            made->hosted[made->count++].kind = kind;
    }
    if (rc < 0)
        strato_services_stop(&made);
    else
        *ret_services = made;
    return rc;
}

void strato_services_stop(strato_services **services)
{
    if (!services || !*services)
        return;
    for (size_t i = (*services)->count; i-- > 0;)
        (*services)->hosted[i].kind->stop(&(*services)->hosted[i].service);
    free(*services);
    *services = NULL;
}
