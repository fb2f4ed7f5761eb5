/*
 * reconnect.h - how long to wait before the next attempt to reach the broker.
 *
 * Doubling from a start to a cap, with up to a tenth of jitter added so that a fleet does not come back
 * in step. Rule: docs/wire.md "Sessions"; protocol.md section 9.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_BINDINGS_C_RECONNECT_H
#define STRATO_BINDINGS_C_RECONNECT_H

#include <stdint.h>

struct strato__backoff {
    uint32_t start_ms, max_ms;
    uint32_t next_ms; /* without jitter */
    uint64_t random;  /* state of the jitter, any value but 0 */
};

void strato__backoff_init(struct strato__backoff *backoff, uint32_t start_ms, uint32_t max_ms, uint64_t seed);
/** The connection works: begin anew the next time. */
void strato__backoff_reset(struct strato__backoff *backoff);
/** Microseconds to wait now; doubles the next wait. */
uint64_t strato__backoff_next_us(struct strato__backoff *backoff);
#endif
