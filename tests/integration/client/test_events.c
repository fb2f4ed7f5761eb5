/*
 * test_events.c - every subscriber gets every event, and who is too slow learns what it missed.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tests/integration/client/client_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

enum { SUBSCRIBERS = 3, SENDERS = 10, EACH = 100 };

static strato_subscription *subscribe(strato_client *client, const struct strato_subscription_options *options)
{
    strato_subscription *subscription = NULL;
    int rc = strato_subscription_open(client, options, &subscription);

    if (rc < 0)
        fail_msg("no subscription: %s %s", strato_err_name(rc), strato_client_detail(client));
    return subscription;
}

static int publish(strato_client *client, const char *topic, uint64_t number)
{
    struct strato_send event = { .channel = "events", .envelope = { .type = "test.event", .topic = topic } };
    uint8_t buffer[16];
    struct strato_writer payload;

    strato_writer_init_fixed(&payload, buffer, sizeof buffer);
    strato_writer_u64(&payload, number);
    event.envelope.payload = strato_writer_view(&payload);
    return strato_send(client, &event, 20000);
}

static strato_message *next_event(strato_subscription *subscription)
{
    strato_message *message = NULL;
    int rc = strato_subscription_next(subscription, 20000, &message);

    if (rc < 0)
        fail_msg("no event: %s", strato_err_name(rc));
    return message;
}

/* 1,000 events; numbers of one sender come in order. */
static void receive_all(strato_subscription *subscription)
{
    uint64_t seen[SENDERS] = { 0 };

    for (int i = 0; i < SENDERS * EACH; i++) {
        strato_message *message = next_event(subscription);
        uint64_t number;

        assert_int_equal(strato_message_kind(message), STRATO_MESSAGE_EVENT);
        number = client_number(message);
        assert_in_range(number / EACH, 0, SENDERS - 1);
        assert_int_equal(number % EACH, seen[number / EACH]);
        seen[number / EACH]++;
        strato_message_destroy(&message);
    }
}

static void three_subscribers_get_1000_events_of_ten_senders_each(void **state)
{
    (void)state;
    for (int transport = 0; transport < TRANSPORTS; transport++) {
        struct broker_fixture f;
        strato_client *listeners[SUBSCRIBERS], *senders[SENDERS];
        strato_subscription *subscriptions[SUBSCRIBERS];

        broker_fixture_init(&f);
        broker_fixture_start(&f);
        for (int i = 0; i < SUBSCRIBERS; i++) {
            listeners[i] = client_new(&f, (enum transport)transport);
            subscriptions[i] = subscribe(listeners[i], NULL);
        }
        for (int i = 0; i < SENDERS; i++)
            senders[i] = client_new(&f, (enum transport)transport);

        for (uint64_t number = 0; number < EACH; number++)
            for (uint64_t i = 0; i < SENDERS; i++)
                assert_int_equal(publish(senders[i], "events.test", i * EACH + number), 0);
        for (int i = 0; i < SENDERS; i++)
            assert_int_equal(strato_flush(senders[i], 20000), 0);

        for (int i = 0; i < SUBSCRIBERS; i++)
            receive_all(subscriptions[i]);
        for (int i = 0; i < SUBSCRIBERS; i++) {
            strato_subscription_close(&subscriptions[i]);
            strato_client_close(&listeners[i]);
        }
        for (int i = 0; i < SENDERS; i++)
            strato_client_close(&senders[i]);
        broker_fixture_stop(&f);
    }
}

static void a_stalled_subscriber_learns_how_much_it_missed(void **state)
{
    enum { EVENTS = 5000 };
    struct broker_fixture f;
    strato_client *stalled, *quick, *sender;
    strato_subscription *slow, *fast;
    uint64_t received = 0, missed = 0, last = 0;

    (void)state;
    broker_fixture_init(&f);
    broker_fixture_start(&f);
    stalled = client_new(&f, OVER_TCP);
    quick = client_new(&f, OVER_TCP);
    sender = client_new(&f, OVER_TCP);
    slow = subscribe(stalled, NULL);
    fast = subscribe(quick, NULL);

    for (uint64_t i = 0; i < EVENTS; i++) {
        strato_message *message;

        assert_int_equal(publish(sender, "events.test", i), 0);
        strato_client_process(sender, 0);
        message = next_event(fast); /* nobody waits for the stalled one */
        assert_int_equal(strato_message_kind(message), STRATO_MESSAGE_EVENT);
        assert_int_equal(client_number(message), i);
        strato_message_destroy(&message);
    }

    while (received + missed < EVENTS) {
        strato_message *message = next_event(slow);

        if (strato_message_kind(message) == STRATO_MESSAGE_LAGGED) {
            missed += strato_message_gap(message).count;
        } else {
            assert_true(received + missed == 0 || client_number(message) > last);
            last = client_number(message);
            received++;
        }
        strato_message_destroy(&message);
    }
    assert_int_equal(received + missed, EVENTS);
    assert_true(missed > 0);
    assert_int_equal(last, EVENTS - 1);

    strato_subscription_close(&slow);
    strato_subscription_close(&fast);
    strato_client_close(&stalled);
    strato_client_close(&quick);
    strato_client_close(&sender);
    broker_fixture_stop(&f);
}

static void globs_choose_topics(void **state)
{
    static const char *const wanted[] = { "events.a.*" };
    const struct strato_subscription_options options = { .match = wanted, .match_count = 1 };
    struct broker_fixture f;
    strato_client *client;
    strato_subscription *subscription;
    strato_message *message;

    (void)state;
    broker_fixture_init(&f);
    broker_fixture_start(&f);
    client = client_new(&f, OVER_TCP);
    subscription = subscribe(client, &options);

    assert_int_equal(publish(client, "events.b.1", 1), 0);
    assert_int_equal(publish(client, "events.a.1.deep", 2), 0);
    assert_int_equal(publish(client, "events.a.1", 3), 0);

    message = next_event(subscription);
    assert_int_equal(client_number(message), 3);
    strato_message_destroy(&message);
    strato_subscription_close(&subscription);
    strato_client_close(&client);
    broker_fixture_stop(&f);
}

static void history_is_read_page_by_page(void **state)
{
    struct broker_fixture f;
    strato_client *client;
    strato_message *page[8];
    uint64_t seq = 1;
    bool more = true;
    int events = 0;

    (void)state;
    broker_fixture_init(&f);
    broker_fixture_start(&f);
    client = client_new(&f, OVER_TCP);
    for (uint64_t i = 0; i < 20; i++)
        assert_int_equal(publish(client, "events.test", i), 0);
    assert_int_equal(strato_flush(client, 20000), 0);

    while (more) {
        int count = strato_history(client, "events", seq, 8, 20000, page, &more);

        if (count < 0)
            fail_msg("history: %s %s", strato_err_name(count), strato_client_detail(client));
        for (int i = 0; i < count; i++) {
            assert_int_equal(client_number(page[i]), (uint64_t)events++);
            seq = strato_message_envelope(page[i])->seq + 1;
            strato_message_destroy(&page[i]);
        }
    }
    assert_int_equal(events, 20);
    strato_client_close(&client);
    broker_fixture_stop(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_subscribers_get_1000_events_of_ten_senders_each),
        cmocka_unit_test(a_stalled_subscriber_learns_how_much_it_missed),
        cmocka_unit_test(globs_choose_topics),
        cmocka_unit_test(history_is_read_page_by_page),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
