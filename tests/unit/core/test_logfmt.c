/*
 * test_logfmt.c - a log line is one line, whatever a peer put into it.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tests/unit/core/lib.h"

#include "core/logfmt.h"
#include "core/nearest.h"

static const char *line(struct strato_log_line *l, enum strato_log_format format, const char *key,
                        struct strato_bytes value)
{
    strato_log_begin(l, format, 1767323045678, STRATO_LOG_INFO, "broker", "lease expired");
    strato_log_str(l, key, value);
    return strato_log_end(l);
}

static void logfmt_quotes_only_where_needed(void **state)
{
    struct strato_log_line l;

    (void)state;
    assert_string_equal(line(&l, STRATO_LOG_LOGFMT, "ch", LITERAL("gpu")),
                        "2026-01-02T03:04:05.678Z info broker lease expired ch=gpu\n");
    assert_string_equal(line(&l, STRATO_LOG_LOGFMT, "why", LITERAL("a b=\"c\"")),
                        "2026-01-02T03:04:05.678Z info broker lease expired why=\"a b=\\\"c\\\"\"\n");
    assert_string_equal(line(&l, STRATO_LOG_LOGFMT, "e", STRATO_BYTES_NONE),
                        "2026-01-02T03:04:05.678Z info broker lease expired e=\"\"\n");
}

static void json_is_json(void **state)
{
    struct strato_log_line l;

    (void)state;
    strato_log_begin(&l, STRATO_LOG_JSON, 0, STRATO_LOG_WARN, NULL, "slow");
    strato_log_u64(&l, "n", UINT64_MAX);
    strato_log_i64(&l, "i", -1);
    strato_log_bool(&l, "b", true);
    strato_log_f64(&l, "f", 0.25);
    strato_log_f64(&l, "nan", 0.0 / 0.0);
    assert_non_null(strstr(strato_log_end(&l),
                           "{\"ts\":\"1970-01-01T00:00:00.000Z\",\"level\":\"warn\",\"msg\":\"slow\","
                           "\"n\":18446744073709551615,\"i\":-1,\"b\":true,\"f\":0.25,\"nan\":\""));
}

static void no_value_can_forge_a_second_line(void **state)
{
    struct strato_log_line l;

    (void)state;
    for (int format = 0; format < 2; format++) {
        const char *text =
            line(&l, (enum strato_log_format)format, "name", LITERAL("x\n2026 error forged\r\x1b[31m\0y"));

        assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
        assert_null(strchr(text, '\r'));
        assert_null(strchr(text, '\x1b'));
    }
}

static void bytes_that_are_no_utf8_stay_readable(void **state)
{
    struct strato_log_line l;

    (void)state;
    assert_non_null(strstr(line(&l, STRATO_LOG_JSON, "k", LITERAL("\xff\xc3")), "\"k\":\"\\u00ff\\u00c3\""));
    assert_non_null(strstr(line(&l, STRATO_LOG_JSON, "k", LITERAL("\xc3\xa9")), "\"k\":\"\xc3\xa9\""));
}

static void a_long_line_is_cut_whole_and_says_so(void **state)
{
    static uint8_t big[4 * STRATO_LOG_LINE_BYTES];
    struct strato_log_line l;
    const char *text;

    (void)state;
    memset(big, '\x01', sizeof big);
    text = line(&l, STRATO_LOG_JSON, "big", strato_bytes(big, sizeof big));
    assert_true(strlen(text) < STRATO_LOG_LINE_BYTES);
    assert_non_null(strstr(text, ",\"truncated\":true}\n"));
    assert_null(strstr(text, "big"));
    text = line(&l, STRATO_LOG_LOGFMT, "big", strato_bytes(big, sizeof big));
    assert_non_null(strstr(text, " truncated=true\n"));
}

static void repeated_lines_are_held_back_and_counted(void **state)
{
    struct strato_log_limit limit = { 0 };
    uint64_t held;

    (void)state;
    assert_true(strato_log_limit_allows(&limit, 7, 1000, 5000, &held));
    assert_false(strato_log_limit_allows(&limit, 7, 1001, 5000, &held));
    assert_false(strato_log_limit_allows(&limit, 7, 5999, 5000, &held));
    assert_true(strato_log_limit_allows(&limit, 8, 5999, 5000, &held)); /* another subject */
    assert_true(strato_log_limit_allows(&limit, 7, 6000, 5000, &held));
    assert_int_equal(held, 2);
}

static void a_full_limit_prints_rather_than_hides(void **state)
{
    struct strato_log_limit limit = { 0 };
    uint64_t held;

    (void)state;
    for (uint64_t key = 1; key <= 3 * STRATO_LOG_LIMIT_KEYS; key++)
        assert_true(strato_log_limit_allows(&limit, key, key, 5000, &held));
}

static struct strato_bytes nearest(const char *wanted, const char *const *names)
{
    struct strato_nearest n = strato_nearest_begin(strato_text(wanted));

    for (; *names; names++)
        strato_nearest_offer(&n, strato_text(*names));
    return n.best;
}

static void the_nearest_name_is_a_slip_away(void **state)
{
    static const char *const names[] = { "gpu", "evolution", "efficiency", "consensus", NULL };

    (void)state;
    assert_text(nearest("evoluton", names), "evolution");
    assert_text(nearest("evoultion", names), "evolution");
    assert_text(nearest("GPU", names), "gpu");
    assert_text(nearest("gpus", names), "gpu");
    assert_int_equal(nearest("mailbox", names).bytes, 0);
    assert_int_equal(nearest("", names).bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logfmt_quotes_only_where_needed),
        cmocka_unit_test(json_is_json),
        cmocka_unit_test(no_value_can_forge_a_second_line),
        cmocka_unit_test(bytes_that_are_no_utf8_stay_readable),
        cmocka_unit_test(a_long_line_is_cut_whole_and_says_so),
        cmocka_unit_test(repeated_lines_are_held_back_and_counted),
        cmocka_unit_test(a_full_limit_prints_rather_than_hides),
        cmocka_unit_test(the_nearest_name_is_a_slip_away),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
