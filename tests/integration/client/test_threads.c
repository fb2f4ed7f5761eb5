/*
 * test_threads.c - a client with its own thread, used by several threads at once.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tests/integration/client/client_fixture.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>

#include <cmocka.h>

enum { THREADS = 4, EACH = 2000 };

struct job {
    strato_client *client;
    strato_consumer *consumer;
    atomic_uint *taken;
    int failed;
};

static void *send_all(void *arg)
{
    struct job *job = arg;

    for (uint64_t i = 0; i < EACH; i++)
        job->failed += client_send(job->client, "evolution", i, 20000) != 0;
    return NULL;
}

static void *take_all(void *arg)
{
    struct job *job = arg;

    while (atomic_load(job->taken) < THREADS * EACH) {
        strato_message *message = NULL;

        if (strato_consumer_next(job->consumer, 50, &message) < 0)
            continue;
        job->failed += strato_message_ack(message) != 0;
        strato_message_destroy(&message);
        atomic_fetch_add(job->taken, 1);
    }
    return NULL;
}

static strato_client *join_threaded(struct broker_fixture *f, enum transport transport)
{
    struct strato_client_options options = client_options(f, transport);

    options.own_thread = true;
    return client_join(&options);
}

static void many_threads_send_and_take_through_two_clients(void **state)
{
    (void)state;
    for (int transport = 0; transport < TRANSPORTS; transport++) {
        struct broker_fixture f;
        pthread_t threads[2 * THREADS];
        struct job jobs[2 * THREADS];
        strato_client *sender, *taker;
        strato_consumer *consumer;
        atomic_uint taken = 0;

        broker_fixture_init(&f);
        broker_fixture_start(&f);
        sender = join_threaded(&f, (enum transport)transport);
        taker = join_threaded(&f, (enum transport)transport);
        consumer = client_consume(taker, "evolution", false);

        for (int i = 0; i < 2 * THREADS; i++) {
            jobs[i] = (struct job){ .client = sender, .consumer = consumer, .taken = &taken };
            assert_int_equal(pthread_create(&threads[i], NULL, i < THREADS ? send_all : take_all, &jobs[i]), 0);
        }
        for (int i = 0; i < 2 * THREADS; i++) {
            pthread_join(threads[i], NULL);
            assert_int_equal(jobs[i].failed, 0);
        }

        assert_int_equal(strato_flush(taker, 20000), 0);
        assert_int_equal(strato_flush(sender, 20000), 0);
        assert_int_equal(broker_fixture_channel(&f, "evolution").settled, THREADS * EACH);
        strato_consumer_close(&consumer);
        strato_client_close(&taker);
        strato_client_close(&sender);
        broker_fixture_stop(&f);
    }
}

static atomic_int told;

static void tell(void *arg, enum strato_client_event event, int err, const char *detail)
{
    strato_client **client = arg;

    (void)err;
    (void)detail;
    if (event == STRATO_CLIENT_CONNECTED)
        atomic_fetch_add(&told, 1);
    if (*client)
        (void)strato_client_is_connected(*client); /* calling back in must not lock up */
}

static void a_callback_may_use_the_client(void **state)
{
    struct broker_fixture f;
    struct strato_client_options options;
    strato_client *client = NULL;

    (void)state;
    atomic_store(&told, 0);
    broker_fixture_init(&f);
    broker_fixture_start(&f);
    options = client_options(&f, OVER_TCP);
    options.on_event = tell;
    options.on_event_arg = &client;

    client = client_join(&options);
    assert_int_equal(strato_client_process(client, 0), 0);

    assert_int_equal(atomic_load(&told), 1);
    strato_client_close(&client);
    broker_fixture_stop(&f);
}

static void the_descriptor_wakes_a_loop(void **state)
{
    (void)state;
    for (int own_thread = 0; own_thread < 2; own_thread++) {
        struct broker_fixture f;
        struct strato_client_options options;
        strato_client *sender, *taker;
        strato_consumer *consumer;
        strato_message *message = NULL;

        broker_fixture_init(&f);
        broker_fixture_start(&f);
        options = client_options(&f, OVER_TCP);
        options.own_thread = own_thread;
        taker = client_join(&options);
        sender = client_new(&f, OVER_TCP);
        consumer = client_consume(taker, "gpu", false);
        assert_true(strato_client_fd(taker) >= 0);
        assert_int_equal(client_send(sender, "gpu", 7, 20000), 0);
        assert_int_equal(strato_flush(sender, 20000), 0);

        assert_int_equal(strato_client_process(taker, 20000), 1);
        assert_int_equal(strato_consumer_next(consumer, 0, &message), 0);
        assert_int_equal(client_number(message), 7);
        client_done(&message);
        assert_int_equal(strato_client_process(taker, 0), 0);

        strato_consumer_close(&consumer);
        strato_client_close(&taker);
        strato_client_close(&sender);
        broker_fixture_stop(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_threads_send_and_take_through_two_clients),
        cmocka_unit_test(a_callback_may_use_the_client),
        cmocka_unit_test(the_descriptor_wakes_a_loop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
