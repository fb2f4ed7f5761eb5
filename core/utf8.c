/*
 * utf8.c - see utf8.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "core/utf8.h"

#include <stddef.h>
#include <stdint.h>

/* Bytes that follow this lead byte, 9 if it leads nothing; the range of the first of them shuts out the bad forms. */
static size_t lead(uint8_t c, uint8_t *ret_low, uint8_t *ret_high)
{
    *ret_low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
    *ret_high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
    if (c < 0x80)
        return 0;
    if (c < 0xc2 || c > 0xf4)
        return 9;
    return c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
}

bool strato_utf8_is_valid(struct strato_bytes text)
{
    for (size_t i = 0; i < text.bytes;) {
        uint8_t low, high;
        size_t more = lead(text.data[i], &low, &high);

        if (more >= text.bytes - i)
            return false;
        for (size_t k = 1; k <= more; k++) {
            uint8_t c = text.data[i + k];

            if (c < low || c > high)
                return false;
            low = 0x80;
            high = 0xbf;
        }
        i += more + 1;
    }
    return true;
}
