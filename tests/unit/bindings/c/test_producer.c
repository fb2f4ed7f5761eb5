/*
 * test_producer.c - credit, confirmation, resending.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tests/lib/scripted_broker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void drain(struct scripted_broker *b)
{
    struct script_frame frame;

    while (script_next(b, &frame))
        continue;
    script_land(b);
}

static void sends_stop_at_the_limit(void **state)
{
    struct scripted_broker b;
    struct strato__producer *p;

    (void)state;
    script_open(&b);
    p = script_producer(&b, "gpu", 2);

    assert_int_equal(script_send(&b, p), 0);
    assert_int_equal(script_send(&b, p), 0);
    assert_int_equal(script_send(&b, p), STRATO_EAGAIN);
    assert_int_equal(p->next_index, 2);
    script_fini(&b);
}

static void a_put_carries_its_index_and_epoch(void **state)
{
    struct scripted_broker b;
    struct strato__producer *p;
    struct script_frame put;

    (void)state;
    script_open(&b);
    p = script_producer(&b, "gpu", 5);
    assert_int_equal(script_send(&b, p), 0);
    drain(&b);

    assert_int_equal(script_send(&b, p), 0);

    put = script_expect(&b, "put");
    assert_int_equal(put.header.i, 1);
    assert_int_equal(put.header.ep, 1);
    assert_int_equal(put.header.n, 1);
    script_fini(&b);
}

static void a_need_asks_for_more_than_was_sent_and_windows_double(void **state)
{
    struct scripted_broker b;
    struct strato__producer *p;
    struct script_frame need;

    (void)state;
    script_open(&b);
    p = script_producer(&b, "gpu", 0);

    assert_int_equal(strato__producer_need(&b.session, p, 1, 1000), 0);
    need = script_expect(&b, "need");
    assert_int_equal(need.header.upto, 1);
    assert_int_equal(need.header.wait, 1000);
    script_land(&b);
    script_say(&b, "credit", "ch:s limit:u limit_bytes:u", "gpu", 1, 1 << 20);
    assert_int_equal(script_send(&b, p), 0);
    drain(&b);
    assert_int_equal(strato__producer_need(&b.session, p, 1, 1000), 0);

    need = script_expect(&b, "need");
    assert_int_equal(need.header.upto, 3);
    script_fini(&b);
}

static void a_need_never_overtakes_the_puts_before_it(void **state)
{
    struct scripted_broker b;
    struct strato__producer *p;

    (void)state;
    script_open(&b);
    p = script_producer(&b, "gpu", 2);
    assert_int_equal(script_send(&b, p), 0);
    script_expect(&b, "put");
    assert_int_equal(script_send(&b, p), 0); /* gathered */

    assert_int_equal(strato__producer_need(&b.session, p, 1, 0), 0);

    script_expect(&b, "put");
    script_expect(&b, "need");
    script_fini(&b);
}

static void only_a_critical_message_asks_to_push_another_out(void **state)
{
    struct strato_send message = { .channel = "gpu", .envelope = { .type = "t", .has = STRATO_ENV_PRIORITY } };
    struct scripted_broker b;
    struct strato__producer *p;

    (void)state;
    script_open(&b);
    p = script_producer(&b, "gpu", 0);
    for (uint8_t priority = 79; priority <= 80; priority++) {
        struct script_frame frame;

        message.envelope.priority = priority;
        assert_int_equal(strato__producer_send(&b.session, p, &message, NULL, NULL), STRATO_EAGAIN);
        assert_int_equal(strato__producer_need(&b.session, p, 1, 1000u * priority), 0);
        frame = script_expect(&b, "need");
        assert_int_equal(frame.header.displace, priority == 80);
        script_land(&b);
    }
    script_fini(&b);
}

static void the_same_need_is_not_repeated(void **state)
{
    struct scripted_broker b;
    struct strato__producer *p;

    (void)state;
    script_open(&b);
    p = script_producer(&b, "gpu", 0);
    assert_int_equal(strato__producer_need(&b.session, p, 1, 1000), 0);
    script_expect(&b, "need");

    assert_int_equal(strato__producer_need(&b.session, p, 1, 1000), 0);

    script_expect_nothing(&b);
    script_fini(&b);
}

static void full_answers_only_the_need_it_names(void **state)
{
    struct scripted_broker b;
    struct strato__producer *p;
    struct script_frame need;
    uint64_t answers;

    (void)state;
    script_open(&b);
    p = script_producer(&b, "gpu", 0);
    assert_int_equal(strato__producer_need(&b.session, p, 1, 0), 0);
    need = script_expect(&b, "need");
    answers = p->answers;

    script_say(&b, "full", "ch:s rq:U", "gpu", script_rq(&need) + 1);
    assert_int_equal(p->answers, answers);
    script_say(&b, "full", "ch:s rq:U", "gpu", script_rq(&need));
    assert_int_equal(p->answers, answers + 1);
    assert_int_equal(p->answer_err, STRATO_EFULL);
    script_fini(&b);
}

static void a_revoke_is_answered_behind_the_pending_puts(void **state)
{
    struct scripted_broker b;
    struct strato__producer *p;
    struct script_frame frame;

    (void)state;
    script_open(&b);
    p = script_producer(&b, "gpu", 10);
    assert_int_equal(script_send(&b, p), 0); /* leaves, and is in flight */
    script_expect(&b, "put");
    assert_int_equal(script_send(&b, p), 0); /* gathers */
    assert_int_equal(script_send(&b, p), 0);

    script_say(&b, "revoke", "ch:s", "gpu");

    frame = script_expect(&b, "put");
    assert_int_equal(frame.header.n, 2);
    frame = script_expect(&b, "release");
    assert_int_equal(frame.header.sent, 3);
    assert_int_equal(script_send(&b, p), STRATO_EAGAIN);
    script_fini(&b);
}

static void what_is_confirmed_is_forgotten(void **state)
{
    struct scripted_broker b;
    struct strato__producer *p;

    (void)state;
    script_open(&b);
    p = script_producer(&b, "gpu", 10);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(script_send(&b, p), 0);
        drain(&b);
    }
    assert_int_equal(p->unconfirmed_count, 4);

    script_say(&b, "credit", "ch:s limit:u accepted:u", "gpu", 10, 3);

    assert_int_equal(p->unconfirmed_count, 1);
    assert_int_equal(p->credit.accepted, 3);
    script_fini(&b);
}

static void a_confirmation_of_more_than_was_sent_breaks_the_connection(void **state)
{
    struct scripted_broker b;

    (void)state;
    script_open(&b);
    script_producer(&b, "gpu", 10);

    script_say(&b, "credit", "ch:s limit:u accepted:u", "gpu", 10, 1);

    assert_int_equal(b.session.counters.malformed, 1);
    assert_true(b.session.drop_socket);
    script_fini(&b);
}

/* refused: one range of it, n = 0 for none. */
static void say_resumed_refusing(struct scripted_broker *b, int accepted, int limit, int i, int n)
{
    struct strato_writer chans = { 0 };

    strato_writer_array(&chans, 1);
    strato_writer_map(&chans, n ? 6 : 5);
    if (n) {
        strato_writer_text(&chans, "refused");
        strato_writer_array(&chans, 1);
        strato_writer_array(&chans, 3);
        strato_writer_u64(&chans, (uint64_t)i);
        strato_writer_u64(&chans, (uint64_t)n);
        strato_writer_u64(&chans, (uint64_t)-STRATO_ESTORE);
    }
    strato_writer_text(&chans, "ch");
    strato_writer_text(&chans, "gpu");
    strato_writer_text(&chans, "dir");
    strato_writer_text(&chans, "p");
    strato_writer_text(&chans, "accepted");
    strato_writer_u64(&chans, (uint64_t)accepted);
    strato_writer_text(&chans, "limit");
    strato_writer_u64(&chans, (uint64_t)limit);
    strato_writer_text(&chans, "limit_bytes");
    strato_writer_u64(&chans, 1 << 20);
    script_say(b, "welcome", "sid:s token:s ep:u epoch:u resumed:b hb_ms:u chans:T", "s1", "t2", 2, 77, 1, 5000,
               strato_writer_view(&chans));
    strato_writer_fini(&chans);
}

static void say_resumed(struct scripted_broker *b, int accepted, int limit)
{
    say_resumed_refusing(b, accepted, limit, 0, 0);
}

static void a_refusal_that_was_lost_with_the_connection_is_learnt_from_the_welcome(void **state)
{
    struct scripted_broker b;
    struct strato__producer *p;
    struct strato__watch watches[3] = { { .index = 0 }, { .index = 1 }, { .index = 2 } };

    (void)state;
    script_open(&b);
    p = script_producer(&b, "gpu", 20);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(script_send(&b, p), 0);
        watches[i].next = p->watches;
        p->watches = &watches[i];
    }
    drain(&b);
    script_say(&b, "credit", "ch:s limit:u limit_bytes:u accepted:u", "gpu", 20, 1 << 20, 1);
    script_drop(&b);
    script_connect(&b);
    script_land(&b);
    drain(&b);

    say_resumed_refusing(&b, 3, 20, 0, 2);

    assert_int_equal(watches[0].err, 0); /* it was told before, or was not refused: the credit came after it */
    assert_int_equal(watches[1].err, STRATO_ESTORE);
    assert_int_equal(watches[2].err, 0);
    assert_int_equal(p->refused, 1);
    p->watches = NULL;
    script_fini(&b);
}

/* The answer to its open was lost with the connection: the broker has it open, and a second open would be a conflict. */
static void a_producer_that_was_being_opened_is_open_after_a_resume(void **state)
{
    struct scripted_broker b;
    struct strato__producer *p;

    (void)state;
    script_open(&b);
    assert_int_equal(strato__producer_find(&b.session, "gpu", &p), 0);
    assert_int_equal(strato__producer_open(&b.session, p), STRATO_EAGAIN);
    script_expect(&b, "open");
    script_drop(&b);
    script_connect(&b);
    script_land(&b);
    drain(&b);

    say_resumed(&b, 0, 2);

    assert_int_equal(p->state, STRATO__PRODUCER_READY);
    assert_true(p->is_credited);
    assert_int_equal(script_send(&b, p), 0);
    assert_string_equal(strato_op_name(script_expect(&b, "put").header.opcode), "put");
    script_fini(&b);
}

static void a_resume_in_the_middle_of_a_batch_sends_the_rest_of_it(void **state)
{
    struct scripted_broker b;
    struct strato__producer *p;
    struct script_frame put;
    uint32_t envelopes = 0;

    (void)state;
    script_open(&b);
    p = script_producer(&b, "gpu", 20);
    assert_int_equal(script_send(&b, p), 0);
    script_expect(&b, "put");
    for (int i = 0; i < 9; i++)
        assert_int_equal(script_send(&b, p), 0);
    script_land(&b);
    strato__session_flush(&b.session);
    put = script_expect(&b, "put");
    assert_int_equal(put.header.n, 9);
    script_drop(&b);
    script_connect(&b);
    script_expect(&b, "hello");

    say_resumed(&b, 4, 25); /* the broker has the first and three of the nine */

    put = script_expect(&b, "put");
    assert_int_equal(put.header.i, 4);
    assert_int_equal(put.header.n, 6);
    assert_int_equal(put.header.ep, 2);
    while (strato_cursor_left(&put.envelopes)) {
        assert_int_equal(strato_cursor_skip(&put.envelopes), 0);
        envelopes++;
    }
    assert_int_equal(envelopes, 6);
    script_expect_nothing(&b);
    assert_int_equal(p->credit.limit, 25);
    script_fini(&b);
}

static void what_is_sent_again_stays_within_the_new_credit_and_goes_first(void **state)
{
    struct scripted_broker b;
    struct strato__producer *p;
    struct script_frame frame;

    (void)state;
    script_open(&b);
    p = script_producer(&b, "gpu", 20);
    assert_int_equal(script_send(&b, p), 0);
    script_expect(&b, "put");
    for (int i = 0; i < 9; i++)
        assert_int_equal(script_send(&b, p), 0);
    script_drop(&b);
    script_connect(&b);
    script_expect(&b, "hello");

    say_resumed(&b, 4, 5);

    frame = script_expect(&b, "put");
    assert_int_equal(frame.header.i, 4);
    assert_int_equal(frame.header.n, 1);
    frame = script_expect(&b, "need");
    assert_true(frame.header.upto > 5);
    assert_int_equal(script_send(&b, p), STRATO_EAGAIN);
    script_say(&b, "credit", "ch:s limit:u limit_bytes:u accepted:u", "gpu", 12, 1 << 20, 5);
    frame = script_expect(&b, "put");
    assert_int_equal(frame.header.i, 5);
    assert_int_equal(frame.header.n, 5);
    assert_int_equal(script_send(&b, p), 0);
    script_fini(&b);
}

static void a_refused_resend_is_asked_for_again(void **state)
{
    struct scripted_broker b;
    struct strato__producer *p;
    struct script_frame need;

    (void)state;
    script_open(&b);
    p = script_producer(&b, "gpu", 20);
    assert_int_equal(script_send(&b, p), 0);
    script_drop(&b);
    script_connect(&b);
    script_expect(&b, "hello");
    say_resumed(&b, 0, 0);
    need = script_expect(&b, "need");
    script_say(&b, "full", "ch:s rq:U", "gpu", script_rq(&need));
    script_expect_nothing(&b);

    script_pass_ms(&b, 600);

    script_expect(&b, "need");
    script_fini(&b);
}

static void messages_gathered_while_the_connection_broke_leave_after_the_resume(void **state)
{
    struct scripted_broker b;
    struct strato__producer *p;
    struct script_frame put;

    (void)state;
    script_open(&b);
    p = script_producer(&b, "gpu", 20);
    assert_int_equal(script_send(&b, p), 0);
    script_expect(&b, "put");
    assert_int_equal(script_send(&b, p), 0); /* gathered */
    script_drop(&b);
    script_connect(&b);
    script_expect(&b, "hello");

    say_resumed(&b, 1, 20);

    put = script_expect(&b, "put");
    assert_int_equal(put.header.i, 1);
    assert_int_equal(put.header.ep, 2);
    script_fini(&b);
}

static void on_a_durable_channel_a_send_is_confirmed_when_it_is_on_disk(void **state)
{
    struct scripted_broker b;
    struct strato__producer *p;

    (void)state;
    script_open(&b);
    p = script_durable_producer(&b, "orders", 8);
    for (int i = 0; i < 3; i++)
        assert_int_equal(script_send(&b, p), 0);
    drain(&b);

    script_say(&b, "credit", "ch:s limit:u limit_bytes:u accepted:u durable:u", "orders", 8, 1 << 20, 3, 0);
    assert_int_equal(strato__producer_confirmed(p), 0);
    script_say(&b, "credit", "ch:s limit:u limit_bytes:u accepted:u durable:u", "orders", 8, 1 << 20, 3, 2);
    assert_int_equal(strato__producer_confirmed(p), 2);
    script_fini(&b);
}

static void a_new_epoch_reports_what_was_accepted_and_not_on_disk(void **state)
{
    struct scripted_broker b;
    struct strato__producer *p;

    (void)state;
    script_open(&b);
    p = script_durable_producer(&b, "orders", 8);
    for (int i = 0; i < 3; i++)
        assert_int_equal(script_send(&b, p), 0);
    drain(&b);
    script_say(&b, "credit", "ch:s limit:u limit_bytes:u accepted:u durable:u", "orders", 8, 1 << 20, 3, 1);

    strato__producer_restart(&b.session, p);

    assert_int_equal(b.session.counters.unconfirmed, 2);
    assert_int_equal(b.session.flush_err, STRATO_EEPOCH);
    script_fini(&b);
}

static void more_on_disk_than_accepted_breaks_the_connection(void **state)
{
    struct scripted_broker b;
    struct strato__producer *p;

    (void)state;
    script_open(&b);
    p = script_durable_producer(&b, "orders", 8);
    assert_int_equal(script_send(&b, p), 0);
    drain(&b);

    script_say(&b, "credit", "ch:s limit:u limit_bytes:u accepted:u durable:u", "orders", 8, 1 << 20, 0, 1);

    assert_int_equal(b.session.counters.malformed, 1);
    script_fini(&b);
}

static void a_new_epoch_reports_the_unconfirmed_and_counts_from_zero(void **state)
{
    struct scripted_broker b;
    struct strato__producer *p;

    (void)state;
    script_open(&b);
    p = script_producer(&b, "gpu", 20);
    for (int i = 0; i < 3; i++)
        assert_int_equal(script_send(&b, p), 0);
    script_drop(&b);
    script_connect(&b);
    script_land(&b);
    drain(&b);

    script_say(&b, "welcome", "sid:s token:s ep:u epoch:u resumed:b hb_ms:u", "s1", "t", 1, 78, 0, 5000);

    assert_int_equal(b.session.counters.unconfirmed, 3);
    assert_int_equal(b.session.flush_err, STRATO_EEPOCH);
    assert_int_equal(p->next_index, 0);
    assert_int_equal(p->unconfirmed_count, 0);
    script_expect_nothing(&b);
    script_fini(&b);
}

static void a_refusal_reaches_the_one_who_watches_that_index(void **state)
{
    struct scripted_broker b;
    struct strato__producer *p;
    struct strato__watch first = { .index = 0 }, second = { .index = 1 };
    struct strato__notice notice;

    (void)state;
    script_open(&b);
    p = script_producer(&b, "gpu", 20);
    first.next = &second;
    p->watches = &first;
    assert_int_equal(script_send(&b, p), 0);
    assert_int_equal(script_send(&b, p), 0);

    script_say(&b, "err", "ch:s i:u code:u detail:s", "gpu", 1, 105, "no such field");

    assert_int_equal(first.err, 0);
    assert_int_equal(second.err, STRATO_ESCHEMA);
    assert_int_equal(b.session.flush_err, STRATO_ESCHEMA);
    assert_true(script_notice(&b, &notice));
    assert_int_equal(notice.event, STRATO_CLIENT_REFUSED);
    assert_string_equal(notice.detail, "no such field");
    p->watches = NULL;
    script_fini(&b);
}

static void byte_credit_bounds_as_well(void **state)
{
    uint8_t *payload = calloc(1, 700 * 1024);
    struct strato_send message = { .channel = "gpu", .envelope = { .type = "test.message" } };
    struct scripted_broker b;
    struct strato__producer *p;
    struct strato_writer w = { 0 };
    struct script_frame need;

    (void)state;
    assert_non_null(payload);
    strato_writer_bin(&w, strato_bytes(payload, 700 * 1024));
    message.envelope.payload = strato_writer_view(&w);
    script_open(&b);
    p = script_producer(&b, "gpu", 20); /* and 1 MiB */

    assert_int_equal(strato__producer_send(&b.session, p, &message, NULL, NULL), 0);
    assert_int_equal(strato__producer_send(&b.session, p, &message, NULL, NULL), STRATO_EAGAIN);
    drain(&b);
    assert_int_equal(strato__producer_need(&b.session, p, p->lacking_bytes, 1000), 0);

    need = script_expect(&b, "need");
    assert_true(need.header.upto_bytes >= 2 * 700 * 1024);
    strato_writer_fini(&w);
    free(payload);
    script_fini(&b);
}

static void a_message_over_the_broker_s_limit_never_leaves(void **state)
{
    struct scripted_broker b;
    struct strato__producer *p;

    (void)state;
    script_open(&b);
    p = script_producer(&b, "gpu", 20);
    b.session.message_bytes_max = 10;

    assert_int_equal(script_send(&b, p), STRATO_ETOO_BIG);
    assert_int_equal(p->next_index, 0);
    script_expect_nothing(&b);
    script_fini(&b);
}

static int freed;

static void count_free(void *data, void *hint)
{
    (void)data;
    (void)hint;
    freed++;
}

static void an_attachment_is_kept_until_it_is_confirmed(void **state)
{
    static char data[5000];
    const struct strato_attachment attachment = { .data = data, .bytes = sizeof data, .free_fn = count_free };
    const struct strato_send message = {
        .channel = "gpu", .envelope = { .type = "test.message" }, .attachments = &attachment, .attachments_count = 1
    };
    struct scripted_broker b;
    struct strato__producer *p;
    struct script_frame put;

    (void)state;
    freed = 0;
    script_open(&b);
    p = script_producer(&b, "gpu", 20);
    assert_int_equal(strato__producer_send(&b.session, p, &message, NULL, NULL), 0);
    put = script_expect(&b, "put");
    assert_int_equal(put.parts, 1);
    assert_ptr_equal(b.flying[b.flying_count - 1].buffer->data, data);
    script_land(&b);
    assert_int_equal(freed, 0);

    script_say(&b, "credit", "ch:s limit:u accepted:u", "gpu", 20, 1);

    assert_int_equal(freed, 1);
    script_fini(&b);
}

static void a_refused_attachment_stays_the_caller_s(void **state)
{
    static char data[5000];
    const struct strato_attachment attachment = { .data = data, .bytes = sizeof data, .free_fn = count_free };
    const struct strato_send message = {
        .channel = "gpu", .envelope = { .type = "test.message" }, .attachments = &attachment, .attachments_count = 1
    };
    struct scripted_broker b;
    struct strato__producer *p;

    (void)state;
    freed = 0;
    script_open(&b);
    p = script_producer(&b, "gpu", 0);

    assert_int_equal(strato__producer_send(&b.session, p, &message, NULL, NULL), STRATO_EAGAIN);

    assert_int_equal(freed, 0);
    script_fini(&b);
    assert_int_equal(freed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sends_stop_at_the_limit),
        cmocka_unit_test(a_put_carries_its_index_and_epoch),
        cmocka_unit_test(a_need_asks_for_more_than_was_sent_and_windows_double),
        cmocka_unit_test(a_need_never_overtakes_the_puts_before_it),
        cmocka_unit_test(only_a_critical_message_asks_to_push_another_out),
        cmocka_unit_test(the_same_need_is_not_repeated),
        cmocka_unit_test(full_answers_only_the_need_it_names),
        cmocka_unit_test(a_revoke_is_answered_behind_the_pending_puts),
        cmocka_unit_test(what_is_confirmed_is_forgotten),
        cmocka_unit_test(a_confirmation_of_more_than_was_sent_breaks_the_connection),
        cmocka_unit_test(a_refusal_that_was_lost_with_the_connection_is_learnt_from_the_welcome),
        cmocka_unit_test(a_producer_that_was_being_opened_is_open_after_a_resume),
        cmocka_unit_test(a_resume_in_the_middle_of_a_batch_sends_the_rest_of_it),
        cmocka_unit_test(what_is_sent_again_stays_within_the_new_credit_and_goes_first),
        cmocka_unit_test(a_refused_resend_is_asked_for_again),
        cmocka_unit_test(messages_gathered_while_the_connection_broke_leave_after_the_resume),
        cmocka_unit_test(a_new_epoch_reports_the_unconfirmed_and_counts_from_zero),
        cmocka_unit_test(on_a_durable_channel_a_send_is_confirmed_when_it_is_on_disk),
        cmocka_unit_test(a_new_epoch_reports_what_was_accepted_and_not_on_disk),
        cmocka_unit_test(more_on_disk_than_accepted_breaks_the_connection),
        cmocka_unit_test(a_refusal_reaches_the_one_who_watches_that_index),
        cmocka_unit_test(byte_credit_bounds_as_well),
        cmocka_unit_test(a_message_over_the_broker_s_limit_never_leaves),
        cmocka_unit_test(an_attachment_is_kept_until_it_is_confirmed),
        cmocka_unit_test(a_refused_attachment_stays_the_caller_s),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
