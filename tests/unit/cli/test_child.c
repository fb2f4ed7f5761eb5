/*
 * test_child.c - commands that `strato reply --exec` runs: fed, heard, bounded.
 *
 * SPDX-License-Identifier: MIT
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/child.h"

#include <signal.h>
#include <stdlib.h>

static const struct child_limits roomy = { .output_max = 1 << 20, .timeout_ms = 60000 };

static void a_command_reads_its_input_and_its_output_is_kept(void **state)
{
    struct child_result r;

    (void)state;
    assert_int_equal(child_run("tr a-z A-Z", strato_text("hello"), NULL, &roomy, &r), 0);
    assert_int_equal(r.status, 0);
    assert_true(strato_bytes_is(strato_writer_view(&r.output), "HELLO"));
    strato_writer_fini(&r.output);
}

static void more_than_a_pipe_holds_goes_both_ways(void **state)
{
    size_t bytes = 500000;
    char *text = malloc(bytes);
    struct child_result r;

    (void)state;
    memset(text, 'x', bytes);
    assert_int_equal(child_run("cat", strato_bytes(text, bytes), NULL, &roomy, &r), 0);
    assert_int_equal(r.output.bytes, bytes);
    strato_writer_fini(&r.output);
    free(text);
}

static void a_command_need_not_read_what_it_is_given(void **state)
{
    size_t bytes = 500000;
    char *text = calloc(1, bytes);
    struct child_result r;

    (void)state;
    assert_int_equal(child_run("echo done", strato_bytes(text, bytes), NULL, &roomy, &r), 0);
    assert_int_equal(r.status, 0);
    strato_writer_fini(&r.output);
    free(text);
}

static void its_status_and_the_beginning_of_its_complaint_are_told(void **state)
{
    struct child_result r;

    (void)state;
    assert_int_equal(child_run("echo oh dear >&2; exit 7", STRATO_BYTES_NONE, NULL, &roomy, &r), 0);
    assert_int_equal(r.status, 7);
    assert_string_equal(r.errors, "oh dear\n");
    strato_writer_fini(&r.output);
}

static void output_beyond_the_limit_ends_it(void **state)
{
    const struct child_limits limits = { .output_max = 100, .timeout_ms = 60000 };
    struct child_result r;

    (void)state;
    assert_int_equal(child_run("head -c 100 /dev/zero", STRATO_BYTES_NONE, NULL, &limits, &r), 0);
    assert_false(r.is_output_too_long);
    strato_writer_fini(&r.output);
    assert_int_equal(child_run("head -c 101 /dev/zero", STRATO_BYTES_NONE, NULL, &limits, &r), 0);
    assert_true(r.is_output_too_long);
    strato_writer_fini(&r.output);
}

static void time_beyond_the_limit_ends_it_and_its_children(void **state)
{
    const struct child_limits limits = { .output_max = 100, .timeout_ms = 50 };
    struct child_result r;

    (void)state;
    assert_int_equal(child_run("sleep 1000 & sleep 1000", STRATO_BYTES_NONE, NULL, &limits, &r), 0);
    assert_true(r.was_killed);
    assert_int_equal(r.status, 128 + SIGKILL);
    strato_writer_fini(&r.output);
}

static void its_environment_has_what_was_added(void **state)
{
    char entry[] = "STRATO_TYPE=a.b";
    char *more[] = { entry, NULL };
    struct child_result r;

    (void)state;
    assert_int_equal(child_run("printf %s \"$STRATO_TYPE\"", STRATO_BYTES_NONE, more, &roomy, &r), 0);
    assert_true(strato_bytes_is(strato_writer_view(&r.output), "a.b"));
    strato_writer_fini(&r.output);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_command_reads_its_input_and_its_output_is_kept),
        cmocka_unit_test(more_than_a_pipe_holds_goes_both_ways),
        cmocka_unit_test(a_command_need_not_read_what_it_is_given),
        cmocka_unit_test(its_status_and_the_beginning_of_its_complaint_are_told),
        cmocka_unit_test(output_beyond_the_limit_ends_it),
        cmocka_unit_test(time_beyond_the_limit_ends_it_and_its_children),
        cmocka_unit_test(its_environment_has_what_was_added),
    };

    signal(SIGPIPE, SIG_IGN); /* as cli_catch_interrupts() does */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
