/*
 * progress.c - four lines, or one.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cli/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

enum { REDRAW_MS = 100, LINE_MS = 2000, BAR_CELLS = 40, BLOCK_LINES = 4 };

void progress_init(struct progress *p, const struct cli *cli)
{
    *p = (struct progress){ .is_on = !cli->common->quiet, .is_redrawn = isatty(STDERR_FILENO) == 1 };
}

static void clear_block(struct progress *p)
{
    if (p->has_block)
        fprintf(stderr, "\033[%dA\r\033[J", BLOCK_LINES);
    p->has_block = false;
}

static void draw_block(struct progress *p, const struct progress_view *v)
{
    double share = v->generations ? (double)v->generation / (double)v->generations : 1;
    int filled = (int)(share * BAR_CELLS);

    clear_block(p);
    fprintf(stderr, "%s\n[", v->title);
    for (int i = 0; i < BAR_CELLS; i++)
        fputc(i < filled ? '#' : '.', stderr);
    fprintf(stderr, "] generation %" PRIu64 " of %" PRIu64 ", %.1f s", v->generation, v->generations, v->seconds);
    if (share > 0 && share < 1)
        fprintf(stderr, ", about %.0f s left", v->seconds / share - v->seconds);
    fprintf(stderr, "\nbest %.6g   mean %.6g   deviation %.3g\n", v->best, v->mean, v->std_dev);
    fprintf(stderr, "%.0f evaluations/s   workers %u   queue %" PRIu64, v->rate, v->workers, v->depth);
    if (v->local_evaluations)
        fprintf(stderr, "   by the service itself %" PRIu64, v->local_evaluations);
    fputc('\n', stderr);
    p->has_block = true;
}

void progress_show(struct progress *p, const struct progress_view *view, uint64_t now_ms, bool is_last)
{
    uint64_t pause_ms = p->is_redrawn ? REDRAW_MS : LINE_MS;

    if (!p->is_on || (!is_last && p->printed_ms && now_ms < p->printed_ms + pause_ms))
        return;
    p->printed_ms = now_ms;
    if (p->is_redrawn)
        draw_block(p, view);
    else
        fprintf(stderr,
                "generation %" PRIu64 "/%" PRIu64 " best=%.6g mean=%.6g evaluations/s=%.0f workers=%u queue=%" PRIu64
                " seconds=%.1f\n",
                view->generation, view->generations, view->best, view->mean, view->rate, view->workers, view->depth,
                view->seconds);
}

void progress_note(struct progress *p, const char *format, ...)
{
    va_list arguments;

    if (!p->is_on)
        return;
    clear_block(p);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
}
