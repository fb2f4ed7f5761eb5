/*
 * strato_load.c - load by our own C client: the roles of events, work and requests.
 *
 * SPDX-License-Identifier: MIT
 */
#include "bench/load.h"
#include "bindings/c/include/stratoswarm.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Patience of one wait: how soon STOP is noticed. Prefetch: as the high-water mark of the peers. */
enum { SLICE_MS = 100, PREFETCH = 4096, INLINE_MAX = 4096, REQUEST_TIMEOUT_MS = 30000 };

/* One message to be sent again and again: bytes as payload, or attached from 4 KiB on. */
struct parcel {
    struct strato_send send;
    struct strato_attachment attachment;
    struct strato_writer payload;
    uint8_t *body; /* where the stamp goes: inside the payload, or the attachment */
    uint32_t bytes;
};

static int parcel_make(struct parcel *p, const struct load_case *load)
{
    uint8_t *body = malloc(load->bytes + 1);

    if (!body)
        return STRATO_ENOMEM;
    load_body_fill(body, load->bytes);
    *p = (struct parcel){ .body = body, .bytes = load->bytes };
    p->send.channel = load->channel;
    p->send.envelope.type = "bench.message";
    if (load->pattern == LOAD_EVENTS)
        p->send.envelope.topic = load->topic;
    if (load->pattern == LOAD_WORK) {
        p->send.envelope.has = STRATO_ENV_ACK;
        p->send.envelope.ack = load->is_acked;
    }
    if (load->bytes >= INLINE_MAX) {
        p->attachment = (struct strato_attachment){ .data = body, .bytes = load->bytes };
        p->send.attachments = &p->attachment;
        p->send.attachments_count = 1;
        return 0;
    }
    strato_writer_bin(&p->payload, strato_bytes(body, load->bytes));
    free(body);
    if (strato_writer_error(&p->payload) < 0)
        return STRATO_ENOMEM;
    p->body = p->payload.data + (p->payload.bytes - load->bytes);
    p->send.envelope.payload = strato_writer_view(&p->payload);
    return 0;
}

static void parcel_drop(struct parcel *p)
{
    if (p->attachment.data)
        free(p->body);
    strato_writer_fini(&p->payload);
}

static struct strato_bytes body_of(const strato_message *m)
{
    struct strato_cursor c;
    struct strato_token t;

    if (strato_message_attachments(m) > 0)
        return strato_message_attachment(m, 0);
    c = strato_cursor_over(strato_message_envelope(m)->payload);
    if (strato_cursor_next(&c, &t) == 0 && t.kind == STRATO_KIND_BIN)
        return t.bytes;
    return STRATO_BYTES_NONE;
}

static int client_open(struct load_role *role, strato_client **ret_client)
{
    struct strato_client_options options = STRATO_CLIENT_OPTIONS_DEFAULTS;
    int rc;

    options.endpoint = role->load->endpoint;
    options.kind = "tool";
    if (*role->load->key_file) {
        options.key_file = role->load->key_file;
        options.server_key = role->load->server_key;
    }
    options.no_batching = role->load->is_unbatched;
    rc = strato_client_open(&options, ret_client);
    return rc < 0 ? load_fail(role, rc, "cannot connect to %s: %s", options.endpoint, strato_strerror(rc)) : 0;
}

static int refused(struct load_role *role, strato_client *client, int rc)
{
    const char *detail = strato_client_detail(client);

    return load_fail(role, rc, "%s: %s", role->load->channel, detail && *detail ? detail : strato_strerror(rc));
}

/* ---- events and work ------------------------------------------------------------------------------- */

static int send_all(struct load_role *role, strato_client *client, struct parcel *parcel)
{
    struct load_pace pace;

    load_wait_start(role);
    load_pace_start(&pace, role->load);
    while (!load_is_over(role)) {
        int rc;

        if (!load_pace_wait(&pace)) {
            strato_client_process(client, 0);
            continue;
        }
        if (pace.interval_ns > 0)
            load_body_stamp(parcel->body, parcel->bytes, load_pace_due(&pace));
        rc = strato_send(client, &parcel->send, SLICE_MS);
        if (rc == STRATO_ETIMEOUT || rc == STRATO_EFULL)
            continue;
        if (rc < 0)
            return refused(role, client, rc);
        pace.sent++;
        load_count(role, 1, parcel->bytes);
    }
    return 0;
}

static int subscription_next(void *source, strato_message **ret_message)
{
    return strato_subscription_next(source, SLICE_MS, ret_message);
}

static int consumer_next(void *source, strato_message **ret_message)
{
    return strato_consumer_next(source, SLICE_MS, ret_message);
}

static int receive_all(struct load_role *role, strato_client *client, void *source,
                       int (*next)(void *, strato_message **))
{
    bool is_acked = role->load->pattern == LOAD_WORK && role->load->is_acked;

    load_ready(role);
    while (!load_is_over(role)) {
        strato_message *m = NULL;
        struct strato_bytes body;
        int rc = next(source, &m);

        if (rc == STRATO_EEMPTY)
            continue;
        if (rc < 0)
            return refused(role, client, rc);
        if (strato_message_kind(m) == STRATO_MESSAGE_LAGGED) {
            load_failed(role);
        } else {
            body = body_of(m);
            load_latency(role, load_body_time(body.data, body.bytes));
            load_count(role, 1, body.bytes);
        }
        if (is_acked && strato_message_ack(m) < 0)
            load_failed(role);
        strato_message_destroy(&m);
    }
    return 0;
}

static int receive_events(struct load_role *role, strato_client *client)
{
    const char *match[] = { role->load->topic };
    /* block: nothing is lost, as with the peers' settings; the sender waits for the slowest. */
    struct strato_subscription_options options = {
        .channel = role->load->channel, .match = match, .match_count = 1, .policy = "block", .prefetch = PREFETCH
    };
    strato_subscription *subscription = NULL;
    int rc = strato_subscription_open(client, &options, &subscription);

    if (rc < 0)
        return refused(role, client, rc);
    rc = receive_all(role, client, subscription, subscription_next);
    strato_subscription_close(&subscription);
    return rc;
}

static int receive_work(struct load_role *role, strato_client *client)
{
    struct strato_consumer_options options = { .channel = role->load->channel,
                                               .auto_ack = !role->load->is_acked,
                                               .prefetch = PREFETCH };
    strato_consumer *consumer = NULL;
    int rc = strato_consumer_open(client, &options, &consumer);

    if (rc < 0)
        return refused(role, client, rc);
    rc = receive_all(role, client, consumer, consumer_next);
    strato_consumer_close(&consumer);
    return rc;
}

/* ---- requests ------------------------------------------------------------------------------------- */

static int answer_all(struct load_role *role, strato_client *client)
{
    struct strato_consumer_options options = { .channel = role->load->channel, .serve = true, .prefetch = PREFETCH };
    strato_consumer *consumer = NULL;
    int rc = strato_consumer_open(client, &options, &consumer);

    if (rc < 0)
        return refused(role, client, rc);
    load_ready(role);
    while (!load_is_over(role)) {
        struct strato_send reply = { .envelope.type = "bench.message" };
        struct strato_attachment attachment;
        strato_message *m = NULL;

        rc = strato_consumer_next(consumer, SLICE_MS, &m);
        if (rc == STRATO_EEMPTY)
            continue;
        if (rc < 0)
            break;
        reply.envelope.payload = strato_message_envelope(m)->payload;
        if (strato_message_attachments(m) > 0) {
            struct strato_bytes body = strato_message_attachment(m, 0);

            attachment = (struct strato_attachment){ .data = body.data, .bytes = body.bytes };
            reply.attachments = &attachment;
            reply.attachments_count = 1;
        }
        if (strato_message_reply(m, &reply, false) < 0)
            load_failed(role);
        load_count(role, 1, role->load->bytes);
        strato_message_destroy(&m);
    }
    strato_consumer_close(&consumer);
    return rc == STRATO_EEMPTY || rc >= 0 ? 0 : refused(role, client, rc);
}

/* Until an answer may be there, or the next request is due: finer than the milliseconds of the library's waits. */
static void wait_for_either(strato_client *client, const struct load_pace *pace, bool may_send)
{
    struct pollfd fd = { .fd = strato_client_fd(client), .events = POLLIN };
    uint64_t now_ns = load_now_ns(), due_ns = load_pace_due(pace);
    struct timespec left = { .tv_nsec = SLICE_MS * 1000000L };

    if (may_send && due_ns <= now_ns)
        return;
    if (may_send && due_ns - now_ns < (uint64_t)SLICE_MS * 1000000U)
        left.tv_nsec = (long)(due_ns - now_ns);
    ppoll(&fd, 1, &left, NULL);
}

static void take_result(struct load_role *role, const struct strato_result *result)
{
    struct strato_bytes body;

    if (result->err < 0) {
        load_failed(role);
        return;
    }
    body = body_of(result->reply);
    load_latency(role, load_body_time(body.data, body.bytes));
    load_count(role, 1, body.bytes);
}

static int ask_some(struct load_role *role, strato_client *client, struct parcel *parcel, struct load_pace *pace,
                    uint32_t *in_flight)
{
    struct strato_request_options options = { .timeout_ms = REQUEST_TIMEOUT_MS, .wait_responder_ms = 5000 };

    while (*in_flight < role->load->in_flight) {
        uint64_t due_ns = load_pace_due(pace), id;
        int rc;

        if (due_ns > load_now_ns())
            return 0;
        load_body_stamp(parcel->body, parcel->bytes, due_ns ? due_ns : load_now_ns());
        rc = strato_request_start(client, &parcel->send, &options, &id);
        if (rc == STRATO_EFULL || rc == STRATO_EAGAIN)
            return 0;
        if (rc < 0)
            return refused(role, client, rc);
        pace->sent++;
        ++*in_flight;
    }
    return 0;
}

static int ask_all(struct load_role *role, strato_client *client, struct parcel *parcel)
{
    struct load_pace pace;
    uint32_t in_flight = 0;

    load_wait_start(role);
    load_pace_start(&pace, role->load);
    while (!load_is_over(role)) {
        struct strato_result result;
        int rc = ask_some(role, client, parcel, &pace, &in_flight);

        if (rc < 0)
            return rc;
        if (pace.interval_ns > 0)
            wait_for_either(client, &pace, in_flight < role->load->in_flight);
        rc = strato_request_next(client, pace.interval_ns > 0 ? 0 : SLICE_MS, &result);
        for (; rc == 0; rc = strato_request_next(client, 0, &result)) {
            take_result(role, &result);
            strato_message_destroy(&result.reply);
            in_flight -= !result.more;
        }
        if (rc < 0 && rc != STRATO_EEMPTY)
            return refused(role, client, rc);
    }
    return 0;
}

/* ---- roles ---------------------------------------------------------------------------------------- */

static int role_send(struct load_role *role)
{
    strato_client *client = NULL;
    struct parcel parcel = { 0 };
    int rc = client_open(role, &client);

    if (rc == 0)
        rc = parcel_make(&parcel, role->load);
    if (rc == 0)
        rc = role->load->pattern == LOAD_REQUEST ? ask_all(role, client, &parcel) : send_all(role, client, &parcel);
    strato_client_close(&client);
    parcel_drop(&parcel);
    return rc;
}

static int role_receive(struct load_role *role)
{
    strato_client *client = NULL;
    int rc = client_open(role, &client);

    if (rc == 0 && role->load->pattern == LOAD_EVENTS)
        rc = receive_events(role, client);
    else if (rc == 0)
        rc = role->load->pattern == LOAD_WORK ? receive_work(role, client) : answer_all(role, client);
    strato_client_close(&client);
    return rc;
}

const struct load_system load_strato = { .name = "stratoswarm", .send = role_send, .receive = role_receive };
