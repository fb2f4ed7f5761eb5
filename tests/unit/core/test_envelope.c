/* test_envelope.c - the map around every message. SPDX-License-Identifier: MIT */
#include "core/envelope.h"
#include "tests/unit/core/lib.h"

static int decode(struct strato_bytes bytes, struct strato_envelope *e)
{
    struct strato_cursor c = strato_cursor_over(bytes);
    struct strato_bytes skipped = STRATO_BYTES_NONE;
    int rc = strato_envelope_decode(&c, e, &skipped);

    assert_true(rc == 0 || c.at == bytes.data);
    if (rc == STRATO_ESCHEMA || rc == STRATO_ELIMIT)
        assert_int_equal(skipped.bytes, bytes.bytes);
    return rc;
}

/* Decode {type: "t", KEY: value}. */
static int decode_with(const char *key, struct strato_bytes value, struct strato_envelope *e)
{
    static uint8_t buffer[1024];
    struct strato_writer w;

    strato_writer_init_fixed(&w, buffer, sizeof buffer);
    strato_writer_map(&w, 2);
    strato_writer_text(&w, "type");
    strato_writer_text(&w, "t");
    strato_writer_text(&w, key);
    strato_writer_raw(&w, value);
    assert_int_equal(strato_writer_error(&w), 0);
    return decode(strato_writer_view(&w), e);
}

static int decode_with_text(const char *key, size_t bytes, struct strato_envelope *e)
{
    uint8_t buffer[600];
    char text[512];
    struct strato_writer w;

    memset(text, 'x', sizeof text);
    strato_writer_init_fixed(&w, buffer, sizeof buffer);
    strato_writer_str(&w, strato_bytes(text, bytes));
    return decode_with(key, strato_writer_view(&w), e);
}

static const struct strato_envelope_out full_out = {
    .has = STRATO_ENV_PRIORITY | STRATO_ENV_ACK,
    .type = "gpu.launch_kernel",
    .payload = { (const uint8_t *)"\x81\xA1n\x05", 4 },
    .id = { (const uint8_t *)"0123456789abcdef", 16 },
    .request_id = { (const uint8_t *)"r-1", 3 },
    .correlation_id = { (const uint8_t *)"c-1", 3 },
    .to = "a17",
    .topic = "events.x",
    .trace = "00-aa",
    .affinity = "s1",
    .order_key = "k",
    .needs = (const char *const[]){ "opencl", "fp64" },
    .needs_count = 2,
    .priority = 90,
    .ack = true,
    .receipt = true,
    .attach = 2,
    .ttl_ms = 5000,
    .delay_ms = 10,
};

static void what_is_encoded_reads_back(void **state)
{
    struct strato_writer w = { 0 };
    struct strato_envelope e;
    (void)state;

    strato_envelope_encode(&full_out, &w);
    assert_int_equal(decode(strato_writer_view(&w), &e), 0);
    assert_text(e.type, "gpu.launch_kernel");
    assert_true(strato_bytes_equal(e.payload, full_out.payload));
    assert_int_equal(e.id.bytes.bytes, 16);
    assert_int_equal(e.id.raw.bytes, 18);
    assert_text(e.request_id.bytes, "r-1");
    assert_text(e.correlation_id.bytes, "c-1");
    assert_text(e.to, "a17");
    assert_text(e.topic, "events.x");
    assert_text(e.trace, "00-aa");
    assert_text(e.affinity, "s1");
    assert_text(e.order_key, "k");
    assert_int_equal(e.needs_count, 2);
    assert_text(e.needs[1], "fp64");
    assert_int_equal(e.priority, 90);
    assert_true(e.ack && e.receipt);
    assert_int_equal(e.attach, 2);
    assert_int_equal(e.ttl_ms, 5000);
    assert_int_equal(e.delay_ms, 10);
    assert_int_equal(e.pairs, 17);
    assert_int_equal(e.stamped_pairs, 0);
    strato_writer_fini(&w);
}

static void the_least_envelope_is_a_type(void **state)
{
    struct strato_writer w = { 0 };
    struct strato_envelope e;
    (void)state;

    strato_envelope_encode(&(struct strato_envelope_out){ .type = "t" }, &w);
    assert_true(strato_bytes_equal(strato_writer_view(&w), LITERAL("\x81\xA4type\xA1t")));
    assert_int_equal(decode(strato_writer_view(&w), &e), 0);
    assert_int_equal(e.has, 0);
    assert_int_equal(e.priority, STRATO_PRIORITY_DEFAULT);
    assert_int_equal(e.payload.bytes, 0);
    strato_writer_fini(&w);
}

static void empty_affinity_travels_only_when_asked(void **state)
{
    struct strato_writer w = { 0 };
    struct strato_envelope e;
    (void)state;

    strato_envelope_encode(&(struct strato_envelope_out){ .type = "t", .has = STRATO_ENV_AFFINITY, .affinity = "" },
                           &w);
    assert_int_equal(decode(strato_writer_view(&w), &e), 0);
    assert_true(e.has & STRATO_ENV_AFFINITY);
    assert_int_equal(e.affinity.bytes, 0);
    strato_writer_fini(&w);
}

static void limits_hold_at_the_limit_and_break_one_past_it(void **state)
{
    static const struct {
        const char *key;
        size_t max;
    } limits[] = {
        { "topic", 200 },         { "to", 128 },   { "id", 64 },       { "request_id", 64 },
        { "correlation_id", 64 }, { "trace", 55 }, { "affinity", 64 }, { "order_key", 64 },
    };
    struct strato_envelope e;
    (void)state;

    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        assert_int_equal(decode_with_text(limits[i].key, limits[i].max, &e), 0);
        assert_int_equal(decode_with_text(limits[i].key, limits[i].max + 1, &e), STRATO_ELIMIT);
    }
    assert_int_equal(decode_with("attach", LITERAL("\x08"), &e), 0);
    assert_int_equal(decode_with("attach", LITERAL("\x09"), &e), STRATO_ELIMIT);
    assert_int_equal(e.attach, 9);
    assert_int_equal(decode_with("needs",
                                 LITERAL("\x98\xA1"
                                         "a\xA1"
                                         "b\xA1"
                                         "c\xA1"
                                         "d\xA1"
                                         "e\xA1"
                                         "f\xA1g\xA1h"),
                                 &e),
                     0);
    assert_int_equal(decode_with("needs", LITERAL("\x99\xA0\xA0\xA0\xA0\xA0\xA0\xA0\xA0\xA0"), &e), STRATO_ELIMIT);
}

static void a_type_of_65_bytes_is_a_limit(void **state)
{
    struct strato_writer w = { 0 };
    struct strato_envelope e;
    char type[66] = { 0 };
    (void)state;

    memset(type, 't', 65);
    strato_envelope_encode(&(struct strato_envelope_out){ .type = type }, &w);
    assert_int_equal(decode(strato_writer_view(&w), &e), STRATO_ELIMIT);
    strato_writer_fini(&w);
}

static void wrong_fields_are_schema_errors(void **state)
{
    struct strato_envelope e;
    (void)state;

    assert_int_equal(decode(LITERAL("\x80"), &e), STRATO_ESCHEMA);             /* no type */
    assert_int_equal(decode(LITERAL("\x81\xA4type\xA0"), &e), STRATO_ESCHEMA); /* empty type */
    assert_int_equal(decode(LITERAL("\x81\xA4type\x01"), &e), STRATO_ESCHEMA);
    assert_int_equal(decode(LITERAL("\x93\x01\x02\x03"), &e), STRATO_ESCHEMA);          /* no map */
    assert_int_equal(decode(LITERAL("\x82\xA4type\xA1t\x05\x06"), &e), STRATO_ESCHEMA); /* key no str */
    assert_int_equal(decode_with("priority", LITERAL("\x65"), &e), STRATO_ESCHEMA);
    assert_int_equal(decode_with("priority", LITERAL("\xFF"), &e), STRATO_ESCHEMA);
    assert_int_equal(decode_with("ttl_ms", LITERAL("\xFF"), &e), STRATO_ESCHEMA);
    assert_int_equal(decode_with("ack", LITERAL("\x01"), &e), STRATO_ESCHEMA);
    assert_int_equal(decode_with("id", LITERAL("\xC4\x02zz"), &e), STRATO_ESCHEMA);
    assert_int_equal(decode_with("needs",
                                 LITERAL("\x92\xA1"
                                         "a\x07"),
                                 &e),
                     STRATO_ESCHEMA);
    assert_int_equal(decode_with("to", LITERAL("\x92\x01\x02"), &e), STRATO_ESCHEMA);
}

static void broken_bytes_are_codec_errors(void **state)
{
    struct strato_envelope e;
    (void)state;

    assert_int_equal(decode(LITERAL("\x82\xA4type\xA1t\xA4type\xA1t"), &e), STRATO_ECODEC);      /* duplicate */
    assert_int_equal(decode(LITERAL("\x83\xA4type\xA1t\xA1z\x01\xA1z\x01"), &e), STRATO_ECODEC); /* unknown, twice */
    assert_int_equal(decode_with("payload", LITERAL("\xD4\x05\x00"), &e), STRATO_ECODEC);        /* ext */
    assert_int_equal(decode(LITERAL("\xDF\xFF\xFF\xFF\xFF"), &e), STRATO_ECODEC);
}

static void the_envelope_is_depth_1_of_32(void **state)
{
    uint8_t nested[32];
    struct strato_envelope e;
    (void)state;

    memset(nested, 0x91, sizeof nested);
    nested[30] = 0x90; /* 31 levels below the envelope's own */
    assert_int_equal(decode_with("payload", strato_bytes(nested, 31), &e), 0);
    nested[30] = 0x91;
    nested[31] = 0x90;
    assert_int_equal(decode_with("payload", strato_bytes(nested, 32), &e), STRATO_ECODEC);
}

static void numbers_are_capped_and_floats_scaled(void **state)
{
    struct strato_envelope e;
    (void)state;

    assert_int_equal(decode_with("ttl_ms", LITERAL("\xCF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"), &e), 0);
    assert_int_equal(e.ttl_ms, STRATO_TTL_MS_MAX);
    assert_int_equal(decode_with("priority", LITERAL("\xCB\x3F\xE8\0\0\0\0\0\0"), &e), 0); /* 0.75 */
    assert_int_equal(e.priority, 75);
    assert_int_equal(decode_with("priority", LITERAL("\xCB\x7F\xF8\0\0\0\0\0\0"), &e), STRATO_ESCHEMA); /* NaN */
}

static void stamps_are_stripped_and_never_an_error(void **state)
{
    struct strato_writer w = { 0 };
    struct strato_envelope e;
    (void)state;

    assert_int_equal(decode(LITERAL("\x85\xA6sender\xA4root\xA4type\xA1t\xA3seq\xA3"
                                    "bad\xA1z\x05\xA4"
                                    "call\xC3"),
                            &e),
                     0);
    assert_int_equal(e.stamped_pairs, 3);
    assert_int_equal(strato_envelope_strip(&e, &w), 2);
    assert_true(strato_bytes_equal(strato_writer_view(&w), LITERAL("\xA4type\xA1t\xA1z\x05")));
    strato_writer_fini(&w);
}

static void without_stamps_strip_copies_the_body(void **state)
{
    struct strato_writer w = { 0 };
    struct strato_envelope e;
    (void)state;

    assert_int_equal(decode(LITERAL("\x82\xA4type\xA1t\xA1z\x05"), &e), 0);
    assert_int_equal(strato_envelope_strip(&e, &w), 2);
    assert_true(strato_bytes_equal(strato_writer_view(&w), e.body));
    strato_writer_fini(&w);
}

static void every_truncation_is_a_codec_error(void **state)
{
    struct strato_writer w = { 0 };
    struct strato_envelope e;
    (void)state;

    strato_envelope_encode(&full_out, &w);
    for (size_t cut = 0; cut < w.bytes; cut++) {
        uint8_t *exact = malloc(cut ? cut : 1);

        assert_non_null(exact);
        memcpy(exact, w.data, cut);
        assert_int_equal(decode(strato_bytes(exact, cut), &e), STRATO_ECODEC);
        free(exact);
    }
    strato_writer_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_encoded_reads_back),
        cmocka_unit_test(the_least_envelope_is_a_type),
        cmocka_unit_test(empty_affinity_travels_only_when_asked),
        cmocka_unit_test(limits_hold_at_the_limit_and_break_one_past_it),
        cmocka_unit_test(a_type_of_65_bytes_is_a_limit),
        cmocka_unit_test(wrong_fields_are_schema_errors),
        cmocka_unit_test(broken_bytes_are_codec_errors),
        cmocka_unit_test(the_envelope_is_depth_1_of_32),
        cmocka_unit_test(numbers_are_capped_and_floats_scaled),
        cmocka_unit_test(stamps_are_stripped_and_never_an_error),
        cmocka_unit_test(without_stamps_strip_copies_the_body),
        cmocka_unit_test(every_truncation_is_a_codec_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
