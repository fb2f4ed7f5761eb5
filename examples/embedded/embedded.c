/*
 * embedded.c - a broker inside this process: a mebibyte passes through it and is never copied.
 *
 *     embedded
 *
 * No port is opened and no stratod is needed; clients share the broker's ZeroMQ context and speak to it over inproc.
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/broker.h"

#include <stratoswarm.h>

#include <stdio.h>
#include <stdlib.h>

enum { MIB = 1 << 20 };

static void free_data(void *data, void *hint)
{
    (void)hint;
    free(data);
}

/* Start without tcp and ipc. */
static int start(strato_broker **ret_broker)
{
    struct broker_config config;
    struct strato_option_error wrong = { .text = "" };
    char detail[512] = "";
    int rc = broker_config_init(&config);

    if (rc < 0)
        return rc;
    rc = broker_config_set(&config, "host", "", &wrong);
    if (rc == 0)
        rc = broker_config_set(&config, "run_dir", "", &wrong);
    if (rc == 0)
        rc = broker_config_set(&config, "services", "", &wrong);
    if (rc == 0)
        rc = strato_broker_new(&config, ret_broker, detail, sizeof detail);
    if (rc < 0)
        fprintf(stderr, "%s%s\n", wrong.text, detail);
    broker_config_fini(&config); /* the broker has its own copy */
    return rc;
}

static int send_mebibyte(strato_client *client, uint8_t *data)
{
    const struct strato_attachment attachment = { .data = data, .bytes = MIB, .free_fn = free_data };
    const struct strato_send message = {
        .channel = "gpu", .envelope = { .type = "example.blob" }, .attachments = &attachment, .attachments_count = 1
    };

    return strato_send(client, &message, 2000);
}

/* One client sends, and takes what it sent. */
static int round_trip(strato_client *client)
{
    const struct strato_consumer_options work = { .channel = "gpu" };
    strato_consumer *consumer = NULL;
    strato_message *message = NULL;
    uint8_t *data = calloc(1, MIB);
    struct strato_bytes got;
    int rc;

    if (!data)
        return STRATO_ENOMEM;
    rc = send_mebibyte(client, data); /* data is the message's from now on, whatever happened */
    if (rc == 0)
        rc = strato_consumer_open(client, &work, &consumer);
    if (rc == 0)
        rc = strato_consumer_next(consumer, 5000, &message);
    if (rc == 0) {
        got = strato_message_attachment(message, 0);
        printf("received %zu bytes, %s\n", got.bytes, got.data == data ? "the same memory" : "a copy");
        rc = strato_message_ack(message);
    }
    strato_message_destroy(&message);
    strato_consumer_close(&consumer);
    return rc;
}

int main(void)
{
    struct strato_client_options options = STRATO_CLIENT_OPTIONS_DEFAULTS;
    strato_broker *broker = NULL;
    strato_client *client = NULL;
    int rc = start(&broker);

    if (rc == 0) {
        options.endpoint = strato_broker_endpoint(broker, "inproc");
        options.zmq_context = strato_broker_zmq_context(broker);
        rc = strato_client_open(&options, &client);
    }
    if (rc == 0)
        rc = round_trip(client);
    if (rc < 0)
        fprintf(stderr, "embedded: %s %s\n", strato_strerror(rc), client ? strato_client_detail(client) : "");
    strato_client_close(&client); /* before the broker, whose context it uses */
    strato_broker_destroy(&broker);
    return rc < 0;
}
