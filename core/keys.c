/*
 * keys.c - does a map name a key twice? Without allocating, and without quadratic time.
 *
 * Two encodings of one value are one key: fixstr "a" and str8 "a", 1 and uint8 1. Small maps are compared
 * pair by pair; larger ones go through a fixed table on the stack, a slice of the hash space per pass.
 * A map of more than STRATO_MAP_KEYS_MAX keys is refused: time would grow with the square beyond it.
 *
 * SPDX-License-Identifier: MIT
 */
#include "core/walk.h"

enum { FEW = 16, SLOTS = 4096, KEYS_PER_PASS = 1024 };

struct key {
    struct strato_bytes content;
    uint8_t kind; /* enum strato_kind; numbers by value, so that their encodings are equal */
    uint64_t number;
};

/* Read the key at *at and step over its value. */
static void key_read(const uint8_t **at, const uint8_t *end, struct key *ret_key)
{
    const uint8_t *start = *at, *p = *at;
    struct strato_token t;
    struct key k = { { NULL, 0 }, 0, 0 };

    if (strato__token(&p, end, &t) < 0 || strato__skip(at, end, 0) < 0)
        t.kind = STRATO_KIND_NIL; /* cannot be: the bytes were walked before */
    k.kind = (uint8_t)t.kind;
    switch (t.kind) {
    case STRATO_KIND_STR:
    case STRATO_KIND_BIN:
    case STRATO_KIND_TIMESTAMP:
        k.content = t.bytes;
        break;
    case STRATO_KIND_UINT:
    case STRATO_KIND_INT:
        k.number = t.u;
        break;
    default: /* as encoded */
        k.content = strato_bytes(start, (size_t)(*at - start));
    }
    (void)strato__skip(at, end, 0);
    *ret_key = k;
}

static bool key_equal(const struct key *a, const struct key *b)
{
    return a->kind == b->kind && a->number == b->number && strato_bytes_equal(a->content, b->content);
}

static uint64_t key_hash(const struct key *k)
{
    uint64_t h = 0x9E3779B97F4A7C15U ^ k->kind ^ (k->number * 0xD6E8FEB86659FD93U);

    for (size_t i = 0; i < k->content.bytes; i++)
        h = (h ^ k->content.data[i]) * 0x100000001B3U;
    h ^= h >> 32;
    return h * 0xD6E8FEB86659FD93U;
}

static bool few_differ(const uint8_t *at, const uint8_t *end, uint32_t pairs)
{
    struct key keys[FEW];

    for (uint32_t i = 0; i < pairs; i++) {
        key_read(&at, end, &keys[i]);
        for (uint32_t j = 0; j < i; j++)
            if (key_equal(&keys[i], &keys[j]))
                return false;
    }
    return true;
}

/* One pass over the keys whose hash falls into `pass` of `passes`. A pass that overflows its table says "not different". */
static bool pass_differs(const uint8_t *at, const uint8_t *end, uint32_t pairs, uint32_t pass, uint32_t passes)
{
    uint32_t slots[SLOTS] = { 0 }; /* offset of the key + 1 */
    const uint8_t *base = at;
    uint32_t used = 0;

    for (uint32_t i = 0; i < pairs; i++) {
        uint32_t offset = (uint32_t)(at - base) + 1;
        struct key k, other;
        uint64_t h;

        key_read(&at, end, &k);
        h = key_hash(&k);
        if ((uint32_t)(h >> 40) % passes != pass)
            continue;
        if (++used == SLOTS)
            return false;
        for (uint32_t s = (uint32_t)(h % SLOTS);; s = (s + 1) % SLOTS) {
            const uint8_t *p;

            if (slots[s] == 0) {
                slots[s] = offset;
                break;
            }
            p = base + (slots[s] - 1);
            key_read(&p, end, &other);
            if (key_equal(&k, &other))
                return false;
        }
    }
    return true;
}

bool strato__keys_differ(const uint8_t *at, const uint8_t *end, uint32_t pairs)
{
    uint32_t passes = (pairs + KEYS_PER_PASS - 1) / KEYS_PER_PASS;

    if (pairs <= FEW)
        return few_differ(at, end, pairs);
    if (pairs > STRATO_MAP_KEYS_MAX || (uint64_t)(end - at) >= UINT32_MAX)
        return false;
    for (uint32_t pass = 0; pass < passes; pass++)
        if (!pass_differs(at, end, pairs, pass, passes))
            return false;
    return true;
}
