/*
 * find.c - from a wire type to its table.
 *
 * SPDX-License-Identifier: MIT
 */
#include "schemas/messages.h"

static int compare(struct strato_bytes type, const char *other)
{
    size_t other_bytes = strlen(other);
    size_t common = type.bytes < other_bytes ? type.bytes : other_bytes;
    int order = common > 0 ? memcmp(type.data, other, common) : 0;

    if (order != 0)
        return order;
    return type.bytes < other_bytes ? -1 : type.bytes > other_bytes;
}

const struct strato_message_type *strato_message_find(struct strato_bytes type)
{
    uint32_t low = 0, high = strato_messages_count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = compare(type, strato_messages[middle].type);

        if (order == 0)
            return &strato_messages[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}
