/*
 * page.c - report.html: charts, tables, and what they do not show.
 *
 * SPDX-License-Identifier: MIT
 */
#include <inttypes.h>
#include <math.h>

#include "cli/report/chart.h"
#include "cli/report/report.h"

/* Line 0 and line 1 differ in dash too, so nothing hangs on colour alone. */
static const char style[] =
    "<style>\n"
    ":root{--bg:#fbfbf9;--card:#fff;--text:#1c2126;--soft:#5b6570;--rule:#dfe3e6;--a:#0b6e99;--b:#b4570b;--shade:#"
    "0b6e9912;color-scheme:light dark}\n"
    "@media(prefers-color-scheme:dark){:root{--bg:#14181c;--card:#1b2025;--text:#e8eaec;--soft:#a3adb7;--rule:#333b43;-"
    "-a:#58b8e0;--b:#f0a35e;"
    "--shade:#58b8e01a}}\n"
    "*{box-sizing:border-box}body{margin:0;background:var(--bg);color:var(--text);font:16px/1.55 "
    "system-ui,sans-serif}\n"
    "main{max-width:52rem;margin:0 auto;padding:1.5rem 1rem 4rem}h1{font-size:1.6rem;margin:.5rem "
    "0}h2{font-size:1.15rem;margin:2.2rem 0 .6rem}\n"
    ".facts{display:flex;flex-wrap:wrap;gap:.6rem;margin:1rem 0}.facts div{background:var(--card);border:1px solid "
    "var(--rule);border-radius:8px;"
    "padding:.5rem .8rem;min-width:8rem}.facts "
    "b{display:block;font-size:1.15rem;font-variant-numeric:tabular-nums}.facts span{color:var(--soft);"
    "font-size:.85rem}\n"
    ".verdict{border-left:4px solid var(--b);background:var(--card);padding:.8rem 1rem;margin:1rem 0}\n"
    "figure{margin:1rem 0;background:var(--card);border:1px solid var(--rule);border-radius:8px;padding:.6rem}figure "
    "svg{width:100%;height:auto;"
    "display:block}figcaption{color:var(--soft);font-size:.85rem;padding:.2rem .4rem}\n"
    ".grid{stroke:var(--rule)}.tick,.key{fill:var(--soft);font-size:12px;font-family:inherit}.key{fill:var(--text)}."
    "shade{fill:var(--shade)}\n"
    ".line{fill:none;stroke-width:1.8;stroke-linejoin:round}.line0{stroke:var(--a)}.line1{stroke:var(--b);stroke-"
    "dasharray:5 3}\n"
    ".wide{overflow-x:auto}table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums;font-size:."
    "95rem}th,td{text-align:right;"
    "padding:.35rem .6rem;border-bottom:1px solid "
    "var(--rule)}th:first-child,td:first-child{text-align:left}th{color:var(--soft);font-weight:600}\n"
    "td+td{white-space:nowrap}\n"
    "@media(max-width:40rem){.tick,.key{font-size:19px}.line{stroke-width:2.6}th,td{padding:.35rem "
    ".3rem;font-size:.85rem}}\n" /* charts shrink */
    "li{margin:.25rem 0}footer{color:var(--soft);font-size:.85rem;margin-top:3rem}code{font-size:.9em}\n"
    "</style>\n";

static void fact(FILE *out, const char *name, const char *format, double value)
{
    fputs("<div><b>", out);
    fprintf(out, format, value);
    fprintf(out, "</b><span>%s</span></div>\n", name);
}

static void facts(FILE *out, const struct report_run *run)
{
    fputs("<div class=\"facts\">\n", out);
    fact(out, "best fitness", "%.6g", run->best_fitness);
    fact(out, "generations", "%.0f", (double)run->generations);
    fact(out, "population", "%.0f", run->population);
    fact(out, "evaluations", "%.0f", (double)run->evaluations);
    if (run->seconds > 0)
        fact(out, "evaluations a second", "%.0f", (double)run->evaluations / run->seconds);
    fact(out, "seconds", "%.1f", run->seconds);
    fact(out, "workers at most", "%.0f", run->workers_most);
    fputs("</div>\n", out);
}

static void fitness_chart(FILE *out, const struct report_run *run)
{
    struct chart chart = { .title =
                               "Fitness over generations: the best individual so far and the mean of the population",
                           .x_label = "generation",
                           .y_label = "fitness",
                           .x = run->generation,
                           .count = run->points,
                           .lines = { { "best", run->best }, { "mean", run->mean } },
                           .lines_count = 2,
                           .is_y_integer = true };

    fputs("<h2>How it evolved</h2>\n", out);
    chart_write(out, &chart);
}

static void equity_chart(FILE *out, const struct backtest *bt)
{
    struct chart chart = { .title = "Equity after costs, 1 at the start; shaded: days that the evolution never saw",
                           .x_label = "year",
                           .y_label = "equity",
                           .x = bt->time,
                           .count = bt->points,
                           .lines = { { "evolved strategy", bt->evolved.equity }, { "buy and hold", bt->hold.equity } },
                           .lines_count = 2,
                           .has_split = true,
                           .split = bt->time[bt->split - bt->from],
                           .before_label = "in sample",
                           .after_label = "out of sample",
                           .is_x_year = true };

    chart_write(out, &chart);
}

static void row(FILE *out, const char *name, const char *format, const double v[4])
{
    fprintf(out, "<tr><td>%s</td>", name);
    for (int i = 0; i < 4; i++) {
        fputs("<td>", out);
        fprintf(out, format, v[i]);
        fputs("</td>", out);
    }
    fputs("</tr>\n", out);
}

static void outcome_table(FILE *out, const struct backtest *bt)
{
    const struct strato_strategy_result *r[4] = { &bt->evolved.in, &bt->hold.in, &bt->evolved.out, &bt->hold.out };
    double v[9][4];

    for (int i = 0; i < 4; i++) {
        v[0][i] = r[i]->sharpe;
        v[1][i] = 100 * backtest_annual_growth(r[i]);
        v[2][i] = 100 * r[i]->total_return;
        v[3][i] = 100 * r[i]->volatility;
        v[4][i] = 100 * r[i]->drawdown;
        v[5][i] = r[i]->turnover;
        v[6][i] = 100 * r[i]->turnover * bt->rules.cost;
        v[7][i] = r[i]->trades;
        v[8][i] = r[i]->days ? 100.0 * r[i]->days_in / r[i]->days : 0;
    }
    fputs("<div class=\"wide\"><table>\n<tr><th></th><th>strategy, in sample</th><th>hold, in sample</th><th>strategy, "
          "out</th><th>hold, out</th></tr>\n",
          out);
    row(out, "Sharpe ratio, annual", "%.2f", v[0]);
    row(out, "growth a year", "%.1f %%", v[1]);
    row(out, "total return", "%.1f %%", v[2]);
    row(out, "volatility, annual", "%.1f %%", v[3]);
    row(out, "largest drawdown", "%.1f %%", v[4]);
    row(out, "turnover a year (x equity)", "%.2f", v[5]);
    row(out, "costs a year", "%.2f %%", v[6]);
    row(out, "trades", "%.0f", v[7]);
    row(out, "days with a position", "%.0f %%", v[8]);
    fputs("</table></div>\n", out);
}

static void rules_found(FILE *out, const struct strato_strategy *s)
{
    double total = 0;

    for (uint32_t m = 0; m < STRATO_STRATEGY_MARKETS; m++)
        total += s->market[m].weight;
    fputs("<h2>The rules it found</h2>\n<ul>\n", out);
    for (uint32_t m = 0; m < STRATO_STRATEGY_MARKETS; m++)
        fprintf(out,
                "<li><b>%s</b>, %.0f %% of what is invested: rising when its %u-day mean is above its %u-day mean; "
                "with momentum when its "
                "close has gained more than %.1f %% in %u days.</li>\n",
                strato_strategy_market_name(m), total > 0 ? 100 * s->market[m].weight / total : 0, s->market[m].fast,
                s->market[m].slow, 100 * s->market[m].threshold, s->market[m].look_back);
    fprintf(out,
            "<li>The trend counts %.0f %%, momentum %.0f %%. At most %.0f %% of equity is invested; changes below %.1f "
            "%% of equity are not traded. ",
            100 * s->trend_share, 100 * (1 - s->trend_share), 100 * s->exposure, 100 * s->band);
    if (s->short_share > 0)
        fprintf(out, "Falling markets are sold short at %.0f %% of size.</li>\n</ul>\n", 100 * s->short_share);
    else
        fputs("It never sells short.</li>\n</ul>\n", out);
}

static void strategy_part(FILE *out, const struct report_run *run)
{
    const struct backtest *bt = run->backtest;

    fprintf(out, "<h2>What it earned</h2>\n<p class=\"verdict\">%s</p>\n", backtest_verdict(bt));
    equity_chart(out, bt);
    outcome_table(out, bt);
    fprintf(out,
            "<p>Each change of position costs %.0f basis points of what is traded. A position decided at a day's close "
            "earns from that close to "
            "the next; the first %u days only fill the look-backs. Each column of the table is a run of its own that "
            "starts without a position. "
            "Left out, and flattering: dividends, fees for borrowing, currencies, and that a closing price can be "
            "traded at all.</p>\n",
            10000 * bt->rules.cost, bt->from);
    rules_found(out, &bt->strategy);
}

static void genome_part(FILE *out, const struct report_run *run)
{
    fputs("<h2>The best genome</h2>\n<p><code>", out);
    for (uint32_t i = 0; i < run->dim; i++)
        fprintf(out, "%s%.9g", i ? " " : "", run->genome[i]);
    fputs("</code></p>\n", out);
}

static void run_part(FILE *out, const struct report_run *run)
{
    fputs("<h2>The run</h2>\n<p>Problem <code>", out);
    chart_text(out, run->problem);
    fprintf(out,
            "</code>, %u genes (%s), seed %" PRIu64
            ". The same seed gives the same result on the C reference and on every OpenCL device, "
            "with any number of workers.",
            run->dim, run->dtype, run->seed);
    if (run->data_file) {
        fputs(" Data: <code>", out);
        chart_text(out, run->data_file);
        fputs("</code>.", out);
    }
    fputs("</p>\n", out);
}

void report_page(FILE *out, const struct report_run *run)
{
    fputs("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
          "content=\"width=device-width,initial-scale=1\">\n"
          "<title>Stratoswarm: ",
          out);
    chart_text(out, run->problem);
    fputs("</title>\n", out);
    fputs(style, out);
    fputs("</head><body><main>\n<h1>", out);
    fputs(run->backtest ? "An evolved trading strategy" : "An evolution run", out);
    fputs("</h1>\n", out);
    facts(out, run);
    fitness_chart(out, run);
    if (run->backtest)
        strategy_part(out, run);
    if (run->genome)
        genome_part(out, run);
    run_part(out, run);
    fputs("<footer>Written by strato evolve. The same figures for programs: "
          "result.json.</footer>\n</main></body></html>\n",
          out);
}
