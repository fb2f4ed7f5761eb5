/*
 * cmd_doctor.c - strato doctor: which of the things that look alike is it?
 *
 * Step by step from the key files to the devices; the first that fails says what it is and what helps, and what comes
 * after it is not looked at.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cli/channel.h"
#include "cli/emit.h"
#include "cli/net/probe.h"
#include "cli/verbs.h"
#include "core/keypair.h"
#include "core/port_owner.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

enum { CHECKS_MAX = 7, SKEW_MS = 2000 };

enum check_result { CHECK_OK, CHECK_FAILED, CHECK_SKIPPED };

struct doctor {
    const struct cli *cli;
    strato_client *client;
    struct strato_keypair own;
    uint8_t server_key[STRATO_KEY_BYTES];
    bool has_keys, is_over;
    int code;
    struct {
        const char *name;
        enum check_result result;
        char words[400];
    } checks[CHECKS_MAX];
    int done;
};

static void note(struct doctor *d, const char *name, enum check_result result, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static void note(struct doctor *d, const char *name, enum check_result result, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(d->checks[d->done].words, sizeof d->checks[0].words, format, arguments);
    va_end(arguments);
    d->checks[d->done].name = name;
    d->checks[d->done++].result = result;
}

/* It ends here, with this code. */
#define FAIL(d, exit_code, name, ...)                                                                                  \
    do {                                                                                                               \
        note(d, name, CHECK_FAILED, __VA_ARGS__);                                                                      \
        (d)->code = (exit_code);                                                                                       \
        (d)->is_over = true;                                                                                           \
    } while (0)

static bool is_set(const char *text)
{
    return text && *text;
}

/* ---- the steps ------------------------------------------------------------------------------------- */

static void check_keys(struct doctor *d)
{
    const struct cli_common *c = d->cli->common;
    struct strato_keypair server;
    char detail[360];

    if (!is_set(c->key) && !is_set(c->server_key)) {
        note(d, "keys", CHECK_OK, "none given");
        return;
    }
    if (!is_set(c->key) || !is_set(c->server_key)) {
        FAIL(d, CLI_USAGE, "keys", "only one of --key and --server-key is given; both are needed");
        return;
    }
    if (strato_keypair_read(c->key, true, &d->own, detail, sizeof detail) < 0) {
        FAIL(d, CLI_USAGE, "keys", "%s", detail);
        return;
    }
    if (!strato_key_parse(strato_text(c->server_key), d->server_key)) {
        if (strato_keypair_read(c->server_key, false, &server, detail, sizeof detail) < 0) {
            FAIL(d, CLI_USAGE, "keys", "server key: %s", detail);
            return;
        }
        memcpy(d->server_key, server.public_key, sizeof d->server_key);
        strato_keypair_wipe(&server);
    }
    d->has_keys = true;
    note(d, "keys", CHECK_OK, "own pair %s, readable by its owner alone", *d->own.name ? d->own.name : c->key);
}

static bool is_here(const char *endpoint)
{
    return strncmp(endpoint, "tcp://127.", 10) == 0 || strncmp(endpoint, "tcp://localhost:", 16) == 0 ||
           strncmp(endpoint, "tcp://[::1]:", 12) == 0;
}

static void name_owner(const char *endpoint, char *text, size_t bytes)
{
    const char *colon = strrchr(endpoint, ':');
    char owner[128] = "";

    text[0] = '\0';
    if (is_here(endpoint) && colon &&
        strato_port_owner((unsigned)strtoul(colon + 1, NULL, 10), owner, sizeof owner) == 0)
        snprintf(text, bytes, " (%s)", owner);
}

static void check_network(struct doctor *d)
{
    const char *endpoint = d->cli->common->server;
    char detail[160], owner[160];

    if (strncmp(endpoint, "tcp:", 4) != 0) {
        note(d, "network", CHECK_OK, "no network: %s", endpoint);
        return;
    }
    name_owner(endpoint, owner, sizeof owner);
    switch (probe_greet(endpoint, d->cli->common->timeout_ms, detail, sizeof detail)) {
    case PROBE_NO_ADDRESS:
        FAIL(d, CLI_UNREACHABLE, "network", "%s; see --server", detail);
        return;
    case PROBE_UNREACHABLE:
        FAIL(d, CLI_UNREACHABLE, "network",
             "unreachable: %s; start a broker there (stratod), open the firewall, or name another with --server",
             detail);
        return;
    case PROBE_MUTE:
        FAIL(d, CLI_UNREACHABLE, "network",
             "something accepts connections%s and says nothing: a broker that is stopped or out of descriptors, or "
             "another "
             "service",
             owner);
        return;
    case PROBE_FOREIGN:
        FAIL(d, CLI_UNREACHABLE, "network",
             "the port is in use by something that is no broker%s: give stratod another --port, or this another "
             "--server",
             owner);
        return;
    case PROBE_OTHER_MECHANISM:
        FAIL(d, CLI_UNREACHABLE, "network", "ZeroMQ, but no stratod: %s", detail);
        return;
    case PROBE_NULL:
        if (d->has_keys)
            FAIL(d, CLI_FORBIDDEN, "network",
                 "this broker asks for no keys, and keys are given: leave --key and --server-key out, or give the "
                 "broker "
                 "keys (stratod --keys)");
        else
            note(d, "network", CHECK_OK, "a broker that asks for no keys%s", owner);
        return;
    case PROBE_CURVE:
        if (d->has_keys)
            note(d, "network", CHECK_OK, "a broker that asks for keys%s", owner);
        else
            FAIL(d, CLI_FORBIDDEN, "network",
                 "this broker asks for a key, and none is given: --key FILE --server-key KEY (strato key new makes a "
                 "pair)");
        return;
    }
}

static void check_handshake(struct doctor *d)
{
    const struct cli_common *c = d->cli->common;
    char own[STRATO_KEY_CHARS + 1];

    if (!d->has_keys || strncmp(c->server, "tcp:", 4) != 0) {
        note(d, "handshake", CHECK_OK, "without keys");
        return;
    }
    strato_key_print(d->own.public_key, own);
    switch (probe_shake(c->server, c->timeout_ms, d->server_key, d->own.public_key, d->own.secret_key)) {
    case PROBE_WELCOME:
        note(d, "handshake", CHECK_OK, "the broker is the one of this server key, and lets the key in");
        return;
    case PROBE_REFUSED:
        FAIL(d, CLI_FORBIDDEN, "handshake",
             "key not allowed: the broker has the right server key and does not let %s in; there: strato key allow "
             "NAME '%s'",
             own, own);
        return;
    case PROBE_WRONG_SERVER_KEY:
        FAIL(d, CLI_FORBIDDEN, "handshake",
             "wrong server key: the broker there has another one; its log says which (server_key=), or: strato key "
             "show FILE");
        return;
    case PROBE_SILENT:
        FAIL(d, CLI_TIMEOUT, "handshake", "no end of the handshake within the time: an overloaded or stopped broker");
        return;
    case PROBE_BROKEN:
        FAIL(d, CLI_FAILED, "handshake", "this libzmq cannot do CURVE, or has no resources");
        return;
    }
}

static void check_session(struct doctor *d)
{
    struct strato_client_options options = STRATO_CLIENT_OPTIONS_DEFAULTS;
    uint64_t took_ns = 0;
    int rc = link_options(d->cli, &options);

    if (rc != CLI_OK) {
        FAIL(d, rc, "session", "the key files are not good");
        return;
    }
    options.kind = "tool";
    rc = strato_client_open(&options, &d->client);
    if (rc == 0)
        rc = strato_client_ping(d->client, (int)d->cli->common->timeout_ms, &took_ns);
    if (rc == 0)
        note(d, "session", CHECK_OK, "hello is answered, round trip %.2f ms", (double)took_ns / 1e6);
    else if (rc == STRATO_EVERSION)
        FAIL(d, CLI_FAILED, "session",
             "version mismatch: the broker speaks another version of the protocol; update the older");
    else if (rc == STRATO_EUNREACHABLE || rc == STRATO_ETIMEOUT)
        FAIL(d, CLI_UNREACHABLE, "session",
             "ZeroMQ answers, and no broker behind it: is that port a stratod's native edge?");
    else
        FAIL(d, cli_exit_of(rc), "session", "hello is refused: %s (%s)", strato_strerror(rc), strato_err_name(rc));
}

/* A broker tells when it started; that this lies ahead is all that can be known without asking for more. */
static void check_clock(struct doctor *d)
{
    uint64_t epoch = strato_client_epoch(d->client), now;
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    now = (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
    if (epoch > now + SKEW_MS) {
        note(d, "clock", CHECK_FAILED,
             "the broker says that it started %.1f s from now: one of the two clocks is wrong (times in messages are "
             "the "
             "broker's; deadlines do not suffer)",
             (double)(epoch - now) / 1000);
        d->code = CLI_FAILED;
        return;
    }
    note(d, "clock", CHECK_OK, "the broker started %.0f s ago, by both clocks", (double)(now - epoch) / 1000);
}

static void check_devices(struct doctor *d)
{
    json_t *answer = NULL;
    const json_t *gpu;
    uint64_t consumers;
    int rc = admin_ask(d->cli, d->client, "admin.stats", NULL, STRATO_BYTES_NONE, &answer);

    if (rc == STRATO_EFORBIDDEN) {
        note(d, "devices", CHECK_SKIPPED, "not looked at: the key lacks the verb observe");
        return;
    }
    gpu = rc == 0 ? admin_channel(answer, "gpu") : NULL;
    consumers = gpu ? admin_u64(gpu, "consumers") : 0;
    if (rc < 0 || !gpu)
        note(d, "devices", CHECK_SKIPPED, "not looked at: %s", rc < 0 ? strato_strerror(rc) : "no channel gpu");
    else if (consumers == 0)
        note(d, "devices", CHECK_SKIPPED,
             "no device: nobody takes from gpu; start a worker: strato-worker (strato-worker --list shows devices)");
    else
        note(d, "devices", CHECK_OK, "%" PRIu64 " consumers of gpu", consumers);
    if (answer)
        json_decref(answer);
}

static void (*const steps[])(struct doctor *d) = { check_keys,    check_network, check_handshake,
                                                   check_session, check_clock,   check_devices };

/* ---- telling --------------------------------------------------------------------------------------- */

static void print_checks(const struct doctor *d)
{
    static const char *const results[] = { "ok", "FAILED", "-" };
    static const char *const json_results[] = { "ok", "failed", "skipped" };
    struct emit j = { .to = stdout };

    if (!cli_wants_json(d->cli)) {
        for (int i = 0; i < d->done; i++)
            printf("%s\t%s\t%s\n", d->checks[i].name, results[d->checks[i].result], d->checks[i].words);
        return;
    }
    emit_object(&j, NULL);
    emit_text(&j, "server", d->cli->common->server);
    emit_bool(&j, "ok", d->code == CLI_OK);
    emit_array(&j, "checks");
    for (int i = 0; i < d->done; i++) {
        emit_object(&j, NULL);
        emit_text(&j, "name", d->checks[i].name);
        emit_text(&j, "result", json_results[d->checks[i].result]);
        emit_text(&j, "detail", d->checks[i].words);
        emit_object_end(&j);
    }
    emit_array_end(&j);
    emit_object_end(&j);
    emit_end(&j);
}

static int run(struct cli *cli, const void *config)
{
    struct doctor d = { .cli = cli };

    (void)config;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0] && !d.is_over && !cli_is_interrupted(); i++)
        steps[i](&d);
    print_checks(&d);
    if (d.client)
        strato_client_close(&d.client);
    strato_keypair_wipe(&d.own);
    return cli_is_interrupted() ? CLI_INTERRUPTED : d.code;
}

static const struct strato_program_example examples[] = {
    { "strato doctor", "from the key files to the devices, what works and what does not" },
    { "strato doctor --server tcp://broker:7700 --key me.key --server-key broker.pub --json", "the same, as JSON" },
};

const struct cli_verb cmd_doctor = {
    .program = { .name = "strato doctor",
                 .summary = "find out why a broker cannot be used",
                 .doc = "Tells apart: unreachable, port in use by something else, keys asked for or not, wrong server "
                        "key, key not "
                        "allowed, version mismatch, clock, no device.",
                 CLI_PROGRAM_PLAIN,
                 STRATO_PROGRAM_EXAMPLES(examples) },
    .config_bytes = sizeof(struct cli_common),
    .run = run,
};
