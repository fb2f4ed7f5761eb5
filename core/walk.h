/*
 * walk.h - the inside of the cursor: one token, one skip, on bare pointers.
 *
 * Only core/ includes it: cursor.c gives it its public shape, envelope.c and header.c use it directly
 * because a function call and a struct copy per value are what the hot path can save. Every read is
 * bounds-checked here and nowhere else.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_CORE_WALK_H
#define STRATO_CORE_WALK_H

#include "core/cursor.h"

static inline uint16_t strato__be16(const uint8_t *p)
{
    return (uint16_t)((p[0] << 8) | p[1]);
}

static inline uint32_t strato__be32(const uint8_t *p)
{
    return ((uint32_t)p[0] << 24) | ((uint32_t)p[1] << 16) | ((uint32_t)p[2] << 8) | p[3];
}

static inline uint64_t strato__be64(const uint8_t *p)
{
    return ((uint64_t)strato__be32(p) << 32) | strato__be32(p + 4);
}

/**
 * Read one value or container head at *at, moving it on success only.
 * @return 0 or STRATO_ECODEC. For containers and strings the counts are checked against the bytes left.
 */
int strato__token(const uint8_t **at, const uint8_t *end, struct strato_token *ret_token);

/** Step over one whole value when `depth` containers are open around it. Unmoved on error. */
int strato__skip(const uint8_t **at, const uint8_t *end, unsigned depth);

/** Are the keys of the `pairs` pairs at `at` all different? The bytes must have been skipped before without error. */
bool strato__keys_differ(const uint8_t *at, const uint8_t *end, uint32_t pairs);

/** A short string at *at: 1 and moved, or 0 and unmoved (anything else, or too short: ask strato__token). */
static inline int strato__short_str(const uint8_t **at, const uint8_t *end, struct strato_bytes *ret)
{
    const uint8_t *p = *at;
    size_t bytes;

    if (p >= end || (*p & 0xE0) != 0xA0)
        return 0;
    bytes = *p & 0x1F;
    if ((size_t)(end - p - 1) < bytes)
        return 0;
    ret->data = p + 1;
    ret->bytes = bytes;
    *at = p + 1 + bytes;
    return 1;
}
#endif
