/*
 * fanout.c - see fanout.h.
 *
 * `pending` is exact without a list per subscriber: an event is matched once when it is offered (counted
 * in) and once when the cursor passes it (handed out, dropped or expired).
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/brain/fanout.h"

#include <stdlib.h>

#include "broker/brain/state.h"
#include "core/glob.h"

static bool matches(const struct subscription *s, const struct message *m)
{
    char scratch[STRATO_TOPIC_BYTES_MAX + 1];
    struct strato_bytes topic;

    if (s->match_count == 0)
        return true;
    topic = message_topic(m, s->channel->name, scratch, sizeof(scratch));
    for (uint32_t i = 0; i < s->match_count; i++) {
        if (strato_glob_match(strato_text(s->match[i]), topic))
            return true;
    }
    return false;
}

static void subscription_free(struct subscription *s)
{
    for (uint32_t i = 0; i < s->match_count; i++)
        free(s->match[i]);
    free(s->replay);
    free(s);
}

/* Taps are in no law. */
static void count_in(struct subscription *s, uint64_t count)
{
    s->pending += count;
    if (!s->is_tap) {
        s->channel->accepted += count;
        s->channel->ready += count;
    }
}

static void count_out(struct subscription *s, uint64_t count)
{
    s->pending -= count;
    if (!s->is_tap)
        s->channel->ready -= count;
}

static void lag(struct subscription *s, uint64_t seq)
{
    lags_add(&s->lags, (struct lag){ 1, seq, seq });
}

static struct subscription *find_group(struct channel *ch, struct strato_bytes group)
{
    for (struct subscription *s = ch->subscriptions; group.bytes && s; s = s->next) {
        if (strato_bytes_is(group, s->group))
            return s;
    }
    return NULL;
}

static struct subscription *subscription_new(struct channel *ch, struct strato_bytes group,
                                             const struct strato_bytes *match, uint32_t match_count)
{
    struct subscription *s = calloc(1, sizeof(*s));

    if (!s)
        return NULL;
    s->channel = ch;
    if (group.bytes)
        memcpy(s->group, group.data, group.bytes);
    for (; s->match_count < match_count; s->match_count++) {
        s->match[s->match_count] = strndup((const char *)match[s->match_count].data, match[s->match_count].bytes);
        if (!s->match[s->match_count]) {
            subscription_free(s);
            return NULL;
        }
    }
    if (s->match_count == 1 && strcmp(s->match[0], ">") == 0) { /* everything: no need to look */
        free(s->match[0]);
        s->match_count = 0;
    }
    return s;
}

int fanout_subscribe(struct consumer *c, struct strato_bytes group, const struct strato_bytes *match,
                     uint32_t match_count, enum fanout_policy policy, uint64_t from_seq)
{
    struct channel *ch = c->stream.channel;
    struct subscription *s;

    if (match_count > FANOUT_MATCH_MAX || group.bytes > STRATO_NAME_BYTES_MAX)
        return STRATO_ELIMIT;
    fanout_scan(ch); /* what came before it is not its own */
    s = find_group(ch, group);
    if (!s) {
        s = subscription_new(ch, group, match, match_count);
        if (!s)
            return STRATO_ENOMEM;
        s->policy = policy;
        s->is_tap = c->is_tap || ch->config.pattern != BRAIN_EVENTS;
        s->next_seq = s->scanned = ch->seq + 1;
        if (from_seq && from_seq <= ch->seq) {
            if (from_seq < ch->history.first)
                lags_add(&s->lags, (struct lag){ ch->history.first - from_seq, from_seq, ch->history.first - 1 });
            s->next_seq = s->scanned = from_seq > ch->history.first ? from_seq : ch->history.first;
        }
        s->next = ch->subscriptions;
        ch->subscriptions = s;
        ch->subscriptions_count++;
        if (s->next_seq < ch->scanned)
            ch->scanned = s->next_seq;
        ch->keep_from = s->next_seq < ch->keep_from ? s->next_seq : ch->keep_from;
    }
    c->subscription = s;
    c->member_next = s->members;
    s->members = c;
    if (ch->config.pattern == BRAIN_EVENTS && !wheel_is_armed(&ch->expiry))
        wheel_arm(&ch->brain->wheel, &ch->expiry, ch->brain->now_ms + FANOUT_EXPIRY_MS);
    channel_touch(ch);
    return 0;
}

/* What this member was sent and had not taken goes with it. */
static void drop_leased(struct consumer *c, enum channel_drop why)
{
    struct subscription *s = c->subscription;
    struct channel *ch = c->stream.channel;

    for (uint64_t tag = c->base; tag < c->sent; tag++) {
        struct delivery *d = consumer_slot(c, tag);

        if (!d->seq)
            continue;
        s->leased--;
        if (!s->is_tap) {
            ch->leased--;
            channel_dropped(ch, why, 1);
        }
        c->held--;
        c->stream.session->held--;
        d->seq = d->bytes = 0;
    }
    c->bytes_out = 0;
    c->base = c->taken = c->sent;
}

void fanout_leave(struct consumer *c, enum channel_drop why)
{
    struct subscription *s = c->subscription;
    struct channel *ch = s->channel;
    struct consumer **link = &s->members;
    struct subscription **at = &ch->subscriptions;

    drop_leased(c, why);
    while (*link != c)
        link = &(*link)->member_next;
    *link = c->member_next;
    c->subscription = NULL;
    if (s->members)
        return;
    if (!s->is_tap)
        channel_dropped(ch, why, s->pending);
    count_out(s, s->pending);
    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
    ch->subscriptions_count--;
    subscription_free(s);
    ch->keep_from = fanout_keep_from(ch);
}

uint64_t fanout_keep_from(const struct channel *ch)
{
    uint64_t from = UINT64_MAX;

    for (const struct subscription *s = ch->subscriptions; s; s = s->next) {
        uint64_t first = s->replay_at < s->replay_count ? s->replay[s->replay_at] : s->next_seq;

        if (first < from && !s->is_tap)
            from = first;
    }
    return from;
}

/* Seq of the first event in the queue, 0 if it is empty. The cursor moves over what does not match. */
static uint64_t front(struct subscription *s, struct message **ret_message)
{
    struct channel *ch = s->channel;

    if (s->replay_at < s->replay_count) {
        *ret_message = history_at(&ch->history, s->replay[s->replay_at]);
        return s->replay[s->replay_at];
    }
    for (; s->pending && s->next_seq < s->scanned; s->next_seq++) {
        bool is_all = s->pending == s->scanned - s->next_seq; /* none of those between is to be passed over */

        *ret_message = history_at(&ch->history, s->next_seq);
        if (is_all || !*ret_message || matches(s, *ret_message))
            return s->next_seq;
    }
    s->next_seq = s->scanned;
    return 0;
}

/* What front() showed leaves the queue. */
static void pass_front(struct subscription *s)
{
    if (s->replay_at < s->replay_count)
        s->replay_at++;
    else
        s->next_seq++;
    count_out(s, 1);
    if (s->pending == 0)
        s->next_seq = s->scanned;
}

static void drop_oldest(struct subscription *s)
{
    struct message *m;
    uint64_t seq = front(s, &m);

    if (!seq)
        return;
    pass_front(s);
    lag(s, seq);
    if (!s->is_tap)
        channel_dropped(s->channel, CHANNEL_DROP_SLOW_SUBSCRIBER, 1);
}

static void disconnect(struct subscription *s)
{
    struct session *session = s->members->stream.session;
    struct strato_header h = { .ch = s->channel->name };

    if (session->peer)
        answer_err(session->peer, &h, STRATO_ESLOW, "the subscriber fell a full queue behind (policy disconnect)");
    session_close(session, SESSION_OPEN, "too slow for policy disconnect");
}

static void offer(struct subscription *s, uint64_t end)
{
    struct channel *ch = s->channel;
    uint64_t capacity = ch->config.capacity;

    if (s->is_tap && s->next_seq < ch->history.first) { /* nobody keeps history for a tap */
        uint64_t first = ch->history.first, were = s->pending, from = s->next_seq;

        s->pending = 0;
        s->replay_at = s->replay_count;
        s->next_seq = first;
        if (s->scanned < first)
            s->scanned = first;
        for (uint64_t seq = first; seq < s->scanned; seq++)
            s->pending += matches(s, history_at(&ch->history, seq));
        lags_add(&s->lags, (struct lag){ were - s->pending, from, first - 1 });
    }
    for (; s->scanned < end; s->scanned++) {
        struct message *m = history_at(&ch->history, s->scanned);

        if (!m || !matches(s, m))
            continue;
        count_in(s, 1);
        if (s->pending + s->leased > capacity) {
            s->scanned++; /* the new one may be the only one left to drop */
            drop_oldest(s);
            s->scanned--;
        }
    }
    if (s->pending == 0)
        s->next_seq = s->scanned;
}

/* A queue is bounded in messages by `capacity`; this bounds what it keeps alive between them, and in bytes. */
static void bound_history(struct channel *ch)
{
    uint64_t span_max = (uint64_t)ch->config.history_max + ch->config.capacity + FANOUT_SPAN_SLACK;

    for (;;) {
        struct history *h = &ch->history;
        struct subscription *s = ch->subscriptions;

        ch->keep_from = fanout_keep_from(ch);
        history_trim(h, &ch->brain->slab, ch->config.history_max, ch->config.history_bytes_max, ch->keep_from);
        if (h->end - h->first <= span_max && h->bytes <= ch->config.bytes_max + ch->config.history_bytes_max)
            return;
        while (s && (s->is_tap || s->next_seq > ch->keep_from) && s->replay_at == s->replay_count)
            s = s->next;
        if (!s)
            return;
        drop_oldest(s);
    }
}

void fanout_scan(struct channel *ch)
{
    uint64_t end = ch->seq + 1;

    for (struct subscription *s = ch->subscriptions; s; s = s->next) {
        if (s->scanned < end)
            offer(s, end);
    }
    ch->scanned = end;
    bound_history(ch);
}

void fanout_disconnect_slow(struct channel *ch)
{
    struct subscription *s = ch->subscriptions;

    while (s) {
        if (s->policy == FANOUT_DISCONNECT && s->lags.used && s->members) {
            disconnect(s);
            s = ch->subscriptions; /* a session may have had several */
        } else {
            s = s->next;
        }
    }
    bound_history(ch);
}

static void send_lagged(struct subscription *s, struct consumer *c, struct lag lag)
{
    struct strato_writer w = { 0 };
    struct strato_header_writer hw;

    strato_header_begin(&hw, &w, "lagged");
    strato_header_str(&hw, "ch", s->channel->name);
    if (c->stream.number)
        strato_header_u64(&hw, "stream", c->stream.number);
    strato_header_u64(&hw, "count", lag.count);
    strato_header_u64(&hw, "from", lag.from);
    strato_header_u64(&hw, "to", lag.to);
    strato_header_end(&hw);
    if (c->frame)
        outframe_close(c->frame);
    outbox_data_take(c->stream.session->peer, &w);
    if (c->base > s->told_tag)
        s->told.used = 0;
    lags_add(&s->told, lag);
    s->told_tag = c->sent;
}

static struct outframe *event_frame(struct consumer *c, uint64_t seq)
{
    struct channel *ch = c->stream.channel;
    struct strato_header_writer hw;
    struct outframe *f = c->frame;

    if (f && !outframe_is_full(f))
        return f;
    if (f)
        outframe_close(f);
    f = outframe_begin(c->stream.session->peer, &c->frame);
    if (!f)
        return NULL;
    outframe_header(f, &hw, "event", ch, c->stream.number);
    strato_header_u64(&hw, "seq", seq);
    strato_header_u64(&hw, "i", c->sent);
    strato_header_u64(&hw, "epoch", ch->brain->config.epoch);
    outframe_header_end(f, &hw);
    return f;
}

static bool send_event(struct subscription *s, struct consumer *c, struct message *m, uint64_t seq)
{
    struct brain *brain = s->channel->brain;
    struct message_stamps stamps = { brain->config.epoch, brain->now_ms, true, false };
    struct outframe *f = event_frame(c, seq);
    uint8_t *to = f ? outframe_reserve(f, m->body_bytes + MESSAGE_STAMPS_BYTES_MAX) : NULL;

    if (!to)
        return false;
    outframe_wrote(f, message_encode(m, &stamps, to));
    if (m->extra && m->extra->blobs_count)
        outframe_blobs(f, m->extra->blobs, m->extra->blobs_count);
    consumer_deliver(c, (struct delivery){ .seq = seq, .bytes = message_bytes(m) });
    c->used = ++brain->dispatches;
    s->leased++;
    if (!s->is_tap) {
        s->channel->leased++;
        s->channel->delivered++;
    }
    return true;
}

static struct consumer *choose_member(struct subscription *s)
{
    struct consumer *best = NULL;
    uint64_t best_free = 0;

    for (struct consumer *c = s->members; c; c = c->member_next) {
        uint64_t free_now = consumer_free(c);

        if (free_now == 0 || (c->bytes_out && c->bytes_out >= c->bytes_max))
            continue;
        if (!best || free_now > best_free || (free_now == best_free && c->used < best->used)) {
            best = c;
            best_free = free_now;
        }
    }
    return best;
}

static void dispatch_one(struct subscription *s)
{
    struct channel *ch = s->channel;
    uint64_t now = ch->brain->now_ms;

    while (s->pending) {
        struct consumer *c = choose_member(s);
        struct message *m;
        struct lag lost;
        uint64_t seq;

        if (!c || consumer_reserve(c) < 0)
            return;
        seq = front(s, &m);
        if (!seq)
            return;
        pass_front(s);
        if (!m) { /* scrolled out of the history */
            lag(s, seq);
            if (!s->is_tap)
                channel_dropped(ch, CHANNEL_DROP_SLOW_SUBSCRIBER, 1);
            continue;
        }
        if (!s->is_tap && message_time(m->deadline_ms, now) <= now) {
            lag(s, seq);
            ch->expired++;
            continue;
        }
        while (lags_pop_before(&s->lags, seq, &lost))
            send_lagged(s, c, lost);
        if (!send_event(s, c, m, seq)) { /* no memory: lost, and said so */
            lag(s, seq);
            if (!s->is_tap)
                channel_dropped(ch, CHANNEL_DROP_SLOW_SUBSCRIBER, 1);
            return;
        }
    }
}

void fanout_dispatch(struct channel *ch)
{
    for (struct subscription *s = ch->subscriptions; s; s = s->next)
        dispatch_one(s);
}

void fanout_taken(struct consumer *c, uint64_t taken)
{
    struct subscription *s = c->subscription;
    struct channel *ch = c->stream.channel;

    for (; c->base < taken; c->base++) {
        struct delivery *d = consumer_slot(c, c->base);

        if (!d->seq)
            continue;
        c->bytes_out -= d->bytes;
        d->seq = d->bytes = 0;
        c->held--;
        c->stream.session->held--;
        s->leased--;
        if (!s->is_tap) {
            ch->leased--;
            ch->settled++;
        }
    }
    c->taken = c->base;
}

void fanout_rewind(struct consumer *c)
{
    struct subscription *s = c->subscription;
    struct channel *ch = c->stream.channel;
    uint32_t left = s->replay_count - s->replay_at, count = 0;
    uint64_t *replay;

    if (c->base <= s->told_tag) /* the notice may have gone with the connection */
        lags_move(&s->lags, &s->told);
    s->told.used = 0;
    if (c->base == c->sent)
        return;
    replay = s->members->member_next ? NULL : malloc((size_t)(c->sent - c->base + left) * sizeof(*replay));
    if (!replay) { /* a group's other members go on with what follows; this is gone with the connection */
        lags_add(&s->lags,
                 (struct lag){ s->leased, consumer_slot(c, c->base)->seq, consumer_slot(c, c->sent - 1)->seq });
        drop_leased(c, CHANNEL_DROP_CANCELLED);
        return;
    }
    for (uint64_t tag = c->base; tag < c->sent; tag++) {
        struct delivery *d = consumer_slot(c, tag);

        if (d->seq)
            replay[count++] = d->seq;
        d->seq = d->bytes = 0;
    }
    if (left)
        memcpy(replay + count, s->replay + s->replay_at, left * sizeof(*replay));
    s->leased -= count;
    s->pending += count;
    if (!s->is_tap) {
        ch->leased -= count;
        ch->ready += count;
    }
    c->held -= count;
    c->stream.session->held -= count;
    c->bytes_out = 0;
    c->base = c->taken = c->sent;
    free(s->replay);
    s->replay = replay;
    s->replay_at = 0;
    s->replay_count = count + left;
}

uint64_t fanout_block_room(const struct channel *ch)
{
    uint64_t room = UINT64_MAX;

    for (const struct subscription *s = ch->subscriptions; s; s = s->next) {
        uint64_t used = s->pending + s->leased + (ch->seq + 1 - s->scanned);

        if (s->policy == FANOUT_BLOCK && !s->is_tap) {
            uint64_t left = used < ch->config.capacity ? ch->config.capacity - used : 0;

            room = left < room ? left : room;
        }
    }
    return room;
}

/* Queues whose owner does not read: what grew old at their front is over. */
void fanout_expire(struct channel *ch)
{
    uint64_t now = ch->brain->now_ms;

    for (struct subscription *s = ch->subscriptions; s; s = s->next) {
        struct message *m;
        uint64_t seq;

        while (!s->is_tap && (seq = front(s, &m)) != 0 && (!m || message_time(m->deadline_ms, now) <= now)) {
            pass_front(s);
            lag(s, seq);
            ch->expired++;
        }
    }
    if (ch->subscriptions_count)
        wheel_arm(&ch->brain->wheel, &ch->expiry, now + FANOUT_EXPIRY_MS);
    channel_touch(ch);
}
