/*
 * test_message.c - multipart messages become heads and blobs, and no byte is copied on the way.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tests/unit/core/lib.h"

#include "broker/net/message.h"

struct fixture {
    void *context, *a, *b;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    f->context = zmq_ctx_new();
    f->a = zmq_socket(f->context, ZMQ_PAIR);
    f->b = zmq_socket(f->context, ZMQ_PAIR);
    *state = f;
    return zmq_bind(f->a, "inproc://x") || zmq_connect(f->b, "inproc://x");
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    int zero = 0;

    zmq_setsockopt(f->a, ZMQ_LINGER, &zero, sizeof zero);
    zmq_setsockopt(f->b, ZMQ_LINGER, &zero, sizeof zero);
    zmq_close(f->a);
    zmq_close(f->b);
    zmq_ctx_term(f->context);
    free(f);
    return 0;
}

static void nothing_there_is_said_so(void **state)
{
    struct fixture *f = *state;
    struct net_message m;

    assert_int_equal(net_message_receive(f->a, 2, true, &m), STRATO_EAGAIN);
}

static void a_delimiter_makes_room_for_a_third_head(void **state)
{
    struct fixture *f = *state;
    struct net_message m;

    zmq_send(f->b, "id", 2, ZMQ_SNDMORE);
    zmq_send(f->b, "", 0, ZMQ_SNDMORE);
    zmq_send(f->b, "frame", 5, ZMQ_SNDMORE);
    zmq_send(f->b, "blob", 4, 0);
    assert_int_equal(net_message_receive(f->a, 2, true, &m), 0);
    assert_int_equal(m.heads_count, 3);
    assert_text(net_message_head(&m, 2), "frame");
    assert_int_equal(m.blobs_count, 1);
    assert_text(strato_bytes(m.blobs[0]->data, m.blobs[0]->bytes), "blob");
    net_message_fini(&m);
}

static void an_attachment_keeps_its_address(void **state)
{
    struct fixture *f = *state;
    static uint8_t big[1 << 20];
    struct net_message m, again;
    const uint8_t *data;
    zmq_msg_t part;

    zmq_msg_init_data(&part, big, sizeof big, NULL, NULL);
    zmq_send(f->b, "id", 2, ZMQ_SNDMORE);
    zmq_msg_send(&part, f->b, 0);
    assert_int_equal(net_message_receive(f->a, 1, false, &m), 0);
    data = m.blobs[0]->data;
    assert_ptr_equal(data, big);
    assert_int_equal(net_send_copy(f->a, LITERAL("id"), true), 0);
    assert_int_equal(net_send_blobs(f->a, m.blobs, 1), 0);
    net_message_fini(&m); /* the receiver's reference keeps the bytes */
    assert_int_equal(net_message_receive(f->b, 1, false, &again), 0);
    assert_ptr_equal(again.blobs[0]->data, data);
    net_message_fini(&again);
}

static void attachments_beyond_the_limit_are_seen_but_not_kept(void **state)
{
    struct fixture *f = *state;
    struct net_message m;

    zmq_send(f->b, "id", 2, ZMQ_SNDMORE);
    for (int i = 0; i < 200; i++)
        zmq_send(f->b, "x", 1, i < 199 ? ZMQ_SNDMORE : 0);
    assert_int_equal(net_message_receive(f->a, 1, false, &m), 0);
    assert_int_equal(m.blobs_count, STRATO_ATTACHMENTS_MAX + 1);
    net_message_fini(&m);
    assert_int_equal(net_message_receive(f->a, 1, false, &m), STRATO_EAGAIN);
}

static void data_that_was_not_sent_stays_with_the_caller(void **state)
{
    struct fixture *f = *state;
    void *push = zmq_socket(f->context, ZMQ_PUSH);
    uint8_t *data = malloc(4096);

    assert_int_equal(net_send_taking(push, &data, 4096, false), STRATO_EAGAIN);
    assert_non_null(data);
    data[0] = 1; /* still ours */
    assert_int_equal(net_send_taking(f->b, &data, 4096, false), 0);
    assert_null(data);
    zmq_close(push);
}

static void small_data_is_copied(void **state)
{
    struct fixture *f = *state;
    uint8_t *data = calloc(1, 8);

    assert_int_equal(net_send_taking(f->b, &data, 8, false), 0);
    assert_non_null(data);
    free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_there_is_said_so, setup, teardown),
        cmocka_unit_test_setup_teardown(a_delimiter_makes_room_for_a_third_head, setup, teardown),
        cmocka_unit_test_setup_teardown(an_attachment_keeps_its_address, setup, teardown),
        cmocka_unit_test_setup_teardown(attachments_beyond_the_limit_are_seen_but_not_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(data_that_was_not_sent_stays_with_the_caller, setup, teardown),
        cmocka_unit_test_setup_teardown(small_data_is_copied, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
