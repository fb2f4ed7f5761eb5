/*
 * test_receipts.c - claims about receipts: every outcome told to who asked, over a resume, bounded, and to nobody else.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdlib.h>

#include "broker/brain/state.h"
#include "tests/sim/claims.h"
#include "tests/sim/dlq.h"

enum { WORKER = 1, MAKER = 2 };

static const struct strato_envelope_out asking = { .type = "t.x", .receipt = true };

static int setup(void **state)
{
    struct world *w = malloc(sizeof(*w));

    world_open(w, NULL);
    world_hello(w, WORKER, "worker", NULL);
    world_hello(w, MAKER, "maker", NULL);
    world_open_channel(w, WORKER, "evolution", "c");
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    world_close(*state);
    free(*state);
    return 0;
}

static void put(struct world *w, brain_peer peer, const char *id, const struct strato_envelope_out *e)
{
    struct strato_envelope_out named = *e;

    if (id)
        named.id = strato_text(id);
    world_l1_put(w, peer, "evolution", 0, &named);
    world_free(world_expect(w, peer, STRATO_OP_ok));
    world_turn(w);
}

static void let_worker_take(struct world *w, uint64_t limit)
{
    world_want(w, WORKER, "evolution", limit, 0);
    world_turn(w);
    world_clear(w, WORKER);
}

static void expect_receipt(struct world *w, brain_peer peer, const char *id, const char *outcome, const char *reason,
                           uint64_t attempts)
{
    struct world_frame *f = world_expect(w, peer, STRATO_OP_receipt);
    struct strato_cursor c = strato_cursor_over(f->header.id);
    struct strato_bytes text;

    assert_int_equal(strato_cursor_bin(&c, 64, &text), 0);
    if (id)
        assert_true(strato_bytes_is(text, id));
    assert_true(strato_bytes_is(f->header.ch, "evolution"));
    assert_true(strato_bytes_is(f->header.outcome, outcome));
    assert_true(strato_bytes_is(f->header.reason, reason));
    assert_int_equal(f->header.attempts, attempts);
    world_free(f);
}

static void an_ack_is_told_as_settled(void **state)
{
    struct world *w = *state;

    put(w, MAKER, "a", &asking);
    let_worker_take(w, 10);
    world_expect_nothing(w, MAKER);
    world_settle(w, WORKER, "ack", "evolution", 0);
    expect_receipt(w, MAKER, "a", "settled", "", 1);
    world_expect_nothing(w, MAKER);
}

static void without_an_id_the_receipt_has_the_one_that_the_delivery_had(void **state)
{
    struct world *w = *state;
    struct world_frame *delivered, *told;
    struct strato_cursor c;
    struct strato_bytes id;

    put(w, MAKER, NULL, &asking);
    world_want(w, WORKER, "evolution", 10, 0);
    world_turn(w);
    delivered = world_expect(w, WORKER, STRATO_OP_deliver);
    world_settle(w, WORKER, "ack", "evolution", 0);
    told = world_expect(w, MAKER, STRATO_OP_receipt);
    c = strato_cursor_over(told->header.id);
    assert_int_equal(strato_cursor_bin(&c, 16, &id), 0);
    assert_true(strato_bytes_equal(id, world_envelope_at(delivered, 0).id.bytes));
    world_free(delivered);
    world_free(told);
}

static void attempts_in_a_receipt_count_the_failed_ones_too(void **state)
{
    struct world *w = *state;

    put(w, MAKER, "a", &asking);
    let_worker_take(w, 10);
    world_settle(w, WORKER, "nack", "evolution", 0);
    world_wait(w, 1000);
    world_expect_nothing(w, MAKER);
    world_settle(w, WORKER, "ack", "evolution", 1);
    expect_receipt(w, MAKER, "a", "settled", "", 2);
}

static void every_death_is_told_with_its_reason(void **state)
{
    struct world *w = *state;
    struct strato_envelope_out brief = { .type = "t.x", .receipt = true, .ttl_ms = 10, .has = STRATO_ENV_TTL };

    put(w, MAKER, "late", &brief);
    world_wait(w, 200);
    expect_receipt(w, MAKER, "late", "dead", "expired", 0);
    put(w, MAKER, "poison", &asking);
    let_worker_take(w, 10);
    for (uint64_t tag = 0; tag < 5; tag++) {
        world_settle(w, WORKER, "nack", "evolution", tag);
        world_wait(w, 1000);
    }
    expect_receipt(w, MAKER, "poison", "dead", "max_deliver", 5);
}

static void a_drop_is_told_with_its_reason(void **state)
{
    struct world *w = *state;
    struct world_out o;

    put(w, MAKER, "a", &asking);
    world_begin(&o, w, DLQ_PEER, "admin.purge");
    world_str(&o, "ch", "evolution");
    world_body(&o);
    world_send(&o);
    expect_receipt(w, MAKER, "a", "dropped", "purged", 0);
}

static void a_redriven_message_tells_its_end_again(void **state)
{
    struct world *w = *state;
    struct strato_envelope_out brief = { .type = "t.x", .receipt = true, .ttl_ms = 1000, .has = STRATO_ENV_TTL };

    put(w, MAKER, "a", &brief);
    world_wait(w, 1200);
    expect_receipt(w, MAKER, "a", "dead", "expired", 0);
    assert_int_equal(dlq_count(w, "redrive", "evolution", dlq_all, "redriven"), 1);
    let_worker_take(w, 10);
    world_settle(w, WORKER, "ack", "evolution", 0);
    expect_receipt(w, MAKER, "a", "settled", "", 1);
}

static void who_did_not_ask_is_told_nothing(void **state)
{
    struct world *w = *state;
    struct strato_envelope_out plain = { .type = "t.x" };

    put(w, MAKER, "a", &plain);
    let_worker_take(w, 10);
    world_settle(w, WORKER, "ack", "evolution", 0);
    world_turn(w);
    world_expect_nothing(w, MAKER);
}

static void a_req_socket_and_a_peer_without_a_session_are_told_nothing(void **state)
{
    struct world *w = *state;

    w->peers[8].is_lockstep = true;
    put(w, 8, "a", &asking);
    put(w, 9, "b", &asking);
    let_worker_take(w, 10);
    world_settle(w, WORKER, "ack", "evolution", 0);
    world_settle(w, WORKER, "ack", "evolution", 1);
    world_turn(w);
    world_expect_nothing(w, 8);
    world_expect_nothing(w, 9);
    assert_int_equal(w->brain->receipts_dropped, 0);
}

static void the_answer_to_a_call_is_its_receipt(void **state)
{
    struct world *w = *state;
    struct world_out o;

    let_worker_take(w, 10);
    world_begin(&o, w, MAKER, "call");
    world_str(&o, "ch", "evolution");
    world_u64(&o, "rq", 7);
    world_body(&o);
    world_envelope(&o, &asking);
    world_send(&o);
    world_turn(w);
    world_reply(w, WORKER, "evolution", 0, false);
    world_turn(w);
    world_free(world_expect(w, MAKER, STRATO_OP_result));
    world_expect_nothing(w, MAKER);
}

static void resume(struct world *w, brain_peer peer, brain_peer old)
{
    struct world_out o;

    world_begin(&o, w, peer, "hello");
    strato_header_raw(&o.header, "token", strato_bytes(w->peers[old].token, w->peers[old].token_bytes));
    world_body(&o);
    world_send(&o);
    world_free(world_expect(w, peer, STRATO_OP_welcome));
}

static void receipts_wait_for_a_session_that_is_away_in_order(void **state)
{
    struct world *w = *state;

    put(w, MAKER, "a", &asking);
    put(w, MAKER, "b", &asking);
    world_event(w, BRAIN_PEER_GONE, MAKER);
    let_worker_take(w, 10);
    world_settle(w, WORKER, "ack", "evolution", 0);
    world_settle(w, WORKER, "ack", "evolution", 1);
    world_turn(w);
    resume(w, 20, MAKER);
    expect_receipt(w, 20, "a", "settled", "", 1);
    expect_receipt(w, 20, "b", "settled", "", 1);
    world_expect_nothing(w, 20);
}

static void receipts_wait_while_the_peer_is_stuck(void **state)
{
    struct world *w = *state;

    put(w, MAKER, "a", &asking);
    world_event(w, BRAIN_PEER_STUCK, MAKER);
    let_worker_take(w, 10);
    world_settle(w, WORKER, "ack", "evolution", 0);
    world_turn(w);
    world_expect_nothing(w, MAKER);
    world_event(w, BRAIN_PEER_FLOWS, MAKER);
    expect_receipt(w, MAKER, "a", "settled", "", 1);
}

static void end_while_away(struct world *w, uint32_t count)
{
    struct strato_envelope_out brief = { .type = "t.x", .receipt = true, .ttl_ms = 1000, .has = STRATO_ENV_TTL };

    for (uint32_t i = 0; i < count; i++)
        put(w, MAKER, NULL, &brief);
    world_event(w, BRAIN_PEER_GONE, MAKER);
    world_wait(w, 2000);
}

static void the_4097th_receipt_that_waits_is_dropped_and_counted(void **state)
{
    struct world *w = *state;
    uint32_t received = 0;
    struct world_frame *f;

    end_while_away(w, SESSION_RECEIPTS_MAX + 1);
    assert_int_equal(w->brain->receipts_dropped, 1);
    resume(w, 20, MAKER);
    while ((f = world_receive(w, 20)) != NULL) {
        received += f->header.opcode == STRATO_OP_receipt;
        world_free(f);
    }
    assert_int_equal(received, SESSION_RECEIPTS_MAX);
}

static void receipts_of_a_session_that_ended_are_dropped_and_counted(void **state)
{
    struct world *w = *state;

    end_while_away(w, 3);
    assert_int_equal(w->brain->receipts_dropped, 0);
    world_wait(w, 400000);
    assert_int_equal(w->brain->receipts_dropped, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_ack_is_told_as_settled, setup, teardown),
        cmocka_unit_test_setup_teardown(without_an_id_the_receipt_has_the_one_that_the_delivery_had, setup, teardown),
        cmocka_unit_test_setup_teardown(attempts_in_a_receipt_count_the_failed_ones_too, setup, teardown),
        cmocka_unit_test_setup_teardown(every_death_is_told_with_its_reason, setup, teardown),
        cmocka_unit_test_setup_teardown(a_drop_is_told_with_its_reason, setup, teardown),
        cmocka_unit_test_setup_teardown(a_redriven_message_tells_its_end_again, setup, teardown),
        cmocka_unit_test_setup_teardown(who_did_not_ask_is_told_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(a_req_socket_and_a_peer_without_a_session_are_told_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(the_answer_to_a_call_is_its_receipt, setup, teardown),
        cmocka_unit_test_setup_teardown(receipts_wait_for_a_session_that_is_away_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(receipts_wait_while_the_peer_is_stuck, setup, teardown),
        cmocka_unit_test_setup_teardown(the_4097th_receipt_that_waits_is_dropped_and_counted, setup, teardown),
        cmocka_unit_test_setup_teardown(receipts_of_a_session_that_ended_are_dropped_and_counted, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
