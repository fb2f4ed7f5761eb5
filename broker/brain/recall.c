/*
 * recall.c - the brain as it was: rows of the store become channels, messages, dead letters, ids and rules again.
 *
 * Rows come table by table (journal.h). Messages wait in a list until their attempts are known, and go into
 * their queues when all was read; then the columns of every channel are made to add up: what was accepted and is
 * in no other column (calls, whose callers are gone; rows that could not be read) is dropped as `shutdown`, and
 * said. Time that passed while the broker was down counts against time to live and delay, by the wall clock; one that
 * was set back makes neither longer than it was at first.
 * The values are written by keep.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <stdlib.h>

#include "broker/brain/state.h"

enum { SENDERS = 256 };

/* A message that is not in its queue yet. Two references: its own, and the one that its queue will hold. */
struct recalled {
    struct message *message;
    uint64_t ready_ms; /* wall clock; 0 = at once */
    uint64_t since_ms; /* wall clock when that was said */
    bool is_moving;    /* a rule was moving it */
};

struct recalled_list {
    struct recalled *items; /* by seq */
    uint32_t count, capacity;
};

struct recall {
    struct recalled_list lists[JOURNAL_CHANNEL_MAX + 1]; /* by number of the channel */
    struct sender *senders[SENDERS];                     /* so that equal senders are one */
    uint64_t orphans;
};

int recall_begin(struct brain *brain)
{
    brain->recall = calloc(1, sizeof(*brain->recall));
    brain->wall_ms = brain->config.epoch - brain->now_ms;
    return brain->recall ? keep_init(&brain->keep) : STRATO_ENOMEM;
}

static void list_free(struct brain *brain, struct recalled_list *list)
{
    for (uint32_t i = 0; i < list->count; i++) {
        struct message *m = list->items[i].message;

        if (m->state == MESSAGE_NEW) {
            ingest_untie(brain_channel_of(brain, m), m);
            message_drop(&brain->slab, m);
        }
        message_drop(&brain->slab, m);
    }
    free(list->items);
}

void recall_end(struct brain *brain)
{
    struct recall *recall = brain->recall;

    for (uint32_t i = 0; recall && i <= JOURNAL_CHANNEL_MAX; i++)
        list_free(brain, &recall->lists[i]);
    for (uint32_t i = 0; recall && i < SENDERS; i++)
        sender_drop(recall->senders[i]);
    free(recall);
    brain->recall = NULL;
}

static int unreadable(const struct journal_entry *entry, const char *what, char *ret_detail, size_t detail_bytes)
{
    snprintf(ret_detail, detail_bytes,
             "%s of channel number %u, key %llu, was written by another version, or is damaged", what, entry->channel,
             (unsigned long long)entry->key);
    return STRATO_ECODEC;
}

/* ---- rules and channels ---- */

static int restore_route(struct brain *brain, const struct journal_entry *entry, char *ret_detail, size_t detail_bytes)
{
    struct strato_cursor c = strato_cursor_over(entry->value);
    struct brain_route rule = { .is_enabled = true };
    struct route *route = NULL;
    struct strato_bytes map;
    uint32_t items;
    int rc;

    if (entry->key > brain->routes.kept)
        brain->routes.kept = entry->key;
    if (strato_cursor_array(&c, UINT32_MAX, &items) < 0 || items < 1 || strato_cursor_raw(&c, &map) < 0 ||
        route_read(map, &rule, ret_detail, detail_bytes) < 0 || route_check(&rule, ret_detail, detail_bytes) < 0)
        return unreadable(entry, "a routing rule", ret_detail, detail_bytes);
    rc = routes_add(&brain->routes, &rule, &route);
    if (rc == STRATO_EEXISTS) { /* the file's rule of this name wins, for good */
        keep_route_gone(brain, &(struct route){ .kept = entry->key });
        return 0;
    }
    if (rc == STRATO_ELIMIT)
        return unreadable(entry, "a routing rule beyond the limit", ret_detail, detail_bytes);
    if (rc == 0)
        route->kept = entry->key;
    return rc;
}

static int read_channel(const struct journal_entry *entry, struct brain_channel_config *ret_config, char *ret_detail,
                        size_t detail_bytes)
{
    struct strato_cursor c = strato_cursor_over(entry->value);
    struct brain_channel_config config = { 0 };
    struct strato_bytes name, map;
    uint32_t items;

    if (strato_cursor_array(&c, UINT32_MAX, &items) < 0 || items < 2 ||
        strato_cursor_str(&c, STRATO_NAME_BYTES_MAX + 1, &name) < 0 || !channel_name_is_good(name) ||
        strato_cursor_raw(&c, &map) < 0)
        return unreadable(entry, "the name", ret_detail, detail_bytes);
    memcpy(config.name, name.data, name.bytes);
    channel_config_defaults(&config, BRAIN_WORK);
    if (settings_read(map, true, &config, ret_detail, detail_bytes) < 0 ||
        channel_config_check(&config, ret_detail, detail_bytes) < 0)
        return unreadable(entry, "a setting", ret_detail, detail_bytes);
    *ret_config = config;
    return 0;
}

static int join(struct channel *ch, const struct brain_channel_config *stored, char *ret_detail, size_t detail_bytes)
{
    if (ch->config.pattern != stored->pattern) {
        snprintf(ret_detail, detail_bytes,
                 "channel '%s' is stored as %s and configured as %s: give the configured one another name, or move the "
                 "data directory away",
                 ch->config.name, settings_patterns[stored->pattern], settings_patterns[ch->config.pattern]);
        return STRATO_ECONFIG;
    }
    if (!ch->is_configured) { /* built in, and changed at run time */
        ch->config = *stored;
        channel_settings_changed(ch);
    }
    return 0;
}

static int restore_channel(struct brain *brain, const struct journal_entry *entry, char *ret_detail,
                           size_t detail_bytes)
{
    struct brain_channel_config stored;
    struct channel *ch;
    int rc;

    brain->keep.channels[entry->channel] = keep_orphan;
    rc = read_channel(entry, &stored, ret_detail, detail_bytes);
    if (rc < 0)
        return rc;
    ch = channel_find(brain, strato_text(stored.name));
    rc = ch ? join(ch, &stored, ret_detail, detail_bytes) : channel_add(brain, &stored, false, &ch);
    if (rc == STRATO_ELIMIT) {
        snprintf(ret_detail, detail_bytes,
                 "channel '%s' is stored, but as many channels as allowed are there: raise the limit", stored.name);
        return STRATO_ECONFIG;
    }
    if (rc < 0)
        return rc;
    if (channel_is_kept(ch))
        return unreadable(entry, "a second row of the same name", ret_detail, detail_bytes);
    ch->keep_number = entry->channel;
    brain->keep.channels[entry->channel] = ch;
    return 0;
}

/* ---- counts ---- */

static int restore_counts(struct channel *ch, const struct journal_entry *entry, char *ret_detail, size_t detail_bytes)
{
    struct strato_cursor c = strato_cursor_over(entry->value);
    uint64_t ignored, *const columns[] = { &ch->seq,           &ch->accepted,    &ch->settled,     &ch->expired,
                                           &ch->dead_lettered, &ch->delivered,   &ch->redelivered, &ch->no_subscriber,
                                           &ch->dead.numbers,  &ch->dead.evicted };
    uint64_t drops = 0;
    uint32_t items;
    int rc = strato_cursor_array(&c, UINT32_MAX, &items);

    for (size_t i = 0; rc == 0 && i < sizeof(columns) / sizeof(columns[0]); i++)
        rc = strato_cursor_u64(&c, UINT64_MAX, columns[i]);
    if (rc == 0)
        rc = strato_cursor_skip(&c);
    if (rc == 0)
        rc = strato_cursor_u64(&c, 64, &drops);
    for (uint64_t i = 0; rc == 0 && i < drops; i++)
        rc = strato_cursor_u64(&c, UINT64_MAX, i < CHANNEL_DROPS ? &ch->dropped[i] : &ignored);
    for (uint32_t i = 0; rc == 0 && i < DEADLETTER_REASON_COUNT; i++)
        rc = strato_cursor_u64(&c, UINT64_MAX, &ch->dead.by_reason[i]);
    return rc == 0 ? 0 : unreadable(entry, "the counts", ret_detail, detail_bytes);
}

/* ---- messages ---- */

static struct sender *sender_of(struct recall *recall, struct strato_bytes name, uint64_t agent_bytes,
                                struct strato_bytes affinity)
{
    struct sender **slot = &recall->senders[(map_hash_bytes(name) + map_hash_bytes(affinity)) % SENDERS];
    char principal[STRATO_NAME_BYTES_MAX + 1] = "", agent[STRATO_NAME_BYTES_MAX + 1] = "", own[24] = "";
    size_t principal_bytes = agent_bytes ? name.bytes - agent_bytes - 1 : name.bytes;
    struct sender *s = *slot;

    if (s && s->agent_bytes == agent_bytes && strato_bytes_equal(strato_bytes(s->name, s->name_bytes), name) &&
        strato_bytes_equal(strato_bytes(s->affinity, s->affinity_bytes), affinity))
        return s;
    memcpy(principal, name.data, principal_bytes);
    memcpy(agent, name.data + name.bytes - agent_bytes, agent_bytes);
    memcpy(own, affinity.data, affinity.bytes);
    s = sender_new(principal, agent, own, 0);
    if (s) {
        sender_drop(*slot);
        *slot = s;
    }
    return s;
}

static int read_past(struct strato_cursor *c, struct message_past *past)
{
    uint64_t count = 0, reason = 0;
    uint32_t items;

    if (strato_cursor_array(c, 4, &items) < 0)
        return STRATO_ECODEC;
    if (items == 0)
        return 0;
    if (strato_cursor_u64(c, UINT64_MAX, &past->number) < 0 || strato_cursor_u64(c, UINT64_MAX, &past->first_ms) < 0 ||
        strato_cursor_u64(c, UINT32_MAX, &count) < 0 || strato_cursor_u64(c, DEADLETTER_REASON_COUNT - 1, &reason) < 0)
        return STRATO_ECODEC;
    past->count = (uint32_t)count;
    past->reason = (uint8_t)reason;
    return 0;
}

static void blob_free(struct strato_blob *blob)
{
    free(blob);
}

/* The row's bytes do not stay: a copy, behind its own head. NULL when out of memory. */
static struct strato_blob *blob_of(struct strato_bytes bytes)
{
    struct strato_blob *blob = malloc(sizeof(*blob) + bytes.bytes);

    if (!blob)
        return NULL;
    *blob = (struct strato_blob){ (uint8_t *)(blob + 1), bytes.bytes, 1, blob_free };
    memcpy(blob + 1, bytes.data, bytes.bytes);
    return blob;
}

static int read_blobs(struct strato_cursor *c, uint32_t count, struct slab *slab, struct message *m)
{
    struct strato_blob *blobs[STRATO_ATTACHMENTS_MAX];
    uint32_t made = 0;
    int rc = count <= STRATO_ATTACHMENTS_MAX ? 0 : STRATO_ECODEC;

    for (; rc == 0 && made < count; made++) {
        struct strato_bytes bytes;

        rc = strato_cursor_bin(c, SIZE_MAX, &bytes);
        blobs[made] = rc == 0 ? blob_of(bytes) : NULL;
        if (rc == 0 && !blobs[made])
            rc = STRATO_ENOMEM;
        if (rc < 0)
            break;
    }
    if (rc == 0)
        rc = message_attach(slab, m, blobs, made);
    while (made > 0)
        strato_blob_drop(blobs[--made]);
    return rc;
}

/* The nine items of a message. The clocks' times are the wall's. */
struct kept_message {
    struct message *message;
    struct strato_envelope envelope; /* slices of the row */
    uint64_t deadline_ms, ready_ms;
};

static int read_message(struct channel *ch, struct strato_cursor *c, struct kept_message *ret_kept)
{
    struct brain *brain = ch->brain;
    struct kept_message kept = { 0 };
    struct message_past past = { 0 };
    struct strato_bytes name, affinity, skipped;
    struct message *m;
    struct sender *sender;
    uint64_t ts_ms, flags, agent_bytes;
    uint32_t items;
    int rc;

    if (strato_cursor_u64(c, MESSAGE_TS_MS_MAX, &ts_ms) < 0 ||
        strato_cursor_u64(c, UINT64_MAX, &kept.deadline_ms) < 0 ||
        strato_cursor_u64(c, UINT64_MAX, &kept.ready_ms) < 0 ||
        strato_cursor_u64(c, MESSAGE_ACK | MESSAGE_RECEIPT, &flags) < 0 || strato_cursor_str(c, UINT8_MAX, &name) < 0 ||
        strato_cursor_u64(c, STRATO_NAME_BYTES_MAX, &agent_bytes) < 0 || strato_cursor_str(c, 23, &affinity) < 0 ||
        strato_envelope_decode(c, &kept.envelope, &skipped) < 0 ||
        strato_cursor_array(c, STRATO_ATTACHMENTS_MAX + 1, &items) < 0 || items < 1 || read_past(c, &past) < 0)
        return STRATO_ECODEC;
    if (agent_bytes + (agent_bytes != 0) > name.bytes || name.bytes - agent_bytes > STRATO_NAME_BYTES_MAX + 1 ||
        kept.envelope.pairs > UINT8_MAX)
        return STRATO_ECODEC;
    sender = sender_of(brain->recall, name, agent_bytes, affinity);
    m = sender ? message_new(&brain->slab, &kept.envelope, sender) : NULL;
    if (!m)
        return STRATO_ENOMEM;
    m->channel = ch->index & MESSAGE_CHANNEL_MAX;
    m->ts_ms = ts_ms & MESSAGE_TS_MS_MAX;
    m->flags = (uint8_t)((m->flags & (uint8_t)~MESSAGE_RECEIPT) | (uint8_t)flags);
    rc = read_blobs(c, items - 1, &brain->slab, m);
    if (rc == 0 && past.number) {
        if (message_extra(&brain->slab, m))
            m->extra->past = past;
        else
            rc = STRATO_ENOMEM;
    }
    if (rc < 0) {
        message_drop(&brain->slab, m);
        return rc;
    }
    kept.message = m;
    *ret_kept = kept;
    return 0;
}

/* What is left of the span from one wall-clock time to another. */
static uint64_t left(const struct brain *brain, uint64_t from_ms, uint64_t until_ms)
{
    uint64_t now = brain_wall_ms(brain), rest = until_ms > now ? until_ms - now : 0;
    uint64_t most = until_ms > from_ms ? until_ms - from_ms : 0;

    if (most > 2 * (uint64_t)STRATO_TTL_MS_MAX) /* no time to live and no delay is so long: the row says nonsense */
        most = 2 * (uint64_t)STRATO_TTL_MS_MAX;
    return rest < most ? rest : most;
}

static int list_add(struct recalled_list *list, struct recalled item)
{
    if (list->count == list->capacity) {
        uint32_t capacity = list->capacity ? list->capacity * 2 : 64;
        struct recalled *grown = realloc(list->items, capacity * sizeof(*grown));

        if (!grown)
            return STRATO_ENOMEM;
        list->items = grown;
        list->capacity = capacity;
    }
    list->items[list->count++] = item;
    return 0;
}

static int restore_work(struct channel *ch, struct kept_message *kept)
{
    struct brain *brain = ch->brain;
    struct message *m = kept->message;
    int rc = ingest_tie(ch, m, &kept->envelope);

    if (rc == 0)
        rc = list_add(&brain->recall->lists[ch->keep_number],
                      (struct recalled){ .message = m, .ready_ms = kept->ready_ms, .since_ms = m->ts_ms });
    if (rc == 0) {
        message_hold(m);
    } else {
        ingest_untie(ch, m);
        message_drop(&brain->slab, m);
    }
    return rc;
}

static int restore_event(struct channel *ch, struct kept_message *kept)
{
    struct history *h = &ch->history;
    struct message *m = kept->message;
    int rc;

    message_place(m, &kept->envelope);
    m->state = MESSAGE_DONE;
    m->deliveries = 1;
    if (h->end != m->seq) /* a hole: what is before it cannot be reached by seq any more */
        history_trim(h, &ch->brain->slab, 0, 0, UINT64_MAX);
    rc = history_add(h, m);
    message_drop(&ch->brain->slab, m);
    return rc;
}

static int restore_message(struct channel *ch, const struct journal_entry *entry, char *ret_detail, size_t detail_bytes)
{
    struct strato_cursor c = strato_cursor_over(entry->value);
    struct kept_message kept;
    uint32_t items;
    int rc = strato_cursor_array(&c, UINT32_MAX, &items) == 0 ? read_message(ch, &c, &kept) : STRATO_ECODEC;

    if (ch->seq < entry->key)
        ch->seq = entry->key;
    if (rc == 0) {
        kept.message->seq = entry->key & MESSAGE_SEQ_MAX;
        kept.message->deadline_ms =
            (uint32_t)(ch->brain->now_ms + left(ch->brain, kept.message->ts_ms, kept.deadline_ms));
        rc = ch->config.pattern == BRAIN_EVENTS ? restore_event(ch, &kept) : restore_work(ch, &kept);
    }
    return rc == 0 || rc == STRATO_ENOMEM ? rc : unreadable(entry, "a message", ret_detail, detail_bytes);
}

static struct recalled *list_find(struct recalled_list *list, uint64_t seq)
{
    uint32_t low = 0, high = list->count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (list->items[middle].message->seq < seq)
            low = middle + 1;
        else
            high = middle;
    }
    return low < list->count && list->items[low].message->seq == seq ? &list->items[low] : NULL;
}

static int restore_attempts(struct channel *ch, const struct journal_entry *entry, char *ret_detail,
                            size_t detail_bytes)
{
    struct recalled *item = list_find(&ch->brain->recall->lists[ch->keep_number], entry->key);
    struct strato_cursor c = strato_cursor_over(entry->value);
    uint64_t attempts = 0, deliveries = 0, ready_ms = 0, is_moving = 0, since_ms = 0;
    uint32_t items;

    if (strato_cursor_array(&c, UINT32_MAX, &items) < 0 || items < 5 ||
        strato_cursor_u64(&c, UINT64_MAX, &attempts) < 0 || strato_cursor_u64(&c, UINT64_MAX, &deliveries) < 0 ||
        strato_cursor_u64(&c, UINT64_MAX, &ready_ms) < 0 || strato_cursor_u64(&c, 1, &is_moving) < 0 ||
        strato_cursor_u64(&c, UINT64_MAX, &since_ms) < 0)
        return unreadable(entry, "the attempts of a message", ret_detail, detail_bytes);
    if (!item)
        return 0;
    /* The broker's own end was no fault of the message's, so it has one try left, however often it was started. */
    item->message->attempts = (uint8_t)(attempts < ch->config.max_deliver ? attempts : ch->config.max_deliver - 1);
    item->message->deliveries = (uint16_t)(deliveries < UINT16_MAX ? deliveries : UINT16_MAX);
    item->is_moving = is_moving;
    if (ready_ms) {
        item->ready_ms = ready_ms;
        item->since_ms = since_ms;
    }
    return 0;
}

/* ---- dead letters and ids ---- */

static int read_text(struct strato_cursor *c, char **ret_text)
{
    struct strato_bytes text;

    *ret_text = NULL;
    if (c->at < c->end && *c->at == 0xc0)
        return strato_cursor_skip(c);
    if (strato_cursor_str(c, DEADLETTER_ERROR_BYTES_MAX, &text) < 0)
        return STRATO_ECODEC;
    *ret_text = strndup((const char *)text.data, text.bytes);
    return *ret_text ? 0 : STRATO_ENOMEM;
}

static int read_dead(struct channel *ch, struct strato_cursor *c, struct deadletter *entry)
{
    struct kept_message kept;
    uint64_t seq, reason, count, ttl_ms, attempts, deliveries;
    uint32_t items;
    int rc;

    if (strato_cursor_array(c, UINT32_MAX, &items) < 0 || strato_cursor_u64(c, MESSAGE_SEQ_MAX, &seq) < 0 ||
        strato_cursor_u64(c, DEADLETTER_REASON_COUNT - 1, &reason) < 0 ||
        strato_cursor_u64(c, UINT32_MAX, &count) < 0 || strato_cursor_u64(c, UINT64_MAX, &entry->first_ms) < 0 ||
        strato_cursor_u64(c, UINT64_MAX, &entry->last_ms) < 0 || strato_cursor_u64(c, UINT32_MAX, &ttl_ms) < 0 ||
        strato_cursor_u64(c, UINT64_MAX, &entry->redriven_from) < 0)
        return STRATO_ECODEC;
    rc = read_text(c, &entry->error);
    if (rc == 0)
        rc = read_text(c, &entry->consumer);
    if (rc == 0)
        rc = read_message(ch, c, &kept);
    if (rc < 0)
        return rc;
    entry->message = kept.message;
    if (strato_cursor_u64(c, UINT8_MAX, &attempts) < 0 || strato_cursor_u64(c, UINT16_MAX, &deliveries) < 0)
        return STRATO_ECODEC;
    entry->reason = (enum deadletter_reason)reason;
    entry->count = (uint32_t)count;
    entry->ttl_ms = (uint32_t)ttl_ms;
    kept.message->seq = seq & MESSAGE_SEQ_MAX;
    kept.message->state = MESSAGE_DONE;
    kept.message->attempts = (uint8_t)attempts;
    kept.message->deliveries = (uint16_t)deliveries;
    kept.message->deadline_ms = (uint32_t)ch->brain->now_ms;
    return 0;
}

static int restore_dead(struct channel *ch, const struct journal_entry *row, char *ret_detail, size_t detail_bytes)
{
    struct strato_cursor c = strato_cursor_over(row->value);
    struct deadletter entry = { .number = row->key };
    int rc = read_dead(ch, &c, &entry);

    if (rc == 0 && deadletters_is_full(&ch->dead, message_bytes(entry.message)))
        rc = STRATO_ECODEC;
    if (rc == 0)
        rc = deadletters_restore(&ch->dead, &entry);
    if (rc == 0)
        return 0;
    if (entry.message)
        message_drop(&ch->brain->slab, entry.message);
    free(entry.error);
    free(entry.consumer);
    return rc == STRATO_ENOMEM ? rc : unreadable(row, "a dead letter", ret_detail, detail_bytes);
}

static int restore_id(struct channel *ch, const struct journal_entry *row, char *ret_detail, size_t detail_bytes)
{
    struct strato_cursor c = strato_cursor_over(row->value);
    struct dedup_entry entry = { .number = row->key };
    struct strato_bytes principal, id;
    uint64_t at_ms, age_ms, now = ch->brain->now_ms;
    uint32_t items;

    if (strato_cursor_array(&c, UINT32_MAX, &items) < 0 || strato_cursor_bin(&c, UINT8_MAX, &principal) < 0 ||
        strato_cursor_bin(&c, UINT8_MAX, &id) < 0 || strato_cursor_u64(&c, UINT64_MAX, &entry.content) < 0 ||
        strato_cursor_u64(&c, UINT64_MAX, &at_ms) < 0 || strato_cursor_u64(&c, UINT64_MAX, &entry.seq) < 0 ||
        entry.seq == 0)
        return unreadable(row, "an id", ret_detail, detail_bytes);
    age_ms = at_ms < brain_wall_ms(ch->brain) ? brain_wall_ms(ch->brain) - at_ms : 0;
    entry.at_ms = age_ms < now ? now - age_ms : 0;
    return dedup_restore(&ch->dedup, principal, id, &entry);
}

int brain_restore(struct brain *brain, const struct journal_entry *entry, char *ret_detail, size_t detail_bytes)
{
    struct channel *ch = brain->keep.channels[entry->channel];

    if (detail_bytes)
        ret_detail[0] = '\0';
    if (entry->table == JOURNAL_CHANNELS && entry->channel == 0)
        return restore_route(brain, entry, ret_detail, detail_bytes);
    if (entry->table == JOURNAL_CHANNELS)
        return restore_channel(brain, entry, ret_detail, detail_bytes);
    if (!ch || ch == keep_orphan) {
        brain->keep.channels[entry->channel] = keep_orphan;
        brain->recall->orphans++;
        return 0;
    }
    switch (entry->table) {
    case JOURNAL_COUNTS:
        return restore_counts(ch, entry, ret_detail, detail_bytes);
    case JOURNAL_MESSAGES:
        return restore_message(ch, entry, ret_detail, detail_bytes);
    case JOURNAL_ATTEMPTS:
        return restore_attempts(ch, entry, ret_detail, detail_bytes);
    case JOURNAL_DEADLETTERS:
        return restore_dead(ch, entry, ret_detail, detail_bytes);
    case JOURNAL_IDS:
        return restore_id(ch, entry, ret_detail, detail_bytes);
    case JOURNAL_CHANNELS:
    case JOURNAL_TABLES:
        break;
    }
    return unreadable(entry, "a row of an unknown table", ret_detail, detail_bytes);
}

/* ---- when all was read ---- */

static void into_queues(struct channel *ch, struct recalled_list *list)
{
    struct brain *brain = ch->brain;

    for (uint32_t i = 0; i < list->count; i++)
        channel_recall(ch, list->items[i].message, left(brain, list->items[i].since_ms, list->items[i].ready_ms));
}

/* Each accepted message is in one column. @return how many were in none. */
static uint64_t balance(struct channel *ch)
{
    uint64_t known = ch->settled + ch->expired + ch->dead_lettered + ch->ready + ch->leased + ch->delayed, lost = 0;

    for (int i = 0; i < CHANNEL_DROPS; i++)
        known += ch->dropped[i];
    if (ch->accepted < known) /* its counts could not be read */
        ch->accepted = known;
    lost = ch->accepted - known;
    ch->dropped[CHANNEL_DROP_SHUTDOWN] += lost;
    return lost;
}

static void report(struct channel *ch, uint64_t lost)
{
    uint64_t events = ch->history.end - ch->history.first;

    if (ch->ready + ch->delayed + ch->dead.count + events + lost == 0)
        return;
    brain_log(ch->brain, lost && ch->config.pattern != BRAIN_EVENTS ? 1 : 2,
              "channel recovered name=%s ready=%llu delayed=%llu dead_letters=%u events=%llu dropped=%llu seq=%llu",
              ch->config.name, (unsigned long long)ch->ready, (unsigned long long)ch->delayed, ch->dead.count,
              (unsigned long long)events, (unsigned long long)lost, (unsigned long long)ch->seq);
}

static bool is_empty(const struct channel *ch)
{
    return ch->ready + ch->delayed + ch->dead.count == 0 && ch->history.first == ch->history.end;
}

/* The file says memory, the store has something: nothing is lost, and somebody is told. */
static void settle_durability(struct channel *ch)
{
    if (channel_is_kept(ch) && !ch->config.is_durable && is_empty(ch)) {
        keep_channel_gone(ch);
        return;
    }
    if (channel_is_kept(ch) && !ch->config.is_durable) {
        ch->config.is_durable = true;
        brain_log(ch->brain, 1,
                  "channel kept durable: it is configured as memory, but the store holds messages of it: name=%s",
                  ch->config.name);
    }
    if (ch->config.is_durable && (!channel_is_kept(ch) || ch->is_configured) && keep_channel(ch) < 0)
        brain_log(ch->brain, 0, "channel not durable: no number is left in the store: name=%s", ch->config.name);
}

static void restored_channel(struct channel *ch)
{
    if (channel_is_kept(ch)) {
        into_queues(ch, &ch->brain->recall->lists[ch->keep_number]);
        channel_set_capacity(ch, ch->config.capacity, ch->config.bytes_max);
        ch->scanned = ch->seq + 1;
        ch->kept_from = ch->history.first < ch->history.end ? ch->history.first : ch->seq + 1;
        report(ch, balance(ch));
        channel_touch(ch);
        keep_touch(ch);
    }
    settle_durability(ch);
}

/* What a rule was moving goes on its way. */
static void move_on(struct channel *ch, struct recalled_list *list)
{
    for (uint32_t i = 0; i < list->count; i++) {
        if (list->items[i].is_moving && list->items[i].message->state == MESSAGE_READY)
            redirect_message(ch, list->items[i].message);
    }
}

int brain_restored(struct brain *brain, struct brain_out *out)
{
    brain->out = out;
    for (uint32_t i = 0; i < brain->channels_count; i++) {
        if (brain->channels[i])
            restored_channel(brain->channels[i]);
    }
    for (uint32_t i = 0; i < brain->channels_count; i++) {
        if (brain->channels[i] && channel_is_kept(brain->channels[i]))
            move_on(brain->channels[i], &brain->recall->lists[brain->channels[i]->keep_number]);
    }
    if (brain->recall->orphans)
        brain_log(
            brain, 0,
            "rows left on disk, their channels cannot be read: rows=%llu; look at them with stratod --check-store",
            (unsigned long long)brain->recall->orphans);
    recall_end(brain);
    return 0;
}
