/*
 * reconnect.c - exponential back-off with jitter.
 *
 * SPDX-License-Identifier: MIT
 */
#include "bindings/c/reconnect.h"

void strato__backoff_init(struct strato__backoff *backoff, uint32_t start_ms, uint32_t max_ms, uint64_t seed)
{
    backoff->start_ms = start_ms ? start_ms : 1;
    backoff->max_ms = max_ms > backoff->start_ms ? max_ms : backoff->start_ms;
    backoff->next_ms = backoff->start_ms;
    backoff->random = seed ? seed : 1;
}

void strato__backoff_reset(struct strato__backoff *backoff)
{
    backoff->next_ms = backoff->start_ms;
}

uint64_t strato__backoff_next_us(struct strato__backoff *backoff)
{
    uint64_t wait_us = (uint64_t)backoff->next_ms * 1000;

    /* xorshift64: spreading a fleet needs no better randomness */
    backoff->random ^= backoff->random << 13;
    backoff->random ^= backoff->random >> 7;
    backoff->random ^= backoff->random << 17;
    backoff->next_ms = backoff->next_ms > backoff->max_ms / 2 ? backoff->max_ms : backoff->next_ms * 2;
    return wait_us + wait_us / 10 * (backoff->random % 1024) / 1024;
}
