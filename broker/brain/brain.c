/*
 * brain.c - open, step, end of turn: the table of operations stands last.
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/brain/brain.h"

#include <assert.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "broker/brain/state.h"

static const struct {
    const char *name;
    enum brain_pattern pattern;
    uint32_t capacity, ttl_ms, prefetch;
    bool is_sticky;
} builtin[] = {
    { "gpu", BRAIN_WORK, 100, 600000, 100, true },          { "evolution", BRAIN_WORK, 10000, 3600000, 64, false },
    { "cost", BRAIN_REQUEST, 1000, 30000, 32, false },      { "efficiency", BRAIN_REQUEST, 1000, 30000, 32, false },
    { "scheduler", BRAIN_REQUEST, 1000, 30000, 32, false }, { "governor", BRAIN_REQUEST, 1000, 30000, 32, false },
    { "knowledge", BRAIN_REQUEST, 1000, 30000, 32, false }, { "consensus", BRAIN_REQUEST, 1000, 30000, 32, false },
    { "events", BRAIN_EVENTS, 1000, 60000, 256, false },
};

uint64_t brain_random(struct brain *brain)
{
    brain->random += UINT64_C(0x9e3779b97f4a7c15);
    return map_hash_number(brain->random);
}

uint64_t brain_memory_bytes(const struct brain *brain)
{
    return brain->slab.bytes;
}

bool brain_has_memory(const struct brain *brain)
{
    return brain->slab.bytes < brain->config.memory_max;
}

uint64_t brain_violations(const struct brain *brain)
{
    return brain->violations;
}

static int add_builtin(struct brain *brain)
{
    for (size_t i = 0; i < sizeof(builtin) / sizeof(builtin[0]); i++) {
        struct brain_channel_config config = { 0 };
        struct channel *ch;
        int rc;

        snprintf(config.name, sizeof(config.name), "%s", builtin[i].name);
        channel_config_defaults(&config, builtin[i].pattern);
        config.capacity = builtin[i].capacity;
        config.ttl_ms = builtin[i].ttl_ms;
        config.consumer_prefetch = builtin[i].prefetch;
        config.is_sticky = builtin[i].is_sticky;
        rc = channel_add(brain, &config, true, &ch);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* A configured channel; one of a built-in name gives that one other settings. */
static int add_configured(struct brain *brain, const struct brain_channel_config *config, char *ret_detail,
                          size_t detail_bytes)
{
    struct channel *ch = channel_find(brain, strato_text(config->name));
    int rc = channel_config_check(config, ret_detail, detail_bytes);

    if (rc < 0)
        return rc;
    rc = keep_allows(brain, config, ret_detail, detail_bytes);
    if (rc < 0)
        return rc;
    if (!ch) {
        rc = channel_add(brain, config, false, &ch);
        if (rc == 0)
            ch->is_configured = true;
        return rc;
    }
    if (ch->config.pattern != config->pattern) {
        snprintf(ret_detail, detail_bytes, "channel '%s' is built in and keeps its pattern", config->name);
        return STRATO_ECONFIG;
    }
    ch->config = *config;
    ch->is_configured = true;
    channel_settings_changed(ch);
    channel_set_capacity(ch, config->capacity, config->bytes_max);
    return 0;
}

static int add_configured_route(struct brain *brain, const struct brain_route *rule, char *ret_detail,
                                size_t detail_bytes)
{
    char why[DETAIL_BYTES_MAX] = "";
    int rc = route_admit(brain, rule, NULL, why, sizeof(why));

    if (rc == 0 || rc == STRATO_ENOMEM)
        return rc;
    snprintf(ret_detail, detail_bytes, "routing rule '%.64s': %s", rule->id, why[0] ? why : strato_strerror(rc));
    return STRATO_ECONFIG;
}

static void default_config(struct brain_config *config)
{
    if (!config->message_bytes_max)
        config->message_bytes_max = 10 * 1024 * 1024;
    if (!config->memory_max)
        config->memory_max = 512 * 1024 * 1024;
    if (!config->channels_max)
        config->channels_max = 16384;
    if (!config->sessions_max)
        config->sessions_max = 4096;
    if (!config->hb_ms)
        config->hb_ms = 5000;
    if (!config->drain_timeout_ms)
        config->drain_timeout_ms = 8000;
    if (sodium_is_zero(config->secret, sizeof(config->secret)))
        crypto_generichash(config->secret, sizeof(config->secret), (const uint8_t *)&config->seed, sizeof(config->seed),
                           NULL, 0);
}

int brain_open(const struct brain_config *config, uint64_t now_ms, struct brain **ret_brain, char *ret_detail,
               size_t detail_bytes)
{
    struct brain_out out = { 0 };
    struct brain *brain = calloc(1, sizeof(*brain));
    int rc = STRATO_ENOMEM;

    if (detail_bytes)
        ret_detail[0] = '\0';
    if (!brain)
        goto out;
    brain->config = *config;
    brain->config.channels = NULL;
    brain->config.routes = NULL;
    default_config(&brain->config);
    brain->random = config->seed;
    principals_init(&brain->who);
    brain->now_ms = now_ms;
    brain->out = &out;
    wheel_init(&brain->wheel, now_ms);
    brain->staged = malloc(STRATO_ENVELOPES_MAX * sizeof(*brain->staged));
    if (!brain->staged)
        goto out;
    rc = config->has_store ? recall_begin(brain) : 0;
    if (rc == 0)
        rc = add_builtin(brain);
    for (size_t i = 0; rc == 0 && i < config->channels_count; i++)
        rc = add_configured(brain, &config->channels[i], ret_detail, detail_bytes);
    for (size_t i = 0; rc == 0 && i < config->routes_count; i++)
        rc = add_configured_route(brain, &config->routes[i], ret_detail, detail_bytes);
    if (rc < 0)
        goto out;
    *ret_brain = brain;
    brain = NULL;
out:
    brain_destroy(&brain);
    brain_out_fini(&out);
    return rc;
}

void brain_destroy(struct brain **ret_brain)
{
    struct brain *brain = *ret_brain;
    struct brain_out out = { 0 };
    void *item;
    size_t at = 0;

    if (!brain)
        return;
    brain->out = &out;
    keep_fini(brain);
    recall_end(brain);
    while ((item = map_next(&brain->peers, &at)) != NULL) {
        peer_free(item);
        at = 0;
    }
    for (at = 0; (item = map_next(&brain->sessions_by_agent, &at)) != NULL; at = 0)
        session_close(item, SESSION_OPEN, "the broker ends");
    for (uint32_t i = 0; i < brain->channels_count; i++) {
        if (brain->channels[i])
            channel_free(brain->channels[i]);
    }
    routes_fini(&brain->routes);
    outbox_fini(brain);
    confirm_fini(brain);
    principals_fini(&brain->who);
    map_fini(&brain->channel_names);
    map_fini(&brain->peers);
    map_fini(&brain->sessions_by_agent);
    map_fini(&brain->sessions_by_token);
    map_fini(&brain->streams);
    map_fini(&brain->leases);
    slab_fini(&brain->slab);
    free(brain->channels);
    free(brain->staged);
    free(brain);
    brain_out_fini(&out);
    *ret_brain = NULL;
}

uint64_t brain_next_timer_ms(const struct brain *brain)
{
    return wheel_next_ms((struct wheel *)(uintptr_t)&brain->wheel); /* looking clears stale bits and nothing else */
}

/* ---- edges ---- */

int brain_edge_out_open(struct brain *brain, const char *channel, uint32_t window, uint32_t *ret_edge)
{
    struct channel *ch = channel_find(brain, strato_text(channel));
    int rc;

    if (!ch)
        return STRATO_ENO_CHANNEL;
    if (brain->edges_count >= EDGES_MAX)
        return STRATO_ELIMIT;
    rc = consumer_open_edge(brain, ch, window, brain->edges_count, &brain->edges[brain->edges_count]);
    if (rc == 0)
        *ret_edge = brain->edges_count++;
    return rc;
}

void brain_edge_out_ready(struct brain *brain, uint32_t edge, bool is_ready)
{
    struct consumer *c = edge < brain->edges_count ? brain->edges[edge] : NULL;

    if (!c || c->is_edge_ready == is_ready)
        return;
    c->is_edge_ready = is_ready;
    channel_touch(c->stream.channel);
}

uint32_t brain_edge_in_room(const struct brain *brain, const char *channel)
{
    struct channel *ch = channel_find((struct brain *)(uintptr_t)brain, strato_text(channel));
    struct strato_credit_room room;

    if (!ch)
        return 0;
    if (channel_is_dropping(ch) && ch->config.pattern != BRAIN_EVENTS)
        return 64;
    room = channel_room(ch);
    if (room.is_closed || room.messages <= 0 || room.bytes <= 0)
        return 0;
    return room.messages < 64 ? (uint32_t)room.messages : 64;
}

void brain_publish_enable(struct brain *brain, bool is_enabled)
{
    brain->is_publishing = is_enabled;
    brain->was_publishing |= is_enabled;
    brain->head_timer.kind = TIMER_HEAD;
    if (is_enabled)
        wheel_arm(&brain->wheel, &brain->head_timer, brain->now_ms);
    else
        wheel_cancel(&brain->head_timer);
}

/* The events channel whose name leads the topic, else `events`. */
static struct channel *channel_by_topic(struct brain *brain, struct strato_bytes topic)
{
    struct channel *best = NULL;

    for (uint32_t i = 0; i < brain->channels_count; i++) {
        struct channel *ch = brain->channels[i];

        if (!ch || ch->config.pattern != BRAIN_EVENTS || ch->name.bytes > topic.bytes ||
            memcmp(ch->name.data, topic.data, ch->name.bytes) != 0)
            continue;
        if (topic.bytes > ch->name.bytes && topic.data[ch->name.bytes] != '.')
            continue;
        if (!best || ch->name.bytes > best->name.bytes)
            best = ch;
    }
    return best ? best : channel_find(brain, strato_text("events"));
}

/* First frame of a PUB message fills `topic` if the envelope has none: put into the envelope, so that all readers see it. */
static int with_topic(struct strato_bytes data, struct strato_bytes topic, struct strato_writer *w)
{
    struct strato_cursor c = strato_cursor_over(data);
    struct strato_envelope e;
    struct strato_bytes skipped;
    int rc = strato_envelope_decode(&c, &e, &skipped);

    if (rc < 0 || (e.has & STRATO_ENV_TOPIC))
        return rc < 0 ? rc : 1;
    if (topic.bytes > STRATO_TOPIC_BYTES_MAX)
        return STRATO_ELIMIT;
    strato_writer_map(w, e.pairs + 1);
    strato_writer_raw(w, e.body);
    strato_writer_text(w, "topic");
    strato_writer_str(w, topic);
    strato_writer_raw(w, strato_bytes(c.at, (size_t)(c.end - c.at)));
    return strato_writer_error(w);
}

/* A direct message goes to its mailbox, and to nobody if nobody has that name. */
static struct channel *channel_of_edge(struct brain *brain, const struct brain_event *event)
{
    struct strato_bytes to;

    if (event->channel.bytes)
        return channel_find(brain, event->channel);
    to = mailbox_to(event->data);
    return to.bytes ? mailbox_of(brain, to) : channel_by_topic(brain, event->topic);
}

static void edge_in(struct brain *brain, const struct brain_event *event)
{
    struct channel *ch = channel_of_edge(brain, event);
    struct ingest_frame frame = { event->data, event->blobs, event->blobs_count };
    struct principal *who = principal_of(brain, event->key);
    struct sender *sender = who ? principal_edge_sender(who) : NULL;
    struct strato_writer w = { 0 };
    struct stage stage;
    int rc;

    brain->by_topic = NULL;
    brain->who.strangers += !who;
    if (!ch) {
        brain->unroutable++;
        return;
    }
    rc = who ? edge_permits(brain, who, ch) : STRATO_EAUTH;
    if (rc < 0) {
        channel_refused(ch, rc);
        return;
    }
    if (event->topic.bytes && with_topic(event->data, event->topic, &w) == 0)
        frame.body = strato_writer_view(&w);
    rc = sender ? ingest_stage(&stage, ch, sender, &frame, 1, 0, true) : STRATO_ENOMEM;
    if (rc == 0 && stage.items[0].err < 0)
        rc = stage.items[0].err;
    if (rc == 0 && brain->is_draining && ch->config.full != BRAIN_FULL_WAIT)
        rc = STRATO_EDRAINING;
    if (rc == 0 && ch->config.full != BRAIN_FULL_WAIT)
        rc = ingest_room(ch, 1, stage.items[0].bytes); /* a waiting channel's edge was read because there was room */
    if (rc == 0 && stage.duplicates == 0) {
        ingest_admit(ch, &stage.items[0]);
    } else if (rc < 0) {
        channel_refused(ch, rc);
        brain->undecodable += rc == STRATO_ECODEC || rc == STRATO_EFRAME || rc == STRATO_ESCHEMA;
        if (rc == STRATO_EFRAME || rc == STRATO_ESCHEMA || rc == STRATO_ELIMIT) /* nobody is told: it is kept here */
            channel_bury_refused(ch, sender, DEADLETTER_UNDECODABLE, NULL, frame.body, stage.detail);
        if (rc != STRATO_ECODEC && rc != STRATO_EFRAME && rc != STRATO_ENOMEM)
            ingest_unstage(brain, &stage);
    }
    strato_writer_fini(&w);
}

static void edge_sent(struct brain *brain, uint32_t edge, uint32_t count)
{
    struct consumer *c = edge < brain->edges_count ? brain->edges[edge] : NULL;

    if (c)
        consumer_want(c, c->limit, c->taken + count, 0);
}

/* ---- frames ---- */

struct channel *frame_channel(const struct frame *frame)
{
    struct brain *brain = frame->peer->brain;
    struct strato_bytes name = frame->header->ch, to = STRATO_BYTES_NONE;
    struct channel *ch;
    char detail[DETAIL_BYTES_MAX];

    if (name.bytes == 0 && frame->header->opcode == STRATO_OP_put && !strato_header_has(frame->header, STRATO_KEY_i))
        to = mailbox_to(frame->body.body);
    ch = to.bytes ? mailbox_of(brain, to) : channel_find(brain, name);
    if (!ch || ch->is_mailbox)
        ch = to.bytes ? ch : mailbox_find(brain, name);
    if (ch)
        return ch;
    if (to.bytes) {
        snprintf(detail, sizeof(detail), "no agent '%.*s' is known here", (int)(to.bytes > 64 ? 64 : to.bytes),
                 to.data);
        answer_err(frame->peer, frame->header, STRATO_ENO_ROUTE, detail);
    } else if (name.bytes && name.data[0] == '@') {
        snprintf(detail, sizeof(detail), "no agent '%.*s' is known here", (int)(name.bytes > 64 ? 63 : name.bytes - 1),
                 name.data + 1);
        answer_err(frame->peer, frame->header, STRATO_ENO_ROUTE, detail);
    } else if (name.bytes == 0) {
        answer_err(frame->peer, frame->header, STRATO_EPROTO, "the operation needs the key `ch`");
    } else {
        channel_not_found_detail(brain, name, detail, sizeof(detail));
        answer_err(frame->peer, frame->header, STRATO_ENO_CHANNEL, detail);
    }
    return NULL;
}

static const struct operation {
    handle_fn *handle;
    bool needs_session;
} operations[STRATO_OP_COUNT];

static void refuse_frame(struct brain *brain, struct peer *peer, const struct strato_header *h, int rc)
{
    brain->undecodable++;
    answer_err(peer, h, rc, rc == STRATO_ECODEC ? "the frame does not begin with a valid msgpack map" : NULL);
}

static void take_frame(struct brain *brain, const struct brain_event *event)
{
    struct strato_cursor c = strato_cursor_over(event->data);
    struct strato_header h = { 0 };
    struct peer *peer = peer_get(brain, event->peer);
    struct frame frame;
    const struct operation *op;
    int rc;

    if (!peer)
        return;
    peer->is_lockstep = event->is_lockstep;
    peer->is_local = event->is_local;
    peer->seen_ms = brain->now_ms;
    if (peer->is_lockstep)
        peer->owed++;
    if (!peer_admit(peer, event))
        return;
    brain->by_topic = NULL;
    if (peer->session)
        session_seen(peer->session);
    rc = strato_header_decode(&c, STRATO_HEADER_BYTES_MAX, &h);
    if (rc < 0) {
        refuse_frame(brain, peer, &h, rc);
        return;
    }
    frame = (struct frame){ .peer = peer, .header = &h };
    frame.body = (struct ingest_frame){ strato_bytes(c.at, strato_cursor_left(&c)), event->blobs, event->blobs_count };
    op = &operations[h.opcode];
    if (!op->handle)
        answer_err(peer, &h, STRATO_EPROTO, "this operation goes from the broker to the client");
    else if (op->needs_session && peer->is_lockstep)
        answer_err(peer, &h, STRATO_EPROTO,
                   "a REQ socket has no session: use put, get, call, ack and the like, or a DEALER");
    else if (op->needs_session && !peer->session && h.opcode != STRATO_OP_hello)
        answer_err(peer, &h, STRATO_ENO_SESSION, "say hello first: this connection has no session");
    else
        op->handle(brain, &frame);
}

/* ---- time ---- */

static void fire(struct brain *brain, struct wheel_timer *timer)
{
    switch ((enum timer_kind)timer->kind) {
    case TIMER_MESSAGE: {
        struct message *m = message_of_timer(timer);
        struct channel *ch = brain_channel_of(brain, m);

        if (m->state == MESSAGE_HELD || m->state == MESSAGE_STARTED)
            lease_due(ch, m);
        else
            channel_message_due(ch, m);
        break;
    }
    case TIMER_PEER:
        peer_due(TIMER_OWNER(timer, struct peer, timer));
        break;
    case TIMER_SESSION:
        session_due(TIMER_OWNER(timer, struct session, timer));
        break;
    case TIMER_CHANNEL: {
        struct channel *ch = TIMER_OWNER(timer, struct channel, timer);

        if (ch->forget_ms <= brain->now_ms)
            mailbox_due(ch);
        else
            producers_due(ch);
        break;
    }
    case TIMER_CHANNEL_EXPIRY:
        fanout_expire(TIMER_OWNER(timer, struct channel, expiry));
        break;
    case TIMER_PARKED_PUT:
        parking_put_end(TIMER_OWNER(timer, struct parked_put, timer), STRATO_EFULL);
        break;
    case TIMER_GETTER:
        parking_get_end(TIMER_OWNER(timer, struct getter, timer), STRATO_EEMPTY);
        break;
    case TIMER_AFFINITY:
        affinity_due(TIMER_OWNER(timer, struct affinity, timer));
        break;
    case TIMER_DRAIN:
        drain_due(brain);
        break;
    case TIMER_HEAD:
        publish_heads(brain);
        break;
    }
}

static void tick(struct brain *brain)
{
    struct wheel_timer *timer;

    while ((timer = wheel_pop(&brain->wheel, brain->now_ms)) != NULL)
        fire(brain, timer);
}

/* ---- the end of a turn ---- */

static void check_law(struct channel *ch)
{
    if (channel_law_holds(ch))
        return;
    ch->brain->violations++;
    brain_log(ch->brain, 0,
              "law broken channel=%s accepted=%llu ready=%llu leased=%llu delayed=%llu granted=%llu capacity=%u",
              ch->config.name, (unsigned long long)ch->accepted, (unsigned long long)ch->ready,
              (unsigned long long)ch->leased, (unsigned long long)ch->delayed, (unsigned long long)ch->credit.granted,
              ch->config.capacity);
#ifndef NDEBUG
    abort();
#endif
}

static void turn_channel(struct channel *ch)
{
    bool grants_first = ch->brain->turns & 1; /* parked puts and waiting sessions take turns at the front */

    dispatch_channel(ch);
    if (grants_first)
        producers_turn(ch);
    if (ch->parked_head && parking_admit(ch))
        dispatch_channel(ch);
    if (!grants_first)
        producers_turn(ch);
    if (ch->getters_now)
        parking_sweep(ch);
}

static void turn_end(struct brain *brain)
{
    struct channel *ch;

    brain->turns++;
    if (brain->inbound_channels)
        redirect_turn(brain);
    while ((ch = brain->dirty_channels) != NULL) {
        brain->dirty_channels = ch->dirty_next;
        ch->is_dirty = false; /* what its own turn sets free is given away in another round of this loop */
        turn_channel(ch);
        check_law(ch);
    }
    if (keep_is_pending(&brain->keep))
        keep_flush(brain);
    while (brain->dirty_producers) {
        struct producer *p = brain->dirty_producers;

        brain->dirty_producers = p->dirty_next;
        if (channel_is_kept(p->stream.channel))
            confirm_mark(p);
        producer_send_credit(p);
    }
    outbox_flush(brain);
    drain_check(brain);
}

static void peer_event(struct brain *brain, const struct brain_event *event)
{
    struct peer *peer = peer_find(brain, event->peer);

    if (!peer)
        return;
    switch (event->kind) {
    case BRAIN_PEER_DOUBT:
        peer_probe(peer);
        break;
    case BRAIN_PEER_GONE:
        peer_free(peer);
        break;
    case BRAIN_PEER_STUCK:
        peer->is_stuck = true;
        peer->stuck_ms = brain->now_ms;
        wheel_arm(&brain->wheel, &peer->timer, brain->now_ms + SESSION_STUCK_MS);
        break;
    default:
        peer->is_stuck = false;
        if (peer->session)
            receipts_send(peer->session);
        for (struct stream *s = peer->session ? peer->session->streams : NULL; s; s = s->next)
            channel_touch(s->channel);
        break;
    }
}

int brain_step(struct brain *brain, const struct brain_event *event, uint64_t now_ms, struct brain_out *out)
{
    assert(!brain->recall);
    brain->out = out;
    if (now_ms > brain->now_ms)
        brain->now_ms = now_ms;
    if (event->wall_ms)
        brain->wall_ms = event->wall_ms - brain->now_ms;
    switch (event->kind) {
    case BRAIN_FRAME:
        take_frame(brain, event);
        break;
    case BRAIN_EDGE_IN:
        edge_in(brain, event);
        break;
    case BRAIN_EDGE_SENT:
        edge_sent(brain, event->edge, event->count);
        break;
    case BRAIN_PEER_DOUBT:
    case BRAIN_PEER_GONE:
    case BRAIN_PEER_STUCK:
    case BRAIN_PEER_FLOWS:
        peer_event(brain, event);
        break;
    case BRAIN_TICK:
        tick(brain);
        break;
    case BRAIN_DRAIN:
        drain_begin(brain);
        break;
    case BRAIN_STORED:
        confirm_stored(brain, event->commit);
        break;
    case BRAIN_STORE_FAILED:
        confirm_failed(brain, event->data);
        break;
    case BRAIN_PRINCIPALS:
        principals_replace(brain, event->principals);
        break;
    case BRAIN_TURN_END:
        turn_end(brain);
        break;
    }
    return 0;
}

/* ---- numbers ---- */

void brain_refusals(const struct brain *brain, struct brain_refusals *ret_refusals)
{
    *ret_refusals = (struct brain_refusals){ brain->who.strangers, brain->who.over_rate, brain->who.over_connections };
}

bool brain_channel_stats_next(const struct brain *brain, size_t *iterator, struct brain_channel_stats *ret_stats)
{
    while (*iterator < brain->channels_count) {
        const struct channel *ch = brain->channels[(*iterator)++];

        if (ch) {
            channel_stats(ch, ret_stats);
            return true;
        }
    }
    return false;
}

bool brain_laws_hold(const struct brain *brain, char *ret_detail, size_t detail_bytes)
{
    for (uint32_t i = 0; i < brain->channels_count; i++) {
        struct channel *ch = brain->channels[i];

        if (!ch || (channel_law_holds(ch) && strato_credit_pool_holds(&ch->credit)))
            continue;
        snprintf(ret_detail, detail_bytes,
                 "channel %s: accepted %llu, settled %llu, expired %llu, dead %llu, ready %llu, leased %llu, delayed "
                 "%llu, granted %llu",
                 ch->config.name, (unsigned long long)ch->accepted, (unsigned long long)ch->settled,
                 (unsigned long long)ch->expired, (unsigned long long)ch->dead_lettered, (unsigned long long)ch->ready,
                 (unsigned long long)ch->leased, (unsigned long long)ch->delayed,
                 (unsigned long long)ch->credit.granted);
        return false;
    }
    return brain->violations == 0;
}

static const struct operation operations[STRATO_OP_COUNT] = {
    [STRATO_OP_put] = { handle_put, false },        [STRATO_OP_get] = { handle_get, false },
    [STRATO_OP_start] = { handle_start, false },    [STRATO_OP_ack] = { handle_ack, false },
    [STRATO_OP_nack] = { handle_nack, false },      [STRATO_OP_extend] = { handle_extend, false },
    [STRATO_OP_call] = { handle_call, false },      [STRATO_OP_cancel] = { handle_cancel, false },
    [STRATO_OP_reply] = { handle_reply, false },    [STRATO_OP_hello] = { handle_hello, true },
    [STRATO_OP_open] = { handle_open, true },       [STRATO_OP_need] = { handle_need, true },
    [STRATO_OP_release] = { handle_release, true }, [STRATO_OP_want] = { handle_want, true },
    [STRATO_OP_sub] = { handle_sub, true },         [STRATO_OP_unsub] = { handle_unsub, true },
    [STRATO_OP_hist] = { handle_hist, false },      [STRATO_OP_ping] = { handle_ping, false },
    [STRATO_OP_pong] = { handle_pong, false },      [STRATO_OP_bye] = { handle_bye, true },
    [STRATO_OP_admin] = { handle_admin, false },
};
