/*
 * tree.h - a msgpack-c tree of bytes that the cursor has walked first.
 *
 * For tools that want any value as a whole: msgpack-c alone believes counts before it has the bytes
 * (msgpack-c#1013), so what is handed to it has been checked for depth, counts, ext and duplicate keys, and
 * its memory is bounded by values_max before it allocates anything. Not for the message path. Lives in the
 * library strato_tree, so that core itself does not link msgpack-c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_CORE_TREE_H
#define STRATO_CORE_TREE_H

#include <msgpack.h>

#include "core/bytes.h"
#include "core/errors.h"

/** Zero-initialised = empty. `root` points into itself and into the bytes it was made from. */
struct strato_tree {
    msgpack_unpacked unpacked;
    const msgpack_object *root; /* valid until strato_tree_fini() and as long as the bytes are */
};

/**
 * Build the tree of exactly one value.
 *
 * @param bytes       Borrowed for as long as the tree lives.
 * @param values_max  Most values in it, keys counted; each takes about 24 bytes.
 * @return 0; STRATO_ECODEC (not one whole valid value, or bytes behind it); STRATO_ELIMIT (more than values_max);
 *         STRATO_ENOMEM. On error the tree is empty.
 */
int strato_tree_init(struct strato_tree *tree, struct strato_bytes bytes, uint32_t values_max);
/** Accepts an empty one, and twice. */
void strato_tree_fini(struct strato_tree *tree);
#endif
