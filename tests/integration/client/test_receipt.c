/*
 * test_receipt.c - a producer that asks learns how its messages ended, over any transport and over a cut connection.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tests/integration/client/client_fixture.h"
#include "tests/integration/client/cut_proxy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void send_asking(strato_client *client, unsigned number)
{
    char id[16];
    struct strato_send message = { .channel = "evolution", .envelope = { .type = "t.x", .receipt = true } };

    snprintf(id, sizeof id, "m%u", number);
    message.envelope.id = strato_text(id);
    assert_int_equal(strato_send(client, &message, 5000), 0);
}

static struct strato_receipt receive(strato_client *client)
{
    struct strato_receipt r;

    assert_int_equal(strato_receipt_next(client, 5000, &r), 0);
    assert_string_equal(r.channel, "evolution");
    return r;
}

static bool is_of(const struct strato_receipt *r, const char *id)
{
    return strato_bytes_is(strato_bytes(r->id, r->id_bytes), id);
}

static void an_ack_and_a_rejection_reach_the_producer(void **state)
{
    struct broker_fixture f;

    (void)state;
    broker_fixture_init(&f);
    broker_fixture_start(&f);
    for (int transport = 0; transport < TRANSPORTS; transport++) {
        strato_client *maker = client_new(&f, (enum transport)transport),
                      *worker = client_new(&f, (enum transport)transport);
        strato_consumer *consumer = client_consume(worker, "evolution", false);
        struct strato_nack dead = { .delay_ms = -1, .reason = "no good", .dead = true };
        struct strato_receipt r;
        strato_message *message;

        send_asking(maker, 10 + (unsigned)transport);
        assert_int_equal(strato_receipt_next(maker, 0, &r), STRATO_EEMPTY);
        message = client_next(consumer);
        assert_int_equal(strato_message_ack(message), 0);
        strato_message_destroy(&message);
        assert_int_equal(strato_flush(worker, 5000), 0);
        r = receive(maker);
        assert_int_equal(r.outcome, STRATO_OUTCOME_SETTLED);
        assert_int_equal(r.attempts, 1);
        send_asking(maker, 20 + (unsigned)transport);
        message = client_next(consumer);
        assert_int_equal(strato_message_nack(message, &dead), 0);
        strato_message_destroy(&message);
        assert_int_equal(strato_flush(worker, 5000), 0);
        r = receive(maker);
        assert_int_equal(r.outcome, STRATO_OUTCOME_DEAD);
        assert_string_equal(r.reason, "rejected");
        strato_consumer_close(&consumer);
        strato_client_close(&maker);
        strato_client_close(&worker);
    }
    broker_fixture_stop(&f);
}

/* Until the broker knows that somebody is away: what it sends before that is on a wire that is cut. */
static void wait_for_a_detached_session(strato_client *asker)
{
    bool is_detached = false;

    while (!is_detached) {
        strato_message *answer = NULL;
        struct strato_bytes payload;

        assert_int_equal(strato_admin(asker, "admin.sessions", NULL, STRATO_BYTES_NONE, 5000, &answer), 0);
        payload = strato_message_envelope(answer)->payload;
        is_detached = memmem(payload.data, payload.bytes, "detached", 8) != NULL;
        strato_message_destroy(&answer);
    }
}

static void receipts_wait_for_a_producer_whose_connection_was_cut(void **state)
{
    struct broker_fixture f;
    struct strato_client_options options;
    struct cut_proxy *proxy;
    strato_client *maker, *worker;
    strato_consumer *consumer;

    (void)state;
    broker_fixture_init(&f);
    broker_fixture_start(&f);
    proxy = cut_proxy_start(broker_fixture_endpoint(&f, "native@tcp"));
    options = client_options(&f, OVER_TCP);
    options.endpoint = cut_proxy_endpoint(proxy);
    options.reconnect_ms = 10;
    maker = client_join(&options);
    worker = client_new(&f, OVER_TCP);
    consumer = client_consume(worker, "evolution", false);
    for (unsigned i = 0; i < 3; i++)
        send_asking(maker, i);
    assert_int_equal(strato_flush(maker, 5000), 0);
    cut_proxy_cut(proxy); /* the maker, inline, does not look: it stays away until it asks for receipts */
    wait_for_a_detached_session(worker);
    for (unsigned i = 0; i < 3; i++) {
        strato_message *message = client_next(consumer);

        client_done(&message);
    }
    assert_int_equal(strato_flush(worker, 5000), 0);
    for (unsigned i = 0; i < 3; i++) {
        struct strato_receipt r = receive(maker);
        char id[16];

        snprintf(id, sizeof id, "m%u", i);
        assert_true(is_of(&r, id));
        assert_int_equal(r.outcome, STRATO_OUTCOME_SETTLED);
    }
    strato_consumer_close(&consumer);
    strato_client_close(&maker);
    strato_client_close(&worker);
    cut_proxy_stop(&proxy);
    broker_fixture_stop(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_ack_and_a_rejection_reach_the_producer),
        cmocka_unit_test(receipts_wait_for_a_producer_whose_connection_was_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
