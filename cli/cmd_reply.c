/*
 * cmd_reply.c - strato reply: be a service, by echo, by a fixed answer, or by running a command.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cli/body.h"
#include "cli/child.h"
#include "cli/show.h"
#include "cli/verbs.h"

#include <inttypes.h>
#include <stdlib.h>

struct reply_config {
    struct cli_common common;
    char *exec, *type;
    uint64_t count, output_max;
    uint32_t exec_timeout_ms;
    bool echo, raw, no_template;
};

static const struct strato_option rows[] = {
    { .name = "exec",
      STRATO_OPTION_AT(struct reply_config, exec),
      .kind = STRATO_OPTION_STRING,
      .value = "COMMAND",
      .doc = "Answer with what `sh -c COMMAND` prints; the request's body is on its stdin, STRATO_TYPE, STRATO_CHANNEL "
             "and "
             "STRATO_SENDER in its environment." },
    { .name = "echo",
      STRATO_OPTION_AT(struct reply_config, echo),
      .kind = STRATO_OPTION_FLAG,
      .doc = "Answer with the request." },
    { .name = "count",
      .letter = 'C',
      STRATO_OPTION_AT(struct reply_config, count),
      .kind = STRATO_OPTION_UINT,
      .value = "N",
      .max = UINT64_MAX,
      .doc = "Stop after so many requests; 0 is never." },
    { .name = "type",
      STRATO_OPTION_AT(struct reply_config, type),
      .kind = STRATO_OPTION_STRING,
      .value = "TYPE",
      .doc = "Type of the answers, instead of the request's." },
    { .name = "raw",
      STRATO_OPTION_AT(struct reply_config, raw),
      .kind = STRATO_OPTION_FLAG,
      .doc = "Bodies are bytes, not JSON, both ways." },
    { .name = "no-template",
      STRATO_OPTION_AT(struct reply_config, no_template),
      .kind = STRATO_OPTION_FLAG,
      .doc = "Leave {{Count}} and its like in BODY as they are." },
    { .name = "exec-timeout",
      STRATO_OPTION_AT(struct reply_config, exec_timeout_ms),
      .kind = STRATO_OPTION_DURATION,
      .value = "TIME",
      .initial = "30s",
      .min = 1,
      .max = 3600 * 1000,
      .doc = "Kill the command after so long." },
    { .name = "max-output",
      STRATO_OPTION_AT(struct reply_config, output_max),
      .kind = STRATO_OPTION_SIZE,
      .value = "SIZE",
      .initial = "1MiB",
      .min = 1,
      .max = BODY_BYTES_MAX,
      .doc = "Longest output of the command that is an answer." },
};

struct service {
    const struct cli *cli;
    const struct reply_config *config;
    const char *channel;
    struct body body; /* the fixed answer */
    uint64_t answered;
    char error_type[STRATO_NAME_BYTES_MAX + 8]; /* CHANNEL.error */
};

/* The body of a request as the command reads it: bytes, or a line of JSON. */
static int request_text(const struct service *s, const strato_message *request, char **ret_text, size_t *ret_bytes)
{
    FILE *to = open_memstream(ret_text, ret_bytes);

    if (!to)
        return STRATO_ENOMEM;
    if (s->config->raw && strato_message_attachments(request) > 0) {
        struct strato_bytes data = strato_message_attachment(request, 0);

        fwrite(data.data, 1, data.bytes, to);
    } else if (s->config->raw) {
        struct strato_cursor c = strato_cursor_over(strato_message_envelope(request)->payload);
        struct strato_token t;

        if (c.at < c.end && strato_cursor_next(&c, &t) == 0 && (t.kind == STRATO_KIND_BIN || t.kind == STRATO_KIND_STR))
            fwrite(t.bytes.data, 1, t.bytes.bytes, to);
        else
            show_payload(to, request);
    } else {
        show_payload(to, request);
        fputc('\n', to);
    }
    return fclose(to) == 0 ? 0 : STRATO_ENOMEM;
}

static int error_encode(struct strato_writer *w, const char *message)
{
    strato_writer_map(w, 2);
    strato_writer_text(w, "code");
    strato_writer_text(w, "failed");
    strato_writer_text(w, "message");
    strato_writer_text(w, message);
    return strato_writer_error(w);
}

static int answer_error(struct service *s, strato_message *request, const char *message)
{
    struct strato_writer w = { 0 };
    struct strato_send reply = { .envelope.type = s->error_type };
    int rc = error_encode(&w, message);

    cli_say(s->cli, "answered with an error: %s", message);
    reply.envelope.payload = strato_writer_view(&w);
    if (rc == 0)
        rc = strato_message_reply(request, &reply, false);
    strato_writer_fini(&w);
    return rc;
}

static const char *complaint(const struct service *s, const struct child_result *result,
                             char text[CHILD_ERRORS_MAX + 64])
{
    if (result->is_output_too_long)
        snprintf(text, CHILD_ERRORS_MAX + 64, "the command printed more than %" PRIu64 " bytes", s->config->output_max);
    else if (result->was_killed)
        snprintf(text, CHILD_ERRORS_MAX + 64, "the command took longer than %g s", s->config->exec_timeout_ms / 1000.0);
    else if (result->status != 0)
        snprintf(text, CHILD_ERRORS_MAX + 64, "exit status %d: %.*s", result->status,
                 (int)strcspn(result->errors, "\n"), result->errors);
    else
        return NULL;
    return text;
}

static int answer_output(struct service *s, strato_message *request, struct strato_bytes output,
                         struct strato_send *reply)
{
    struct strato_writer w = { 0 };
    struct strato_attachment attachment = { .data = output.data, .bytes = output.bytes };
    int rc = 0;

    if (s->config->raw && output.bytes >= BODY_INLINE_MAX) {
        reply->attachments = &attachment;
        reply->attachments_count = 1;
    } else if (s->config->raw) {
        strato_writer_bin(&w, output);
    } else {
        rc = body_encode_text(output, &w);
    }
    reply->envelope.payload = strato_writer_view(&w);
    if (rc == 0)
        rc = strato_message_reply(request, reply, false);
    strato_writer_fini(&w);
    return rc;
}

static int answer_exec(struct service *s, strato_message *request, struct strato_send *reply)
{
    const struct strato_envelope *e = strato_message_envelope(request);
    struct child_limits limits = { .output_max = s->config->output_max, .timeout_ms = s->config->exec_timeout_ms };
    char type[96], channel[160], sender[160], words[CHILD_ERRORS_MAX + 64];
    char *environment[] = { type, channel, sender, NULL };
    struct child_result result = { 0 };
    char *text = NULL;
    size_t bytes = 0;
    int rc = request_text(s, request, &text, &bytes);

    snprintf(type, sizeof type, "STRATO_TYPE=%.*s", (int)e->type.bytes, (const char *)e->type.data);
    snprintf(channel, sizeof channel, "STRATO_CHANNEL=%s", s->channel);
    snprintf(sender, sizeof sender, "STRATO_SENDER=%.*s", (int)e->sender.bytes,
             e->sender.bytes ? (const char *)e->sender.data : "");
    if (rc == 0)
        rc = child_run(s->config->exec, strato_bytes(text, bytes), environment, &limits, &result);
    if (rc < 0)
        rc = answer_error(s, request, strato_strerror(rc));
    else if (complaint(s, &result, words))
        rc = answer_error(s, request, words);
    else
        rc = answer_output(s, request, strato_writer_view(&result.output), reply);
    strato_writer_fini(&result.output);
    free(text);
    return rc;
}

static int answer_echo(strato_message *request, struct strato_send *reply)
{
    struct strato_attachment attachments[8];

    reply->envelope.payload = strato_message_envelope(request)->payload;
    for (uint32_t i = 0; i < strato_message_attachments(request) && i < 8; i++) {
        struct strato_bytes data = strato_message_attachment(request, i);

        attachments[i] = (struct strato_attachment){ .data = data.data, .bytes = data.bytes };
        reply->attachments_count = i + 1;
    }
    reply->attachments = attachments;
    return strato_message_reply(request, reply, false);
}

static int answer(struct service *s, strato_message *request)
{
    const struct strato_bytes type = strato_message_envelope(request)->type;
    char type_text[STRATO_TYPE_BYTES_MAX + 1];
    struct strato_send reply = { .envelope.type = type_text };

    snprintf(type_text, sizeof type_text, "%.*s", (int)type.bytes, (const char *)type.data);
    if (s->config->type && *s->config->type)
        reply.envelope.type = s->config->type;
    if (s->config->echo)
        return answer_echo(request, &reply);
    if (s->config->exec && *s->config->exec)
        return answer_exec(s, request, &reply);
    if (body_encode(s->cli, &s->body, s->answered + 1, &reply) != CLI_OK)
        return STRATO_EINVAL;
    return strato_message_reply(request, &reply, false);
}

static int serve(struct service *s, strato_client *client, strato_consumer *consumer)
{
    while (s->config->count == 0 || s->answered < s->config->count) {
        strato_message *request = NULL;
        int rc;

        if (cli_is_interrupted())
            return CLI_INTERRUPTED;
        rc = strato_consumer_next(consumer, LINK_SLICE_MS, &request);
        if (rc == STRATO_EEMPTY)
            continue;
        if (rc < 0)
            return link_fail(s->cli, client, rc, s->channel);
        if (cli_wants_json(s->cli))
            show(s->cli, request, s->answered + 1, false);
        rc = answer(s, request);
        strato_message_destroy(&request);
        if (rc < 0 && rc != STRATO_ESTALE_LEASE) /* stale: the caller gave up; the next one waits */
            return link_fail(s->cli, client, rc, "cannot answer");
        s->answered++;
    }
    return CLI_OK;
}

static int check(struct cli *cli, const struct reply_config *config)
{
    int ways = (config->exec && *config->exec) + config->echo + (cli->operands_count > 1);

    if (ways != 1)
        return cli_fail(cli, CLI_USAGE, "how to answer? one of BODY, --echo and --exec COMMAND");
    return CLI_OK;
}

static int run(struct cli *cli, const void *verb_config)
{
    const struct reply_config *config = verb_config;
    struct service s = { .cli = cli, .config = config, .channel = cli->operands[0] };
    struct strato_consumer_options options = { .channel = s.channel, .serve = true };
    strato_consumer *consumer = NULL;
    strato_client *client = NULL;
    int rc, code = check(cli, config);

    if (code == CLI_OK)
        code = body_open(cli, cli->operands_count > 1 ? cli->operands[1] : NULL, config->raw, !config->no_template,
                         &s.body);
    if (code == CLI_OK) /* an own thread: heartbeats and leases go on while a command runs */
        code = link_open(cli, true, NULL, &client);
    if (code != CLI_OK)
        goto out;
    snprintf(s.error_type, sizeof s.error_type, "%.*s.error", STRATO_TYPE_BYTES_MAX - 6, s.channel);
    rc = strato_consumer_open(client, &options, &consumer);
    if (rc < 0) {
        code = link_fail(cli, client, rc, s.channel);
        goto out;
    }
    cli_say(cli, "serving %s", s.channel);
    code = serve(&s, client, consumer);
    cli_say(cli, "%" PRIu64 " requests answered", s.answered);
    strato_flush(client, 1000);
    strato_consumer_close(&consumer);
out:
    strato_client_close(&client);
    body_close(&s.body);
    return code;
}

static const struct strato_program_example examples[] = {
    { "strato reply math.add --exec 'jq .a+.b'", "a service in one line" },
    { "strato reply hello '{\"greeting\":\"hi\",\"n\":{{Count}}}'",
      "the same answer to everybody, but for the number" },
    { "strato reply bench.echo --echo", "send every request back" },
};

const struct cli_verb cmd_reply = {
    .program = { .name = "strato reply",
                 .summary = "answer requests",
                 .operands = "CHANNEL [BODY]",
                 .operands_min = 1,
                 .operands_max = 2,
                 .doc = "Serves a request channel, which it makes if it is not there. A command that fails is answered "
                        "by an "
                        "error: type CHANNEL.error, {\"code\":\"failed\",\"message\":...}.",
                 CLI_PROGRAM(rows),
                 STRATO_PROGRAM_EXAMPLES(examples) },
    .config_bytes = sizeof(struct reply_config),
    .run = run,
};
