/*
 * load.c - processes, phases and the window.
 *
 * SPDX-License-Identifier: MIT
 */
#include "bench/load.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { CONNECT_PATIENCE_MS = 15000, STOP_PATIENCE_MS = 4000, POLL_MS = 2 };

uint64_t load_now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

static void sleep_until(uint64_t when_ns)
{
    struct timespec t = { .tv_sec = (time_t)(when_ns / 1000000000U), .tv_nsec = (long)(when_ns % 1000000000U) };

    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

static void sleep_ms(uint32_t ms)
{
    sleep_until(load_now_ns() + (uint64_t)ms * 1000000U);
}

int load_fail(struct load_role *role, int rc, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(role->slot->detail, sizeof role->slot->detail, format, arguments);
    va_end(arguments);
    return rc;
}

void load_wait_start(struct load_role *role)
{
    load_ready(role);
    while (atomic_load(&role->shared->phase) == LOAD_CONNECT)
        sleep_ms(POLL_MS);
}

bool load_is_ahead(const struct load_role *role, uint64_t sent)
{
    uint64_t received = 0;

    for (uint32_t i = 0; i < role->load->receivers; i++)
        received += atomic_load_explicit(&role->shared->slots[i].messages, memory_order_relaxed);
    if (sent < received + LOAD_AHEAD_MAX)
        return false;
    sleep_until(load_now_ns() + 50000);
    return true;
}

void load_pace_start(struct load_pace *pace, const struct load_case *load)
{
    *pace = (struct load_pace){ .start_ns = load_now_ns(), .interval_ns = load->rate > 0 ? 1e9 / load->rate : 0 };
}

bool load_pace_wait(const struct load_pace *pace)
{
    uint64_t due_ns = load_pace_due(pace), now_ns;

    if (due_ns == 0)
        return true;
    now_ns = load_now_ns();
    if (due_ns > now_ns)
        sleep_until(due_ns - now_ns > 100000000U ? now_ns + 100000000U : due_ns);
    return due_ns <= load_now_ns();
}

void load_body_fill(uint8_t *body, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        body[i] = (uint8_t)(i * 7);
    load_body_stamp(body, bytes, 0);
}

void load_body_stamp(uint8_t *body, size_t bytes, uint64_t when_ns)
{
    if (bytes >= sizeof when_ns)
        memcpy(body, &when_ns, sizeof when_ns);
}

uint64_t load_body_time(const uint8_t *body, size_t bytes)
{
    uint64_t when_ns = 0;

    if (bytes >= sizeof when_ns)
        memcpy(&when_ns, body, sizeof when_ns);
    return when_ns;
}

/* ---- the run -------------------------------------------------------------------------------------- */

struct run {
    const struct load_case *load;
    const struct load_system *system;
    struct load_shared *shared;
    size_t shared_bytes;
    uint32_t count; /* processes: receivers first, then senders */
    pid_t pids[LOAD_PROCESSES_MAX];
    bool (*is_cancelled)(void);
};

static void child(struct run *run, uint32_t index)
{
    struct load_role role = { .load = run->load, .slot = &run->shared->slots[index], .shared = run->shared };

    prctl(PR_SET_PDEATHSIG, SIGKILL); /* never outlive whoever measures */
    signal(SIGINT, SIG_IGN);          /* Ctrl-C is the parent's to handle; it says STOP */
    signal(SIGTERM, SIG_DFL);
    role.slot->rc = index < run->load->receivers ? run->system->receive(&role) : run->system->send(&role);
    load_ready(&role); /* also after a failure: nobody need wait */
    _exit(role.slot->rc < 0);
}

static int spawn(struct run *run)
{
    for (uint32_t i = 0; i < run->count; i++) {
        pid_t pid = fork();

        if (pid < 0)
            return STRATO_EIO;
        if (pid == 0)
            child(run, i);
        run->pids[i] = pid;
    }
    return 0;
}

static bool is_cancelled(const struct run *run)
{
    return run->is_cancelled && run->is_cancelled();
}

static int wait_ready(const struct run *run)
{
    uint64_t deadline_ns = load_now_ns() + (uint64_t)CONNECT_PATIENCE_MS * 1000000U;

    for (uint32_t i = 0; i < run->count;) {
        if (atomic_load(&run->shared->slots[i].is_ready)) {
            if (run->shared->slots[i].rc < 0)
                return run->shared->slots[i].rc;
            i++;
        } else if (is_cancelled(run)) {
            return STRATO_EINTERRUPTED;
        } else if (load_now_ns() > deadline_ns) {
            return STRATO_ETIMEOUT;
        } else {
            sleep_ms(POLL_MS);
        }
    }
    return 0;
}

/* In pieces, so that a cancelled run ends soon. */
static int pass(const struct run *run, uint32_t ms)
{
    uint64_t end_ns = load_now_ns() + (uint64_t)ms * 1000000U;

    while (load_now_ns() < end_ns) {
        uint64_t next_ns = load_now_ns() + 100000000U;

        if (is_cancelled(run))
            return STRATO_EINTERRUPTED;
        sleep_until(next_ns < end_ns ? next_ns : end_ns);
    }
    return 0;
}

static void stop(struct run *run)
{
    uint64_t deadline_ns = load_now_ns() + (uint64_t)STOP_PATIENCE_MS * 1000000U;

    atomic_store(&run->shared->phase, LOAD_STOP);
    for (uint32_t i = 0; i < run->count; i++) {
        pid_t gone = 0;

        if (run->pids[i] <= 0)
            continue;
        while (gone == 0) {
            gone = waitpid(run->pids[i], NULL, WNOHANG);
            if (gone == 0 && load_now_ns() > deadline_ns)
                kill(run->pids[i], SIGKILL);
            if (gone == 0)
                sleep_ms(POLL_MS);
        }
    }
}

struct sample {
    uint64_t at_ns, messages, bytes;
    double broker_cpu_s, clients_cpu_s;
};

static double process_cpu_s(pid_t pid)
{
    char path[64], line[1024] = "";
    unsigned long user = 0, system = 0;
    const char *behind;
    FILE *file;

    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    file = fopen(path, "r");
    if (!file)
        return 0;
    if (fgets(line, sizeof line, file)) {
        behind = strrchr(line, ')'); /* the name in front may hold anything */
        if (behind)
            sscanf(behind + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system);
    }
    fclose(file);
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

static double process_rss_mb(pid_t pid)
{
    unsigned long pages = 0;
    char path[64];
    FILE *file;

    snprintf(path, sizeof path, "/proc/%d/statm", (int)pid);
    file = fopen(path, "r");
    if (!file)
        return 0;
    if (fscanf(file, "%*u %lu", &pages) != 1)
        pages = 0;
    fclose(file);
    return (double)pages * (double)sysconf(_SC_PAGESIZE) / 1048576;
}

static struct sample sample_take(const struct run *run, pid_t broker_pid)
{
    /* Requests count where they come back; all else where it arrives, or, without receivers, where it leaves. */
    bool counts_receivers = run->load->pattern != LOAD_REQUEST && run->load->receivers > 0;
    uint32_t from = counts_receivers ? 0 : run->load->receivers;
    uint32_t to = counts_receivers ? run->load->receivers : run->count;
    struct sample s = { .at_ns = load_now_ns() };

    for (uint32_t i = from; i < to; i++) {
        s.messages += atomic_load_explicit(&run->shared->slots[i].messages, memory_order_relaxed);
        s.bytes += atomic_load_explicit(&run->shared->slots[i].bytes, memory_order_relaxed);
    }
    s.broker_cpu_s = broker_pid ? process_cpu_s(broker_pid) : 0;
    for (uint32_t i = 0; i < run->count; i++)
        s.clients_cpu_s += process_cpu_s(run->pids[i]);
    return s;
}

static int measure(struct run *run, pid_t broker_pid, struct load_result *result)
{
    struct sample before, after;
    double took_s;
    int rc = wait_ready(run);

    if (rc < 0)
        return rc;
    atomic_store(&run->shared->phase, LOAD_WARMUP);
    rc = pass(run, run->load->warmup_ms);
    if (rc < 0)
        return rc;
    before = sample_take(run, broker_pid);
    atomic_store(&run->shared->phase, LOAD_WINDOW);
    rc = pass(run, run->load->window_ms);
    after = sample_take(run, broker_pid);
    took_s = (double)(after.at_ns - before.at_ns) / 1e9;
    result->per_s = (double)(after.messages - before.messages) / took_s;
    result->mb_per_s = (double)(after.bytes - before.bytes) / took_s / 1e6;
    if (after.messages > before.messages) {
        double messages = (double)(after.messages - before.messages);

        result->broker_cpu_us = (after.broker_cpu_s - before.broker_cpu_s) * 1e6 / messages;
        result->clients_cpu_us = (after.clients_cpu_s - before.clients_cpu_s) * 1e6 / messages;
    }
    result->broker_rss_mb = broker_pid ? process_rss_mb(broker_pid) : 0;
    return rc;
}

static void collect(const struct run *run, struct load_result *result)
{
    for (uint32_t i = 0; i < run->count; i++) {
        const struct load_slot *slot = &run->shared->slots[i];

        strato_histogram_merge(&result->latency_ns, &slot->latency_ns);
        result->failures += atomic_load(&slot->failures);
        if (slot->rc < 0 && result->rc == 0) {
            result->rc = slot->rc;
            memcpy(result->detail, slot->detail, sizeof result->detail);
        }
    }
}

int load_run(const struct load_case *load, const struct load_system *system, pid_t broker_pid, bool (*cancelled)(void),
             struct load_result *ret_result)
{
    struct run run = {
        .load = load, .system = system, .count = load->senders + load->receivers, .is_cancelled = cancelled
    };
    int rc;

    if (run.count == 0 || run.count > LOAD_PROCESSES_MAX)
        return STRATO_EINVAL;
    memset(ret_result, 0, sizeof *ret_result);
    run.shared_bytes = sizeof *run.shared + run.count * sizeof run.shared->slots[0];
    run.shared = mmap(NULL, run.shared_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (run.shared == MAP_FAILED)
        return STRATO_ENOMEM;
    fflush(NULL); /* or every child prints what we have not printed yet */
    rc = spawn(&run);
    if (rc == 0)
        rc = measure(&run, broker_pid, ret_result);
    stop(&run);
    collect(&run, ret_result);
    munmap(run.shared, run.shared_bytes);
    if (rc == STRATO_ETIMEOUT && ret_result->rc == 0)
        snprintf(ret_result->detail, sizeof ret_result->detail, "not all processes were connected within %d s",
                 CONNECT_PATIENCE_MS / 1000);
    if (rc < 0 && rc != STRATO_EINTERRUPTED && ret_result->rc == 0)
        ret_result->rc = rc;
    return rc == STRATO_EINTERRUPTED ? rc : 0;
}
