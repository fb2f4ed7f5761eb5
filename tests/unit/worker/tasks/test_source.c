/*
 * test_source.c - what is refused in source and options, and what is cut out of a log.
 *
 * SPDX-License-Identifier: MIT
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "worker/tasks/source.h"

static void includes_are_refused_however_they_are_written(void **state)
{
    static const char *const sources[] = {
        "#include <x>",
        "  #  include \"x\"",
        "#\\\ninclude \"x\"",
        "#inc\\\nlude \"x\"",
        "# /* y */ include <x>",
        "%:include <x>",
        "?\?=include <x>",
        "#include_next <x>",
        "int a; /* c */ #include <x>\n",
        "#import <x>",
        "#embed <x>",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++)
        assert_non_null(source_refused(sources[i]));
}

static void assembly_is_refused(void **state)
{
    static const char *const sources[] = { "asm(\"nop\");", "__asm__ volatile(\"\")", "x = 1; __asm(\"\")",
                                           "a\\\nsm(\"\")", "#if __has_include(<stdio.h>)" };

    (void)state;
    for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++)
        assert_non_null(source_refused(sources[i]));
}

static void honest_source_passes(void **state)
{
    static const char *const sources[] = {
        "kernel void k(global int *x) { x[0] = 1; }",
        "// #include <x>\n",
        "/* asm */ int a;",
        "int plasma, asm_count;",
        "constant char *s = \"asm #include\";",
        "#define N 4\n#pragma OPENCL FP_CONTRACT OFF\n#ifdef X\n#endif\n",
        "",
        "'",
        "\"",
        "/*",
        "a / b; c /= d;",
        "x\\",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++)
        assert_null(source_refused(sources[i]));
}

static void only_listed_options_pass(void **state)
{
    char word[32];

    (void)state;
    assert_null(options_refused("", word, sizeof(word)));
    assert_null(options_refused("-D N=4 -DM=5  -cl-std=CL1.2 -cl-mad-enable", word, sizeof(word)));
    assert_string_equal(options_refused("-D N=4 -I /etc", word, sizeof(word)), "-I");
    assert_string_equal(options_refused("-include", word, sizeof(word)), "-include");
    assert_string_equal(options_refused("-D -I/etc", word, sizeof(word)), "-I/etc");
    assert_non_null(options_refused("-D A=\"x", word, sizeof(word)));
    assert_non_null(options_refused("/etc/passwd", word, sizeof(word)));
}

static void paths_leave_the_log(void **state)
{
    char log[] = "/tmp/pocl/tempfile_x.cl:3:5: error: a/b is no 1 / 2\nIn file included from \"/usr/share/y.h\":1 (/z)";

    (void)state;
    log_strip_paths(log);
    assert_string_equal(log, "tempfile_x.cl:3:5: error: a/b is no 1 / 2\nIn file included from \"y.h\":1 (z)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(includes_are_refused_however_they_are_written),
        cmocka_unit_test(assembly_is_refused),
        cmocka_unit_test(honest_source_passes),
        cmocka_unit_test(only_listed_options_pass),
        cmocka_unit_test(paths_leave_the_log),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
