/*
 * test_json.c - JSON that users type.
 *
 * SPDX-License-Identifier: MIT
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/json.h"

#include <stdio.h>

static void assert_reads(const char *text, const void *expected, size_t bytes)
{
    struct strato_writer w = { 0 };
    char error[160] = "";

    assert_int_equal(json_to_msgpack(strato_text(text), &w, error, sizeof error), 0);
    assert_int_equal(w.bytes, bytes);
    assert_memory_equal(w.data, expected, bytes);
    strato_writer_fini(&w);
}
#define READS(text, expected) assert_reads(text, expected, sizeof(expected) - 1)

static void values_become_canonical_msgpack(void **state)
{
    (void)state;
    READS("null", "\xc0");
    READS(" [1, -1, true] ", "\x93\x01\xff\xc3");
    READS("{\"a\":\"b\"}", "\x81\xa1"
                           "a\xa1"
                           "b");
    READS("2.0", "\xcb\x40\x00\x00\x00\x00\x00\x00\x00");
    READS("9223372036854775807", "\xcf\x7f\xff\xff\xff\xff\xff\xff\xff");
}

static void dollar_bin_becomes_bytes(void **state)
{
    (void)state;
    READS("{\"$bin\":\"AP+A\"}", "\xc4\x03\x00\xff\x80");
    READS("{\"$bin\":\"\"}", "\xc4\x00");
    READS("{\"$bin\":\"AA==\",\"x\":1}", "\x82\xa4$bin\xa4"
                                         "AA==\xa1x\x01");
}

static void what_is_no_json_says_where(void **state)
{
    static const char *const wrong[] = { "",    "{\"a\":",          "{\"a\":1,\"a\":2}",
                                         "nul", "{\"$bin\":\"%\"}", "99999999999999999999" };
    struct strato_writer w = { 0 };
    char error[160];

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        error[0] = '\0';
        strato_writer_reset(&w);
        assert_int_equal(json_to_msgpack(strato_text(wrong[i]), &w, error, sizeof error), STRATO_EINVAL);
        assert_true(error[0] != '\0');
    }
    strato_writer_fini(&w);
}

static void nesting_is_bounded_as_on_the_wire(void **state)
{
    struct strato_writer w = { 0 };
    char text[80], error[160];

    (void)state;
    for (int depth = 31; depth <= 33; depth++) {
        memset(text, '[', (size_t)depth);
        memset(text + depth, ']', (size_t)depth);
        strato_writer_reset(&w);
        assert_int_equal(json_to_msgpack(strato_bytes(text, 2 * (size_t)depth), &w, error, sizeof error),
                         depth <= 32 ? 0 : STRATO_EINVAL);
    }
    strato_writer_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_become_canonical_msgpack),
        cmocka_unit_test(dollar_bin_becomes_bytes),
        cmocka_unit_test(what_is_no_json_says_where),
        cmocka_unit_test(nesting_is_bounded_as_on_the_wire),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
