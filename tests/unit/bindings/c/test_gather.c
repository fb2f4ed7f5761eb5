/*
 * test_gather.c - when messages share a frame, and that a lone one never waits.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tests/lib/scripted_broker.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct strato__producer *begin(struct scripted_broker *b)
{
    script_open(b);
    return script_producer(b, "gpu", 4096);
}

static void a_lone_message_leaves_at_once(void **state)
{
    struct scripted_broker b;
    struct strato__producer *p = begin(&b);
    struct script_frame put;

    (void)state;
    assert_int_equal(script_send(&b, p), 0);

    put = script_expect(&b, "put");
    assert_int_equal(put.header.n, 1);
    script_fini(&b);
}

static void messages_gather_while_a_frame_is_in_flight(void **state)
{
    struct scripted_broker b;
    struct strato__producer *p = begin(&b);
    struct script_frame put;

    (void)state;
    assert_int_equal(script_send(&b, p), 0);
    script_expect(&b, "put");
    for (int i = 0; i < 10; i++)
        assert_int_equal(script_send(&b, p), 0);
    script_expect_nothing(&b);

    script_land(&b);
    assert_int_equal(script_send(&b, p), 0);

    put = script_expect(&b, "put");
    assert_int_equal(put.header.n, 11);
    script_fini(&b);
}

static void a_frame_takes_256_messages_and_not_one_more(void **state)
{
    struct scripted_broker b;
    struct strato__producer *p = begin(&b);
    struct script_frame put;

    (void)state;
    assert_int_equal(script_send(&b, p), 0);
    script_expect(&b, "put");
    for (int i = 0; i < 257; i++)
        assert_int_equal(script_send(&b, p), 0);

    put = script_expect(&b, "put");
    assert_int_equal(put.header.n, 256);
    script_expect_nothing(&b);
    assert_int_equal(p->gather.count, 1);
    script_fini(&b);
}

static void a_frame_is_closed_at_64_kib(void **state)
{
    static uint8_t data[20000];
    struct strato_send message = { .channel = "gpu", .envelope = { .type = "test.message" } };
    struct scripted_broker b;
    struct strato__producer *p = begin(&b);
    struct strato_writer w = { 0 };
    struct script_frame put;

    (void)state;
    strato_writer_bin(&w, STRATO_BYTES_OF(data));
    message.envelope.payload = strato_writer_view(&w);
    assert_int_equal(script_send(&b, p), 0);
    script_expect(&b, "put");
    for (int i = 0; i < 4; i++)
        assert_int_equal(strato__producer_send(&b.session, p, &message, NULL, NULL), 0);

    put = script_expect(&b, "put");
    assert_int_equal(put.header.n, 4);
    strato_writer_fini(&w);
    script_fini(&b);
}

static void nothing_waits_longer_than_200_microseconds(void **state)
{
    struct scripted_broker b;
    struct strato__producer *p = begin(&b);

    (void)state;
    assert_int_equal(script_send(&b, p), 0);
    script_expect(&b, "put");
    assert_int_equal(script_send(&b, p), 0);
    assert_int_equal(strato__session_next_us(&b.session), b.now_us + 200);

    script_pass_ms(&b, 1);

    script_expect(&b, "put");
    script_fini(&b);
}

static void without_batching_every_message_has_its_frame(void **state)
{
    struct scripted_broker b;
    struct strato__producer *p = begin(&b);

    (void)state;
    b.session.no_batching = true;
    for (int i = 0; i < 3; i++)
        assert_int_equal(script_send(&b, p), 0);

    for (int i = 0; i < 3; i++)
        assert_int_equal(script_expect(&b, "put").header.n, 1);
    script_fini(&b);
}

static void an_inline_client_gathers_only_bursts(void **state)
{
    struct scripted_broker b;
    struct strato__producer *p = begin(&b);

    (void)state;
    b.session.is_inline = true;
    b.session.gathered_us = 0;
    for (int i = 0; i < STRATO__BURST; i++) { /* nothing lands, and still each leaves */
        assert_int_equal(script_send(&b, p), 0);
        assert_int_equal(script_expect(&b, "put").header.n, 1);
    }
    assert_int_equal(script_send(&b, p), 0);
    script_expect_nothing(&b);

    script_pass_ms(&b, 0);
    b.session.now_us += STRATO__BURST_US + 1;
    assert_int_equal(script_send(&b, p), 0);

    assert_int_equal(script_expect(&b, "put").header.n, 2);
    script_fini(&b);
}

static void an_undone_envelope_leaves_no_trace(void **state)
{
    const struct strato_envelope_out e = { .type = "test.message" };
    const uint8_t header[] = { 0x80 };
    struct strato__gather g = { 0 };
    struct strato__closed closed;
    int64_t bytes;

    (void)state;
    bytes = strato__gather_add(&g, &e, 0);
    assert_true(bytes > 0);
    assert_int_equal(strato__gather_add(&g, &e, 0), bytes);

    strato__gather_undo(&g, (size_t)bytes);

    assert_int_equal(strato__gather_close(&g, STRATO_BYTES_OF(header), &closed), 0);
    assert_int_equal(closed.count, 1);
    assert_int_equal(closed.buffer->bytes, (size_t)bytes + sizeof header);
    strato__buffer_drop(closed.buffer);
    strato__gather_fini(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lone_message_leaves_at_once),
        cmocka_unit_test(messages_gather_while_a_frame_is_in_flight),
        cmocka_unit_test(a_frame_takes_256_messages_and_not_one_more),
        cmocka_unit_test(a_frame_is_closed_at_64_kib),
        cmocka_unit_test(nothing_waits_longer_than_200_microseconds),
        cmocka_unit_test(without_batching_every_message_has_its_frame),
        cmocka_unit_test(an_inline_client_gathers_only_bursts),
        cmocka_unit_test(an_undone_envelope_leaves_no_trace),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
