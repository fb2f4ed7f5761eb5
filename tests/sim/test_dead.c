/*
 * test_dead.c - claims about how messages become dead letters: each reason of the closed list, and what its entry says.
 *
 * `displaced` and `no_route` are ended here by hand; the rules that lead to them have tests of their own.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdlib.h>

#include "broker/brain/state.h"
#include "tests/sim/claims.h"
#include "tests/sim/dlq.h"

static int setup(void **state)
{
    struct world *w = malloc(sizeof(*w));

    world_open(w, NULL);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    world_close(*state);
    free(*state);
    return 0;
}

static void channel_set(struct world *w, const char *operation, const char *channel, const char *key, const char *text,
                        uint64_t number)
{
    struct strato_writer payload = { 0 };
    struct strato_envelope_out e = { .type = "admin" };
    struct world_out o;

    world_begin(&o, w, DLQ_PEER, operation);
    world_str(&o, "ch", channel);
    world_body(&o);
    strato_writer_map(&payload, 2);
    strato_writer_text(&payload, key);
    strato_writer_text(&payload, text);
    strato_writer_text(&payload, "capacity");
    strato_writer_u64(&payload, number);
    e.payload = strato_writer_view(&payload);
    world_envelope(&o, &e);
    world_send(&o);
    strato_writer_fini(&payload);
    world_free(world_expect(w, DLQ_PEER, STRATO_OP_ok));
}

/* One message in `evolution`, from peer 2, agent "maker". */
static void put_one(struct world *w, const struct strato_envelope_out *e)
{
    world_hello(w, 2, "maker", NULL);
    world_l1_put(w, 2, "evolution", 0, e);
    world_free(world_expect(w, 2, STRATO_OP_ok));
}

static void take(struct world *w, brain_peer peer, const char *agent)
{
    world_hello(w, peer, agent, NULL);
    world_open_channel(w, peer, "evolution", "c");
    world_want(w, peer, "evolution", 100, 0);
    world_turn(w);
    world_free(world_expect(w, peer, STRATO_OP_deliver));
}

static void nack(struct world *w, brain_peer peer, uint64_t tag, bool dead, const char *reason)
{
    struct world_out o;

    world_begin(&o, w, peer, "nack");
    world_str(&o, "ch", "evolution");
    strato_header_key(&o.header, "tags");
    strato_writer_array(&o.w, 1);
    strato_writer_u64(&o.w, tag);
    strato_header_bool(&o.header, "dead", dead);
    world_str(&o, "reason", reason);
    world_body(&o);
    world_send(&o);
    world_turn(w);
}

static void a_nack_that_says_dead_is_rejected_and_the_entry_says_who_why_and_when(void **state)
{
    struct world *w = *state;
    struct strato_envelope_out e = { .type = "t.x", .topic = "a.b", .ttl_ms = 60000, .has = STRATO_ENV_TTL };
    struct world_frame *f;
    struct strato_bytes entry;

    put_one(w, &e);
    take(w, 1, "worker");
    world_settle(w, 1, "start", "evolution", 0);
    world_wait(w, 2000);
    nack(w, 1, 0, true, "bad input");
    f = dlq_only(w, "evolution", "rejected");
    entry = dlq_entry(f, 0);
    assert_int_equal(dlq_number(entry, "id"), 1);
    assert_int_equal(dlq_number(entry, "count"), 1);
    assert_int_equal(dlq_number(entry, "first_ms"), 1700000000000 + w->now_ms);
    assert_int_equal(dlq_number(entry, "last_ms"), dlq_number(entry, "first_ms"));
    assert_true(strato_bytes_is(dlq_string(entry, "channel"), "evolution"));
    assert_true(strato_bytes_is(dlq_string(entry, "topic"), "a.b"));
    assert_true(strato_bytes_is(dlq_string(entry, "type"), "t.x"));
    assert_true(strato_bytes_is(dlq_string(entry, "sender"), "local/maker"));
    assert_true(strato_bytes_is(dlq_string(entry, "consumer"), "worker"));
    assert_true(strato_bytes_is(dlq_string(entry, "error"), "bad input"));
    assert_int_equal(dlq_number(entry, "attempts"), 1);
    assert_int_equal(dlq_number(entry, "deliveries"), 1);
    assert_int_equal(dlq_number(entry, "ttl_ms"), 60000);
    assert_int_equal(dlq_number(entry, "seq"), 1);
    assert_int_equal(dlq_number(entry, "redriven_from"), 0);
    world_free(f);
    assert_int_equal(world_stats(w, "evolution").dead_lettered, 1);
}

static void an_error_of_257_bytes_is_cut_to_256(void **state)
{
    struct world *w = *state;
    struct world_frame *f;
    char reason[258];

    memset(reason, 'r', sizeof(reason));
    reason[257] = '\0';
    put_one(w, NULL);
    take(w, 1, "worker");
    nack(w, 1, 0, true, reason);
    f = dlq_only(w, "evolution", "rejected");
    assert_int_equal(dlq_string(dlq_entry(f, 0), "error").bytes, 256);
    world_free(f);
}

static void work_past_its_time_to_live_is_expired(void **state)
{
    struct world *w = *state;
    struct strato_envelope_out e = { .type = "t.x", .ttl_ms = 500, .has = STRATO_ENV_TTL };

    put_one(w, &e);
    world_wait(w, 499);
    assert_int_equal(world_stats(w, "evolution").dead_lettered, 0);
    world_wait(w, 200);
    world_free(dlq_only(w, "evolution", "expired"));
}

static void an_entry_keeps_the_time_to_live_that_was_asked_for_without_the_delay(void **state)
{
    struct world *w = *state;
    struct strato_envelope_out e = { .type = "t.x", .ttl_ms = 500, .delay_ms = 3000, .has = STRATO_ENV_TTL };
    struct world_frame *f;

    put_one(w, &e);
    world_wait(w, 4000);
    f = dlq_only(w, "evolution", "expired");
    assert_int_equal(dlq_number(dlq_entry(f, 0), "ttl_ms"), 500);
    world_free(f);
}

static void five_failed_attempts_are_max_deliver(void **state)
{
    struct world *w = *state;
    struct world_frame *f;

    put_one(w, NULL);
    take(w, 1, "worker");
    for (uint64_t tag = 0; tag < 5; tag++) {
        nack(w, 1, tag, false, "not today");
        world_wait(w, 1000);
    }
    f = dlq_only(w, "evolution", "max_deliver");
    assert_int_equal(dlq_number(dlq_entry(f, 0), "attempts"), 5);
    assert_int_equal(dlq_number(dlq_entry(f, 0), "deliveries"), 5);
    assert_true(strato_bytes_is(dlq_string(dlq_entry(f, 0), "error"), "not today"));
    world_free(f);
}

static void two_workers_that_die_with_it_are_a_worker_crash(void **state)
{
    struct world *w = *state;
    struct world_frame *f;

    put_one(w, NULL);
    for (brain_peer p = 10; p < 12; p++) {
        take(w, p, p == 10 ? "first" : "second");
        world_settle(w, p, "start", "evolution", 0);
        world_event(w, BRAIN_PEER_GONE, p);
        world_wait(w, 16000);
    }
    f = dlq_only(w, "evolution", "worker_crash");
    assert_int_equal(dlq_number(dlq_entry(f, 0), "attempts"), 2);
    assert_true(strato_bytes_is(dlq_string(dlq_entry(f, 0), "consumer"), "second"));
    world_free(f);
}

static void what_a_full_channel_drops_is_queue_full(void **state)
{
    struct world *w = *state;
    struct world_frame *f;

    channel_set(w, "admin.channel.add", "ring", "full", "drop_oldest", 2);
    for (int i = 0; i < 3; i++)
        world_l1_put(w, 3, "ring", 0, NULL);
    world_turn(w);
    f = dlq_only(w, "ring", "queue_full");
    assert_int_equal(dlq_number(dlq_entry(f, 0), "seq"), 1);
    world_free(f);
    assert_int_equal(world_stats(w, "ring").ready, 2);
}

static void ends_by_hand(struct world *w, enum deadletter_reason reason)
{
    struct channel *ch = channel_find(w->brain, strato_text("evolution"));

    put_one(w, NULL);
    world_turn(w);
    channel_end(ch, lanes_oldest(&ch->plain.lanes), CHANNEL_DEAD, (int)reason, STRATO_BYTES_NONE);
    world_turn(w);
}

static void what_a_critical_message_pushed_out_is_displaced(void **state)
{
    ends_by_hand(*state, DEADLETTER_DISPLACED);
    world_free(dlq_only(*state, "evolution", "displaced"));
}

static void what_a_rule_sends_nowhere_is_no_route(void **state)
{
    ends_by_hand(*state, DEADLETTER_NO_ROUTE);
    world_free(dlq_only(*state, "evolution", "no_route"));
}

static void bye(struct world *w, brain_peer peer)
{
    struct world_out o;

    world_begin(&o, w, peer, "bye");
    world_body(&o);
    world_send(&o);
}

/* Two messages that outlive their mailbox, one of them delayed. */
static void mail_for_nobody(struct world *w)
{
    struct strato_envelope_out e = { .type = "t.x", .to = "bob" };

    world_hello(w, 1, "bob", NULL);
    world_get(w, 1, "@bob", 1, 0);
    bye(w, 1);
    world_clear(w, 1);
    world_wait(w, 100000);
    world_l1_put(w, 9, "@bob", 0, &e);
    e.delay_ms = 86400000;
    world_l1_put(w, 9, "@bob", 0, &e);
    world_clear(w, 9);
    world_wait(w, 199000);
}

static void mail_of_a_name_that_ended_is_recipient_gone_and_can_be_looked_at(void **state)
{
    struct world *w = *state;
    struct world_frame *f;

    mail_for_nobody(w);
    assert_int_equal(world_stats(w, "@bob").dead_lettered, 0);
    world_wait(w, 2000);
    f = dlq_ask(w, "list", "@bob", dlq_text("reason", "recipient_gone"));
    assert_int_equal(dlq_entries(f), 2);
    world_free(f);
    world_l1_put(w, 9, "@bob", 0, NULL);
    world_expect_err(w, 9, STRATO_ENO_ROUTE);
    dlq_expect_err(w, "redrive", "@bob", dlq_all, STRATO_ENO_ROUTE);
    assert_int_equal(dlq_count(w, "purge", "@bob", dlq_all, "purged"), 2);
    dlq_expect_err(w, "list", "@bob", dlq_none, STRATO_ENO_ROUTE);
}

static void an_agent_that_comes_back_finds_its_dead_letters(void **state)
{
    struct world *w = *state;

    mail_for_nobody(w);
    world_wait(w, 2000);
    world_hello(w, 4, "bob", NULL);
    world_l1_put(w, 9, "@bob", 0, NULL);
    world_free(world_expect(w, 9, STRATO_OP_ok));
    assert_int_equal(dlq_count(w, "redrive", "@bob", dlq_all, "redriven"), 2);
    assert_int_equal(world_stats(w, "@bob").ready, 3);
}

static void a_forgotten_mailbox_is_kept_for_a_day(void **state)
{
    struct world *w = *state;

    mail_for_nobody(w);
    world_wait(w, 2000 + 86400000 - 2000);
    assert_int_equal(dlq_count(w, "list", "@bob", dlq_none, "total"), 2);
    world_wait(w, 4000);
    dlq_expect_err(w, "list", "@bob", dlq_none, STRATO_ENO_ROUTE);
}

static void bytes_that_are_no_message_leave_a_record_undecodable_outside_the_law(void **state)
{
    struct world *w = *state;
    struct world_out o;
    struct world_frame *f;
    struct strato_bytes entry;

    world_begin(&o, w, 3, "put");
    world_str(&o, "ch", "evolution");
    world_u64(&o, "rq", 1);
    world_body(&o);
    for (int i = 0; i < 300; i++)
        strato_writer_raw(&o.w, strato_text("\xc1"));
    world_send(&o);
    world_expect_err(w, 3, STRATO_ECODEC);
    f = dlq_only(w, "evolution", "undecodable");
    entry = dlq_entry(f, 0);
    assert_int_equal(dlq_number(entry, "seq"), 0);
    assert_true(dlq_number(entry, "bytes") < 256 + 64);
    assert_int_equal(world_stats(w, "evolution").dead_lettered, 0);
    world_free(f);
    dlq_expect_err(w, "redrive", "evolution", dlq_u64("id", 1), STRATO_ECONFLICT);
    assert_int_equal(dlq_count(w, "redrive", "evolution", dlq_all, "skipped"), 1);
}

static void the_push_edge_keeps_what_it_cannot_decode(void **state)
{
    struct world *w = *state;
    struct brain_event event = { .kind = BRAIN_EDGE_IN,
                                 .channel = strato_text("evolution"),
                                 .data = strato_text("\x81\xa1x\x01") }; /* no type */

    assert_int_equal(brain_step(w->brain, &event, w->now_ms, &w->out), 0);
    brain_out_reset(&w->out);
    event.data = strato_text("\xc1\xc1");
    assert_int_equal(brain_step(w->brain, &event, w->now_ms, &w->out), 0);
    brain_out_reset(&w->out);
    assert_int_equal(dlq_count(w, "list", "evolution", dlq_text("reason", "undecodable"), "total"), 2);
    assert_int_equal(world_stats(w, "evolution").dead_lettered, 0);
}

static void put_too_large(struct world *w, brain_peer peer)
{
    static uint8_t large[300001] = { 0xc6, 0, 4, 0x93, 0xdc }; /* bin of 299,996 bytes */
    struct strato_envelope_out e = { .type = "big.one", .topic = "big.topic", .payload = { large, sizeof(large) } };

    world_l1_put(w, peer, "evolution", 0, &e);
    world_expect_err(w, peer, STRATO_ETOO_BIG);
}

static void a_message_over_the_limit_leaves_a_record_too_large_and_repeats_are_counted_in_it(void **state)
{
    struct brain_config config = { .message_bytes_max = 200000 };
    struct world *w = malloc(sizeof(*w));
    struct world_frame *f;
    struct strato_bytes entry;

    (void)state;
    world_open(w, &config);
    put_too_large(w, 3);
    world_wait(w, 1000);
    put_too_large(w, 3);
    f = dlq_only(w, "evolution", "too_large");
    entry = dlq_entry(f, 0);
    assert_int_equal(dlq_number(entry, "count"), 2);
    assert_int_equal(dlq_number(entry, "last_ms") - dlq_number(entry, "first_ms"), 1000);
    assert_true(strato_bytes_is(dlq_string(entry, "type"), "big.one"));
    assert_true(strato_bytes_is(dlq_string(entry, "topic"), "big.topic"));
    assert_true(dlq_number(entry, "bytes") < 256 + 64);
    world_free(f);
    put_too_large(w, 4); /* another sender: another record */
    assert_int_equal(dlq_count(w, "list", "evolution", dlq_none, "total"), 2);
    world_close(w);
    free(w);
}

static void a_call_that_fails_is_told_to_its_caller_and_is_no_dead_letter(void **state)
{
    struct world *w = *state;

    world_hello(w, 2, "caller", NULL);
    world_call(w, 2, "evolution", 7, 1000, false);
    world_wait(w, 2000);
    world_expect_err(w, 2, STRATO_ENO_RESPONDERS);
    assert_int_equal(dlq_count(w, "list", "evolution", dlq_none, "total"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_nack_that_says_dead_is_rejected_and_the_entry_says_who_why_and_when, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(an_error_of_257_bytes_is_cut_to_256, setup, teardown),
        cmocka_unit_test_setup_teardown(work_past_its_time_to_live_is_expired, setup, teardown),
        cmocka_unit_test_setup_teardown(an_entry_keeps_the_time_to_live_that_was_asked_for_without_the_delay, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(five_failed_attempts_are_max_deliver, setup, teardown),
        cmocka_unit_test_setup_teardown(two_workers_that_die_with_it_are_a_worker_crash, setup, teardown),
        cmocka_unit_test_setup_teardown(what_a_full_channel_drops_is_queue_full, setup, teardown),
        cmocka_unit_test_setup_teardown(what_a_critical_message_pushed_out_is_displaced, setup, teardown),
        cmocka_unit_test_setup_teardown(what_a_rule_sends_nowhere_is_no_route, setup, teardown),
        cmocka_unit_test_setup_teardown(mail_of_a_name_that_ended_is_recipient_gone_and_can_be_looked_at, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(an_agent_that_comes_back_finds_its_dead_letters, setup, teardown),
        cmocka_unit_test_setup_teardown(a_forgotten_mailbox_is_kept_for_a_day, setup, teardown),
        cmocka_unit_test_setup_teardown(bytes_that_are_no_message_leave_a_record_undecodable_outside_the_law, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(the_push_edge_keeps_what_it_cannot_decode, setup, teardown),
        cmocka_unit_test(a_message_over_the_limit_leaves_a_record_too_large_and_repeats_are_counted_in_it),
        cmocka_unit_test_setup_teardown(a_call_that_fails_is_told_to_its_caller_and_is_no_dead_letter, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
