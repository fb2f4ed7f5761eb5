/*
 * test_receipt.c - receipts as a broker says them: fetched in order, bounded, and never trusted.
 *
 * SPDX-License-Identifier: MIT
 */
#include "bindings/c/receipt.h"
#include "tests/lib/scripted_broker.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void receipts_are_fetched_in_order_with_all_they_say(void **state)
{
    struct scripted_broker b;
    struct strato_receipt r;

    (void)state;
    script_open(&b);
    script_say(&b, "receipt", "ch:s id:s outcome:s attempts:u", "jobs", "one", "settled", 2);
    script_say(&b, "receipt", "ch:s id:s outcome:s reason:s attempts:u", "@bob", "two", "dead", "max_deliver", 5);
    assert_true(strato__receipt_pop(&b.session, &r));
    assert_string_equal(r.channel, "jobs");
    assert_true(r.id_bytes == 3 && memcmp(r.id, "one", 3) == 0);
    assert_int_equal(r.outcome, STRATO_OUTCOME_SETTLED);
    assert_string_equal(r.reason, "");
    assert_int_equal(r.attempts, 2);
    assert_true(strato__receipt_pop(&b.session, &r));
    assert_string_equal(r.channel, "@bob");
    assert_int_equal(r.outcome, STRATO_OUTCOME_DEAD);
    assert_string_equal(r.reason, "max_deliver");
    assert_int_equal(r.attempts, 5);
    assert_false(strato__receipt_pop(&b.session, &r));
    script_fini(&b);
}

static void a_receipt_that_makes_no_sense_is_counted_and_the_session_goes_on(void **state)
{
    struct scripted_broker b;
    char name[200];

    (void)state;
    memset(name, 'n', sizeof name);
    name[199] = '\0';
    script_open(&b);
    script_say(&b, "receipt", "ch:s id:s outcome:s", "jobs", "one", "eaten");
    script_say(&b, "receipt", "ch:s outcome:s", "jobs", "settled");
    script_say(&b, "receipt", "ch:s id:u outcome:s", "jobs", 7, "settled");
    script_say(&b, "receipt", "ch:s id:s outcome:s", "jobs", name, "settled");
    script_say(&b, "receipt", "ch:s id:s outcome:s", name, "one", "settled");
    script_say(&b, "receipt", "ch:s id:s outcome:s reason:s", "jobs", "one", "dead", name);
    assert_int_equal(b.session.receipts_count, 0);
    assert_int_equal(b.session.counters.receipts_lost, 6);
    assert_int_equal(b.session.state, STRATO__OPEN);
    script_fini(&b);
}

static void the_4097th_that_nobody_fetches_is_lost_and_counted(void **state)
{
    struct scripted_broker b;
    struct strato_receipt r;

    (void)state;
    script_open(&b);
    for (int i = 0; i < STRATO__RECEIPTS_MAX; i++)
        script_say(&b, "receipt", "ch:s id:s outcome:s attempts:u", "jobs", "x", "settled", i);
    assert_int_equal(b.session.counters.receipts_lost, 0);
    script_say(&b, "receipt", "ch:s id:s outcome:s", "jobs", "late", "settled");
    assert_int_equal(b.session.counters.receipts_lost, 1);
    for (uint32_t i = 0; i < STRATO__RECEIPTS_MAX; i++) {
        assert_true(strato__receipt_pop(&b.session, &r));
        assert_int_equal(r.attempts, i);
    }
    assert_false(strato__receipt_pop(&b.session, &r));
    script_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(receipts_are_fetched_in_order_with_all_they_say),
        cmocka_unit_test(a_receipt_that_makes_no_sense_is_counted_and_the_session_goes_on),
        cmocka_unit_test(the_4097th_that_nobody_fetches_is_lost_and_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
