/*
 * handle_ping.c - ping and pong: any frame is liveness. A ping with `confirm` is a barrier as well.
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/brain/state.h"

void handle_ping(struct brain *brain, const struct frame *frame)
{
    struct answer a;

    answer_begin(&a, brain, frame->peer, "pong", frame->header);
    if (frame->header->t.bytes)
        strato_header_raw(&a.header, "t", frame->header->t);
    if (frame->header->confirm)
        answer_after_commit(&a);
    answer_send(&a);
}

void handle_pong(struct brain *brain, const struct frame *frame)
{
    (void)brain;
    if (frame->peer->is_lockstep) /* it waits for an answer whatever it sent */
        answer_ok(frame->peer, frame->header);
}
