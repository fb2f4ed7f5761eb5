/*
 * welcome.c - open a session, or take up the old one where it stopped.
 *
 * SPDX-License-Identifier: MIT
 */
#include "bindings/c/welcome.h"

#include "bindings/c/producer.h"
#include "bindings/c/request.h"
#include "bindings/c/stream.h"

/* One entry of `chans`: the broker's numbers of a channel that the session had open. */
struct chan {
    struct strato_bytes ch, dir, tags;
    uint64_t stream;
    struct strato__resume numbers;
    bool has_tags;
};

static int chan_field(struct strato_cursor *c, struct strato_bytes key, struct chan *chan)
{
    if (strato_bytes_is(key, "ch"))
        return strato_cursor_str(c, STRATO_NAME_BYTES_MAX + 1, &chan->ch);
    if (strato_bytes_is(key, "dir"))
        return strato_cursor_str(c, 1, &chan->dir);
    if (strato_bytes_is(key, "stream"))
        return strato_cursor_u64(c, UINT64_MAX, &chan->stream);
    if (strato_bytes_is(key, "accepted"))
        return strato_cursor_u64(c, UINT64_MAX, &chan->numbers.accepted);
    if (strato_bytes_is(key, "accepted_bytes"))
        return strato_cursor_u64(c, UINT64_MAX, &chan->numbers.accepted_bytes);
    if (strato_bytes_is(key, "limit"))
        return strato_cursor_u64(c, UINT64_MAX, &chan->numbers.limit);
    if (strato_bytes_is(key, "limit_bytes"))
        return strato_cursor_u64(c, UINT64_MAX, &chan->numbers.limit_bytes);
    if (strato_bytes_is(key, "durable")) {
        chan->numbers.is_durable = true;
        return strato_cursor_skip(c);
    }
    if (strato_bytes_is(key, "refused"))
        return strato_cursor_raw(c, &chan->numbers.refused);
    if (strato_bytes_is(key, "tags")) {
        chan->has_tags = true;
        return strato_cursor_raw(c, &chan->tags);
    }
    return strato_cursor_skip(c);
}

static int chan_next(struct strato_cursor *c, struct chan *ret_chan)
{
    uint32_t pairs;
    int rc = strato_cursor_map(c, 64, &pairs);

    *ret_chan = (struct chan){ 0 };
    while (rc == 0 && pairs-- > 0) {
        struct strato_bytes key;

        rc = strato_cursor_str(c, 64, &key);
        if (rc == 0)
            rc = chan_field(c, key, ret_chan);
    }
    return rc;
}

/* The entry of one producer or stream; an empty one if the broker lists none. */
static bool chan_find(struct strato_bytes chans, struct strato_bytes ch, uint64_t stream, bool is_producer,
                      struct chan *ret)
{
    struct strato_cursor c = strato_cursor_over(chans);
    uint32_t items;

    if (strato_cursor_array(&c, UINT32_MAX, &items) < 0)
        return false;
    while (items-- > 0 && chan_next(&c, ret) == 0)
        if (strato_bytes_equal(ret->ch, ch) && ret->stream == stream && strato_bytes_is(ret->dir, "p") == is_producer)
            return true;
    *ret = (struct chan){ 0 };
    return false;
}

static void resume(struct strato__session *s, struct strato_bytes chans)
{
    static const uint8_t no_tags = 0x90;
    struct chan chan;

    for (struct strato__producer *p = s->producers_list; p && s->state == STRATO__OPEN; p = p->next) {
        if (chan_find(chans, strato__name_bytes(p->name), 0, true, &chan))
            strato__producer_resume(s, p, &chan.numbers);
        else if (p->state != STRATO__PRODUCER_CLOSED)
            strato__producer_restart(s, p);
    }
    for (uint32_t i = 1; i <= s->streams_top && s->state == STRATO__OPEN; i++) {
        struct strato__stream *t = s->streams[i];

        if (!t)
            continue;
        if (chan_find(chans, strato__name_bytes(t->name), i, false, &chan))
            strato__stream_resume(s, t, chan.has_tags ? chan.tags : strato_bytes(&no_tags, 1), chan.numbers.limit);
        else
            strato__stream_restart(s, t, true);
    }
}

static void restart(struct strato__session *s, bool is_same_epoch)
{
    uint64_t before = s->counters.unconfirmed;

    if (s->settles_unproven && s->flush_err == 0) /* of the old session; nobody can say any more whether they arrived */
        s->flush_err = STRATO_EEPOCH;
    s->settles_unproven = false;

    strato__asks_restart(s);
    for (struct strato__producer *p = s->producers_list; p; p = p->next)
        strato__producer_restart(s, p);
    for (uint32_t i = 1; i <= s->streams_top; i++)
        if (s->streams[i])
            strato__stream_restart(s, s->streams[i], is_same_epoch);
    if (s->was_open && !is_same_epoch)
        strato__session_notice(s, STRATO_CLIENT_EPOCH, STRATO_EEPOCH,
                               strato_text(s->counters.unconfirmed != before
                                               ? "the broker restarted; some sends are unconfirmed, flush reports them"
                                               : "the broker restarted; nothing was unconfirmed"));
}

static void limits_read(struct strato__session *s, struct strato_bytes limits)
{
    struct strato_cursor c = strato_cursor_over(limits);
    struct strato_bytes key;
    uint32_t pairs;
    uint64_t value;

    if (strato_cursor_map(&c, 256, &pairs) < 0)
        return;
    while (pairs-- > 0 && strato_cursor_str(&c, 64, &key) == 0) {
        if (strato_cursor_u64(&c, UINT64_MAX, &value) < 0)
            return;
        if (strato_bytes_is(key, "message_bytes"))
            s->message_bytes_max = value;
    }
}

static void identity_read(struct strato__session *s, const struct strato_header *h)
{
    struct strato_bytes name = h->agent.bytes ? h->agent : s->agent_wanted ? strato_text(s->agent_wanted) : h->sid;

    if (name.bytes > STRATO_NAME_BYTES_MAX)
        name.bytes = STRATO_NAME_BYTES_MAX;
    if (!strato_bytes_is(name, s->agent)) { /* a resume leaves it alone: strato_client_agent() has lent it out */
        if (name.bytes)
            memcpy(s->agent, name.data, name.bytes);
        s->agent[name.bytes] = '\0';
    }
    s->token_bytes = h->token.bytes <= sizeof s->token ? h->token.bytes : 0;
    if (s->token_bytes)
        memcpy(s->token, h->token.data, s->token_bytes);
    s->ep = h->ep;
    s->epoch = h->epoch;
    if (h->hb_ms >= 1000 && h->hb_ms <= 60000)
        s->hb_us = h->hb_ms * 1000;
    if (h->limits.bytes)
        limits_read(s, h->limits);
}

void strato__welcome(struct strato__session *s, const struct strato_header *h)
{
    bool is_same_epoch = s->was_open && h->epoch == s->epoch, was_open = s->was_open;

    if (s->state != STRATO__HELLO)
        return;
    identity_read(s, h);
    s->state = STRATO__OPEN;
    s->is_draining = false;
    s->last_tx_us = s->now_us;
    s->extend_at_us = s->now_us + STRATO__EXTEND_US;
    strato__backoff_reset(&s->backoff);
    if (was_open && h->resumed) {
        s->counters.resumes++;
        resume(s, h->chans);
    } else {
        restart(s, is_same_epoch);
    }
    s->was_open = true;
    strato__session_notice(s, was_open && h->resumed ? STRATO_CLIENT_RESUMED : STRATO_CLIENT_CONNECTED, 0,
                           strato_text(s->agent));
    s->progress++;
}
