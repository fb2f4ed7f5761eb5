/*
 * chart.h - a line chart as one self-contained SVG element.
 *
 * Colours are CSS variables of the page around it, so a chart follows light and dark. Lines differ in dash as well as in
 * colour. It draws what it is given: scaling and ticks, no statistics.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_CLI_REPORT_CHART_H
#define STRATO_CLI_REPORT_CHART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { CHART_LINES_MAX = 4, CHART_POINTS_MAX = 1200 };

struct chart_line {
    const char *name;
    const double *y; /* count values; a value that is not finite leaves a hole */
};

struct chart {
    const char *title, *x_label, *y_label;
    const double *x; /* count values, ascending */
    size_t count;
    struct chart_line lines[CHART_LINES_MAX];
    size_t lines_count;
    bool has_split; /* x values from `split` on are shaded */
    double split;
    const char *before_label, *after_label;
    bool is_y_integer, is_x_year; /* tick formats */
};

/** Write <svg>...</svg>. Long lines are thinned to their extremes per pixel column, so no peak is lost. */
void chart_write(FILE *out, const struct chart *chart);
/** Text with &, <, > and quotes escaped; for whatever came from a user. */
void chart_text(FILE *out, const char *text);
#endif
