/*
 * tree.c - check, count, then let msgpack-c build.
 *
 * SPDX-License-Identifier: MIT
 */
#include "core/tree.h"

#include "core/cursor.h"

/* Values in bytes that are known to be whole: every head is one. */
static uint64_t values_count(struct strato_bytes bytes)
{
    struct strato_cursor c = strato_cursor_over(bytes);
    struct strato_token t;
    uint64_t values = 0;

    while (strato_cursor_left(&c) > 0 && strato_cursor_next(&c, &t) == 0)
        values++;
    return values;
}

int strato_tree_init(struct strato_tree *tree, struct strato_bytes bytes, uint32_t values_max)
{
    struct strato_cursor c = strato_cursor_over(bytes);
    msgpack_unpack_return got;
    size_t at = 0;
    int rc = strato_cursor_check(&c);

    *tree = (struct strato_tree){ .root = NULL };
    if (rc < 0 || strato_cursor_left(&c) > 0)
        return STRATO_ECODEC;
    if (values_count(bytes) > values_max)
        return STRATO_ELIMIT;
    msgpack_unpacked_init(&tree->unpacked);
    got = msgpack_unpack_next(&tree->unpacked, (const char *)bytes.data, bytes.bytes, &at);
    if (got != MSGPACK_UNPACK_SUCCESS) {
        strato_tree_fini(tree);
        return got == MSGPACK_UNPACK_NOMEM_ERROR ? STRATO_ENOMEM : STRATO_ECODEC;
    }
    tree->root = &tree->unpacked.data;
    return 0;
}

void strato_tree_fini(struct strato_tree *tree)
{
    msgpack_unpacked_destroy(&tree->unpacked);
    *tree = (struct strato_tree){ .root = NULL };
}
