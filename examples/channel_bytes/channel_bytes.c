/*
 * channel_bytes.c - send bytes on a bounded channel and receive them.
 *
 *     channel_bytes [ENDPOINT]        default: $STRATO_ENDPOINT, else tcp://127.0.0.1:7700
 *
 * The channel `gpu` holds at most 100 messages, whoever sends them: the 101st waits until one is settled.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stratoswarm.h>

#include <stdio.h>
#include <stdlib.h>

static int complain(strato_client *client, const char *what, int err)
{
    fprintf(stderr, "%s: %s %s\n", what, strato_strerror(err), client ? strato_client_detail(client) : "");
    return err;
}

static int send_bytes(strato_client *client)
{
    static const uint8_t bytes[] = { 1, 2, 3, 250, 251, 252 };
    struct strato_writer payload = { 0 };
    struct strato_send message = { .channel = "gpu", .envelope = { .type = "example.bytes" } };
    int rc;

    strato_writer_bin(&payload, STRATO_BYTES_OF(bytes)); /* a payload is one msgpack value */
    message.envelope.payload = strato_writer_view(&payload);
    rc = strato_send(client, &message, 2000);
    if (rc == 0)
        printf("sent %zu bytes\n", sizeof bytes);
    strato_writer_fini(&payload);
    return rc;
}

static int receive_bytes(strato_consumer *consumer)
{
    strato_message *message = NULL;
    struct strato_cursor payload;
    struct strato_bytes bytes;
    int rc = strato_consumer_next(consumer, 5000, &message);

    if (rc < 0)
        return rc;
    payload = strato_cursor_over(strato_message_envelope(message)->payload);
    rc = strato_cursor_bin(&payload, 1024, &bytes);
    if (rc == 0) {
        printf("received %zu bytes:", bytes.bytes);
        for (size_t i = 0; i < bytes.bytes; i++)
            printf(" %u", bytes.data[i]);
        printf("\n");
        rc = strato_message_ack(message); /* its place in the channel is free again */
    }
    strato_message_destroy(&message);
    return rc;
}

int main(int argc, char **argv)
{
    struct strato_client_options options = STRATO_CLIENT_OPTIONS_DEFAULTS;
    const struct strato_consumer_options work = { .channel = "gpu" };
    strato_client *client = NULL;
    strato_consumer *consumer = NULL;
    int rc;

    if (argc > 1)
        options.endpoint = argv[1];
    else if (getenv("STRATO_ENDPOINT"))
        options.endpoint = getenv("STRATO_ENDPOINT");
    rc = strato_client_open(&options, &client);
    if (rc < 0) {
        complain(NULL, options.endpoint, rc);
        return 1;
    }
    rc = strato_consumer_open(client, &work, &consumer);
    if (rc == 0)
        rc = send_bytes(client);
    if (rc == 0)
        rc = receive_bytes(consumer);
    if (rc < 0)
        complain(client, "channel_bytes", rc);
    strato_consumer_close(&consumer);
    strato_client_close(&client);
    return rc < 0;
}
