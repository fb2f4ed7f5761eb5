/*
 * handle_dlq.c - admin.dlq.*: look into a channel's dead letters, send them back, throw them away.
 *
 * Entries are named by id (their number), by a filter, or by `all`. Arguments, each optional where it fits:
 *   id | all: true | reason, topic (glob), sender (whole, or its principal), since_ms (last death, wall clock)
 *   list only: from (first id to show), limit (at most 1,000)
 * Answers:
 *   list:    {entries: [entry], next: id to go on from or 0, total, evicted}; a page ends at about 256 KiB
 *   get:     {entry, message: bin, the envelope as it would be delivered}, its attachments as frames
 *   redrive: {redriven, left, skipped}: left stayed for want of a slot, skipped are records without a message
 *   purge:   {purged}
 *   entry:   {id, reason, count, first_ms, last_ms, channel, topic, type, message_id, sender, consumer, error, attempts,
 *            deliveries, ttl_ms, seq, bytes, redriven_from}
 * Rules: semantics.md 22 and 23.
 *
 * SPDX-License-Identifier: MIT
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "broker/brain/admin.h"
#include "broker/brain/state.h"
#include "core/glob.h"

enum { LIST_MAX = 1000, PAGE_BYTES = 256 * 1024, PAGE_ENTRIES = 100, ENTRY_PAIRS = 18, ARGUMENTS_MAX = 64 };

/* ---- arguments ---- */

enum { TAKES_ID = 1, TAKES_ALL = 2, TAKES_FILTER = 4, TAKES_PAGE = 8 };

struct selection {
    uint64_t id; /* 0 = not by id */
    bool is_all, has_filter, has_reason;
    enum deadletter_reason reason;
    struct strato_bytes topic, sender; /* none = any */
    uint64_t since_ms, from;
    uint32_t limit;
};

static int read_id(struct strato_cursor *c, struct selection *s)
{
    int rc = strato_cursor_u64(c, UINT64_MAX, &s->id);

    return rc == 0 && s->id == 0 ? STRATO_ESCHEMA : rc;
}

static int read_all(struct strato_cursor *c, struct selection *s)
{
    return strato_cursor_bool(c, &s->is_all);
}

static int read_reason(struct strato_cursor *c, struct selection *s)
{
    struct strato_bytes name;
    int rc = strato_cursor_str(c, STRATO_NAME_BYTES_MAX, &name);

    s->has_filter = s->has_reason = true;
    return rc < 0 ? rc : deadletter_reason_find(name, &s->reason);
}

static int read_topic(struct strato_cursor *c, struct selection *s)
{
    int rc = strato_cursor_str(c, STRATO_TOPIC_BYTES_MAX, &s->topic);

    s->has_filter = true;
    return rc == 0 && !strato_glob_is_valid(s->topic, STRATO_TOPIC_BYTES_MAX) ? STRATO_ESCHEMA : rc;
}

static int read_sender(struct strato_cursor *c, struct selection *s)
{
    int rc = strato_cursor_str(c, UINT8_MAX, &s->sender);

    s->has_filter = true;
    return rc == 0 && s->sender.bytes == 0 ? STRATO_ESCHEMA : rc;
}

static int read_since(struct strato_cursor *c, struct selection *s)
{
    s->has_filter = true;
    return strato_cursor_u64(c, UINT64_MAX, &s->since_ms);
}

static int read_from(struct strato_cursor *c, struct selection *s)
{
    return strato_cursor_u64(c, UINT64_MAX, &s->from);
}

static int read_limit(struct strato_cursor *c, struct selection *s)
{
    int rc = strato_cursor_u32(c, LIST_MAX, &s->limit);

    return rc == 0 && s->limit == 0 ? STRATO_ESCHEMA : rc;
}

static const struct argument {
    const char *name;
    unsigned of;
    int (*read)(struct strato_cursor *c, struct selection *s);
} arguments[] = {
    { "id", TAKES_ID, read_id },
    { "all", TAKES_ALL, read_all },
    { "reason", TAKES_FILTER, read_reason },
    { "topic", TAKES_FILTER, read_topic },
    { "sender", TAKES_FILTER, read_sender },
    { "since_ms", TAKES_FILTER, read_since },
    { "from", TAKES_PAGE, read_from },
    { "limit", TAKES_PAGE, read_limit },
};

static const struct argument *argument_find(struct strato_bytes name, unsigned takes)
{
    for (size_t i = 0; i < sizeof(arguments) / sizeof(arguments[0]); i++) {
        if ((arguments[i].of & takes) && strato_bytes_is(name, arguments[i].name))
            return &arguments[i];
    }
    return NULL;
}

static int selection_read(struct admin *a, unsigned takes, struct selection *ret_selection)
{
    struct strato_cursor c = strato_cursor_over(a->arguments);
    const struct argument *argument;
    struct strato_bytes key;
    uint32_t pairs = 0;

    *ret_selection = (struct selection){ .limit = PAGE_ENTRIES };
    if (a->arguments.bytes && strato_cursor_map(&c, ARGUMENTS_MAX, &pairs) < 0) {
        snprintf(a->detail, sizeof(a->detail), "the arguments must be a map");
        return STRATO_ESCHEMA;
    }
    for (uint32_t i = 0; i < pairs; i++) {
        if (strato_cursor_str(&c, STRATO_NAME_BYTES_MAX, &key) < 0) {
            snprintf(a->detail, sizeof(a->detail), "the name of an argument is a text");
            return STRATO_ESCHEMA;
        }
        argument = argument_find(key, takes);
        if (!argument || argument->read(&c, ret_selection) < 0) {
            snprintf(a->detail, sizeof(a->detail),
                     argument ? "argument '%.*s' has a wrong value" : "no argument '%.*s' here", (int)key.bytes,
                     (const char *)key.data);
            return STRATO_ESCHEMA;
        }
    }
    return 0;
}

/* What changes something must say what: one way of naming entries, and not nothing. */
static int selection_check(struct admin *a, const struct selection *s)
{
    if ((s->id != 0) + s->is_all + s->has_filter == 1)
        return 0;
    snprintf(a->detail, sizeof(a->detail),
             "say which: `id`, or `all: true`, or a filter (reason, topic, sender, since_ms)");
    return STRATO_ESCHEMA;
}

static bool is_from(const struct message *m, struct strato_bytes wanted)
{
    struct strato_bytes name = strato_bytes(m->sender->name, m->sender->name_bytes);

    if (strato_bytes_equal(name, wanted))
        return true;
    return wanted.bytes < name.bytes && name.data[wanted.bytes] == '/' &&
           memcmp(name.data, wanted.data, wanted.bytes) == 0;
}

static bool selects(const struct selection *s, const struct channel *ch, const struct deadletter *entry)
{
    char scratch[512];

    if (s->id)
        return entry->number == s->id;
    if (s->has_reason && entry->reason != s->reason)
        return false;
    if (s->since_ms > entry->last_ms || (s->sender.bytes && !is_from(entry->message, s->sender)))
        return false;
    return s->topic.bytes == 0 ||
           strato_glob_match(s->topic, message_topic(entry->message, ch->name, scratch, sizeof(scratch)));
}

static int no_entry(struct admin *a, uint64_t id)
{
    snprintf(a->detail, sizeof(a->detail),
             "no dead letter %" PRIu64 " in '%s': it was redriven, purged or evicted, or never was", id,
             a->channel->config.name);
    return STRATO_ENO_ENTRY;
}

/* ---- looking ---- */

static void pair(struct strato_writer *w, const char *key, uint64_t value)
{
    strato_writer_text(w, key);
    strato_writer_u64(w, value);
}

static void pair_text(struct strato_writer *w, const char *key, struct strato_bytes text)
{
    strato_writer_text(w, key);
    strato_writer_str(w, text);
}

static void write_entry(const struct channel *ch, const struct deadletter *entry, struct strato_writer *w)
{
    const struct message *m = entry->message;
    struct message_stamps stamps = channel_stamps(ch);
    char scratch[512];

    strato_writer_map(w, ENTRY_PAIRS);
    pair(w, "id", entry->number);
    pair_text(w, "reason", strato_text(deadletter_reason_name(entry->reason)));
    pair(w, "count", entry->count);
    pair(w, "first_ms", entry->first_ms);
    pair(w, "last_ms", entry->last_ms);
    pair_text(w, "channel", ch->name);
    pair_text(w, "topic", message_topic(m, ch->name, scratch, sizeof(scratch)));
    pair_text(w, "type", message_field(m, "type"));
    strato_writer_text(w, "message_id");
    message_write_id(m, &stamps, w);
    pair_text(w, "sender", strato_bytes(m->sender->name, m->sender->name_bytes));
    pair_text(w, "consumer", strato_text(entry->consumer));
    pair_text(w, "error", strato_text(entry->error));
    pair(w, "attempts", m->attempts);
    pair(w, "deliveries", m->deliveries);
    pair(w, "ttl_ms", entry->ttl_ms);
    pair(w, "seq", m->seq);
    pair(w, "bytes", message_bytes(m));
    pair(w, "redriven_from", entry->redriven_from);
}

int dlq_list(struct admin *a)
{
    const struct deadletters *dead = &a->channel->dead;
    struct strato_writer entries = { 0 };
    struct selection s;
    uint64_t next = 0;
    uint32_t count = 0;
    int rc = selection_read(a, TAKES_FILTER | TAKES_PAGE, &s);

    if (rc < 0)
        return rc;
    for (uint32_t k = deadletters_from(dead, s.from); k < dead->count && next == 0; k++) {
        const struct deadletter *entry = deadletters_at(dead, k);

        if (!selects(&s, a->channel, entry))
            continue;
        if (count == s.limit || entries.bytes >= PAGE_BYTES) {
            next = entry->number;
        } else {
            write_entry(a->channel, entry, &entries);
            count++;
        }
    }
    strato_writer_map(&a->answer, 4);
    strato_writer_text(&a->answer, "entries");
    strato_writer_array(&a->answer, count);
    strato_writer_raw(&a->answer, strato_writer_view(&entries));
    pair(&a->answer, "next", next);
    pair(&a->answer, "total", dead->count);
    pair(&a->answer, "evicted", dead->evicted);
    rc = strato_writer_error(&entries);
    strato_writer_fini(&entries);
    return rc;
}

int dlq_get(struct admin *a)
{
    const struct deadletters *dead = &a->channel->dead;
    struct message_stamps stamps = channel_stamps(a->channel);
    const struct deadletter *entry;
    const struct message *m;
    uint8_t *envelope;
    struct selection s;
    uint32_t k;
    int rc = selection_read(a, TAKES_ID, &s);

    if (rc < 0)
        return rc;
    k = deadletters_find(dead, s.id);
    if (k == dead->count)
        return no_entry(a, s.id);
    entry = deadletters_at(dead, k);
    m = entry->message;
    envelope = malloc(m->body_bytes + MESSAGE_STAMPS_BYTES_MAX);
    if (!envelope)
        return STRATO_ENOMEM;
    strato_writer_map(&a->answer, 2);
    strato_writer_text(&a->answer, "entry");
    write_entry(a->channel, entry, &a->answer);
    strato_writer_text(&a->answer, "message");
    strato_writer_bin(&a->answer, strato_bytes(envelope, message_encode(m, &stamps, envelope)));
    free(envelope);
    if (m->extra && m->extra->blobs_count) {
        a->blobs = malloc(m->extra->blobs_count * sizeof(struct strato_blob *));
        if (!a->blobs)
            return STRATO_ENOMEM;
        for (uint32_t i = 0; i < m->extra->blobs_count; i++)
            a->blobs[i] = strato_blob_hold(m->extra->blobs[i]);
        a->blobs_count = m->extra->blobs_count;
    }
    return 0;
}

/* ---- changing ---- */

/* Why nothing can go back into this channel now; 0 if something may. */
static int closed(struct admin *a)
{
    const struct channel *ch = a->channel;

    if (ch->is_forgotten) {
        snprintf(a->detail, sizeof(a->detail),
                 "nobody has the name of this mailbox any more: get or purge what is in it");
        return STRATO_ENO_ROUTE;
    }
    if (a->brain->is_draining)
        return STRATO_EDRAINING;
    if (!brain_has_memory(a->brain))
        return STRATO_ENO_RESOURCES;
    return 0;
}

/* Nothing to look for any more, and nobody to come back for. */
static void forget_if_empty(struct admin *a)
{
    if (!a->channel->is_forgotten || a->channel->dead.count)
        return;
    mailbox_remove(a->channel);
    a->channel = NULL;
}

struct redrive {
    uint64_t redriven, left, skipped;
    int rc;
};

/* 1 if the entry has left its place, so that the next one stands there. */
static uint32_t redrive_at(struct channel *ch, uint32_t k, struct redrive *r)
{
    if (deadletters_at(&ch->dead, k)->message->seq == 0) {
        r->skipped++;
        return 0;
    }
    if (r->rc == 0)
        r->rc = channel_redrive(ch, k);
    if (r->rc < 0)
        r->left++;
    else
        r->redriven++;
    return r->rc == 0;
}

int dlq_redrive(struct admin *a)
{
    struct channel *ch = a->channel;
    struct redrive r = { 0 };
    struct selection s;
    uint64_t last;
    int rc = selection_read(a, TAKES_ID | TAKES_ALL | TAKES_FILTER, &s);

    if (rc == 0)
        rc = selection_check(a, &s);
    if (rc == 0)
        rc = closed(a);
    if (rc < 0)
        return rc;
    if (s.id && deadletters_find(&ch->dead, s.id) == ch->dead.count)
        return no_entry(a, s.id);
    last = ch->dead.numbers; /* what dies again at once is not of those that were asked for */
    for (uint32_t k = s.id ? deadletters_find(&ch->dead, s.id) : 0;
         k < ch->dead.count && deadletters_at(&ch->dead, k)->number <= last;) {
        if (!selects(&s, ch, deadletters_at(&ch->dead, k)) || !redrive_at(ch, k, &r))
            k++;
        if (s.id)
            break;
    }
    if (s.id && r.skipped) {
        snprintf(a->detail, sizeof(a->detail), "a record of a refused message: there is nothing to send again");
        return STRATO_ECONFLICT;
    }
    if (r.rc < 0 && r.rc != STRATO_EFULL && r.redriven == 0)
        return r.rc;
    strato_writer_map(&a->answer, 3);
    pair(&a->answer, "redriven", r.redriven);
    pair(&a->answer, "left", r.left);
    pair(&a->answer, "skipped", r.skipped);
    return 0;
}

int dlq_purge(struct admin *a)
{
    struct channel *ch = a->channel;
    struct selection s;
    uint64_t purged = 0;
    int rc = selection_read(a, TAKES_ID | TAKES_ALL | TAKES_FILTER, &s);

    if (rc == 0)
        rc = selection_check(a, &s);
    if (rc < 0)
        return rc;
    if (s.id && deadletters_find(&ch->dead, s.id) == ch->dead.count)
        return no_entry(a, s.id);
    for (uint32_t k = 0; k < ch->dead.count;) {
        if (!selects(&s, ch, deadletters_at(&ch->dead, k))) {
            k++;
            continue;
        }
        channel_unbury(ch, k); /* the next one stands there now */
        purged++;
    }
    strato_writer_map(&a->answer, 1);
    pair(&a->answer, "purged", purged);
    forget_if_empty(a);
    return 0;
}
