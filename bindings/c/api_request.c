/*
 * api_request.c - requests and administration: what is answered once, or in parts.
 *
 * SPDX-License-Identifier: MIT
 */
#include "bindings/c/client.h"

#include "bindings/c/slot.h"

struct call {
    const struct strato_send *message;
    const struct strato_request_options *options;
    enum strato__ask_kind kind;
    struct strato__ask *ask;
};

static int attempt_call(struct strato_client *c, struct strato__producer *p, void *arg)
{
    struct call *call = arg;

    return strato__request_start(&c->session, p, call->message, call->options, call->kind, &call->ask);
}

static int call_start(struct strato_client *c, struct call *call)
{
    int rc = strato__message_check(call->message);

    if (rc == 0 && (!call->options || call->options->timeout_ms <= 0))
        rc = STRATO_EINVAL;
    if (rc == 0)
        rc = strato__slot(c, call->message->channel, call->options->timeout_ms, attempt_call, call);
    if (rc == 0 && c->session.is_inline && c->session.results_count == 0)
        strato__session_flush(&c->session); /* no result is here that would bring the caller back */
    else if (rc == 0)
        strato__session_gathered(&c->session);
    return rc;
}

int strato_request(strato_client *c, const struct strato_send *message, const struct strato_request_options *options,
                   strato_message **ret_reply)
{
    struct call call = { .message = message, .options = options, .kind = STRATO__ASK_CALL };
    int rc;

    strato__enter(c);
    rc = call_start(c, &call);
    if (rc == 0)
        rc = strato__wait_answer(c, call.ask, call.ask->deadline_us);
    if (rc == 0) {
        *ret_reply = call.ask->reply;
        call.ask->reply = NULL;
    }
    strato__ask_free(&c->session, &call.ask);
    strato__leave(c);
    return rc;
}

int strato_request_start(strato_client *c, const struct strato_send *message,
                         const struct strato_request_options *options, uint64_t *ret_id)
{
    struct call call = { .message = message, .options = options, .kind = STRATO__ASK_STARTED };
    int rc;

    strato__enter(c);
    rc = call_start(c, &call);
    if (rc == 0)
        *ret_id = call.ask->rq;
    strato__leave(c);
    return rc;
}

int strato_request_next(strato_client *c, int timeout_ms, struct strato_result *ret_result)
{
    struct strato__result result;
    uint64_t deadline;
    int rc = 0;

    strato__enter(c);
    deadline = strato__deadline(c, timeout_ms);
    if (timeout_ms == 0 && c->session.results_count == 0 && !c->own_thread) {
        strato__session_flush(&c->session);
        strato__drive_pump(c);
    }
    while (!strato__result_pop(&c->session, &result)) {
        if (c->session.state == STRATO__ENDED)
            rc = c->session.end_err;
        else if (strato__wait(c, deadline) < 0)
            rc = STRATO_EEMPTY;
        if (rc < 0)
            break;
    }
    if (rc == 0)
        *ret_result = (struct strato_result){ result.id, result.err, result.more, result.reply };
    strato__leave(c);
    return rc;
}

int strato_request_cancel(strato_client *c, uint64_t id)
{
    struct strato__ask *ask;
    int rc = STRATO_ENOENT;

    strato__enter(c);
    ask = c->session.asks[id & (STRATO__ASKS_MAX - 1)];
    if (ask && ask->rq == id && ask->kind == STRATO__ASK_STARTED) {
        rc = strato__request_cancel(&c->session, ask);
        if (rc == 0)
            strato__ask_fail(&c->session, ask, STRATO_ECANCELLED);
    }
    strato__leave(c);
    return rc;
}

/* ---- administration ------------------------------------------------------------------------------ */

static int admin_send(struct strato_client *c, const struct strato__ask *ask, const char *operation,
                      const char *channel, struct strato_bytes arguments)
{
    struct strato_envelope_out envelope = { .type = operation, .payload = arguments };
    struct strato_writer w = { 0 };
    struct strato_header_writer hw;

    strato_header_begin(&hw, &w, operation);
    if (channel)
        strato_header_str(&hw, "ch", strato_text(channel));
    strato_header_u64(&hw, "n", 1);
    strato_header_u64(&hw, "rq", ask->rq);
    strato_header_end(&hw);
    strato_envelope_encode(&envelope, &w);
    return strato__session_send(&c->session, &w);
}

static int answer_message(struct strato__ask *ask, struct strato_message **ret_reply)
{
    struct strato__name *name = strato__name_new("");
    struct strato_cursor at = ask->rest;
    uint32_t attachments = 0;
    int rc;

    if (!name)
        return STRATO_ENOMEM;
    rc = strato__message_decode(NULL, ask->answer, &at, &attachments, name, ret_reply);
    if (rc == 0)
        (*ret_reply)->kind = STRATO_MESSAGE_REPLY;
    strato__name_drop(name);
    return rc;
}

int strato_admin(strato_client *c, const char *operation, const char *channel, struct strato_bytes arguments,
                 int timeout_ms, strato_message **ret_reply)
{
    struct strato__ask *ask = NULL;
    uint64_t deadline;
    int rc;

    if (!operation || strncmp(operation, "admin.", 6) != 0)
        return STRATO_EINVAL;
    strato__enter(c);
    deadline = strato__deadline(c, timeout_ms);
    rc = strato__wait_open(c, deadline);
    if (rc == 0)
        rc = strato__ask_new(&c->session, STRATO__ASK_QUESTION, &ask);
    if (rc == 0)
        rc = admin_send(c, ask, operation, channel, arguments);
    if (rc == 0)
        rc = strato__wait_answer(c, ask, deadline);
    if (rc == 0)
        rc = answer_message(ask, ret_reply);
    strato__ask_free(&c->session, &ask);
    strato__leave(c);
    return rc;
}
