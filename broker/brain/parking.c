/*
 * parking.c - see parking.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/brain/parking.h"

#include <stdlib.h>

#include "broker/brain/state.h"

/* A header that carries only the mark of the request, for an answer that comes later. */
static struct strato_header mark(const uint8_t *rq, uint8_t bytes, const struct channel *ch)
{
    struct strato_header h = { .rq = strato_bytes(rq, bytes), .ch = ch->name };

    return h;
}

static uint8_t copy_rq(uint8_t to[72], const struct strato_header *h)
{
    if (h->rq.bytes == 0 || h->rq.bytes > 72)
        return 0;
    memcpy(to, h->rq.data, h->rq.bytes);
    return (uint8_t)h->rq.bytes;
}

void parking_answer_put(struct peer *peer, const struct strato_header *request, struct channel *ch,
                        struct staged *items, uint32_t count)
{
    uint64_t first = ch->seq + 1, n = 0, dup = 0, seq = 0;
    struct answer a;

    for (uint32_t k = 0; k < count; k++) {
        if (items[k].dup_seq) {
            dup++;
            seq = items[k].dup_seq;
        } else {
            ingest_admit(ch, &items[k]);
            n++;
        }
    }
    if (n)
        seq = ch->seq >= first ? first : 0; /* 0: an event that a rule has moved elsewhere has no place here */
    answer_begin(&a, peer->brain, peer, "ok", request);
    answer_channel(&a, ch, 0);
    strato_header_u64(&a.header, "seq", seq);
    strato_header_u64(&a.header, "n", n);
    strato_header_u64(&a.header, "dup", dup);
    strato_header_str(&a.header, "durability", strato_text(channel_is_kept(ch) ? "disk" : "memory"));
    if (channel_is_kept(ch))
        answer_after_commit(&a);
    answer_send(&a);
}

int parking_put(struct peer *peer, struct channel *ch, struct stage *stage, const struct strato_header *h,
                uint64_t wait_ms)
{
    struct brain *brain = peer->brain;
    struct parked_put *p;

    if (peer->parked)
        return STRATO_EPARKED;
    if (brain->parked_puts >= PARKING_PUTS_MAX || brain->parked_bytes + stage->bytes > PARKING_BYTES_MAX)
        return STRATO_EFULL;
    p = calloc(1, sizeof(*p));
    if (!p)
        return STRATO_ENOMEM;
    p->items = malloc(stage->count * sizeof(*p->items));
    if (!p->items) {
        free(p);
        return STRATO_ENOMEM;
    }
    memcpy(p->items, stage->items, stage->count * sizeof(*p->items));
    p->count = stage->count;
    p->bytes = stage->bytes;
    stage->count = 0;
    p->peer = peer;
    p->channel = ch;
    p->rq_bytes = copy_rq(p->rq, h);
    p->prev = ch->parked_tail;
    *(p->prev ? &p->prev->next : &ch->parked_head) = p;
    ch->parked_tail = p;
    ch->parked++;
    peer->parked = p;
    brain->parked_puts++;
    brain->parked_bytes += p->bytes;
    p->timer.kind = TIMER_PARKED_PUT;
    wheel_arm(&brain->wheel, &p->timer, brain->now_ms + wait_ms);
    return 0;
}

static void unpark(struct parked_put *p)
{
    struct brain *brain = p->peer->brain;
    struct channel *ch = p->channel;

    *(p->prev ? &p->prev->next : &ch->parked_head) = p->next;
    *(p->next ? &p->next->prev : &ch->parked_tail) = p->prev;
    ch->parked--;
    p->peer->parked = NULL;
    brain->parked_puts--;
    brain->parked_bytes -= p->bytes;
    wheel_cancel(&p->timer);
}

bool parking_admit(struct channel *ch)
{
    bool any = false;

    while (ch->parked_head && !ch->is_removed) {
        struct parked_put *p = ch->parked_head;
        struct strato_header h = mark(p->rq, p->rq_bytes, ch);

        if (ingest_room(ch, p->count, p->bytes) < 0)
            break;
        unpark(p);
        parking_answer_put(p->peer, &h, ch, p->items, p->count);
        free(p->items);
        free(p);
        any = true;
    }
    return any;
}

void parking_put_end(struct parked_put *p, int err)
{
    struct strato_header h = mark(p->rq, p->rq_bytes, p->channel);
    struct stage stage = { .items = p->items, .count = p->count };

    unpark(p);
    p->peer->brain->staging = p->channel;
    ingest_unstage(p->peer->brain, &stage);
    if (err) {
        channel_refused(p->channel, err);
        answer_err(p->peer, &h, err, err == STRATO_EFULL ? "no slot came free within `wait`" : NULL);
    }
    free(p->items);
    free(p);
}

int parking_get(struct peer *peer, struct channel *ch, uint32_t n, uint32_t lease_ms, const struct strato_header *h,
                uint64_t wait_ms)
{
    struct brain *brain = peer->brain;
    struct getter *g;

    if (ch->getters >= CHANNEL_PARKED_MAX || peer->getters_count >= PARKING_GETS_PER_PEER_MAX)
        return STRATO_ELIMIT;
    g = calloc(1, sizeof(*g));
    if (!g)
        return STRATO_ENOMEM;
    g->peer = peer;
    g->channel = ch;
    g->n = n;
    g->lease_ms = lease_ms;
    g->rq_bytes = copy_rq(g->rq, h);
    g->prev = ch->getters_tail;
    *(g->prev ? &g->prev->next : &ch->getters_head) = g;
    ch->getters_tail = g;
    ch->getters++;
    g->peer_next = peer->getters;
    peer->getters = g;
    peer->getters_count++;
    g->timer.kind = TIMER_GETTER;
    g->is_now = wait_ms == 0;
    if (g->is_now)
        ch->getters_now++;
    else
        wheel_arm(&brain->wheel, &g->timer, brain->now_ms + wait_ms);
    channel_touch(ch);
    return 0;
}

void parking_sweep(struct channel *ch)
{
    for (struct getter *g = ch->getters_head, *next; g && ch->getters_now; g = next) {
        next = g->next;
        if (g->is_now)
            parking_get_end(g, STRATO_EEMPTY);
    }
}

void parking_get_end(struct getter *g, int err)
{
    struct strato_header h = mark(g->rq, g->rq_bytes, g->channel);
    struct getter **link = &g->peer->getters;

    *(g->prev ? &g->prev->next : &g->channel->getters_head) = g->next;
    *(g->next ? &g->next->prev : &g->channel->getters_tail) = g->prev;
    g->channel->getters--;
    g->channel->getters_now -= g->is_now;
    while (*link != g)
        link = &(*link)->peer_next;
    *link = g->peer_next;
    g->peer->getters_count--;
    wheel_cancel(&g->timer);
    if (err)
        answer_err(g->peer, &h, err, NULL);
    free(g);
}
