/*
 * request_timeout.c - a request that is answered, one that is not, and one that nobody serves.
 *
 *     request_timeout [ENDPOINT]      default: $STRATO_ENDPOINT, else tcp://127.0.0.1:7700
 *
 * Caller and service are two clients of one program here, so that the example ends by itself; usually they
 * are two programs on two machines.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stratoswarm.h>

#include <stdio.h>
#include <stdlib.h>

static const char *const channel = "example-doubler";

/* Ask the service to double a number. */
static int ask(strato_client *caller, uint64_t number, int timeout_ms)
{
    const struct strato_request_options options = { .timeout_ms = timeout_ms };
    struct strato_send question = { .channel = channel, .envelope = { .type = "example.double" } };
    struct strato_writer payload = { 0 };
    uint64_t id;
    int rc;

    strato_writer_u64(&payload, number);
    question.envelope.payload = strato_writer_view(&payload);
    rc = strato_request_start(caller, &question, &options, &id);
    strato_writer_fini(&payload);
    return rc;
}

/* The service: answer one question. */
static int answer(strato_consumer *service)
{
    struct strato_send reply = { .envelope = { .type = "example.doubled" } };
    struct strato_writer payload = { 0 };
    strato_message *question = NULL;
    struct strato_cursor c;
    uint64_t number = 0;
    int rc = strato_consumer_next(service, 5000, &question);

    if (rc < 0)
        return rc;
    c = strato_cursor_over(strato_message_envelope(question)->payload);
    rc = strato_cursor_u64(&c, 1000, &number);
    if (rc == 0) {
        strato_writer_u64(&payload, number * 2);
        reply.envelope.payload = strato_writer_view(&payload);
        rc = strato_message_reply(question, &reply, false);
        strato_writer_fini(&payload);
    }
    strato_message_destroy(&question);
    return rc;
}

/* What became of the question? */
static int report(strato_client *caller, const char *what)
{
    struct strato_result result;
    struct strato_cursor c;
    uint64_t number = 0;
    int rc = strato_request_next(caller, 5000, &result);

    if (rc < 0)
        return rc;
    if (result.err < 0) {
        printf("%s: %s\n", what, strato_err_name(result.err));
        return 0;
    }
    c = strato_cursor_over(strato_message_envelope(result.reply)->payload);
    rc = strato_cursor_u64(&c, UINT64_MAX, &number);
    if (rc == 0)
        printf("%s: %u\n", what, (unsigned)number);
    strato_message_destroy(&result.reply);
    return rc;
}

static int play(strato_client *caller, strato_client *host)
{
    const struct strato_consumer_options options = { .channel = channel, .serve = true };
    strato_consumer *service = NULL;
    strato_message *ignored = NULL;
    int rc = strato_consumer_open(host, &options, &service);

    if (rc == 0)
        rc = ask(caller, 21, 2000);
    if (rc == 0)
        rc = answer(service);
    if (rc == 0)
        rc = report(caller, "twice 21");
    if (rc == 0)
        rc = ask(caller, 4, 200);
    if (rc == 0)
        rc = strato_consumer_next(service, 5000, &ignored); /* taken, and not answered in time */
    if (rc == 0)
        rc = report(caller, "unanswered");
    strato_message_destroy(&ignored);
    strato_consumer_close(&service);
    if (rc == 0)
        rc = strato_flush(host, 2000); /* the broker knows now that the service is gone */
    if (rc == 0)
        rc = ask(caller, 5, 2000);
    return rc == 0 ? report(caller, "nobody serves") : rc;
}

int main(int argc, char **argv)
{
    struct strato_client_options options = STRATO_CLIENT_OPTIONS_DEFAULTS;
    strato_client *caller = NULL, *host = NULL;
    int rc;

    if (argc > 1)
        options.endpoint = argv[1];
    else if (getenv("STRATO_ENDPOINT"))
        options.endpoint = getenv("STRATO_ENDPOINT");
    rc = strato_client_open(&options, &caller);
    options.kind = "service";
    if (rc == 0)
        rc = strato_client_open(&options, &host);
    if (rc == 0)
        rc = play(caller, host);
    if (rc < 0)
        fprintf(stderr, "request_timeout: %s\n", strato_strerror(rc));
    strato_client_close(&host);
    strato_client_close(&caller);
    return rc < 0;
}
