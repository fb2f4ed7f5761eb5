/*
 * test_attachment.c - large binary travels by reference: the same pointer inside one process, intact over tcp.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tests/integration/client/client_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>

#include <cmocka.h>

enum { MIB = 1 << 20 };

static atomic_int freed;

static void free_and_count(void *data, void *hint)
{
    (void)hint;
    free(data);
    atomic_fetch_add(&freed, 1);
}

static uint8_t *make(void)
{
    uint8_t *data = malloc(MIB);

    assert_non_null(data);
    for (size_t i = 0; i < MIB; i++)
        data[i] = (uint8_t)(i * 31 + (i >> 8));
    return data;
}

static void assert_intact(struct strato_bytes bytes)
{
    assert_int_equal(bytes.bytes, MIB);
    for (size_t i = 0; i < MIB; i++)
        if (bytes.data[i] != (uint8_t)(i * 31 + (i >> 8)))
            fail_msg("byte %zu differs", i);
}

static void send_taken(strato_client *client, uint8_t *data)
{
    const struct strato_attachment attachment = { .data = data, .bytes = MIB, .free_fn = free_and_count };
    const struct strato_send message = {
        .channel = "gpu", .envelope = { .type = "test.blob" }, .attachments = &attachment, .attachments_count = 1
    };

    assert_int_equal(strato_send(client, &message, 20000), 0);
}

static void one_mebibyte(enum transport transport, bool same_pointer)
{
    struct broker_fixture f;
    strato_client *sender, *taker;
    strato_consumer *consumer;
    strato_message *message;
    uint8_t *data = make();

    atomic_store(&freed, 0);
    broker_fixture_init(&f);
    broker_fixture_start(&f);
    sender = client_new(&f, transport);
    taker = client_new(&f, transport);
    consumer = client_consume(taker, "gpu", false);

    send_taken(sender, data);
    message = client_next(consumer);

    assert_int_equal(strato_message_attachments(message), 1);
    if (same_pointer)
        assert_ptr_equal(strato_message_attachment(message, 0).data, data);
    assert_intact(strato_message_attachment(message, 0));
    assert_int_equal(strato_message_attachment(message, 1).bytes, 0);
    client_done(&message);
    assert_int_equal(strato_flush(sender, 20000), 0);
    strato_consumer_close(&consumer);
    strato_client_close(&taker);
    strato_client_close(&sender);
    broker_fixture_stop(&f);
    assert_int_equal(atomic_load(&freed), 1);
}

static void a_mebibyte_keeps_its_pointer_inside_one_process(void **state)
{
    (void)state;
    one_mebibyte(OVER_INPROC, true);
}

static void a_mebibyte_arrives_intact_over_tcp(void **state)
{
    (void)state;
    one_mebibyte(OVER_TCP, false);
}

static void a_message_over_the_limit_is_refused_before_it_is_sent(void **state)
{
    struct broker_fixture f;
    strato_client *client;
    const size_t bytes = 10 * MIB;
    void *data = calloc(1, bytes);
    const struct strato_attachment attachment = { .data = data, .bytes = bytes };
    const struct strato_send message = {
        .channel = "gpu", .envelope = { .type = "test.blob" }, .attachments = &attachment, .attachments_count = 1
    };

    (void)state;
    assert_non_null(data);
    broker_fixture_init(&f);
    broker_fixture_start(&f);
    client = client_new(&f, OVER_TCP);

    assert_int_equal(strato_send(client, &message, 20000), STRATO_ETOO_BIG);
    assert_int_equal(client_send(client, "gpu", 1, 20000), 0);

    strato_client_close(&client);
    broker_fixture_stop(&f);
    free(data);
}

static void a_message_outlives_its_client(void **state)
{
    struct broker_fixture f;
    strato_client *sender, *taker;
    strato_consumer *consumer;
    strato_message *message;

    (void)state;
    broker_fixture_init(&f);
    broker_fixture_start(&f);
    sender = client_new(&f, OVER_TCP);
    taker = client_new(&f, OVER_TCP);
    consumer = client_consume(taker, "gpu", false);
    send_taken(sender, make());
    message = client_next(consumer);

    strato_consumer_close(&consumer);
    strato_client_close(&taker);

    assert_intact(strato_message_attachment(message, 0));
    assert_int_equal(strato_message_ack(message), STRATO_ESTATE);
    strato_message_destroy(&message);
    strato_client_close(&sender);
    broker_fixture_stop(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mebibyte_keeps_its_pointer_inside_one_process),
        cmocka_unit_test(a_mebibyte_arrives_intact_over_tcp),
        cmocka_unit_test(a_message_over_the_limit_is_refused_before_it_is_sent),
        cmocka_unit_test(a_message_outlives_its_client),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
