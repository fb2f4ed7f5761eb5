/*
 * progress.h - how far a long run is: a block that is redrawn on a terminal, plain lines elsewhere.
 *
 * It is talk, so it goes to stderr and --quiet silences it.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_CLI_PROGRESS_H
#define STRATO_CLI_PROGRESS_H

#include "cli/verb.h"

struct progress {
    bool is_on, is_redrawn;
    bool has_block;      /* lines of the last drawing stand above the cursor */
    uint64_t printed_ms; /* when the last plain line or drawing was made */
};

/** One look at a run. */
struct progress_view {
    const char *title; /* "strategy, population 4096, seed 7" */
    uint64_t generation, generations;
    double best, mean, std_dev;
    double rate;    /* evaluations a second */
    double seconds; /* so far */
    uint32_t workers;
    uint64_t depth; /* rows' batches that wait or run */
    uint64_t local_evaluations;
};

void progress_init(struct progress *p, const struct cli *cli);
/** Draw, but not more often than people read: 10 a second redrawn, one line every 2 s; `is_last` always draws. */
void progress_show(struct progress *p, const struct progress_view *view, uint64_t now_ms, bool is_last);
/** A line that stays, above the block. */
void progress_note(struct progress *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
#endif
