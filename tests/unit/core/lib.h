/*
 * lib.h - what the tests of core/ share: cmocka with its includes, bytes from a literal, a seeded generator.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_TESTS_CORE_LIB_H
#define STRATO_TESTS_CORE_LIB_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/bytes.h"
#include "core/cursor.h"
#include "core/writer.h"

/** The bytes of a string literal, NULs included, without the closing one. */
#define LITERAL(text)              strato_bytes(text, sizeof(text) - 1)

#define assert_text(bytes_, text_) assert_true(strato_bytes_is((bytes_), (text_)))

/** SplitMix64: small, seeded, the same everywhere. */
static inline uint64_t random_next(uint64_t *seed)
{
    uint64_t z = (*seed += 0x9E3779B97F4A7C15U);

    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31);
}

static inline uint32_t random_below(uint64_t *seed, uint32_t bound)
{
    return (uint32_t)(random_next(seed) % bound);
}
#endif
