/*
 * test_calls.c - claims about requests: every caller is told, with the code that says what happened.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdlib.h>

#include "tests/sim/claims.h"
#include "tests/sim/world.h"

enum { SERVICE = 1, CALLER = 2, OTHER = 3 };

static int setup(void **state)
{
    struct world *w = malloc(sizeof(*w));

    world_open(w, NULL);
    world_hello(w, SERVICE, "service", NULL);
    world_hello(w, CALLER, "caller", NULL);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    world_close(*state);
    free(*state);
    return 0;
}

static void serve(struct world *w, brain_peer peer)
{
    world_open_channel(w, peer, "cost", "s");
    world_want(w, peer, "cost", 32, 0);
}

static void a_request_is_answered(void **state)
{
    struct world *w = *state;
    struct world_frame *f;

    serve(w, SERVICE);
    world_call(w, CALLER, "cost", 42, 1000, false);
    world_turn(w);
    f = world_expect(w, SERVICE, STRATO_OP_deliver);
    assert_true(world_envelope_at(f, 0).call);
    assert_true(strato_bytes_is(world_envelope_at(f, 0).sender, "local/caller"));
    world_free(f);
    world_reply(w, SERVICE, "cost", 0, false);
    world_turn(w);
    f = world_expect(w, CALLER, STRATO_OP_result);
    assert_int_equal(world_number(f->header.rq), 42);
    assert_true(strato_bytes_is(world_envelope_at(f, 0).type, "test.answer"));
    assert_true(strato_bytes_is(world_envelope_at(f, 0).sender, "local/service"));
    world_free(f);
    assert_int_equal(world_stats(w, "cost").settled, 1);
}

static void several_answers_share_a_frame(void **state)
{
    struct world *w = *state;
    struct world_frame *f;
    struct strato_cursor c;
    uint32_t count;

    serve(w, SERVICE);
    for (uint64_t rq = 1; rq <= 3; rq++)
        world_call(w, CALLER, "cost", rq, 1000, false);
    world_turn(w);
    for (uint64_t tag = 0; tag < 3; tag++)
        world_reply(w, SERVICE, "cost", tag, false);
    world_turn(w);
    f = world_expect(w, CALLER, STRATO_OP_result);
    assert_int_equal(f->header.n, 3);
    c = strato_cursor_over(f->header.rqs);
    assert_int_equal(strato_cursor_array(&c, 10, &count), 0);
    assert_int_equal(count, 3);
    world_free(f);
    world_expect_nothing(w, CALLER);
}

static void an_unanswered_request_times_out_at_its_deadline(void **state)
{
    struct world *w = *state;

    serve(w, SERVICE);
    world_call(w, CALLER, "cost", 1, 700, false);
    world_turn(w);
    world_wait(w, 699);
    world_expect_nothing(w, CALLER);
    world_wait(w, 1);
    world_expect_err(w, CALLER, STRATO_ETIMEOUT);
    assert_int_equal(world_stats(w, "cost").expired, 1);
    world_reply(w, SERVICE, "cost", 0, false);
    world_turn(w);
    world_expect_nothing(w, CALLER);
}

static void nobody_serving_is_told_at_once(void **state)
{
    struct world *w = *state;

    world_call(w, CALLER, "cost", 1, 10000, false);
    world_expect_err(w, CALLER, STRATO_ENO_RESPONDERS);
    assert_int_equal(world_stats(w, "cost").accepted, 0);
}

static void waiting_for_a_responder_ends_with_one_or_in_time(void **state)
{
    struct world *w = *state;
    struct world_out o;
    struct strato_envelope_out e = { .type = "t.x" };

    for (uint64_t rq = 1; rq <= 2; rq++) {
        world_begin(&o, w, CALLER, "call");
        world_str(&o, "ch", rq == 1 ? "cost" : "knowledge");
        world_u64(&o, "rq", rq);
        world_u64(&o, "wait_responder_ms", 500);
        world_body(&o);
        world_envelope(&o, &e);
        world_send(&o);
    }
    world_wait(w, 300);
    serve(w, SERVICE);
    world_wait(w, 199);
    world_expect_nothing(w, CALLER);
    world_free(world_expect(w, SERVICE, STRATO_OP_deliver));
    world_wait(w, 1);
    world_expect_err(w, CALLER, STRATO_ENO_RESPONDERS); /* knowledge */
    world_reply(w, SERVICE, "cost", 0, false);
    world_turn(w);
    world_free(world_expect(w, CALLER, STRATO_OP_result));
}

static void a_handler_that_dies_after_start_is_told_at_once(void **state)
{
    struct world *w = *state;

    serve(w, SERVICE);
    world_call(w, CALLER, "cost", 1, 60000, false);
    world_turn(w);
    world_settle(w, SERVICE, "start", "cost", 0);
    world_event(w, BRAIN_PEER_GONE, SERVICE);
    world_turn(w);
    world_expect_err(w, CALLER, STRATO_ERESPONDER_LOST);
    assert_int_equal(world_stats(w, "cost").settled, 1);
}

static void an_idempotent_call_goes_to_another_responder(void **state)
{
    struct world *w = *state;

    serve(w, SERVICE);
    world_call(w, CALLER, "cost", 1, 60000, true);
    world_turn(w);
    world_settle(w, SERVICE, "start", "cost", 0);
    world_event(w, BRAIN_PEER_GONE, SERVICE);
    world_turn(w);
    world_expect_nothing(w, CALLER);
    world_hello(w, OTHER, "other", NULL);
    serve(w, OTHER);
    world_turn(w);
    world_free(world_expect(w, OTHER, STRATO_OP_deliver));
    world_reply(w, OTHER, "cost", 0, false);
    world_turn(w);
    world_free(world_expect(w, CALLER, STRATO_OP_result));
}

static void a_handler_that_acks_without_an_answer_is_told(void **state)
{
    struct world *w = *state;

    serve(w, SERVICE);
    world_call(w, CALLER, "cost", 1, 60000, false);
    world_turn(w);
    world_settle(w, SERVICE, "ack", "cost", 0);
    world_expect_err(w, CALLER, STRATO_ENO_REPLY);
    world_turn(w);
}

static void partial_answers_come_before_the_last(void **state)
{
    struct world *w = *state;
    struct world_frame *f;

    serve(w, SERVICE);
    world_call(w, CALLER, "cost", 5, 60000, false);
    world_turn(w);
    world_reply(w, SERVICE, "cost", 0, true);
    world_reply(w, SERVICE, "cost", 0, true);
    world_reply(w, SERVICE, "cost", 0, false);
    world_turn(w);
    for (int i = 0; i < 3; i++) {
        f = world_expect(w, CALLER, STRATO_OP_result);
        assert_int_equal(f->header.more, i < 2);
        assert_int_equal(world_number(f->header.rq), 5);
        world_free(f);
    }
}

static void a_cancelled_call_is_told_and_frees_its_slot(void **state)
{
    struct world *w = *state;
    struct world_out o;

    serve(w, SERVICE);
    world_call(w, CALLER, "cost", 9, 60000, false);
    world_turn(w);
    world_begin(&o, w, CALLER, "cancel");
    world_str(&o, "ch", "cost");
    world_u64(&o, "rq", 9);
    world_body(&o);
    world_send(&o);
    world_expect_err(w, CALLER, STRATO_ECANCELLED);
    world_turn(w);
    assert_int_equal(world_stats(w, "cost").leased, 0);
}

static void the_1001st_waiting_call_is_full(void **state)
{
    struct world *w = *state;

    world_open_channel(w, SERVICE, "cost", "s"); /* serves, wants nothing yet */
    for (uint64_t rq = 1; rq <= 1000; rq++)
        world_call(w, CALLER, "cost", rq, 10000, false);
    world_turn(w);
    world_expect_nothing(w, CALLER);
    world_call(w, CALLER, "cost", 1001, 10000, false);
    world_expect_err(w, CALLER, STRATO_EFULL);
}

static void a_reply_waits_for_the_callers_resume(void **state)
{
    struct world *w = *state;
    struct world_out o;
    struct world_frame *f;

    serve(w, SERVICE);
    world_call(w, CALLER, "cost", 7, 60000, false);
    world_turn(w);
    world_event(w, BRAIN_PEER_GONE, CALLER);
    world_reply(w, SERVICE, "cost", 0, false);
    world_turn(w);
    world_begin(&o, w, 4, "hello");
    strato_header_raw(&o.header, "token", strato_bytes(w->peers[CALLER].token, w->peers[CALLER].token_bytes));
    world_body(&o);
    world_send(&o);
    world_turn(w);
    world_free(world_expect(w, 4, STRATO_OP_welcome));
    f = world_expect(w, 4, STRATO_OP_result);
    assert_int_equal(world_number(f->header.rq), 7);
    world_free(f);
}

static void a_req_socket_gets_exactly_one_answer(void **state)
{
    struct world *w = *state;
    struct world_frame *f;

    w->peers[5].is_lockstep = true;
    serve(w, SERVICE);
    world_call(w, 5, "cost", 1, 60000, false);
    world_turn(w);
    world_reply(w, SERVICE, "cost", 0, true);
    world_reply(w, SERVICE, "cost", 0, false);
    world_turn(w);
    f = world_expect(w, 5, STRATO_OP_result);
    assert_false(f->header.more);
    world_free(f);
    world_expect_nothing(w, 5);
}

static void a_declared_service_answers_under_its_own_name(void **state)
{
    struct world *w = *state;

    world_open_channel(w, SERVICE, "workspace", "s");
    world_want(w, SERVICE, "workspace", 10, 0);
    world_call(w, CALLER, "workspace", 1, 1000, false);
    world_turn(w);
    world_free(world_expect(w, SERVICE, STRATO_OP_deliver));
    assert_int_equal(world_stats(w, "workspace").capacity, 1000);
    assert_int_equal(world_stats(w, "workspace").pattern, BRAIN_REQUEST);
}

static void call_traced(struct world *w, uint64_t rq, const char *trace)
{
    struct strato_envelope_out e = { .type = "test.ask", .trace = trace };
    struct world_out o;

    world_begin(&o, w, CALLER, "call");
    world_str(&o, "ch", "cost");
    world_u64(&o, "rq", rq);
    world_u64(&o, "deadline_ms", 1000);
    world_body(&o);
    world_envelope(&o, &e);
    world_send(&o);
}

static void reply_traced(struct world *w, uint64_t tag, const char *trace)
{
    struct strato_envelope_out e = { .type = "test.answer", .trace = trace };
    struct world_out o;

    world_begin(&o, w, SERVICE, "reply");
    world_str(&o, "ch", "cost");
    strato_header_key(&o.header, "tags");
    strato_writer_array(&o.w, 1);
    strato_writer_u64(&o.w, tag);
    world_body(&o);
    world_envelope(&o, &e);
    world_send(&o);
}

/* The longest that a trace may be; the responder's own, if it has one, says more than the request's. */
static void a_trace_goes_with_the_request_and_comes_back_with_the_answer(void **state)
{
    static const char asked[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                      own[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b8-01";
    struct world *w = *state;

    serve(w, SERVICE);
    for (uint64_t tag = 0; tag < 3; tag++) {
        const char *wanted = tag == 0 ? asked : tag == 1 ? own : "";
        struct world_frame *f;

        call_traced(w, tag + 1, tag == 2 ? NULL : asked);
        world_turn(w);
        f = world_expect(w, SERVICE, STRATO_OP_deliver);
        assert_true(strato_bytes_is(world_envelope_at(f, 0).trace, tag == 2 ? "" : asked));
        world_free(f);
        reply_traced(w, tag, tag == 1 ? own : NULL);
        world_turn(w);
        f = world_expect(w, CALLER, STRATO_OP_result);
        assert_true(strato_bytes_is(world_envelope_at(f, 0).trace, wanted));
        world_free(f);
    }
    assert_int_equal(world_stats(w, "cost").settled, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_request_is_answered, setup, teardown),
        cmocka_unit_test_setup_teardown(several_answers_share_a_frame, setup, teardown),
        cmocka_unit_test_setup_teardown(an_unanswered_request_times_out_at_its_deadline, setup, teardown),
        cmocka_unit_test_setup_teardown(nobody_serving_is_told_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(waiting_for_a_responder_ends_with_one_or_in_time, setup, teardown),
        cmocka_unit_test_setup_teardown(a_handler_that_dies_after_start_is_told_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(an_idempotent_call_goes_to_another_responder, setup, teardown),
        cmocka_unit_test_setup_teardown(a_handler_that_acks_without_an_answer_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(partial_answers_come_before_the_last, setup, teardown),
        cmocka_unit_test_setup_teardown(a_cancelled_call_is_told_and_frees_its_slot, setup, teardown),
        cmocka_unit_test_setup_teardown(the_1001st_waiting_call_is_full, setup, teardown),
        cmocka_unit_test_setup_teardown(a_reply_waits_for_the_callers_resume, setup, teardown),
        cmocka_unit_test_setup_teardown(a_req_socket_gets_exactly_one_answer, setup, teardown),
        cmocka_unit_test_setup_teardown(a_declared_service_answers_under_its_own_name, setup, teardown),
        cmocka_unit_test_setup_teardown(a_trace_goes_with_the_request_and_comes_back_with_the_answer, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
