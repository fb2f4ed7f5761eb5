/*
 * z85.h - keys as text: ZeroMQ RFC 32, five characters for every four bytes.
 *
 * Keys of the CURVE mechanism are 32 bytes and travel through files and command lines as 40 characters. None of these
 * is a quote, a backslash, a comma or a blank.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_CORE_Z85_H
#define STRATO_CORE_Z85_H

#include "core/bytes.h"

enum { STRATO_KEY_BYTES = 32, STRATO_KEY_CHARS = 40 };

/** Write a key and a NUL behind it. */
void strato_key_print(const uint8_t key[STRATO_KEY_BYTES], char ret_text[STRATO_KEY_CHARS + 1]);
/** Read a key. @return false if that is not 40 characters of Z85, or says more than 32 bits in five of them. */
bool strato_key_parse(struct strato_bytes text, uint8_t ret_key[STRATO_KEY_BYTES]);
#endif
