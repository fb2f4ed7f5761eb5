/*
 * request_hundred.c - how many requests a second, with a hundred unanswered at a time?
 *
 * NATS: publishing with a reply inbox, its default (a flusher thread).
 *
 * SPDX-License-Identifier: MIT
 */
#include "bench/question.h"

const struct question question_request_hundred = {
    .name = "request_100",
    .title = "request, 100 in flight",
    .pattern = LOAD_REQUEST,
    .in_flight = 100,
    .channel = "bench.echo",
    .topic = "bench.echo",
    .targets = { { 64, PEER_DRAIN, 1 }, { 64, PEER_NATS, 4 } },
};
