/*
 * handle_hist.c - hist: what a channel remembers, in pages, by place, time and content.
 *
 * One page looks at most at HIST_SCAN_MAX messages, and all pages of a turn together at HIST_TURN_MAX (each
 * still at HIST_SCAN_MIN), so that no query holds the broker up: a page may be empty with `more` set, and its
 * `last` says how far it looked. Rules: protocol.md section 8; semantics.md 32.
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/brain/state.h"
#include "core/glob.h"

enum {
    HIST_MESSAGES_MAX = 1000,
    HIST_MESSAGES_DEFAULT = 256,
    HIST_BYTES_MAX = 256 * 1024,
    HIST_SCAN_MAX = 2048,
    HIST_SCAN_MIN = 64,
    HIST_TURN_MAX = 16384,
};

/** What is asked of a message. Nothing set = every one. */
struct query {
    struct strato_bytes globs[FANOUT_MATCH_MAX]; /* of the topic; one must match */
    uint32_t globs_count;
    struct strato_bytes sender, type; /* globs */
    struct strato_bytes correlation;  /* exact */
};

static bool topic_is_asked(const struct channel *ch, const struct message *m, const struct query *q)
{
    char scratch[STRATO_TOPIC_BYTES_MAX + 1];
    struct strato_bytes topic;

    if (q->globs_count == 0)
        return true;
    topic = message_topic(m, ch->name, scratch, sizeof(scratch));
    for (uint32_t i = 0; i < q->globs_count; i++) {
        if (strato_glob_match(q->globs[i], topic))
            return true;
    }
    return false;
}

static bool is_asked(const struct channel *ch, const struct message *m, const struct query *q)
{
    if (q->sender.bytes && !sender_matches(q->sender, strato_bytes(m->sender->name, m->sender->name_bytes)))
        return false;
    if (q->type.bytes && !strato_glob_match(q->type, message_field(m, "type")))
        return false;
    if (q->correlation.bytes && !strato_bytes_equal(q->correlation, message_field(m, "correlation_id")))
        return false;
    return topic_is_asked(ch, m, q);
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

/* How many messages this page may look at: its own bound, and what is left of the turn's. */
static uint64_t scan_budget(struct brain *brain)
{
    uint64_t left;

    if (brain->hist_turn != brain->turns)
        brain->hist_scanned = 0;
    brain->hist_turn = brain->turns;
    left = brain->hist_scanned < HIST_TURN_MAX ? HIST_TURN_MAX - brain->hist_scanned : 0;
    return left > HIST_SCAN_MAX ? HIST_SCAN_MAX : left > HIST_SCAN_MIN ? left : HIST_SCAN_MIN;
}

struct page {
    uint64_t asked, from; /* where the reader wants to begin, and where what is kept begins */
    uint64_t first, last; /* seq of the first message in it; the last one looked at */
    uint32_t n;
    struct strato_writer body;
};

static void fill(struct channel *ch, struct page *page, struct outframe *f, uint64_t limit, const struct query *q)
{
    struct message_stamps stamps = { ch->brain->config.epoch, ch->brain->now_ms, true, ch->config.is_sticky };
    uint64_t seq, end = page->from + scan_budget(ch->brain);

    if (end > ch->history.end)
        end = ch->history.end;
    for (seq = page->from; seq < end && page->n < limit && page->body.bytes < HIST_BYTES_MAX; seq++) {
        struct message *m = history_at(&ch->history, seq);
        uint8_t *to;

        page->last = seq;
        if (!is_asked(ch, m, q))
            continue;
        if (m->extra && f->blobs_count + m->extra->blobs_count > STRATO_ATTACHMENTS_MAX) {
            page->last = seq - 1;
            break;
        }
        to = strato_writer_reserve(&page->body, m->body_bytes + MESSAGE_STAMPS_BYTES_MAX);
        if (!to)
            break;
        page->body.bytes += message_encode(m, &stamps, to);
        if (m->extra)
            outframe_blobs(f, m->extra->blobs, m->extra->blobs_count);
        page->first = page->n++ ? page->first : seq;
    }
    ch->brain->hist_scanned += seq - page->from;
}

static void write_hole(struct strato_header_writer *hw, uint64_t from, uint64_t to)
{
    strato_header_key(hw, "lagged");
    strato_writer_map(hw->w, 3);
    strato_writer_text(hw->w, "count");
    strato_writer_u64(hw->w, to - from + 1);
    strato_writer_text(hw->w, "from");
    strato_writer_u64(hw->w, from);
    strato_writer_text(hw->w, "to");
    strato_writer_u64(hw->w, to);
}

/* One page: header with what lies before it and behind it, then the envelopes. */
static void send_page(const struct frame *frame, struct channel *ch, uint64_t from, uint64_t limit,
                      const struct query *q)
{
    const struct strato_header *h = frame->header;
    struct page page = { .asked = from, .from = from, .last = from ? from - 1 : 0 };
    struct strato_header_writer hw;
    struct outframe *own, *f = outframe_begin(frame->peer, &own);

    if (!f)
        return;
    if (page.from < ch->history.first)
        page.from = ch->history.first;
    fill(ch, &page, f, limit, q);
    strato_header_begin(&hw, &f->w, "event");
    strato_header_str(&hw, "ch", ch->name);
    if (h->rq.bytes)
        strato_header_raw(&hw, "rq", h->rq);
    strato_header_u64(&hw, "epoch", ch->brain->config.epoch);
    strato_header_u64(&hw, "seq", page.first);
    strato_header_u64(&hw, "last", page.last);
    strato_header_bool(&hw, "more", page.last + 1 < ch->history.end);
    if (page.asked && page.asked < page.from && page.from <= ch->seq + 1)
        write_hole(&hw, page.asked, page.from - 1);
    strato_header_u64(&hw, "n", page.n);
    strato_header_end(&hw);
    strato_writer_raw(&f->w, strato_writer_view(&page.body));
    if (strato_writer_error(&page.body) < 0)
        f->w.error = STRATO_ENOMEM;
    strato_writer_fini(&page.body);
    outframe_close(f);
}

static int read_glob(struct strato_bytes text, size_t bytes_max, struct strato_bytes *ret_glob)
{
    *ret_glob = text;
    if (text.bytes > bytes_max)
        return STRATO_ELIMIT;
    return text.bytes == 0 || strato_glob_is_valid(text, bytes_max) ? 0 : STRATO_ESCHEMA;
}

static int read_query(const struct strato_header *h, struct query *q)
{
    struct strato_cursor c = strato_cursor_over(h->correlation_id);
    int rc = match_read(h->match, q->globs, &q->globs_count);

    if (rc == 0)
        rc = read_glob(h->sender, 2 * STRATO_NAME_BYTES_MAX + 1, &q->sender);
    if (rc == 0)
        rc = read_glob(h->type, STRATO_TYPE_BYTES_MAX, &q->type);
    if (rc == 0 && h->correlation_id.bytes && strato_cursor_bin(&c, SIZE_MAX, &q->correlation) < 0)
        rc = STRATO_EPROTO;
    return rc == 0 && q->correlation.bytes > STRATO_ID_BYTES_MAX ? STRATO_ELIMIT : rc;
}

void handle_hist(struct brain *brain, const struct frame *frame)
{
    const struct strato_header *h = frame->header;
    struct channel *ch = frame_channel(frame);
    struct query q = { .globs_count = 0 };
    uint64_t from, limit = h->limit ? h->limit : HIST_MESSAGES_DEFAULT;
    int rc;

    (void)brain;
    if (!ch || !frame_permits(frame, "observe", ch))
        return;
    rc = read_query(h, &q);
    if (rc < 0) {
        answer_err(frame->peer, h, rc,
                   "`match` is an array of at most 64 globs of at most 200 bytes; `sender` and `type` are globs, "
                   "`correlation_id` an id of at most 64 bytes");
        return;
    }
    if (strato_header_has(h, STRATO_KEY_from_ts))
        from = first_since(ch, h->from_ts);
    else
        from = h->from_seq ? h->from_seq : ch->history.first;
    if (h->from_seq > from) /* the next page of a query by time */
        from = h->from_seq;
    send_page(frame, ch, from, limit < HIST_MESSAGES_MAX ? limit : HIST_MESSAGES_MAX, &q);
}
