/*
 * keep.c - see keep.h.
 *
 * A value is one msgpack array; later versions append to it, so readers take the items they know. Times are
 * wall-clock milliseconds, the only ones that mean anything after a restart.
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/brain/keep.h"

#include <stdio.h>
#include <stdlib.h>

#include "broker/brain/state.h"

static struct channel orphan;
struct channel *const keep_orphan = &orphan;

int keep_init(struct keep *keep)
{
    keep->channels = calloc(JOURNAL_CHANNEL_MAX + 1, sizeof(*keep->channels));
    return keep->channels ? 0 : STRATO_ENOMEM;
}

void keep_fini(struct brain *brain)
{
    struct keep *keep = &brain->keep;

    for (uint32_t i = 0; i < brain->channels_count; i++) { /* the end of the broker is no end of what it kept */
        if (brain->channels[i])
            brain->channels[i]->keep_number = 0;
    }
    free(keep->channels);
    strato_writer_fini(&keep->batch);
    strato_writer_fini(&keep->row);
    *keep = (struct keep){ 0 };
}

int keep_allows(const struct brain *brain, const struct brain_channel_config *config, char *ret_detail,
                size_t detail_bytes)
{
    if (!config->is_durable || brain->keep.channels)
        return 0;
    snprintf(ret_detail, detail_bytes, "durable needs a store, and this broker has none: start it with --data DIR");
    return STRATO_ESTORE;
}

/* ---- rows ---- */

static void mark_broken(struct brain *brain)
{
    if (brain->keep.is_broken)
        return;
    brain->keep.is_broken = true;
    brain_log(brain, 0,
              "store given up: out of memory while a batch was written; durable channels refuse messages, "
              "and what was confirmed is safe: restart the broker");
    confirm_failed(brain, strato_text("out of memory while a batch was written: restart the broker"));
}

static struct strato_writer *row_begin(struct brain *brain, uint32_t items)
{
    struct strato_writer *w = &brain->keep.row;

    strato_writer_reset(w);
    strato_writer_array(w, items);
    return w;
}

static void write_entry(struct brain *brain, enum journal_verb verb, enum journal_table table, uint32_t channel,
                        uint64_t key, struct strato_bytes value)
{
    struct journal_entry entry = { .verb = verb, .table = table, .channel = channel, .key = key, .value = value };

    if (!brain->keep.is_broken && journal_write(&brain->keep.batch, &entry) < 0)
        mark_broken(brain);
}

static void put(struct channel *ch, enum journal_table table, uint64_t key)
{
    struct brain *brain = ch->brain;

    if (strato_writer_error(&brain->keep.row) < 0)
        mark_broken(brain);
    write_entry(brain, JOURNAL_PUT, table, ch->keep_number, key, strato_writer_view(&brain->keep.row));
    keep_touch(ch);
}

static void delete (struct channel *ch, enum journal_table table, uint64_t key)
{
    write_entry(ch->brain, JOURNAL_DELETE, table, ch->keep_number, key, STRATO_BYTES_NONE);
    keep_touch(ch);
}

void keep_touch(struct channel *ch)
{
    struct keep *keep = &ch->brain->keep;

    if (ch->is_kept_dirty)
        return;
    ch->is_kept_dirty = true;
    ch->kept_next = keep->dirty;
    keep->dirty = ch;
}

static uint64_t wall_of(const struct brain *brain, uint32_t low_ms)
{
    return brain->wall_ms + message_time(low_ms, brain->now_ms);
}

/* ---- channels ---- */

static uint32_t free_number(const struct brain *brain)
{
    const struct keep *keep = &brain->keep;

    for (uint32_t i = 1; i <= JOURNAL_CHANNEL_MAX; i++) {
        uint32_t number = (keep->number + i - 1) % JOURNAL_CHANNEL_MAX + 1;

        if (!keep->channels[number])
            return number;
    }
    return 0;
}

int keep_channel(struct channel *ch)
{
    struct brain *brain = ch->brain;
    struct strato_writer *w;

    if (!ch->keep_number) {
        ch->keep_number = free_number(brain);
        if (!ch->keep_number)
            return STRATO_ELIMIT;
        brain->keep.number = ch->keep_number;
        brain->keep.channels[ch->keep_number] = ch;
    }
    w = row_begin(brain, 2);
    strato_writer_str(w, ch->name);
    strato_writer_map(w, settings_pairs());
    settings_write(&ch->config, w);
    put(ch, JOURNAL_CHANNELS, 0);
    return 0;
}

static void forget_dirty(struct channel *ch)
{
    struct channel **link = &ch->brain->keep.dirty;

    if (!ch->is_kept_dirty)
        return;
    while (*link != ch)
        link = &(*link)->kept_next;
    *link = ch->kept_next;
    ch->is_kept_dirty = false;
}

void keep_channel_gone(struct channel *ch)
{
    write_entry(ch->brain, JOURNAL_DROP_CHANNEL, 0, ch->keep_number, 0, STRATO_BYTES_NONE);
    forget_dirty(ch);
    ch->brain->keep.channels[ch->keep_number] = NULL;
    ch->keep_number = 0;
}

static void write_counts(struct channel *ch)
{
    struct strato_writer *w = row_begin(ch->brain, 12 + CHANNEL_DROPS + DEADLETTER_REASON_COUNT);

    strato_writer_u64(w, ch->seq);
    strato_writer_u64(w, ch->accepted);
    strato_writer_u64(w, ch->settled);
    strato_writer_u64(w, ch->expired);
    strato_writer_u64(w, ch->dead_lettered);
    strato_writer_u64(w, ch->delivered);
    strato_writer_u64(w, ch->redelivered);
    strato_writer_u64(w, ch->no_subscriber);
    strato_writer_u64(w, ch->dead.numbers);
    strato_writer_u64(w, ch->dead.evicted);
    strato_writer_array(w, 0); /* a place for what comes */
    strato_writer_u64(w, CHANNEL_DROPS);
    for (int i = 0; i < CHANNEL_DROPS; i++)
        strato_writer_u64(w, ch->dropped[i]);
    for (int i = 0; i < DEADLETTER_REASON_COUNT; i++)
        strato_writer_u64(w, ch->dead.by_reason[i]);
    put(ch, JOURNAL_COUNTS, 0);
}

/* ---- messages ---- */

/* The envelope as it came, with the id that the broker has given it: a restart must not give it another. */
static void write_envelope(struct strato_writer *w, const struct message *m, const struct message_stamps *stamps)
{
    bool needs_id = !(m->flags & MESSAGE_HAS_ID);

    strato_writer_map(w, message_pairs(m) + (needs_id ? 1U : 0U));
    strato_writer_raw(w, strato_bytes(message_body(m), m->body_bytes));
    if (!needs_id)
        return;
    strato_writer_text(w, "id");
    message_write_id(m, stamps, w);
}

static void write_past(struct strato_writer *w, const struct message *m)
{
    const struct message_past *past = m->extra ? &m->extra->past : NULL;

    if (!past || !past->number) {
        strato_writer_array(w, 0);
        return;
    }
    strato_writer_array(w, 4);
    strato_writer_u64(w, past->number);
    strato_writer_u64(w, past->first_ms);
    strato_writer_u64(w, past->count);
    strato_writer_u64(w, past->reason);
}

/* Nine items, read back by recall.c. */
enum { MESSAGE_ITEMS = 9 };

static void write_message(struct strato_writer *w, const struct channel *ch, const struct message *m)
{
    struct message_stamps stamps = channel_stamps(ch);
    const struct sender *sender = m->sender;
    uint32_t blobs = m->extra ? m->extra->blobs_count : 0;

    strato_writer_u64(w, m->ts_ms);
    strato_writer_u64(w, wall_of(ch->brain, m->deadline_ms));
    strato_writer_u64(w, m->state == MESSAGE_DELAYED ? wall_of(ch->brain, m->started_ms) : 0);
    strato_writer_u64(w, m->flags & (MESSAGE_ACK | MESSAGE_RECEIPT));
    strato_writer_str(w, strato_bytes(sender->name, sender->name_bytes));
    strato_writer_u64(w, sender->agent_bytes);
    strato_writer_str(w, strato_bytes(sender->affinity, sender->affinity_bytes));
    write_envelope(w, m, &stamps);
    strato_writer_array(w, blobs + 1);
    write_past(w, m);
    for (uint32_t i = 0; i < blobs; i++)
        strato_writer_bin(w, strato_bytes(m->extra->blobs[i]->data, m->extra->blobs[i]->bytes));
}

void keep_accepted(struct channel *ch, const struct message *m)
{
    struct strato_writer *w;

    if (m->flags & MESSAGE_CALL)
        return;
    w = row_begin(ch->brain, MESSAGE_ITEMS);
    write_message(w, ch, m);
    put(ch, JOURNAL_MESSAGES, m->seq);
}

static void put_attempts(struct channel *ch, const struct message *m, unsigned attempts)
{
    struct strato_writer *w = row_begin(ch->brain, 5);

    strato_writer_u64(w, attempts);
    strato_writer_u64(w, m->deliveries);
    strato_writer_u64(w, m->state == MESSAGE_DELAYED ? wall_of(ch->brain, m->started_ms) : 0);
    strato_writer_u64(w, m->state == MESSAGE_MOVING);
    strato_writer_u64(w, brain_wall_ms(ch->brain));
    put(ch, JOURNAL_ATTEMPTS, m->seq);
}

void keep_started(struct channel *ch, const struct message *m)
{
    if (!(m->flags & MESSAGE_CALL)) /* charged, unless it ends well or is given back: it may be what kills the broker */
        put_attempts(ch, m, m->attempts + 1U);
}

void keep_requeued(struct channel *ch, const struct message *m, bool had_started)
{
    if (m->flags & MESSAGE_CALL)
        return;
    if (m->attempts || m->state == MESSAGE_DELAYED)
        put_attempts(ch, m, m->attempts);
    else if (had_started)
        delete (ch, JOURNAL_ATTEMPTS, m->seq);
}

void keep_moving(struct channel *ch, const struct message *m)
{
    put_attempts(ch, m, m->attempts);
}

void keep_ended(struct channel *ch, const struct message *m, bool was_moving)
{
    keep_touch(ch);
    if (m->flags & MESSAGE_CALL)
        return;
    delete (ch, JOURNAL_MESSAGES, m->seq);
    if (m->attempts || m->deliveries || was_moving)
        delete (ch, JOURNAL_ATTEMPTS, m->seq);
}

/* ---- dead letters, ids, rules ---- */

static void write_text(struct strato_writer *w, const char *text)
{
    if (text)
        strato_writer_text(w, text);
    else
        strato_writer_nil(w);
}

void keep_dead(struct channel *ch, const struct deadletter *entry)
{
    struct strato_writer *w = row_begin(ch->brain, 9 + MESSAGE_ITEMS);

    strato_writer_u64(w, entry->message->seq);
    strato_writer_u64(w, entry->reason);
    strato_writer_u64(w, entry->count);
    strato_writer_u64(w, entry->first_ms);
    strato_writer_u64(w, entry->last_ms);
    strato_writer_u64(w, entry->ttl_ms);
    strato_writer_u64(w, entry->redriven_from);
    write_text(w, entry->error);
    write_text(w, entry->consumer);
    write_message(w, ch, entry->message);
    strato_writer_u64(w, entry->message->attempts);
    strato_writer_u64(w, entry->message->deliveries);
    put(ch, JOURNAL_DEADLETTERS, entry->number);
}

void keep_dead_gone(struct channel *ch, uint64_t number)
{
    delete (ch, JOURNAL_DEADLETTERS, number);
}

void keep_id(struct channel *ch, struct dedup_entry *entry)
{
    struct strato_writer *w = row_begin(ch->brain, 5);

    entry->number = ++ch->dedup.numbers;
    strato_writer_bin(w, strato_bytes(entry->key, entry->principal_bytes));
    strato_writer_bin(w, strato_bytes(entry->key + entry->principal_bytes, entry->id_bytes));
    strato_writer_u64(w, entry->content);
    strato_writer_u64(w, ch->brain->wall_ms + entry->at_ms);
    strato_writer_u64(w, entry->seq);
    put(ch, JOURNAL_IDS, entry->number);
}

void keep_id_gone(struct dedup *dedup, const struct dedup_entry *entry)
{
    struct channel *ch = (struct channel *)(void *)((char *)dedup - offsetof(struct channel, dedup));

    if (channel_is_kept(ch))
        delete (ch, JOURNAL_IDS, entry->number);
}

void keep_route(struct brain *brain, struct route *route)
{
    struct strato_writer *w;

    if (!brain->keep.channels)
        return;
    keep_route_gone(brain, route);
    route->kept = ++brain->routes.kept;
    w = row_begin(brain, 1);
    strato_writer_map(w, route_pairs());
    route_write(&route->rule, w);
    if (strato_writer_error(w) < 0)
        mark_broken(brain);
    write_entry(brain, JOURNAL_PUT, JOURNAL_CHANNELS, 0, route->kept, strato_writer_view(w));
}

void keep_route_gone(struct brain *brain, const struct route *route)
{
    if (route->kept)
        write_entry(brain, JOURNAL_DELETE, JOURNAL_CHANNELS, 0, route->kept, STRATO_BYTES_NONE);
}

/* ---- the end of a turn ---- */

/* Events that scrolled out of the history since the last time. */
static void drop_old_events(struct channel *ch)
{
    uint64_t first = ch->history.first < ch->history.end ? ch->history.first : ch->seq + 1;

    for (; ch->kept_from < first; ch->kept_from++)
        delete (ch, JOURNAL_MESSAGES, ch->kept_from);
}

static void hand_over(struct brain *brain)
{
    struct strato_writer *batch = &brain->keep.batch;
    struct brain_action *action = outbox_action(brain, BRAIN_COMMIT);
    uint64_t number = action ? confirm_begin(brain, batch->bytes) : 0;

    if (!number) {
        if (action)
            brain->out->count--;
        mark_broken(brain);
        strato_writer_reset(batch);
        return;
    }
    action->commit = number;
    action->data = strato_writer_take(batch, &action->bytes);
}

void keep_flush(struct brain *brain)
{
    struct keep *keep = &brain->keep;
    struct channel *ch;

    while ((ch = keep->dirty) != NULL) {
        if (ch->config.pattern == BRAIN_EVENTS)
            drop_old_events(ch);
        write_counts(ch);
        keep->dirty = ch->kept_next;
        ch->is_kept_dirty = false;
    }
    if (keep->batch.bytes && !keep->is_broken)
        hand_over(brain);
    else
        strato_writer_reset(&keep->batch);
}
