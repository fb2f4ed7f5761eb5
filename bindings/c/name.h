/*
 * name.h - a channel name that outlives the channel handle: messages keep a reference.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_BINDINGS_C_NAME_H
#define STRATO_BINDINGS_C_NAME_H

#include "core/bytes.h"

#include <stdatomic.h>
#include <stdlib.h>

struct strato__name {
    atomic_uint references;
    size_t bytes;
    char text[]; /* NUL-terminated */
};

static inline struct strato__name *strato__name_new(const char *text)
{
    size_t bytes = strlen(text);
    struct strato__name *name = malloc(sizeof *name + bytes + 1);

    if (!name)
        return NULL;
    atomic_init(&name->references, 1);
    name->bytes = bytes;
    memcpy(name->text, text, bytes + 1);
    return name;
}

static inline struct strato__name *strato__name_hold(struct strato__name *name)
{
    atomic_fetch_add_explicit(&name->references, 1, memory_order_relaxed);
    return name;
}

static inline void strato__name_drop(struct strato__name *name)
{
    if (name && atomic_fetch_sub_explicit(&name->references, 1, memory_order_acq_rel) == 1)
        free(name);
}

static inline struct strato_bytes strato__name_bytes(const struct strato__name *name)
{
    return strato_bytes(name->text, name->bytes);
}
#endif
