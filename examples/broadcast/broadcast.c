/*
 * broadcast.c - one event reaches two subscribers.
 *
 *     broadcast [ENDPOINT]            default: $STRATO_ENDPOINT, else tcp://127.0.0.1:7700
 *
 * Each subscriber has a queue of its own, so a slow one delays nobody; what it misses arrives as LAGGED.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stratoswarm.h>

#include <stdio.h>
#include <stdlib.h>

enum { SUBSCRIBERS = 2 };

static int publish(strato_client *client)
{
    struct strato_send event = { .channel = "events",
                                 .envelope = { .type = "example.greeting", .topic = "events.greeting.world" } };
    struct strato_writer payload = { 0 };
    int rc;

    strato_writer_text(&payload, "hello, swarm");
    event.envelope.payload = strato_writer_view(&payload);
    rc = strato_send_confirmed(client, &event, 2000);
    strato_writer_fini(&payload);
    return rc;
}

static int show(strato_subscription *subscription, int number)
{
    strato_message *message = NULL;
    struct strato_cursor c;
    struct strato_bytes text;
    int rc = strato_subscription_next(subscription, 5000, &message);

    if (rc < 0)
        return rc;
    if (strato_message_kind(message) == STRATO_MESSAGE_LAGGED) {
        printf("subscriber %d missed %u events\n", number, (unsigned)strato_message_gap(message).count);
    } else {
        c = strato_cursor_over(strato_message_envelope(message)->payload);
        rc = strato_cursor_str(&c, 1024, &text);
        if (rc == 0)
            printf("subscriber %d: %.*s\n", number, (int)text.bytes, (const char *)text.data);
    }
    strato_message_destroy(&message);
    return rc;
}

int main(int argc, char **argv)
{
    static const char *const greetings[] = { "events.greeting.>" };
    const struct strato_subscription_options match = { .channel = "events", .match = greetings, .match_count = 1 };
    struct strato_client_options options = STRATO_CLIENT_OPTIONS_DEFAULTS;
    strato_client *publisher = NULL, *clients[SUBSCRIBERS] = { NULL };
    strato_subscription *subscriptions[SUBSCRIBERS] = { NULL };
    int rc;

    if (argc > 1)
        options.endpoint = argv[1];
    else if (getenv("STRATO_ENDPOINT"))
        options.endpoint = getenv("STRATO_ENDPOINT");
    rc = strato_client_open(&options, &publisher);
    for (int i = 0; i < SUBSCRIBERS && rc == 0; i++) {
        rc = strato_client_open(&options, &clients[i]);
        if (rc == 0)
            rc = strato_subscription_open(clients[i], &match, &subscriptions[i]); /* confirmed when it returns */
    }
    if (rc == 0)
        rc = publish(publisher);
    for (int i = 0; i < SUBSCRIBERS && rc == 0; i++)
        rc = show(subscriptions[i], i + 1);
    if (rc < 0)
        fprintf(stderr, "broadcast: %s\n", strato_strerror(rc));
    for (int i = 0; i < SUBSCRIBERS; i++) {
        strato_subscription_close(&subscriptions[i]);
        strato_client_close(&clients[i]);
    }
    strato_client_close(&publisher);
    return rc < 0;
}
