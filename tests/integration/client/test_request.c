/*
 * test_request.c - requests that are answered, and the distinct ways in which they are not.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tests/integration/client/client_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

struct pair {
    struct broker_fixture f;
    strato_client *caller, *host;
    strato_consumer *service;
};

static const struct strato_send question = { .channel = "test-service", .envelope = { .type = "test.question" } };

static void begin(struct pair *p, enum transport transport)
{
    broker_fixture_init(&p->f);
    broker_fixture_start(&p->f);
    p->caller = client_new(&p->f, transport);
    p->host = client_new(&p->f, transport);
    p->service = client_consume(p->host, "test-service", true);
}

static void end(struct pair *p)
{
    strato_consumer_close(&p->service);
    strato_client_close(&p->host);
    strato_client_close(&p->caller);
    broker_fixture_stop(&p->f);
}

static uint64_t start(struct pair *p, int timeout_ms)
{
    const struct strato_request_options options = { .timeout_ms = timeout_ms };
    uint64_t id = 0;

    assert_int_equal(strato_request_start(p->caller, &question, &options, &id), 0);
    return id;
}

static struct strato_result result_of(struct pair *p, uint64_t id)
{
    struct strato_result result;

    assert_int_equal(strato_request_next(p->caller, 20000, &result), 0);
    assert_int_equal(result.id, id);
    return result;
}

static void a_request_is_answered(void **state)
{
    (void)state;
    for (int transport = 0; transport < TRANSPORTS; transport++) {
        const struct strato_send answer = { .envelope = { .type = "test.answer" } };
        struct strato_result result;
        struct pair p;
        strato_message *message;
        uint64_t id;

        begin(&p, (enum transport)transport);
        id = start(&p, 20000);
        message = client_next(p.service);
        assert_int_equal(strato_message_kind(message), STRATO_MESSAGE_REQUEST);

        assert_int_equal(strato_message_reply(message, &answer, false), 0);

        result = result_of(&p, id);
        assert_int_equal(result.err, 0);
        assert_true(strato_bytes_is(strato_message_envelope(result.reply)->type, "test.answer"));
        strato_message_destroy(&result.reply);
        strato_message_destroy(&message);
        end(&p);
    }
}

static void an_unanswered_request_times_out(void **state)
{
    struct pair p;
    strato_message *message;
    uint64_t id;

    (void)state;
    begin(&p, OVER_TCP);
    id = start(&p, 100);
    message = client_next(p.service);

    assert_int_equal(result_of(&p, id).err, STRATO_ETIMEOUT);

    strato_message_destroy(&message);
    end(&p);
}

static void a_request_that_nobody_serves_fails_at_once(void **state)
{
    struct pair p;

    (void)state;
    begin(&p, OVER_TCP);
    strato_consumer_close(&p.service);
    assert_int_equal(strato_flush(p.host, 20000), 0);

    assert_int_equal(result_of(&p, start(&p, 20000)).err, STRATO_ENO_RESPONDERS);
    end(&p);
}

static void a_request_whose_handler_dropped_it_is_told(void **state)
{
    struct pair p;
    strato_message *message;
    uint64_t id;

    (void)state;
    begin(&p, OVER_TCP);
    id = start(&p, 20000);
    message = client_next(p.service);

    strato_message_destroy(&message);
    assert_int_equal(strato_flush(p.host, 20000), 0);

    assert_int_equal(result_of(&p, id).err, STRATO_ENO_REPLY);
    end(&p);
}

static void a_request_whose_responder_left_after_it_had_started_is_told(void **state)
{
    struct pair p;
    strato_message *message;
    uint64_t id;

    (void)state;
    begin(&p, OVER_TCP);
    id = start(&p, 20000);
    message = client_next(p.service);
    assert_int_equal(strato_client_ping(p.host, 20000, NULL), 0); /* its START has arrived */

    strato_client_close(&p.host);
    free(p.service); /* the client is gone, so there is nothing to close */
    p.service = NULL;

    assert_int_equal(result_of(&p, id).err, STRATO_ERESPONDER_LOST);
    strato_message_destroy(&message);
    end(&p);
}

static void partial_answers_precede_the_last(void **state)
{
    const struct strato_send answer = { .envelope = { .type = "test.answer" } };
    struct strato_result result;
    struct pair p;
    strato_message *message;
    uint64_t id;

    (void)state;
    begin(&p, OVER_TCP);
    id = start(&p, 20000);
    message = client_next(p.service);
    for (int i = 0; i < 3; i++)
        assert_int_equal(strato_message_reply(message, &answer, i < 2), 0);
    assert_int_equal(strato_flush(p.host, 20000), 0);

    for (int i = 0; i < 3; i++) {
        result = result_of(&p, id);
        assert_int_equal(result.more, i < 2);
        strato_message_destroy(&result.reply);
    }
    strato_message_destroy(&message);
    end(&p);
}

static void a_thousand_requests_in_flight_are_all_answered(void **state)
{
    enum { REQUESTS = 1000 };
    const struct strato_send answer = { .envelope = { .type = "test.answer" } };
    struct strato_result result;
    struct pair p;
    int refused = 0;

    (void)state;
    begin(&p, OVER_TCP);
    for (int i = 0; i < REQUESTS; i++)
        start(&p, 20000);
    assert_int_equal(strato_flush(p.caller, 20000), 0);
    for (int i = 0; i < REQUESTS; i++) {
        strato_message *message = client_next(p.service);

        assert_int_equal(strato_message_reply(message, &answer, false), 0);
        strato_message_destroy(&message);
    }
    assert_int_equal(strato_flush(p.host, 20000), 0);

    for (int i = 0; i < REQUESTS; i++) {
        assert_int_equal(strato_request_next(p.caller, 20000, &result), 0);
        refused += result.err < 0;
        strato_message_destroy(&result.reply);
    }
    assert_int_equal(refused, 0);
    end(&p);
}

static void a_cancelled_request_is_over(void **state)
{
    struct pair p;
    uint64_t id;

    (void)state;
    begin(&p, OVER_TCP);
    id = start(&p, 20000);

    assert_int_equal(strato_request_cancel(p.caller, id), 0);

    assert_int_equal(result_of(&p, id).err, STRATO_ECANCELLED);
    assert_int_equal(strato_request_cancel(p.caller, id), STRATO_ENOENT);
    assert_int_equal(strato_client_ping(p.caller, 20000, NULL), 0);
    end(&p);
}

static void statistics_come_as_an_answer(void **state)
{
    struct pair p;
    strato_message *reply = NULL;

    (void)state;
    begin(&p, OVER_IPC);

    assert_int_equal(strato_admin(p.caller, "admin.stats", NULL, STRATO_BYTES_NONE, 20000, &reply), 0);

    assert_true(strato_message_envelope(reply)->payload.bytes > 0);
    strato_message_destroy(&reply);
    end(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_answered),
        cmocka_unit_test(an_unanswered_request_times_out),
        cmocka_unit_test(a_request_that_nobody_serves_fails_at_once),
        cmocka_unit_test(a_request_whose_handler_dropped_it_is_told),
        cmocka_unit_test(a_request_whose_responder_left_after_it_had_started_is_told),
        cmocka_unit_test(partial_answers_precede_the_last),
        cmocka_unit_test(a_thousand_requests_in_flight_are_all_answered),
        cmocka_unit_test(a_cancelled_request_is_over),
        cmocka_unit_test(statistics_come_as_an_answer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
