/*
 * main.c - strato-worker: read the options, start a node per device, obey signals.
 *
 * Signals are blocked before the first thread starts and read from a signalfd. The first SIGTERM or SIGINT
 * lets every node finish the message in hand and say bye; the second leaves at once.
 *
 * SPDX-License-Identifier: MIT
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "worker/device/opencl.h"
#include "worker/list.h"
#include "worker/net/node.h"
#include "worker/settings.h"

enum {
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_CONNECT = 3,
    EXIT_AUTH = 4,
    EXIT_NO_DEVICE = 6,
    NODES_MAX = OPENCL_DEVICES_MAX + 1
};

/** One device and the thread that serves it. */
struct slot {
    char name[NODE_NAME_BYTES];
    int64_t device;
    struct node *node;
    pthread_t thread;
    int rc;
    int done_fd; /* shared: written when a node ends */
};

struct worker {
    struct settings settings;
    struct log log;
    struct slot slots[NODES_MAX];
    uint32_t count;
    int done_fd, signal_fd;
};

static int complain(int code, const char *text)
{
    fprintf(stderr, "strato-worker: %s\n", text);
    return code;
}

/* ---- which devices ------------------------------------------------------------------------------- */

static int add_device(struct worker *w, int64_t device)
{
    for (uint32_t i = 0; i < w->count; i++)
        if (w->slots[i].device == device)
            return 0;
    if (w->count == NODES_MAX)
        return complain(EXIT_USAGE, "too many devices");
    w->slots[w->count++].device = device;
    return 0;
}

static int add_all_opencl(struct worker *w)
{
    struct device_info infos[OPENCL_DEVICES_MAX];
    char detail[DEVICE_DETAIL_BYTES];
    int count = opencl_list(infos, OPENCL_DEVICES_MAX, detail);
    int rc = 0;

    if (count <= 0) {
        complain(0, detail);
        return complain(EXIT_NO_DEVICE, "the simulated device needs none: strato-worker --device sim");
    }
    for (int i = 0; i < count && rc == 0; i++)
        rc = add_device(w, i);
    return rc;
}

/** @return exit code, 0 to go on. */
static int choose_devices(struct worker *w)
{
    int rc = 0;

    for (size_t i = 0; i < w->settings.devices.count && rc == 0; i++) {
        const char *text = w->settings.devices.items[i];
        char *end = NULL;
        unsigned long number;

        if (strcmp(text, "sim") == 0) {
            rc = add_device(w, NODE_SIM);
        } else if (strcmp(text, "opencl") == 0) {
            rc = add_all_opencl(w);
        } else {
            errno = 0;
            number = strtoul(text, &end, 10);
            if (errno || end == text || *end || text[0] == '-' || number > INT32_MAX)
                return complain(EXIT_USAGE, "--device: want opencl, sim, or a number as --list prints it");
            rc = add_device(w, (int64_t)number);
        }
    }
    return rc == 0 && w->count == 0 ? complain(EXIT_USAGE, "--device names none") : rc;
}

static int name_nodes(struct worker *w)
{
    char base[121] = "", host[65] = "host";

    gethostname(host, sizeof(host) - 1);
    if (w->settings.name && strlen(w->settings.name) >= sizeof(base))
        return complain(EXIT_USAGE, "--name: at most 120 characters");
    if (w->settings.name)
        snprintf(base, sizeof(base), "%s", w->settings.name);
    else
        snprintf(base, sizeof(base), "worker-%s-%d", host, (int)getpid());
    for (uint32_t i = 0; i < w->count; i++) {
        if (w->count == 1)
            snprintf(w->slots[i].name, NODE_NAME_BYTES, "%s", base);
        else if (w->slots[i].device == NODE_SIM)
            snprintf(w->slots[i].name, NODE_NAME_BYTES, "%s.sim", base);
        else
            snprintf(w->slots[i].name, NODE_NAME_BYTES, "%s.%" PRId64, base, w->slots[i].device);
    }
    return 0;
}

/* ---- running ------------------------------------------------------------------------------------- */

static void *run_slot(void *arg)
{
    const uint64_t one = 1;
    struct slot *slot = arg;

    slot->rc = node_run(slot->node);
    if (write(slot->done_fd, &one, sizeof(one)) < 0)
        abort(); /* an eventfd with at most NODES_MAX in it takes one more */
    return NULL;
}

static int start_nodes(struct worker *w)
{
    for (uint32_t i = 0; i < w->count; i++) {
        struct slot *slot = &w->slots[i];
        struct node_options options = { .broker = w->settings.broker,
                                        .key = w->settings.key,
                                        .server_key = w->settings.server_key,
                                        .name = slot->name,
                                        .device = slot->device,
                                        .pool_bytes = w->settings.pool_bytes,
                                        .session_idle_ms = w->settings.session_idle_ms,
                                        .hb_ms = w->settings.hb_ms,
                                        .is_unsafe = w->settings.is_unsafe,
                                        .log = &w->log };

        slot->done_fd = w->done_fd;
        if (node_new(&options, &slot->node) < 0)
            return complain(EXIT_FAILED, "out of memory");
        if (pthread_create(&slot->thread, NULL, run_slot, slot) != 0) {
            node_destroy(&slot->node);
            return complain(EXIT_FAILED, "cannot start a thread");
        }
    }
    return 0;
}

static void stop_nodes(struct worker *w)
{
    for (uint32_t i = 0; i < w->count; i++)
        if (w->slots[i].node)
            node_stop(w->slots[i].node);
}

/** Until all nodes have ended, or a second signal. One node's end stops the others: a supervisor sees it and acts. */
static void wait_for_nodes(struct worker *w)
{
    struct pollfd fds[2] = { { .fd = w->done_fd, .events = POLLIN }, { .fd = w->signal_fd, .events = POLLIN } };
    uint64_t ended = 0, count;
    bool is_stopping = false;

    while (ended < w->count) {
        struct signalfd_siginfo info;

        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            return;
        if (fds[1].revents && read(w->signal_fd, &info, sizeof(info)) == sizeof(info)) {
            if (is_stopping)
                _exit(EXIT_FAILED);
            log_line(&w->log, STRATO_LOG_INFO, "stopping", "signal", info.ssi_signo == SIGINT ? "SIGINT" : "SIGTERM");
            is_stopping = true;
            stop_nodes(w);
        }
        if (fds[0].revents && read(w->done_fd, &count, sizeof(count)) == sizeof(count)) {
            ended += count;
            stop_nodes(w);
        }
    }
}

static int exit_code(int err)
{
    switch (err) {
    case 0:
        return 0;
    case STRATO_ENOENT:
        return EXIT_NO_DEVICE;
    case STRATO_EUNREACHABLE:
    case STRATO_EVERSION:
        return EXIT_CONNECT;
    case STRATO_EAUTH:
    case STRATO_EFORBIDDEN:
        return EXIT_AUTH;
    default:
        return EXIT_FAILED;
    }
}

static int join_nodes(struct worker *w)
{
    int code = 0;

    for (uint32_t i = 0; i < w->count; i++) {
        struct slot *slot = &w->slots[i];

        if (!slot->node)
            continue;
        pthread_join(slot->thread, NULL);
        if (slot->rc < 0) {
            const char *detail = node_detail(slot->node);

            log_line(&w->log, STRATO_LOG_ERROR, "node failed", "detail", *detail ? detail : strato_strerror(slot->rc));
            code = exit_code(slot->rc);
        }
        node_destroy(&slot->node);
    }
    return code;
}

/** Before OpenCL is asked for anything: a driver's threads inherit the mask, and one without it would die of SIGTERM. */
static int take_signals(struct worker *w)
{
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
    w->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    return w->signal_fd < 0 ? complain(EXIT_FAILED, "no file descriptor for signals") : 0;
}

static int serve(struct worker *w)
{
    int code;

    w->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (w->done_fd < 0)
        return complain(EXIT_FAILED, "no file descriptor left");
    code = start_nodes(w);
    if (code != 0)
        stop_nodes(w);
    else
        wait_for_nodes(w);
    return join_nodes(w) | code;
}

int main(int argc, char **argv)
{
    static struct worker w;
    struct strato_options options;
    struct strato_option_error error = { "out of memory" };
    int code = 0, rc = strato_options_open(&options, &worker_program, &w.settings, sizeof(w.settings));

    if (rc == 0)
        rc = strato_options_arguments(&options, argc, argv, &error);
    if (rc == 1) {
        strato_options_show(&options, stdout);
        goto out;
    }
    if (rc == 0)
        rc = strato_options_environment(&options, &error);
    if (rc < 0) {
        code = complain(EXIT_USAGE, error.text);
        goto out;
    }
    if (w.settings.is_list) {
        code = list_devices(w.settings.is_json);
        goto out;
    }
    w.log = (struct log){ (enum strato_log_format)w.settings.log_format, (enum strato_log_level)w.settings.log_level };
    code = take_signals(&w);
    if (code == 0)
        code = choose_devices(&w);
    if (code == 0)
        code = name_nodes(&w);
    if (code == 0)
        code = serve(&w);
out:
    strato_options_fini(&options);
    return code;
}
