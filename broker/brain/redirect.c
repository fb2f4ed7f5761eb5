/*
 * redirect.c - see redirect.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/brain/redirect.h"

#include <stdio.h>

#include "broker/brain/state.h"

static struct channel *target_of(struct brain *brain, const struct route *route)
{
    struct strato_bytes name = strato_text(route->rule.target);
    struct channel *ch = name.data[0] == '@' ? mailbox_find(brain, name) : channel_find(brain, name);

    return ch && !ch->is_removed ? ch : NULL;
}

/* Only what some rule asks for is looked for: finding a field means walking the envelope. */
static struct route_subject subject_of(const struct channel *ch, const struct message *m)
{
    const struct routes *routes = &ch->brain->routes;
    struct route_subject subject = { .channel = ch->name,
                                     .sender = strato_bytes(m->sender->name, m->sender->name_bytes) };

    if (routes->uses_type)
        subject.type = message_field(m, "type");
    if (routes->uses_to)
        subject.to = message_field(m, "to");
    if (routes->uses_topic)
        subject.topic = message_field(m, "topic");
    return subject;
}

/* Are there rules for this channel at all? Asked anew only when the rules have changed. */
static bool is_routed(struct channel *ch)
{
    const struct routes *routes = &ch->brain->routes;

    if (ch->routes_version != routes->version) {
        ch->routes_version = routes->version;
        ch->is_routed = routes_concern(routes, ch->name);
    }
    return ch->is_routed;
}

/* ---- a message for another channel ---- */

static int furnish(struct channel *to, struct message *copy, const struct message *m, const struct strato_envelope *e)
{
    int rc = m->extra ? message_attach(&to->brain->slab, copy, m->extra->blobs, m->extra->blobs_count) : 0;

    if (to->config.pattern == BRAIN_EVENTS)
        message_place(copy, e);
    return rc == 0 ? ingest_tie(to, copy, e) : rc;
}

/* The same envelope and attachments as a new message for `to`, with what is left of its time to live. NULL: not now. */
static struct message *copy_for(struct channel *to, const struct message *m, uint32_t ttl_ms)
{
    struct brain *brain = to->brain;
    struct strato_writer w = { 0 };
    struct strato_envelope e;
    struct strato_bytes skipped;
    struct strato_cursor c;
    struct message *copy = NULL;

    strato_writer_map(&w, message_pairs(m));
    strato_writer_raw(&w, strato_bytes(message_body(m), m->body_bytes));
    c = strato_cursor_over(strato_writer_view(&w));
    if (strato_writer_error(&w) == 0 && strato_envelope_decode(&c, &e, &skipped) == 0)
        copy = message_new(&brain->slab, &e, m->sender);
    if (copy && furnish(to, copy, m, &e) < 0) {
        ingest_untie(to, copy);
        message_drop(&brain->slab, copy);
        copy = NULL;
    }
    if (copy) {
        copy->deadline_ms = ttl_ms < to->config.ttl_ms ? ttl_ms : to->config.ttl_ms;
        if ((e.has & STRATO_ENV_ACK) ? e.ack : to->config.ack)
            copy->flags |= MESSAGE_ACK;
    }
    strato_writer_fini(&w);
    return copy;
}

static uint32_t ttl_left(const struct channel *ch, const struct message *m)
{
    uint64_t now = ch->brain->now_ms, deadline = message_time(m->deadline_ms, now);

    return deadline > now ? (uint32_t)(deadline - now) : 0;
}

/* ---- tee ---- */

static void tee(struct channel *from, const struct message *m, uint32_t ttl_ms, struct route *route, struct channel *to)
{
    struct message *copy = NULL;

    if (to && to != from && message_bytes(m) <= to->config.bytes_max && to->inbound.count == 0 &&
        ingest_room(to, 1, message_bytes(m)) == 0)
        copy = copy_for(to, m, ttl_ms);
    if (!copy) {
        route->dropped++;
        if (to)
            channel_refused(to, STRATO_EFULL);
        return;
    }
    copy->flags &= (uint8_t)~MESSAGE_RECEIPT; /* the producer asked about its message, not about copies */
    ingest_let_in(to, copy);
}

/* ---- redirect of what has a slot ---- */

static void dead(struct channel *ch, struct message *m, enum deadletter_reason why, const struct route *route)
{
    char error[DEADLETTER_ERROR_BYTES_MAX];

    snprintf(error, sizeof(error), "routing rule '%s' to '%s'", route->rule.id, route->rule.target);
    channel_end(ch, m, CHANNEL_DEAD, (int)why, strato_text(error));
}

/* Accepted there, settled here. False if the target has no room now. */
static bool move(struct channel *from, struct message *m, struct channel *to)
{
    struct message *copy;

    if (ingest_room(to, 1, message_bytes(m)) < 0)
        return false;
    copy = copy_for(to, m, ttl_left(from, m));
    if (!copy)
        return false;
    ingest_let_in(to, copy);
    m->flags &= (uint8_t)~MESSAGE_RECEIPT; /* the outcome that its producer waits for is decided there */
    channel_end(from, m, CHANNEL_SETTLED, 0, STRATO_BYTES_NONE);
    return true;
}

static void wait_for_room(struct channel *from, struct message *m, struct channel *to)
{
    channel_set_aside(from, m);
    m->started_ms = to->index;
    lanes_append(&to->inbound, m);
    from->moving++;
    channel_arm(from, m, 0);
    if (channel_is_kept(from) && !(m->flags & MESSAGE_CALL))
        keep_moving(from, m);
    channel_touch(to); /* idle credit of its producers may be taken back */
    if (to->is_inbound_listed)
        return;
    to->is_inbound_listed = true;
    to->inbound_next = to->brain->inbound_channels;
    to->brain->inbound_channels = to;
}

/* True if the message has left the source. */
static bool redirect(struct channel *ch, struct message *m, struct route *route, struct channel *to)
{
    if (!to) {
        dead(ch, m, DEADLETTER_NO_ROUTE, route);
    } else if (message_bytes(m) > to->config.bytes_max) {
        dead(ch, m, DEADLETTER_TOO_LARGE, route);
    } else if (to->inbound.count || !move(ch, m, to)) {
        wait_for_room(ch, m, to);
        return false;
    }
    return true;
}

/* ---- the walk ---- */

/* A message that a caller waits for is answered where it was asked. */
static bool may(const struct channel *from, const struct message *m, const struct route *route,
                const struct channel *to)
{
    if (route->rule.action == BRAIN_ROUTE_REDIRECT &&
        ((m->flags & MESSAGE_CALL) || from->config.pattern == BRAIN_REQUEST))
        return false;
    return to != from && (!to || route_fits(route->rule.action, from->config.pattern, to->config.pattern));
}

bool redirect_message(struct channel *ch, struct message *m)
{
    struct routes *routes = &ch->brain->routes;
    struct route_subject subject;
    struct route *route;
    uint32_t at = 0;

    if (!is_routed(ch))
        return false;
    subject = subject_of(ch, m);
    while ((route = routes_next(routes, &subject, &at)) != NULL) {
        struct channel *to = target_of(ch->brain, route);

        if (!may(ch, m, route, to))
            continue;
        route->matched++;
        if (route->rule.action == BRAIN_ROUTE_REDIRECT)
            return redirect(ch, m, route, to);
        tee(ch, m, ttl_left(ch, m), route, to);
    }
    return false;
}

static void redirect_one_event(struct channel *ch, struct message *m, struct route *route, struct channel *to)
{
    struct message *copy = NULL;

    if (to && message_bytes(m) <= to->config.bytes_max && ingest_room(to, 1, message_bytes(m)) == 0)
        copy = copy_for(to, m, m->deadline_ms);
    if (copy) {
        ingest_let_in(to, copy);
    } else { /* an event has no slot in which to wait, and no dead letters */
        route->dropped++;
        channel_refused(ch, to ? STRATO_EFULL : STRATO_ENO_ROUTE);
    }
    message_drop(&ch->brain->slab, m);
}

bool redirect_event(struct channel *ch, struct message *m)
{
    struct routes *routes = &ch->brain->routes;
    struct route_subject subject;
    struct route *route;
    uint32_t at = 0;

    if (!is_routed(ch))
        return false;
    subject = subject_of(ch, m);
    while ((route = routes_next(routes, &subject, &at)) != NULL) {
        struct channel *to = target_of(ch->brain, route);

        if (!may(ch, m, route, to))
            continue;
        route->matched++;
        if (route->rule.action == BRAIN_ROUTE_REDIRECT) {
            redirect_one_event(ch, m, route, to);
            return true;
        }
        tee(ch, m, m->deadline_ms, route, to); /* not accepted yet: still a length of time */
    }
    return false;
}

/* ---- those that wait ---- */

void redirect_forget(struct channel *ch, struct message *m)
{
    struct channel *to = ch->brain->channels[m->started_ms];

    lanes_remove(&to->inbound, m);
    ch->moving--;
}

static void let_in(struct channel *to)
{
    struct message *m;

    while ((m = lanes_peek(&to->inbound)) != NULL) {
        struct channel *from = brain_channel_of(to->brain, m);

        if (message_time(m->deadline_ms, to->brain->now_ms) <= to->brain->now_ms) {
            channel_expire(from, m);
        } else {
            to->inbound.used++; /* its lane's turn: move() takes it out by way of its end in the source */
            if (!move(from, m, to)) {
                to->inbound.used--;
                return;
            }
        }
    }
}

void redirect_turn(struct brain *brain)
{
    struct channel **link = &brain->inbound_channels, *ch;

    while ((ch = *link) != NULL) {
        let_in(ch);
        if (ch->inbound.count) {
            link = &ch->inbound_next;
            continue;
        }
        *link = ch->inbound_next;
        ch->is_inbound_listed = false;
    }
}

static uint64_t purge_lane(struct channel *ch, struct lane *lane, enum channel_drop why)
{
    uint64_t count = 0;

    for (struct message *m = lane->head, *next; m; m = next) {
        next = m->next;
        if (m->channel != ch->index)
            continue;
        channel_end(ch, m, CHANNEL_DROPPED, (int)why, STRATO_BYTES_NONE);
        count++;
    }
    return count;
}

uint64_t redirect_purge(struct channel *ch, enum channel_drop why)
{
    uint64_t count = 0;

    for (struct channel *to = ch->brain->inbound_channels; to && ch->moving; to = to->inbound_next) {
        for (int i = 0; i < LANES; i++)
            count += purge_lane(ch, &to->inbound.lane[i], why);
    }
    return count;
}

void redirect_turn_away(struct channel *ch)
{
    enum deadletter_reason why = ch->is_mailbox ? DEADLETTER_RECIPIENT_GONE : DEADLETTER_NO_ROUTE;
    static const char gone[] = "the channel that a routing rule moved it to was removed";
    struct message *m;

    while ((m = lanes_oldest(&ch->inbound)) != NULL)
        channel_end(brain_channel_of(ch->brain, m), m, CHANNEL_DEAD, (int)why, strato_text(gone));
    for (struct channel **link = &ch->brain->inbound_channels; ch->is_inbound_listed; link = &(*link)->inbound_next) {
        if (*link == ch) {
            *link = ch->inbound_next;
            ch->is_inbound_listed = false;
            break;
        }
    }
}
