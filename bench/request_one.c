/*
 * request_one.c - how long does one request take, one after the other?
 *
 * Compares the median round trip: smaller is better.
 *
 * SPDX-License-Identifier: MIT
 */
#include "bench/question.h"

const struct question question_request_one = {
    .name = "request_1",
    .title = "request, 1 in flight (p50)",
    .pattern = LOAD_REQUEST,
    .is_latency = true,
    .in_flight = 1,
    .channel = "bench.echo",
    .topic = "bench.echo",
    .targets = { { 64, PEER_DRAIN, 1.1 } },
};
