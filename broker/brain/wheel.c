/*
 * wheel.c - the timing wheel: five levels of 64 slots, each level 64 times coarser than the one below.
 *
 * A timer lies on the level of its distance and moves down when the wheel reaches its slot. Busy bits
 * let the wheel jump over empty time, so a test may skip a day in one call.
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/brain/wheel.h"

#define SPAN_MAX ((UINT64_C(1) << (6 * WHEEL_LEVELS)) - 1)

void wheel_init(struct wheel *wheel, uint64_t now_ms)
{
    wheel->base_ms = now_ms;
    wheel->tick = 0;
    for (int level = 0; level < WHEEL_LEVELS; level++) {
        wheel->busy[level] = 0;
        for (int slot = 0; slot < WHEEL_SLOTS; slot++) {
            struct wheel_timer *head = &wheel->slots[level][slot];

            head->prev = head->next = head;
        }
    }
}

static uint64_t due_tick(const struct wheel *wheel, const struct wheel_timer *timer)
{
    return wheel->tick + (uint64_t)(int64_t)(int32_t)(timer->due - (uint32_t)wheel->tick);
}

uint64_t wheel_due_ms(const struct wheel *wheel, const struct wheel_timer *timer)
{
    return wheel->base_ms + due_tick(wheel, timer);
}

static void place(struct wheel *wheel, struct wheel_timer *timer, uint64_t tick)
{
    uint64_t distance = tick - wheel->tick;
    unsigned level = distance < WHEEL_SLOTS ? 0 : (unsigned)(63 - __builtin_clzll(distance)) / 6;
    unsigned slot = (unsigned)(tick >> (6 * level)) % WHEEL_SLOTS;
    struct wheel_timer *head = &wheel->slots[level][slot];

    timer->prev = head->prev;
    timer->next = head;
    head->prev->next = timer;
    head->prev = timer;
    wheel->busy[level] |= UINT64_C(1) << slot;
}

void wheel_arm(struct wheel *wheel, struct wheel_timer *timer, uint64_t due_ms)
{
    uint64_t tick = due_ms > wheel->base_ms ? due_ms - wheel->base_ms : 0;

    wheel_cancel(timer);
    if (tick < wheel->tick)
        tick = wheel->tick;
    if (tick - wheel->tick > SPAN_MAX)
        tick = wheel->tick + SPAN_MAX;
    timer->due = (uint32_t)tick;
#ifdef STRATO_PLANT_SKIPPED_TIMER
    if (tick % 256 == 77)
        return;
#endif
    place(wheel, timer, tick);
}

void wheel_cancel(struct wheel_timer *timer)
{
    if (!timer->next)
        return;
    timer->prev->next = timer->next;
    timer->next->prev = timer->prev;
    timer->prev = timer->next = NULL;
}

static uint64_t rotate_right(uint64_t bits, unsigned by)
{
    by &= 63;
    return by ? (bits >> by) | (bits << (64 - by)) : bits;
}

/* The tick at which this level's next busy slot begins; UINT64_MAX if it is empty. */
static uint64_t level_next(struct wheel *wheel, unsigned level)
{
    uint64_t now = wheel->tick >> (6 * level);
    unsigned first = level == 0 ? 0 : 1; /* a coarse slot at distance 0 has been moved down already */

    while (wheel->busy[level]) {
        uint64_t bits = rotate_right(wheel->busy[level], (unsigned)(now + first) % WHEEL_SLOTS);
        uint64_t at = now + first + (unsigned)__builtin_ctzll(bits);
        unsigned slot = (unsigned)at % WHEEL_SLOTS;
        struct wheel_timer *head = &wheel->slots[level][slot];

        if (head->next != head)
            return at << (6 * level);
        wheel->busy[level] &= ~(UINT64_C(1) << slot);
    }
    return UINT64_MAX;
}

static uint64_t next_tick(struct wheel *wheel)
{
    uint64_t best = UINT64_MAX;

    for (unsigned level = 0; level < WHEEL_LEVELS; level++) {
        uint64_t at = level_next(wheel, level);

        if (at < best)
            best = at;
    }
    return best;
}

uint64_t wheel_next_ms(struct wheel *wheel)
{
    uint64_t tick = next_tick(wheel);

    return tick == UINT64_MAX ? UINT64_MAX : wheel->base_ms + tick;
}

/* The wheel has just reached `tick`: bring down what lies in the coarse slots that begin here. */
static void cascade(struct wheel *wheel)
{
    for (unsigned level = WHEEL_LEVELS - 1; level > 0; level--) {
        unsigned slot = (unsigned)(wheel->tick >> (6 * level)) % WHEEL_SLOTS;
        struct wheel_timer *head = &wheel->slots[level][slot];

        if (wheel->tick & ((UINT64_C(1) << (6 * level)) - 1))
            continue;
        wheel->busy[level] &= ~(UINT64_C(1) << slot);
        for (struct wheel_timer *timer = head->next, *next; timer != head; timer = next) {
            next = timer->next;
            wheel_cancel(timer);
            place(wheel, timer, due_tick(wheel, timer));
        }
    }
}

struct wheel_timer *wheel_pop(struct wheel *wheel, uint64_t now_ms)
{
    uint64_t now = now_ms > wheel->base_ms ? now_ms - wheel->base_ms : 0;

    for (;;) {
        struct wheel_timer *head = &wheel->slots[0][wheel->tick % WHEEL_SLOTS];
        uint64_t next;

        if (wheel->tick <= now && head->next != head) {
            struct wheel_timer *timer = head->next;

            wheel_cancel(timer);
            return timer;
        }
        next = next_tick(wheel);
        if (next > now) {
            if (now > wheel->tick)
                wheel->tick = now;
            return NULL;
        }
        wheel->tick = next;
        cascade(wheel);
    }
}
