/*
 * work_acked.c - how fast does work go when every message is leased and acknowledged?
 *
 * Redis streams and JetStream in memory acknowledge too. The drain broker and NATS do not: their ratios say what
 * safety costs. Ours: at least once, exact bound.
 *
 * SPDX-License-Identifier: MIT
 */
#include "bench/question.h"

const struct question question_work_acked = {
    .name = "work_acked",
    .title = "work, acked",
    .pattern = LOAD_WORK,
    .is_acked = true,
    .channel = "bench.acked",
    .topic = "bench.acked",
    .targets = { { 64, PEER_REDIS, 4 }, { 64, PEER_JETSTREAM_MEMORY, 30 } },
};
