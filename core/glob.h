/*
 * glob.h - patterns over dotted names: topics of subscriptions, channels of roles and routes.
 *
 * `*` stands for exactly one segment, `>` at the end for one segment or more; everything else is itself.
 * "events.*.a17" matches "events.agent_spawned.a17", "events.>" matches it too but not "events". As in NATS;
 * a `*` or `>` inside a longer segment is an ordinary character.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_CORE_GLOB_H
#define STRATO_CORE_GLOB_H

#include "core/bytes.h"

/** May the pattern be used? No empty segment, `>` only as the last one, 1..bytes_max bytes. */
bool strato_glob_is_valid(struct strato_bytes pattern, size_t bytes_max);
/** Does the name match? O(length of both), no allocation; anything is answered for an invalid pattern, nothing is read past its end. */
bool strato_glob_match(struct strato_bytes pattern, struct strato_bytes name);
#endif
