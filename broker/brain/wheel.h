/*
 * wheel.h - when is what due? A hierarchical timing wheel of one-millisecond ticks.
 *
 * Every queued message has a timer (its time to live), so one must cost little: 24 bytes inside its
 * owner, O(1) to add, to cancel and to fire, however many there are. It reads no clock: callers pass the
 * time in. Spans reach 2^30 ms (12 days); what is further off fires no earlier than that and is put back
 * by its owner. The longest span that the broker uses is 48 h (delay plus time to live).
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_BRAIN_WHEEL_H
#define STRATO_BRAIN_WHEEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WHEEL_LEVELS = 5, WHEEL_SLOTS = 64 };

/** Embedded in its owner. Zero-initialised = not armed. `kind` belongs to the owner and says what the owner is. */
struct wheel_timer {
    struct wheel_timer *prev, *next; /* NULL = not armed */
    uint32_t due;                    /* low 32 bits of the tick */
    uint8_t kind;
    uint8_t of_owner[2]; /* the owner's as well: they fill what would be padding */
};

struct wheel {
    uint64_t base_ms;            /* tick 0 */
    uint64_t tick;               /* ticks that have been worked off */
    uint64_t busy[WHEEL_LEVELS]; /* bit = the slot may hold something; cleared when found empty */
    struct wheel_timer slots[WHEEL_LEVELS][WHEEL_SLOTS];
};

void wheel_init(struct wheel *wheel, uint64_t now_ms);
/** Arm at `due_ms`, or move there. A time that has passed fires at the next wheel_pop(). */
void wheel_arm(struct wheel *wheel, struct wheel_timer *timer, uint64_t due_ms);
/** Disarm; no effect if it is not armed. */
void wheel_cancel(struct wheel_timer *timer);
static inline bool wheel_is_armed(const struct wheel_timer *timer)
{
    return timer->next != NULL;
}
/** When it will fire; only for an armed one. */
uint64_t wheel_due_ms(const struct wheel *wheel, const struct wheel_timer *timer);
/** Take one timer that is due at now_ms, disarmed; NULL if there is none. */
struct wheel_timer *wheel_pop(struct wheel *wheel, uint64_t now_ms);
/** A time by which wheel_pop() should be called: never later than the earliest timer, UINT64_MAX if there is none. */
uint64_t wheel_next_ms(struct wheel *wheel);
#endif
