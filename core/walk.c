/*
 * walk.c - tokens and skipping, bounds-checked, without recursion and without allocation.
 *
 * Depth is bounded by an array of counters, so a bomb of nested arrays costs 33 bytes of reading, and a
 * count is compared with the bytes that are left before anybody believes it.
 *
 * SPDX-License-Identifier: MIT
 */
#include "core/walk.h"

/* Take `bytes` characters behind a head of `head` bytes. */
static inline int take_bytes(const uint8_t **at, const uint8_t *end, size_t head, size_t bytes, enum strato_kind kind,
                             struct strato_token *ret_token)
{
    const uint8_t *p = *at + head;

    if ((size_t)(end - p) < bytes)
        return STRATO_ECODEC;
    ret_token->kind = kind;
    ret_token->bytes = strato_bytes(p, bytes);
    *at = p + bytes;
    return 0;
}

static inline int take_items(const uint8_t **at, const uint8_t *end, size_t head, uint32_t items, enum strato_kind kind,
                             struct strato_token *ret_token)
{
    const uint8_t *p = *at + head;
    uint64_t values = kind == STRATO_KIND_MAP ? (uint64_t)items * 2 : items;

    if ((uint64_t)(end - p) < values) /* each value takes a byte at least */
        return STRATO_ECODEC;
    ret_token->kind = kind;
    ret_token->items = items;
    *at = p;
    return 0;
}

static inline int take_uint(const uint8_t **at, size_t bytes, uint64_t value, struct strato_token *ret_token)
{
    ret_token->kind = STRATO_KIND_UINT;
    ret_token->u = value;
    *at += bytes;
    return 0;
}

static inline int take_int(const uint8_t **at, size_t bytes, int64_t value, struct strato_token *ret_token)
{
    if (value >= 0)
        return take_uint(at, bytes, (uint64_t)value, ret_token);
    ret_token->kind = STRATO_KIND_INT;
    ret_token->i = value;
    *at += bytes;
    return 0;
}

/* The only ext that travels is the timestamp: type -1, 4, 8 or 12 bytes. */
static int take_ext(const uint8_t **at, const uint8_t *end, size_t head, size_t bytes, struct strato_token *ret_token)
{
    if ((bytes != 4 && bytes != 8 && bytes != 12) || (*at)[head - 1] != 0xFF)
        return STRATO_ECODEC;
    return take_bytes(at, end, head, bytes, STRATO_KIND_TIMESTAMP, ret_token);
}

static int take_float(const uint8_t **at, struct strato_token *ret_token)
{
    const uint8_t *p = *at;

    if (*p == 0xCA) {
        uint32_t bits = strato__be32(p + 1);
        float value;

        memcpy(&value, &bits, sizeof value);
        ret_token->kind = STRATO_KIND_F32;
        ret_token->f = (double)value;
        *at = p + 5;
    } else {
        uint64_t bits = strato__be64(p + 1);

        memcpy(&ret_token->f, &bits, sizeof bits);
        ret_token->kind = STRATO_KIND_F64;
        *at = p + 9;
    }
    return 0;
}

/* Bytes of the head (lead byte, length, ext type, or the whole number) for lead bytes C0..DF; 0 = never used. */
static const uint8_t head_bytes[32] = {
    1, 0, 1, 1, 2, 3, 5, 3, 4, 6, 5, 9, 2, 3, 5, 9, /* nil, -, false, true, bin, ext, float, uint */
    2, 3, 5, 9, 2, 2, 2, 2, 2, 2, 3, 5, 3, 5, 3, 5, /* int, fixext, str, array, map */
};

static int take_wide(const uint8_t **at, const uint8_t *end, struct strato_token *t)
{
    const uint8_t *p = *at;
    size_t head = head_bytes[*p - 0xC0];

    if (head == 0 || (size_t)(end - p) < head)
        return STRATO_ECODEC;
    switch (*p) {
    case 0xC0:
        t->kind = STRATO_KIND_NIL;
        t->u = 0;
        *at = p + 1;
        return 0;
    case 0xC2:
    case 0xC3:
        t->kind = STRATO_KIND_BOOL;
        t->u = 0;
        t->b = *p == 0xC3;
        *at = p + 1;
        return 0;
    case 0xC4:
        return take_bytes(at, end, head, p[1], STRATO_KIND_BIN, t);
    case 0xC5:
        return take_bytes(at, end, head, strato__be16(p + 1), STRATO_KIND_BIN, t);
    case 0xC6:
        return take_bytes(at, end, head, strato__be32(p + 1), STRATO_KIND_BIN, t);
    case 0xC7:
        return take_ext(at, end, head, p[1], t);
    case 0xC8:
        return take_ext(at, end, head, strato__be16(p + 1), t);
    case 0xC9:
        return take_ext(at, end, head, strato__be32(p + 1), t);
    case 0xCA:
    case 0xCB:
        return take_float(at, t);
    case 0xCC:
        return take_uint(at, head, p[1], t);
    case 0xCD:
        return take_uint(at, head, strato__be16(p + 1), t);
    case 0xCE:
        return take_uint(at, head, strato__be32(p + 1), t);
    case 0xCF:
        return take_uint(at, head, strato__be64(p + 1), t);
    case 0xD0:
        return take_int(at, head, (int8_t)p[1], t);
    case 0xD1:
        return take_int(at, head, (int16_t)strato__be16(p + 1), t);
    case 0xD2:
        return take_int(at, head, (int32_t)strato__be32(p + 1), t);
    case 0xD3:
        return take_int(at, head, (int64_t)strato__be64(p + 1), t);
    case 0xD9:
        return take_bytes(at, end, head, p[1], STRATO_KIND_STR, t);
    case 0xDA:
        return take_bytes(at, end, head, strato__be16(p + 1), STRATO_KIND_STR, t);
    case 0xDB:
        return take_bytes(at, end, head, strato__be32(p + 1), STRATO_KIND_STR, t);
    case 0xDC:
        return take_items(at, end, head, strato__be16(p + 1), STRATO_KIND_ARRAY, t);
    case 0xDD:
        return take_items(at, end, head, strato__be32(p + 1), STRATO_KIND_ARRAY, t);
    case 0xDE:
        return take_items(at, end, head, strato__be16(p + 1), STRATO_KIND_MAP, t);
    case 0xDF:
        return take_items(at, end, head, strato__be32(p + 1), STRATO_KIND_MAP, t);
    default: /* D4..D8: fixext 1, 2, 4, 8, 16 */
        return take_ext(at, end, head, (size_t)1 << (*p - 0xD4), t);
    }
}

int strato__token(const uint8_t **at, const uint8_t *end, struct strato_token *ret_token)
{
    struct strato_token t = { STRATO_KIND_NIL, { .u = 0 } };
    uint8_t lead;
    int rc;

    if (*at >= end)
        return STRATO_ECODEC;
    lead = **at;
    if (lead <= 0x7F)
        rc = take_uint(at, 1, lead, &t);
    else if (lead >= 0xE0)
        rc = take_int(at, 1, (int8_t)lead, &t);
    else if (lead >= 0xC0)
        rc = take_wide(at, end, &t);
    else if (lead >= 0xA0)
        rc = take_bytes(at, end, 1, lead & 0x1F, STRATO_KIND_STR, &t);
    else if (lead >= 0x90)
        rc = take_items(at, end, 1, lead & 0x0F, STRATO_KIND_ARRAY, &t);
    else
        rc = take_items(at, end, 1, lead & 0x0F, STRATO_KIND_MAP, &t);
    if (rc == 0)
        *ret_token = t;
    return rc;
}

int strato__skip(const uint8_t **at, const uint8_t *end, unsigned depth)
{
    uint64_t left[STRATO_DEPTH_MAX];
    const uint8_t *p = *at;
    struct strato_token t;
    unsigned open = 0;

    for (;;) {
        int rc = strato__token(&p, end, &t);

        if (rc < 0)
            return rc;
        if (t.kind == STRATO_KIND_ARRAY || t.kind == STRATO_KIND_MAP) {
            if (depth + open >= STRATO_DEPTH_MAX)
                return STRATO_ECODEC;
            if (t.items > 0) {
                left[open++] = t.kind == STRATO_KIND_MAP ? (uint64_t)t.items * 2 : t.items;
                continue;
            }
        }
        while (open > 0 && --left[open - 1] == 0)
            open--;
        if (open == 0)
            break;
    }
    *at = p;
    return 0;
}
