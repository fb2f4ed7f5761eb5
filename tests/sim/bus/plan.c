/*
 * plan.c - what happens in a run, drawn from its seed.
 *
 * SPDX-License-Identifier: MIT
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "broker/brain/channel.h"
#include "tests/sim/bus/bus.h"

const char *const bus_channel_names[BUS_CHANNELS] = { "jobs",   "orders", "single", "fresh", "first",
                                                      "reject", "ask",    "news",   "copies" };

bool bus_channel_is_exact(enum bus_channel channel)
{
    return channel == BUS_JOBS || channel == BUS_ORDERS || channel == BUS_SINGLE || channel == BUS_REJECT;
}

bool bus_channel_is_durable(enum bus_channel channel)
{
    return channel == BUS_ORDERS;
}

void bus_channel_configs(struct brain_channel_config configs[BUS_CHANNELS])
{
    for (int i = 0; i < BUS_CHANNELS; i++) {
        struct brain_channel_config *c = &configs[i];

        *c = (struct brain_channel_config){ 0 };
        snprintf(c->name, sizeof(c->name), "%s", bus_channel_names[i]);
        channel_config_defaults(c, i == BUS_ASK ? BRAIN_REQUEST : i == BUS_NEWS ? BRAIN_EVENTS : BRAIN_WORK);
        c->capacity = 12;
        c->history_max = 40;
        c->dead_max = 10000; /* the observer looks for what died among them */
        c->is_durable = bus_channel_is_durable((enum bus_channel)i);
        c->lease_ms = 15000;
        c->start_timeout_ms = 20000;
    }
    configs[BUS_FRESH].full = BRAIN_FULL_DROP_OLDEST;
    configs[BUS_FIRST].full = BRAIN_FULL_DROP_NEWEST;
    configs[BUS_REJECT].full = BRAIN_FULL_REJECT;
    configs[BUS_COPIES].full = BRAIN_FULL_DROP_OLDEST;
    configs[BUS_ORDERS].displaces = true;
}

/* SplitMix64. */
static uint64_t draw(uint64_t *state, uint64_t below)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (z ^ (z >> 31)) % below;
}

/* How often each kind is drawn, of the sum. Faults are rare in half of the seeds and frequent in the others. */
static const uint16_t weights[BUS_STEP_KINDS] = {
    [BUS_SEND] = 300,    [BUS_PUBLISH] = 60,   [BUS_REQUEST] = 60, [BUS_ACK] = 220,  [BUS_NACK] = 40,
    [BUS_NACK_DEAD] = 8, [BUS_EXTEND] = 30,    [BUS_BARRIER] = 60, [BUS_REPLY] = 60, [BUS_CUT] = 6,
    [BUS_SILENCE] = 4,   [BUS_CRASH] = 5,      [BUS_FREEZE] = 4,   [BUS_KILL] = 2,   [BUS_DISK_FULL] = 2,
    [BUS_DISK_SLOW] = 4, [BUS_CLOCK_JUMP] = 2, [BUS_REDRIVE] = 4,  [BUS_TEE] = 3,
};

static enum bus_step_kind draw_kind(uint64_t *state, bool is_rough)
{
    uint64_t sum = 0, at;
    int kind = 0;

    for (int i = 0; i < BUS_STEP_KINDS; i++)
        sum += (uint64_t)weights[i] * (is_rough && i >= BUS_CUT && i <= BUS_CLOCK_JUMP ? 4 : 1);
    at = draw(state, sum);
    for (;; kind++) {
        uint64_t weight = (uint64_t)weights[kind] * (is_rough && kind >= BUS_CUT && kind <= BUS_CLOCK_JUMP ? 4 : 1);

        if (at < weight)
            return (enum bus_step_kind)kind;
        at -= weight;
    }
}

static uint8_t draw_actor(uint64_t *state, enum bus_step_kind kind)
{
    switch (kind) {
    case BUS_SEND:
    case BUS_PUBLISH:
        return (uint8_t)draw(state, BUS_PRODUCERS);
    case BUS_ACK:
    case BUS_NACK:
    case BUS_NACK_DEAD:
    case BUS_EXTEND:
    case BUS_BARRIER:
        return (uint8_t)(BUS_PRODUCERS + draw(state, BUS_CONSUMERS));
    case BUS_REQUEST:
        return BUS_PRODUCERS + BUS_CONSUMERS;
    case BUS_REPLY:
        return BUS_PRODUCERS + BUS_CONSUMERS + 1;
    default:
        return (uint8_t)draw(state, BUS_ACTORS);
    }
}

static uint32_t draw_ms(uint64_t *state, enum bus_step_kind kind)
{
    switch (kind) {
    case BUS_CRASH:
        return (uint32_t)(50 + draw(state, 20000));
    case BUS_FREEZE:
        return (uint32_t)(500 + draw(state, 60000));
    case BUS_KILL:
        return (uint32_t)(50 + draw(state, 8000));
    case BUS_DISK_FULL:
    case BUS_DISK_SLOW:
        return (uint32_t)(500 + draw(state, 15000));
    case BUS_CLOCK_JUMP:
        return (uint32_t)draw(state, 7200000);
    default:
        return 0;
    }
}

void plan_draw(struct bus_plan *plan, uint64_t seed)
{
    uint64_t state = seed * UINT64_C(0x2545f4914f6cdd1d) + 1, at = 200 * BUS_MS;
    bool is_rough = draw(&state, 2), is_hasty = draw(&state, 2);

    *plan = (struct bus_plan){ .seed = seed, .count = 150 + draw(&state, 500) };
    plan->steps = calloc(plan->count, sizeof(*plan->steps));
    if (!plan->steps)
        abort();
    for (size_t i = 0; i < plan->count; i++) {
        struct bus_step *s = &plan->steps[i];

        at += draw(&state, is_hasty ? 20 : 400) * BUS_MS;
        s->at_us = at;
        s->kind = draw_kind(&state, is_rough);
        s->actor = draw_actor(&state, s->kind);
        s->channel = (uint8_t)(s->kind == BUS_SEND      ? draw(&state, BUS_REJECT + 1)
                               : s->kind == BUS_PUBLISH ? BUS_NEWS
                                                        : BUS_JOBS);
        s->ms = draw_ms(&state, s->kind);
        s->choice = (uint32_t)draw(&state, UINT32_MAX);
    }
    plan->end_us = at + 100 * BUS_MS;
}

void plan_fini(struct bus_plan *plan)
{
    free(plan->steps);
    plan->steps = NULL;
}

void plan_print(const struct bus_plan *plan, size_t at, char *text, size_t bytes)
{
    static const char *const names[BUS_STEP_KINDS] = {
        "send",      "publish",   "request",          "ack",         "nack",         "nack dead", "extend",
        "barrier",   "reply",     "connection cut",   "silence",     "client crash", "freeze",    "kill -9 broker",
        "disk full", "disk slow", "wall clock jumps", "redrive all", "tee rule",
    };
    const struct bus_step *s = &plan->steps[at];
    int used = snprintf(text, bytes, "%4zu  %8.3f s  %-16s", at, (double)s->at_us / 1e6, names[s->kind]);

    if (s->kind != BUS_KILL && s->kind != BUS_DISK_FULL && s->kind != BUS_DISK_SLOW && s->kind != BUS_CLOCK_JUMP &&
        s->kind != BUS_REDRIVE && s->kind != BUS_TEE)
        used += snprintf(text + used, bytes - (size_t)used, " actor %u", s->actor);
    if (s->kind == BUS_SEND)
        used += snprintf(text + used, bytes - (size_t)used, " to %s", bus_channel_names[s->channel]);
    if (s->ms)
        snprintf(text + used, bytes - (size_t)used, " for %" PRIu32 " ms", s->ms);
}
