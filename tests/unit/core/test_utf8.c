/* test_utf8.c - what is text. SPDX-License-Identifier: MIT */
#include "core/utf8.h"
#include "tests/unit/core/lib.h"

static bool is_text(const char *bytes)
{
    return strato_utf8_is_valid(strato_text(bytes));
}

static void every_length_of_character_is_text(void **state)
{
    (void)state;
    assert_true(is_text(""));
    assert_true(is_text("a\x7f"));
    assert_true(is_text("\xc2\x80\xdf\xbf"));
    assert_true(is_text("\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf"));
    assert_true(is_text("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"));
}

static void cut_overlong_surrogate_and_too_large_are_not(void **state)
{
    static const char *const bad[] = {
        "\x80",     "\xbf",         "\xc3",         "a\xe2\x82",        "\xf0\x90\x80",     "\xc0\x80",
        "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80",
        "\xff",     "\xc3("
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(is_text(bad[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_length_of_character_is_text),
        cmocka_unit_test(cut_overlong_surrogate_and_too_large_are_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
