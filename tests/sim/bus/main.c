/*
 * main.c - many seeds: run each in a process of its own, and shrink the first that fails.
 *
 * usage: sim [--seeds N] [--first S] [--seconds T] [--seed S [--only STEP,STEP..]] [--keep-going | --until-found]
 *
 * A failing seed is run again and again with steps left out, as long as the same oracle breaks; what is left is printed,
 * with the command that replays it. Exit code 0 if no seed failed, 1 if one did. With --until-found, for planted faults, it
 * is the other way round, and nothing is shrunk.
 *
 * SPDX-License-Identifier: MIT
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/sim/bus/bus.h"

struct verdict {
    bool is_good;
    char text[512]; /* "oracle: ..." */
};

struct totals {
    uint64_t seeds, confirmed, received, settled, requests, events, restarts, life_lost;
};

static uint64_t seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec;
}

static void run_here(const struct bus_plan *plan, bool is_traced, struct totals *totals)
{
    struct bus *bus = calloc(1, sizeof(*bus));

    if (!bus)
        abort();
    bus->is_traced = is_traced;
    bus_run(bus, plan);
    totals->confirmed = bus->ledger.confirmed;
    totals->received = bus->ledger.received;
    totals->settled = bus->ledger.settled;
    totals->requests = bus->ledger.results;
    totals->events = bus->ledger.events;
    totals->restarts = bus->host.restarts;
    totals->life_lost = bus->ledger.life_lost;
    free(bus);
}

/* In a child, so that an abort or a sanitizer's report is a verdict like any other. */
static struct verdict run_plan(const struct bus_plan *plan, bool is_traced, struct totals *totals)
{
    struct verdict verdict = { 0 };
    struct totals own = { 0 };
    int pipes[2], status = 0;
    size_t used = 0;
    ssize_t got;
    pid_t child;

    if (pipe(pipes) < 0)
        abort();
    fflush(stdout);
    child = fork();
    if (child == 0) {
        dup2(pipes[1], STDOUT_FILENO);
        close(pipes[0]);
        alarm(120);
        run_here(plan, is_traced, &own);
        _exit(write(STDOUT_FILENO, &own, sizeof(own)) == sizeof(own) ? 0 : 2);
    }
    close(pipes[1]);
    while (used < sizeof(verdict.text) - 1 &&
           (got = read(pipes[0], verdict.text + used, sizeof(verdict.text) - 1 - used)) > 0)
        used += (size_t)got;
    close(pipes[0]);
    waitpid(child, &status, 0);
    verdict.is_good = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (verdict.is_good) {
        memcpy(&own, verdict.text, sizeof(own));
        totals->seeds++;
        totals->confirmed += own.confirmed;
        totals->received += own.received;
        totals->settled += own.settled;
        totals->requests += own.requests;
        totals->events += own.events;
        totals->restarts += own.restarts;
        totals->life_lost += own.life_lost;
    } else if (used == 0) {
        snprintf(verdict.text, sizeof(verdict.text), "crash: the process ended with %s %d\n",
                 WIFSIGNALED(status) ? "signal" : "status",
                 WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    }
    return verdict;
}

/* ---- shrinking ----------------------------------------------------------------------------------- */

static bool is_same_oracle(const struct verdict *a, const struct verdict *b)
{
    size_t bytes = strcspn(a->text, ":");

    return !b->is_good && strncmp(a->text, b->text, bytes + 1) == 0;
}

static size_t steps_left(const struct bus_plan *plan)
{
    size_t left = 0;

    for (size_t i = 0; i < plan->count; i++)
        left += !plan->steps[i].is_left_out;
    return left;
}

/* Leave out [from, to) and see. */
static bool without(struct bus_plan *plan, size_t from, size_t to, const struct verdict *wanted)
{
    struct totals ignored = { 0 };
    struct verdict verdict;
    bool *were = malloc(plan->count);

    if (!were)
        abort();
    for (size_t i = 0; i < plan->count; i++)
        were[i] = plan->steps[i].is_left_out;
    for (size_t i = from; i < to; i++)
        plan->steps[i].is_left_out = true;
    verdict = run_plan(plan, false, &ignored);
    if (!is_same_oracle(wanted, &verdict)) {
        for (size_t i = 0; i < plan->count; i++)
            plan->steps[i].is_left_out = were[i];
        free(were);
        return false;
    }
    free(were);
    return true;
}

static void shrink(struct bus_plan *plan, const struct verdict *wanted)
{
    bool got_smaller = true;

    for (size_t size = (plan->count + 1) / 2; size >= 1; size = got_smaller || size == 1 ? size / 2 : size / 2) {
        got_smaller = false;
        for (size_t from = 0; from < plan->count; from += size) {
            size_t to = from + size < plan->count ? from + size : plan->count, present = 0;

            for (size_t i = from; i < to; i++)
                present += !plan->steps[i].is_left_out;
            if (present && without(plan, from, to, wanted))
                got_smaller = true;
        }
        if (size == 1)
            break;
    }
}

static void explain(struct bus_plan *plan, const struct verdict *verdict, const char *program)
{
    struct totals ignored = { 0 };

    fprintf(stderr, "seed %llu fails: %s", (unsigned long long)plan->seed, verdict->text);
    fprintf(stderr, "shrinking %zu steps ...\n", plan->count);
    shrink(plan, verdict);
    fprintf(stderr, "%zu steps are enough:\n", steps_left(plan));
    fputs(run_plan(plan, true, &ignored).text, stderr);
    fprintf(stderr, "replay: %s --seed %llu --only ", program, (unsigned long long)plan->seed);
    for (size_t i = 0, n = 0; i < plan->count; i++) {
        if (!plan->steps[i].is_left_out)
            fprintf(stderr, "%s%zu", n++ ? "," : "", i);
    }
    fputc('\n', stderr);
}

static void leave_only(struct bus_plan *plan, const char *list)
{
    char *end;

    for (size_t i = 0; i < plan->count; i++)
        plan->steps[i].is_left_out = true;
    for (const char *at = list; *at; at = *end == ',' ? end + 1 : end) {
        size_t i = strtoul(at, &end, 10);

        if (end == at)
            break;
        if (i < plan->count)
            plan->steps[i].is_left_out = false;
    }
}

int main(int argc, char **argv)
{
    uint64_t seeds = 100, first = 1, limit_s = UINT64_MAX, one = 0, failed = 0, began = seconds();
    const char *only = NULL;
    bool keeps_going = false, is_hunt = false;
    struct totals totals = { 0 };

    for (int i = 1; i < argc; i++) {
        uint64_t value = i + 1 < argc ? strtoull(argv[i + 1], NULL, 10) : 0;

        if (strcmp(argv[i], "--keep-going") == 0)
            keeps_going = true;
        else if (strcmp(argv[i], "--until-found") == 0)
            is_hunt = true;
        else if (i + 1 >= argc)
            return 2;
        else if (strcmp(argv[i], "--seeds") == 0)
            seeds = value;
        else if (strcmp(argv[i], "--first") == 0)
            first = value;
        else if (strcmp(argv[i], "--seconds") == 0)
            limit_s = value;
        else if (strcmp(argv[i], "--seed") == 0)
            one = value;
        else if (strcmp(argv[i], "--only") == 0)
            only = argv[i + 1];
        i += strcmp(argv[i], "--keep-going") != 0 && strcmp(argv[i], "--until-found") != 0;
    }
    for (uint64_t seed = one ? one : first; one ? seed == one : seed < first + seeds; seed++) {
        struct bus_plan plan;
        struct verdict verdict;

        if (seconds() - began >= limit_s)
            break;
        plan_draw(&plan, seed);
        if (only)
            leave_only(&plan, only);
        verdict = run_plan(&plan, one != 0, &totals);
        if (!verdict.is_good) {
            failed++;
            if (is_hunt)
                printf("found by seed %llu, the %lluth: %s", (unsigned long long)seed,
                       (unsigned long long)(totals.seeds + 1), verdict.text);
            else if (!one)
                explain(&plan, &verdict, argv[0]);
            else
                fputs(verdict.text, stderr);
        }
        plan_fini(&plan);
        if (failed && !keeps_going)
            break;
    }
    printf("%llu seeds held, %llu failed, in %llu s: %llu messages confirmed, %llu deliveries, %llu settles confirmed, "
           "%llu "
           "requests, %llu events, %llu broker restarts, %llu memory messages ended with their broker\n",
           (unsigned long long)totals.seeds, (unsigned long long)failed, (unsigned long long)(seconds() - began),
           (unsigned long long)totals.confirmed, (unsigned long long)totals.received,
           (unsigned long long)totals.settled, (unsigned long long)totals.requests, (unsigned long long)totals.events,
           (unsigned long long)totals.restarts, (unsigned long long)totals.life_lost);
    return (failed > 0) != is_hunt ? 1 : 0;
}
