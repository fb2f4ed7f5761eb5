/*
 * handle_sub.c - sub, unsub: who sees the events of a channel, or taps one.
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/brain/state.h"
#include "core/glob.h"

int match_read(struct strato_bytes raw, struct strato_bytes globs[FANOUT_MATCH_MAX], uint32_t *ret_count)
{
    struct strato_cursor c = strato_cursor_over(raw);
    uint32_t count = 1;
    enum strato_kind kind;

    *ret_count = 0;
    if (raw.bytes == 0)
        return 0;
    if (strato_cursor_peek(&c, &kind) < 0)
        return STRATO_EPROTO;
    if (kind == STRATO_KIND_ARRAY && strato_cursor_array(&c, UINT32_MAX, &count) < 0)
        return STRATO_EPROTO;
    if (count > FANOUT_MATCH_MAX)
        return STRATO_ELIMIT;
    for (uint32_t i = 0; i < count; i++) {
        if (strato_cursor_str(&c, SIZE_MAX, &globs[i]) < 0)
            return STRATO_EPROTO;
        if (globs[i].bytes > STRATO_TOPIC_BYTES_MAX)
            return STRATO_ELIMIT;
        if (!strato_glob_is_valid(globs[i], STRATO_TOPIC_BYTES_MAX))
            return STRATO_ESCHEMA;
    }
    *ret_count = count;
    return 0;
}

static int read_policy(struct strato_bytes text, enum fanout_policy *ret_policy)
{
    if (text.bytes == 0 || strato_bytes_is(text, "drop_oldest"))
        *ret_policy = FANOUT_DROP_OLDEST;
    else if (strato_bytes_is(text, "block"))
        *ret_policy = FANOUT_BLOCK;
    else if (strato_bytes_is(text, "disconnect"))
        *ret_policy = FANOUT_DISCONNECT;
    else
        return STRATO_EPROTO;
    return 0;
}

static int subscribe(const struct frame *frame, struct channel *ch, const char **ret_detail)
{
    const struct strato_header *h = frame->header;
    struct strato_bytes globs[FANOUT_MATCH_MAX];
    struct consumer_options options = { .is_tap = h->tap };
    enum fanout_policy policy = FANOUT_DROP_OLDEST;
    struct consumer *c;
    uint32_t count;
    int rc = match_read(h->match, globs, &count);

    *ret_detail = rc == STRATO_ESCHEMA  ? "a glob has no empty segment, and `>` only as the last one"
                  : rc == STRATO_ELIMIT ? "at most 64 globs of at most 200 bytes"
                                        : "`match` is an array of globs; `policy` is drop_oldest, block or disconnect";
    if (rc == 0)
        rc = read_policy(h->policy, &policy);
    if (rc < 0)
        return rc;
    *ret_detail = NULL;
    rc = consumer_open(frame->peer->session, ch, (uint32_t)h->stream, &options, &c);
    if (rc < 0)
        return rc;
    rc = fanout_subscribe(c, h->group, globs, count, policy, h->from_seq);
    if (rc < 0) {
        consumer_close(c, CONSUMER_LEFT);
        return rc;
    }
    if (!h->tap)
        c->limit = CONSUMER_EVENTS_PREFETCH;
    return 0;
}

void handle_sub(struct brain *brain, const struct frame *frame)
{
    const struct strato_header *h = frame->header;
    struct channel *ch = frame_channel(frame);
    const char *detail = NULL;
    struct answer a;
    int rc = 0;

    if (!ch || !frame_permits(frame, h->tap ? "observe" : "consume", ch))
        return;
    if (strato_bytes_is(h->policy, "block") && !frame_permits(frame, "block", ch))
        return;
    if (ch->config.pattern != BRAIN_EVENTS && !h->tap) {
        rc = STRATO_EPROTO;
        detail = "sub is for events channels: open a work channel with dir c, or tap it";
    } else if (h->stream > STREAM_NUMBER_MAX) {
        rc = STRATO_ELIMIT;
        detail = "stream is 0..1000";
    } else {
        rc = subscribe(frame, ch, &detail);
    }
    if (rc < 0) {
        if (rc == STRATO_EEXISTS) {
            rc = STRATO_ECONFLICT;
            detail = "that stream of the channel is subscribed already: give another `stream`";
        }
        answer_err(frame->peer, h, rc == STRATO_ENOMEM ? STRATO_ENO_RESOURCES : rc, detail);
        return;
    }
    answer_begin(&a, brain, frame->peer, "ok", h);
    answer_channel(&a, ch, h->stream);
    strato_header_u64(&a.header, "seq", ch->seq);
    answer_send(&a);
}

void handle_unsub(struct brain *brain, const struct frame *frame)
{
    struct channel *ch = frame_channel(frame);
    struct consumer *c = ch ? frame_consumer(frame, ch) : NULL;

    (void)brain;
    if (!ch)
        return;
    if (!c) {
        answer_err(frame->peer, frame->header, STRATO_EPROTO, "nothing is open on that channel and stream");
        return;
    }
    consumer_close(c, CONSUMER_LEFT);
    answer_ok(frame->peer, frame->header);
}
