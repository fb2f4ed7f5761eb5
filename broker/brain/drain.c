/*
 * drain.c - the broker is leaving: tell everybody, take no new work, wait until nothing is leased.
 *
 * Puts inside granted credit are still taken; settles, replies and deliveries go on. What remains in
 * memory channels at the end is dropped as `shutdown`; what is on disk stays there for the next start.
 * Rules: protocol.md section 9, semantics.md 42.
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/brain/state.h"

void drain_begin(struct brain *brain)
{
    size_t at = 0;
    struct peer *peer;

    if (brain->is_draining)
        return;
    brain->is_draining = true;
    brain_log(brain, 2, "draining leased=%llu timeout_ms=%u", (unsigned long long)brain->leased_total,
              brain->config.drain_timeout_ms);
    while ((peer = map_next(&brain->peers, &at)) != NULL) {
        struct answer a;

        if (!peer->session)
            continue;
        answer_begin(&a, brain, peer, "drain", NULL);
        strato_header_u64(&a.header, "deadline_ms", brain->config.drain_timeout_ms);
        answer_send(&a);
    }
    for (uint32_t i = 0; i < brain->channels_count; i++) {
        struct channel *ch = brain->channels[i];

        while (ch && ch->parked_head)
            parking_put_end(ch->parked_head, STRATO_EDRAINING);
    }
    brain->drain_timer.kind = TIMER_DRAIN;
    wheel_arm(&brain->wheel, &brain->drain_timer, brain->now_ms + brain->config.drain_timeout_ms);
}

static void finish(struct brain *brain)
{
    struct brain_action *action;
    uint64_t abandoned = 0, dropped = 0, kept = 0;

    for (uint32_t i = 0; i < brain->channels_count; i++) {
        struct channel *ch = brain->channels[i];

        if (!ch || ch->config.pattern == BRAIN_EVENTS)
            continue;
        if (channel_is_kept(ch)) {
            kept += ch->ready + ch->leased + ch->delayed;
            continue;
        }
        abandoned += ch->leased;
        dropped += channel_purge(ch, CHANNEL_DROP_SHUTDOWN);
    }
    brain->is_drained = true;
    wheel_cancel(&brain->drain_timer);
    action = outbox_action(brain, BRAIN_DRAINED);
    if (action) {
        action->drain.leased_abandoned = abandoned;
        action->drain.dropped_shutdown = dropped;
        action->drain.kept = kept;
        action->drain.unsynced = brain->confirm.made - brain->confirm.synced;
    }
}

/* Nothing is leased, and who waits for a confirmation has it. */
void drain_check(struct brain *brain)
{
    if (brain->is_draining && !brain->is_drained && brain->leased_total == 0 &&
        (confirm_is_done(brain) || brain->confirm.is_failing))
        finish(brain);
}

void drain_due(struct brain *brain)
{
    if (!brain->is_drained)
        finish(brain);
}
