/*
 * test_emit.c - JSON that is written: exact numbers, strings as they are, every msgpack kind.
 *
 * SPDX-License-Identifier: MIT
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/emit.h"

#include <stdlib.h>

/* One msgpack value as JSON text. */
static void assert_shows(const void *encoded, size_t bytes, const char *expected)
{
    char *text = NULL;
    size_t length = 0;
    struct emit j = { .to = open_memstream(&text, &length) };

    emit_msgpack(&j, NULL, strato_bytes(encoded, bytes));
    fclose(j.to);
    assert_string_equal(text, expected);
    free(text);
}
#define SHOWS(encoded, expected) assert_shows(encoded, sizeof(encoded) - 1, expected)

static void every_kind_of_value_has_its_text(void **state)
{
    (void)state;
    SHOWS("\xc0", "null");
    SHOWS("\xc3", "true");
    SHOWS("\xff", "-1");
    SHOWS("\xa2hi", "\"hi\"");
    SHOWS("\x92\x01\x90", "[1,[]]");
    SHOWS("\x81\xa1x\x80", "{\"x\":{}}");
    SHOWS("\xc4\x03\x00\xff\x80", "{\"$bin\":\"AP+A\"}");
}

static void integers_of_64_bits_stay_exact(void **state)
{
    (void)state;
    SHOWS("\xcf\xff\xff\xff\xff\xff\xff\xff\xff", "18446744073709551615");
    SHOWS("\xd3\x80\x00\x00\x00\x00\x00\x00\x00", "-9223372036854775808");
}

static void floats_read_back_as_themselves_and_keep_their_kind(void **state)
{
    (void)state;
    SHOWS("\xcb\x3f\xb9\x99\x99\x99\x99\x99\x9a", "0.1");
    SHOWS("\xca\x3d\xcc\xcc\xcd", "0.1");
    SHOWS("\xcb\x40\x00\x00\x00\x00\x00\x00\x00", "2.0");
    SHOWS("\xcb\x7f\xf0\x00\x00\x00\x00\x00\x00", "null");
}

static void strings_are_escaped_and_made_utf8(void **state)
{
    (void)state;
    SHOWS("\xa4\"\\\n\x01", "\"\\\"\\\\\\n\\u0001\"");
    SHOWS("\xa2\xc3\xa9", "\"\xc3\xa9\"");
    SHOWS("\xa3"
          "a\xff"
          "b",
          "\"a\\ufffdb\"");
}

static void keys_that_are_no_strings_become_strings(void **state)
{
    (void)state;
    SHOWS("\x82\x01\x02\xc3\xc2", "{\"1\":2,\"true\":false}");
}

static void timestamps_are_seconds(void **state)
{
    (void)state;
    SHOWS("\xd6\xff\x00\x00\x00\x05", "{\"$time\":5.000000000}");
}

static void what_does_not_decode_is_shown_as_bytes(void **state)
{
    (void)state;
    SHOWS("\x92\x01", "{\"$bin\":\"kgE=\"}");
}

static void documents_put_commas_where_they_belong(void **state)
{
    char *text = NULL;
    size_t length = 0;
    struct emit j = { .to = open_memstream(&text, &length) };

    (void)state;
    emit_object(&j, NULL);
    emit_u64(&j, "a", 1);
    emit_array(&j, "b");
    emit_bool(&j, NULL, true);
    emit_text(&j, NULL, NULL);
    emit_array_end(&j);
    emit_object_end(&j);
    emit_end(&j);
    fclose(j.to);
    assert_string_equal(text, "{\"a\":1,\"b\":[true,null]}\n");
    free(text);
}

static void long_binary_is_whole(void **state)
{
    uint8_t encoded[3 + 10000] = { 0xc5, 10000 >> 8, 10000 & 0xff };
    char *text = NULL;
    size_t length = 0;
    struct emit j = { .to = open_memstream(&text, &length) };

    (void)state;
    emit_msgpack(&j, NULL, STRATO_BYTES_OF(encoded));
    fclose(j.to);
    assert_int_equal(length, strlen("{\"$bin\":\"\"}") + (10000 + 2) / 3 * 4);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_value_has_its_text),
        cmocka_unit_test(integers_of_64_bits_stay_exact),
        cmocka_unit_test(floats_read_back_as_themselves_and_keep_their_kind),
        cmocka_unit_test(strings_are_escaped_and_made_utf8),
        cmocka_unit_test(keys_that_are_no_strings_become_strings),
        cmocka_unit_test(timestamps_are_seconds),
        cmocka_unit_test(what_does_not_decode_is_shown_as_bytes),
        cmocka_unit_test(documents_put_commas_where_they_belong),
        cmocka_unit_test(long_binary_is_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
