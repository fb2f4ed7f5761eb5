/*
 * test_stream.c - deliveries, demand, gaps, closing and coming back.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tests/lib/scripted_broker.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct strato_message *take(struct scripted_broker *b, struct strato__stream *t)
{
    struct strato_message *m = NULL;

    assert_int_equal(strato__stream_take(&b->session, t, &m), 0);
    return m;
}

static void let_go(struct scripted_broker *b, struct strato_message *m)
{
    if (m->needs_settling)
        assert_int_equal(strato__settle_ack(&b->session, m), 0);
    strato__settle_forget(&b->session, m);
    strato__message_free(&b->session.pool, m);
}

static void deliveries_come_out_in_order_with_their_tags(void **state)
{
    struct scripted_broker b;
    struct strato__stream *t;

    (void)state;
    script_open(&b);
    t = script_consumer(&b, 8);

    script_say_messages(&b, 3, "deliver", "ch:s stream:u n:u i:u ep:u lease_ms:u", "work", (int)t->number, 3, 0, 1,
                        30000);
    script_say_messages(&b, 1, "deliver", "ch:s stream:u n:u i:u ep:u lease_ms:u", "work", (int)t->number, 1, 3, 1,
                        30000);

    for (uint64_t tag = 0; tag < 4; tag++) {
        struct strato_message *m = take(&b, t);

        assert_int_equal(m->tag, tag);
        assert_int_equal(m->kind, STRATO_MESSAGE_WORK);
        assert_true(strato_bytes_is(m->envelope.type, "test.message"));
        let_go(&b, m);
    }
    assert_int_equal(b.session.readable, 0);
    script_fini(&b);
}

static void want_is_renewed_at_a_quarter(void **state)
{
    struct scripted_broker b;
    struct strato__stream *t;
    struct script_frame frame;
    int wants = 0;

    (void)state;
    script_open(&b);
    t = script_consumer(&b, 8);
    script_say_messages(&b, 8, "deliver", "ch:s stream:u n:u i:u ep:u", "work", (int)t->number, 8, 0, 1);
    t->taken_at_us = b.now_us; /* a quick taker */

    let_go(&b, take(&b, t));
    while (script_next(&b, &frame))
        wants += frame.header.opcode == STRATO_OP_want;
    assert_int_equal(wants, 0);
    let_go(&b, take(&b, t));
    while (script_next(&b, &frame)) {
        if (frame.header.opcode != STRATO_OP_want)
            continue;
        wants++;
        assert_int_equal(frame.header.limit, 10);
        assert_int_equal(frame.header.taken, 2);
    }
    assert_int_equal(wants, 1);
    script_fini(&b);
}

static void a_paused_consumer_asks_for_no_more(void **state)
{
    struct scripted_broker b;
    struct strato__stream *t;
    struct script_frame want;

    (void)state;
    script_open(&b);
    t = script_consumer(&b, 8);
    script_say_messages(&b, 2, "deliver", "ch:s stream:u n:u i:u ep:u", "work", (int)t->number, 2, 0, 1);

    strato__stream_set_prefetch(&b.session, t, 0);

    want = script_expect(&b, "want");
    assert_int_equal(want.header.limit, 2);
    script_fini(&b);
}

static void a_gap_is_a_message_of_its_own(void **state)
{
    const struct strato_subscription_options options = { .channel = "events" };
    struct scripted_broker b;
    struct strato__stream *t;
    struct script_frame frame;
    struct strato_message *m;

    (void)state;
    script_open(&b);
    assert_int_equal(strato__stream_open(&b.session, NULL, &options, &t), 0);
    frame = script_expect(&b, "sub");
    script_say(&b, "ok", "rq:U seq:u ch:s", script_rq(&frame), 41, "events");
    assert_int_equal(t->seq_confirmed, 41);

    script_say(&b, "lagged", "ch:s stream:u count:u from:u to:u", "events", (int)t->number, 5, 42, 46);
    script_say_messages(&b, 1, "event", "ch:s stream:u seq:u i:u n:u", "events", (int)t->number, 47, 0, 1);

    m = take(&b, t);
    assert_int_equal(m->kind, STRATO_MESSAGE_LAGGED);
    assert_int_equal(m->gap.count, 5);
    assert_int_equal(m->gap.from_seq, 42);
    assert_int_equal(m->gap.to_seq, 46);
    let_go(&b, m);
    m = take(&b, t);
    assert_int_equal(m->kind, STRATO_MESSAGE_EVENT);
    let_go(&b, m);
    assert_int_equal(b.session.counters.lagged, 5);
    script_fini(&b);
}

static void events_lost_on_the_way_show_as_a_gap(void **state)
{
    const struct strato_subscription_options options = { .channel = "events" };
    struct scripted_broker b;
    struct strato__stream *t;
    struct script_frame frame;
    struct strato_message *m;

    (void)state;
    script_open(&b);
    assert_int_equal(strato__stream_open(&b.session, NULL, &options, &t), 0);
    frame = script_expect(&b, "sub");
    script_say(&b, "ok", "rq:U seq:u ch:s", script_rq(&frame), 0, "events");

    script_say_messages(&b, 1, "event", "ch:s stream:u seq:u i:u n:u", "events", (int)t->number, 4, 3, 1);

    m = take(&b, t);
    assert_int_equal(m->kind, STRATO_MESSAGE_LAGGED);
    assert_int_equal(m->gap.count, 3);
    let_go(&b, m);
    script_fini(&b);
}

static void a_slow_subscriber_reads_what_it_has_and_then_learns_why(void **state)
{
    const struct strato_subscription_options options = { .channel = "events", .policy = "disconnect" };
    struct scripted_broker b;
    struct strato__stream *t;
    struct strato_message *m;
    struct script_frame frame;

    (void)state;
    script_open(&b);
    assert_int_equal(strato__stream_open(&b.session, NULL, &options, &t), 0);
    frame = script_expect(&b, "sub");
    assert_true(strato_bytes_is(frame.header.policy, "disconnect"));
    script_say(&b, "ok", "rq:U seq:u", script_rq(&frame), 0);
    script_say_messages(&b, 1, "event", "ch:s stream:u seq:u i:u n:u", "events", (int)t->number, 1, 0, 1);

    script_say(&b, "err", "ch:s stream:u code:u", "events", (int)t->number, 307);

    let_go(&b, take(&b, t));
    assert_int_equal(strato__stream_take(&b.session, t, &m), STRATO_ESLOW);
    script_fini(&b);
}

static void closing_gives_back_what_was_not_taken(void **state)
{
    struct scripted_broker b;
    struct strato__stream *t;
    struct script_frame frame;

    (void)state;
    script_open(&b);
    t = script_consumer(&b, 8);
    script_say_messages(&b, 3, "deliver", "ch:s stream:u n:u i:u ep:u", "work", (int)t->number, 3, 0, 1);

    strato__stream_release(&b.session, t);

    frame = script_expect(&b, "want");
    assert_int_equal(frame.header.limit, 3);
    frame = script_expect(&b, "nack");
    assert_false(frame.header.penalty);
    assert_true(strato__tag_lives(frame.header.tags, 0));
    assert_true(strato__tag_lives(frame.header.tags, 2));
    script_expect(&b, "unsub");
    assert_int_equal(b.session.streams_top, 0);
    script_fini(&b);
}

static void a_closed_consumer_lives_until_its_last_message_is_settled(void **state)
{
    struct scripted_broker b;
    struct strato__stream *t;
    struct script_frame frame;
    struct strato_message *m;

    (void)state;
    script_open(&b);
    t = script_consumer(&b, 8);
    script_say_messages(&b, 1, "deliver", "ch:s stream:u n:u i:u ep:u", "work", (int)t->number, 1, 0, 1);
    m = take(&b, t);

    strato__stream_release(&b.session, t);
    while (script_next(&b, &frame))
        assert_int_not_equal(frame.header.opcode, STRATO_OP_unsub);
    script_land(&b);
    let_go(&b, m);

    script_expect(&b, "ack");
    script_expect(&b, "unsub");
    script_fini(&b);
}

static void a_delivery_of_an_old_epoch_is_ignored_and_counted(void **state)
{
    struct scripted_broker b;
    struct strato__stream *t;

    (void)state;
    script_open(&b);
    t = script_consumer(&b, 8);

    script_say_messages(&b, 1, "deliver", "ch:s stream:u n:u i:u ep:u", "work", (int)t->number, 1, 0, 9);

    assert_int_equal(t->queued, 0);
    assert_int_equal(b.session.counters.late, 1);
    script_fini(&b);
}

static void a_delivery_to_the_stream_that_had_the_number_before_is_ignored(void **state)
{
    const struct strato_consumer_options options = { .channel = "work" };
    struct scripted_broker b;
    struct strato__stream *t;
    struct script_frame frame;
    int number;

    (void)state;
    script_open(&b);
    t = script_consumer(&b, 8);
    number = (int)t->number;
    strato__stream_release(&b.session, t);
    assert_int_equal(strato__stream_open(&b.session, &options, NULL, &t), 0);
    assert_int_equal(t->number, number);
    while (script_next(&b, &frame) && frame.header.opcode != STRATO_OP_open)
        continue;

    script_say_messages(&b, 1, "deliver", "ch:s stream:u n:u i:u ep:u", "work", number, 1, 5, 1);
    script_say(&b, "opened", "ch:s stream:u rq:U", "work", number, script_rq(&frame));
    script_say_messages(&b, 1, "deliver", "ch:s stream:u n:u i:u ep:u", "work", number, 1, 0, 1);

    assert_int_equal(b.session.counters.late, 1);
    assert_int_equal(t->queued, 1);
    assert_int_equal(t->received, 1);
    script_fini(&b);
}

static void a_new_session_opens_its_streams_again(void **state)
{
    struct scripted_broker b;
    struct strato__stream *t;
    struct script_frame frame;

    (void)state;
    script_open(&b);
    t = script_consumer(&b, 8);
    script_say_messages(&b, 2, "deliver", "ch:s stream:u n:u i:u ep:u", "work", (int)t->number, 2, 0, 1);
    script_drop(&b);
    script_connect(&b);
    script_expect(&b, "hello");

    script_say(&b, "welcome", "sid:s token:s ep:u epoch:u resumed:b hb_ms:u", "s2", "t", 1, 78, 0, 5000);

    frame = script_expect(&b, "open");
    assert_int_equal(t->queued, 0);
    script_say(&b, "opened", "ch:s stream:u rq:U", "work", (int)t->number, script_rq(&frame));
    frame = script_expect(&b, "want");
    assert_int_equal(frame.header.limit, 8);
    assert_int_equal(frame.header.taken, 0);
    script_fini(&b);
}

static void a_subscription_goes_on_behind_its_last_event_when_only_the_session_is_new(void **state)
{
    const struct strato_subscription_options options = { .channel = "events" };
    struct scripted_broker b;
    struct strato__stream *t;
    struct script_frame frame;

    (void)state;
    script_open(&b);
    assert_int_equal(strato__stream_open(&b.session, NULL, &options, &t), 0);
    frame = script_expect(&b, "sub");
    script_say(&b, "ok", "rq:U seq:u", script_rq(&frame), 10);
    script_drop(&b);
    script_connect(&b);
    script_expect(&b, "hello");

    script_say(&b, "welcome", "sid:s token:s ep:u epoch:u resumed:b hb_ms:u", "s2", "t", 1, 77, 0, 5000);

    frame = script_expect(&b, "sub");
    assert_int_equal(frame.header.from_seq, 11);
    script_fini(&b);
}

static void events_that_came_before_a_resume_are_not_seen_twice(void **state)
{
    const struct strato_subscription_options options = { .channel = "events" };
    struct scripted_broker b;
    struct strato__stream *t;
    struct script_frame frame;
    struct strato_message *m;
    struct strato_writer chans = { 0 };

    (void)state;
    script_open(&b);
    assert_int_equal(strato__stream_open(&b.session, NULL, &options, &t), 0);
    frame = script_expect(&b, "sub");
    script_say(&b, "ok", "rq:U seq:u", script_rq(&frame), 0);
    script_say_messages(&b, 3, "event", "ch:s stream:u seq:u i:u n:u", "events", (int)t->number, 1, 0, 3);
    t->seq = 1; /* as if the stamps of the first had been read */
    let_go(&b, take(&b, t));
    script_drop(&b);
    script_connect(&b);
    strato_writer_array(&chans, 1);
    strato_writer_map(&chans, 4);
    strato_writer_text(&chans, "ch");
    strato_writer_text(&chans, "events");
    strato_writer_text(&chans, "stream");
    strato_writer_u64(&chans, t->number);
    strato_writer_text(&chans, "dir");
    strato_writer_text(&chans, "c");
    strato_writer_text(&chans, "limit");
    strato_writer_u64(&chans, 3);

    script_say(&b, "welcome", "sid:s token:s ep:u epoch:u resumed:b hb_ms:u chans:T", "s1", "t2", 2, 77, 1, 5000,
               strato_writer_view(&chans));

    assert_int_equal(t->queued, 0);
    assert_int_equal(t->resumed_seq, 1);
    script_say_messages(&b, 2, "event", "ch:s stream:u seq:u i:u n:u", "events", (int)t->number, 2, 3, 2);
    m = take(&b, t);
    assert_int_equal(m->kind, STRATO_MESSAGE_EVENT); /* no gap: the tags go on where the broker says */
    let_go(&b, m);
    strato_writer_fini(&chans);
    script_fini(&b);
}

/* As with a producer; but what it was told about the stream is lost as well, so it is opened anew under its number. */
static void a_stream_that_was_being_opened_is_closed_and_opened_anew_after_a_resume(void **state)
{
    const struct strato_consumer_options options = { .channel = "work", .prefetch = 8 };
    struct scripted_broker b;
    struct strato__stream *t;
    struct strato_writer chans = { 0 };

    (void)state;
    script_open(&b);
    assert_int_equal(strato__stream_open(&b.session, &options, NULL, &t), 0);
    script_expect(&b, "open");
    script_drop(&b);
    script_connect(&b);
    script_expect(&b, "hello");
    strato_writer_array(&chans, 1);
    strato_writer_map(&chans, 3);
    strato_writer_text(&chans, "ch");
    strato_writer_text(&chans, "work");
    strato_writer_text(&chans, "stream");
    strato_writer_u64(&chans, t->number);
    strato_writer_text(&chans, "dir");
    strato_writer_text(&chans, "c");

    script_say(&b, "welcome", "sid:s token:s ep:u epoch:u resumed:b hb_ms:u chans:T", "s1", "t2", 2, 77, 1, 5000,
               strato_writer_view(&chans));

    assert_int_equal(script_expect(&b, "unsub").header.stream, t->number);
    assert_int_equal(script_expect(&b, "open").header.stream, t->number);
    strato_writer_fini(&chans);
    script_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(deliveries_come_out_in_order_with_their_tags),
        cmocka_unit_test(a_stream_that_was_being_opened_is_closed_and_opened_anew_after_a_resume),
        cmocka_unit_test(want_is_renewed_at_a_quarter),
        cmocka_unit_test(a_paused_consumer_asks_for_no_more),
        cmocka_unit_test(a_gap_is_a_message_of_its_own),
        cmocka_unit_test(events_lost_on_the_way_show_as_a_gap),
        cmocka_unit_test(a_slow_subscriber_reads_what_it_has_and_then_learns_why),
        cmocka_unit_test(closing_gives_back_what_was_not_taken),
        cmocka_unit_test(a_closed_consumer_lives_until_its_last_message_is_settled),
        cmocka_unit_test(a_delivery_of_an_old_epoch_is_ignored_and_counted),
        cmocka_unit_test(a_delivery_to_the_stream_that_had_the_number_before_is_ignored),
        cmocka_unit_test(a_new_session_opens_its_streams_again),
        cmocka_unit_test(events_that_came_before_a_resume_are_not_seen_twice),
        cmocka_unit_test(a_subscription_goes_on_behind_its_last_event_when_only_the_session_is_new),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
