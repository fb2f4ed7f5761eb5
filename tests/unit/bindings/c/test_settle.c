/*
 * test_settle.c - start, ack, nack, extend, reply, and leases that end without us.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tests/lib/scripted_broker.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct hand {
    struct scripted_broker b;
    struct strato__stream *t;
    struct strato_message *m[8];
};

/* A consumer with `count` messages taken, their START told and landed. */
static void begin(struct hand *h, int count)
{
    struct script_frame frame;

    script_open(&h->b);
    h->t = script_consumer(&h->b, 8);
    script_say_messages(&h->b, count, "deliver", "ch:s stream:u n:u i:u ep:u lease_ms:u", "work", (int)h->t->number,
                        count, 0, 1, 30000);
    for (int i = 0; i < count; i++)
        assert_int_equal(strato__stream_take(&h->b.session, h->t, &h->m[i]), 0);
    strato__session_flush(&h->b.session);
    while (script_next(&h->b, &frame))
        continue;
}

static void end(struct hand *h, int count)
{
    for (int i = 0; i < count; i++) {
        strato__settle_forget(&h->b.session, h->m[i]);
        strato__message_free(&h->b.session.pool, h->m[i]);
    }
    script_fini(&h->b);
}

static void a_taken_message_is_started_at_once_on_an_idle_socket(void **state)
{
    struct hand h;
    struct script_frame start;

    (void)state;
    script_open(&h.b);
    h.t = script_consumer(&h.b, 8);
    script_say_messages(&h.b, 1, "deliver", "ch:s stream:u n:u i:u ep:u", "work", (int)h.t->number, 1, 0, 1);

    assert_int_equal(strato__stream_take(&h.b.session, h.t, &h.m[0]), 0);

    start = script_expect(&h.b, "start");
    assert_int_equal(start.header.upto, 1);
    end(&h, 1);
}

static void acks_in_order_are_one_number(void **state)
{
    struct hand h;
    struct script_frame ack;

    (void)state;
    begin(&h, 4);
    for (int i = 0; i < 3; i++)
        assert_int_equal(strato__settle_ack(&h.b.session, h.m[i]), 0);

    strato__session_flush(&h.b.session);

    ack = script_expect(&h.b, "ack");
    assert_int_equal(ack.header.upto, 3);
    assert_false(strato_header_has(&ack.header, STRATO_KEY_tags));
    end(&h, 4);
}

static void acks_out_of_order_are_listed(void **state)
{
    struct hand h;
    struct script_frame ack;

    (void)state;
    begin(&h, 4);
    assert_int_equal(strato__settle_ack(&h.b.session, h.m[2]), 0);
    assert_int_equal(strato__settle_ack(&h.b.session, h.m[3]), 0);

    strato__session_flush(&h.b.session);

    ack = script_expect(&h.b, "ack");
    assert_false(strato_header_has(&ack.header, STRATO_KEY_upto));
    assert_true(strato__tag_lives(ack.header.tags, 2));
    assert_true(strato__tag_lives(ack.header.tags, 3));
    assert_false(strato__tag_lives(ack.header.tags, 0));
    end(&h, 4);
}

static void a_second_settle_is_refused(void **state)
{
    const struct strato_nack nack = { .delay_ms = -1 };
    struct hand h;

    (void)state;
    begin(&h, 1);
    assert_int_equal(strato__settle_ack(&h.b.session, h.m[0]), 0);

    assert_int_equal(strato__settle_ack(&h.b.session, h.m[0]), STRATO_ESTATE);
    assert_int_equal(strato__settle_nack(&h.b.session, h.m[0], &nack), STRATO_ESTATE);
    end(&h, 1);
}

static void a_nack_carries_what_was_asked(void **state)
{
    const struct strato_nack nack = { .delay_ms = 250, .reason = "no memory", .dead = true };
    struct hand h;
    struct script_frame frame;

    (void)state;
    begin(&h, 1);

    assert_int_equal(strato__settle_nack(&h.b.session, h.m[0], &nack), 0);

    frame = script_expect(&h.b, "nack");
    assert_int_equal(frame.header.delay_ms, 250);
    assert_true(strato_bytes_is(frame.header.reason, "no memory"));
    assert_true(frame.header.dead);
    assert_true(frame.header.penalty);
    end(&h, 1);
}

static void leases_in_hand_are_extended_every_ten_seconds(void **state)
{
    struct hand h;
    struct script_frame frame;
    int extends = 0;

    (void)state;
    begin(&h, 2);
    assert_int_equal(strato__settle_ack(&h.b.session, h.m[0]), 0);

    for (int second = 0; second < 25; second++) {
        script_pass_ms(&h.b, 1000);
        script_say(&h.b, "ok", "");
        while (script_next(&h.b, &frame)) {
            if (frame.header.opcode != STRATO_OP_extend)
                continue;
            extends++;
            assert_true(strato__tag_lives(frame.header.tags, 1));
            assert_false(strato__tag_lives(frame.header.tags, 0));
        }
        script_land(&h.b);
    }

    assert_int_equal(extends, 2);
    end(&h, 2);
}

static void work_nobody_wants_any_more_is_marked(void **state)
{
    struct hand h;

    (void)state;
    begin(&h, 2);

    script_say(&h.b, "ok", "ch:s stream:u rq:u cancel:a", "work", (int)h.t->number, 9999, 1, 1);

    assert_false(strato_message_is_cancelled(h.m[0]));
    assert_true(strato_message_is_cancelled(h.m[1]));
    end(&h, 2);
}

static void a_lease_of_an_ended_session_is_stale(void **state)
{
    struct hand h;

    (void)state;
    begin(&h, 1);
    script_drop(&h.b);
    script_connect(&h.b);

    script_say(&h.b, "welcome", "sid:s token:s ep:u epoch:u resumed:b hb_ms:u", "s2", "t", 1, 78, 0, 5000);

    assert_int_equal(strato__settle_ack(&h.b.session, h.m[0]), STRATO_ESTALE_LEASE);
    end(&h, 1);
}

static void say_resumed(struct hand *h, int living)
{
    struct strato_writer chans = { 0 };

    strato_writer_array(&chans, 1);
    strato_writer_map(&chans, 4);
    strato_writer_text(&chans, "ch");
    strato_writer_text(&chans, "work");
    strato_writer_text(&chans, "stream");
    strato_writer_u64(&chans, h->t->number);
    strato_writer_text(&chans, "dir");
    strato_writer_text(&chans, "c");
    strato_writer_text(&chans, "tags");
    strato_writer_array(&chans, living >= 0);
    if (living >= 0)
        strato_writer_u64(&chans, (uint64_t)living);
    script_say(&h->b, "welcome", "sid:s token:s ep:u epoch:u resumed:b hb_ms:u chans:T", "s1", "t2", 2, 77, 1, 5000,
               strato_writer_view(&chans));
    strato_writer_fini(&chans);
}

static void a_resume_keeps_the_leases_the_broker_lists(void **state)
{
    struct hand h;

    (void)state;
    begin(&h, 2);
    script_drop(&h.b);
    script_connect(&h.b);
    script_expect(&h.b, "hello");

    say_resumed(&h, 1);

    assert_int_equal(strato__settle_ack(&h.b.session, h.m[0]), STRATO_ESTALE_LEASE);
    assert_int_equal(strato__settle_ack(&h.b.session, h.m[1]), 0);
    end(&h, 2);
}

static void a_delivery_lost_on_the_way_is_given_back_after_a_resume(void **state)
{
    struct hand h;
    struct script_frame frame;
    bool nacked = false;

    (void)state;
    begin(&h, 1);
    script_drop(&h.b);
    script_connect(&h.b);
    script_expect(&h.b, "hello");

    say_resumed(&h, 5);

    while (script_next(&h.b, &frame))
        if (frame.header.opcode == STRATO_OP_nack)
            nacked = strato__tag_lives(frame.header.tags, 5) && !frame.header.penalty;
    assert_true(nacked);
    end(&h, 1);
}

/* It was given back after the first resume, and that was lost as well: the broker still lists it, and we still do not have it. */
static void a_delivery_lost_on_the_way_is_given_back_after_every_resume(void **state)
{
    struct hand h;
    struct script_frame frame;
    int nacked = 0;

    (void)state;
    begin(&h, 1);
    for (int i = 0; i < 2; i++) {
        script_drop(&h.b);
        script_connect(&h.b);
        script_expect(&h.b, "hello");
        say_resumed(&h, 5);
        while (script_next(&h.b, &frame))
            if (frame.header.opcode == STRATO_OP_nack)
                nacked += strato__tag_lives(frame.header.tags, 5);
    }
    assert_int_equal(nacked, 2);
    end(&h, 1);
}

/* Its ack left and was lost: the broker still has it leased. Who flushes must not hear that all was recorded. */
static void a_settle_that_was_lost_with_the_connection_fails_the_flush(void **state)
{
    struct hand h;

    (void)state;
    begin(&h, 2);
    assert_int_equal(strato__settle_ack(&h.b.session, h.m[1]), 0);
    strato__session_flush(&h.b.session);
    script_expect(&h.b, "ack");
    script_drop(&h.b);
    script_connect(&h.b);
    script_expect(&h.b, "hello");

    say_resumed(&h, 1);

    assert_int_equal(h.b.session.flush_err, STRATO_ESTALE_LEASE);
    end(&h, 2);
}

static void settles_of_a_session_that_ended_fail_the_flush(void **state)
{
    struct hand h;

    (void)state;
    begin(&h, 2);
    script_drop(&h.b);
    assert_int_equal(strato__settle_ack(&h.b.session, h.m[0]), 0); /* it cannot know yet */
    script_connect(&h.b);
    script_expect(&h.b, "hello");

    script_say(&h.b, "welcome", "sid:s token:s ep:u epoch:u resumed:b hb_ms:u", "s2", "t", 1, 78, 0, 5000);

    assert_int_equal(h.b.session.flush_err, STRATO_EEPOCH);
    assert_false(h.b.session.settles_unproven);
    end(&h, 2);
}

static void replies_share_a_frame_one_tag_each(void **state)
{
    const struct strato_send reply = { .envelope = { .type = "test.reply" } };
    struct hand h;
    struct script_frame frame;

    (void)state;
    begin(&h, 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(strato__settle_reply(&h.b.session, h.m[i], &reply, false), 0);

    strato__session_flush(&h.b.session);

    frame = script_expect(&h.b, "reply");
    assert_int_equal(frame.header.n, 3);
    assert_true(strato__tag_lives(frame.header.tags, 0));
    assert_true(strato__tag_lives(frame.header.tags, 2));
    assert_int_equal(strato__settle_reply(&h.b.session, h.m[0], &reply, false), STRATO_ESTATE);
    end(&h, 3);
}

static void a_partial_reply_does_not_settle(void **state)
{
    const struct strato_send reply = { .envelope = { .type = "test.reply" } };
    struct hand h;
    struct script_frame frame;

    (void)state;
    begin(&h, 1);

    assert_int_equal(strato__settle_reply(&h.b.session, h.m[0], &reply, true), 0);
    assert_int_equal(strato__settle_reply(&h.b.session, h.m[0], &reply, false), 0);

    strato__session_flush(&h.b.session);
    frame = script_expect(&h.b, "reply");
    assert_true(frame.header.more);
    frame = script_expect(&h.b, "reply");
    assert_false(frame.header.more);
    end(&h, 1);
}

static void a_lease_that_ran_out_in_hand_is_stale_at_once(void **state)
{
    struct hand h;

    (void)state;
    begin(&h, 2);

    script_say(&h.b, "err", "ch:s stream:u code:u name:s i:u n:u", "work", (int)h.t->number, -STRATO_ESTALE_LEASE,
               "E_STALE_LEASE", 0, 1);

    assert_int_equal(strato__settle_ack(&h.b.session, h.m[0]), STRATO_ESTALE_LEASE);
    assert_int_equal(strato__settle_ack(&h.b.session, h.m[1]), 0);
    assert_int_equal(h.b.session.flush_err, 0);
    end(&h, 2);
}

static void a_message_whose_lease_ran_out_while_it_was_queued_is_not_begun(void **state)
{
    struct hand h;
    struct strato_message *m;

    (void)state;
    script_open(&h.b);
    h.t = script_consumer(&h.b, 8);
    script_say_messages(&h.b, 2, "deliver", "ch:s stream:u n:u i:u ep:u lease_ms:u", "work", (int)h.t->number, 2, 0, 1,
                        30000);

    script_say(&h.b, "err", "ch:s stream:u code:u name:s i:u n:u", "work", (int)h.t->number, -STRATO_ESTALE_LEASE,
               "E_STALE_LEASE", 0, 1);

    assert_int_equal(strato__stream_take(&h.b.session, h.t, &m), 0);
    assert_int_equal(m->tag, 1);
    h.m[0] = m;
    assert_int_equal(strato__stream_take(&h.b.session, h.t, &m), STRATO_EEMPTY);
    end(&h, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_taken_message_is_started_at_once_on_an_idle_socket),
        cmocka_unit_test(acks_in_order_are_one_number),
        cmocka_unit_test(acks_out_of_order_are_listed),
        cmocka_unit_test(a_second_settle_is_refused),
        cmocka_unit_test(a_nack_carries_what_was_asked),
        cmocka_unit_test(leases_in_hand_are_extended_every_ten_seconds),
        cmocka_unit_test(work_nobody_wants_any_more_is_marked),
        cmocka_unit_test(a_lease_of_an_ended_session_is_stale),
        cmocka_unit_test(a_resume_keeps_the_leases_the_broker_lists),
        cmocka_unit_test(a_delivery_lost_on_the_way_is_given_back_after_a_resume),
        cmocka_unit_test(a_delivery_lost_on_the_way_is_given_back_after_every_resume),
        cmocka_unit_test(a_settle_that_was_lost_with_the_connection_fails_the_flush),
        cmocka_unit_test(settles_of_a_session_that_ended_fail_the_flush),
        cmocka_unit_test(replies_share_a_frame_one_tag_each),
        cmocka_unit_test(a_partial_reply_does_not_settle),
        cmocka_unit_test(a_lease_that_ran_out_in_hand_is_stale_at_once),
        cmocka_unit_test(a_message_whose_lease_ran_out_while_it_was_queued_is_not_begun),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
