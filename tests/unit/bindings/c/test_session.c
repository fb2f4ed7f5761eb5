/*
 * test_session.c - hello, liveness, losing the broker and finding it again.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tests/lib/scripted_broker.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void a_session_opens_with_hello_and_welcome(void **state)
{
    struct scripted_broker b;
    struct script_frame hello;

    (void)state;
    script_init(&b, NULL);
    script_connect(&b);
    hello = script_expect(&b, "hello");
    assert_true(strato_bytes_is(hello.header.agent, "tester"));
    assert_int_equal(hello.header.hb_ms, 5000);

    script_say(&b, "welcome", "sid:s agent:s token:s ep:u epoch:u hb_ms:u", "s9", "tester2", "t", 1, 5, 2000);

    assert_int_equal(b.session.state, STRATO__OPEN);
    assert_string_equal(b.session.agent, "tester2");
    assert_int_equal(b.session.hb_us, 2000000);
    script_fini(&b);
}

static void a_refused_name_ends_the_first_session(void **state)
{
    struct scripted_broker b;

    (void)state;
    script_init(&b, NULL);
    script_connect(&b);
    script_expect(&b, "hello");

    script_say(&b, "err", "code:u name:s detail:s", 208, "E_NAME_IN_USE", "tester is connected already");

    assert_int_equal(strato__session_check(&b.session), STRATO_ENAME_IN_USE);
    assert_string_equal(b.session.detail, "tester is connected already");
    script_fini(&b);
}

static void an_idle_session_pings_once_per_interval(void **state)
{
    struct scripted_broker b;

    (void)state;
    script_open(&b);

    script_pass_ms(&b, 4999);
    script_expect_nothing(&b);
    script_pass_ms(&b, 1);
    script_expect(&b, "ping");
    script_expect_nothing(&b);
    script_fini(&b);
}

static void a_ping_of_the_broker_is_answered_with_its_mark(void **state)
{
    struct scripted_broker b;
    struct script_frame pong;
    uint8_t seven = 7;

    (void)state;
    script_open(&b);

    script_say(&b, "ping", "t:u", 7);

    pong = script_expect(&b, "pong");
    assert_true(strato_bytes_equal(pong.header.t, strato_bytes(&seven, 1)));
    script_fini(&b);
}

static void three_unanswered_pings_end_the_connection(void **state)
{
    struct scripted_broker b;
    struct strato__notice notice;

    (void)state;
    script_open(&b);

    for (int i = 0; i < 3; i++) {
        script_pass_ms(&b, 5000);
        script_expect(&b, "ping");
        assert_false(b.session.drop_socket);
    }
    script_pass_ms(&b, 5000);

    assert_int_equal(b.session.counters.reconnects + b.session.drop_socket > 0, 1);
    assert_true(script_notice(&b, &notice));
    assert_int_equal(notice.event, STRATO_CLIENT_DISCONNECTED);
    script_fini(&b);
}

static void any_frame_is_a_sign_of_life(void **state)
{
    struct scripted_broker b;
    struct script_frame frame;

    (void)state;
    script_open(&b);

    for (int i = 0; i < 20; i++) {
        script_pass_ms(&b, 4000);
        script_say(&b, "ok", "");
        while (script_next(&b, &frame))
            continue;
    }

    assert_int_equal(b.session.state, STRATO__OPEN);
    script_fini(&b);
}

static void a_broken_connection_is_resumed_by_token(void **state)
{
    struct scripted_broker b;
    struct script_frame hello;
    struct strato__notice notice;

    (void)state;
    script_open(&b);
    script_drop(&b);
    assert_true(b.session.drop_socket);
    assert_true(script_notice(&b, &notice));
    assert_int_equal(notice.event, STRATO_CLIENT_DISCONNECTED);

    script_connect(&b);
    hello = script_expect(&b, "hello");
    assert_true(hello.header.token.bytes > 0);
    script_say(&b, "welcome", "sid:s token:s ep:u epoch:u resumed:b hb_ms:u", "s1", "other", 2, 77, 1, 5000);

    assert_int_equal(b.session.state, STRATO__OPEN);
    assert_int_equal(b.session.ep, 2);
    assert_true(script_notice(&b, &notice));
    assert_int_equal(notice.event, STRATO_CLIENT_RESUMED);
    script_fini(&b);
}

static void a_void_token_is_not_offered_again(void **state)
{
    struct scripted_broker b;
    struct script_frame hello;

    (void)state;
    script_open(&b);
    script_drop(&b);
    script_connect(&b);
    script_expect(&b, "hello");

    script_say(&b, "err", "code:u", 202);

    hello = script_expect(&b, "hello");
    assert_int_equal(hello.header.token.bytes, 0);
    script_fini(&b);
}

static void a_broker_that_knows_no_session_hears_hello_again(void **state)
{
    struct scripted_broker b;

    (void)state;
    script_open(&b);

    script_say(&b, "err", "code:u", 205);

    script_expect(&b, "hello");
    assert_int_equal(b.session.state, STRATO__HELLO);
    script_fini(&b);
}

static void a_superseded_session_ends_for_good(void **state)
{
    struct scripted_broker b;

    (void)state;
    script_open(&b);

    script_say(&b, "err", "code:u", 204);
    script_pass_ms(&b, 60000);

    assert_int_equal(strato__session_check(&b.session), STRATO_ESUPERSEDED);
    assert_false(b.session.wants_socket);
    script_fini(&b);
}

static void a_new_epoch_is_told(void **state)
{
    struct scripted_broker b;
    struct strato__notice notice;
    bool told = false;

    (void)state;
    script_open(&b);
    script_drop(&b);
    script_connect(&b);
    script_expect(&b, "hello");

    script_say(&b, "welcome", "sid:s token:s ep:u epoch:u resumed:b hb_ms:u", "s1", "t", 1, 78, 0, 5000);

    while (script_notice(&b, &notice))
        told |= notice.event == STRATO_CLIENT_EPOCH;
    assert_true(told);
    script_fini(&b);
}

static void a_drain_is_told(void **state)
{
    struct scripted_broker b;
    struct strato__notice notice;

    (void)state;
    script_open(&b);

    script_say(&b, "drain", "deadline_ms:u", 8000);

    assert_true(script_notice(&b, &notice));
    assert_int_equal(notice.event, STRATO_CLIENT_DRAINING);
    script_fini(&b);
}

static void notices_are_bounded_and_the_lost_ones_counted(void **state)
{
    struct scripted_broker b;

    (void)state;
    script_open(&b);

    for (int i = 0; i < STRATO__NOTICES_MAX + 1; i++)
        script_say(&b, "drain", "deadline_ms:u", 8000);

    assert_int_equal(b.session.notices_count, STRATO__NOTICES_MAX);
    assert_int_equal(b.session.counters.notices_lost, 1);
    script_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_opens_with_hello_and_welcome),
        cmocka_unit_test(a_refused_name_ends_the_first_session),
        cmocka_unit_test(an_idle_session_pings_once_per_interval),
        cmocka_unit_test(a_ping_of_the_broker_is_answered_with_its_mark),
        cmocka_unit_test(three_unanswered_pings_end_the_connection),
        cmocka_unit_test(any_frame_is_a_sign_of_life),
        cmocka_unit_test(a_broken_connection_is_resumed_by_token),
        cmocka_unit_test(a_void_token_is_not_offered_again),
        cmocka_unit_test(a_broker_that_knows_no_session_hears_hello_again),
        cmocka_unit_test(a_superseded_session_ends_for_good),
        cmocka_unit_test(a_new_epoch_is_told),
        cmocka_unit_test(a_drain_is_told),
        cmocka_unit_test(notices_are_bounded_and_the_lost_ones_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
