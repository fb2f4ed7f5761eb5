/*
 * place.c - start and stop the brokers that are measured.
 *
 * SPDX-License-Identifier: MIT
 */
#include "bench/peers/place.h"

#include "bench/peers/drain_broker.h"
#include "bench/peers/sqlite_broker.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { START_PATIENCE_MS = 10000, LOG_BYTES_MAX = 65536 };

static void sleep_ms(long ms)
{
    const struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };

    nanosleep(&t, NULL);
}

static int trouble(struct place *place, int rc, const char *what, const char *why)
{
    snprintf(place->detail, sizeof place->detail, "%s: %s", what, why);
    return rc;
}

static int dir_make(struct place *place)
{
    *place = (struct place){ 0 };
    strcpy(place->dir, "/tmp/strato-bench-XXXXXX");
    if (!mkdtemp(place->dir)) {
        place->dir[0] = '\0';
        return trouble(place, STRATO_EIO, "temporary directory", strerror(errno));
    }
    return 0;
}

/* Whole file, NUL-terminated; "" if it is not there yet. */
static void slurp(const char *path, char text[LOG_BYTES_MAX])
{
    FILE *file = fopen(path, "r");
    size_t got = file ? fread(text, 1, LOG_BYTES_MAX - 1, file) : 0;

    text[got] = '\0';
    if (file)
        fclose(file);
}

static bool is_gone(struct place *place)
{
    if (waitpid(place->pid, NULL, WNOHANG) != place->pid)
        return false;
    place->pid = 0;
    return true;
}

/* Wait until `path` holds `key`, and copy what follows it up to one of `ends`. */
static int await(struct place *place, const char *path, const char *key, const char *ends)
{
    char *text = malloc(LOG_BYTES_MAX);
    int rc = STRATO_EIO;

    if (!text)
        return STRATO_ENOMEM;
    for (int waited = 0; waited < START_PATIENCE_MS; waited += 5) {
        const char *found;

        slurp(path, text);
        found = strstr(text, key);
        if (found && strpbrk(found, ends)) { /* the end too: a line half written is not there yet */
            snprintf(place->in, sizeof place->in, "%.*s", (int)strcspn(found + strlen(key), ends), found + strlen(key));
            memcpy(place->out, place->in, sizeof place->out);
            rc = 0;
            break;
        }
        if (is_gone(place)) {
            snprintf(place->detail, sizeof place->detail, "did not start: %.200s", text);
            break;
        }
        sleep_ms(5);
    }
    if (rc < 0 && !place->detail[0])
        trouble(place, rc, path, "does not tell where the broker listens");
    free(text);
    return rc;
}

static int exec_logged(struct place *place, char *const *arguments, const char *log)
{
    pid_t pid;

    fflush(NULL);
    pid = fork();
    if (pid < 0)
        return trouble(place, STRATO_EIO, "fork", strerror(errno));
    if (pid == 0) {
        int fd = open(log, O_WRONLY | O_CREAT | O_TRUNC, 0600);

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        signal(SIGINT, SIG_IGN);
        dup2(fd, STDERR_FILENO);
        dup2(fd, STDOUT_FILENO);
        execvp(arguments[0], arguments);
        dprintf(STDERR_FILENO, "%s: %s\n", arguments[0], strerror(errno));
        _exit(127);
    }
    place->pid = pid;
    return 0;
}

static int start_nats(bool with_jetstream, struct place *place)
{
    char server[] = "/usr/sbin/nats-server", address[] = "127.0.0.1", a[] = "-a", p[] = "-p", any[] = "-1",
         dirs[] = "--ports_file_dir", js[] = "-js", sd[] = "-sd";
    char *arguments[] = {
        server, a, address, p, any, dirs, place->dir, with_jetstream ? js : NULL, sd, place->dir, NULL
    };
    char path[160];
    int rc = dir_make(place);

    if (rc == 0 && access(server, X_OK) < 0)
        rc = trouble(place, STRATO_ENOENT, server, "not installed (apt-get install nats-server)");
    if (rc == 0) {
        snprintf(path, sizeof path, "%s/log", place->dir);
        rc = exec_logged(place, arguments, path);
    }
    if (rc == 0) {
        snprintf(path, sizeof path, "%s/nats-server_%d.ports", place->dir, (int)place->pid);
        rc = await(place, path, "\"nats\":[\"", "\"]");
    }
    if (rc == 0 && strncmp(place->in, "nats://", 7) != 0)
        rc = trouble(place, STRATO_EIO, path, "unknown format");
    return rc;
}

int place_start_nats(struct place *place)
{
    return start_nats(false, place);
}

int place_start_jetstream(struct place *place)
{
    return start_nats(true, place);
}

/* Redis cannot be told to take any free port. */
static uint16_t free_port(void)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t length = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (bind(fd, (struct sockaddr *)(void *)&at, length) < 0 ||
        getsockname(fd, (struct sockaddr *)(void *)&at, &length) < 0)
        at.sin_port = 0;
    close(fd);
    return ntohs(at.sin_port);
}

int place_start_redis(bool is_durable, struct place *place)
{
    char server[] = "/usr/bin/redis-server", port[] = "--port", bind_flag[] = "--bind", address[] = "127.0.0.1",
         save[] = "--save", none[] = "", aof[] = "--appendonly", yes[] = "yes", no[] = "no", sync[] = "--appendfsync",
         always[] = "always", dir[] = "--dir", number[8], log[160];
    char *arguments[] = { server, port, number, bind_flag, address, save,       none,
                          aof,    no,   sync,   always,    dir,     place->dir, NULL };
    int rc = dir_make(place);

    if (is_durable)
        arguments[8] = yes;
    if (rc == 0 && access(server, X_OK) < 0)
        rc = trouble(place, STRATO_ENOENT, server, "not installed (apt-get install redis-server)");
    if (rc == 0) {
        snprintf(number, sizeof number, "%u", (unsigned)free_port());
        snprintf(log, sizeof log, "%s/log", place->dir);
        rc = exec_logged(place, arguments, log);
    }
    if (rc == 0)
        rc = await(place, log, "Ready to accept", "\n");
    if (rc == 0)
        snprintf(place->in, sizeof place->in, "127.0.0.1:%s", number);
    memcpy(place->out, place->in, sizeof place->out);
    return rc;
}

static int config_write(const struct place *place, bool is_durable, char path[160])
{
    FILE *file;

    snprintf(path, 160, "%s/stratod.yaml", place->dir);
    file = fopen(path, "w");
    if (!file)
        return STRATO_EIO;
    fputs("channels:\n"
          "  - {name: bench.work, pattern: work, capacity: 10000, ack: \"no\", max_bytes: 256MiB, history: 0}\n"
          "  - {name: bench.events, pattern: events, capacity: 10000, max_bytes: 256MiB, history: 0}\n"
          "  - {name: bench.acked, pattern: work, capacity: 10000, ack: \"yes\", max_bytes: 256MiB, history: 0}\n",
          file);
    if (is_durable)
        fputs(
            "  - {name: bench.durable, pattern: work, capacity: 10000, ack: \"yes\", durable: true, max_bytes: 256MiB, "
            "history: 0}\n",
            file);
    return fclose(file) == 0 ? 0 : STRATO_EIO;
}

int place_start_stratod(const char *program, bool is_durable, struct place *place)
{
    char port[] = "--port=0", services[] = "--services=", format[] = "--log-format=logfmt",
         level[] = "--log-level=info";
    char config_flag[] = "--config", data_flag[] = "--data", config[160], data[160], log[160];
    char *arguments[] = { (char *)(uintptr_t)program,    port, services, format, level, config_flag, config,
                          is_durable ? data_flag : NULL, data, NULL };
    int rc = dir_make(place);

    if (rc == 0)
        rc = config_write(place, is_durable, config);
    if (rc == 0) {
        snprintf(log, sizeof log, "%s/log", place->dir);
        snprintf(data, sizeof data, "%s/data", place->dir);
        rc = exec_logged(place, arguments, log);
    }
    return rc == 0 ? await(place, log, "ready endpoint=", " \n") : rc;
}

/* ---- the drain broker is a fork of ours, and tells its endpoints through shared memory --------------- */

struct told {
    _Atomic int is_ready;
    char in[LOAD_TEXT_BYTES], out[LOAD_TEXT_BYTES];
};

static void tell(void *arg, const char *in, const char *out)
{
    struct told *told = arg;

    snprintf(told->in, sizeof told->in, "%s", in);
    snprintf(told->out, sizeof told->out, "%s", out);
    atomic_store(&told->is_ready, 1);
}

/* `run` is what the process does, with `what` to know about it. */
static int start_own(void (*run)(const void *what, struct told *told), const void *what, struct place *place)
{
    struct told *told = mmap(NULL, sizeof *told, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int rc = STRATO_EIO;

    if (told == MAP_FAILED)
        return STRATO_ENOMEM;
    fflush(NULL);
    place->pid = fork();
    if (place->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        signal(SIGINT, SIG_IGN);
        run(what, told);
        _exit(1);
    }
    for (int waited = 0; place->pid > 0 && waited < START_PATIENCE_MS && rc < 0 && !is_gone(place); waited += 2) {
        if (atomic_load(&told->is_ready))
            rc = 0;
        else
            sleep_ms(2);
    }
    memcpy(place->in, told->in, sizeof place->in);
    memcpy(place->out, told->out, sizeof place->out);
    munmap(told, sizeof *told);
    return rc < 0 ? trouble(place, rc, "broker of ours", "did not start") : 0;
}

static void run_drain(const void *what, struct told *told)
{
    drain_broker_run(*(const enum drain_pattern *)what, tell, told);
}

int place_start_drain(enum load_pattern pattern, struct place *place)
{
    static const enum drain_pattern patterns[] = {
        [LOAD_EVENTS] = DRAIN_EVENTS, [LOAD_WORK] = DRAIN_WORK, [LOAD_REQUEST] = DRAIN_REQUEST
    };

    *place = (struct place){ 0 };
    return start_own(run_drain, &patterns[pattern], place);
}

struct sqlite_plan {
    uint32_t bytes;
    char path[96];
};

static void run_sqlite(const void *what, struct told *told)
{
    const struct sqlite_plan *plan = what;

    sqlite_broker_run(plan->path, plan->bytes, tell, told);
}

int place_start_sqlite(uint32_t bytes, struct place *place)
{
    struct sqlite_plan plan = { .bytes = bytes };
    int rc = dir_make(place);

    snprintf(plan.path, sizeof plan.path, "%s/bench.db", place->dir);
    return rc == 0 ? start_own(run_sqlite, &plan, place) : rc;
}

void place_stop(struct place *place)
{
    char command[96];

    if (place->pid > 0) {
        kill(place->pid, SIGKILL);
        waitpid(place->pid, NULL, 0);
    }
    if (place->dir[0]) {
        snprintf(command, sizeof command, "rm -rf -- '%s'", place->dir);
        if (system(command) != 0)
            fprintf(stderr, "bench: %s is left behind\n", place->dir);
    }
    *place = (struct place){ 0 };
}
