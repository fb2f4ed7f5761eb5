/* test_cursor.c - bombs, borders and truncations. SPDX-License-Identifier: MIT */
#include "core/cursor.h"
#include "tests/unit/core/lib.h"

static int walk(struct strato_bytes bytes)
{
    struct strato_cursor c = strato_cursor_over(bytes);
    const uint8_t *start = c.at;
    int rc = strato_cursor_skip(&c);

    assert_true(rc == 0 || c.at == start);
    assert_true(rc != 0 || c.at <= c.end);
    return rc;
}

static int check(struct strato_bytes bytes)
{
    struct strato_cursor c = strato_cursor_over(bytes);

    return strato_cursor_check(&c);
}

static void depth_32_passes_and_33_is_refused(void **state)
{
    uint8_t nested[40];
    (void)state;

    memset(nested, 0x91, sizeof nested);
    nested[31] = 0x90; /* the 32nd, empty */
    assert_int_equal(walk(strato_bytes(nested, 32)), 0);
    nested[31] = 0x91;
    nested[32] = 0x90;
    assert_int_equal(walk(strato_bytes(nested, 33)), STRATO_ECODEC);
    nested[32] = 0xC0;
    assert_int_equal(walk(strato_bytes(nested, 33)), 0);
}

static void huge_counts_in_five_bytes_are_refused(void **state)
{
    (void)state;
    assert_int_equal(walk(LITERAL("\xDD\xFF\xFF\xFF\xFF")), STRATO_ECODEC);
    assert_int_equal(walk(LITERAL("\xDF\xFF\xFF\xFF\xFF")), STRATO_ECODEC);
    assert_int_equal(walk(LITERAL("\xDF\x80\x00\x00\x00")), STRATO_ECODEC); /* twice this wraps 32 bits */
    assert_int_equal(walk(LITERAL("\xDB\xFF\xFF\xFF\xFF")), STRATO_ECODEC);
    assert_int_equal(walk(LITERAL("\xC6\xFF\xFF\xFF\xFF")), STRATO_ECODEC);
    assert_int_equal(walk(LITERAL("\xC9\xFF\xFF\xFF\xFF\xFF")), STRATO_ECODEC);
}

static void a_map_needs_two_bytes_a_pair(void **state)
{
    struct strato_cursor c = strato_cursor_over(LITERAL("\x82\x01\x02\x03"));
    struct strato_token t;
    (void)state;

    assert_int_equal(strato_cursor_next(&c, &t), STRATO_ECODEC);
}

static void ext_is_refused_but_for_the_timestamp(void **state)
{
    (void)state;
    assert_int_equal(walk(LITERAL("\xD4\x01\x00")), STRATO_ECODEC);
    assert_int_equal(walk(LITERAL("\xC7\x01\x05\x00")), STRATO_ECODEC);
    assert_int_equal(walk(LITERAL("\xD5\xFF\x00\x00")), STRATO_ECODEC);
    assert_int_equal(walk(LITERAL("\xD6\xFF\x00\x00\x00\x01")), 0);
    assert_int_equal(walk(LITERAL("\xD7\xFF\x00\x00\x00\x01\x00\x00\x00\x01")), 0);
    assert_int_equal(walk(LITERAL("\xC7\x0C\xFF\0\0\0\0\0\0\0\0\0\0\0\0")), 0);
}

static void the_unused_byte_and_the_end_are_refused(void **state)
{
    enum strato_kind kind;
    struct strato_cursor empty = strato_cursor_over(STRATO_BYTES_NONE);
    (void)state;

    assert_int_equal(walk(LITERAL("\xC1")), STRATO_ECODEC);
    assert_int_equal(walk(STRATO_BYTES_NONE), STRATO_ECODEC);
    assert_int_equal(strato_cursor_peek(&empty, &kind), STRATO_ECODEC);
}

static void every_truncation_of_a_value_is_refused(void **state)
{
    struct strato_writer w = { 0 };
    (void)state;

    strato_writer_map(&w, 5);
    strato_writer_text(&w, "a");
    strato_writer_f64(&w, 1.5);
    strato_writer_text(&w, "b");
    strato_writer_array(&w, 3);
    strato_writer_u64(&w, UINT64_MAX);
    strato_writer_i64(&w, INT64_MIN);
    strato_writer_f32(&w, 2.5F);
    strato_writer_text(&w, "c");
    strato_writer_bin(&w, LITERAL("0123456789012345"));
    strato_writer_text(&w, "d");
    strato_writer_text(&w, "a text of more than thirty-one characters");
    strato_writer_text(&w, "e");
    strato_writer_nil(&w);
    assert_int_equal(strato_writer_error(&w), 0);
    for (size_t cut = 0; cut < w.bytes; cut++) {
        uint8_t *exact = malloc(cut ? cut : 1); /* its own block, so that a sanitizer sees one byte too far */

        assert_non_null(exact);
        memcpy(exact, w.data, cut);
        assert_int_equal(walk(strato_bytes(exact, cut)), STRATO_ECODEC);
        free(exact);
    }
    assert_int_equal(walk(strato_writer_view(&w)), 0);
    assert_int_equal(check(strato_writer_view(&w)), 0);
    strato_writer_fini(&w);
}

static void integers_read_the_same_however_encoded(void **state)
{
    static const struct strato_bytes sevens[] = {
        { (const uint8_t *)"\x07", 1 },         { (const uint8_t *)"\xCC\x07", 2 },
        { (const uint8_t *)"\xCD\x00\x07", 3 }, { (const uint8_t *)"\xCE\x00\x00\x00\x07", 5 },
        { (const uint8_t *)"\xD0\x07", 2 },     { (const uint8_t *)"\xD3\x00\x00\x00\x00\x00\x00\x00\x07", 9 },
    };
    (void)state;

    for (size_t i = 0; i < sizeof sevens / sizeof sevens[0]; i++) {
        struct strato_cursor c = strato_cursor_over(sevens[i]);
        uint64_t value = 0;

        assert_int_equal(strato_cursor_u64(&c, 7, &value), 0);
        assert_int_equal(value, 7);
        assert_int_equal(strato_cursor_left(&c), 0);
        c = strato_cursor_over(sevens[i]);
        assert_int_equal(strato_cursor_u64(&c, 6, &value), STRATO_ESCHEMA);
        assert_ptr_equal(c.at, sevens[i].data);
    }
}

static void wrong_kinds_are_schema_errors_and_do_not_move(void **state)
{
    struct strato_cursor c = strato_cursor_over(LITERAL("\xA1x"));
    uint64_t u;
    int64_t i;
    bool b;
    double f;
    uint32_t n;
    (void)state;

    assert_int_equal(strato_cursor_u64(&c, UINT64_MAX, &u), STRATO_ESCHEMA);
    assert_int_equal(strato_cursor_i64(&c, INT64_MIN, INT64_MAX, &i), STRATO_ESCHEMA);
    assert_int_equal(strato_cursor_bool(&c, &b), STRATO_ESCHEMA);
    assert_int_equal(strato_cursor_f64(&c, &f), STRATO_ESCHEMA);
    assert_int_equal(strato_cursor_nil(&c), STRATO_ESCHEMA);
    assert_int_equal(strato_cursor_array(&c, 9, &n), STRATO_ESCHEMA);
    assert_int_equal(strato_cursor_map(&c, 9, &n), STRATO_ESCHEMA);
    assert_int_equal(strato_cursor_left(&c), 2);
}

static void f32_rounds_what_a_float_cannot_hold_to_infinity(void **state)
{
    struct strato_cursor c = strato_cursor_over(LITERAL("\xCB\x7F\xE0\0\0\0\0\0\0"));
    float f = 0;
    (void)state;

    assert_int_equal(strato_cursor_f32(&c, &f), 0);
    assert_true(f > 3e38F);
    c = strato_cursor_over(LITERAL("\x05"));
    assert_int_equal(strato_cursor_f32(&c, &f), 0);
    assert_true(f == 5.0F);
}

static void duplicate_keys_are_found_whatever_their_encoding(void **state)
{
    (void)state;
    assert_int_equal(check(LITERAL("\x82\xA1"
                                   "a\x01\xA1"
                                   "b\x02")),
                     0);
    assert_int_equal(check(LITERAL("\x82\xA1"
                                   "a\x01\xA1"
                                   "a\x02")),
                     STRATO_ECODEC);
    assert_int_equal(check(LITERAL("\x82\xA1"
                                   "a\x01\xD9\x01"
                                   "a\x02")),
                     STRATO_ECODEC);
    assert_int_equal(check(LITERAL("\x82\x01\x01\xCC\x01\x02")), STRATO_ECODEC);
    assert_int_equal(check(LITERAL("\x82\xA1"
                                   "a\x01\xC4\x01"
                                   "a\x02")),
                     0); /* bin is not str */
    assert_int_equal(check(LITERAL("\x91\x82\xA1"
                                   "a\x01\xA1"
                                   "a\x02")),
                     STRATO_ECODEC); /* nested */
    assert_int_equal(walk(LITERAL("\x82\xA1"
                                  "a\x01\xA1"
                                  "a\x02")),
                     0);
}

static void many_keys_are_compared_up_to_the_limit(void **state)
{
    struct strato_writer w = { 0 };
    (void)state;

    for (uint32_t pairs = STRATO_MAP_KEYS_MAX; pairs <= STRATO_MAP_KEYS_MAX + 1; pairs++) {
        strato_writer_reset(&w);
        strato_writer_map(&w, pairs);
        for (uint32_t i = 0; i < pairs; i++) {
            strato_writer_u64(&w, i);
            strato_writer_nil(&w);
        }
        assert_int_equal(check(strato_writer_view(&w)), pairs == STRATO_MAP_KEYS_MAX ? 0 : STRATO_ECODEC);
    }
    strato_writer_reset(&w);
    strato_writer_map(&w, 5000);
    for (uint32_t i = 0; i < 5000; i++) {
        strato_writer_u64(&w, i == 4999 ? 17 : i);
        strato_writer_nil(&w);
    }
    assert_int_equal(check(strato_writer_view(&w)), STRATO_ECODEC);
    strato_writer_fini(&w);
}

static void random_bytes_never_read_past_the_end(void **state)
{
    uint64_t seed = 1;
    (void)state;

    for (int round = 0; round < 20000; round++) {
        size_t bytes = random_below(&seed, 24);
        uint8_t *noise = malloc(bytes + 1);

        assert_non_null(noise);
        for (size_t i = 0; i < bytes; i++)
            noise[i] = (uint8_t)random_next(&seed);
        if (walk(strato_bytes(noise, bytes)) == 0)
            (void)check(strato_bytes(noise, bytes));
        free(noise);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(depth_32_passes_and_33_is_refused),
        cmocka_unit_test(huge_counts_in_five_bytes_are_refused),
        cmocka_unit_test(a_map_needs_two_bytes_a_pair),
        cmocka_unit_test(ext_is_refused_but_for_the_timestamp),
        cmocka_unit_test(the_unused_byte_and_the_end_are_refused),
        cmocka_unit_test(every_truncation_of_a_value_is_refused),
        cmocka_unit_test(integers_read_the_same_however_encoded),
        cmocka_unit_test(wrong_kinds_are_schema_errors_and_do_not_move),
        cmocka_unit_test(f32_rounds_what_a_float_cannot_hold_to_infinity),
        cmocka_unit_test(duplicate_keys_are_found_whatever_their_encoding),
        cmocka_unit_test(many_keys_are_compared_up_to_the_limit),
        cmocka_unit_test(random_bytes_never_read_past_the_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
