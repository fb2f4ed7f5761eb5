/*
 * test_mailbox.c - agents that write to each other, and a history asked by content, against a real broker.
 *
 * SPDX-License-Identifier: MIT
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/integration/client/client_fixture.h"

static strato_client *named(struct broker_fixture *f, enum transport transport, const char *agent)
{
    struct strato_client_options options = client_options(f, transport);

    options.agent = agent;
    return client_join(&options);
}

static const struct strato_send hello = { .envelope = { .type = "hello" } };

static void agents_write_to_each_other_by_name(void **state)
{
    struct broker_fixture f;

    (void)state;
    broker_fixture_init(&f);
    broker_fixture_start(&f);
    for (enum transport t = OVER_TCP; t < TRANSPORTS; t++) {
        strato_client *a = named(&f, t, "a"), *b = named(&f, t, "b");
        strato_consumer *mail;
        strato_message *message;

        assert_int_equal(strato_send_to(a, "b", &hello, 20000), 0); /* before it looks */
        assert_int_equal(strato_mailbox_open(b, 0, &mail), 0);
        message = client_next(mail);
        assert_string_equal(strato_message_channel(message), "@b");
        assert_true(strato_bytes_is(strato_message_envelope(message)->to, "b"));
        assert_true(strato_bytes_is(strato_message_envelope(message)->sender, "local/a"));
        client_done(&message);
        assert_int_equal(strato_send_to(a, "nobody", &hello, 20000), STRATO_ENO_ROUTE);
        assert_int_equal(strato_send_to(a, "", &hello, 20000), STRATO_EINVAL);
        assert_int_equal(strato_flush(b, 20000), 0);
        strato_consumer_close(&mail);
        strato_client_close(&a);
        strato_client_close(&b);
    }
    broker_fixture_stop(&f);
}

static void a_history_is_asked_by_type_and_sender_over_several_pages(void **state)
{
    struct broker_fixture f;
    struct strato_history_query query = { .channel = "events", .type = "odd", .sender = "a", .max = 4 };
    struct strato_history_page page = { .more = true };
    strato_message *messages[4];
    strato_client *client;
    unsigned found = 0;

    (void)state;
    broker_fixture_init(&f);
    broker_fixture_start(&f);
    client = named(&f, OVER_TCP, "a");
    for (int i = 0; i < 20; i++) {
        struct strato_send event = { .channel = "events", .envelope = { .type = i % 2 ? "odd" : "even" } };

        assert_int_equal(strato_send(client, &event, 20000), 0);
    }
    assert_int_equal(strato_flush(client, 20000), 0);
    while (page.more) {
        assert_int_equal(strato_history_page(client, &query, 20000, messages, &page), 0);
        for (uint32_t i = 0; i < page.count; i++) {
            assert_true(strato_bytes_is(strato_message_envelope(messages[i])->type, "odd"));
            found++;
            strato_message_destroy(&messages[i]);
        }
        query.from_seq = page.next_seq;
    }
    assert_int_equal(found, 10);
    query.sender = "nobody";
    query.from_seq = 0;
    assert_int_equal(strato_history_page(client, &query, 20000, messages, &page), 0);
    assert_int_equal(page.count, 0);
    query.type = "a..b";
    assert_int_equal(strato_history_page(client, &query, 20000, messages, &page), STRATO_ESCHEMA);
    strato_client_close(&client);
    broker_fixture_stop(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agents_write_to_each_other_by_name),
        cmocka_unit_test(a_history_is_asked_by_type_and_sender_over_several_pages),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
