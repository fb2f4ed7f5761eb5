/*
 * receive.c - the loop of the verbs that receive.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cli/receive.h"

#include "cli/show.h"
#include "core/cursor.h"

#include <errno.h>
#include <inttypes.h>
#include <sys/stat.h>

/* The body into DIR/N.json, or N.bin where it is bytes. */
static int dump(const struct cli *cli, const char *dir, const strato_message *message, uint64_t number)
{
    struct strato_cursor c = strato_cursor_over(strato_message_envelope(message)->payload);
    uint32_t attachments = strato_message_attachments(message);
    struct strato_token t = { .kind = STRATO_KIND_NIL };
    char path[4096];
    bool is_bin;
    FILE *to;

    if (c.at < c.end)
        strato_cursor_next(&c, &t);
    is_bin = t.kind == STRATO_KIND_BIN || (t.kind == STRATO_KIND_NIL && attachments > 0);
    mkdir(dir, 0777); /* if it is there all the better; fopen says what is wrong */
    snprintf(path, sizeof path, "%s/%" PRIu64 ".%s", dir, number, is_bin ? "bin" : "json");
    to = fopen(path, "wb");
    if (!to)
        return cli_fail(cli, CLI_FAILED, "%s: %s", path, strerror(errno));
    if (t.kind == STRATO_KIND_BIN)
        fwrite(t.bytes.data, 1, t.bytes.bytes, to);
    else if (!is_bin)
        show_payload(to, message);
    for (uint32_t i = 0; is_bin && i < attachments; i++)
        fwrite(strato_message_attachment(message, i).data, 1, strato_message_attachment(message, i).bytes, to);
    return fclose(to) == 0 ? CLI_OK : cli_fail(cli, CLI_FAILED, "%s: %s", path, strerror(errno));
}

static int take(const struct cli *cli, const struct receive_config *config, const struct receive *receive,
                strato_message **message, uint64_t number)
{
    int code = CLI_OK, rc = 0;

    show(cli, *message, number, config->raw);
    if (config->dump && *config->dump && strato_message_kind(*message) != STRATO_MESSAGE_LAGGED)
        code = dump(cli, config->dump, *message, number);
    if (ferror(stdout))
        code = cli_fail(cli, CLI_FAILED, "stdout: cannot write");
    if (code == CLI_OK && receive->done)
        rc = receive->done(receive->source, message);
    strato_message_destroy(message);
    return rc < 0 ? link_fail(cli, receive->client, rc, "cannot settle") : code;
}

static int ended(const struct cli *cli, const struct receive_config *config, uint64_t received)
{
    if (received == 0)
        return cli_fail(cli, CLI_TIMEOUT, "nothing came within %g s", (double)config->wait_ms / 1000);
    if (config->count > received)
        return cli_fail(cli, CLI_PARTIAL, "%" PRIu64 " of %" PRIu64 " messages within %g s", received, config->count,
                        (double)config->wait_ms / 1000);
    return CLI_OK;
}

int receive_run(const struct cli *cli, const struct receive_config *config, const struct receive *receive)
{
    uint64_t received = 0, deadline_ms = config->wait_ms ? link_now_ms() + config->wait_ms : UINT64_MAX;

    while (config->count == 0 || received < config->count) {
        strato_message *message = NULL;
        bool is_gap;
        int code, rc;

        if (cli_is_interrupted())
            return CLI_INTERRUPTED;
        rc = receive->next(receive->source, link_slice_ms(deadline_ms), &message);
        if (rc == STRATO_EEMPTY) {
            if (link_now_ms() >= deadline_ms)
                return ended(cli, config, received);
            continue;
        }
        if (rc == STRATO_ECLOSED)
            return cli_fail(cli, CLI_FAILED, "the channel was closed");
        if (rc < 0)
            return link_fail(cli, receive->client, rc, "cannot receive");
        is_gap = strato_message_kind(message) == STRATO_MESSAGE_LAGGED;
        code = take(cli, config, receive, &message, received + 1);
        if (code != CLI_OK)
            return code;
        received += !is_gap;
    }
    return CLI_OK;
}
