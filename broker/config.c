/*
 * config.c - stratod's option table, and whether a configuration makes sense.
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/config.h"

#include "core/nearest.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdlib.h>

static const char *const builtin_channels[] = { "gpu",       "evolution", "cost",      "efficiency",
                                                "scheduler", "governor",  "knowledge", "consensus" };
enum { BUILTIN_CHANNELS = sizeof builtin_channels / sizeof builtin_channels[0] };

int broker_config_init(struct broker_config *config)
{
    int rc;

    memset(config, 0, sizeof *config);
    rc = strato_options_open(&config->options, &broker_program, config, offsetof(struct broker_config, options));
    config->has_inproc = true;
    return rc;
}

void broker_config_fini(struct broker_config *config)
{
    for (size_t i = 0; i < config->channels_count; i++)
        free(config->channels[i].name);
    free(config->channels);
    config->channels = NULL;
    config->channels_count = 0;
    free(config->routes);
    config->routes = NULL;
    config->routes_count = 0;
    if (config->options.program)
        strato_options_fini(&config->options);
}

int broker_config_set(struct broker_config *config, const char *key, const char *text,
                      struct strato_option_error *ret_error)
{
    return strato_options_set(&config->options, key, text, STRATO_ORIGIN_PROGRAM, NULL, ret_error);
}

bool broker_host_is_loopback(const char *host)
{
    struct in_addr v4;
    struct in6_addr v6;

    if (inet_pton(AF_INET, host, &v4) == 1)
        return (ntohl(v4.s_addr) >> 24) == 127;
    if (inet_pton(AF_INET6, host, &v6) == 1)
        return IN6_IS_ADDR_LOOPBACK(&v6);
    return strcmp(host, "localhost") == 0 || strcmp(host, "lo") == 0;
}

int broker_config_edge_number(const struct broker_config *config, const char *channel)
{
    for (int i = 0; i < BUILTIN_CHANNELS; i++)
        if (strcmp(builtin_channels[i], channel) == 0)
            return i;
    for (size_t i = 0; i < config->channels_count; i++)
        if (strcmp(config->channels[i].name, channel) == 0)
            return BUILTIN_CHANNELS + (int)i;
    return -1;
}

static int wrong(struct strato_option_error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int wrong(struct strato_option_error *error, const char *format, ...)
{
    va_list arguments;

    if (error) {
        va_start(arguments, format);
        vsnprintf(error->text, sizeof error->text, format, arguments);
        va_end(arguments);
    }
    return STRATO_ECONFIG;
}

static int check_hosts(const struct broker_config *c, struct strato_option_error *error)
{
    for (size_t i = 0; i < c->hosts.count; i++)
        if (!broker_host_is_loopback(c->hosts.items[i]) && !c->is_insecure && !broker_config_has_keys(c))
            return wrong(error,
                         "host %s is reachable from other machines and this broker has no keys: anyone there could "
                         "send, take and "
                         "read. Give it keys (--keys, --server-key), listen on 127.0.0.1, or say --insecure if the "
                         "network itself is trusted",
                         c->hosts.items[i]);
    if (c->hosts.count == 0 && (!c->run_dir || !*c->run_dir) && !c->has_inproc)
        return wrong(error, "no host and no run_dir: nobody could connect. Set host (127.0.0.1) or run_dir");
    if (c->port > UINT16_MAX - BROKER_PORT_SPAN)
        return wrong(error, "port %u leaves no room for the %d ports above it; use at most %d", c->port,
                     BROKER_PORT_SPAN - 1, UINT16_MAX - BROKER_PORT_SPAN);
    return 0;
}

static int unknown_edge_channel(const struct broker_config *c, const char *name, struct strato_option_error *error)
{
    struct strato_nearest n = strato_nearest_begin(strato_text(name));

    for (int i = 1; i < BUILTIN_CHANNELS; i++)
        strato_nearest_offer(&n, strato_text(builtin_channels[i]));
    for (size_t i = 0; i < c->channels_count; i++)
        strato_nearest_offer(&n, strato_text(c->channels[i].name));
    return wrong(error, "push_pull: no channel \"%.100s\"%s%.*s%s", name, n.best.bytes ? " (did you mean " : "",
                 (int)n.best.bytes, n.best.bytes ? (const char *)n.best.data : "",
                 n.best.bytes ? "?)" : "; channels: declares one");
}

static int check_push_pull(const struct broker_config *c, struct strato_option_error *error)
{
    for (size_t i = 0; i < c->push_pull.count; i++) {
        const char *name = c->push_pull.items[i];
        int k = broker_config_edge_number(c, name);

        if (k < 0)
            return unknown_edge_channel(c, name, error);
        if (k == 0)
            return wrong(
                error,
                "push_pull: gpu has no push/pull edge, because sockets alone would buffer thousands beyond its bound");
        if (k >= BUILTIN_CHANNELS + BROKER_USER_EDGES_MAX)
            return wrong(error, "push_pull: %.100s is user channel %d; only the first %d have ports", name,
                         k - BUILTIN_CHANNELS + 1, BROKER_USER_EDGES_MAX);
        if (k < BUILTIN_CHANNELS ? k != 1 : c->channels[k - BUILTIN_CHANNELS].pattern != BRAIN_WORK)
            return wrong(error, "push_pull: %.100s is no work channel; a PULL cannot answer", name);
        for (size_t other = 0; other < i; other++)
            if (strcmp(c->push_pull.items[other], name) == 0)
                return wrong(error, "push_pull: %.100s stands twice", name);
    }
    return 0;
}

static int check_channels(const struct broker_config *c, struct strato_option_error *error)
{
    for (size_t i = 0; i < c->channels_count; i++) {
        const struct broker_channel *channel = &c->channels[i];

        if (channel->is_durable && !(c->data_dir && *c->data_dir))
            return wrong(error, "channel %.100s: durable needs a data directory: set data (or --data DIR)",
                         channel->name);
        if (channel->bytes_max < c->message_bytes_max)
            return wrong(error,
                         "channel %.100s: max_bytes is below max_message, so the largest message would never fit",
                         channel->name);
        for (size_t other = 0; other < i; other++)
            if (strcmp(c->channels[other].name, channel->name) == 0)
                return wrong(error, "channel %.100s is declared twice", channel->name);
    }
    return 0;
}

static int check_keys(const struct broker_config *c, struct strato_option_error *error)
{
    bool has_own = c->server_key && *c->server_key;

    if (broker_config_has_keys(c) && !has_own)
        return wrong(error, "keys needs server_key, the broker's own key pair: strato key new stratod makes one");
    if (has_own && !broker_config_has_keys(c))
        return wrong(error, "server_key needs keys, the file that says who is let in (strato key allow writes it)");
    return 0;
}

static int check_http(const struct broker_config *c, struct strato_option_error *error)
{
    if (c->http && *c->http && !broker_host_is_loopback(c->http) && !(c->http_token && *c->http_token))
        return wrong(error,
                     "http %s is reachable from other machines and there is no token: anyone there could read names "
                     "and figures. Give it http_token, a file of mode 0600, or listen on 127.0.0.1",
                     c->http);
    return 0;
}

int broker_config_check(const struct broker_config *config, struct strato_option_error *ret_error)
{
    int rc = check_hosts(config, ret_error);

    if (rc == 0)
        rc = check_keys(config, ret_error);
    if (rc == 0)
        rc = check_http(config, ret_error);
    if (rc == 0)
        rc = check_channels(config, ret_error);
    if (rc == 0)
        rc = check_push_pull(config, ret_error);
    if (rc == 0 && config->memory_max > 0 && config->memory_max < config->message_bytes_max)
        rc = wrong(ret_error, "memory is below max_message: no message of that size could be taken");
    return rc;
}

#define AT(field) STRATO_OPTION_AT(struct broker_config, field)

static const struct strato_option rows[] = {
    { .name = "config",
      .letter = 'c',
      AT(file),
      .kind = STRATO_OPTION_STRING,
      .value = "FILE",
      .complete = "file",
      .is = STRATO_OPTION_FLAG_ONLY,
      .doc = "Read this configuration file instead of /etc/stratoswarm/stratod.yaml and its drop-in directory." },
    { .name = "config-dir",
      AT(drop_in),
      .kind = STRATO_OPTION_STRING,
      .value = "DIR",
      .complete = "dir",
      .is = STRATO_OPTION_FLAG_ONLY,
      .doc = "Read every *.yaml of this directory after the file, in name order." },
    { .name = "check-config",
      AT(check_file),
      .kind = STRATO_OPTION_STRING,
      .value = "FILE",
      .complete = "file",
      .is = STRATO_OPTION_FLAG_ONLY,
      .doc = "Judge this file and leave: 0 if a broker could start with it, 2 if not." },
    { .name = "check-store",
      AT(check_store),
      .kind = STRATO_OPTION_STRING,
      .value = "DIR",
      .complete = "dir",
      .is = STRATO_OPTION_FLAG_ONLY,
      .doc = "Check the data directory of a stopped broker and leave: 0 if it is sound, 1 if not. Changes nothing." },
    { .name = "show-config",
      AT(shows_config),
      .kind = STRATO_OPTION_FLAG,
      .is = STRATO_OPTION_FLAG_ONLY,
      .doc = "Print every setting with its origin and leave." },
    { .name = "host",
      AT(hosts),
      .kind = STRATO_OPTION_LIST,
      .value = "ADDRESS",
      .initial = "127.0.0.1",
      .doc =
          "Addresses to listen on, for every edge; empty for none. Others than loopback need --keys, or --insecure." },
    { .name = "port",
      .letter = 'p',
      AT(port),
      .kind = STRATO_OPTION_UINT,
      .value = "PORT",
      .initial = "7700",
      .max = 65445,
      .doc =
          "Base port: native edge here, events out +1, events in +2 and +3, push/pull from +10. 0 takes free ports." },
    { .name = "run-dir",
      AT(run_dir),
      .kind = STRATO_OPTION_STRING,
      .value = "DIR",
      .complete = "dir",
      .doc = "Also listen on Unix sockets in this directory (strato.native.sock and so on, mode 0660)." },
    { .name = "data",
      AT(data_dir),
      .kind = STRATO_OPTION_STRING,
      .value = "DIR",
      .complete = "dir",
      .doc =
          "Keep durable channels in this directory, so that they survive a restart; made if it is missing. Without it "
          "everything lives in memory." },
    { .name = "keys",
      AT(keys),
      .kind = STRATO_OPTION_STRING,
      .value = "FILE",
      .complete = "file",
      .doc = "Keys file: who is let in over TCP, and what each may do. TCP speaks CURVE then, and nothing else. Read "
             "again "
             "on SIGHUP and when its content changes." },
    { .name = "server-key",
      AT(server_key),
      .kind = STRATO_OPTION_STRING,
      .value = "FILE",
      .complete = "file",
      .doc = "The broker's own key pair (strato key new), a file of mode 0600; clients are given its public key." },
    { .name = "insecure",
      AT(is_insecure),
      .kind = STRATO_OPTION_FLAG,
      .doc = "Listen beyond loopback without keys: anyone on that network may use this broker." },
    { .name = "native",
      AT(has_native),
      .kind = STRATO_OPTION_FLAG,
      .initial = "yes",
      .doc = "Serve the native edge (ROUTER)." },
    { .name = "pub-sub",
      AT(has_pub_sub),
      .kind = STRATO_OPTION_FLAG,
      .initial = "yes",
      .doc = "Serve the pub/sub edge: XPUB out, XSUB in." },
    { .name = "events-push",
      AT(has_events_push),
      .kind = STRATO_OPTION_FLAG,
      .initial = "yes",
      .doc = "Take events by PUSH as well." },
    { .name = "push-pull",
      AT(push_pull),
      .kind = STRATO_OPTION_LIST,
      .value = "CHANNEL",
      .initial = "evolution",
      .doc = "Work channels that PUSH and PULL sockets may use." },
    { .name = "http",
      AT(http),
      .kind = STRATO_OPTION_STRING,
      .value = "ADDRESS",
      .initial = "127.0.0.1",
      .doc = "Serve metrics, health and the JSON API by HTTP on this address; empty for none. Others than loopback "
             "need --http-token." },
    { .name = "http-port",
      AT(http_port),
      .kind = STRATO_OPTION_UINT,
      .value = "PORT",
      .initial = "0",
      .max = 65535,
      .doc = "Port of HTTP. 0 is the base port + 90 (7790), or a free port if the base port is 0." },
    { .name = "http-token",
      AT(http_token),
      .kind = STRATO_OPTION_STRING,
      .value = "FILE",
      .complete = "file",
      .doc = "File of mode 0600 with the bearer token, at least 16 characters, that /metrics and /api ask for." },
    { .name = "max-message",
      AT(message_bytes_max),
      .kind = STRATO_OPTION_SIZE,
      .value = "SIZE",
      .initial = "10MiB",
      .min = 65536,
      .max = 64U << 20,
      .doc = "Largest message, envelope and attachments together." },
    { .name = "memory",
      AT(memory_max),
      .kind = STRATO_OPTION_SIZE,
      .value = "SIZE",
      .initial = "0",
      .doc = "Memory for messages; above it no credit is granted. 0 is 60 % of the container's limit, 512MiB without "
             "one." },
    { .name = "connections",
      AT(connections),
      .kind = STRATO_OPTION_UINT,
      .value = "N",
      .initial = "4096",
      .min = 1,
      .max = 65536,
      .doc = "Most connections; the broker refuses to start without that many file descriptors and 256 more." },
    { .name = "mute-connections",
      AT(mute_connections),
      .kind = STRATO_OPTION_UINT,
      .value = "N",
      .initial = "512",
      .min = 1,
      .max = 65536,
      .doc = "Connections of the native edge from which not a byte has come: one more ends the oldest, if it is older "
             "than half a "
             "second. A first frame must come within 30 seconds." },
    { .name = "max-channels",
      AT(channels_max),
      .kind = STRATO_OPTION_UINT,
      .value = "N",
      .initial = "16384",
      .min = 16,
      .max = 1U << 20,
      .doc = "Most channels, mailboxes included." },
    { .name = "heartbeat",
      AT(heartbeat_ms),
      .kind = STRATO_OPTION_DURATION,
      .value = "TIME",
      .initial = "5s",
      .min = 1000,
      .max = 60000,
      .doc = "Heartbeat of sessions that ask for none of their own; three misses make a session suspect." },
    { .name = "drain-timeout",
      AT(drain_timeout_ms),
      .kind = STRATO_OPTION_DURATION,
      .value = "TIME",
      .initial = "8s",
      .max = 3600000,
      .doc = "How long a stopping broker waits for leased messages to be settled." },
    { .name = "spin-us",
      AT(spin_us),
      .kind = STRATO_OPTION_UINT,
      .value = "MICROSECONDS",
      .initial = "0",
      .max = 10000,
      .doc = "Look for more work this long before sleeping. 50 more than halves round-trip times and costs CPU." },
    { .name = "io-threads",
      AT(io_threads),
      .kind = STRATO_OPTION_UINT,
      .value = "N",
      .initial = "0",
      .max = 16,
      .doc = "Threads that read and write sockets. 0: one, and two with keys, since they encrypt. One is best up to "
             "several "
             "busy connections and free cores." },
    { .name = "log-format",
      AT(log_format),
      .kind = STRATO_OPTION_ENUM,
      .value = "FORMAT",
      .initial = "logfmt",
      .choices = "logfmt|json",
      .doc = "How log lines on standard error look." },
    { .name = "log-level",
      AT(log_level),
      .kind = STRATO_OPTION_ENUM,
      .value = "LEVEL",
      .initial = "info",
      .choices = "error|warn|info|debug",
      .is = STRATO_OPTION_RELOADS,
      .doc = "What is worth a line." },
    { .name = "services",
      AT(services),
      .kind = STRATO_OPTION_LIST,
      .value = "NAME",
      .initial = "evolution",
      .doc = "Services that this process hosts; empty for none." },
};

static const struct strato_program_example examples[] = {
    { "stratod", "A broker on this machine, port 7700 and up." },
    { "stratod --port 8800 --run-dir /run/stratoswarm --log-format json",
      "Another port, Unix sockets too, logs for a collector." },
    { "stratod --check-config /etc/stratoswarm/stratod.yaml", "Is this file right?" },
};

static const struct strato_program *const lists[] = { &broker_channel_program, &broker_route_program };

const struct strato_program broker_program = {
    .name = "stratod",
    .summary = "message broker for swarms of agents that work on GPUs",
    .doc = "Serves named, bounded channels to ZeroMQ sockets: a native edge with exact bounds and acknowledgements, "
           "and pub/sub and "
           "push/pull edges for plain sockets.\n\n"
           "SIGTERM and SIGINT drain: nothing new is taken, what is leased may finish. A second one leaves at once. "
           "SIGHUP reads the "
           "configuration again.\n\n"
           "A setting is taken from the flag, else the environment, else the file, else the default. The file is YAML "
           "with the names "
           "below, dashes as underscores, and may declare channels.",
    STRATO_PROGRAM_OPTIONS(rows),
    STRATO_PROGRAM_EXAMPLES(examples),
    STRATO_PROGRAM_LISTS(lists),
    .exits = "0\tStopped; nothing was abandoned.\n1\tCould not start, or failed.\n2\tWrong usage or configuration.\n"
             "3\tStopped, but leased messages were given up or memory channels dropped what they held.",
};
