/*
 * events.c - how fast do events get from one publisher to one subscriber?
 *
 * NATS: publish and subscribe. Drain broker: XSUB/XPUB that drops nothing. Ours: the policy `block`, so nothing is
 * dropped either.
 *
 * SPDX-License-Identifier: MIT
 */
#include "bench/question.h"

const struct question question_events = {
    .name = "events",
    .title = "events, 1 to 1",
    .pattern = LOAD_EVENTS,
    .channel = "bench.events",
    .topic = "bench.events",
    .targets = { { 64, PEER_NATS, 3.5 },
                 { 64, PEER_DRAIN, 2.5 },
                 { 1024, PEER_DRAIN, 1.6 },
                 { 65536, PEER_DRAIN, 0.95 },
                 { 1048576, PEER_DRAIN, 0.95 } },
};
