/*
 * test_request.c - who gets which answer, and when there is none.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tests/lib/scripted_broker.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct strato_request_options second = { .timeout_ms = 1000 };
static const struct strato_send question = { .channel = "cost", .envelope = { .type = "test.question" } };

/* A producer of a channel whose calls need no credit. */
static struct strato__producer *begin(struct scripted_broker *b)
{
    struct strato__producer *p;
    struct script_frame frame;

    script_open(b);
    assert_int_equal(strato__producer_find(&b->session, "cost", &p), 0);
    assert_int_equal(strato__producer_open(&b->session, p), STRATO_EAGAIN);
    frame = script_expect(b, "open");
    script_say(b, "opened", "ch:s rq:U cap:u", "cost", script_rq(&frame), 1000);
    script_land(b);
    return p;
}

static uint64_t start(struct scripted_broker *b, struct strato__producer *p)
{
    struct strato__ask *ask = NULL;

    assert_int_equal(strato__request_start(&b->session, p, &question, &second, STRATO__ASK_STARTED, &ask), 0);
    return ask->rq;
}

static void a_call_carries_mark_and_deadline(void **state)
{
    struct scripted_broker b;
    struct strato__producer *p = begin(&b);
    struct script_frame call;
    uint64_t id = start(&b, p);

    (void)state;
    strato__session_flush(&b.session);

    call = script_expect(&b, "call");
    assert_int_equal(script_rq(&call), id);
    assert_int_equal(call.header.deadline_ms, 1000);
    assert_false(strato_header_has(&call.header, STRATO_KEY_i));
    script_fini(&b);
}

static void calls_share_a_frame_with_consecutive_marks(void **state)
{
    struct scripted_broker b;
    struct strato__producer *p = begin(&b);
    struct script_frame call;
    uint64_t first = start(&b, p);

    (void)state;
    assert_int_equal(start(&b, p), first + 1);
    assert_int_equal(start(&b, p), first + 2);
    strato__session_flush(&b.session);

    call = script_expect(&b, "call");
    assert_int_equal(call.header.n, 3);
    assert_int_equal(script_rq(&call), first);
    script_fini(&b);
}

static void results_come_in_order_of_arrival(void **state)
{
    struct scripted_broker b;
    struct strato__producer *p = begin(&b);
    uint64_t first = start(&b, p), other = start(&b, p);
    struct strato__result result;

    (void)state;
    script_say_messages(&b, 1, "result", "rq:U", other);
    script_say_messages(&b, 1, "result", "rq:U", first);

    assert_true(strato__result_pop(&b.session, &result));
    assert_int_equal(result.id, other);
    assert_int_equal(result.reply->kind, STRATO_MESSAGE_REPLY);
    assert_string_equal(strato_message_channel(result.reply), "cost");
    strato__message_free(NULL, result.reply);
    assert_true(strato__result_pop(&b.session, &result));
    assert_int_equal(result.id, first);
    strato__message_free(NULL, result.reply);
    assert_int_equal(b.session.calls_count, 0);
    script_fini(&b);
}

static void a_batched_result_answers_every_mark(void **state)
{
    struct scripted_broker b;
    struct strato__producer *p = begin(&b);
    uint64_t first = start(&b, p), other = start(&b, p);
    struct strato__result result;

    (void)state;
    script_say_messages(&b, 2, "result", "n:u rqs:a", 2, 2, (int)other, (int)first);

    for (int i = 0; i < 2; i++) {
        assert_true(strato__result_pop(&b.session, &result));
        assert_int_equal(result.err, 0);
        strato__message_free(NULL, result.reply);
    }
    script_fini(&b);
}

static void a_partial_result_leaves_the_request_open(void **state)
{
    struct scripted_broker b;
    struct strato__producer *p = begin(&b);
    uint64_t id = start(&b, p);
    struct strato__result result;

    (void)state;
    script_say_messages(&b, 1, "result", "rq:U more:b", id, 1);

    assert_true(strato__result_pop(&b.session, &result));
    assert_true(result.more);
    strato__message_free(NULL, result.reply);
    assert_int_equal(b.session.calls_count, 1);
    script_fini(&b);
}

static void a_refused_call_ends_with_its_code(void **state)
{
    struct scripted_broker b;
    struct strato__producer *p = begin(&b);
    uint64_t id = start(&b, p);
    struct strato__result result;

    (void)state;
    script_say(&b, "err", "rq:U ch:s code:u", id, "cost", 303);

    assert_true(strato__result_pop(&b.session, &result));
    assert_int_equal(result.err, STRATO_ENO_RESPONDERS);
    assert_null(result.reply);
    script_fini(&b);
}

static void an_unanswered_call_times_out_by_itself(void **state)
{
    struct scripted_broker b;
    struct strato__producer *p = begin(&b);
    struct strato__result result;

    (void)state;
    start(&b, p);

    script_pass_ms(&b, 1000);
    assert_false(strato__result_pop(&b.session, &result));
    script_pass_ms(&b, 50);

    assert_true(strato__result_pop(&b.session, &result));
    assert_int_equal(result.err, STRATO_ETIMEOUT);
    script_fini(&b);
}

static void an_answer_to_nobody_is_counted(void **state)
{
    struct scripted_broker b;

    (void)state;
    begin(&b);

    script_say_messages(&b, 1, "result", "rq:u", 4711);

    assert_int_equal(b.session.counters.late, 1);
    assert_int_equal(b.session.state, STRATO__OPEN);
    script_fini(&b);
}

static void the_1025th_request_in_flight_is_refused(void **state)
{
    struct scripted_broker b;
    struct strato__producer *p = begin(&b);
    struct strato__ask *ask = NULL;

    (void)state;
    for (int i = 0; i < STRATO__CALLS_MAX; i++)
        start(&b, p);

    assert_int_equal(strato__request_start(&b.session, p, &question, &second, STRATO__ASK_STARTED, &ask),
                     STRATO_ELIMIT);
    assert_int_equal(b.session.calls_count, STRATO__CALLS_MAX);
    script_fini(&b);
}

static void partial_results_that_nobody_fetches_end_the_request(void **state)
{
    struct scripted_broker b;
    struct strato__producer *p = begin(&b);
    uint64_t id = start(&b, p);
    struct strato__result result, last = { 0 };
    int count = 0;

    (void)state;
    for (int i = 0; i < STRATO__RESULTS_MAX + 10; i++)
        script_say_messages(&b, 1, "result", "rq:U more:b", id, 1);

    while (strato__result_pop(&b.session, &result)) {
        count++;
        last = result;
        if (result.reply)
            strato__message_free(NULL, result.reply);
    }
    assert_int_equal(count, STRATO__RESULTS_MAX);
    assert_int_equal(last.err, STRATO_ELIMIT);
    assert_int_equal(b.session.calls_count, 0);
    script_fini(&b);
}

static void a_new_session_fails_what_was_asked_in_the_old_one(void **state)
{
    struct scripted_broker b;
    const struct strato_request_options minute = { .timeout_ms = 60000 };
    struct strato__producer *p = begin(&b);
    struct strato__ask *ask = NULL;
    struct strato__result result;

    (void)state;
    assert_int_equal(strato__request_start(&b.session, p, &question, &minute, STRATO__ASK_STARTED, &ask), 0);
    script_drop(&b);
    script_connect(&b);

    script_say(&b, "welcome", "sid:s token:s ep:u epoch:u resumed:b hb_ms:u", "s2", "t", 1, 78, 0, 5000);

    assert_true(strato__result_pop(&b.session, &result));
    assert_int_equal(result.err, STRATO_EEPOCH);
    script_fini(&b);
}

static void a_result_whose_marks_do_not_fit_breaks_the_connection(void **state)
{
    struct scripted_broker b;
    struct strato__producer *p = begin(&b);

    (void)state;
    start(&b, p);

    script_say_messages(&b, 2, "result", "n:u rqs:a", 2, 1, 1);

    assert_int_equal(b.session.counters.malformed, 1);
    script_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_carries_mark_and_deadline),
        cmocka_unit_test(calls_share_a_frame_with_consecutive_marks),
        cmocka_unit_test(results_come_in_order_of_arrival),
        cmocka_unit_test(a_batched_result_answers_every_mark),
        cmocka_unit_test(a_partial_result_leaves_the_request_open),
        cmocka_unit_test(a_refused_call_ends_with_its_code),
        cmocka_unit_test(an_unanswered_call_times_out_by_itself),
        cmocka_unit_test(an_answer_to_nobody_is_counted),
        cmocka_unit_test(the_1025th_request_in_flight_is_refused),
        cmocka_unit_test(partial_results_that_nobody_fetches_end_the_request),
        cmocka_unit_test(a_new_session_fails_what_was_asked_in_the_old_one),
        cmocka_unit_test(a_result_whose_marks_do_not_fit_breaks_the_connection),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
