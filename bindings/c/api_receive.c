/*
 * api_receive.c - consumers, subscriptions, and what an application does with a message.
 *
 * SPDX-License-Identifier: MIT
 */
#include "bindings/c/client.h"

#include "bindings/c/slot.h"

#include <stdlib.h>

enum { OPEN_MS = 5000 };

/* ---- opening ------------------------------------------------------------------------------------- */

static int stream_open(struct strato_client *c, const struct strato_consumer_options *consumer,
                       const struct strato_subscription_options *subscription, struct strato__stream **ret_stream)
{
    uint64_t deadline = strato__deadline(c, OPEN_MS);
    struct strato__stream *t = NULL;
    int rc = strato__wait_open(c, deadline);

    if (rc == 0)
        rc = strato__stream_open(&c->session, consumer, subscription, &t);
    if (rc < 0)
        return rc;
    while (t->open_err == STRATO_EAGAIN) {
        rc = c->session.state == STRATO__ENDED ? c->session.end_err : strato__wait(c, deadline);
        if (rc < 0)
            break;
    }
    if (rc == 0)
        rc = t->open_err;
    if (rc < 0)
        strato__stream_release(&c->session, t);
    else
        *ret_stream = t;
    return rc;
}

int strato_consumer_open(strato_client *client, const struct strato_consumer_options *options,
                         strato_consumer **ret_consumer)
{
    struct strato_consumer *consumer;
    int rc;

    if (!options || !options->channel)
        return STRATO_EINVAL;
    consumer = calloc(1, sizeof *consumer);
    if (!consumer)
        return STRATO_ENOMEM;
    consumer->client = client;
    strato__enter(client);
    rc = stream_open(client, options, NULL, &consumer->stream);
    strato__leave(client);
    if (rc < 0)
        free(consumer);
    else
        *ret_consumer = consumer;
    return rc;
}

int strato_subscription_open(strato_client *client, const struct strato_subscription_options *options,
                             strato_subscription **ret_subscription)
{
    static const struct strato_subscription_options everything = { .channel = "events" };
    struct strato_subscription *subscription = calloc(1, sizeof *subscription);
    int rc;

    if (!subscription)
        return STRATO_ENOMEM;
    subscription->client = client;
    strato__enter(client);
    rc = stream_open(client, NULL, options ? options : &everything, &subscription->stream);
    strato__leave(client);
    if (rc < 0)
        free(subscription);
    else
        *ret_subscription = subscription;
    return rc;
}

static void stream_close(struct strato_client *c, struct strato__stream *t)
{
    strato__enter(c);
    strato__stream_release(&c->session, t);
    strato__leave(c);
}

void strato_consumer_close(strato_consumer **consumer)
{
    if (!consumer || !*consumer)
        return;
    stream_close((*consumer)->client, (*consumer)->stream);
    free(*consumer);
    *consumer = NULL;
}

void strato_subscription_close(strato_subscription **subscription)
{
    if (!subscription || !*subscription)
        return;
    stream_close((*subscription)->client, (*subscription)->stream);
    free(*subscription);
    *subscription = NULL;
}

/* ---- taking -------------------------------------------------------------------------------------- */

static int stream_next(struct strato_client *c, struct strato__stream *t, int timeout_ms,
                       struct strato_message **ret_message)
{
    uint64_t deadline;
    int rc;

    strato__enter(c);
    deadline = strato__deadline(c, timeout_ms);
    rc = strato__stream_take(&c->session, t, ret_message);
    if (rc == STRATO_EEMPTY && timeout_ms == 0 && !c->own_thread) {
        strato__session_flush(&c->session);
        strato__drive_pump(c); /* a poller must see what has arrived by now */
        rc = strato__stream_take(&c->session, t, ret_message);
    }
    while (rc == STRATO_EEMPTY) {
        if (c->session.state == STRATO__ENDED)
            rc = c->session.end_err;
        else if (strato__wait(c, deadline) < 0)
            break;
        else
            rc = strato__stream_take(&c->session, t, ret_message);
    }
    strato__leave(c);
    return rc;
}

int strato_consumer_next(strato_consumer *consumer, int timeout_ms, strato_message **ret_message)
{
    return stream_next(consumer->client, consumer->stream, timeout_ms, ret_message);
}

int strato_subscription_next(strato_subscription *subscription, int timeout_ms, strato_message **ret_message)
{
    return stream_next(subscription->client, subscription->stream, timeout_ms, ret_message);
}

uint64_t strato_subscription_seq(const strato_subscription *subscription)
{
    uint64_t seq;

    strato__enter(subscription->client);
    seq = subscription->stream->seq_confirmed;
    strato__leave(subscription->client);
    return seq;
}

int strato_consumer_set_prefetch(strato_consumer *consumer, uint32_t prefetch)
{
    strato__enter(consumer->client);
    strato__stream_set_prefetch(&consumer->client->session, consumer->stream, prefetch);
    strato__leave(consumer->client);
    return 0;
}

/* ---- settling ------------------------------------------------------------------------------------ */

int strato_message_ack(strato_message *message)
{
    struct strato_client *c = message->client;
    int rc;

    if (!c)
        return message->is_lost ? STRATO_ESTALE_LEASE : STRATO_ESTATE;
    strato__enter(c);
    rc = strato__settle_ack(&c->session, message);
    strato__leave(c);
    return rc;
}

int strato_message_nack(strato_message *message, const struct strato_nack *nack)
{
    static const struct strato_nack plain = { .delay_ms = -1 };
    struct strato_client *c = message->client;
    int rc;

    if (!c)
        return message->is_lost ? STRATO_ESTALE_LEASE : STRATO_ESTATE;
    strato__enter(c);
    rc = strato__settle_nack(&c->session, message, nack ? nack : &plain);
    strato__leave(c);
    return rc;
}

int strato_message_extend(strato_message *message, uint32_t ms)
{
    struct strato_client *c = message->client;
    int rc;

    if (!c)
        return message->is_lost ? STRATO_ESTALE_LEASE : STRATO_ESTATE;
    strato__enter(c);
    rc = strato__settle_extend(&c->session, message, ms);
    strato__leave(c);
    return rc;
}

static int reply_check(const struct strato_send *reply)
{
    struct strato_send copy;

    if (!reply)
        return STRATO_EINVAL;
    copy = *reply;
    copy.channel = "-"; /* a reply goes back where its request came from */
    return strato__message_check(&copy);
}

int strato_message_reply(strato_message *request, const struct strato_send *reply, bool more)
{
    struct strato_client *c = request->client;
    int rc = reply_check(reply);

    if (rc < 0)
        return rc;
    if (!c)
        return request->is_lost ? STRATO_ESTALE_LEASE : STRATO_ESTATE;
    strato__enter(c);
    rc = strato__settle_reply(&c->session, request, reply, more);
    strato__leave(c);
    return rc;
}

void strato_message_destroy(strato_message **message)
{
    static const struct strato_nack back = { .delay_ms = -1, .no_penalty = true };
    struct strato_message *m = message ? *message : NULL;
    struct strato_client *c = m ? m->client : NULL;

    if (!m)
        return;
    *message = NULL;
    if (!c) {
        strato__message_free(NULL, m);
        return;
    }
    /* A settled one only goes back to the pool: that needs the lock, but not the time (a clock read costs 50 ns here). */
    if (m->needs_settling)
        strato__enter(c);
    else if (c->own_thread)
        pthread_mutex_lock(&c->lock);
    if (m->needs_settling && m->kind == STRATO_MESSAGE_REQUEST)
        (void)strato__settle_ack(&c->session, m); /* an ack without a reply is E_NO_REPLY to the caller */
    else if (m->needs_settling)
        (void)strato__settle_nack(&c->session, m, &back);
    if (m->needs_settling) { /* no connection: the resume gives it back, or the lease ends */
        m->needs_settling = false;
        m->stream->unsettled--;
    }
    strato__settle_forget(&c->session, m);
    strato__message_free(&c->session.pool, m);
    strato__leave(c);
}
