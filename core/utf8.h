/*
 * utf8.h - is this text? Names that peers choose are shown to others, whose decoders may be strict.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_CORE_UTF8_H
#define STRATO_CORE_UTF8_H

#include <stdbool.h>

#include "core/bytes.h"

/** Well-formed UTF-8 as in RFC 3629: nothing overlong, no surrogates, nothing past U+10FFFF. */
bool strato_utf8_is_valid(struct strato_bytes text);
#endif
