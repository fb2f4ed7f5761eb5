/*
 * storm_client.c - connect, use a little of everything, go; again and again.
 *
 * Run under valgrind by storm.py: whatever a client leaves behind shows there. `--vanish` leaves without
 * a word after each kind of use, credits and leases in hand, so that the broker has to clean up.
 *
 * usage: storm_client ENDPOINT ROUNDS [--vanish]
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stratoswarm.h"

enum { WAIT_MS = 20000 };

static int put_and_take(strato_client *client)
{
    struct strato_send put = { .channel = "storm", .envelope = { .type = "storm.message" } };
    strato_consumer *consumer = NULL;
    strato_message *message = NULL;
    int rc;

    for (int i = 0; i < 3; i++) {
        rc = strato_send(client, &put, WAIT_MS);
        if (rc < 0)
            goto out;
    }
    rc =
        strato_consumer_open(client, &(struct strato_consumer_options){ .channel = "storm", .prefetch = 8 }, &consumer);
    if (rc < 0)
        goto out;
    for (int i = 0; i < 3; i++) {
        rc = strato_consumer_next(consumer, WAIT_MS, &message);
        if (rc < 0)
            goto out;
        rc = strato_message_ack(message);
        strato_message_destroy(&message);
        if (rc < 0)
            goto out;
    }
    rc = strato_flush(client, WAIT_MS);
out:
    strato_message_destroy(&message);
    strato_consumer_close(&consumer);
    return rc;
}

static int publish_to_self(strato_client *client)
{
    struct strato_send event = { .channel = "events", .envelope = { .type = "storm.event", .topic = "storm.self" } };
    const char *match[] = { "storm.>" };
    strato_subscription *subscription = NULL;
    strato_message *message = NULL;
    int rc = strato_subscription_open(
        client, &(struct strato_subscription_options){ .channel = "events", .match = match, .match_count = 1 },
        &subscription);

    if (rc < 0)
        return rc;
    rc = strato_send(client, &event, WAIT_MS);
    if (rc == 0)
        rc = strato_subscription_next(subscription, WAIT_MS, &message);
    strato_message_destroy(&message);
    strato_subscription_close(&subscription);
    return rc;
}

/* Credits held, a message leased, a request open: then gone. */
static int vanish(strato_client *client)
{
    struct strato_send put = { .channel = "storm", .envelope = { .type = "storm.message" } };
    strato_consumer *consumer = NULL;
    strato_message *message = NULL;
    int rc = strato_send(client, &put, WAIT_MS);

    if (rc == 0)
        rc = strato_consumer_open(client, &(struct strato_consumer_options){ .channel = "storm", .prefetch = 8 },
                                  &consumer);
    if (rc == 0)
        rc = strato_consumer_next(consumer, WAIT_MS, &message);
    if (rc < 0 && rc != STRATO_EEMPTY) /* another one that vanishes may hold it until its session is given up */
        return rc;
    _exit(0);
}

int main(int argc, char **argv)
{
    struct strato_client_options options = STRATO_CLIENT_OPTIONS_DEFAULTS;
    int rounds = argc > 2 ? atoi(argv[2]) : 0;
    bool does_vanish = argc > 3 && strcmp(argv[3], "--vanish") == 0;
    strato_client *client = NULL;
    int rc = 0;

    if (rounds < 1) {
        fprintf(stderr, "usage: storm_client ENDPOINT ROUNDS [--vanish]\n");
        return 2;
    }
    options.endpoint = argv[1];
    options.connect_timeout_ms = WAIT_MS;
    for (int round = 0; round < rounds && rc == 0; round++) {
        options.own_thread = round % 2 == 1;
        rc = strato_client_open(&options, &client);
        if (rc == 0)
            rc = publish_to_self(client);
        if (rc == 0)
            rc = does_vanish ? vanish(client) : put_and_take(client);
        if (rc < 0)
            fprintf(stderr, "round %d: %s: %s\n", round, strato_strerror(rc),
                    client ? strato_client_detail(client) : "");
        strato_client_close(&client);
    }
    return rc == 0 ? 0 : 1;
}
