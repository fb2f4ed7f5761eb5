/*
 * report.h - what an evolution run leaves behind for people (report.html) and for programs (result.json).
 *
 * Both files are complete in themselves: no network, no script. Nothing is computed here that is not said.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_CLI_REPORT_REPORT_H
#define STRATO_CLI_REPORT_REPORT_H

#include <stdint.h>
#include <stdio.h>

#include "cli/report/backtest.h"

/** One run. Everything borrowed. */
struct report_run {
    const char *problem; /* "strategy", "rastrigin", ... */
    const char *population_name;
    const char *data_file; /* NULL if the problem has no data */
    const char *dtype;
    uint64_t seed;
    uint32_t population, dim;
    uint64_t generations; /* done */
    /* progress, one point a report of the service, ascending */
    const double *generation, *best, *mean, *std_dev;
    size_t points;
    uint64_t evaluations;
    double seconds;
    uint32_t workers_most, workers_last; /* seen on the fitness channel */
    double best_fitness;
    const double *genome;            /* [dim] of the best */
    const struct backtest *backtest; /* NULL unless the problem is "strategy" */
};

/**
 * Write DIR/report.html and DIR/result.json, making DIR if need be. Each file is written beside its place and renamed, so a
 * reader never sees half of one.
 * @return 0; STRATO_EIO (ret_detail names file and cause); STRATO_ENOMEM.
 */
int report_write(const char *dir, const struct report_run *run, char *ret_detail, size_t detail_bytes);
/** The page alone. */
void report_page(FILE *out, const struct report_run *run);
/** The JSON alone, as text to be freed; NULL without memory. */
char *report_json(const struct report_run *run);
#endif
