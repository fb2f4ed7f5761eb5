/* test_glob.c - dotted patterns. SPDX-License-Identifier: MIT */
#include "core/glob.h"
#include "tests/unit/core/lib.h"

static bool matches(const char *pattern, const char *name)
{
    return strato_glob_match(strato_text(pattern), strato_text(name));
}

static void a_star_is_exactly_one_segment(void **state)
{
    (void)state;
    assert_true(matches("events.*.a17", "events.spawned.a17"));
    assert_true(matches("*", "gpu"));
    assert_false(matches("*", "gpu.x"));
    assert_false(matches("events.*", "events"));
    assert_false(matches("events.*", "events.a.b"));
}

static void an_arrow_is_the_tail_and_at_least_one_segment(void **state)
{
    (void)state;
    assert_true(matches(">", "a.b.c"));
    assert_true(matches("events.>", "events.a"));
    assert_true(matches("events.>", "events.a.b"));
    assert_false(matches("events.>", "events"));
    assert_true(matches("*.b.>", "a.b.c.d"));
}

static void all_else_is_itself(void **state)
{
    (void)state;
    assert_true(matches("a.b", "a.b"));
    assert_false(matches("a.b", "a.c"));
    assert_false(matches("a.b", "a.b.c"));
    assert_false(matches("a.b.c", "a.b"));
    assert_false(matches("a*", "ab"));
    assert_true(matches("a*", "a*"));
    assert_true(matches("", ""));
    assert_false(matches("", "a"));
    assert_false(matches("a", ""));
    assert_false(matches("a", "a."));
}

static void patterns_that_cannot_match_what_is_meant_are_invalid(void **state)
{
    (void)state;
    assert_true(strato_glob_is_valid(LITERAL("events.*.>"), 200));
    assert_false(strato_glob_is_valid(LITERAL(">.a"), 200));
    assert_false(strato_glob_is_valid(LITERAL("a..b"), 200));
    assert_false(strato_glob_is_valid(LITERAL("a."), 200));
    assert_false(strato_glob_is_valid(LITERAL(""), 200));
    assert_true(strato_glob_is_valid(LITERAL("abc"), 3));
    assert_false(strato_glob_is_valid(LITERAL("abcd"), 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_star_is_exactly_one_segment),
        cmocka_unit_test(an_arrow_is_the_tail_and_at_least_one_segment),
        cmocka_unit_test(all_else_is_itself),
        cmocka_unit_test(patterns_that_cannot_match_what_is_meant_are_invalid),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
