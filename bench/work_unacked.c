/*
 * work_unacked.c - how fast does work go from one sender to one worker, without acknowledgement?
 *
 * NATS: a queue group. Drain broker: PULL/PUSH. Ours: a channel with `ack: no`; the bound stays exact.
 *
 * SPDX-License-Identifier: MIT
 */
#include "bench/question.h"

const struct question question_work_unacked = {
    .name = "work_unacked",
    .title = "work, unacked",
    .pattern = LOAD_WORK,
    .channel = "bench.work",
    .topic = "bench.work",
    .targets = { { 64, PEER_NATS, 4 },
                 { 1024, PEER_DRAIN, 1.6 },
                 { 65536, PEER_DRAIN, 0.95 },
                 { 1048576, PEER_DRAIN, 0.95 } },
};
