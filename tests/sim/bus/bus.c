/*
 * bus.c - the clock of the simulation, and its end.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tests/sim/bus/bus.h"
#include "tests/sim/disk.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

uint64_t bus_draw(struct bus *bus, uint64_t below)
{
    uint64_t z = (bus->drawn += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (z ^ (z >> 31)) % below;
}

void bus_fail(struct bus *bus, const char *oracle, const char *format, ...)
{
    va_list args;

    printf("%s: at %.6f s: ", oracle, (double)bus->now_us / 1e6);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
    fflush(stdout);
    _Exit(1);
}

void bus_trace(struct bus *bus, const char *format, ...)
{
    va_list args;

    if (!bus->is_traced)
        return;
    fprintf(stderr, "      %8.3f s    . ", (double)bus->now_us / 1e6);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

static void cut(struct bus *bus, struct bus_actor *actor)
{
    if (!actor->link.is_up || !actor->is_alive)
        return;
    link_cut(bus, actor);
    strato__session_step(&actor->session, &(struct strato__step){ .kind = STRATO__STEP_DROPPED }, bus->now_us + 1);
}

static void fault(struct bus *bus, const struct bus_step *step)
{
    struct bus_actor *actor = &bus->actors[step->actor];

    switch (step->kind) {
    case BUS_CUT:
        cut(bus, actor);
        break;
    case BUS_SILENCE:
        actor->link.is_silent_up |= step->choice % 3 != 0; /* a connection does not come back to life */
        actor->link.is_silent_down |= step->choice % 3 != 1;
        break;
    case BUS_CRASH:
        actor_crash(bus, actor, step->ms);
        break;
    case BUS_FREEZE:
        actor->frozen_us = bus->now_us + (uint64_t)step->ms * BUS_MS;
        break;
    case BUS_KILL:
        host_kill(bus, step->ms);
        break;
    case BUS_DISK_FULL:
        bus->host.disk_full_until_us = bus->now_us + (uint64_t)step->ms * BUS_MS;
        break;
    case BUS_DISK_SLOW:
        bus->host.disk_slow_until_us = bus->now_us + (uint64_t)step->ms * BUS_MS;
        break;
    case BUS_CLOCK_JUMP:
        bus->ledger.has_jumped = true;
        bus->host.wall_offset_ms += step->choice % 2 ? (int64_t)step->ms : -(int64_t)(step->ms / 4);
        break;
    default:
        break;
    }
}

static void administrate(struct bus *bus, const struct bus_step *step)
{
    static const char *const all[] = { "all", "true" };
    static const char *const tee[] = { "id", "tee", "channel", "jobs", "target", "copies", "action", "tee" };

    if (step->kind == BUS_REDRIVE) {
        bus->ledger.has_redriven = true;
        host_admin(bus, "admin.dlq.redrive", bus_channel_names[step->choice % (BUS_SINGLE + 1)], all, 2);
    } else if (bus->host.rules++ % 2 == 0) {
        host_admin(bus, "admin.route.add", NULL, tee, 8);
    } else {
        host_admin(bus, "admin.route.rm", NULL, tee, 2);
    }
}

static void do_steps(struct bus *bus)
{
    const struct bus_plan *plan = bus->plan;

    for (; bus->next_step < plan->count && plan->steps[bus->next_step].at_us <= bus->now_us; bus->next_step++) {
        const struct bus_step *step = &plan->steps[bus->next_step];
        char text[160];

        if (step->is_left_out)
            continue;
        if (bus->is_traced) {
            plan_print(plan, bus->next_step, text, sizeof(text));
            fprintf(stderr, "%s\n", text);
        }
        if (step->kind >= BUS_CUT && step->kind <= BUS_CLOCK_JUMP)
            fault(bus, step);
        else if (step->kind == BUS_REDRIVE || step->kind == BUS_TEE)
            administrate(bus, step);
        else
            actor_do(bus, step);
    }
}

static void begin_calm(struct bus *bus)
{
    bus->is_calm = true;
    bus->calm_since_us = bus->now_us;
    bus->host.disk_full_until_us = bus->host.disk_slow_until_us = 0;
    for (int i = 0; i < BUS_ACTORS; i++) {
        struct bus_actor *actor = &bus->actors[i];

        actor->frozen_us = actor->frozen_us > bus->now_us ? bus->now_us : actor->frozen_us;
        if (actor->link.is_silent_up || actor->link.is_silent_down)
            cut(bus, actor); /* what was lost stays lost: such a connection never works again */
    }
}

static uint64_t next_us(const struct bus *bus)
{
    uint64_t next = bus->next_step < bus->plan->count ? bus->plan->steps[bus->next_step].at_us : bus->plan->end_us;
    uint64_t others[] = { links_next_us(bus), host_next_us(bus), actors_next_us(bus) };

    if (bus->is_calm)
        next = bus->now_us + 1000 * BUS_MS;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        next = others[i] < next ? others[i] : next;
    return next > bus->now_us ? next : bus->now_us + 1;
}

/* Who could take what is stuck, and why it does not. */
static void explain(struct bus *bus)
{
    for (int i = 0; bus->is_traced && i < BUS_ACTORS; i++) {
        const struct bus_actor *actor = &bus->actors[i];

        for (int k = 0; k < BUS_CHANNELS; k++) {
            const struct strato__stream *t = actor->streams[k];

            if (t)
                bus_trace(bus,
                          "actor %d at %s: state %d, received %llu, next tag %llu, limit told %llu, taken told %llu, "
                          "queued %u, unsettled %u",
                          i, bus_channel_names[k], t->state, (unsigned long long)t->received,
                          (unsigned long long)t->next_tag, (unsigned long long)t->limit_sent,
                          (unsigned long long)t->taken_sent, t->queued, t->unsettled);
        }
    }
}

static bool is_over(struct bus *bus)
{
    char text[256] = "the actors are not done";

    if (!bus->is_calm)
        return false;
    if (host_is_empty(bus, text, sizeof(text)) && actors_are_done(bus))
        return true;
    if (bus->now_us - bus->calm_since_us > (uint64_t)BUS_CALM_MS * BUS_MS)
        explain(bus);
    if (bus->now_us - bus->calm_since_us > (uint64_t)BUS_CALM_MS * BUS_MS)
        bus_fail(bus, text[0] == 'c' ? "stuck message" : "stuck client", "%d s after all faults were healed: %s",
                 BUS_CALM_MS / 1000, text);
    return false;
}

void bus_run(struct bus *bus, const struct bus_plan *plan)
{
    bus->plan = plan;
    bus->seed = plan->seed;
    bus->drawn = plan->seed * UINT64_C(0xda942042e4dd58b5);
    bus->on_disk = plan->seed % BUS_DISK_EVERY == 0;
    bus->host.peers = BUS_ADMIN_PEER;
    bus->now_us = 1;
    host_start(bus);
    actors_init(bus);
    while (!is_over(bus)) {
        do_steps(bus);
        if (!bus->is_calm && bus->now_us >= plan->end_us)
            begin_calm(bus);
        links_step(bus);
        host_step(bus);
        actors_step(bus);
        bus->now_us = next_us(bus);
    }
    ledger_judge(bus);
    actors_fini(bus);
    host_stop(bus);
    store_close(&bus->host.store);
    disk_free(bus->host.disk);
    ledger_fini(bus);
}
