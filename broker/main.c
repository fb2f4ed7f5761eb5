/*
 * main.c - stratod: read the configuration, start the broker, obey signals.
 *
 * The only file of the broker that knows services/, and the only one that reads arguments, the
 * environment or files. Signals are blocked before the first thread starts and read from a signalfd.
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/auth/keys.h"
#include "broker/broker.h"
#include "broker/log.h"
#include "broker/notify.h"
#include "broker/store/sqlite.h"

#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#ifdef STRATO_HAS_HTTP
#include "broker/http/server.h"
#endif
#ifdef STRATO_HAS_SERVICES
#include "services/host.h"
#endif

#define CONFIG_FILE "/etc/stratoswarm/stratod.yaml"
#define CONFIG_DIR  "/etc/stratoswarm/stratod.d"

enum { EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_ABANDONED = 3 };
enum { KEYS_WATCH_MS = 400 };

struct stratod {
    struct broker_config config;
    struct broker_log log;
    strato_broker *broker;
    int argc;
    char **argv;
    int signal_fd;
    uint64_t keys_print;  /* of the content of the keys file that was read last */
    int drained_fd;       /* eventfd: the drain thread is done */
    uint32_t watchdog_ms; /* how often the supervisor is told that the core answers; 0: it does not ask */
    pthread_t drain_thread;
    struct strato_broker_drain drained;
#ifdef STRATO_HAS_HTTP
    struct http_server *http;
#endif
#ifdef STRATO_HAS_SERVICES
    strato_services *services;
#endif
};

static void say(struct stratod *d, enum strato_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void say(struct stratod *d, enum strato_log_level level, const char *format, ...)
{
    char text[1024];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    broker_log_write(&d->log, level, "stratod", text);
}

/* ---- configuration -------------------------------------------------------------------------------- */

static int read_files(struct broker_config *config, struct strato_option_error *error)
{
    int rc;

    if (config->file)
        rc = broker_config_read(config, config->file, error);
    else
        rc = broker_config_read(config, CONFIG_FILE, error);
    if (rc == STRATO_ENOENT && !config->file)
        rc = 0; /* the default file need not be there */
    if (rc < 0)
        return rc;
    if (config->drop_in)
        return broker_config_read_dir(config, config->drop_in, error);
    return config->file ? 0 : broker_config_read_dir(config, CONFIG_DIR, error);
}

/* 0; 1 if the user only wanted to see something; negative with `error`. */
static int read_config(struct broker_config *config, int argc, char **argv, struct strato_option_error *error)
{
    int rc = broker_config_init(config);

    snprintf(error->text, sizeof error->text, "out of memory");
    rc = rc ? rc : strato_options_arguments(&config->options, argc, argv, error);
    if (rc != 0)
        return rc;
    if (config->check_file) { /* judged by itself: what this shell's environment says is beside the point */
        rc = broker_config_read(config, config->check_file, error);
        return rc ? rc : broker_config_check(config, error);
    }
    rc = strato_options_environment(&config->options, error);
    rc = rc ? rc : read_files(config, error);
    return rc ? rc : broker_config_check(config, error);
}

static void show_channels(const struct broker_config *config)
{
    if (config->channels_count > 0)
        printf("channels:\n");
    for (size_t i = 0; i < config->channels_count; i++)
        printf("  - {name: %s, capacity: %" PRIu32 "}\n", config->channels[i].name, config->channels[i].capacity);
}

/* ---- the supervisor ------------------------------------------------------------------------------- */

static void tell_supervisor(struct stratod *d, const char *state)
{
    if (notify_send(state) < 0)
        say(d, STRATO_LOG_WARN, "the supervisor cannot be told reason=\"NOTIFY_SOCKET does not take it\" state=%.40s",
            state);
}

static void look_at_nothing(void *arg, const struct brain *brain)
{
    (void)arg;
    (void)brain;
}

/* Only a core that answers is alive. One that is stuck holds this thread up as well, and the supervisor hears nothing more. */
static void feed_watchdog(struct stratod *d)
{
    strato_broker_inspect(d->broker, look_at_nothing, NULL);
    tell_supervisor(d, "WATCHDOG=1");
}

static void tell_reloading(struct stratod *d)
{
    struct timespec now;
    char state[64];

    clock_gettime(CLOCK_MONOTONIC, &now);
    snprintf(state, sizeof state, "RELOADING=1\nMONOTONIC_USEC=%lld",
             (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
    tell_supervisor(d, state);
}

static uint64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---- reload --------------------------------------------------------------------------------------- */

static void compare_row(struct stratod *d, const struct strato_option *row, const struct broker_config *fresh)
{
    char before[1024], after[1024];

    if (row->is & STRATO_OPTION_FLAG_ONLY)
        return;
    strato_option_print(row, &d->config, before, sizeof before);
    strato_option_print(row, fresh, after, sizeof after);
    if (strcmp(before, after) == 0)
        return;
    say(d, row->is & STRATO_OPTION_RELOADS ? STRATO_LOG_INFO : STRATO_LOG_WARN,
        "%s key=%s before=\"%.200s\" after=\"%.200s\"",
        row->is & STRATO_OPTION_RELOADS ? "setting changed" : "setting needs a restart", row->name, before, after);
}

static void reload_keys(struct stratod *d)
{
    char detail[512] = "";
    int rc;

    if (!broker_config_has_keys(&d->config))
        return;
    d->keys_print = auth_keys_fingerprint(d->config.keys); /* before reading: a change in between is seen next time */
    rc = strato_broker_reload_keys(d->broker, detail, sizeof detail);
    if (rc < 0)
        say(d, STRATO_LOG_ERROR, "audit: keys file refused; the old keys stay reason=\"%s\"", detail);
    else
        say(d, STRATO_LOG_INFO, "audit: keys read again file=%.300s", d->config.keys);
}

/* What was revoked must end within a second, so it is looked at twice in one. By content: an editor may keep size and time. */
static void watch_keys(struct stratod *d)
{
    if (broker_config_has_keys(&d->config) && auth_keys_fingerprint(d->config.keys) != d->keys_print)
        reload_keys(d);
}

static void reload(struct stratod *d)
{
    struct broker_config fresh;
    struct strato_option_error error;
    int rc = read_config(&fresh, d->argc, d->argv, &error);

    if (rc < 0) {
        say(d, STRATO_LOG_ERROR, "reload refused; the old configuration stays reason=\"%s\"", error.text);
    } else {
        for (size_t i = 0; i < broker_program.options_count; i++)
            compare_row(d, &broker_program.options[i], &fresh);
        d->config.log_level = fresh.log_level;
        atomic_store(&d->log.level, fresh.log_level);
        say(d, STRATO_LOG_INFO, "configuration read again");
        reload_keys(d);
    }
    broker_config_fini(&fresh);
}

/* ---- services ------------------------------------------------------------------------------------- */

#ifdef STRATO_HAS_SERVICES
static int start_services(struct stratod *d)
{
    char detail[256] = "";
    int rc;

    if (d->config.services.count == 0)
        return 0;
    rc = strato_services_start((const char *const *)d->config.services.items, d->config.services.count,
                               strato_broker_endpoint(d->broker, "inproc"), strato_broker_zmq_context(d->broker),
                               &d->services, detail, sizeof detail);
    if (rc < 0)
        say(d, STRATO_LOG_ERROR, "services did not start reason=\"%s\"", *detail ? detail : strato_strerror(rc));
    return rc;
}

static void stop_services(struct stratod *d)
{
    strato_services_stop(&d->services);
}
#else
static int start_services(struct stratod *d)
{
    const char *place;

    if (d->config.services.count == 0 ||
        strato_options_origin(&d->config.options, "services", &place) == STRATO_ORIGIN_DEFAULT)
        return 0;
    say(d, STRATO_LOG_ERROR, "this stratod was built without services; leave services out");
    return STRATO_ECONFIG;
}

static void stop_services(struct stratod *d)
{
    (void)d;
}
#endif

/* ---- HTTP ----------------------------------------------------------------------------------------- */

#ifdef STRATO_HAS_HTTP
static int start_http(struct stratod *d)
{
    char detail[512] = "";
    int rc;

    if (!d->config.http || !*d->config.http)
        return 0;
    rc = http_open(d->broker, &d->config, &d->http, detail, sizeof detail);
    if (rc < 0)
        say(d, STRATO_LOG_ERROR, "cannot start reason=\"%s\"", *detail ? detail : strato_strerror(rc));
    else
        say(d, STRATO_LOG_INFO, "listening edge=http endpoint=%s", http_endpoint(d->http));
    return rc;
}

static void tell_http_of_drain(struct stratod *d)
{
    if (d->http)
        http_set_draining(d->http);
}

static void stop_http(struct stratod *d)
{
    http_close(&d->http);
}
#else
static int start_http(struct stratod *d)
{
    const char *place;

    if (!d->config.http || !*d->config.http ||
        strato_options_origin(&d->config.options, "http", &place) == STRATO_ORIGIN_DEFAULT)
        return 0;
    say(d, STRATO_LOG_ERROR, "this stratod was built without libmicrohttpd; leave http out");
    return STRATO_ECONFIG;
}

static void tell_http_of_drain(struct stratod *d)
{
    (void)d;
}

static void stop_http(struct stratod *d)
{
    (void)d;
}
#endif

/* ---- life ----------------------------------------------------------------------------------------- */

static void print_keys(struct stratod *d)
{
    char key[STRATO_KEY_CHARS + 1], detail[512];
    struct strato_keypair pair;

    if (strato_keypair_read(d->config.server_key, true, &pair, detail, sizeof detail) < 0)
        return;
    strato_key_print(pair.public_key, key);
    strato_keypair_wipe(&pair);
    say(d, STRATO_LOG_INFO, "keys are asked for over TCP; clients need this server key server_key=\"%s\" keys=%.300s",
        key, d->config.keys);
}

static void print_banner(struct stratod *d)
{
    const char *edge, *endpoint;

    say(d, STRATO_LOG_INFO, "starting version=%s pid=%ld data=%.400s", STRATO_VERSION, (long)getpid(),
        d->config.data_dir && *d->config.data_dir ? d->config.data_dir : "memory");
    for (size_t i = 0; (endpoint = strato_broker_endpoint_at(d->broker, i, &edge)) != NULL; i++)
        if (strncmp(endpoint, "inproc:", 7) != 0)
            say(d, STRATO_LOG_INFO, "listening edge=%s endpoint=%s", edge, endpoint);
    if (broker_config_has_keys(&d->config))
        print_keys(d);
    else if (d->config.is_insecure)
        say(d, STRATO_LOG_WARN, "no keys are asked for: anyone who reaches these endpoints may use this broker");
    endpoint = strato_broker_endpoint(d->broker, "native");
    say(d, STRATO_LOG_INFO, "ready endpoint=%s", endpoint);
}

static void *drain(void *arg)
{
    struct stratod *d = arg;
    uint64_t one = 1;

    /* The brain keeps the time; this one only guards against a broker that does not come back. */
    strato_broker_drain(d->broker, d->config.drain_timeout_ms + 2000, &d->drained);
    if (write(d->drained_fd, &one, sizeof one) < 0)
        return NULL;
    return NULL;
}

static int next_signal(struct stratod *d)
{
    struct signalfd_siginfo info;

    return read(d->signal_fd, &info, sizeof info) == sizeof info ? (int)info.ssi_signo : 0;
}

/* How long the main thread may sleep; -1 until a signal. */
static int sleep_ms(const struct stratod *d)
{
    int64_t ms = broker_config_has_keys(&d->config) ? KEYS_WATCH_MS : -1;

    if (d->watchdog_ms > 0 && (ms < 0 || d->watchdog_ms < ms))
        ms = d->watchdog_ms < INT_MAX ? (int64_t)d->watchdog_ms : INT_MAX;
    return (int)ms;
}

/* Until the first signal to stop. */
static void run(struct stratod *d)
{
    struct pollfd fd = { .fd = d->signal_fd, .events = POLLIN };
    uint64_t fed_ms = now_ms();

    for (;;) {
        int signal_number = 0;

        if (poll(&fd, 1, sleep_ms(d)) > 0)
            signal_number = next_signal(d);
        else
            watch_keys(d);

        if (signal_number == SIGHUP) {
            tell_reloading(d);
            reload(d);
            tell_supervisor(d, "READY=1");
        } else if (signal_number == SIGTERM || signal_number == SIGINT) {
            return;
        }
        if (d->watchdog_ms > 0 && now_ms() - fed_ms >= d->watchdog_ms) {
            feed_watchdog(d);
            fed_ms = now_ms();
        }
    }
}

/*
 * Until drained (true), or the second signal (false). The supervisor's watchdog is fed here without asking the core: the
 * drain has a time limit of its own.
 */
static bool wait_for_drain(struct stratod *d)
{
    struct pollfd fds[] = { { .fd = d->drained_fd, .events = POLLIN }, { .fd = d->signal_fd, .events = POLLIN } };

    for (;;) {
        int signal_number;

        if (poll(fds, 2, d->watchdog_ms > 0 && d->watchdog_ms < INT_MAX ? (int)d->watchdog_ms : -1) < 0)
            continue;
        if (d->watchdog_ms > 0)
            tell_supervisor(d, "WATCHDOG=1");
        if (fds[0].revents & POLLIN)
            return true;
        signal_number = fds[1].revents & POLLIN ? next_signal(d) : 0;
        if (signal_number == SIGTERM || signal_number == SIGINT)
            return false;
    }
}

static int say_stopped(struct stratod *d, const struct strato_broker_drain *left)
{
    bool is_clean = left->leased_abandoned == 0 && left->dropped_shutdown == 0 && left->unsynced == 0;

    say(d, is_clean ? STRATO_LOG_INFO : STRATO_LOG_WARN,
        "stopped leased_abandoned=%" PRIu64 " dropped_shutdown=%" PRIu64 " kept=%" PRIu64 " unsynced=%" PRIu64,
        left->leased_abandoned, left->dropped_shutdown, left->kept, left->unsynced);
    return is_clean ? 0 : EXIT_ABANDONED;
}

static int stop(struct stratod *d)
{
    struct strato_broker_drain left;

    if (pthread_create(&d->drain_thread, NULL, drain, d) != 0)
        return EXIT_FAILED;
    if (!wait_for_drain(d)) {
        say(d, STRATO_LOG_WARN, "second signal: leaving at once");
        strato_broker_drain(d->broker, 0, &left);
        _exit(say_stopped(d, &left)); /* the drain thread is still asking; it ends with the process */
    }
    pthread_join(d->drain_thread, NULL);
    return say_stopped(d, &d->drained);
}

static int open_signals(struct stratod *d)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGPIPE); /* read and forgotten */
    sigaddset(&set, SIGXFSZ); /* a file-size limit is a disk that refuses, not an end */
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return STRATO_EIO;
    d->signal_fd = signalfd(-1, &set, SFD_CLOEXEC);
    d->drained_fd = eventfd(0, EFD_CLOEXEC);
    return d->signal_fd < 0 || d->drained_fd < 0 ? STRATO_EIO : 0;
}

static int serve(struct stratod *d)
{
    char detail[512] = "";
    int rc = open_signals(d);

    d->log.to = stderr;
    d->log.format = (enum strato_log_format)d->config.log_format;
    atomic_store(&d->log.level, d->config.log_level);
    d->config.log_fn = broker_log_write;
    d->config.log_arg = &d->log;
    if (broker_config_has_keys(&d->config))
        d->keys_print = auth_keys_fingerprint(d->config.keys);
    rc = rc ? rc : strato_broker_new(&d->config, &d->broker, detail, sizeof detail);
    if (rc < 0) {
        say(d, STRATO_LOG_ERROR, "cannot start reason=\"%s\"", *detail ? detail : strato_strerror(rc));
        return rc == STRATO_ECONFIG ? EXIT_USAGE : EXIT_FAILED;
    }
    if (start_services(d) < 0) {
        strato_broker_destroy(&d->broker);
        return EXIT_USAGE;
    }
    rc = start_http(d);
    if (rc < 0) {
        stop_services(d);
        strato_broker_destroy(&d->broker);
        return rc == STRATO_ECONFIG ? EXIT_USAGE : EXIT_FAILED;
    }
    print_banner(d);
    d->watchdog_ms = notify_watchdog_ms();
    tell_supervisor(d, "READY=1\nSTATUS=Serving.");
    run(d);
    tell_supervisor(d, "STOPPING=1\nSTATUS=Draining.");
    tell_http_of_drain(d);
    rc = stop(d);
    stop_http(d);
    stop_services(d);
    strato_broker_destroy(&d->broker);
    close(d->signal_fd);
    close(d->drained_fd);
    return rc;
}

/* ---- the store's check ------------------------------------------------------------------------------ */

static void print_line(void *arg, const char *line)
{
    (void)arg;
    printf("%s\n", line);
}

static int check_store(const char *dir)
{
    struct store_check found;
    char detail[512] = "";
    int rc = store_sqlite_check(dir, print_line, NULL, &found, detail, sizeof detail);

    if (rc < 0) {
        fprintf(stderr, "stratod: %s\n", detail);
        return EXIT_FAILED;
    }
    printf("%s: schema %" PRIu32 ", channels %" PRIu64 ", messages %" PRIu64 ", dead letters %" PRIu64 ", ids %" PRIu64
           ", wrong checksums %" PRIu64 ", quarantined before %" PRIu64 ", file %s\n",
           dir, found.version, found.rows[JOURNAL_CHANNELS], found.rows[JOURNAL_MESSAGES],
           found.rows[JOURNAL_DEADLETTERS], found.rows[JOURNAL_IDS], found.rows_bad, found.rows_quarantined,
           found.is_sound ? "sound" : "damaged");
    return found.is_sound && found.rows_bad == 0 ? 0 : EXIT_FAILED;
}

int main(int argc, char **argv)
{
    struct stratod d = { .argc = argc, .argv = argv, .signal_fd = -1, .drained_fd = -1 };
    struct strato_option_error error;
    int rc = read_config(&d.config, argc, argv, &error);

    if (rc == 1) {
        rc = strato_options_show(&d.config.options, stdout);
        if (rc < 0)
            fprintf(stderr, "stratod: --dump-completion wants bash, zsh or fish\n");
        rc = rc < 0 ? EXIT_USAGE : 0;
    } else if (rc < 0) {
        fprintf(stderr, "stratod: %s\n", error.text);
        rc = rc == STRATO_ENOMEM ? EXIT_FAILED : EXIT_USAGE;
    } else if (d.config.check_file) {
        printf("%s: ok\n", d.config.check_file);
    } else if (d.config.check_store) {
        rc = check_store(d.config.check_store);
    } else if (d.config.shows_config) {
        strato_options_show_config(&d.config.options, stdout);
        show_channels(&d.config);
    } else {
        rc = serve(&d);
    }
    broker_config_fini(&d.config);
    return rc;
}
