/*
 * place.c - start and stop the brokers that are measured.
 *
 * SPDX-License-Identifier: MIT
 */
#include "bench/peers/place.h"

#include "bench/peers/drain_broker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
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

int place_start_nats(struct place *place)
{
    char server[] = "/usr/sbin/nats-server", address[] = "127.0.0.1", a[] = "-a", p[] = "-p", any[] = "-1",
         dirs[] = "--ports_file_dir";
    char *arguments[] = { server, a, address, p, any, dirs, place->dir, NULL };
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

static int config_write(const struct place *place, char path[160])
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
    return fclose(file) == 0 ? 0 : STRATO_EIO;
}

int place_start_stratod(const char *program, struct place *place)
{
    char port[] = "--port=0", services[] = "--services=", format[] = "--log-format=logfmt",
         level[] = "--log-level=info";
    char config_flag[] = "--config", config[160], log[160];
    char *arguments[] = { (char *)(uintptr_t)program, port, services, format, level, config_flag, config, NULL };
    int rc = dir_make(place);

    if (rc == 0)
        rc = config_write(place, config);
    if (rc == 0) {
        snprintf(log, sizeof log, "%s/log", place->dir);
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

int place_start_drain(enum load_pattern pattern, struct place *place)
{
    static const enum drain_pattern patterns[] = {
        [LOAD_EVENTS] = DRAIN_EVENTS, [LOAD_WORK] = DRAIN_WORK, [LOAD_REQUEST] = DRAIN_REQUEST
    };
    struct told *told = mmap(NULL, sizeof *told, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int rc = STRATO_EIO;

    *place = (struct place){ 0 };
    if (told == MAP_FAILED)
        return STRATO_ENOMEM;
    fflush(NULL);
    place->pid = fork();
    if (place->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        signal(SIGINT, SIG_IGN);
        drain_broker_run(patterns[pattern], tell, told);
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
    return rc < 0 ? trouble(place, rc, "drain broker", "did not start") : 0;
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
