/* test_writer.c - canonical bytes, growth, and what a full buffer does. SPDX-License-Identifier: MIT */
#include "core/writer.h"
#include "tests/unit/core/lib.h"

static void assert_written(struct strato_writer *w, struct strato_bytes expected)
{
    assert_int_equal(strato_writer_error(w), 0);
    assert_true(strato_bytes_equal(strato_writer_view(w), expected));
    strato_writer_reset(w);
}

static void integers_take_their_shortest_form(void **state)
{
    struct strato_writer w = { 0 };
    (void)state;

    strato_writer_u64(&w, 127);
    strato_writer_u64(&w, 128);
    strato_writer_u64(&w, 256);
    strato_writer_u64(&w, 65536);
    strato_writer_u64(&w, 4294967296U);
    assert_written(&w, LITERAL("\x7F\xCC\x80\xCD\x01\x00\xCE\x00\x01\x00\x00\xCF\x00\x00\x00\x01\x00\x00\x00\x00"));
    strato_writer_i64(&w, -32);
    strato_writer_i64(&w, -33);
    strato_writer_i64(&w, -129);
    strato_writer_i64(&w, -32769);
    strato_writer_i64(&w, 5);
    assert_written(&w, LITERAL("\xE0\xD0\xDF\xD1\xFF\x7F\xD2\xFF\xFF\x7F\xFF\x05"));
    strato_writer_fini(&w);
}

static void heads_take_their_shortest_form(void **state)
{
    struct strato_writer w = { 0 };
    (void)state;

    strato_writer_array(&w, 15);
    strato_writer_array(&w, 16);
    strato_writer_map(&w, 15);
    strato_writer_map(&w, 65536);
    strato_writer_bin(&w, LITERAL("x"));
    strato_writer_text(&w, "");
    strato_writer_bool(&w, true);
    strato_writer_nil(&w);
    strato_writer_f32(&w, 1.0F);
    assert_written(&w, LITERAL("\x9F\xDC\x00\x10\x8F\xDF\x00\x01\x00\x00\xC4\x01x\xA0\xC3\xC0\xCA\x3F\x80\x00\x00"));
    strato_writer_fini(&w);
}

static void text_of_31_32_and_256_bytes_change_heads(void **state)
{
    char text[257];
    struct strato_writer w = { 0 };
    (void)state;

    memset(text, 'x', sizeof text);
    strato_writer_str(&w, strato_bytes(text, 31));
    assert_int_equal(w.data[0], 0xBF);
    strato_writer_reset(&w);
    strato_writer_str(&w, strato_bytes(text, 32));
    assert_int_equal(w.data[0], 0xD9);
    strato_writer_reset(&w);
    strato_writer_str(&w, strato_bytes(text, 256));
    assert_int_equal(w.data[0], 0xDA);
    assert_int_equal(w.bytes, 259);
    strato_writer_fini(&w);
}

static void a_fixed_buffer_fills_to_its_last_byte_and_no_further(void **state)
{
    uint8_t buffer[6] = { 0 };
    struct strato_writer w;
    (void)state;

    buffer[5] = 0xEE;
    strato_writer_init_fixed(&w, buffer, 5);
    strato_writer_u64(&w, 0x12345678); /* exactly five bytes */
    assert_int_equal(strato_writer_error(&w), 0);
    assert_int_equal(w.bytes, 5);
    strato_writer_nil(&w);
    assert_int_equal(strato_writer_error(&w), STRATO_ETOO_BIG);
    assert_int_equal(buffer[5], 0xEE);
    strato_writer_fini(&w);
}

static void after_an_error_nothing_more_is_written(void **state)
{
    uint8_t buffer[4];
    struct strato_writer w;
    (void)state;

    strato_writer_init_fixed(&w, buffer, sizeof buffer);
    strato_writer_text(&w, "too long for it");
    strato_writer_nil(&w);
    assert_int_equal(strato_writer_error(&w), STRATO_ETOO_BIG);
    assert_true(w.bytes <= sizeof buffer);
    assert_null(strato_writer_reserve(&w, 1));
    strato_writer_reset(&w);
    strato_writer_nil(&w);
    assert_written(&w, LITERAL("\xC0"));
}

static void a_request_for_the_whole_address_space_is_out_of_memory(void **state)
{
    struct strato_writer w = { 0 };
    (void)state;

    strato_writer_nil(&w);
    assert_null(strato_writer_reserve(&w, SIZE_MAX - 1));
    assert_int_equal(strato_writer_error(&w), STRATO_ENOMEM);
    strato_writer_fini(&w);
}

static void take_hands_over_what_was_written(void **state)
{
    struct strato_writer w = { 0 };
    size_t bytes = 0;
    uint8_t *data;
    (void)state;

    for (int i = 0; i < 1000; i++)
        strato_writer_text(&w, "growing");
    data = strato_writer_take(&w, &bytes);
    assert_non_null(data);
    assert_int_equal(bytes, 8000);
    assert_int_equal(w.bytes, 0);
    free(data);
    data = strato_writer_take(&w, &bytes); /* empty, but not NULL: NULL means an error */
    assert_non_null(data);
    assert_int_equal(bytes, 0);
    free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_take_their_shortest_form),
        cmocka_unit_test(heads_take_their_shortest_form),
        cmocka_unit_test(text_of_31_32_and_256_bytes_change_heads),
        cmocka_unit_test(a_fixed_buffer_fills_to_its_last_byte_and_no_further),
        cmocka_unit_test(after_an_error_nothing_more_is_written),
        cmocka_unit_test(a_request_for_the_whole_address_space_is_out_of_memory),
        cmocka_unit_test(take_hands_over_what_was_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
