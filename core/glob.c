/*
 * glob.c - match dotted names segment by segment.
 *
 * SPDX-License-Identifier: MIT
 */
#include "core/glob.h"

/* Take the segment at *at; it ends before the next dot or at the end. *ret_more: a dot follows it. */
static struct strato_bytes segment_take(struct strato_bytes text, size_t *at, bool *ret_more)
{
    const uint8_t *start = text.data + *at;
    size_t left = text.bytes - *at;
    const uint8_t *dot = left ? memchr(start, '.', left) : NULL;
    size_t bytes = dot ? (size_t)(dot - start) : left;

    *ret_more = dot != NULL;
    *at += bytes + (dot ? 1 : 0);
    return strato_bytes(start, bytes);
}

bool strato_glob_is_valid(struct strato_bytes pattern, size_t bytes_max)
{
    bool more = true;

    if (pattern.bytes == 0 || pattern.bytes > bytes_max)
        return false;
    for (size_t at = 0; more;) {
        struct strato_bytes segment = segment_take(pattern, &at, &more);

        if (segment.bytes == 0 || (more && strato_bytes_is(segment, ">")))
            return false;
    }
    return true;
}

bool strato_glob_match(struct strato_bytes pattern, struct strato_bytes name)
{
    size_t p = 0, n = 0;
    bool pattern_more = true, name_more = true;

    if (pattern.bytes == 0 || name.bytes == 0)
        return pattern.bytes == name.bytes;
    while (pattern_more && name_more) {
        struct strato_bytes want = segment_take(pattern, &p, &pattern_more);
        struct strato_bytes have = segment_take(name, &n, &name_more);

        if (!pattern_more && strato_bytes_is(want, ">"))
            return true;
        if (!strato_bytes_is(want, "*") && !strato_bytes_equal(want, have))
            return false;
    }
    return pattern_more == name_more;
}
