/* test_header.c - the first map of a frame. SPDX-License-Identifier: MIT */
#include "core/header.h"
#include "tests/unit/core/lib.h"

static int decode(struct strato_bytes bytes, struct strato_header *h)
{
    struct strato_cursor c = strato_cursor_over(bytes);
    int rc = strato_header_decode(&c, STRATO_HEADER_BYTES_MAX, h);

    assert_true(rc == 0 || c.at == bytes.data);
    return rc;
}

static void a_written_header_reads_back(void **state)
{
    struct strato_writer w = { 0 };
    struct strato_header_writer hw;
    struct strato_header h;
    (void)state;

    strato_header_begin(&hw, &w, "put");
    strato_header_str(&hw, "ch", strato_text("gpu"));
    strato_header_u64(&hw, "i", 70000);
    strato_header_bool(&hw, "confirm", true);
    strato_header_raw(&hw, "rq", LITERAL("\xA1q"));
    strato_header_end(&hw);
    assert_int_equal(decode(strato_writer_view(&w), &h), 0);
    assert_int_equal(h.opcode, STRATO_OP_put);
    assert_text(h.ch, "gpu");
    assert_int_equal(h.i, 70000);
    assert_true(h.confirm);
    assert_true(strato_bytes_equal(h.rq, LITERAL("\xA1q")));
    assert_true(strato_header_has(&h, STRATO_KEY_i));
    assert_false(strato_header_has(&h, STRATO_KEY_ep));
    strato_writer_fini(&w);
}

static void defaults_are_those_of_the_operation(void **state)
{
    struct strato_header h;
    (void)state;

    assert_int_equal(decode(LITERAL("\x81\xA2op\xA3put"), &h), 0);
    assert_int_equal(h.n, 1);
    assert_int_equal(h.v, 1);
    assert_true(h.penalty);
    assert_int_equal(decode(LITERAL("\x81\xA2op\xA4ping"), &h), 0);
    assert_int_equal(h.n, 0);
    assert_int_equal(decode(LITERAL("\x82\xA2op\xA3put\xA1n\x00"), &h), 0);
    assert_int_equal(h.n, 0);
}

static void every_operation_is_found_by_its_name(void **state)
{
    (void)state;
    for (int op = 1; op < STRATO_OP_COUNT; op++) {
        struct strato_writer w = { 0 };
        struct strato_header_writer hw;
        struct strato_header h;

        strato_header_begin(&hw, &w, strato_op_name((enum strato_op)op));
        strato_header_end(&hw);
        assert_int_equal(decode(strato_writer_view(&w), &h), 0);
        assert_int_equal(h.opcode, op);
        strato_writer_fini(&w);
    }
    assert_string_equal(strato_op_name(STRATO_OP_NONE), "none");
}

static void every_key_is_found_by_its_name(void **state)
{
    (void)state;
#define VALUE_U(hw, key) strato_header_u64(hw, key, strcmp(key, "v") ? 9 : 1)
#define VALUE_B(hw, key) strato_header_bool(hw, key, true)
#define VALUE_S(hw, key) strato_header_str(hw, key, strato_text("text"))
#define VALUE_R(hw, key) strato_header_raw(hw, key, LITERAL("\x91\x01"))
#define X(name, type)                                                                                                  \
    if (strcmp(#name, "op") != 0) {                                                                                    \
        struct strato_writer w = { 0 };                                                                                \
        struct strato_header_writer hw;                                                                                \
        struct strato_header h;                                                                                        \
        strato_header_begin(&hw, &w, "ping");                                                                          \
        VALUE_##type(&hw, #name);                                                                                      \
        strato_header_end(&hw);                                                                                        \
        assert_int_equal(decode(strato_writer_view(&w), &h), 0);                                                       \
        assert_true(strato_header_has(&h, STRATO_KEY_##name));                                                         \
        strato_writer_fini(&w);                                                                                        \
    }
    STRATO_HEADER_KEYS(X)
#undef X
}

static void admin_operations_are_told_apart(void **state)
{
    struct strato_header h;
    (void)state;

    assert_int_equal(decode(LITERAL("\x81\xA2op\xAB"
                                    "admin.stats"),
                            &h),
                     0);
    assert_int_equal(h.opcode, STRATO_OP_admin);
    assert_int_equal(h.admin, STRATO_ADMIN_stats);
    assert_int_equal(decode(LITERAL("\x81\xA2op\xB1"
                                    "admin.channel.add"),
                            &h),
                     0);
    assert_int_equal(h.admin, STRATO_ADMIN_channel_add);
    assert_int_equal(decode(LITERAL("\x81\xA2op\xAB"
                                    "admin.nosuc"),
                            &h),
                     0);
    assert_int_equal(h.opcode, STRATO_OP_admin);
    assert_int_equal(h.admin, STRATO_ADMIN_NONE);
    assert_string_equal(strato_admin_name(STRATO_ADMIN_channel_add), "admin.channel.add");
}

static void unknown_keys_are_passed_over_even_nested_ones(void **state)
{
    struct strato_header h;
    (void)state;

    assert_int_equal(decode(LITERAL("\x83\xA3xyz\x92\x01\x81\x02\x03\xA2op\xA4ping\xA2zz\xC0"), &h), 0);
    assert_int_equal(h.opcode, STRATO_OP_ping);
}

static void a_uint_key_takes_a_bool(void **state)
{
    struct strato_header h;
    (void)state;

    assert_int_equal(decode(LITERAL("\x82\xA2op\xA6opened\xA7"
                                    "durable\xC3"),
                            &h),
                     0);
    assert_int_equal(h.durable, 1);
}

static void bad_headers_are_refused_by_name(void **state)
{
    struct strato_header h;
    (void)state;

    assert_int_equal(decode(LITERAL("\x92\x01\x02"), &h), STRATO_EPROTO);                           /* no map */
    assert_int_equal(decode(LITERAL("\x80"), &h), STRATO_EPROTO);                                   /* no op */
    assert_int_equal(decode(LITERAL("\x81\xA2op\xA4nope"), &h), STRATO_EPROTO);                     /* unknown op */
    assert_int_equal(decode(LITERAL("\x81\xA2op\x05"), &h), STRATO_EPROTO);                         /* typed wrongly */
    assert_int_equal(decode(LITERAL("\x82\xA2op\xA4ping\xA2op\xA4ping"), &h), STRATO_EPROTO);       /* duplicate */
    assert_int_equal(decode(LITERAL("\x83\xA2op\xA4ping\xA2zz\x01\xA2zz\x02"), &h), STRATO_EPROTO); /* unknown twice */
    assert_int_equal(decode(LITERAL("\x82\xA2op\xA4ping\x01\x02"), &h), STRATO_EPROTO);             /* key no str */
    assert_int_equal(decode(LITERAL("\x82\xA2op\xA4ping\xA1v\x02"), &h), STRATO_EVERSION);
    assert_int_equal(decode(LITERAL("\x82\xA2op\xA4ping"), &h), STRATO_ECODEC);                  /* ends early */
    assert_int_equal(decode(LITERAL("\x82\xA2op\xA4ping\xA1t\xD4\x01\x00"), &h), STRATO_ECODEC); /* ext */
    assert_int_equal(decode(STRATO_BYTES_NONE, &h), STRATO_ECODEC);
}

static void request_mark_and_channel_survive_a_refusal(void **state)
{
    struct strato_header h;
    (void)state;

    assert_int_equal(decode(LITERAL("\x84\xA1i\xA1x\xA2op\xA3put\xA2rq\x2A\xA2"
                                    "ch\xA3gpu"),
                            &h),
                     STRATO_EPROTO);
    assert_true(strato_bytes_equal(h.rq, LITERAL("\x2A")));
    assert_text(h.ch, "gpu");
    assert_int_equal(decode(LITERAL("\x83\xA1v\x07\xA2op\xA3new\xA2rq\x2A"), &h), STRATO_EVERSION);
    assert_true(strato_bytes_equal(h.rq, LITERAL("\x2A")));
}

static void a_header_of_4_kib_passes_and_one_byte_more_is_a_limit(void **state)
{
    static char filler[STRATO_HEADER_BYTES_MAX];
    (void)state;

    memset(filler, 'x', sizeof filler);
    for (size_t over = 0; over <= 1; over++) {
        struct strato_writer w = { 0 };
        struct strato_header_writer hw;
        struct strato_header h;

        strato_header_begin(&hw, &w, "ping");
        strato_header_str(&hw, "zz", strato_bytes(filler, STRATO_HEADER_BYTES_MAX - w.bytes - 3 - 3 + over));
        strato_header_end(&hw);
        assert_int_equal(w.bytes, STRATO_HEADER_BYTES_MAX + over);
        assert_int_equal(decode(strato_writer_view(&w), &h), over ? STRATO_ELIMIT : 0);
        strato_writer_fini(&w);
    }
}

static void every_truncation_is_a_codec_error(void **state)
{
    struct strato_bytes whole = LITERAL("\x84\xA2op\xA3put\xA2"
                                        "ch\xA9"
                                        "evolution\xA1i\xCD\x01\x00\xA2rq\xA3"
                                        "abc");
    struct strato_header h;
    (void)state;

    for (size_t cut = 0; cut < whole.bytes; cut++)
        assert_int_equal(decode(strato_bytes(whole.data, cut), &h), STRATO_ECODEC);
    assert_int_equal(decode(whole, &h), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_written_header_reads_back),
        cmocka_unit_test(defaults_are_those_of_the_operation),
        cmocka_unit_test(every_operation_is_found_by_its_name),
        cmocka_unit_test(every_key_is_found_by_its_name),
        cmocka_unit_test(admin_operations_are_told_apart),
        cmocka_unit_test(unknown_keys_are_passed_over_even_nested_ones),
        cmocka_unit_test(a_uint_key_takes_a_bool),
        cmocka_unit_test(bad_headers_are_refused_by_name),
        cmocka_unit_test(request_mark_and_channel_survive_a_refusal),
        cmocka_unit_test(a_header_of_4_kib_passes_and_one_byte_more_is_a_limit),
        cmocka_unit_test(every_truncation_is_a_codec_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
