/*
 * cursor.h - read msgpack in place, bounds-checked, without allocating.
 *
 * The first decoder that touches untrusted bytes. It never reads past the end, never trusts a length or
 * a count beyond the bytes that are left, refuses depth over 32 and ext types other than timestamp (-1).
 * It builds no tree: that is tree.h, which runs only on bytes this cursor has walked.
 * Source: the MessagePack specification; limits: docs/wire.md "Limits".
 *
 * Every function returns 0 or STRATO_ECODEC (bytes are not valid msgpack, end too early, go too deep,
 * or hold a refused ext) or STRATO_ESCHEMA (valid, but another kind of value, or out of the asked range).
 * On error the cursor does not move. None is thread-safe on one cursor; all are O(size of the value read).
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_CORE_CURSOR_H
#define STRATO_CORE_CURSOR_H

#include "core/bytes.h"
#include "core/errors.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    STRATO_DEPTH_MAX = 32,
    STRATO_MAP_KEYS_MAX = 16384, /* keys of one map that strato_cursor_check() compares; more are STRATO_ECODEC */
};

/** A position in borrowed bytes. `at == end` is the end; never beyond. */
struct strato_cursor {
    const uint8_t *at;
    const uint8_t *end;
};

enum strato_kind {
    STRATO_KIND_NIL,
    STRATO_KIND_BOOL,
    STRATO_KIND_UINT,      /* u: every integer >= 0, however it was encoded */
    STRATO_KIND_INT,       /* i: every integer < 0 */
    STRATO_KIND_F32,       /* f */
    STRATO_KIND_F64,       /* f */
    STRATO_KIND_STR,       /* bytes, UTF-8 not checked */
    STRATO_KIND_BIN,       /* bytes */
    STRATO_KIND_ARRAY,     /* items values follow; items <= bytes left */
    STRATO_KIND_MAP,       /* items pairs follow; 2 * items <= bytes left */
    STRATO_KIND_TIMESTAMP, /* bytes: the 4, 8 or 12 bytes of ext -1 */
};

/** One value, or the head of a container. */
struct strato_token {
    enum strato_kind kind;
    union {
        bool b;
        uint64_t u;
        int64_t i;
        double f;
        struct strato_bytes bytes;
        uint32_t items;
    };
};

static inline struct strato_cursor strato_cursor_over(struct strato_bytes bytes)
{
    struct strato_cursor c = { bytes.data, bytes.data ? bytes.data + bytes.bytes : bytes.data };

    return c;
}

static inline size_t strato_cursor_left(const struct strato_cursor *c)
{
    return (size_t)(c->end - c->at);
}

/** Read one value, or the head of a container (its items are then the next values). */
int strato_cursor_next(struct strato_cursor *c, struct strato_token *ret_token);

/** Kind of the next value without moving; STRATO_ECODEC at the end. */
int strato_cursor_peek(const struct strato_cursor *c, enum strato_kind *ret_kind);

/** Step over one whole value. Checks everything inside it, duplicate map keys excepted. */
int strato_cursor_skip(struct strato_cursor *c);

/** Step over one whole value and give its encoded bytes (borrowed). */
int strato_cursor_raw(struct strato_cursor *c, struct strato_bytes *ret_raw);

/** Strict check of one whole value: as skip, and refuses duplicate keys in any map (STRATO_ECODEC). */
int strato_cursor_check(struct strato_cursor *c);

int strato_cursor_nil(struct strato_cursor *c);
int strato_cursor_bool(struct strato_cursor *c, bool *ret);
int strato_cursor_u64(struct strato_cursor *c, uint64_t max, uint64_t *ret); /* 0..max, else ESCHEMA */
int strato_cursor_u32(struct strato_cursor *c, uint32_t max, uint32_t *ret);
int strato_cursor_i64(struct strato_cursor *c, int64_t min, int64_t max, int64_t *ret);
int strato_cursor_f64(struct strato_cursor *c, double *ret); /* f32, f64 and integers */
int strato_cursor_f32(struct strato_cursor *c, float *ret);  /* f32, f64 (rounded) and integers */
int strato_cursor_str(struct strato_cursor *c, size_t bytes_max, struct strato_bytes *ret);
int strato_cursor_bin(struct strato_cursor *c, size_t bytes_max, struct strato_bytes *ret); /* str is accepted too */
int strato_cursor_array(struct strato_cursor *c, uint32_t items_max, uint32_t *ret_items);
int strato_cursor_map(struct strato_cursor *c, uint32_t pairs_max, uint32_t *ret_pairs);

#ifdef __cplusplus
}
#endif
#endif
