/*
 * work_acked.c - how fast does work go when every message is leased and acknowledged?
 *
 * The peers do not acknowledge here, so the ratios say what safety costs. Ours: at least once, exact bound.
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
};
