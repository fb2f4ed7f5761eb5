/*
 * test_template.c - {{Count}} and its like.
 *
 * SPDX-License-Identifier: MIT
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/template.h"

#include <stdio.h>

static int expand(const char *text, uint64_t count, char *to, size_t bytes, char *error)
{
    struct strato_writer w = { 0 };
    int rc = template_expand(strato_text(text), count, &w, error, 240);

    snprintf(to, bytes, "%.*s", (int)w.bytes, w.data ? (const char *)w.data : "");
    strato_writer_fini(&w);
    return rc;
}

static void count_is_the_number_of_the_message(void **state)
{
    char text[64], error[240];

    (void)state;
    assert_int_equal(expand("a {{Count}} b {{Count}}", 42, text, sizeof text, error), 0);
    assert_string_equal(text, "a 42 b 42");
}

static void random_keeps_to_its_lengths(void **state)
{
    char text[64], error[240];

    (void)state;
    for (int i = 0; i < 100; i++) {
        assert_int_equal(expand("{{Random 3 5}}", 1, text, sizeof text, error), 0);
        assert_in_range(strlen(text), 3, 5);
    }
}

static void braces_that_are_no_template_stay(void **state)
{
    char text[64], error[240];

    (void)state;
    assert_int_equal(expand("{\"a\":{\"b\":1}} {{open", 1, text, sizeof text, error), 0);
    assert_string_equal(text, "{\"a\":{\"b\":1}} {{open");
    assert_false(template_is_in(strato_text("{\"a\":{\"b\":1}}")));
}

static void wrong_templates_are_named(void **state)
{
    static const char *const wrong[] = { "{{Cuont}}",   "{{Random}}", "{{Random 5 3}}", "{{Random 1 9999999}}",
                                         "{{Count 3}}", "{{}}" };
    char text[64], error[240];

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(expand(wrong[i], 1, text, sizeof text, error), STRATO_EINVAL);
        assert_non_null(strstr(error, "{{"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(count_is_the_number_of_the_message),
        cmocka_unit_test(random_keeps_to_its_lengths),
        cmocka_unit_test(braces_that_are_no_template_stay),
        cmocka_unit_test(wrong_templates_are_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
