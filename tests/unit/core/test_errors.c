/* test_errors.c - the error list, seen from C. SPDX-License-Identifier: MIT */
#include "core/errors.h"
#include "tests/unit/core/lib.h"

static void every_number_has_its_name_and_comes_back_from_it(void **state)
{
    (void)state;
#define X(name, number, text, retry)                                                                                   \
    assert_string_equal(strato_err_name(STRATO_E##name), "E_" #name);                                                  \
    assert_string_equal(strato_strerror(STRATO_E##name), text);                                                        \
    assert_int_equal(strato_err_from_name("E_" #name, strlen("E_" #name)), -(number));                                 \
    assert_int_equal(strato_err_retry(STRATO_E##name), retry);
    STRATO_ERRORS(X)
#undef X
}

static void numbers_of_the_protocol_do_not_move(void **state)
{
    (void)state;
    assert_int_equal(STRATO_EFULL, -300);
    assert_int_equal(STRATO_EPROTO, -100);
    assert_int_equal(STRATO_ENO_RESOURCES, -503);
}

static void unknown_numbers_and_names_are_survived(void **state)
{
    (void)state;
    assert_string_equal(strato_err_name(-9999), "E_UNKNOWN");
    assert_string_equal(strato_strerror(-9999), "unknown error");
    assert_non_null(strato_strerror(0));
    assert_int_equal(strato_err_from_name("E_FUL", 5), 0);
    assert_int_equal(strato_err_from_name("E_FULLER", 8), 0);
    assert_int_equal(strato_err_from_name(NULL, 0), 0);
    assert_int_equal(strato_err_retry(-9999), 'n');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_number_has_its_name_and_comes_back_from_it),
        cmocka_unit_test(numbers_of_the_protocol_do_not_move),
        cmocka_unit_test(unknown_numbers_and_names_are_survived),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
