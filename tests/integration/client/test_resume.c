/*
 * test_resume.c - connections that break while messages are under way: the session goes on, nothing is lost or doubled.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tests/integration/client/client_fixture.h"
#include "tests/integration/client/cut_proxy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

struct scene {
    struct broker_fixture f;
    struct cut_proxy *proxy;
    strato_client *far; /* behind the proxy */
    strato_client *near;
};

static void begin(struct scene *s)
{
    struct strato_client_options options;

    broker_fixture_init(&s->f);
    broker_fixture_start(&s->f);
    s->proxy = cut_proxy_start(broker_fixture_endpoint(&s->f, "native@tcp"));
    options = client_options(&s->f, OVER_TCP);
    options.endpoint = cut_proxy_endpoint(s->proxy);
    options.own_thread = true;
    options.reconnect_ms = 10;
    s->far = client_join(&options);
    s->near = client_new(&s->f, OVER_TCP);
}

static void end(struct scene *s)
{
    strato_client_close(&s->far);
    strato_client_close(&s->near);
    cut_proxy_stop(&s->proxy);
    broker_fixture_stop(&s->f);
}

static uint64_t resumes(strato_client *client)
{
    struct strato_client_counters counters;

    strato_client_counters(client, &counters);
    return counters.resumes;
}

static void cut_and_wait(struct scene *s)
{
    uint64_t before = resumes(s->far);

    cut_proxy_cut(s->proxy);
    while (resumes(s->far) == before)
        assert_true(strato_client_process(s->far, 5) >= 0);
}

static void a_cut_producer_loses_and_doubles_nothing(void **state)
{
    enum { MESSAGES = 6000, CUT_EVERY = 1000 };
    struct strato_send_stats stats;
    struct scene s;
    strato_consumer *consumer;

    (void)state;
    begin(&s);
    consumer = client_consume(s.near, "evolution", false);

    for (uint64_t i = 0; i < MESSAGES; i++) {
        if (i % CUT_EVERY == CUT_EVERY / 2)
            cut_proxy_cut(s.proxy); /* in the middle of a batch, most likely */
        assert_int_equal(client_send(s.far, "evolution", i, 20000), 0);
    }
    assert_int_equal(strato_flush(s.far, 20000), 0);
    assert_int_equal(strato_send_stats(s.far, "evolution", &stats), 0);
    assert_int_equal(stats.accepted, MESSAGES);

    assert_int_equal(broker_fixture_channel(&s.f, "evolution").accepted, MESSAGES);
    for (uint64_t i = 0; i < MESSAGES; i++) {
        strato_message *message = client_next(consumer);

        assert_int_equal(client_number(message), i);
        client_done(&message);
    }
    assert_true(resumes(s.far) > 0);
    assert_int_equal(strato_flush(s.near, 20000), 0);
    strato_consumer_close(&consumer);
    end(&s);
}

static void a_cut_consumer_keeps_its_lease(void **state)
{
    struct scene s;
    strato_consumer *consumer;
    strato_message *message;

    (void)state;
    begin(&s);
    consumer = client_consume(s.far, "gpu", false);
    assert_int_equal(client_send(s.near, "gpu", 1, 20000), 0);
    message = client_next(consumer);
    assert_int_equal(strato_client_ping(s.far, 20000, NULL), 0);

    cut_and_wait(&s);

    assert_int_equal(strato_message_ack(message), 0);
    strato_message_destroy(&message);
    assert_int_equal(strato_flush(s.far, 20000), 0);
    assert_int_equal(broker_fixture_channel(&s.f, "gpu").settled, 1);
    assert_int_equal(client_send(s.near, "gpu", 2, 20000), 0);
    message = client_next(consumer);
    assert_int_equal(client_number(message), 2);
    client_done(&message);
    strato_consumer_close(&consumer);
    end(&s);
}

static void a_cut_consumer_gets_every_message_at_least_once(void **state)
{
    enum { MESSAGES = 3000, CUT_EVERY = 500 };
    static uint8_t seen[MESSAGES];
    struct scene s;
    strato_consumer *consumer;
    int different = 0;

    (void)state;
    memset(seen, 0, sizeof seen);
    begin(&s);
    consumer = client_consume(s.far, "evolution", false);
    for (uint64_t i = 0; i < MESSAGES; i++)
        assert_int_equal(client_send(s.near, "evolution", i, 20000), 0);
    assert_int_equal(strato_flush(s.near, 20000), 0);

    while (different < MESSAGES) {
        strato_message *message = client_next(consumer);
        uint64_t number = client_number(message);

        assert_in_range(number, 0, MESSAGES - 1);
        different += !seen[number];
        seen[number] = 1;
        if (different % CUT_EVERY == CUT_EVERY / 2)
            cut_proxy_cut(s.proxy);
        (void)strato_message_ack(message); /* a lease that was lost in between is told, and comes again */
        strato_message_destroy(&message);
    }

    (void)strato_flush(s.far, 20000);
    strato_consumer_close(&consumer);
    end(&s);
}

static void a_cut_subscriber_sees_every_event_or_its_gap(void **state)
{
    enum { EVENTS = 600, CUT_EVERY = 100 };
    const struct strato_subscription_options options = { .channel = "events" };
    struct scene s;
    strato_subscription *subscription = NULL;
    uint64_t next = 0;

    (void)state;
    begin(&s);
    assert_int_equal(strato_subscription_open(s.far, &options, &subscription), 0);

    for (uint64_t i = 0; i < EVENTS; i++) {
        if (i % CUT_EVERY == CUT_EVERY / 2)
            cut_proxy_cut(s.proxy);
        assert_int_equal(client_send(s.near, "events", i, 20000), 0);
        assert_int_equal(strato_flush(s.near, 20000), 0);
    }
    while (next < EVENTS) {
        strato_message *message = NULL;

        assert_int_equal(strato_subscription_next(subscription, 20000, &message), 0);
        if (strato_message_kind(message) == STRATO_MESSAGE_LAGGED) {
            next += strato_message_gap(message).count;
        } else {
            assert_int_equal(client_number(message), next);
            next++;
        }
        strato_message_destroy(&message);
    }

    strato_subscription_close(&subscription);
    end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cut_producer_loses_and_doubles_nothing),
        cmocka_unit_test(a_cut_consumer_keeps_its_lease),
        cmocka_unit_test(a_cut_consumer_gets_every_message_at_least_once),
        cmocka_unit_test(a_cut_subscriber_sees_every_event_or_its_gap),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
