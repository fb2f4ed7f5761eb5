/*
 * link.c - the session of one verb with the broker.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cli/link.h"

#include "core/keypair.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

uint64_t link_now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

uint64_t link_now_ms(void)
{
    return link_now_ns() / 1000000U;
}

int link_slice_ms(uint64_t deadline_ms)
{
    uint64_t now = link_now_ms();

    if (now >= deadline_ms)
        return 0;
    return deadline_ms - now < LINK_SLICE_MS ? (int)(deadline_ms - now) : LINK_SLICE_MS;
}

void link_sleep_until_ns(uint64_t when_ns)
{
    struct timespec t = { .tv_sec = (time_t)(when_ns / 1000000000U), .tv_nsec = (long)(when_ns % 1000000000U) };

    while (!cli_is_interrupted() && clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
        continue;
}

static void on_event(void *arg, enum strato_client_event event, int err, const char *detail)
{
    struct link_refusals *refusals = arg;

    if (event != STRATO_CLIENT_REFUSED || !refusals)
        return;
    if (refusals->count++ == 0) {
        refusals->first = err;
        snprintf(refusals->detail, sizeof refusals->detail, "%s", detail ? detail : "");
    }
}

static bool is_set(const char *text)
{
    return text && *text;
}

/* The library would say only which code; people want to know which file, and what helps. */
static int check_keys(const struct cli *cli)
{
    const struct cli_common *c = cli->common;
    struct strato_keypair pair;
    char detail[512];
    uint8_t key[STRATO_KEY_BYTES];
    int rc = 0;

    if (is_set(c->key) != is_set(c->server_key))
        return cli_fail(cli, CLI_USAGE, "%s",
                        is_set(c->key) ? "--key needs --server-key, the broker's public key"
                                       : "--server-key needs --key, the file of your own pair");
    if (is_set(c->key))
        rc = strato_keypair_read(c->key, true, &pair, detail, sizeof detail);
    if (rc == 0 && is_set(c->key) && !strato_key_parse(strato_text(c->server_key), key)) {
        strato_keypair_wipe(&pair);
        rc = strato_keypair_read(c->server_key, false, &pair, detail, sizeof detail);
    }
    if (is_set(c->key))
        strato_keypair_wipe(&pair);
    return rc < 0 ? cli_fail(cli, CLI_USAGE, "%s", detail) : CLI_OK;
}

int link_options(const struct cli *cli, struct strato_client_options *options)
{
    int code = check_keys(cli);

    options->endpoint = cli->common->server;
    options->connect_timeout_ms = cli->common->timeout_ms;
    if (is_set(cli->common->key)) {
        options->key_file = cli->common->key;
        options->server_key = cli->common->server_key;
    }
    return code;
}

static int open_named(const struct cli *cli, const char *agent, bool own_thread, struct link_refusals *refusals,
                      strato_client **ret_client)
{
    struct strato_client_options options = STRATO_CLIENT_OPTIONS_DEFAULTS;
    int rc = link_options(cli, &options);

    if (rc != CLI_OK)
        return rc;
    options.agent = agent;
    options.kind = agent ? "agent" : "tool";
    options.own_thread = own_thread;
    options.on_event = on_event;
    options.on_event_arg = refusals;
    rc = strato_client_open(&options, ret_client);
    if (rc == STRATO_EUNREACHABLE || rc == STRATO_ETIMEOUT)
        return cli_fail(
            cli, CLI_UNREACHABLE,
            "no broker answers at %s (start one: stratod; or name another: --server URL; strato doctor says more)",
            options.endpoint);
    if (rc == STRATO_EAUTH)
        return cli_fail(cli, CLI_FORBIDDEN, "%s does not let this key in, or asks for one (strato doctor says which)",
                        options.endpoint);
    if (rc < 0)
        return cli_fail(cli, cli_exit_of(rc), "cannot connect to %s: %s", options.endpoint, strato_strerror(rc));
    return CLI_OK;
}

int link_open(const struct cli *cli, bool own_thread, struct link_refusals *refusals, strato_client **ret_client)
{
    return open_named(cli, NULL, own_thread, refusals, ret_client);
}

int link_open_as(const struct cli *cli, const char *agent, strato_client **ret_client)
{
    return open_named(cli, agent, false, NULL, ret_client);
}

int link_fail(const struct cli *cli, strato_client *client, int err, const char *what)
{
    const char *detail = client ? strato_client_detail(client) : "";

    if (err == STRATO_EINTERRUPTED)
        return CLI_INTERRUPTED;
    if (!detail || !*detail)
        return cli_fail(cli, cli_exit_of(err), "%s: %s (%s)", what, strato_strerror(err), strato_err_name(err));
    return cli_fail(cli, cli_exit_of(err), "%s: %s (%s)", what, detail, strato_err_name(err));
}

static uint64_t deadline_of(int timeout_ms)
{
    return timeout_ms < 0 ? UINT64_MAX : link_now_ms() + (uint64_t)timeout_ms;
}

int link_send(strato_client *client, const struct strato_send *message, int timeout_ms)
{
    uint64_t deadline_ms = deadline_of(timeout_ms);
    int rc;

    do {
        if (cli_is_interrupted())
            return STRATO_EINTERRUPTED;
        rc = strato_send(client, message, link_slice_ms(deadline_ms));
    } while ((rc == STRATO_ETIMEOUT || rc == STRATO_EFULL) && link_now_ms() < deadline_ms);
    return rc;
}

int link_flush(strato_client *client, int timeout_ms)
{
    uint64_t deadline_ms = deadline_of(timeout_ms);
    int rc;

    do {
        if (cli_is_interrupted())
            return STRATO_EINTERRUPTED;
        rc = strato_flush(client, link_slice_ms(deadline_ms));
    } while (rc == STRATO_ETIMEOUT && link_now_ms() < deadline_ms);
    return rc;
}

int link_request(strato_client *client, const struct strato_send *message, const struct strato_request_options *options,
                 strato_message **ret_reply, uint64_t *ret_ns)
{
    /* The broker's own deadline decides; ours, later, only guards against a broker that is gone. */
    uint64_t deadline_ms = link_now_ms() + (uint64_t)options->timeout_ms + options->wait_responder_ms + 1000;
    uint64_t start_ns = link_now_ns(), id;
    struct strato_result result;
    int rc = strato_request_start(client, message, options, &id);

    if (rc < 0)
        return rc;
    do {
        if (cli_is_interrupted()) {
            strato_request_cancel(client, id);
            return STRATO_EINTERRUPTED;
        }
        rc = strato_request_next(client, link_slice_ms(deadline_ms), &result);
    } while (rc == STRATO_EEMPTY && link_now_ms() < deadline_ms);
    if (rc == STRATO_EEMPTY)
        return STRATO_ETIMEOUT;
    if (rc < 0)
        return rc;
    if (ret_ns)
        *ret_ns = link_now_ns() - start_ns;
    if (result.err < 0)
        return result.err;
    *ret_reply = result.reply;
    return 0;
}
