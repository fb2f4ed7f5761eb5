/*
 * child.c - run a command with bytes on its stdin, take what it says, within bounds.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cli/child.h"

#include "cli/link.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { IN, OUT, ERR, PIPES };

struct child {
    pid_t pid;
    int ours[PIPES], theirs[PIPES]; /* -1 = closed */
    struct strato_bytes input;
    size_t errors_bytes;
    struct child_result *result;
    const struct child_limits *limits;
};

static void close_at(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static int pipes_open(struct child *child)
{
    for (int i = 0; i < PIPES; i++)
        child->ours[i] = child->theirs[i] = -1;
    for (int i = 0; i < PIPES; i++) {
        int fds[2];

        if (pipe2(fds, O_CLOEXEC) < 0)
            return STRATO_EIO;
        child->ours[i] = fds[i == IN ? 1 : 0];
        child->theirs[i] = fds[i == IN ? 0 : 1];
        fcntl(child->ours[i], F_SETFL, O_NONBLOCK);
    }
    return 0;
}

static char **environment_join(char *const *more)
{
    size_t count = 0, extra = 0;
    char **all;

    while (environ[count])
        count++;
    while (more && more[extra])
        extra++;
    all = calloc(count + extra + 1, sizeof *all);
    if (!all)
        return NULL;
    memcpy(all, environ, count * sizeof *all);
    if (extra)
        memcpy(all + count, more, extra * sizeof *all);
    return all;
}

static int child_spawn(struct child *child, const char *command, char *const *more)
{
    char *arguments[] = { (char[]){ "sh" }, (char[]){ "-c" }, (char *)(uintptr_t)command, NULL };
    char **environment = environment_join(more);
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t defaults;
    int failed;

    if (!environment)
        return STRATO_ENOMEM;
    posix_spawn_file_actions_init(&actions);
    for (int i = 0; i < PIPES; i++)
        posix_spawn_file_actions_adddup2(&actions, child->theirs[i], i);
    posix_spawnattr_init(&attributes);
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF);
    failed = posix_spawn(&child->pid, "/bin/sh", &actions, &attributes, arguments, environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    free(environment);
    for (int i = 0; i < PIPES; i++)
        close_at(&child->theirs[i]);
    return failed ? STRATO_EIO : 0;
}

static void feed(struct child *child)
{
    ssize_t put = write(child->ours[IN], child->input.data, child->input.bytes);

    if (put > 0) {
        child->input.data += put;
        child->input.bytes -= (size_t)put;
    }
    if (child->input.bytes == 0 || (put < 0 && errno != EAGAIN && errno != EINTR))
        close_at(&child->ours[IN]); /* a command may well not read all it is given */
}

static void drain_output(struct child *child)
{
    uint8_t *room = strato_writer_reserve(&child->result->output, 16384);
    ssize_t got = room ? read(child->ours[OUT], room, 16384) : 0;

    if (got > 0)
        child->result->output.bytes += (size_t)got;
    if (child->result->output.bytes > child->limits->output_max) {
        child->result->is_output_too_long = true;
        child->result->output.bytes = child->limits->output_max;
        kill(-child->pid, SIGKILL);
        close_at(&child->ours[OUT]);
    } else if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
        close_at(&child->ours[OUT]);
    }
}

static void drain_errors(struct child *child)
{
    char piece[1024];
    ssize_t got = read(child->ours[ERR], piece, sizeof piece);
    size_t room = CHILD_ERRORS_MAX - 1 - child->errors_bytes;

    if (got > 0) {
        size_t kept = (size_t)got < room ? (size_t)got : room;

        memcpy(child->result->errors + child->errors_bytes, piece, kept);
        child->errors_bytes += kept;
        child->result->errors[child->errors_bytes] = '\0';
    } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
        close_at(&child->ours[ERR]);
    }
}

/* Until it has closed both ends, its time is over, or the user wants to go. */
static void child_talk(struct child *child)
{
    uint64_t deadline_ms = link_now_ms() + child->limits->timeout_ms;

    while (child->ours[OUT] >= 0 || child->ours[ERR] >= 0) {
        struct pollfd fds[PIPES];

        if (link_now_ms() >= deadline_ms || cli_is_interrupted()) {
            child->result->was_killed = true;
            kill(-child->pid, SIGKILL);
            return;
        }
        for (int i = 0; i < PIPES; i++)
            fds[i] = (struct pollfd){ .fd = child->ours[i], .events = i == IN ? POLLOUT : POLLIN };
        if (poll(fds, PIPES, link_slice_ms(deadline_ms)) <= 0)
            continue;
        if (fds[IN].revents)
            feed(child);
        if (fds[OUT].revents)
            drain_output(child);
        if (fds[ERR].revents)
            drain_errors(child);
    }
}

int child_run(const char *command, struct strato_bytes input, char *const *environment,
              const struct child_limits *limits, struct child_result *ret_result)
{
    struct child child = { .input = input, .result = ret_result, .limits = limits };
    int status = 0, rc;

    *ret_result = (struct child_result){ .status = -1 };
    rc = pipes_open(&child);
    if (rc == 0)
        rc = child_spawn(&child, command, environment);
    if (rc == 0) {
        child_talk(&child);
        for (int i = 0; i < PIPES; i++)
            close_at(&child.ours[i]);
        while (waitpid(child.pid, &status, 0) < 0 && errno == EINTR)
            continue;
        ret_result->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        rc = strato_writer_error(&ret_result->output);
    }
    for (int i = 0; i < PIPES; i++) {
        close_at(&child.ours[i]);
        close_at(&child.theirs[i]);
    }
    return rc;
}
