/*
 * parking.h - L1 requests that wait: one put per peer for a slot, gets for a message.
 *
 * Named limits: one parked put per peer, 1,024 and 64 MiB of them per broker; 1,024 gets per channel, 64
 * per peer. Rules: protocol.md sections 4 and 12.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_BRAIN_PARKING_H
#define STRATO_BRAIN_PARKING_H

#include "broker/brain/ingest.h"

enum {
    PARKING_PUTS_MAX = 1024,
    PARKING_BYTES_MAX = 64 * 1024 * 1024,
    PARKING_GETS_PER_PEER_MAX = 64,
    GET_MESSAGES_MAX = 64,
    PARKING_WAIT_MS_MAX = 10 * 60 * 1000
};

struct parked_put {
    struct peer *peer;
    struct channel *channel;
    struct parked_put *prev, *next; /* of the channel, FIFO */
    struct wheel_timer timer;
    struct staged *items; /* messages that are ready to go in */
    uint32_t count;
    uint64_t bytes;
    uint8_t rq[72]; /* encoded rq */
    uint8_t rq_bytes;
};

struct getter {
    struct peer *peer;
    struct channel *channel;
    struct getter *prev, *next; /* of the channel, FIFO */
    struct getter *peer_next;
    struct wheel_timer timer;
    bool is_now; /* wait 0: answered when the turn ends, whatever there is */
    uint32_t n, lease_ms;
    uint8_t rq[72];
    uint8_t rq_bytes;
};

/** Park what is staged (taken). @return 0; STRATO_EPARKED; STRATO_EFULL (too many wait); STRATO_ENOMEM. */
int parking_put(struct peer *peer, struct channel *ch, struct stage *stage, const struct strato_header *h,
                uint64_t wait_ms);
/** Let parked puts in while there is room. @return true if any went in. */
bool parking_admit(struct channel *ch);
/** Its wait is over, or its channel or peer is gone: answer (err 0 = say nothing) and forget. */
void parking_put_end(struct parked_put *p, int err);
int parking_get(struct peer *peer, struct channel *ch, uint32_t n, uint32_t lease_ms, const struct strato_header *h,
                uint64_t wait_ms);
void parking_get_end(struct getter *g, int err);
/** After dispatch: who would not wait gets E_EMPTY. */
void parking_sweep(struct channel *ch);
/** Let an L1 put's messages in and answer ok{rq, ch, seq, n, dup, durability}: seq of the first new one, or of the last duplicate. */
void parking_answer_put(struct peer *peer, const struct strato_header *request, struct channel *ch,
                        struct staged *items, uint32_t count);
#endif
