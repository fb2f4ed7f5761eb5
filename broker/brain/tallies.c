/*
 * tallies.c - what a channel took, by topic and by sender, for channels whose setting `tally` asks for it.
 *
 * admin.stats {by: "topic"|"sender"}: {name, by, names: [{name, messages, bytes, idle_ms, per_s}], other: {messages,
 * bytes, idle_ms, per_s, names}}; `other.names` counts how often a name had no place of its own.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <stdlib.h>

#include "broker/brain/state.h"

struct tallies {
    struct tally topic, sender;
};

void tallies_count(struct channel *ch, const struct message *m)
{
    char scratch[STRATO_TOPIC_BYTES_MAX + 1];
    uint64_t now = ch->brain->now_ms;

    if (!ch->tallies)
        ch->tallies = calloc(1, sizeof(*ch->tallies));
    if (!ch->tallies)
        return;
    tally_count(&ch->tallies->topic, message_topic(m, ch->name, scratch, sizeof(scratch)), message_bytes(m), now);
    tally_count(&ch->tallies->sender, strato_bytes(m->sender->name, m->sender->name_bytes), message_bytes(m), now);
}

void tallies_forget(struct channel *ch)
{
    if (!ch->tallies)
        return;
    tally_fini(&ch->tallies->topic);
    tally_fini(&ch->tallies->sender);
    free(ch->tallies);
    ch->tallies = NULL;
}

/* ---- the answer ---- */

static void write_counts(const struct tally_counts *counts, uint64_t now_ms, struct strato_writer *w)
{
    strato_writer_text(w, "messages");
    strato_writer_u64(w, counts->messages);
    strato_writer_text(w, "bytes");
    strato_writer_u64(w, counts->bytes);
    strato_writer_text(w, "idle_ms");
    strato_writer_u64(w, counts->messages ? now_ms - counts->last_ms : 0);
    strato_writer_text(w, "per_s");
    strato_writer_f64(w, (double)tally_rate_milli(counts, now_ms) / 1000);
}

static void write_tally(const struct channel *ch, const char *by, const struct tally *tally, struct strato_writer *w)
{
    uint64_t now = ch->brain->now_ms;

    strato_writer_map(w, 4);
    strato_writer_text(w, "name");
    strato_writer_str(w, ch->name);
    strato_writer_text(w, "by");
    strato_writer_text(w, by);
    strato_writer_text(w, "names");
    strato_writer_array(w, tally->count);
    for (uint32_t i = 0; i < tally->count; i++) {
        const struct tally_entry *entry = tally->entries[i];

        strato_writer_map(w, 5);
        strato_writer_text(w, "name");
        strato_writer_str(w, strato_bytes(entry->name, entry->name_bytes));
        write_counts(&entry->counts, now, w);
    }
    strato_writer_text(w, "other");
    strato_writer_map(w, 5);
    write_counts(&tally->other, now, w);
    strato_writer_text(w, "names");
    strato_writer_u64(w, tally->others);
}

/* The value of `by`; none if the map has no such key. */
static int read_by(struct strato_bytes arguments, struct strato_bytes *ret_by)
{
    struct strato_cursor c = strato_cursor_over(arguments);
    struct strato_bytes key;
    uint32_t pairs;

    *ret_by = STRATO_BYTES_NONE;
    if (strato_cursor_map(&c, 64, &pairs) < 0)
        return STRATO_ESCHEMA;
    for (uint32_t i = 0; i < pairs; i++) {
        bool is_by;

        if (strato_cursor_str(&c, 64, &key) < 0)
            return STRATO_ESCHEMA;
        is_by = strato_bytes_is(key, "by");
        if ((is_by ? strato_cursor_str(&c, 64, ret_by) : strato_cursor_skip(&c)) < 0)
            return STRATO_ESCHEMA;
    }
    return 0;
}

int tallies_report(struct brain *brain, struct strato_bytes name, struct strato_bytes arguments,
                   struct strato_writer *answer, char *ret_detail, size_t detail_bytes)
{
    static const struct tally nothing = { 0 };
    const struct channel *ch = channel_find(brain, name);
    struct strato_bytes by = STRATO_BYTES_NONE;
    bool is_topic;

    if (arguments.bytes && read_by(arguments, &by) < 0) {
        snprintf(ret_detail, detail_bytes, "the arguments of admin.stats are a map: {by: 'topic'} or {by: 'sender'}");
        return STRATO_ESCHEMA;
    }
    if (by.bytes == 0)
        return 0;
    is_topic = strato_bytes_is(by, "topic");
    if (!is_topic && !strato_bytes_is(by, "sender")) {
        snprintf(ret_detail, detail_bytes, "`by` is topic or sender");
        return STRATO_ESCHEMA;
    }
    if (!ch) {
        channel_not_found_detail(brain, name, ret_detail, detail_bytes);
        return STRATO_ENO_CHANNEL;
    }
    if (!ch->config.has_tally) {
        snprintf(ret_detail, detail_bytes, "channel '%s' keeps no counts by topic and sender: set `tally` to have them",
                 ch->config.name);
        return STRATO_ECONFLICT;
    }
    write_tally(ch, is_topic ? "topic" : "sender",
                !ch->tallies ? &nothing
                : is_topic   ? &ch->tallies->topic
                             : &ch->tallies->sender,
                answer);
    return 0;
}
