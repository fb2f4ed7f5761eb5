/*
 * send.c - send a message, or many, and wait until the broker has decided about each.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cli/send.h"

#include "cli/body.h"
#include "cli/emit.h"
#include "cli/fields.h"
#include "cli/receipts.h"
#include "cli/subject.h"

#include <inttypes.h>

const struct strato_option send_rows[] = {
    { .name = "count",
      .letter = 'n',
      STRATO_OPTION_AT(struct send_config, count),
      .kind = STRATO_OPTION_UINT,
      .value = "N",
      .initial = "1",
      .min = 1,
      .max = UINT64_MAX,
      .doc = "Send so many messages." },
    { .name = "sleep",
      STRATO_OPTION_AT(struct send_config, sleep_ms),
      .kind = STRATO_OPTION_DURATION,
      .value = "TIME",
      .doc = "Pause between two messages." },
    { .name = "header",
      .letter = 'H',
      STRATO_OPTION_AT(struct send_config, fields),
      .kind = STRATO_OPTION_LIST,
      .value = "KEY:VALUE",
      .doc = "Set a field of the envelope: priority, ttl, delay, id, to, trace, affinity ...; may be repeated." },
    { .name = "channel",
      .letter = 'c',
      STRATO_OPTION_AT(struct send_config, channel),
      .kind = STRATO_OPTION_STRING,
      .value = "NAME",
      .complete = "strato channel ls --columns name --quiet --timeout 200ms",
      .doc = "Channel to use, instead of the one whose name leads the subject." },
    { .name = "type",
      STRATO_OPTION_AT(struct send_config, type),
      .kind = STRATO_OPTION_STRING,
      .value = "TYPE",
      .doc = "Message type, instead of the subject." },
    { .name = "raw",
      STRATO_OPTION_AT(struct send_config, raw),
      .kind = STRATO_OPTION_FLAG,
      .doc = "The body is bytes, not JSON." },
    { .name = "no-template",
      STRATO_OPTION_AT(struct send_config, no_template),
      .kind = STRATO_OPTION_FLAG,
      .doc = "Leave {{Count}}, {{Time}}, {{Random 10 100}} as they are." },
    { .name = "dry-run",
      STRATO_OPTION_AT(struct send_config, dry_run),
      .kind = STRATO_OPTION_FLAG,
      .doc = "Check everything and send nothing." },
    { .name = "receipt",
      STRATO_OPTION_AT(struct send_config, receipt),
      .kind = STRATO_OPTION_FLAG,
      .doc = "Wait until each message is settled, expired, dead or dropped, and print which and why." },
    { .name = "wait",
      .letter = 'W',
      STRATO_OPTION_AT(struct send_config, wait_ms),
      .kind = STRATO_OPTION_DURATION,
      .value = "TIME",
      .doc = "Wait for receipts no longer than that. Exit code 5 if none came, 7 if some." },
};
_Static_assert(sizeof send_rows / sizeof send_rows[0] == SEND_WORK_ROWS, "SEND_WORK_ROWS counts them");

enum { DRAIN_EVERY = 256 }; /* messages sent between two looks at the receipts */

struct sending {
    struct strato_send message;
    struct fields fields;
    struct subject subject;
    struct body body;
    struct link_refusals refusals;
    struct receipts receipts;
    uint64_t sent, bytes;
};

static int sending_prepare(struct cli *cli, const struct send_config *config, const char *pattern,
                           strato_client *client, struct sending *s)
{
    int code = subject_find(cli, client, cli->operands[0], pattern, config->channel, &s->subject);

    if (code != CLI_OK)
        return code;
    s->message.channel = s->subject.channel;
    s->message.envelope.receipt = config->receipt;
    s->message.envelope.type = config->type && *config->type ? config->type : s->subject.type;
    if (strcmp(pattern, "events") == 0)
        s->message.envelope.topic = cli->operands[0];
    return fields_apply(cli, &config->fields, &s->fields, &s->message.envelope);
}

static int sending_loop(struct cli *cli, const struct send_config *config, strato_client *client, struct sending *s)
{
    uint64_t due_ns = link_now_ns();
    int code, rc;

    for (; s->sent < config->count; s->sent++) {
        code = body_encode(cli, &s->body, s->sent + 1, &s->message);
        if (code != CLI_OK)
            return code;
        s->bytes += body_bytes(&s->message);
        if (config->dry_run)
            continue;
        rc = link_send(client, &s->message, (int)cli->common->timeout_ms);
        if (rc < 0)
            return link_fail(cli, client, rc, s->subject.channel);
        if (config->receipt && s->sent % DRAIN_EVERY == DRAIN_EVERY - 1)
            receipts_drain(cli, client, &s->receipts);
        if (config->sleep_ms && s->sent + 1 < config->count) {
            due_ns += (uint64_t)config->sleep_ms * 1000000U;
            strato_client_process(client, 0);
            link_sleep_until_ns(due_ns);
        }
    }
    if (config->dry_run)
        return CLI_OK;
    rc = link_flush(client, (int)cli->common->timeout_ms);
    if (rc < 0 && s->refusals.count == 0)
        return link_fail(cli, client, rc, s->subject.channel);
    return CLI_OK;
}

static void sending_report(struct cli *cli, const struct send_config *config, const struct sending *s, uint64_t took_ns)
{
    struct emit j = { .to = stdout };
    const char *topic = s->message.envelope.topic;

    if (!cli_wants_json(cli)) {
        cli_say(cli, "%s%" PRIu64 " message%s to %s%s%s, %" PRIu64 " bytes, %.1f ms",
                config->dry_run ? "would send " : "", s->sent, s->sent == 1 ? "" : "s", s->subject.channel,
                topic ? " as " : "", topic ? topic : "", s->bytes, (double)took_ns / 1e6);
        return;
    }
    emit_object(&j, NULL);
    emit_text(&j, "channel", s->subject.channel);
    emit_text(&j, "topic", topic);
    emit_text(&j, "type", s->message.envelope.type);
    emit_u64(&j, "sent", config->dry_run ? 0 : s->sent);
    emit_u64(&j, "refused", s->refusals.count);
    emit_u64(&j, "bytes", s->bytes);
    emit_f64(&j, "seconds", (double)took_ns / 1e9);
    emit_bool(&j, "dry_run", config->dry_run);
    if (config->receipt)
        receipts_emit(&j, "outcomes", &s->receipts);
    emit_object_end(&j);
    emit_end(&j);
}

int send_run(struct cli *cli, const struct send_config *config, const char *pattern)
{
    struct sending s = { 0 };
    strato_client *client = NULL;
    uint64_t start_ns;
    int code =
        body_open(cli, cli->operands_count > 1 ? cli->operands[1] : NULL, config->raw, !config->no_template, &s.body);

    if (code == CLI_OK)
        code = link_open(cli, false, &s.refusals, &client);
    if (code == CLI_OK)
        code = sending_prepare(cli, config, pattern, client, &s);
    if (code != CLI_OK)
        goto out;
    start_ns = link_now_ns();
    code = sending_loop(cli, config, client, &s);
    if (s.refusals.count > 0)
        code = cli_fail(cli, s.refusals.count < s.sent ? CLI_PARTIAL : cli_exit_of(s.refusals.first),
                        "%" PRIu64 " of %" PRIu64 " messages refused, the first: %s (%s)", s.refusals.count, s.sent,
                        s.refusals.detail, strato_err_name(s.refusals.first));
    else if (code != CLI_OK && code != CLI_USAGE && s.sent > 0)
        code = code == CLI_INTERRUPTED ? code : CLI_PARTIAL;
    if (config->receipt && !config->dry_run && s.sent > s.refusals.count && (code == CLI_OK || code == CLI_PARTIAL)) {
        int waited = receipts_wait(cli, client, s.sent - s.refusals.count, config->wait_ms, &s.receipts);

        code = code == CLI_OK ? waited : code;
    }
    if (s.sent > 0 || code == CLI_OK)
        sending_report(cli, config, &s, link_now_ns() - start_ns);
out:
    strato_client_close(&client);
    body_close(&s.body);
    return code;
}
