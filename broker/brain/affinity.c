/*
 * affinity.c - see affinity.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/brain/affinity.h"

#include <stdlib.h>

#include "broker/brain/state.h"

static bool is_affinity(const void *item, const void *key)
{
    const struct affinity *a = item;

    return strato_bytes_equal(strato_bytes(a->key, a->key_bytes), *(const struct strato_bytes *)key);
}

static bool is_order(const void *item, const void *key)
{
    const struct order_key *o = item;

    return strato_bytes_equal(strato_bytes(o->key, o->key_bytes), *(const struct strato_bytes *)key);
}

static void affinity_free(struct affinity *a)
{
    wheel_cancel(&a->timer);
    map_remove(&a->channel->affinities, a->hash, a);
    free(a);
}

int affinity_join(struct channel *ch, struct message *m, struct strato_bytes key)
{
    uint64_t hash = map_hash_bytes(key);
    struct affinity *a = map_find(&ch->affinities, hash, is_affinity, &key);
    struct message_extra *x = message_extra(&ch->brain->slab, m);

    if (!x)
        return STRATO_ENOMEM;
    if (!a) {
        if (ch->affinities.count >= CHANNEL_KEYS_MAX)
            return STRATO_ELIMIT;
        a = calloc(1, sizeof(*a));
        if (!a || map_add(&ch->affinities, hash, a) < 0) {
            free(a);
            return STRATO_ENOMEM;
        }
        a->channel = ch;
        a->hash = hash;
        a->timer.kind = TIMER_AFFINITY;
        a->key_bytes = (uint8_t)key.bytes;
        memcpy(a->key, key.data, key.bytes);
    }
    a->messages++;
    wheel_cancel(&a->timer);
    x->affinity = a;
    return 0;
}

void affinity_leave(struct message *m)
{
    struct affinity *a = m->extra->affinity;

    m->extra->affinity = NULL;
    if (--a->messages > 0)
        return;
    if (a->consumer)
        wheel_arm(&a->channel->brain->wheel, &a->timer, a->channel->brain->now_ms + AFFINITY_IDLE_MS);
    else
        affinity_free(a);
}

static void line_add(struct affinity *a, struct message *m)
{
    struct message_extra *x = m->extra;
    struct message *after = a->tail;

    while (after && after->seq > m->seq)
        after = after->extra->affinity_prev;
    x->affinity_prev = after;
    x->affinity_next = after ? after->extra->affinity_next : a->head;
    *(x->affinity_next ? &x->affinity_next->extra->affinity_prev : &a->tail) = m;
    *(after ? &after->extra->affinity_next : &a->head) = m;
}

static void line_remove(struct affinity *a, struct message *m)
{
    struct message_extra *x = m->extra;

    *(x->affinity_prev ? &x->affinity_prev->extra->affinity_next : &a->head) = x->affinity_next;
    *(x->affinity_next ? &x->affinity_next->extra->affinity_prev : &a->tail) = x->affinity_prev;
    x->affinity_prev = x->affinity_next = NULL;
}

void affinity_enqueue(struct channel *ch, struct message *m, struct lanes *unbound)
{
    struct affinity *a = m->extra->affinity;

    if (a->consumer) {
        lanes_add(&a->consumer->bound, m);
        ch->bound++;
    } else {
        lanes_add(unbound, m);
        line_add(a, m);
    }
}

void affinity_dequeue(struct channel *ch, struct message *m, struct lanes *unbound)
{
    struct affinity *a = m->extra->affinity;

    if (a->consumer) {
        lanes_remove(&a->consumer->bound, m);
        ch->bound--;
    } else {
        lanes_remove(unbound, m);
        line_remove(a, m);
    }
}

void affinity_bind(struct channel *ch, struct affinity *a, struct consumer *c)
{
    struct message *m;

    while ((m = a->head) != NULL) {
        line_remove(a, m);
        lanes_remove(&work_class_of(ch, m)->lanes, m);
        lanes_add(&c->bound, m);
        ch->bound++;
    }
    a->consumer = c;
}

void affinity_unbind_all(struct consumer *c)
{
    struct channel *ch = c->stream.channel;
    size_t at = 0;
    struct affinity *a;
    struct message *m;

    if (ch->affinities.count == 0)
        return;
    while ((a = map_next(&ch->affinities, &at)) != NULL) {
        if (a->consumer == c)
            a->consumer = NULL;
    }
    while ((m = lanes_oldest(&c->bound)) != NULL) {
        lanes_remove(&c->bound, m);
        ch->bound--;
        affinity_enqueue(ch, m, &work_class_of(ch, m)->lanes);
    }
    for (at = 0; (a = map_next(&ch->affinities, &at)) != NULL;) {
        if (a->messages == 0 && !a->consumer) {
            affinity_free(a);
            at = 0;
        }
    }
}

void affinity_forget(struct channel *ch, struct strato_bytes key)
{
    struct affinity *a = map_find(&ch->affinities, map_hash_bytes(key), is_affinity, &key);

    if (a && a->messages == 0)
        affinity_free(a);
}

void affinity_due(struct affinity *a)
{
    affinity_free(a);
}

void affinity_free_all(struct channel *ch)
{
    size_t at = 0;
    struct affinity *a;

    while ((a = map_next(&ch->affinities, &at)) != NULL) {
        wheel_cancel(&a->timer);
        free(a);
    }
    map_fini(&ch->affinities);
}

/* ---- order keys ---- */

int order_join(struct channel *ch, struct message *m, struct strato_bytes key)
{
    uint64_t hash = map_hash_bytes(key);
    struct order_key *o = map_find(&ch->orders, hash, is_order, &key);
    struct message_extra *x = message_extra(&ch->brain->slab, m);

    if (!x)
        return STRATO_ENOMEM;
    if (!o) {
        if (ch->orders.count >= CHANNEL_KEYS_MAX)
            return STRATO_ELIMIT;
        o = calloc(1, sizeof(*o));
        if (!o || map_add(&ch->orders, hash, o) < 0) {
            free(o);
            return STRATO_ENOMEM;
        }
        o->channel = ch;
        o->hash = hash;
        o->key_bytes = (uint8_t)key.bytes;
        memcpy(o->key, key.data, key.bytes);
    }
    o->messages++;
    x->order = o;
    return 0;
}

bool order_enter(struct message *m)
{
    struct order_key *o = m->extra->order;
    struct message *after = o->tail;

    if (!o->busy)
        o->busy = m;
    if (o->busy == m)
        return true;
    while (after && after->seq > m->seq)
        after = after->prev;
    m->prev = after;
    m->next = after ? after->next : o->head;
    *(m->next ? &m->next->prev : &o->tail) = m;
    *(after ? &after->next : &o->head) = m;
    return false;
}

struct message *order_leave(struct message *m)
{
    struct order_key *o = m->extra->order;
    struct message *next = NULL;

    m->extra->order = NULL;
    if (m->state == MESSAGE_WAITING) {
        *(m->prev ? &m->prev->next : &o->head) = m->next;
        *(m->next ? &m->next->prev : &o->tail) = m->prev;
        m->prev = m->next = NULL;
    }
    if (o->busy == m) {
        next = o->head;
        o->busy = next;
        if (next) {
            o->head = next->next;
            *(o->head ? &o->head->prev : &o->tail) = NULL;
            next->prev = next->next = NULL;
        }
    }
    if (--o->messages == 0) {
        map_remove(&o->channel->orders, o->hash, o);
        free(o);
    }
    return next;
}

void order_free_all(struct channel *ch)
{
    size_t at = 0;
    struct order_key *o;

    while ((o = map_next(&ch->orders, &at)) != NULL)
        free(o);
    map_fini(&ch->orders);
}
