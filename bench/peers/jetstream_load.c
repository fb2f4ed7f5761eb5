/*
 * jetstream_load.c - load by NATS JetStream through the C client: a work queue with an ack for each message.
 *
 * The storage `file` is JetStream's default: written, not synced per message.
 *
 * SPDX-License-Identifier: MIT
 */
#include "bench/peers/jetstream_load.h"

#include <nats/nats.h>
#include <stdio.h>
#include <stdlib.h>

enum { FETCH = 256, FETCH_MS = 100, PENDING_MAX = 4096, ACKS_MAX = 16384, STALL_MS = 5000 };

struct wire {
    natsConnection *connection;
    jsCtx *js;
};

static int failed(struct load_role *role, const char *what, natsStatus status)
{
    return load_fail(role, STRATO_EIO, "%s: %s", what, natsStatus_GetText(status));
}

static int wire_open(struct load_role *role, struct wire *w)
{
    jsOptions options;
    natsStatus status = natsConnection_ConnectTo(&w->connection, role->load->endpoint);

    jsOptions_Init(&options);
    options.PublishAsync.MaxPending = PENDING_MAX;
    options.PublishAsync.StallWait = STALL_MS;
    if (status == NATS_OK)
        status = natsConnection_JetStream(&w->js, w->connection, &options);
    return status == NATS_OK ? 0 : failed(role, role->load->endpoint, status);
}

static void wire_close(struct wire *w)
{
    jsCtx_Destroy(w->js);
    natsConnection_Destroy(w->connection);
    nats_Close();
}

static int send_all(struct load_role *role, struct wire *w)
{
    uint8_t *body = malloc(role->load->bytes + 1);
    uint64_t sent = 0;
    natsStatus status = NATS_OK;

    if (!body)
        return load_fail(role, STRATO_ENOMEM, "out of memory");
    load_body_fill(body, role->load->bytes);
    load_wait_start(role);
    while (status == NATS_OK && !load_is_over(role)) {
        if (load_is_ahead(role, sent))
            continue;
        status = js_PublishAsync(w->js, "bench", body, (int)role->load->bytes, NULL);
        if (status == NATS_OK) {
            sent++;
            load_count(role, 1, role->load->bytes);
        }
    }
    free(body);
    return status == NATS_OK || load_is_over(role) ? 0 : failed(role, "publish", status);
}

static natsStatus fetch_some(struct load_role *role, natsSubscription *subscription)
{
    natsMsgList list = { 0 };
    natsStatus status = natsSubscription_Fetch(&list, subscription, FETCH, FETCH_MS, NULL);

    for (int i = 0; status == NATS_OK && i < list.Count; i++) {
        status = natsMsg_Ack(list.Msgs[i], NULL);
        load_count(role, 1, (uint64_t)natsMsg_GetDataLength(list.Msgs[i]));
    }
    natsMsgList_Destroy(&list);
    return status == NATS_TIMEOUT ? NATS_OK : status;
}

static int receive_all(struct load_role *role, struct wire *w, jsStorageType storage)
{
    const char *subjects[] = { "bench" };
    natsSubscription *subscription = NULL;
    jsStreamConfig stream;
    jsSubOptions options;
    natsStatus status;

    jsStreamConfig_Init(&stream);
    stream.Name = "BENCH";
    stream.Subjects = subjects;
    stream.SubjectsLen = 1;
    stream.Retention = js_WorkQueuePolicy;
    stream.Storage = storage;
    status = js_AddStream(NULL, w->js, &stream, NULL, NULL);
    jsSubOptions_Init(&options);
    options.Config.MaxAckPending = ACKS_MAX;
    if (status == NATS_OK)
        status = js_PullSubscribe(&subscription, w->js, "bench", "bench", NULL, &options, NULL);
    load_ready(role);
    while (status == NATS_OK && !load_is_over(role))
        status = fetch_some(role, subscription);
    natsSubscription_Destroy(subscription);
    return status == NATS_OK || load_is_over(role) ? 0 : failed(role, "JetStream", status);
}

static int role_send(struct load_role *role)
{
    struct wire w = { 0 };
    int rc = wire_open(role, &w);

    if (rc == 0)
        rc = send_all(role, &w);
    wire_close(&w);
    return rc;
}

static int role_receive(struct load_role *role, jsStorageType storage)
{
    struct wire w = { 0 };
    int rc = wire_open(role, &w);

    if (rc == 0)
        rc = receive_all(role, &w, storage);
    wire_close(&w);
    return rc;
}

static int receive_memory(struct load_role *role)
{
    return role_receive(role, js_MemoryStorage);
}

static int receive_file(struct load_role *role)
{
    return role_receive(role, js_FileStorage);
}

const struct load_system load_jetstream_memory = { .name = "js-memory", .send = role_send, .receive = receive_memory };
const struct load_system load_jetstream_file = { .name = "js-file", .send = role_send, .receive = receive_file };
