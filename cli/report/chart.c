/*
 * chart.c - scales, ticks, lines.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cli/report/chart.h"

#include <math.h>

enum { WIDTH = 760, HEIGHT = 340, LEFT = 64, RIGHT = 16, TOP = 44, BOTTOM = 44 };

struct scale {
    double low, high;       /* values */
    double at_low, at_high; /* pixels */
};

static double place(const struct scale *s, double value)
{
    return s->at_low + (value - s->low) / (s->high - s->low) * (s->at_high - s->at_low);
}

void chart_text(FILE *out, const char *text)
{
    for (; *text; text++) {
        switch (*text) {
        case '&':
            fputs("&amp;", out);
            break;
        case '<':
            fputs("&lt;", out);
            break;
        case '>':
            fputs("&gt;", out);
            break;
        case '"':
            fputs("&quot;", out);
            break;
        default:
            fputc(*text, out);
        }
    }
}

/* The step out of 1, 2, 5 times a power of ten that gives at most `most` ticks. */
static double tick_step(double span, int most)
{
    double step = pow(10, floor(log10(span / most)));

    if (span / step <= most)
        return step;
    if (span / (2 * step) <= most)
        return 2 * step;
    if (span / (5 * step) <= most)
        return 5 * step;
    return 10 * step;
}

static int decimals(double step)
{
    int n = (int)ceil(-log10(step) - 1e-9);

    return n < 0 ? 0 : n > 6 ? 6 : n;
}

static void y_axis(FILE *out, const struct scale *y, const char *label)
{
    double step = tick_step(y->high - y->low, 6);

    for (double v = ceil(y->low / step) * step; v <= y->high + step * 1e-9; v += step) {
        double at = place(y, v);
        double shown = fabs(v) < step / 2 ? 0 : v;

        fprintf(out, "<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>", LEFT, WIDTH - RIGHT, at, at);
        fprintf(out, "<text class=\"tick\" x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%.*f</text>\n", LEFT - 8, at + 4,
                decimals(step), shown);
    }
    fprintf(out, "<text class=\"tick\" x=\"%d\" y=\"%d\">", 8, TOP - 14);
    chart_text(out, label);
    fputs("</text>\n", out);
}

static void x_axis(FILE *out, const struct scale *x, const struct chart *chart)
{
    double step = tick_step(x->high - x->low, 8);

    if ((chart->is_x_year || chart->is_y_integer) && step < 1)
        step = 1;
    for (double v = ceil(x->low / step) * step; v <= x->high + step * 1e-9; v += step)
        fprintf(out, "<text class=\"tick\" x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%.*f</text>\n", place(x, v),
                HEIGHT - BOTTOM + 18, decimals(step), v);
    fprintf(out, "<text class=\"tick\" x=\"%d\" y=\"%d\" text-anchor=\"end\">", WIDTH - RIGHT, HEIGHT - 8);
    chart_text(out, chart->x_label);
    fputs("</text>\n", out);
}

static void shade(FILE *out, const struct scale *x, const struct chart *chart)
{
    double at = place(x, chart->split);

    fprintf(out, "<rect class=\"shade\" x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\"/>", at, TOP,
            WIDTH - RIGHT - at, HEIGHT - TOP - BOTTOM);
    fprintf(out, "<text class=\"tick\" x=\"%.1f\" y=\"%d\" text-anchor=\"end\">", at - 6, TOP + 14);
    chart_text(out, chart->before_label);
    fprintf(out, "</text><text class=\"tick\" x=\"%.1f\" y=\"%d\">", at + 6, TOP + 14);
    chart_text(out, chart->after_label);
    fputs("</text>\n", out);
}

/* Of many points that fall into one pixel column only the lowest and the highest are drawn, in their order. */
static void line_points(FILE *out, const struct chart *chart, const double *values, const struct scale *x,
                        const struct scale *y)
{
    size_t stride =
        chart->count > CHART_POINTS_MAX ? (chart->count + CHART_POINTS_MAX / 2 - 1) / (CHART_POINTS_MAX / 2) : 1;
    bool is_down = false;

    for (size_t i = 0; i < chart->count; i += stride) {
        size_t end = i + stride < chart->count ? i + stride : chart->count;
        size_t low = i, high = i;

        for (size_t k = i; k < end; k++) {
            low = values[k] < values[low] ? k : low;
            high = values[k] > values[high] ? k : high;
        }
        for (int pass = 0; pass < (low == high ? 1 : 2); pass++) {
            size_t k = (pass == 0) == (low < high) ? low : high;

            if (!isfinite(values[k])) {
                is_down = false;
                continue;
            }
            fprintf(out, "%c%.1f %.1f", is_down ? 'L' : 'M', place(x, chart->x[k]), place(y, values[k]));
            is_down = true;
        }
    }
}

static bool ranges(const struct chart *chart, struct scale *x, struct scale *y)
{
    double low = INFINITY, high = -INFINITY, margin;

    if (chart->count == 0)
        return false;
    for (size_t l = 0; l < chart->lines_count; l++) {
        for (size_t i = 0; i < chart->count; i++) {
            double v = chart->lines[l].y[i];

            if (isfinite(v)) {
                low = fmin(low, v);
                high = fmax(high, v);
            }
        }
    }
    if (!isfinite(low))
        return false;
    margin = high > low ? (high - low) * 0.06 : fabs(high) * 0.1 + 0.5;
    *y = (struct scale){ low - margin, high + margin, HEIGHT - BOTTOM, TOP };
    *x = (struct scale){ chart->x[0], chart->x[chart->count - 1], LEFT, WIDTH - RIGHT };
    if (!(x->high > x->low))
        x->high = x->low + 1;
    return true;
}

void chart_write(FILE *out, const struct chart *chart)
{
    struct scale x, y;

    fprintf(out, "<figure><svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"", WIDTH, HEIGHT);
    chart_text(out, chart->title);
    fputs("\">\n", out);
    if (!ranges(chart, &x, &y)) {
        fprintf(out, "<text class=\"tick\" x=\"%d\" y=\"%d\">nothing to draw</text></svg></figure>\n", LEFT,
                HEIGHT / 2);
        return;
    }
    if (chart->has_split)
        shade(out, &x, chart);
    y_axis(out, &y, chart->y_label);
    x_axis(out, &x, chart);
    for (size_t l = 0; l < chart->lines_count; l++) {
        fprintf(out, "<path class=\"line line%zu\" d=\"", l);
        line_points(out, chart, chart->lines[l].y, &x, &y);
        fputs("\"/>\n", out);
    }
    for (size_t l = 0; l < chart->lines_count; l++) {
        int at = LEFT + 60 + (int)l * 230;

        fprintf(out, "<path class=\"line line%zu\" d=\"M%d %dh28\"/><text class=\"key\" x=\"%d\" y=\"%d\">", l, at, 16,
                at + 34, 20);
        chart_text(out, chart->lines[l].name);
        fputs("</text>\n", out);
    }
    fputs("</svg><figcaption>", out);
    chart_text(out, chart->title);
    fputs("</figcaption></figure>\n", out);
}
