/*
 * dispatch.c - see dispatch.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/brain/dispatch.h"

#include <stdlib.h>

#include "broker/brain/state.h"

/* ---- classes of needs ---- */

static bool class_is(const struct work_class *c, const struct strato_envelope *e, bool is_spread)
{
    if (c->is_spread != is_spread || c->needs_count != e->needs_count)
        return false;
    for (unsigned i = 0; i < c->needs_count; i++) {
        if (!strato_bytes_is(e->needs[i], c->needs[i]))
            return false;
    }
    return true;
}

static void class_free(struct work_class *c)
{
    for (unsigned i = 0; i < c->needs_count; i++)
        free(c->needs[i]);
    free(c->members);
    free(c);
}

static struct work_class *class_new(const struct strato_envelope *e, bool is_spread)
{
    struct work_class *c = calloc(1, sizeof(*c));

    if (!c)
        return NULL;
    c->is_spread = is_spread;
    for (; c->needs_count < e->needs_count; c->needs_count++) {
        struct strato_bytes need = e->needs[c->needs_count];

        c->needs[c->needs_count] = strndup((const char *)need.data, need.bytes);
        if (!c->needs[c->needs_count]) {
            class_free(c);
            return NULL;
        }
    }
    return c;
}

int work_class_join(struct channel *ch, struct message *m, const struct strato_envelope *e, bool is_spread)
{
    struct work_class *c = ch->plain.next;
    struct message_extra *x;

    if (e->needs_count == 0 && !is_spread)
        return 0;
    x = message_extra(&ch->brain->slab, m);
    if (!x)
        return STRATO_ENOMEM;
    while (c && !class_is(c, e, is_spread))
        c = c->next;
    if (!c) {
        if (ch->classes >= CHANNEL_CLASSES_MAX)
            return STRATO_ELIMIT;
        c = class_new(e, is_spread);
        if (!c)
            return STRATO_ENOMEM;
        c->lanes.is_strict = ch->config.is_strict;
        c->next = ch->plain.next;
        ch->plain.next = c;
        ch->classes++;
    }
    c->messages++;
    x->needs = (struct needs *)c;
    return 0;
}

void work_class_release(struct channel *ch, struct work_class *c)
{
    struct work_class **link = &ch->plain.next;

    if (--c->messages > 0 || c == &ch->plain)
        return;
    while (*link != c)
        link = &(*link)->next;
    *link = c->next;
    ch->classes--;
    class_free(c);
}

void work_class_leave(struct channel *ch, struct message *m)
{
    struct work_class *c = work_class_of(ch, m);

    m->extra->needs = NULL;
    if (c != &ch->plain)
        work_class_release(ch, c);
}

void work_class_free_all(struct channel *ch)
{
    while (ch->plain.next) {
        struct work_class *c = ch->plain.next;

        ch->plain.next = c->next;
        class_free(c);
    }
    free(ch->plain.members);
    ch->plain.members = NULL;
}

/* Who can take messages of this class: recomputed only when consumers came or went. */
static int class_members(struct channel *ch, struct work_class *c)
{
    if (c->members_version == ch->consumers_version)
        return 0;
    if (c->members_capacity < ch->consumers_count) {
        struct consumer **grown = realloc(c->members, ch->consumers_capacity * sizeof(struct consumer *));

        if (!grown)
            return STRATO_ENOMEM;
        c->members = grown;
        c->members_capacity = ch->consumers_capacity;
    }
    c->members_count = 0;
    for (uint32_t i = 0; i < ch->consumers_count; i++) {
        struct consumer *consumer = ch->consumers[i];

        if (!consumer->subscription && consumer_can(consumer, c))
            c->members[c->members_count++] = consumer;
    }
    c->members_version = ch->consumers_version;
    return 0;
}

bool dispatch_is_served(struct channel *ch, const struct message *m)
{
    struct work_class *c = work_class_of(ch, m);

    if (class_members(ch, c) < 0)
        return false;
    for (uint32_t i = 0; i < c->members_count; i++) {
        const struct consumer *consumer = c->members[i];

        if (!consumer->is_edge && consumer->stream.session->state != SESSION_DETACHED)
            return true;
    }
    return false;
}

/* ---- handing out ---- */

/* The frame that this consumer's deliveries of this turn gather in. */
static struct outframe *frame_of(struct consumer *c)
{
    struct session *session = c->stream.session;
    struct channel *ch = c->stream.channel;
    struct strato_header_writer hw;
    struct outframe *f = c->frame;

    if (f && !outframe_is_full(f))
        return f;
    if (f)
        outframe_close(f);
    f = outframe_begin(session->peer, &c->frame);
    if (!f)
        return NULL;
    outframe_header(f, &hw, "deliver", ch, c->stream.number);
    strato_header_u64(&hw, "i", c->sent);
    strato_header_u64(&hw, "ep", session->ep);
    strato_header_u64(&hw, "lease_ms", ch->config.lease_ms);
    outframe_header_end(f, &hw);
    return f;
}

static bool hand_to_edge(struct channel *ch, struct consumer *c, struct message *m)
{
    struct brain *brain = ch->brain;
    struct message_stamps stamps = { brain->config.epoch, brain->now_ms, true, ch->config.is_sticky };
    uint8_t *data = malloc(m->body_bytes + MESSAGE_STAMPS_BYTES_MAX);
    struct brain_action *action = data ? outbox_action(brain, BRAIN_EDGE_OUT) : NULL;

    if (!action) {
        free(data);
        return false;
    }
    action->edge = c->edge;
    action->data = data;
    action->bytes = message_encode(m, &stamps, data);
    if (m->extra && m->extra->blobs_count) {
        action->blobs = malloc(m->extra->blobs_count * sizeof(struct strato_blob *));
        if (!action->blobs)
            return true; /* leaves without its attachments, and the receiver sees `attach` unmet: out of memory */
        for (uint32_t i = 0; i < m->extra->blobs_count; i++)
            action->blobs[i] = strato_blob_hold(m->extra->blobs[i]);
        action->blobs_count = m->extra->blobs_count;
    }
    return true;
}

/* m is out of the lanes and counted as leased. */
static void write_delivery(struct channel *ch, struct consumer *c, struct message *m)
{
    struct brain *brain = ch->brain;
    struct message_stamps stamps = { brain->config.epoch, brain->now_ms, true, ch->config.is_sticky };
    struct outframe *f;
    uint8_t *to;

    if (c->is_edge) {
        hand_to_edge(ch, c, m);
        return;
    }
    f = c->frame;
    to = outframe_reserve(f, m->body_bytes + MESSAGE_STAMPS_BYTES_MAX);
    if (!to)
        return; /* the frame remembers that it has no memory; the lease will run out and the message come back */
    outframe_wrote(f, message_encode(m, &stamps, to));
    if (m->extra && m->extra->blobs_count)
        outframe_blobs(f, m->extra->blobs, m->extra->blobs_count);
}

/* Give the message that lanes_peek() has just shown to this consumer. */
static bool give(struct channel *ch, struct lanes *lanes, struct message *m, struct consumer *c, bool is_spread)
{
    struct brain *brain = ch->brain;
    uint64_t bytes = message_bytes(m);

    if (consumer_reserve(c) < 0 || (!c->is_edge && !frame_of(c)))
        return false;
    lanes_take(lanes, m);
    wheel_cancel(&m->timer);
    channel_lease(ch, m);
    m->tag = consumer_deliver(c, (struct delivery){ .message = m, .bytes = bytes });
    m->holder = c;
    c->used = ++brain->dispatches;
    if (is_spread) {
        c->spread_out++;
        m->flags |= MESSAGE_SPREAD;
    }
    channel_arm(ch, m, brain->now_ms + ch->config.start_timeout_ms);
    write_delivery(ch, c, m);
    return true;
}

/* Its time came between two ticks: never deliver an expired message. */
static bool is_stale(struct channel *ch, struct message *m)
{
    if (message_time(m->deadline_ms, ch->brain->now_ms) > ch->brain->now_ms)
        return false;
    channel_expire(ch, m);
    return true;
}

static void dispatch_bound_to(struct channel *ch, struct consumer *c)
{
    struct message *m;

    while ((m = lanes_peek(&c->bound)) != NULL && consumer_free(c) > 0) {
        if (is_stale(ch, m))
            continue;
        if (!consumer_has_bytes(c, message_bytes(m)) || !give(ch, &c->bound, m, c, false))
            break;
        ch->bound--;
    }
}

static void dispatch_bound(struct channel *ch)
{
    for (uint32_t i = 0; i < ch->consumers_count && ch->bound; i++)
        dispatch_bound_to(ch, ch->consumers[i]);
}

/* Most free credit, ties to the least recently used. */
static struct consumer *choose(const struct work_class *class, const struct message *m)
{
    struct consumer *best = NULL;
    uint64_t best_free = 0, bytes = message_bytes(m);

    for (uint32_t i = 0; i < class->members_count; i++) {
        struct consumer *c = class->members[i];
        uint64_t free_now = consumer_free(c);

        if (free_now == 0 || !consumer_has_bytes(c, bytes))
            continue;
        if (class->is_spread && c->spread_max && c->spread_out >= c->spread_max)
            continue;
        if (c->is_edge && (m->flags & MESSAGE_CALL)) /* it could not answer */
            continue;
        if (!best || free_now > best_free || (free_now == best_free && c->used < best->used)) {
            best = c;
            best_free = free_now;
        }
    }
    return best;
}

static void dispatch_class(struct channel *ch, struct work_class *class)
{
    struct message *m;

    if (class->lanes.count == 0 || class_members(ch, class) < 0 || class->members_count == 0)
        return;
    while ((m = lanes_peek(&class->lanes)) != NULL) {
        struct consumer *c;
        struct affinity *a;

        if (is_stale(ch, m))
            continue;
        c = choose(class, m);
        if (!c)
            break;
        a = m->extra ? m->extra->affinity : NULL;
        if (a) { /* the first of its key: the others move to this consumer's lanes, this one among them */
            affinity_bind(ch, a, c);
            dispatch_bound_to(ch, c); /* at once, so that the next key sees its credit used */
            continue;
        }
        if (!give(ch, &class->lanes, m, c, class->is_spread))
            break;
    }
}

/* What a get may take: messages that need nothing and are bound to nobody. */
static struct lanes *getter_lanes(struct channel *ch)
{
    for (struct work_class *c = &ch->plain; c; c = c->next) {
        if (c->needs_count == 0 && c->lanes.count)
            return &c->lanes;
    }
    return NULL;
}

static bool serve_getter(struct channel *ch, struct getter *g)
{
    struct brain *brain = ch->brain;
    struct message_stamps stamps = { brain->config.epoch, brain->now_ms, true, ch->config.is_sticky };
    struct message *taken[GET_MESSAGES_MAX], *m;
    char leases[GET_MESSAGES_MAX][LEASE_TEXT_BYTES + 1];
    struct strato_header_writer hw;
    struct outframe *own = NULL, *f;
    struct lanes *lanes;
    uint64_t bytes = 0;
    uint32_t count = 0;

    while (count < g->n && (lanes = getter_lanes(ch)) != NULL) {
        m = lanes_peek(lanes);
        if (is_stale(ch, m))
            continue;
        if (count && bytes + message_bytes(m) > CONSUMER_BYTES_DEFAULT)
            break;
        if (m->extra && m->extra->affinity)
            affinity_dequeue(ch, m, lanes);
        else
            lanes_take(lanes, m);
        wheel_cancel(&m->timer);
        channel_lease(ch, m);
        if (lease_take(ch, m, g->peer->principal, g->lease_ms, leases[count]) < 0) {
            channel_requeue(ch, m, 0);
            break;
        }
        bytes += message_bytes(m);
        taken[count++] = m;
    }
    if (count == 0)
        return false;
    f = outframe_begin(g->peer, &own);
    if (f) {
        outframe_header(f, &hw, "deliver", ch, 0);
        if (g->rq_bytes)
            strato_header_raw(&hw, "rq", strato_bytes(g->rq, g->rq_bytes));
        strato_header_u64(&hw, "lease_ms", g->lease_ms);
        strato_header_key(&hw, "leases");
        strato_writer_array(hw.w, count);
        for (uint32_t i = 0; i < count; i++)
            strato_writer_text(hw.w, leases[i]);
        outframe_header_end(f, &hw);
        for (uint32_t i = 0; i < count; i++) {
            uint8_t *to = outframe_reserve(f, taken[i]->body_bytes + MESSAGE_STAMPS_BYTES_MAX);

            if (to)
                outframe_wrote(f, message_encode(taken[i], &stamps, to));
            if (taken[i]->extra && taken[i]->extra->blobs_count)
                outframe_blobs(f, taken[i]->extra->blobs, taken[i]->extra->blobs_count);
        }
        outframe_close(f);
    }
    for (uint32_t i = 0; i < count; i++) { /* taking an unacked message settles it */
        if (!(taken[i]->flags & (MESSAGE_ACK | MESSAGE_CALL)))
            lease_ack(ch, taken[i]);
    }
    parking_get_end(g, 0);
    return true;
}

void dispatch_channel(struct channel *ch)
{
    if (ch->is_paused || confirm_pauses(ch))
        return;
    if (ch->config.pattern == BRAIN_EVENTS || ch->subscriptions_count) {
        fanout_scan(ch);
        fanout_disconnect_slow(ch);
        fanout_dispatch(ch);
    }
    if (ch->ready == 0)
        return;
    while (ch->getters_head && serve_getter(ch, ch->getters_head))
        ;
    if (ch->bound)
        dispatch_bound(ch);
    for (struct work_class *c = &ch->plain, *next; c; c = next) {
        c->messages++; /* it must outlive the last of them that expires here */
        dispatch_class(ch, c);
        next = c->next;
        work_class_release(ch, c);
    }
}
