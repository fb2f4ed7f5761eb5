/*
 * api_history.c - pages of what a channel remembers.
 *
 * SPDX-License-Identifier: MIT
 */
#include "bindings/c/client.h"

static void write_match(struct strato_header_writer *hw, const struct strato_history_query *q)
{
    strato_header_key(hw, "match");
    strato_writer_array(hw->w, q->match_count);
    for (uint32_t i = 0; i < q->match_count; i++)
        strato_writer_text(hw->w, q->match[i]);
}

static void write_id(struct strato_header_writer *hw, const char *key, struct strato_bytes id)
{
    strato_header_key(hw, key);
    if (id.bytes == 16) /* a UUID, as in envelopes */
        strato_writer_bin(hw->w, id);
    else
        strato_writer_str(hw->w, id);
}

static int send_query(struct strato_client *c, const struct strato__ask *ask, const struct strato_history_query *q)
{
    struct strato_writer w = { 0 };
    struct strato_header_writer hw;

    strato_header_begin(&hw, &w, "hist");
    strato_header_str(&hw, "ch", strato_text(q->channel));
    strato_header_u64(&hw, "from_seq", q->from_seq);
    if (q->from_ts_ms)
        strato_header_u64(&hw, "from_ts", q->from_ts_ms);
    if (q->match_count)
        write_match(&hw, q);
    if (q->sender)
        strato_header_str(&hw, "sender", strato_text(q->sender));
    if (q->type)
        strato_header_str(&hw, "type", strato_text(q->type));
    if (q->correlation_id.bytes)
        write_id(&hw, "correlation_id", q->correlation_id);
    strato_header_u64(&hw, "limit", q->max > 1 ? q->max - 1 : 1); /* room for a notice of a hole */
    strato_header_u64(&hw, "rq", ask->rq);
    strato_header_end(&hw);
    return strato__session_send(&c->session, &w);
}

static bool gap_read(struct strato_bytes raw, struct strato_gap *ret_gap)
{
    struct strato_cursor c = strato_cursor_over(raw);
    uint32_t pairs;

    if (raw.bytes == 0 || strato_cursor_map(&c, 16, &pairs) < 0)
        return false;
    while (pairs-- > 0) {
        struct strato_bytes key;
        uint64_t value;

        if (strato_cursor_str(&c, 16, &key) < 0 || strato_cursor_u64(&c, UINT64_MAX, &value) < 0)
            return false;
        if (strato_bytes_is(key, "count"))
            ret_gap->count = value;
        else if (strato_bytes_is(key, "from"))
            ret_gap->from_seq = value;
        else if (strato_bytes_is(key, "to"))
            ret_gap->to_seq = value;
    }
    return true;
}

static int page_gap(struct strato__ask *ask, struct strato__name *name, struct strato_message **ret_message)
{
    struct strato_gap gap = { 0 };
    struct strato_message *m;

    if (!gap_read(ask->header.lagged, &gap))
        return 0;
    m = strato__message_new(NULL);
    if (!m)
        return STRATO_ENOMEM;
    memset(&m->envelope, 0, sizeof m->envelope);
    m->kind = STRATO_MESSAGE_LAGGED;
    m->gap = gap;
    m->channel = strato__name_hold(name);
    *ret_message = m;
    return 1;
}

/* The messages of a page. More than there is room for are left: the next page begins behind the last given. */
static int page_read(struct strato__ask *ask, struct strato__name *name, uint32_t max,
                     struct strato_message **ret_messages, struct strato_history_page *ret_page)
{
    struct strato_cursor at = ask->rest;
    uint32_t attachments = 0,
             left = (uint32_t)(ask->header.n < STRATO_ENVELOPES_MAX ? ask->header.n : STRATO_ENVELOPES_MAX);
    int count = page_gap(ask, name, ret_messages), rc = 0;
    uint64_t last = 0;

    if (count < 0)
        return count;
    while (rc == 0 && left > 0 && (uint32_t)count < max) {
        rc = strato__message_decode(NULL, ask->answer, &at, &attachments, name, &ret_messages[count]);
        if (rc == 0) {
            last = ret_messages[count++]->envelope.seq;
            left--;
        }
    }
    if (rc < 0) {
        while (count > 0)
            strato__message_free(NULL, ret_messages[--count]);
        return rc;
    }
    ret_page->count = (uint32_t)count;
    ret_page->more = ask->header.more || left > 0;
    ret_page->next_seq = (left > 0 && last ? last : ask->header.last) + 1;
    return 0;
}

int strato_history_page(strato_client *c, const struct strato_history_query *query, int timeout_ms,
                        strato_message **ret_messages, struct strato_history_page *ret_page)
{
    struct strato__ask *ask = NULL;
    struct strato__name *name;
    uint64_t deadline;
    int rc;

    if (!query || !query->channel || query->max == 0)
        return STRATO_EINVAL;
    name = strato__name_new(query->channel);
    if (!name)
        return STRATO_ENOMEM;
    strato__enter(c);
    deadline = strato__deadline(c, timeout_ms);
    rc = strato__wait_open(c, deadline);
    if (rc == 0)
        rc = strato__ask_new(&c->session, STRATO__ASK_QUESTION, &ask);
    if (rc == 0)
        rc = send_query(c, ask, query);
    if (rc == 0)
        rc = strato__wait_answer(c, ask, deadline);
    if (rc == 0)
        rc = page_read(ask, name, query->max, ret_messages, ret_page);
    strato__ask_free(&c->session, &ask);
    strato__leave(c);
    strato__name_drop(name);
    return rc;
}

int strato_history(strato_client *c, const char *channel, uint64_t from_seq, uint32_t max, int timeout_ms,
                   strato_message **ret_messages, bool *ret_more)
{
    struct strato_history_query query = { .channel = channel, .from_seq = from_seq, .max = max };
    struct strato_history_page page;
    int rc = strato_history_page(c, &query, timeout_ms, ret_messages, &page);

    if (rc < 0)
        return rc;
    if (ret_more)
        *ret_more = page.more;
    return (int)page.count;
}
