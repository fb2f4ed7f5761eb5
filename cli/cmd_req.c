/*
 * cmd_req.c - strato req: ask a service, print its answer.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cli/body.h"
#include "cli/fields.h"
#include "cli/show.h"
#include "cli/subject.h"
#include "cli/verbs.h"

#include "core/cursor.h"

#include <inttypes.h>

struct req_config {
    struct cli_common common;
    char *channel, *type;
    uint64_t count;
    uint32_t sleep_ms, wait_responder_ms;
    struct strato_option_list fields;
    bool raw, no_template, idempotent;
};

static const struct strato_option rows[] = {
    { .name = "count",
      .letter = 'n',
      STRATO_OPTION_AT(struct req_config, count),
      .kind = STRATO_OPTION_UINT,
      .value = "N",
      .initial = "1",
      .min = 1,
      .max = UINT64_MAX,
      .doc = "Ask so many times, one after the other." },
    { .name = "sleep",
      STRATO_OPTION_AT(struct req_config, sleep_ms),
      .kind = STRATO_OPTION_DURATION,
      .value = "TIME",
      .doc = "Pause between two requests." },
    { .name = "header",
      .letter = 'H',
      STRATO_OPTION_AT(struct req_config, fields),
      .kind = STRATO_OPTION_LIST,
      .value = "KEY:VALUE",
      .doc = "Set a field of the envelope: priority, id, trace, affinity ...; may be repeated." },
    { .name = "channel",
      .letter = 'c',
      STRATO_OPTION_AT(struct req_config, channel),
      .kind = STRATO_OPTION_STRING,
      .value = "NAME",
      .complete = "strato channel ls --columns name --quiet --timeout 200ms",
      .doc = "Channel to use, instead of the one whose name leads the subject." },
    { .name = "type",
      STRATO_OPTION_AT(struct req_config, type),
      .kind = STRATO_OPTION_STRING,
      .value = "TYPE",
      .doc = "Message type, instead of the subject." },
    { .name = "wait-responder",
      STRATO_OPTION_AT(struct req_config, wait_responder_ms),
      .kind = STRATO_OPTION_DURATION,
      .value = "TIME",
      .doc = "Wait so long for somebody to serve; without, nobody serving is an error at once." },
    { .name = "idempotent",
      STRATO_OPTION_AT(struct req_config, idempotent),
      .kind = STRATO_OPTION_FLAG,
      .doc = "The request may be run again if its responder dies." },
    { .name = "raw",
      STRATO_OPTION_AT(struct req_config, raw),
      .kind = STRATO_OPTION_FLAG,
      .doc = "The body is bytes, and the answer is printed as bytes." },
    { .name = "no-template",
      STRATO_OPTION_AT(struct req_config, no_template),
      .kind = STRATO_OPTION_FLAG,
      .doc = "Leave {{Count}} and its like as they are." },
};

/* Answers of type <channel>.error carry {code, message}: the request arrived, the service refused. */
static int error_answer(const strato_message *reply)
{
    static const struct {
        const char *code;
        int exit;
    } codes[] = { { "not_found", CLI_NOT_FOUND },
                  { "forbidden", CLI_FORBIDDEN },
                  { "ENOENT", CLI_NOT_FOUND },
                  { "EPERM", CLI_FORBIDDEN } };
    const struct strato_envelope *e = strato_message_envelope(reply);
    struct strato_cursor c = strato_cursor_over(e->payload);
    struct strato_bytes key, value;
    uint32_t pairs;

    if (e->type.bytes < 6 || memcmp(e->type.data + e->type.bytes - 6, ".error", 6) != 0)
        return CLI_OK;
    if (strato_cursor_map(&c, UINT32_MAX, &pairs) < 0)
        return CLI_FAILED;
    for (; pairs > 0 && strato_cursor_str(&c, SIZE_MAX, &key) == 0; pairs--) {
        if (!strato_bytes_is(key, "code") || strato_cursor_str(&c, SIZE_MAX, &value) < 0) {
            if (strato_cursor_skip(&c) < 0)
                break;
            continue;
        }
        for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
            if (strato_bytes_is(value, codes[i].code))
                return codes[i].exit;
    }
    return CLI_FAILED;
}

static void print_answer(const struct cli *cli, const struct req_config *config, const strato_message *reply,
                         uint64_t took_ns)
{
    const struct strato_envelope *e = strato_message_envelope(reply);
    struct emit j = { .to = stdout };

    if (cli_wants_json(cli)) {
        emit_object(&j, NULL);
        emit_str(&j, "type", e->type);
        if (e->has & STRATO_ENV_SENDER)
            emit_str(&j, "sender", e->sender);
        else
            emit_text(&j, "sender", NULL);
        emit_u64(&j, "bytes", show_bytes(reply));
        emit_f64(&j, "latency_us", (double)took_ns / 1000);
        emit_msgpack(&j, "payload", e->payload);
        emit_array(&j, "attachments");
        for (uint32_t i = 0; i < strato_message_attachments(reply); i++)
            emit_bin(&j, NULL, strato_message_attachment(reply, i));
        emit_array_end(&j);
        emit_object_end(&j);
        emit_end(&j);
    } else if (config->raw) {
        show_raw(reply);
    } else {
        show_payload(stdout, reply);
        putchar('\n');
    }
    fflush(stdout);
    cli_say(cli, "%.*s, %zu bytes, %.3f ms", (int)e->type.bytes, (const char *)e->type.data, show_bytes(reply),
            (double)took_ns / 1e6);
}

static int ask(const struct cli *cli, const struct req_config *config, strato_client *client,
               const struct strato_send *message)
{
    struct strato_request_options options = { .timeout_ms = (int)cli->common->timeout_ms,
                                              .wait_responder_ms = config->wait_responder_ms,
                                              .idempotent = config->idempotent };
    strato_message *reply = NULL;
    uint64_t took_ns = 0;
    int code, rc = link_request(client, message, &options, &reply, &took_ns);

    if (rc < 0)
        return link_fail(cli, client, rc, message->channel);
    print_answer(cli, config, reply, took_ns);
    code = error_answer(reply);
    strato_message_destroy(&reply);
    return code;
}

static int ask_all(const struct cli *cli, const struct req_config *config, strato_client *client, struct body *body,
                   struct strato_send *message)
{
    uint64_t due_ns = link_now_ns(), failed = 0;
    int code = CLI_OK;

    for (uint64_t i = 0; i < config->count; i++) {
        int this_code = body_encode(cli, body, i + 1, message);

        if (this_code == CLI_OK)
            this_code = ask(cli, config, client, message);
        if (this_code == CLI_USAGE || this_code == CLI_INTERRUPTED)
            return this_code;
        failed += this_code != CLI_OK;
        code = this_code != CLI_OK ? this_code : code;
        if (config->sleep_ms && i + 1 < config->count) {
            due_ns += (uint64_t)config->sleep_ms * 1000000U;
            link_sleep_until_ns(due_ns);
        }
    }
    return failed > 0 && failed < config->count ? CLI_PARTIAL : code;
}

static int run(struct cli *cli, const void *verb_config)
{
    const struct req_config *config = verb_config;
    struct strato_send message = { 0 };
    strato_client *client = NULL;
    struct subject subject;
    struct fields fields;
    struct body body;
    int code =
        body_open(cli, cli->operands_count > 1 ? cli->operands[1] : NULL, config->raw, !config->no_template, &body);

    if (code == CLI_OK)
        code = link_open(cli, false, NULL, &client);
    if (code == CLI_OK)
        code = subject_find(cli, client, cli->operands[0], "request", config->channel, &subject);
    if (code != CLI_OK)
        goto out;
    message.channel = subject.channel;
    message.envelope.type = config->type && *config->type ? config->type : subject.type;
    code = fields_apply(cli, &config->fields, &fields, &message.envelope);
    if (code == CLI_OK)
        code = ask_all(cli, config, client, &body, &message);
out:
    strato_client_close(&client);
    body_close(&body);
    return code;
}

static const struct strato_program_example examples[] = {
    { "strato req math.add '{\"a\":1,\"b\":2}'", "the answer on stdout, the latency on stderr" },
    { "strato req cost.query_cost --json", "ask the service that answers the channel cost" },
    { "strato req gpu.synchronize --channel gpu", "ask on a work channel" },
};

const struct cli_verb cmd_req = {
    .program = { .name = "strato req",
                 .summary = "ask a service and print its answer",
                 .operands = "SUBJECT [BODY]",
                 .operands_min = 1,
                 .operands_max = 2,
                 .doc = "Sends BODY to the request channel whose name leads SUBJECT, and waits for the answer. An "
                        "answer that "
                        "is an error of the service is printed too, with exit code 1 (4 forbidden, 6 not found).",
                 CLI_PROGRAM(rows),
                 STRATO_PROGRAM_EXAMPLES(examples) },
    .config_bytes = sizeof(struct req_config),
    .run = run,
};
