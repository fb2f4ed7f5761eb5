/*
 * z85.c - base 85, most significant digit first.
 *
 * SPDX-License-Identifier: MIT
 */
#include "core/z85.h"

static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";

void strato_key_print(const uint8_t key[STRATO_KEY_BYTES], char ret_text[STRATO_KEY_CHARS + 1])
{
    char *to = ret_text;

    for (int i = 0; i < STRATO_KEY_BYTES; i += 4, to += 5) {
        uint32_t value = (uint32_t)key[i] << 24 | (uint32_t)key[i + 1] << 16 | (uint32_t)key[i + 2] << 8 | key[i + 3];

        for (int d = 4; d >= 0; d--, value /= 85)
            to[d] = digits[value % 85];
    }
    *to = '\0';
}

static int digit_of(uint8_t c)
{
    const char *at = c ? strchr(digits, c) : NULL;

    return at ? (int)(at - digits) : -1;
}

bool strato_key_parse(struct strato_bytes text, uint8_t ret_key[STRATO_KEY_BYTES])
{
    uint8_t key[STRATO_KEY_BYTES];

    if (text.bytes != STRATO_KEY_CHARS)
        return false;
    for (int i = 0; i < STRATO_KEY_BYTES; i += 4) {
        uint64_t value = 0;

        for (int d = 0; d < 5; d++) {
            int digit = digit_of(text.data[i / 4 * 5 + d]);

            if (digit < 0)
                return false;
            value = value * 85 + (uint64_t)digit;
        }
        if (value > UINT32_MAX)
            return false;
        for (int b = 0; b < 4; b++)
            key[i + b] = (uint8_t)(value >> (24 - 8 * b));
    }
    memcpy(ret_key, key, sizeof key);
    return true;
}
