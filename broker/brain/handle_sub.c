/*
 * handle_sub.c - sub, unsub, hist: events and what is remembered of them.
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/brain/state.h"
#include "core/glob.h"

enum { HIST_MESSAGES_MAX = 1000, HIST_MESSAGES_DEFAULT = 256, HIST_BYTES_MAX = 256 * 1024 };

/* `match`: an array of globs, or one. */
static int read_match(struct strato_bytes raw, struct strato_bytes globs[FANOUT_MATCH_MAX], uint32_t *ret_count)
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
    int rc = read_match(h->match, globs, &count);

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

/* ---- history ---- */

static bool is_asked(const struct channel *ch, const struct message *m, const struct strato_bytes *globs,
                     uint32_t count)
{
    char scratch[STRATO_TOPIC_BYTES_MAX + 1];
    struct strato_bytes topic;

    if (count == 0)
        return true;
    topic = message_topic(m, ch->name, scratch, sizeof(scratch));
    for (uint32_t i = 0; i < count; i++) {
        if (strato_glob_match(globs[i], topic))
            return true;
    }
    return false;
}

static uint64_t first_since(const struct channel *ch, uint64_t ts_ms)
{
    uint64_t low = ch->history.first, high = ch->history.end;

    while (low < high) {
        uint64_t middle = low + (high - low) / 2;

        if (history_at(&ch->history, middle)->ts_ms < ts_ms)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* One page: header with what lies before it and behind it, then the envelopes. */
static void send_page(const struct frame *frame, struct channel *ch, uint64_t from, uint64_t limit,
                      const struct strato_bytes *globs, uint32_t count)
{
    const struct strato_header *h = frame->header;
    struct brain *brain = ch->brain;
    struct message_stamps stamps = { brain->config.epoch, brain->now_ms, true, ch->config.is_sticky };
    uint64_t asked = from, seq, last = from ? from - 1 : 0, first = 0;
    struct strato_header_writer hw;
    struct outframe *own, *f = outframe_begin(frame->peer, &own);
    struct strato_writer body = { 0 };
    uint32_t n = 0;

    if (!f)
        return;
    if (from < ch->history.first)
        from = ch->history.first;
    for (seq = from; seq < ch->history.end && n < limit && body.bytes < HIST_BYTES_MAX; seq++) {
        struct message *m = history_at(&ch->history, seq);
        uint8_t *to;

        last = seq;
        if (!is_asked(ch, m, globs, count))
            continue;
        if (m->extra && f->blobs_count + m->extra->blobs_count > STRATO_ATTACHMENTS_MAX) {
            last = seq - 1;
            break;
        }
        to = strato_writer_reserve(&body, m->body_bytes + MESSAGE_STAMPS_BYTES_MAX);
        if (!to)
            break;
        body.bytes += message_encode(m, &stamps, to);
        if (m->extra)
            outframe_blobs(f, m->extra->blobs, m->extra->blobs_count);
        first = n++ ? first : seq;
    }
    strato_header_begin(&hw, &f->w, "event");
    strato_header_str(&hw, "ch", ch->name);
    if (h->rq.bytes)
        strato_header_raw(&hw, "rq", h->rq);
    strato_header_u64(&hw, "epoch", brain->config.epoch);
    strato_header_u64(&hw, "seq", first);
    strato_header_u64(&hw, "last", last);
    strato_header_bool(&hw, "more", last + 1 < ch->history.end);
    if (asked && asked < from && from <= ch->seq + 1) {
        strato_header_key(&hw, "lagged");
        strato_writer_map(&f->w, 3);
        strato_writer_text(&f->w, "count");
        strato_writer_u64(&f->w, from - asked);
        strato_writer_text(&f->w, "from");
        strato_writer_u64(&f->w, asked);
        strato_writer_text(&f->w, "to");
        strato_writer_u64(&f->w, from - 1);
    }
    strato_header_u64(&hw, "n", n);
    strato_header_end(&hw);
    strato_writer_raw(&f->w, strato_writer_view(&body));
    if (strato_writer_error(&body) < 0)
        f->w.error = STRATO_ENOMEM;
    strato_writer_fini(&body);
    outframe_close(f);
}

void handle_hist(struct brain *brain, const struct frame *frame)
{
    const struct strato_header *h = frame->header;
    struct channel *ch = frame_channel(frame);
    struct strato_bytes globs[FANOUT_MATCH_MAX];
    uint64_t from, limit = h->limit ? h->limit : HIST_MESSAGES_DEFAULT;
    uint32_t count;
    int rc;

    (void)brain;
    if (!ch || !frame_permits(frame, "observe", ch))
        return;
    rc = read_match(h->match, globs, &count);
    if (rc < 0) {
        answer_err(frame->peer, h, rc, "`match` is an array of at most 64 globs of at most 200 bytes");
        return;
    }
    if (strato_header_has(h, STRATO_KEY_from_ts))
        from = first_since(ch, h->from_ts);
    else
        from = h->from_seq ? h->from_seq : ch->history.first;
    send_page(frame, ch, from, limit < HIST_MESSAGES_MAX ? limit : HIST_MESSAGES_MAX, globs, count);
}
