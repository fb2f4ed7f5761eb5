/*
 * work_durable.c - how fast does work go when every message is on the disk before its sender hears of it?
 *
 * Ours: a durable channel. A put is confirmed after the group commit, but delivered before it; a message that is settled
 * before its commit is never written, and with a worker that keeps up, as here, most are. The peers write every message,
 * so the ratios flatter us: docs/decisions/0020 has them with every message written. Redis: AOF with appendfsync always. JetStream file: written, not synced per message.
 * SQLite: the engine of our store behind a minimal ZeroMQ broker, one row per message.
 *
 * SPDX-License-Identifier: MIT
 */
#include "bench/question.h"

const struct question question_work_durable = {
    .name = "work_durable",
    .title = "work, acked, durable",
    .pattern = LOAD_WORK,
    .is_acked = true,
    .is_durable = true,
    .channel = "bench.durable",
    .topic = "bench.durable",
    .targets = { { 64, PEER_REDIS_ALWAYS, 3 }, { 64, PEER_JETSTREAM_FILE, 5 }, { 64, PEER_SQLITE, 0.8 } },
};
