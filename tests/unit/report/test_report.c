/*
 * test_report.c - the report says what was run, escapes what it was given, and never leaves half a file.
 *
 * SPDX-License-Identifier: MIT
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/report/chart.h"
#include "cli/report/report.h"
#include "core/errors.h"

static const double generation[] = { 0, 1, 2 }, best[] = { -3, -2, -1 }, mean[] = { -9, -5, NAN };
static const double genome[] = { 0.5, -0.25 };

static struct report_run small_run(void)
{
    return (struct report_run){ .problem = "sphere",
                                .dtype = "f32",
                                .seed = 7,
                                .population = 10,
                                .dim = 2,
                                .generations = 2,
                                .generation = generation,
                                .best = best,
                                .mean = mean,
                                .points = 3,
                                .evaluations = 30,
                                .seconds = 0.5,
                                .workers_most = 1,
                                .best_fitness = -1,
                                .genome = genome };
}

static char *page_of(const struct report_run *run)
{
    char *page = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&page, &bytes);

    report_page(out, run);
    fclose(out);
    return page;
}

static void page_has_a_chart_and_no_script_or_outside_reference(void **state)
{
    struct report_run run = small_run();
    char *page = page_of(&run);

    (void)state;
    assert_non_null(strstr(page, "<svg"));
    assert_null(strstr(page, "<script"));
    assert_null(strstr(page, "http"));
    assert_null(strstr(page, "nan"));
    free(page);
}

static void text_from_a_user_is_escaped(void **state)
{
    struct report_run run = small_run();
    char *page;

    (void)state;
    run.data_file = "<b>\"&.csv";
    page = page_of(&run);
    assert_null(strstr(page, "<b>\"&.csv"));
    assert_non_null(strstr(page, "&lt;b&gt;&quot;&amp;.csv"));
    free(page);
}

static void json_holds_the_figures_and_null_for_what_is_no_number(void **state)
{
    struct report_run run = small_run();
    char *text = report_json(&run);
    json_t *root = json_loads(text, 0, NULL);

    (void)state;
    assert_non_null(root);
    assert_int_equal(json_integer_value(json_object_get(root, "seed")), 7);
    assert_true(json_real_value(json_array_get(json_object_get(root, "genome"), 1)) == -0.25);
    assert_true(json_is_null(json_array_get(json_object_get(json_object_get(root, "progress"), "mean"), 2)));
    json_decref(root);
    free(text);
}

static void a_folder_that_cannot_be_made_is_named(void **state)
{
    struct report_run run = small_run();
    char detail[256] = "";

    (void)state;
    assert_int_equal(report_write("/proc/none/report", &run, detail, sizeof detail), STRATO_EIO);
    assert_non_null(strstr(detail, "/proc/none"));
}

static void a_long_line_keeps_its_peak(void **state)
{
    enum { POINTS = 100000 };
    double *x = calloc(POINTS, sizeof *x), *y = calloc(POINTS, sizeof *y);
    struct chart chart = {
        .title = "t", .x_label = "x", .y_label = "y", .x = x, .count = POINTS, .lines = { { "l", y } }, .lines_count = 1
    };
    char *svg = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&svg, &bytes);

    (void)state;
    for (int i = 0; i < POINTS; i++)
        x[i] = i;
    y[54321] = 1; /* one point, drawn at the top: 6 % below the upper margin */
    chart_write(out, &chart);
    fclose(out);
    assert_true(bytes < 60000);
    assert_non_null(strstr(svg, " 57.5"));
    free(svg);
    free(x);
    free(y);
}

static const char *write_csv(const char *text)
{
    static char path[] = "/tmp/strato-market-XXXXXX";
    int fd;
    FILE *file;

    strcpy(path + sizeof path - 7, "XXXXXX");
    fd = mkstemp(path);
    file = fdopen(fd, "w");
    fputs(text, file);
    fclose(file);
    return path;
}

static void a_bad_line_of_a_market_is_named_by_number(void **state)
{
    const char *path = write_csv("time,DAX,SMI,CAC,FTSE\n1991.5,1,2,3,4\n1991.6,1,x,3,4\n");
    struct market market = { 0 };
    char detail[256] = "";

    (void)state;
    assert_int_equal(market_load(path, &market, detail, sizeof detail), STRATO_ESCHEMA);
    assert_non_null(strstr(detail, ":3:"));
    assert_null(market.closes);
    unlink(path);
}

static void a_market_without_a_column_is_refused(void **state)
{
    const char *path = write_csv("time,DAX,SMI,CAC\n");
    struct market market = { 0 };
    char detail[256] = "";

    (void)state;
    assert_int_equal(market_load(path, &market, detail, sizeof detail), STRATO_ESCHEMA);
    assert_non_null(strstr(detail, "FTSE"));
    unlink(path);
}

static void the_real_market_gives_a_back_test_with_both_periods(void **state)
{
    struct strato_strategy_rules rules = STRATO_STRATEGY_RULES_DEFAULTS;
    struct market market = { 0 };
    struct backtest bt = { 0 };
    double genes[STRATO_STRATEGY_DIM];
    struct report_run run = small_run();
    char *page;

    (void)state;
    for (int i = 0; i < STRATO_STRATEGY_DIM; i++)
        genes[i] = 0.5;
    assert_int_equal(market_load(STRATO_DATA_DIR "/eu_stock_markets.csv", &market, NULL, 0), 0);
    assert_int_equal(market.days, 1860);
    assert_int_equal(backtest_init(&bt, genes, &market, &rules), 0);
    assert_true(bt.evolved.equity[0] > 0.99 && bt.evolved.equity[0] <= 1);
    assert_int_equal(bt.evolved.in.days + bt.evolved.out.days + 2, bt.points);
    run.backtest = &bt;
    page = page_of(&run);
    assert_non_null(strstr(page, "out of sample"));
    assert_non_null(strstr(page, backtest_verdict(&bt)));
    if (getenv("STRATO_TEST_REPORT")) /* to look at it: STRATO_TEST_REPORT=DIR */
        assert_int_equal(report_write(getenv("STRATO_TEST_REPORT"), &run, NULL, 0), 0);
    free(page);
    backtest_fini(&bt);
    market_fini(&market);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(page_has_a_chart_and_no_script_or_outside_reference),
        cmocka_unit_test(text_from_a_user_is_escaped),
        cmocka_unit_test(json_holds_the_figures_and_null_for_what_is_no_number),
        cmocka_unit_test(a_folder_that_cannot_be_made_is_named),
        cmocka_unit_test(a_long_line_keeps_its_peak),
        cmocka_unit_test(a_bad_line_of_a_market_is_named_by_number),
        cmocka_unit_test(a_market_without_a_column_is_refused),
        cmocka_unit_test(the_real_market_gives_a_back_test_with_both_periods),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
