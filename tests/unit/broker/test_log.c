/*
 * test_log.c - "event key=value" becomes a line of either form.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tests/unit/core/lib.h"

#include "broker/log.h"

static const char *split(struct strato_log_line *l, const char *text)
{
    broker_log_line(l, STRATO_LOG_JSON, 0, STRATO_LOG_INFO, "broker", text);
    return strato_log_end(l);
}

static void pairs_are_told_from_the_event(void **state)
{
    struct strato_log_line l;

    (void)state;
    assert_non_null(strstr(
        split(&l, "lease expired job=7 worker=\"w 3\" late_ms=12 id=007 free=a=b"),
        "\"msg\":\"lease expired\",\"job\":7,\"worker\":\"w 3\",\"late_ms\":12,\"id\":\"007\",\"free\":\"a=b\"}"));
}

static void an_event_alone_is_a_line(void **state)
{
    struct strato_log_line l;

    (void)state;
    assert_non_null(strstr(split(&l, "configuration read again"), "\"msg\":\"configuration read again\"}"));
    assert_non_null(strstr(split(&l, ""), "\"msg\":\"\"}"));
}

static void odd_text_is_kept_and_ends(void **state)
{
    static const char *const texts[] = {
        "a k=\"open", "a k=", "a k=1 stray words", "=x", "k=\"\\", "a \\ b=\"\\\"\" "
    };
    struct strato_log_line l;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_non_null(strchr(split(&l, texts[i]), '\n'));
    assert_non_null(strstr(split(&l, "a k=1 stray"), "\"more\":\"stray\""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pairs_are_told_from_the_event),
        cmocka_unit_test(an_event_alone_is_a_line),
        cmocka_unit_test(odd_text_is_kept_and_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
