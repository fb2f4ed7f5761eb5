/*
 * handle_get.c - get: up to n messages of a work channel or mailbox for a peer without a session.
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/brain/state.h"

void handle_get(struct brain *brain, const struct frame *frame)
{
    const struct strato_header *h = frame->header;
    struct channel *ch = frame_channel(frame);
    uint64_t n = strato_header_has(h, STRATO_KEY_n) ? h->n : 1, lease_ms = h->lease_ms;
    uint64_t wait = h->wait < PARKING_WAIT_MS_MAX ? h->wait : PARKING_WAIT_MS_MAX;
    int rc = 0;

    (void)brain;
    if (!ch || !frame_permits(frame, "consume", ch))
        return;
    if (ch->config.pattern != BRAIN_WORK) {
        answer_err(frame->peer, h, STRATO_EPROTO,
                   "get takes from work channels and mailboxes: subscribe to events, serve requests");
        return;
    }
    if (n < 1 || n > GET_MESSAGES_MAX) {
        answer_err(frame->peer, h, STRATO_ELIMIT, "get takes 1..64 messages");
        return;
    }
    if (lease_ms == 0)
        lease_ms = ch->config.lease_ms;
    if (lease_ms > ch->config.attempt_ms)
        lease_ms = ch->config.attempt_ms;
    rc = parking_get(frame->peer, ch, (uint32_t)n, (uint32_t)lease_ms, h, wait);
    if (rc < 0)
        answer_err(frame->peer, h, rc == STRATO_ENOMEM ? STRATO_ENO_RESOURCES : rc, "too many parked gets");
}
