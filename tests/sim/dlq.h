/*
 * dlq.h - asking a simulated broker about dead letters.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_TESTS_SIM_DLQ_H
#define STRATO_TESTS_SIM_DLQ_H

#include "tests/sim/world.h"

enum { DLQ_PEER = 500 }; /* who asks */

/** The arguments of one question: dlq_none, or e.g. dlq_u64("id", 3), dlq_text("reason", "expired"), dlq_all(). */
struct dlq_argument {
    const char *key, *text;
    uint64_t number;
};
#define dlq_none              ((struct dlq_argument){ 0 })
#define dlq_u64(name, value)  ((struct dlq_argument){ .key = (name), .number = (value) })
#define dlq_text(name, value) ((struct dlq_argument){ .key = (name), .text = (value) })
#define dlq_all               dlq_u64("all", 1)

/** Send "admin.dlq.<what>". `all` travels as true. */
void dlq_send(struct world *w, const char *what, const char *channel, const struct dlq_argument *arguments,
              size_t count);
/** Ask, and return the answer; free it. */
struct world_frame *dlq_ask(struct world *w, const char *what, const char *channel, struct dlq_argument argument);
/** The error that the question gets. */
void dlq_expect_err(struct world *w, const char *what, const char *channel, struct dlq_argument argument, int err);
/** A number in the answer to a question. */
uint64_t dlq_count(struct world *w, const char *what, const char *channel, struct dlq_argument argument,
                   const char *key);

/** The payload of an answer. */
struct strato_bytes dlq_answer(const struct world_frame *f);
/** The value of a key of an encoded map; fails the test if it is not there. */
struct strato_bytes dlq_value(struct strato_bytes map, const char *key);
uint64_t dlq_number(struct strato_bytes map, const char *key);
struct strato_bytes dlq_string(struct strato_bytes map, const char *key);
/** Entry k of the answer to list. */
struct strato_bytes dlq_entry(const struct world_frame *f, uint32_t k);
uint32_t dlq_entries(const struct world_frame *f);
/** The channel has exactly one dead letter, with this reason; its entry, in a frame to be freed. */
struct world_frame *dlq_only(struct world *w, const char *channel, const char *reason);
#endif
