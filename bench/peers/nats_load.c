/*
 * nats_load.c - load by the NATS C client, with its defaults (a flusher thread collects small writes).
 *
 * SPDX-License-Identifier: MIT
 */
#include "bench/peers/nats_load.h"

#include <nats/nats.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { SLICE_MS = 100 };

struct wire {
    struct load_role *role;
    natsConnection *connection;
    natsSubscription *subscription;
    uint8_t *body;
    char inbox[64];
    _Atomic uint32_t in_flight;
};

static int failed(struct load_role *role, const char *what, natsStatus status)
{
    return load_fail(role, STRATO_EIO, "%s: %s", what, natsStatus_GetText(status));
}

static int wire_open(struct load_role *role, struct wire *w)
{
    natsOptions *options = NULL;
    natsStatus status = natsOptions_Create(&options);

    *w = (struct wire){ .role = role, .body = malloc(role->load->bytes + 1) };
    if (!w->body)
        return load_fail(role, STRATO_ENOMEM, "out of memory");
    load_body_fill(w->body, role->load->bytes);
    if (status == NATS_OK)
        status = natsOptions_SetURL(options, role->load->endpoint);
    /* One request at a time is about latency: send at once, or the flusher's millisecond is all that is measured. */
    if (status == NATS_OK && role->load->pattern == LOAD_REQUEST && role->load->in_flight == 1)
        status = natsOptions_SetSendAsap(options, true);
    if (status == NATS_OK)
        status = natsConnection_Connect(&w->connection, options);
    natsOptions_Destroy(options);
    return status == NATS_OK ? 0 : failed(role, role->load->endpoint, status);
}

static void wire_close(struct wire *w)
{
    natsSubscription_Destroy(w->subscription);
    natsConnection_Destroy(w->connection);
    nats_Close();
    free(w->body);
}

static int send_all(struct load_role *role, struct wire *w)
{
    struct load_pace pace;

    load_wait_start(role);
    load_pace_start(&pace, role->load);
    while (!load_is_over(role)) {
        natsStatus status;

        if (!load_pace_wait(&pace))
            continue;
        if (pace.interval_ns > 0)
            load_body_stamp(w->body, role->load->bytes, load_pace_due(&pace));
        status = natsConnection_Publish(w->connection, role->load->topic, w->body, (int)role->load->bytes);
        if (status != NATS_OK)
            return failed(role, "publish", status);
        pace.sent++;
        load_count(role, 1, role->load->bytes);
    }
    return 0;
}

static void on_message(natsConnection *connection, natsSubscription *subscription, natsMsg *m, void *arg)
{
    struct wire *w = arg;

    (void)connection, (void)subscription;
    load_latency(w->role, load_body_time((const uint8_t *)natsMsg_GetData(m), (size_t)natsMsg_GetDataLength(m)));
    load_count(w->role, 1, (uint64_t)natsMsg_GetDataLength(m));
    natsMsg_Destroy(m);
}

static void on_request(natsConnection *connection, natsSubscription *subscription, natsMsg *m, void *arg)
{
    struct wire *w = arg;

    (void)subscription;
    if (natsConnection_Publish(connection, natsMsg_GetReply(m), natsMsg_GetData(m), natsMsg_GetDataLength(m)) !=
        NATS_OK)
        load_failed(w->role);
    load_count(w->role, 1, (uint64_t)natsMsg_GetDataLength(m));
    natsMsg_Destroy(m);
}

static void wait_over(struct load_role *role)
{
    const struct timespec slice = { .tv_nsec = SLICE_MS * 1000000L };

    while (!load_is_over(role))
        nanosleep(&slice, NULL);
}

static int receive_all(struct load_role *role, struct wire *w)
{
    natsMsgHandler handler = role->load->pattern == LOAD_REQUEST ? on_request : on_message;
    natsStatus status =
        role->load->pattern == LOAD_EVENTS
            ? natsConnection_Subscribe(&w->subscription, w->connection, role->load->topic, handler, w)
            : natsConnection_QueueSubscribe(&w->subscription, w->connection, role->load->topic, "bench", handler, w);

    if (status == NATS_OK) /* count what arrives, however long it waits in the client */
        status = natsSubscription_SetPendingLimits(w->subscription, -1, -1);
    if (status == NATS_OK)
        status = natsConnection_Flush(w->connection);
    if (status != NATS_OK)
        return failed(role, "subscribe", status);
    load_ready(role);
    wait_over(role);
    return 0;
}

static natsStatus ask(struct wire *w)
{
    load_body_stamp(w->body, w->role->load->bytes, load_now_ns());
    return natsConnection_PublishRequest(w->connection, w->role->load->topic, w->inbox, w->body,
                                         (int)w->role->load->bytes);
}

/* Each answer sends the next request: always in_flight on their way, and no thread of ours between. */
static void on_answer(natsConnection *connection, natsSubscription *subscription, natsMsg *m, void *arg)
{
    struct wire *w = arg;

    on_message(connection, subscription, m, arg);
    if (!load_is_over(w->role) && ask(w) != NATS_OK)
        load_failed(w->role);
}

static int ask_all(struct load_role *role, struct wire *w)
{
    natsInbox *inbox = NULL;
    natsStatus status = natsInbox_Create(&inbox);

    if (status == NATS_OK) {
        snprintf(w->inbox, sizeof w->inbox, "%s", inbox);
        status = natsConnection_Subscribe(&w->subscription, w->connection, w->inbox, on_answer, w);
    }
    natsInbox_Destroy(inbox);
    if (status == NATS_OK)
        status = natsConnection_Flush(w->connection);
    load_wait_start(role);
    for (uint32_t i = 0; status == NATS_OK && i < role->load->in_flight; i++)
        status = ask(w);
    if (status != NATS_OK)
        return failed(role, "request", status);
    wait_over(role);
    return 0;
}

/* One at a time: the client's own request call, which sends at once. */
static int ask_one_by_one(struct load_role *role, struct wire *w)
{
    load_wait_start(role);
    while (!load_is_over(role)) {
        uint64_t start_ns = load_now_ns();
        natsMsg *answer = NULL;
        natsStatus status =
            natsConnection_Request(&answer, w->connection, role->load->topic, w->body, (int)role->load->bytes, 2000);

        if (status != NATS_OK)
            return failed(role, "request", status);
        load_latency(role, start_ns);
        load_count(role, 1, role->load->bytes);
        natsMsg_Destroy(answer);
    }
    return 0;
}

static int role_send(struct load_role *role)
{
    struct wire w;
    int rc = wire_open(role, &w);

    if (rc == 0 && role->load->pattern != LOAD_REQUEST)
        rc = send_all(role, &w);
    else if (rc == 0)
        rc = role->load->in_flight == 1 ? ask_one_by_one(role, &w) : ask_all(role, &w);
    wire_close(&w);
    return rc;
}

static int role_receive(struct load_role *role)
{
    struct wire w;
    int rc = wire_open(role, &w);

    if (rc == 0)
        rc = receive_all(role, &w);
    wire_close(&w);
    return rc;
}

const struct load_system load_nats = { .name = "nats", .send = role_send, .receive = role_receive };
