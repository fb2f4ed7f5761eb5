/*
 * channel.c - the columns of the conservation law, and the moves between them.
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/brain/channel.h"

#include <stdio.h>
#include <stdlib.h>

#include "broker/brain/state.h"

void channel_touch(struct channel *ch)
{
    if (ch->is_dirty)
        return;
    ch->is_dirty = true;
    ch->dirty_next = ch->brain->dirty_channels;
    ch->brain->dirty_channels = ch;
}

bool channel_is_dropping(const struct channel *ch)
{
    return ch->config.full == BRAIN_FULL_DROP_OLDEST || ch->config.full == BRAIN_FULL_DROP_NEWEST;
}

static uint64_t in_it(const struct channel *ch)
{
    return ch->ready + ch->leased + ch->delayed;
}

struct strato_credit_room channel_room(const struct channel *ch)
{
    struct strato_credit_room room = { .capacity = ch->config.capacity, .bytes_max = ch->config.bytes_max };

    if (ch->config.pattern == BRAIN_EVENTS) {
        uint64_t blocked = fanout_block_room(ch);

        room.messages = (int64_t)(blocked < ch->config.capacity ? blocked : ch->config.capacity);
        room.bytes = (int64_t)ch->config.bytes_max;
        room.is_closed = blocked < ch->config.capacity / 2; /* the other half is for what is in flight */
    } else {
        room.messages = (int64_t)ch->config.capacity - (int64_t)(in_it(ch) + ch->credit.granted);
#ifdef STRATO_PLANT_OFF_BY_ONE /* a fault for tests/sim/bus to find; never in a broker */
        room.messages++;
#endif
        room.bytes = (int64_t)ch->config.bytes_max - (int64_t)(ch->held_bytes + ch->credit.granted_bytes);
    }
    if (!brain_has_memory(ch->brain) || ch->brain->is_draining || ch->is_removed || confirm_closes(ch))
        room.is_closed = true;
    return room;
}

void channel_set_capacity(struct channel *ch, uint32_t capacity, uint64_t bytes_max)
{
    uint64_t sum = in_it(ch) + ch->credit.granted, bytes = ch->held_bytes + ch->credit.granted_bytes;

    ch->config.capacity = capacity;
    ch->config.bytes_max = bytes_max;
    ch->ceiling = sum > capacity ? sum : capacity;
    ch->ceiling_bytes = bytes > bytes_max ? bytes : bytes_max;
}

void channel_settings_changed(struct channel *ch)
{
    ch->name = strato_text(ch->config.name);
    ch->credit.is_pacing = channel_is_dropping(ch);
    ch->dead.max = ch->config.dead_max;
    ch->dead.bytes_max = ch->config.dead_bytes_max;
    for (struct work_class *c = &ch->plain; c; c = c->next)
        c->lanes.is_strict = ch->config.is_strict;
    for (uint32_t i = 0; i < ch->consumers_count; i++)
        ch->consumers[i]->bound.is_strict = ch->config.is_strict;
}

void channel_refused(struct channel *ch, int err)
{
    ch->refused++;
    for (int i = 0; i < CHANNEL_REFUSAL_CODES; i++) {
        if (ch->refusals[i].code == 0)
            ch->refusals[i].code = err;
        if (ch->refusals[i].code == err) {
            ch->refusals[i].count++;
            return;
        }
    }
}

void channel_dropped(struct channel *ch, enum channel_drop why, uint64_t count)
{
    ch->dropped[why] += count;
}

const char *channel_drop_name(enum channel_drop why)
{
    static const char *const names[CHANNEL_DROPS] = {
        [CHANNEL_DROP_QUEUE_FULL] = "queue_full", [CHANNEL_DROP_SLOW_SUBSCRIBER] = "slow_subscriber",
        [CHANNEL_DROP_DISPLACED] = "displaced",   [CHANNEL_DROP_CANCELLED] = "cancelled",
        [CHANNEL_DROP_PURGED] = "purged",         [CHANNEL_DROP_SHUTDOWN] = "shutdown",
    };

    return names[why];
}

/* ---- where a message waits ---- */

static void later_add(struct channel *ch, struct message *m)
{
    m->prev = NULL;
    m->next = ch->later;
    if (m->next)
        m->next->prev = m;
    ch->later = m;
}

static void later_remove(struct channel *ch, struct message *m)
{
    *(m->prev ? &m->prev->next : &ch->later) = m->next;
    if (m->next)
        m->next->prev = m->prev;
    m->prev = m->next = NULL;
}

static void enqueue(struct channel *ch, struct message *m)
{
    struct lanes *lanes = &work_class_of(ch, m)->lanes;

    channel_touch(ch);
    if (m->extra && m->extra->order && !order_enter(m)) {
        m->state = MESSAGE_WAITING;
        return;
    }
    m->state = MESSAGE_READY;
    if (m->extra && m->extra->affinity)
        affinity_enqueue(ch, m, lanes);
    else
        lanes_add(lanes, m);
}

static void dequeue(struct channel *ch, struct message *m)
{
    struct lanes *lanes = &work_class_of(ch, m)->lanes;

    if (m->state == MESSAGE_DELAYED)
        later_remove(ch, m);
    else if (m->state == MESSAGE_READY && m->extra && m->extra->affinity)
        affinity_dequeue(ch, m, lanes);
    else if (m->state == MESSAGE_READY)
        lanes_remove(lanes, m);
    else if (m->state == MESSAGE_MOVING)
        redirect_forget(ch, m);
}

void channel_arm(struct channel *ch, struct message *m, uint64_t lease_end_ms)
{
    uint64_t now = ch->brain->now_ms;
    uint64_t due = message_time(m->deadline_ms, now);
    struct call *call = message_call(m);

    switch ((enum message_state)m->state) {
    case MESSAGE_READY:
    case MESSAGE_WAITING:
    case MESSAGE_MOVING:
        if (call && call->wait_responder_ms && call->wait_responder_ms < due)
            due = call->wait_responder_ms;
        break;
    case MESSAGE_DELAYED:
        if (message_time(m->started_ms, now) < due)
            due = message_time(m->started_ms, now);
        break;
    case MESSAGE_HELD:
    case MESSAGE_STARTED: /* a leased one may finish after its time to live; a call may not */
        if (!call || lease_end_ms < due)
            due = lease_end_ms;
        break;
    case MESSAGE_NEW:
    case MESSAGE_DONE:
        return;
    }
    m->timer.kind = TIMER_MESSAGE;
    wheel_arm(&ch->brain->wheel, &m->timer, due);
}

/* ---- moves ---- */

static void remember(struct channel *ch, struct message *m)
{
    struct slab *slab = &ch->brain->slab;

    if (ch->config.history_max == 0 && ch->subscriptions_count == 0 && ch->config.pattern != BRAIN_EVENTS)
        return;
    if (ch->history.end != m->seq) /* a hole: rows of events that could not be read after a restart */
        history_trim(&ch->history, slab, 0, 0, UINT64_MAX);
    if (history_add(&ch->history, m) < 0) { /* no memory for more: what is lost shows as a hole to its readers */
        history_trim(&ch->history, slab, 0, 0, UINT64_MAX);
        if (history_add(&ch->history, m) < 0)
            return;
    }
    if (ch->history.end - ch->history.first > ch->config.history_max ||
        ch->history.bytes > ch->config.history_bytes_max)
        history_trim(&ch->history, slab, ch->config.history_max, ch->config.history_bytes_max, ch->keep_from);
}

void channel_accept(struct channel *ch, struct message *m, uint32_t delay_ms)
{
    struct brain *brain = ch->brain;

    m->seq = ++ch->seq & MESSAGE_SEQ_MAX;
    m->channel = ch->index & MESSAGE_CHANNEL_MAX;
    m->ts_ms = brain_wall_ms(brain) & MESSAGE_TS_MS_MAX;
    m->deadline_ms += (uint32_t)brain->now_ms + delay_ms; /* was: time to live */
    if (ch->config.has_tally)
        tallies_count(ch, m);
    remember(ch, m);
    if (ch->config.pattern == BRAIN_EVENTS) {
        m->state = MESSAGE_DONE;
        m->deliveries = 1;
        if (brain->was_publishing)
            publish_event(ch, m);
        channel_touch(ch);
        if (ch->subscriptions_count == 0)
            ch->no_subscriber++;
        if (channel_is_kept(ch) && history_at(&ch->history, m->seq))
            keep_accepted(ch, m);
        message_drop(&brain->slab, m);
        return;
    }
    ch->accepted++;
    ch->held_bytes += message_bytes(m);
    if (delay_ms) {
        ch->delayed++;
        m->state = MESSAGE_DELAYED;
        m->started_ms = (uint32_t)brain->now_ms + delay_ms;
        later_add(ch, m);
    } else {
        ch->ready++;
        enqueue(ch, m);
    }
    channel_arm(ch, m, 0);
    if (channel_is_kept(ch))
        keep_accepted(ch, m);
    if (ch->subscriptions_count)
        channel_touch(ch);
}

void channel_recall(struct channel *ch, struct message *m, uint64_t delay_ms)
{
    ch->held_bytes += message_bytes(m);
    if (delay_ms) {
        ch->delayed++;
        m->state = MESSAGE_DELAYED;
        m->started_ms = (uint32_t)(ch->brain->now_ms + delay_ms);
        later_add(ch, m);
    } else {
        ch->ready++;
        enqueue(ch, m);
    }
    channel_arm(ch, m, 0);
}

void channel_lease(struct channel *ch, struct message *m)
{
    ch->ready--;
    ch->leased++;
    ch->brain->leased_total++;
    ch->delivered++;
    if (m->deliveries < UINT16_MAX)
        m->deliveries++;
    if (m->deliveries > 1)
        ch->redelivered++;
    m->state = MESSAGE_HELD;
}

void channel_requeue(struct channel *ch, struct message *m, uint64_t delay_ms)
{
    uint64_t now = ch->brain->now_ms;
    bool had_started = m->state == MESSAGE_STARTED;

    ch->brain->released_by = NULL;
    ch->leased--;
    ch->brain->leased_total--;
    if (delay_ms) {
        ch->delayed++;
        m->state = MESSAGE_DELAYED;
        m->started_ms = (uint32_t)(now + delay_ms);
        later_add(ch, m);
    } else {
        ch->ready++;
        enqueue(ch, m);
    }
#ifdef STRATO_PLANT_LOST_REQUEUE
    if (m->state == MESSAGE_READY && m->attempts == 1) {
        dequeue(ch, m);
        m->state = MESSAGE_WAITING;
    }
#endif
    if (channel_is_kept(ch))
        keep_requeued(ch, m, had_started);
    if (message_time(m->deadline_ms, now) <= now)
        channel_expire(ch, m);
    else
        channel_arm(ch, m, 0);
}

/* Let go of what ties it to others; the next in line of its order key gets its turn. */
static void untie(struct channel *ch, struct message *m)
{
    struct message *next;

    if (!m->extra)
        return;
    if (m->extra->affinity)
        affinity_leave(m);
    if (m->extra->needs)
        work_class_leave(ch, m);
    if (!m->extra->order)
        return;
    next = order_leave(m);
    if (next)
        enqueue(ch, next);
}

void channel_set_aside(struct channel *ch, struct message *m)
{
    dequeue(ch, m);
    untie(ch, m);
    m->state = MESSAGE_MOVING;
}

static void count_end(struct channel *ch, struct message *m, enum channel_end end, int why, struct strato_bytes error)
{
    switch (end) {
    case CHANNEL_SETTLED:
        ch->settled++;
        break;
    case CHANNEL_EXPIRED:
        ch->expired++;
        break;
    case CHANNEL_DEAD:
        ch->dead_lettered++;
        channel_bury(ch, m, (enum deadletter_reason)why, error);
        break;
    case CHANNEL_DROPPED:
        ch->dropped[why]++;
        break;
    }
}

void channel_end(struct channel *ch, struct message *m, enum channel_end end, int why, struct strato_bytes error)
{
    bool was_moving = m->state == MESSAGE_MOVING;

    if (m->state == MESSAGE_HELD || m->state == MESSAGE_STARTED) {
        ch->leased--;
        ch->brain->leased_total--;
    } else {
        dequeue(ch, m);
        if (m->state == MESSAGE_DELAYED)
            ch->delayed--;
        else
            ch->ready--;
    }
    wheel_cancel(&m->timer);
    ch->held_bytes -= message_bytes(m);
    if (m->flags & MESSAGE_CALL)
        call_free(m);
    if (m->extra)
        untie(ch, m);
    m->state = MESSAGE_DONE;
    count_end(ch, m, end, why, error);
    if (channel_is_kept(ch))
        keep_ended(ch, m, was_moving);
    if (m->flags & MESSAGE_RECEIPT)
        receipt_tell(ch, m, end, why);
    ch->brain->released_by = NULL;
    channel_touch(ch);
    message_drop(&ch->brain->slab, m);
}

void channel_expire(struct channel *ch, struct message *m)
{
    if (m->flags & MESSAGE_CALL) {
        call_fail(m, STRATO_ETIMEOUT, "nobody answered within the deadline");
        channel_end(ch, m, CHANNEL_EXPIRED, 0, STRATO_BYTES_NONE);
    } else if (!ch->config.dead_on_expiry) {
        channel_end(ch, m, CHANNEL_EXPIRED, 0, STRATO_BYTES_NONE);
    } else {
        channel_end(ch, m, CHANNEL_DEAD, DEADLETTER_EXPIRED, STRATO_BYTES_NONE);
    }
}

/* A call that waits for somebody to serve it has waited long enough. */
static bool responder_overdue(struct channel *ch, struct message *m)
{
    struct call *call = message_call(m);

    if (!call || !call->wait_responder_ms || call->wait_responder_ms > ch->brain->now_ms)
        return false;
    call->wait_responder_ms = 0;
    return !dispatch_is_served(ch, m);
}

void channel_message_due(struct channel *ch, struct message *m)
{
    uint64_t now = ch->brain->now_ms;

    if (message_time(m->deadline_ms, now) <= now) {
        channel_expire(ch, m);
    } else if (responder_overdue(ch, m)) {
        call_fail(m, STRATO_ENO_RESPONDERS, "nobody came to serve this within wait_responder_ms");
        channel_end(ch, m, CHANNEL_SETTLED, 0, STRATO_BYTES_NONE);
    } else {
        if (m->state == MESSAGE_DELAYED) {
            later_remove(ch, m);
            ch->delayed--;
            ch->ready++;
            enqueue(ch, m);
            if (ch->brain->routes.count && m->deliveries == 0 && redirect_message(ch, m))
                return;
        }
        channel_arm(ch, m, 0);
    }
}

static uint64_t purge_lanes(struct channel *ch, struct lanes *lanes, enum channel_drop why)
{
    struct message *m;
    uint64_t count = 0;

    for (; (m = lanes_oldest(lanes)) != NULL; count++) {
        if (!(m->flags & MESSAGE_CALL)) {
            channel_end(ch, m, CHANNEL_DROPPED, (int)why, STRATO_BYTES_NONE);
            continue;
        }
        call_fail(m, STRATO_ECANCELLED, "the channel was purged");
        channel_end(ch, m, CHANNEL_SETTLED, 0, STRATO_BYTES_NONE);
    }
    return count;
}

uint64_t channel_purge(struct channel *ch, enum channel_drop why)
{
    uint64_t count = 0, round;

    do { /* what waited behind an order key comes up when the one before it goes */
        round = purge_lanes(ch, &ch->plain.lanes, why);
        for (uint32_t i = 0; i < ch->consumers_count; i++)
            round += purge_lanes(ch, &ch->consumers[i]->bound, why);
        for (struct work_class *c = ch->plain.next, *next; c; c = next) {
            c->messages++; /* the class goes with its last message, but not before the walk is past it */
            round += purge_lanes(ch, &c->lanes, why);
            next = c->next;
            work_class_release(ch, c);
        }
        for (; ch->later; round++) {
            struct message *m = ch->later;

            if (m->flags & MESSAGE_CALL)
                call_fail(m, STRATO_ECANCELLED, "the channel was purged");
            channel_end(ch, m, CHANNEL_DROPPED, (int)why, STRATO_BYTES_NONE);
        }
        round += redirect_purge(ch, why);
        count += round;
    } while (round);
    return count;
}

/* ---- the law ---- */

bool channel_law_holds(struct channel *ch)
{
    uint64_t out = ch->settled + ch->expired + ch->dead_lettered, sum = in_it(ch) + ch->credit.granted;
    uint64_t bytes = ch->held_bytes + ch->credit.granted_bytes;

    for (int i = 0; i < CHANNEL_DROPS; i++)
        out += ch->dropped[i];
    if (ch->accepted != out + in_it(ch))
        return false;
    if (ch->config.pattern == BRAIN_EVENTS) {
        uint64_t pending = 0, leased = 0;

        for (const struct subscription *s = ch->subscriptions; s; s = s->next) {
            if (s->is_tap)
                continue;
            if (s->pending + s->leased > ch->ceiling)
                return false;
            pending += s->pending;
            leased += s->leased;
        }
        return pending == ch->ready && leased == ch->leased;
    }
    if (sum > ch->ceiling || bytes > ch->ceiling_bytes)
        return false;
    if (ch->ceiling > ch->config.capacity)
        ch->ceiling = sum > ch->config.capacity ? sum : ch->config.capacity;
    if (ch->ceiling_bytes > ch->config.bytes_max)
        ch->ceiling_bytes = bytes > ch->config.bytes_max ? bytes : ch->config.bytes_max;
    return true;
}

/* One that lost its connection may resume, but takes nothing now: who watches the workers must see that it is gone. */
static bool consumer_is_present(const struct consumer *c)
{
    return !c->is_tap && (c->is_edge ? c->is_edge_ready : session_is_open(c->stream.session));
}

void channel_stats(const struct channel *ch, struct brain_channel_stats *ret_stats)
{
    uint32_t consumers = 0;

    for (uint32_t i = 0; i < ch->consumers_count; i++)
        consumers += consumer_is_present(ch->consumers[i]);
    *ret_stats = (struct brain_channel_stats){
        .name = ch->config.name,
        .pattern = ch->config.pattern,
        .capacity = ch->config.capacity,
        .accepted = ch->accepted,
        .settled = ch->settled,
        .expired = ch->expired,
        .dead_lettered = ch->dead_lettered,
        .dropped_queue_full = ch->dropped[CHANNEL_DROP_QUEUE_FULL],
        .dropped_slow_subscriber = ch->dropped[CHANNEL_DROP_SLOW_SUBSCRIBER],
        .dropped_displaced = ch->dropped[CHANNEL_DROP_DISPLACED],
        .dropped_cancelled = ch->dropped[CHANNEL_DROP_CANCELLED],
        .dropped_purged = ch->dropped[CHANNEL_DROP_PURGED],
        .dropped_shutdown = ch->dropped[CHANNEL_DROP_SHUTDOWN],
        .ready = ch->ready,
        .leased = ch->leased,
        .delayed = ch->delayed,
        .granted = ch->credit.granted,
        .bytes = ch->held_bytes,
        .refused = ch->refused,
        .delivered = ch->delivered,
        .redelivered = ch->redelivered,
        .no_subscriber = ch->no_subscriber,
        .producers = ch->credit.producers,
        .consumers = consumers,
    };
}
