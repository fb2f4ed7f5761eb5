/*
 * test_bound.c - the bound of gpu, seen by its producers: 100 messages, never 101, for any number of senders.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tests/integration/client/client_fixture.h"

#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>

#include <cmocka.h>

enum { BOUND = 100 };

static const int crowds[] = { 1, 4, 16, 200 };

struct crowd {
    strato_client *clients[200];
    int count;
};

/* Own threads, so that those who are not in turn give back the credit that others want; one context for all. */
static void gather(struct broker_fixture *f, struct crowd *crowd, enum transport transport, int count)
{
    struct strato_client_options options = client_options(f, transport);

    options.own_thread = true;
    options.zmq_context = strato_broker_zmq_context(f->broker);
    crowd->count = count;
    for (int i = 0; i < count; i++)
        crowd->clients[i] = client_join(&options);
}

static void scatter(struct crowd *crowd)
{
    for (int i = 0; i < crowd->count; i++)
        strato_client_close(&crowd->clients[i]);
}

/* Everybody tries in turn until everybody is refused; how many got through. */
static int fill(struct crowd *crowd)
{
    int accepted = 0, refused = 0;

    for (int i = 0; refused < crowd->count; i = (i + 1) % crowd->count) {
        int rc = client_send(crowd->clients[i], "gpu", (uint64_t)accepted, 0);

        if (rc == 0) {
            accepted++;
            refused = 0;
        } else {
            assert_int_equal(rc, STRATO_EFULL);
            refused++;
        }
        assert_in_range(accepted, 0, BOUND);
    }
    return accepted;
}

static void take(struct broker_fixture *f, strato_client *client, int count)
{
    strato_consumer *consumer = client_consume(client, "gpu", false);

    for (int i = 0; i < count; i++) {
        strato_message *message = NULL;

        if (strato_consumer_next(consumer, 20000, &message) < 0) {
            struct brain_channel_stats stats = broker_fixture_channel(f, "gpu");

            fail_msg("took %d of %d: accepted %d settled %d dead %d ready %d leased %d delayed %d granted %d", i, count,
                     (int)stats.accepted, (int)stats.settled, (int)stats.dead_lettered, (int)stats.ready,
                     (int)stats.leased, (int)stats.delayed, (int)stats.granted);
        }
        client_done(&message);
    }
    assert_int_equal(strato_flush(client, 20000), 0);
    strato_consumer_close(&consumer);
    assert_int_equal(strato_flush(client, 20000), 0);
}

static void bound_holds(enum transport transport, int count)
{
    struct broker_fixture f;
    struct crowd crowd;
    strato_client *taker;
    struct brain_channel_stats stats;
    int accepted;

    broker_fixture_init(&f);
    broker_fixture_start(&f);
    gather(&f, &crowd, transport, count);
    taker = client_new(&f, transport);

    accepted = fill(&crowd);
    stats = broker_fixture_channel(&f, "gpu");
    if (accepted != BOUND)
        fail_msg("%d of %d senders' messages were accepted: ready %d granted %d", accepted, count, (int)stats.ready,
                 (int)stats.granted);
    assert_int_equal(stats.ready + stats.leased + stats.delayed, BOUND);
    take(&f, taker, 1);
    assert_int_equal(fill(&crowd), 1);
    broker_fixture_assert_laws(&f);

    scatter(&crowd);
    strato_client_close(&taker);
    broker_fixture_stop(&f);
}

struct sender {
    strato_client *client;
    pthread_t thread;
    atomic_int *done;
    int timeout_ms, rc;
};

static void *send_one(void *arg)
{
    struct sender *sender = arg;

    sender->rc = client_send(sender->client, "gpu", 0, sender->timeout_ms);
    atomic_fetch_add(sender->done, 1);
    return NULL;
}

/* Everybody sends one message at the same time, each in a thread. */
static void start_all(struct crowd *crowd, struct sender *senders, int timeout_ms, atomic_int *done)
{
    for (int i = 0; i < crowd->count; i++) {
        senders[i] = (struct sender){ .client = crowd->clients[i], .timeout_ms = timeout_ms, .done = done };
        assert_int_equal(pthread_create(&senders[i].thread, NULL, send_one, &senders[i]), 0);
    }
}

static int join_all(struct crowd *crowd, struct sender *senders, int expected)
{
    int count = 0;

    for (int i = 0; i < crowd->count; i++) {
        pthread_join(senders[i].thread, NULL);
        count += senders[i].rc == expected;
    }
    return count;
}

struct accepted {
    uint64_t count;
};

static bool is_accepted(struct broker_fixture *f, void *arg)
{
    const struct accepted *accepted = arg;

    return broker_fixture_channel(f, "gpu").accepted >= accepted->count;
}

/* A full channel and a crowd that blocks: one take lets exactly one through, and in the end all come through. */
static void crowd_waits(enum transport transport, int count)
{
    static struct sender senders[200];
    struct accepted one_more = { BOUND + 1 };
    struct broker_fixture f;
    struct crowd crowd;
    strato_client *taker;
    atomic_int done = 0;

    broker_fixture_init(&f);
    broker_fixture_start(&f);
    gather(&f, &crowd, transport, count);
    taker = client_new(&f, transport);
    assert_int_equal(fill(&crowd), BOUND);

    start_all(&crowd, senders, 30, &done);
    assert_int_equal(join_all(&crowd, senders, STRATO_ETIMEOUT), count);
    start_all(&crowd, senders, STRATO_FOREVER, &done);
    take(&f, taker, 1);
    broker_fixture_eventually(&f, is_accepted, &one_more, "one more was accepted");
    assert_int_equal(broker_fixture_channel(&f, "gpu").accepted, BOUND + 1);
    take(&f, taker, BOUND + count - 1);

    assert_int_equal(join_all(&crowd, senders, 0), count);
    scatter(&crowd);
    assert_int_equal(broker_fixture_channel(&f, "gpu").accepted, BOUND + count);
    strato_client_close(&taker);
    broker_fixture_stop(&f);
}

static void a_crowd_that_waits_comes_through_one_by_one(void **state)
{
    (void)state;
    for (int transport = 0; transport < TRANSPORTS; transport++)
        for (size_t i = 0; i < sizeof crowds / sizeof *crowds; i++)
            crowd_waits((enum transport)transport, crowds[i]);
}

static void the_101st_try_is_full_for_any_crowd_over_tcp(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof crowds / sizeof *crowds; i++)
        bound_holds(OVER_TCP, crowds[i]);
}

static void the_101st_try_is_full_for_any_crowd_over_ipc(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof crowds / sizeof *crowds; i++)
        bound_holds(OVER_IPC, crowds[i]);
}

static void the_101st_try_is_full_for_any_crowd_over_inproc(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof crowds / sizeof *crowds; i++)
        bound_holds(OVER_INPROC, crowds[i]);
}

static void the_101st_send_with_a_timeout_times_out(void **state)
{
    (void)state;
    for (int transport = 0; transport < TRANSPORTS; transport++) {
        struct broker_fixture f;
        strato_client *client;

        broker_fixture_init(&f);
        broker_fixture_start(&f);
        client = client_new(&f, (enum transport)transport);
        for (uint64_t i = 0; i < BOUND; i++)
            assert_int_equal(client_send(client, "gpu", i, 5000), 0);

        assert_int_equal(client_send(client, "gpu", BOUND, 50), STRATO_ETIMEOUT);
        assert_int_equal(client_send(client, "gpu", BOUND, 0), STRATO_EFULL);

        strato_client_close(&client);
        broker_fixture_stop(&f);
    }
}

static bool somebody_took_the_slot(struct broker_fixture *f, void *arg)
{
    (void)arg;
    return broker_fixture_channel(f, "gpu").accepted == BOUND + 1;
}

static void a_blocked_send_goes_on_after_one_take(void **state)
{
    struct broker_fixture f;
    struct strato_client_options options;
    strato_client *blocked, *taker;
    strato_consumer *consumer;
    strato_message *message;

    (void)state;
    broker_fixture_init(&f);
    broker_fixture_start(&f);
    options = client_options(&f, OVER_TCP);
    blocked = client_join(&options);
    taker = client_new(&f, OVER_TCP);
    for (uint64_t i = 0; i < BOUND; i++)
        assert_int_equal(client_send(blocked, "gpu", i, 5000), 0);
    assert_int_equal(strato_flush(blocked, 20000), 0);
    consumer = client_consume(taker, "gpu", false);
    message = client_next(consumer);
    client_done(&message);
    assert_int_equal(strato_flush(taker, 20000), 0);

    assert_int_equal(client_send(blocked, "gpu", BOUND, STRATO_FOREVER), 0);
    assert_int_equal(strato_flush(blocked, 20000), 0);

    broker_fixture_eventually(&f, somebody_took_the_slot, NULL, "101 accepted");
    assert_int_equal(client_send(blocked, "gpu", BOUND, 0), STRATO_EFULL);
    strato_consumer_close(&consumer);
    strato_client_close(&taker);
    strato_client_close(&blocked);
    broker_fixture_stop(&f);
}

struct stuck {
    sem_t entered, may_leave;
};

/* The own thread calls this, and reads nothing while it is in here. */
static void stick(void *arg, enum strato_client_event event, int err, const char *detail)
{
    struct stuck *stuck = arg;

    (void)err;
    (void)detail;
    if (event != STRATO_CLIENT_REFUSED)
        return;
    sem_post(&stuck->entered);
    sem_wait(&stuck->may_leave);
}

/* Sends until the broker has granted more than was sent; how many it sent. */
static int hoard(strato_client *client)
{
    struct strato_send_stats stats = { 0 };
    int sent = 0;

    while (stats.limit <= stats.sent) {
        assert_in_range(sent, 0, BOUND / 2);
        assert_int_equal(client_send(client, "gpu", (uint64_t)sent++, 5000), 0);
        assert_int_equal(strato_flush(client, 20000), 0);
        assert_int_equal(strato_send_stats(client, "gpu", &stats), 0);
    }
    return sent;
}

static void credit_that_was_taken_back_while_the_own_thread_was_stuck_is_not_spent(void **state)
{
    struct strato_send expired = { .channel = "evolution",
                                   .envelope = { .type = "test.expired", .has = STRATO_ENV_TTL, .ttl_ms = 0 } };
    struct strato_client_options options;
    struct broker_fixture f;
    struct stuck stuck;
    strato_client *idle, *busy;
    int sent;

    (void)state;
    sem_init(&stuck.entered, 0, 0);
    sem_init(&stuck.may_leave, 0, 0);
    broker_fixture_init(&f);
    broker_fixture_start(&f);
    options = client_options(&f, OVER_TCP);
    options.own_thread = true;
    options.hb_ms = 1000;
    options.on_event = stick;
    options.on_event_arg = &stuck;
    idle = client_join(&options);
    busy = client_new(&f, OVER_TCP);
    sent = hoard(idle);
    assert_int_equal(strato_send(idle, &expired, 5000), 0);
    sem_wait(&stuck.entered);

    for (; sent < BOUND; sent++) /* the last ones need what the stuck client holds: it is revoked, suspected, let go */
        assert_int_equal(client_send(busy, "gpu", (uint64_t)sent, 20000), 0);

    assert_int_equal(client_send(idle, "gpu", BOUND, 0), STRATO_EFULL);
    sem_post(&stuck.may_leave);
    assert_int_equal(client_send(idle, "gpu", BOUND, 500), STRATO_ETIMEOUT);
    assert_int_equal(broker_fixture_channel(&f, "gpu").accepted, BOUND);
    strato_client_close(&idle);
    strato_client_close(&busy);
    broker_fixture_stop(&f);
}

static void an_unknown_channel_is_told_with_the_nearest_name(void **state)
{
    struct broker_fixture f;
    strato_client *client;

    (void)state;
    broker_fixture_init(&f);
    broker_fixture_start(&f);
    client = client_new(&f, OVER_TCP);

    assert_int_equal(client_send(client, "evolutoin", 1, 1000), STRATO_ENO_CHANNEL);
    assert_non_null(strstr(strato_client_detail(client), "evolution"));

    strato_client_close(&client);
    broker_fixture_stop(&f);
}

static void everything_sent_is_received_once_and_in_order(void **state)
{
    enum { MESSAGES = 20000 };

    (void)state;
    for (int transport = 0; transport < TRANSPORTS; transport++) {
        struct broker_fixture f;
        strato_client *sender, *taker;
        strato_consumer *consumer;
        uint64_t sent = 0;

        broker_fixture_init(&f);
        broker_fixture_start(&f);
        sender = client_new(&f, (enum transport)transport);
        taker = client_new(&f, (enum transport)transport);
        consumer = client_consume(taker, "evolution", false);

        for (uint64_t received = 0; received < MESSAGES; received++) {
            strato_message *message;

            while (sent < MESSAGES && client_send(sender, "evolution", sent, 0) == 0)
                sent++;
            if (sent == MESSAGES)
                strato_client_process(sender, 0);
            message = client_next(consumer);
            assert_int_equal(client_number(message), received);
            client_done(&message);
        }
        assert_int_equal(strato_flush(taker, 20000), 0);
        assert_int_equal(strato_flush(sender, 20000), 0);
        assert_int_equal(broker_fixture_channel(&f, "evolution").settled, MESSAGES);

        strato_consumer_close(&consumer);
        strato_client_close(&taker);
        strato_client_close(&sender);
        broker_fixture_stop(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_101st_try_is_full_for_any_crowd_over_tcp),
        cmocka_unit_test(the_101st_try_is_full_for_any_crowd_over_ipc),
        cmocka_unit_test(the_101st_try_is_full_for_any_crowd_over_inproc),
        cmocka_unit_test(a_crowd_that_waits_comes_through_one_by_one),
        cmocka_unit_test(the_101st_send_with_a_timeout_times_out),
        cmocka_unit_test(a_blocked_send_goes_on_after_one_take),
        cmocka_unit_test(credit_that_was_taken_back_while_the_own_thread_was_stuck_is_not_spent),
        cmocka_unit_test(an_unknown_channel_is_told_with_the_nearest_name),
        cmocka_unit_test(everything_sent_is_received_once_and_in_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
