/*
 * handle_open.c - open: a session becomes producer, consumer or responder of a channel; `declare` makes the channel.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>

#include "broker/brain/state.h"

enum {
    DECLARED_CAPACITY = 1000,
    /* Whoever may serve may declare; more than this is for administrators. */
    DECLARED_HISTORY_MAX = 100000,
    DECLARED_HISTORY_BYTES_MAX = 64 * 1024 * 1024,
};

static int judge_declared(const struct brain_channel_config *config, char *ret_detail, size_t detail_bytes)
{
    if (config->history_max <= DECLARED_HISTORY_MAX && config->history_bytes_max <= DECLARED_HISTORY_BYTES_MAX)
        return 0;
    snprintf(ret_detail, detail_bytes,
             "declare keeps at most %d messages and 64 MiB of history; an administrator may give more "
             "(`strato channel add`)",
             DECLARED_HISTORY_MAX);
    return STRATO_ELIMIT;
}

/* The channel of the request, made if it is declared. NULL after an error was answered. */
static struct channel *channel_of(struct brain *brain, const struct frame *frame, bool is_serving)
{
    const struct strato_header *h = frame->header;
    struct channel *ch = channel_find(brain, h->ch);
    struct principal *who = frame->peer->principal;
    struct brain_channel_config config = { 0 };
    char detail[DETAIL_BYTES_MAX] = "";
    int rc = 0;

    if ((!h->declare.bytes && !is_serving) || (ch && !h->declare.bytes) || (h->ch.bytes && h->ch.data[0] == '@'))
        return frame_channel(frame);
    if (h->ch.bytes == 0 || h->ch.bytes > STRATO_NAME_BYTES_MAX) {
        answer_err(frame->peer, h, STRATO_ELIMIT, "a channel name has 1..128 bytes");
        return NULL;
    }
    if (!channel_name_is_good(h->ch)) {
        answer_err(frame->peer, h, STRATO_ESCHEMA, "a channel name is text without blanks, '*', '>' or '@'");
        return NULL;
    }
    if (ch) {
        config = ch->config;
        rc = settings_read(h->declare, false, &config, detail, sizeof(detail));
        if (rc == 0 && !settings_equal(&config, &ch->config)) {
            rc = STRATO_ECONFLICT;
            snprintf(detail, sizeof(detail), "the channel exists with other settings (`strato channel info %.*s`)",
                     (int)(h->ch.bytes < 64 ? h->ch.bytes : 64), (const char *)h->ch.data);
        }
    } else {
        if (!frame_permits_name(frame, "serve", h->ch))
            return NULL;
        memcpy(config.name, h->ch.data, h->ch.bytes);
        channel_config_defaults(&config, is_serving ? BRAIN_REQUEST : BRAIN_WORK);
        config.capacity = DECLARED_CAPACITY;
        if (h->declare.bytes)
            rc = settings_read(h->declare, true, &config, detail, sizeof(detail));
        if (rc == 0 && channel_config_check(&config, detail, sizeof(detail)) < 0)
            rc = STRATO_ESCHEMA;
        if (rc == 0)
            rc = judge_declared(&config, detail, sizeof(detail));
        if (rc == 0)
            rc = keep_allows(brain, &config, detail, sizeof(detail));
        if (rc == 0 && who->rights && who->declared >= PRINCIPAL_DECLARED_MAX) {
            rc = STRATO_ELIMIT;
            snprintf(detail, sizeof(detail), "clients of key %s have declared %u channels that are still there",
                     who->name, who->declared);
        }
        if (rc == 0)
            rc = channel_add(brain, &config, false, &ch);
        if (rc == 0 && who->rights) {
            ch->declarer = who;
            who->declared++;
        }
    }
    if (rc == 0)
        return ch;
    answer_err(frame->peer, h, rc == STRATO_ENOMEM ? STRATO_ENO_RESOURCES : rc, detail[0] ? detail : NULL);
    return NULL;
}

static int open_producer(const struct frame *frame, struct channel *ch, struct answer *a)
{
    struct strato_credit_room room = channel_room(ch);
    struct producer *p;
    int rc = producer_open(frame->peer->session, ch, (uint32_t)frame->header->stream, &p);

    if (rc < 0)
        return rc;
    strato_credit_first(&ch->credit, &p->credit, &room);
    strato_header_u64(&a->header, "limit", p->credit.limit);
    strato_header_u64(&a->header, "limit_bytes", p->credit.limit_bytes);
    return 0;
}

static bool has_consumer(const struct channel *ch)
{
    for (uint32_t i = 0; i < ch->consumers_count; i++) {
        if (!ch->consumers[i]->is_tap)
            return true;
    }
    return false;
}

static int judge_consumer(const struct strato_header *h, const struct channel *ch, bool is_serving,
                          const char **ret_detail)
{
    if (h->tap)
        return 0;
    if (is_serving && ch->config.pattern == BRAIN_EVENTS) {
        *ret_detail = "an events channel has subscribers, not responders: use sub";
        return STRATO_EPROTO;
    }
    if (!is_serving && ch->config.pattern == BRAIN_REQUEST) {
        *ret_detail = "a request channel is served: open it with dir s (or tap it)";
        return STRATO_EPROTO;
    }
    if (h->group.bytes && ch->config.pattern != BRAIN_EVENTS) {
        *ret_detail = "group exists on events channels only: consumers of work compete anyway";
        return STRATO_EPROTO;
    }
    if (ch->is_mailbox && has_consumer(ch)) {
        *ret_detail = "a mailbox has one consumer at a time";
        return STRATO_ECONFLICT;
    }
    return 0;
}

static int open_consumer(const struct frame *frame, struct channel *ch, bool is_serving, const char **ret_detail)
{
    const struct strato_header *h = frame->header;
    struct consumer_options options = {
        .is_responder = is_serving,
        .is_auto_ack = h->auto_ack,
        .is_tap = h->tap,
        .spread_max = h->spread_max < CONSUMER_SPREAD_MAX ? (uint32_t)h->spread_max : CONSUMER_SPREAD_MAX,
    };
    struct consumer *c;
    int rc = judge_consumer(h, ch, is_serving, ret_detail);

    if (rc == 0)
        rc = consumer_open(frame->peer->session, ch, (uint32_t)h->stream, &options, &c);
    if (rc < 0)
        return rc;
    if (!h->tap && ch->config.pattern != BRAIN_EVENTS)
        return 0;
    rc = fanout_subscribe(c, h->group, NULL, 0, FANOUT_DROP_OLDEST, h->from_seq);
    if (rc < 0) {
        consumer_close(c, CONSUMER_LEFT);
        return rc;
    }
    if (!h->tap)
        c->limit = h->prefetch && h->prefetch <= SESSION_HELD_MAX ? h->prefetch : CONSUMER_EVENTS_PREFETCH;
    return 0;
}

/* Calls go through a producer's credit too; each frame is asked again. */
static bool may_open(const struct frame *frame, const struct channel *ch, bool is_producer, bool is_serving)
{
    if (is_producer)
        return frame_has_verb(frame, "request", ch->name) || frame_permits(frame, "publish", ch);
    return frame_permits(frame, frame->header->tap ? "observe" : is_serving ? "serve" : "consume", ch);
}

void handle_open(struct brain *brain, const struct frame *frame)
{
    const struct strato_header *h = frame->header;
    bool is_producer = h->dir.bytes == 0 || strato_bytes_is(h->dir, "p"), is_serving = strato_bytes_is(h->dir, "s");
    const char *detail = NULL;
    struct channel *ch;
    struct answer a;
    int rc;

    if (!is_producer && !is_serving && !strato_bytes_is(h->dir, "c")) {
        answer_err(frame->peer, h, STRATO_EPROTO, "dir is p (produce), c (consume) or s (serve)");
        return;
    }
    if (brain->is_draining) {
        answer_err(frame->peer, h, STRATO_EDRAINING, NULL);
        return;
    }
    if (h->stream > STREAM_NUMBER_MAX) {
        answer_err(frame->peer, h, STRATO_ELIMIT, "stream is 0..1000");
        return;
    }
    ch = channel_find(brain, h->ch);
    if (ch && !may_open(frame, ch, is_producer, is_serving)) /* before anything is told about it */
        return;
    ch = channel_of(brain, frame, is_serving);
    if (!ch || !may_open(frame, ch, is_producer, is_serving))
        return;
    answer_begin(&a, brain, frame->peer, "opened", h);
    answer_channel(&a, ch, h->stream);
    strato_header_u64(&a.header, "cap", ch->config.capacity);
    strato_header_u64(&a.header, "depth", ch->ready + ch->leased + ch->delayed);
    strato_header_u64(&a.header, "durable", channel_is_kept(ch));
    rc = is_producer ? open_producer(frame, ch, &a) : open_consumer(frame, ch, is_serving, &detail);
    if (rc == 0) {
        answer_send(&a);
        return;
    }
    strato_writer_fini(&a.w);
    if (rc == STRATO_EEXISTS) {
        rc = STRATO_ECONFLICT;
        detail = "that stream of the channel is open already: give another `stream`";
    }
    answer_err(frame->peer, h, rc == STRATO_ENOMEM ? STRATO_ENO_RESOURCES : rc, detail);
}
