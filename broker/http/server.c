/*
 * server.c - the HTTP door of stratod.
 *
 * Every callback runs on libmicrohttpd's one thread, so the slots need no lock.
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/http/server.h"

#include "broker/http/json.h"
#include "broker/http/metrics.h"
#include "broker/http/token.h"

#include <errno.h>
#include <inttypes.h>
#include <microhttpd.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct slot {
    int fd;
    bool is_open, is_busy, is_ended;
    uint64_t since_ms; /* connected, or answered last */
};

struct http_server {
    struct MHD_Daemon *daemon;
    struct snapshots *snapshots;
    struct http_counts counts;
    char endpoint[128];
    char token[HTTP_TOKEN_CHARS_MAX + 1]; /* "" = none is asked for */
    _Atomic bool is_draining;
    struct slot slots[HTTP_CONNECTIONS_MAX];
};

/** What is being answered. */
struct request {
    struct http_server *server;
    struct MHD_Connection *connection;
    struct snapshot *snapshot;
    const char *url;
    struct strato_writer body;
    const char *type;
};

/* ---- connections ---------------------------------------------------------------------------------- */

/* Not closed: the descriptor is libmicrohttpd's, which sees the end and closes it. */
static void end_connection(struct slot *slot, _Atomic uint64_t *count)
{
    slot->is_ended = true;
    atomic_fetch_add(count, 1);
    shutdown(slot->fd, SHUT_RDWR);
}

/* Who has been here too long without a whole request ends when somebody else comes; alone, it hurts nobody. */
static void end_slow(struct http_server *server, uint64_t now_ms)
{
    for (int i = 0; i < HTTP_CONNECTIONS_MAX; i++) {
        struct slot *s = &server->slots[i];

        if (s->is_open && !s->is_ended && now_ms - s->since_ms > (s->is_busy ? 3U : 1U) * HTTP_REQUEST_MS)
            end_connection(s, &server->counts.ended_slow);
    }
}

static void make_room(struct http_server *server, const struct slot *newcomer)
{
    struct slot *oldest = NULL;

    if (atomic_load(&server->counts.open) <= HTTP_CONNECTIONS_ROOMY)
        return;
    for (int i = 0; i < HTTP_CONNECTIONS_MAX; i++) {
        struct slot *s = &server->slots[i];

        if (s != newcomer && s->is_open && !s->is_ended && !s->is_busy && (!oldest || s->since_ms < oldest->since_ms))
            oldest = s;
    }
    if (oldest)
        end_connection(oldest, &server->counts.ended_for_room);
}

static void on_connection(void *arg, struct MHD_Connection *connection, void **socket_context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct http_server *server = arg;
    const union MHD_ConnectionInfo *info;
    struct slot *slot = *socket_context;

    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        if (slot)
            *slot = (struct slot){ 0 };
        atomic_fetch_sub(&server->counts.open, 1);
        return;
    }
    atomic_fetch_add(&server->counts.open, 1);
    atomic_fetch_add(&server->counts.accepted, 1);
    info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    for (int i = 0; i < HTTP_CONNECTIONS_MAX && !slot; i++)
        if (!server->slots[i].is_open)
            slot = &server->slots[i];
    *socket_context = slot;
    end_slow(server, snapshot_clock_ms());
    if (!slot || !info)
        return; /* as many slots as connections, so there is one */
    *slot = (struct slot){ .fd = info->connect_fd, .is_open = true, .since_ms = snapshot_clock_ms() };
    make_room(server, slot);
}

static struct slot *slot_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

    return info ? info->socket_context : NULL;
}

static void on_completed(void *arg, struct MHD_Connection *connection, void **context,
                         enum MHD_RequestTerminationCode code)
{
    struct slot *slot = slot_of(connection);

    (void)arg;
    (void)code;
    *context = NULL;
    if (slot) {
        slot->is_busy = false;
        slot->since_ms = snapshot_clock_ms();
    }
}

/* ---- answers -------------------------------------------------------------------------------------- */

static enum MHD_Result answer(struct request *r, unsigned code)
{
    size_t bytes = 0;
    uint8_t *body = strato_writer_error(&r->body) < 0 ? NULL : strato_writer_take(&r->body, &bytes);
    struct MHD_Response *response;
    enum MHD_Result result;

    strato_writer_fini(&r->body);
    if (!body && code == 200)
        code = 500;
    response = MHD_create_response_from_buffer(bytes, body, MHD_RESPMEM_MUST_FREE);
    if (!response) {
        free(body);
        return MHD_NO;
    }
    MHD_add_response_header(response, "Content-Type", r->type);
    MHD_add_response_header(response, "Cache-Control", "no-store");
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    if (code == 401)
        MHD_add_response_header(response, "WWW-Authenticate", "Bearer realm=\"stratod\"");
    if (code == 405)
        MHD_add_response_header(response, "Allow", "GET, HEAD");
    result = MHD_queue_response(r->connection, code, response);
    MHD_destroy_response(response);
    http_counts_response(&r->server->counts, code);
    return result;
}

/* Errors are JSON: {"error": name, "detail": cause and fix}. */
static enum MHD_Result refuse(struct request *r, unsigned code, const char *error, const char *detail)
{
    strato_writer_reset(&r->body);
    r->type = "application/json";
    http_text_add(&r->body, "{\"error\":\"%s\",\"detail\":\"%s\"}\n", error, detail);
    return answer(r, code);
}

static enum MHD_Result health(struct request *r, bool is_good, const char *why)
{
    r->type = "text/plain; charset=utf-8";
    http_text_add(&r->body, "%s\n", is_good ? "ok" : why);
    return answer(r, is_good ? 200 : 503);
}

static enum MHD_Result get_live(struct request *r)
{
    return health(r, snapshots_core_is_alive(r->server->snapshots), "the core thread does not answer");
}

static enum MHD_Result get_ready(struct request *r)
{
    if (atomic_load(&r->server->is_draining))
        return health(r, false, "draining");
    return get_live(r);
}

static enum MHD_Result get_metrics(struct request *r)
{
    r->type = "text/plain; version=0.0.4; charset=utf-8";
    if (metrics_write(r->snapshot, &r->server->counts, atomic_load(&r->server->is_draining), &r->body) < 0)
        return refuse(r, 500, "E_INTERNAL", "the figures could not be written");
    return answer(r, 200);
}

/* ---- the API -------------------------------------------------------------------------------------- */

static const struct list {
    const char *path, *key;
    enum brain_report report;
    const char *only_kind; /* rows whose `kind` is this */
} lists[] = {
    { "/api/v1/channels", "channels", BRAIN_REPORT_STATS, NULL },
    { "/api/v1/sessions", "sessions", BRAIN_REPORT_SESSIONS, NULL },
    { "/api/v1/workers", "sessions", BRAIN_REPORT_SESSIONS, "worker" },
    { "/api/v1/routes", "routes", BRAIN_REPORT_ROUTES, NULL },
};

/* A number of the query; false if it is none within bounds. */
static bool query_number(struct request *r, const char *key, uint64_t max, uint64_t *value)
{
    const char *text = MHD_lookup_connection_value(r->connection, MHD_GET_ARGUMENT_KIND, key);
    uint64_t n = 0;

    if (!text)
        return true;
    if (!*text || strspn(text, "0123456789") != strlen(text) || strlen(text) > 10)
        return false;
    n = strtoull(text, NULL, 10);
    if (n > max)
        return false;
    *value = n;
    return true;
}

static bool row_has(struct strato_cursor row, const char *key, const char *value)
{
    struct strato_bytes text;

    return report_find(&row, key) && strato_cursor_str(&row, SIZE_MAX, &text) == 0 &&
           strato_bytes_equal(text, strato_text(value));
}

static int write_page(struct request *r, const struct list *list, uint64_t offset, uint64_t limit)
{
    struct strato_cursor c = strato_cursor_over(strato_writer_view(&r->snapshot->reports[list->report]));
    uint64_t total = 0, written = 0;
    uint32_t rows = 0;
    int rc = report_find(&c, list->key) ? strato_cursor_array(&c, UINT32_MAX, &rows) : STRATO_ECODEC;

    http_text_add(&r->body, "{\"%s\":[", strrchr(list->path, '/') + 1);
    for (uint32_t i = 0; i < rows && rc == 0; i++) {
        bool is_shown = !list->only_kind || row_has(c, "kind", list->only_kind);

        if (is_shown && total >= offset && written < limit) {
            http_text_add(&r->body, written++ ? ",\n" : "\n");
            rc = http_json_add_value(&r->body, &c);
        } else {
            rc = strato_cursor_skip(&c);
        }
        total += is_shown;
    }
    http_text_add(&r->body,
                  "],\"total\":%" PRIu64 ",\"offset\":%" PRIu64 ",\"limit\":%" PRIu64 ",\"age_ms\":%" PRIu64 "}\n",
                  total, offset, limit, snapshot_clock_ms() - r->snapshot->taken_ms);
    return rc;
}

static enum MHD_Result get_list(struct request *r, const struct list *list)
{
    uint64_t offset = 0, limit = HTTP_PAGE_DEFAULT;

    if (!query_number(r, "offset", UINT32_MAX, &offset) || !query_number(r, "limit", HTTP_PAGE_MAX, &limit))
        return refuse(r, 400, "E_SCHEMA", "offset is a number from 0, limit one from 0 to 1000");
    if (write_page(r, list, offset, limit) < 0)
        return refuse(r, 500, "E_INTERNAL", "the report could not be written");
    r->type = "application/json";
    return answer(r, 200);
}

/* /api/v1/channels/NAME, and /api/v1/channels/NAME/depth for autoscalers: what waits or is under way, as one number. */
static enum MHD_Result get_channel(struct request *r, const char *name)
{
    struct strato_cursor c = strato_cursor_over(strato_writer_view(&r->snapshot->reports[BRAIN_REPORT_STATS]));
    const char *slash = strrchr(name, '/');
    bool is_depth = slash && strcmp(slash, "/depth") == 0;
    struct strato_bytes wanted = strato_bytes(name, is_depth ? (size_t)(slash - name) : strlen(name)), found;
    uint32_t rows = 0;

    if (!report_find(&c, "channels") || strato_cursor_array(&c, UINT32_MAX, &rows) < 0)
        rows = 0;
    for (uint32_t i = 0; i < rows; i++, strato_cursor_skip(&c)) {
        static const char *const held[] = { "ready", "leased", "delayed" };
        struct strato_cursor row = c;
        uint64_t depth = 0;

        if (!report_find(&row, "name") || strato_cursor_str(&row, SIZE_MAX, &found) < 0 ||
            !strato_bytes_equal(found, wanted))
            continue;
        r->type = "application/json";
        for (int k = 0; k < 3; k++) {
            uint64_t value;

            row = c;
            if (report_find(&row, held[k]) && strato_cursor_u64(&row, UINT64_MAX, &value) == 0)
                depth += value;
        }
        if (is_depth)
            http_text_add(&r->body, "{\"depth\":%" PRIu64 "}", depth);
        else if (http_json_add_value(&r->body, &c) < 0)
            return refuse(r, 500, "E_INTERNAL", "the report could not be written");
        http_text_add(&r->body, "\n");
        return answer(r, 200);
    }
    return refuse(r, 404, "E_NO_CHANNEL", "there is no channel of that name; /api/v1/channels lists them");
}

static enum MHD_Result get_index(struct request *r)
{
    r->type = "text/plain; charset=utf-8";
    http_text_add(&r->body, "stratod %s\n/metrics\n/healthz/live\n/healthz/ready\n", STRATO_VERSION);
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
        http_text_add(&r->body, "%s\n", lists[i].path);
    return answer(r, 200);
}

/* ---- requests ------------------------------------------------------------------------------------- */

static enum MHD_Result get_figures(struct request *r)
{
    static const char channel[] = "/api/v1/channels/";

    if (strcmp(r->url, "/metrics") == 0)
        return get_metrics(r);
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
        if (strcmp(r->url, lists[i].path) == 0)
            return get_list(r, &lists[i]);
    if (strncmp(r->url, channel, sizeof channel - 1) == 0 && r->url[sizeof channel - 1])
        return get_channel(r, r->url + sizeof channel - 1);
    return refuse(r, 404, "E_NO_CHANNEL", "nothing is served here; / lists what is");
}

/* Without a token a page in somebody's browser must not read us by a name that it made point to this machine. */
static bool host_is_ours(struct request *r)
{
    const char *text = MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, "Host");
    char host[128];
    char *end;

    if (!text)
        return true; /* HTTP/1.0: no browser */
    if (snprintf(host, sizeof host, "%s", text) >= (int)sizeof host)
        return false;
    end = host[0] == '[' ? strchr(host, ']') : strchr(host, ':');
    if (end)
        *end = '\0';
    return broker_host_is_loopback(host[0] == '[' ? host + 1 : host);
}

static enum MHD_Result get(struct request *r)
{
    enum MHD_Result result;

    if (strcmp(r->url, "/healthz/live") == 0)
        return get_live(r);
    if (strcmp(r->url, "/healthz/ready") == 0)
        return get_ready(r);
    if (!r->server->token[0] && !host_is_ours(r))
        return refuse(r, 403, "E_PERM", "asked for by a name that is not this machine's: set http_token");
    if (r->server->token[0] && !http_token_fits(r->server->token, MHD_lookup_connection_value(
                                                                      r->connection, MHD_HEADER_KIND, "Authorization")))
        return refuse(r, 401, "E_AUTH", "send the header Authorization: Bearer TOKEN (the content of http_token)");
    if (strcmp(r->url, "/") == 0)
        return get_index(r);
    r->snapshot = snapshots_get(r->server->snapshots);
    if (!r->snapshot)
        return refuse(r, 503, "E_TIMEOUT", "the core thread has not answered yet");
    result = get_figures(r);
    snapshots_put(r->server->snapshots, &r->snapshot);
    return result;
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *url, const char *method,
                                  const char *version, const char *upload, size_t *upload_bytes, void **context)
{
    static char seen;
    struct request r = { .server = arg, .connection = connection, .url = url };
    struct slot *slot = slot_of(connection);

    (void)version;
    (void)upload;
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
        return refuse(&r, 405, "E_PROTO", "this door is read-only: GET and HEAD");
    if (!*context) { /* headers only: answering now would end the connection */
        *context = &seen;
        return MHD_YES;
    }
    if (*upload_bytes > 0) { /* a body means nothing to a GET */
        *upload_bytes = 0;
        return MHD_YES;
    }
    if (slot)
        slot->is_busy = true;
    end_slow(r.server, snapshot_clock_ms());
    return get(&r);
}

/* ---- life ----------------------------------------------------------------------------------------- */

static int bind_address(const char *host, uint16_t port, char *endpoint, size_t endpoint_bytes, char *detail,
                        size_t detail_bytes)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV | AI_PASSIVE }, *found = NULL;
    struct sockaddr_storage bound;
    socklen_t bound_bytes = sizeof bound;
    char service[8], address[64];
    int fd = -1, one = 1, rc;

    snprintf(service, sizeof service, "%u", port);
    rc = getaddrinfo(host, service, &hints, &found);
    if (rc != 0) {
        snprintf(detail, detail_bytes, "http: %.100s is no address: %s", host, gai_strerror(rc));
        return STRATO_ECONFIG;
    }
    fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) < 0 ||
        bind(fd, found->ai_addr, found->ai_addrlen) < 0 || listen(fd, 128) < 0 ||
        getsockname(fd, (struct sockaddr *)&bound, &bound_bytes) < 0) {
        rc = errno == EADDRINUSE ? STRATO_EADDRINUSE : STRATO_EIO;
        snprintf(detail, detail_bytes,
                 "http: %.100s port %u: %s; choose another with http_port, or none with http \"\"", host, port,
                 strerror(errno));
        if (fd >= 0)
            close(fd);
        freeaddrinfo(found);
        return rc;
    }
    getnameinfo((struct sockaddr *)&bound, bound_bytes, address, sizeof address, service, sizeof service,
                NI_NUMERICHOST | NI_NUMERICSERV);
    snprintf(endpoint, endpoint_bytes, found->ai_family == AF_INET6 ? "http://[%s]:%s" : "http://%s:%s", address,
             service);
    freeaddrinfo(found);
    return fd;
}

static int start_daemon(struct http_server *server, int fd)
{
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    server->daemon =
        MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL, on_request, server, MHD_OPTION_LISTEN_SOCKET, fd,
                         MHD_OPTION_CONNECTION_LIMIT, (unsigned)HTTP_CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
                         (unsigned)(HTTP_REQUEST_MS / 1000), MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                         (size_t)HTTP_CONNECTION_BYTES, MHD_OPTION_NOTIFY_CONNECTION, on_connection, server,
                         MHD_OPTION_NOTIFY_COMPLETED, on_completed, server, MHD_OPTION_END);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return server->daemon ? 0 : STRATO_ENOMEM;
}

int http_open(strato_broker *broker, const struct broker_config *config, struct http_server **ret_server, char *detail,
              size_t detail_bytes)
{
    struct http_server *server = calloc(1, sizeof *server);
    uint16_t port = config->http_port;
    int fd = -1, rc = 0;

    if (!server)
        return STRATO_ENOMEM;
    if (port == 0 && config->port > 0)
        port = (uint16_t)(config->port + BROKER_PORT_SPAN);
    if (config->http_token && *config->http_token)
        rc = http_token_read(config->http_token, server->token, detail, detail_bytes);
    if (rc == 0)
        fd = rc = bind_address(config->http, port, server->endpoint, sizeof server->endpoint, detail, detail_bytes);
    rc = rc < 0 ? rc : snapshots_open(broker, &server->snapshots);
    rc = rc < 0 ? rc : start_daemon(server, fd);
    if (rc < 0) {
        if (fd >= 0)
            close(fd);
        http_close(&server);
        return rc;
    }
    *ret_server = server;
    return 0;
}

void http_close(struct http_server **server)
{
    struct http_server *s = *server;

    *server = NULL;
    if (!s)
        return;
    if (s->daemon)
        MHD_stop_daemon(s->daemon); /* closes the listening socket as well */
    snapshots_close(&s->snapshots);
    free(s);
}

const char *http_endpoint(const struct http_server *server)
{
    return server->endpoint;
}

void http_set_draining(struct http_server *server)
{
    atomic_store(&server->is_draining, true);
}
