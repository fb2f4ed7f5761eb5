/*
 * receipt.c - see receipt.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "bindings/c/receipt.h"

#include <stdlib.h>

static int grow(struct strato__session *s)
{
    uint32_t capacity = s->receipts_capacity ? s->receipts_capacity * 2 : 64;
    struct strato_receipt *ring;

    if (s->receipts_count >= STRATO__RECEIPTS_MAX)
        return STRATO_ELIMIT;
    ring = calloc(capacity, sizeof *ring);
    if (!ring)
        return STRATO_ENOMEM;
    for (uint32_t i = 0; i < s->receipts_count; i++)
        ring[i] = s->receipts[(s->receipts_head + i) & (s->receipts_capacity - 1)];
    free(s->receipts);
    s->receipts = ring;
    s->receipts_head = 0;
    s->receipts_capacity = capacity;
    return 0;
}

static int outcome_of(struct strato_bytes name, enum strato_outcome *ret_outcome)
{
    static const char *const names[] = { "settled", "expired", "dead", "dropped" };

    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strato_bytes_is(name, names[i])) {
            *ret_outcome = (enum strato_outcome)i;
            return 0;
        }
    }
    return STRATO_ESCHEMA;
}

static int read_receipt(const struct strato_header *h, struct strato_receipt *r)
{
    struct strato_cursor c = strato_cursor_over(h->id);
    struct strato_bytes id;

    *r = (struct strato_receipt){ .attempts = h->attempts < UINT32_MAX ? (uint32_t)h->attempts : UINT32_MAX };
    if (h->ch.bytes >= sizeof r->channel || h->reason.bytes >= sizeof r->reason ||
        strato_cursor_bin(&c, sizeof r->id, &id) < 0)
        return STRATO_ESCHEMA;
    memcpy(r->id, id.data, id.bytes);
    r->id_bytes = id.bytes;
    if (h->ch.bytes)
        memcpy(r->channel, h->ch.data, h->ch.bytes);
    if (h->reason.bytes)
        memcpy(r->reason, h->reason.data, h->reason.bytes);
    return outcome_of(h->outcome, &r->outcome);
}

void strato__receipt_on_frame(struct strato__session *s, const struct strato_header *h)
{
    struct strato_receipt r;

    if (read_receipt(h, &r) < 0 || (s->receipts_count == s->receipts_capacity && grow(s) < 0)) {
        s->counters.receipts_lost++;
        return;
    }
    s->receipts[(s->receipts_head + s->receipts_count++) & (s->receipts_capacity - 1)] = r;
    s->progress++;
    s->arrivals++;
}

bool strato__receipt_pop(struct strato__session *s, struct strato_receipt *ret_receipt)
{
    if (s->receipts_count == 0)
        return false;
    *ret_receipt = s->receipts[s->receipts_head];
    s->receipts_head = (s->receipts_head + 1) & (s->receipts_capacity - 1);
    s->receipts_count--;
    return true;
}

void strato__receipts_fini(struct strato__session *s)
{
    free(s->receipts);
    s->receipts = NULL;
    s->receipts_count = s->receipts_capacity = 0;
}
