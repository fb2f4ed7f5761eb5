/*
 * client_fixture.c - the usual steps of a test's client, each of which fails the test if it fails.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tests/integration/client/client_fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { PATIENCE_MS = 20000 };

struct strato_client_options client_options(struct broker_fixture *f, enum transport transport)
{
    static const char *const edges[] = { "native@tcp", "native@ipc", "inproc" };
    struct strato_client_options options = STRATO_CLIENT_OPTIONS_DEFAULTS;

    options.endpoint = broker_fixture_endpoint(f, edges[transport]);
    options.connect_timeout_ms = PATIENCE_MS;
    if (transport == OVER_INPROC)
        options.zmq_context = strato_broker_zmq_context(f->broker);
    return options;
}

strato_client *client_join(const struct strato_client_options *options)
{
    strato_client *client = NULL;
    int rc = strato_client_open(options, &client);

    if (rc < 0)
        fail_msg("no client at %s: %s", options->endpoint, strato_err_name(rc));
    return client;
}

strato_client *client_new(struct broker_fixture *f, enum transport transport)
{
    const struct strato_client_options options = client_options(f, transport);

    return client_join(&options);
}

strato_consumer *client_consume(strato_client *client, const char *channel, bool serve)
{
    const struct strato_consumer_options options = { .channel = channel, .serve = serve };
    strato_consumer *consumer = NULL;
    int rc = strato_consumer_open(client, &options, &consumer);

    if (rc < 0)
        fail_msg("no consumer of %s: %s %s", channel, strato_err_name(rc), strato_client_detail(client));
    return consumer;
}

int client_send(strato_client *client, const char *channel, uint64_t number, int timeout_ms)
{
    struct strato_send message = { .channel = channel, .envelope = { .type = "test.number" } };
    uint8_t buffer[16];
    struct strato_writer payload;

    strato_writer_init_fixed(&payload, buffer, sizeof buffer);
    strato_writer_u64(&payload, number);
    message.envelope.payload = strato_writer_view(&payload);
    return strato_send(client, &message, timeout_ms);
}

uint64_t client_number(const strato_message *message)
{
    struct strato_cursor payload = strato_cursor_over(strato_message_envelope(message)->payload);
    uint64_t number = 0;

    assert_int_equal(strato_cursor_u64(&payload, UINT64_MAX, &number), 0);
    return number;
}

strato_message *client_next(strato_consumer *consumer)
{
    strato_message *message = NULL;
    int rc = strato_consumer_next(consumer, PATIENCE_MS, &message);

    if (rc < 0)
        fail_msg("nothing to take: %s", strato_err_name(rc));
    return message;
}

void client_done(strato_message **message)
{
    assert_int_equal(strato_message_ack(*message), 0);
    strato_message_destroy(message);
}
