/*
 * directory.c - channels by name: their defaults, adding, finding, removing.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <stdlib.h>

#include "broker/brain/state.h"
#include "core/nearest.h"
#include "core/utf8.h"

void channel_config_defaults(struct brain_channel_config *config, enum brain_pattern pattern)
{
    struct brain_channel_config c = {
        .pattern = pattern,
        .full = BRAIN_FULL_WAIT,
        .capacity = 1000,
        .bytes_max = 64U * 1024 * 1024,
        .ttl_ms = 3600 * 1000,
        .ack = true,
        .consumer_prefetch = 32,
        .start_timeout_ms = 60000,
        .lease_ms = 30000,
        .attempt_ms = 30 * 60 * 1000,
        .max_deliver = 5,
        .backoff_ms = 50,
        .backoff_max_ms = 30000,
        .dedup_ms = 120000,
        .dead_max = 1000,
        .dead_bytes_max = 64U * 1024 * 1024,
        .dead_on_expiry = true,
        .dead_on_drop = true,
        .history_max = 10000,
        .history_bytes_max = 16U * 1024 * 1024,
    };

    if (pattern == BRAIN_REQUEST) {
        c.full = BRAIN_FULL_REJECT;
        c.ttl_ms = 30000;
        c.dead_on_expiry = false; /* the caller is told */
    } else if (pattern == BRAIN_EVENTS) {
        c.full = BRAIN_FULL_DROP_OLDEST;
        c.ttl_ms = 60000;
        c.ack = false;
        c.dead_on_expiry = c.dead_on_drop = false; /* the history repairs */
        c.consumer_prefetch = CONSUMER_EVENTS_PREFETCH;
    }
    memcpy(c.name, config->name, sizeof(c.name));
    *config = c;
}

bool channel_name_is_good(struct strato_bytes name)
{
    if (name.bytes == 0 || name.bytes > STRATO_NAME_BYTES_MAX + (name.data[0] == '@') || !strato_utf8_is_valid(name))
        return false;
    for (size_t i = 0; i < name.bytes; i++) {
        uint8_t c = name.data[i];

        if (c <= ' ' || c == 0x7f || c == '*' || c == '>' || (c == '@' && i > 0))
            return false;
    }
    return true;
}

static bool channel_config_drops(const struct brain_channel_config *c)
{
    return c->full == BRAIN_FULL_DROP_OLDEST || c->full == BRAIN_FULL_DROP_NEWEST;
}

int channel_config_check(const struct brain_channel_config *c, char *ret_detail, size_t detail_bytes)
{
    const char *why = NULL;

    if (!channel_name_is_good(strato_bytes(c->name, strnlen(c->name, sizeof(c->name)))))
        why = "the name must be 1..128 bytes without blanks, '*', '>' or '@'";
    else if (c->pattern > BRAIN_WORK || c->full > BRAIN_FULL_DROP_NEWEST)
        why = "unknown pattern or policy";
    else if (c->capacity < 1 || c->capacity > 16777216)
        why = "capacity must be 1..16777216";
    else if (c->bytes_max < 1024 || c->bytes_max > (UINT64_C(1) << 40))
        why = "bytes_max must be 1 KiB..1 TiB";
    else if (c->ttl_ms < 1 || c->ttl_ms > STRATO_TTL_MS_MAX)
        why = "ttl_ms must be 1..86400000";
    else if (c->start_timeout_ms < 1 || c->start_timeout_ms > STRATO_TTL_MS_MAX)
        why = "start_timeout_ms must be 1..86400000";
    else if (c->attempt_ms < 1 || c->attempt_ms > STRATO_TTL_MS_MAX || c->lease_ms < 1 || c->lease_ms > c->attempt_ms)
        why = "attempt_ms must be 1..86400000 and lease_ms 1..attempt_ms";
    else if (c->max_deliver < 1 || c->max_deliver > CHANNEL_ATTEMPTS_MAX)
        why = "max_deliver must be 1..200";
    else if (c->backoff_ms < 1 || c->backoff_max_ms < c->backoff_ms || c->backoff_max_ms > STRATO_TTL_MS_MAX)
        why = "backoff_ms must be 1..backoff_max_ms, and that at most 86400000";
    else if (c->dedup_ms < 1000 || c->dedup_ms > STRATO_TTL_MS_MAX)
        why = "dedup_ms must be 1000..86400000";
    else if (c->dead_max < 1 || c->dead_max > CHANNEL_DEAD_MAX || c->dead_bytes_max < 65536 ||
             c->dead_bytes_max > (UINT64_C(1) << 40))
        why = "dlq must be 1..100000 and dlq_bytes 64 KiB..1 TiB";
    else if (c->history_max > 16777216 || c->history_bytes_max > (UINT64_C(1) << 40))
        why = "history must be at most 16777216 and history_bytes at most 1 TiB";
    else if (c->consumer_prefetch > SESSION_HELD_MAX)
        why = "prefetch must be at most 4096";
    else if ((c->is_strict || c->displaces) && c->pattern == BRAIN_EVENTS)
        why = "events have no lanes: strict and displace are for work and requests";
    else if (c->displaces && channel_config_drops(c))
        why = "displace is for channels that wait or reject: a dropping one makes room by itself";
    else if (c->pattern == BRAIN_REQUEST && c->is_durable)
        why = "a request channel is not durable: its callers do not outlive the broker either";
    else if (c->pattern == BRAIN_EVENTS && c->full != BRAIN_FULL_DROP_OLDEST)
        why = "an events channel drops the oldest, per subscriber; ask for policy block or disconnect in sub";
    else if (c->pattern == BRAIN_REQUEST && (c->full == BRAIN_FULL_DROP_OLDEST || c->full == BRAIN_FULL_DROP_NEWEST))
        why = "a request channel waits or rejects: a dropped call could not be answered";
    if (!why)
        return 0;
    snprintf(ret_detail, detail_bytes, "channel '%.128s': %s", c->name, why);
    return STRATO_ECONFIG;
}

static bool name_is(const void *item, const void *key)
{
    return strato_bytes_equal(((const struct channel *)item)->name, *(const struct strato_bytes *)key);
}

struct channel *channel_find(struct brain *brain, struct strato_bytes name)
{
    return map_find(&brain->channel_names, map_hash_bytes(name), name_is, &name);
}

void channel_not_found_detail(struct brain *brain, struct strato_bytes name, char *ret_detail, size_t detail_bytes)
{
    struct strato_nearest nearest = strato_nearest_begin(name);
    int shown = (int)(name.bytes < 64 ? name.bytes : 64);

    for (uint32_t i = 0; i < brain->channels_count; i++) {
        if (brain->channels[i] && !brain->channels[i]->is_mailbox)
            strato_nearest_offer(&nearest, brain->channels[i]->name);
    }
    if (nearest.best.bytes)
        snprintf(ret_detail, detail_bytes, "no channel '%.*s'; did you mean '%.*s'?", shown, (const char *)name.data,
                 (int)nearest.best.bytes, (const char *)nearest.best.data);
    else
        snprintf(ret_detail, detail_bytes, "no channel '%.*s'; `strato channel ls` lists them", shown,
                 (const char *)name.data);
}

/* A free index of the table, growing it if needed; UINT32_MAX when out of memory. */
static uint32_t free_index(struct brain *brain)
{
    struct channel **grown;
    uint32_t capacity;

    if (brain->channels_live < brain->channels_count) {
        for (uint32_t i = 0; i < brain->channels_count; i++) {
            if (!brain->channels[i])
                return i;
        }
    }
    if (brain->channels_count < brain->channels_capacity)
        return brain->channels_count++;
    capacity = brain->channels_capacity ? brain->channels_capacity * 2 : 16;
    grown = realloc(brain->channels, capacity * sizeof(*grown));
    if (!grown)
        return UINT32_MAX;
    brain->channels = grown;
    brain->channels_capacity = capacity;
    return brain->channels_count++;
}

int channel_add(struct brain *brain, const struct brain_channel_config *config, bool is_builtin,
                struct channel **ret_channel)
{
    struct channel *ch;
    uint32_t index;

    if (channel_find(brain, strato_text(config->name)))
        return STRATO_EEXISTS;
    if (brain->channels_live >= brain->config.channels_max)
        return STRATO_ELIMIT;
    ch = calloc(1, sizeof(*ch));
    if (!ch)
        return STRATO_ENOMEM;
    index = free_index(brain);
    if (index == UINT32_MAX) {
        free(ch);
        return STRATO_ENOMEM;
    }
    brain->channels[index] = NULL;
    ch->brain = brain;
    ch->config = *config;
    ch->name = strato_text(ch->config.name);
    ch->hash = map_hash_bytes(ch->name);
    ch->index = index;
    ch->is_builtin = is_builtin;
    ch->is_mailbox = ch->config.name[0] == '@';
    ch->ceiling = config->capacity;
    ch->ceiling_bytes = config->bytes_max;
    ch->forget_ms = UINT64_MAX;
    ch->keep_from = UINT64_MAX;
    ch->scanned = ch->kept_from = 1;
    ch->dedup.on_forget = keep_id_gone;
    ch->credit.deadline_ms = UINT64_MAX;
    channel_settings_changed(ch);
    ch->timer.kind = TIMER_CHANNEL;
    ch->expiry.kind = TIMER_CHANNEL_EXPIRY;
    if (map_add(&brain->channel_names, ch->hash, ch) < 0) {
        free(ch);
        return STRATO_ENOMEM;
    }
    brain->channels[index] = ch;
    brain->channels_live++;
    if (config->is_durable && !brain->recall && keep_channel(ch) < 0) {
        channel_free(ch);
        return STRATO_ELIMIT;
    }
    *ret_channel = ch;
    return 0;
}

/* Producers whose session is away hold no credit, so the channel does not list them; their sessions do. */
static void close_detached_producers(struct channel *ch)
{
    const struct session *session;
    size_t at = 0;

    while ((session = map_next(&ch->brain->sessions_by_agent, &at)) != NULL) {
        for (struct stream *s = session->streams, *next; s; s = next) {
            next = s->next;
            if (s->channel == ch && s->role == STREAM_PRODUCER)
                producer_close((struct producer *)(void *)s);
        }
    }
}

/* Everything that goes on in it ends; its numbers stay true to the last. */
static void empty(struct channel *ch, enum channel_drop why)
{
    struct map *leases = &ch->brain->leases;
    size_t at = 0;
    struct message *m;

    ch->is_removed = true;
    while (ch->parked_head)
        parking_put_end(ch->parked_head, STRATO_ENO_CHANNEL);
    while (ch->getters_head)
        parking_get_end(ch->getters_head, STRATO_ENO_CHANNEL);
    while ((m = map_next(leases, &at)) != NULL) {
        if (m->channel == ch->index) {
            lease_lost(ch, m, CONSUMER_LEFT);
            at = 0;
        }
    }
    while (ch->consumers_count)
        consumer_close(ch->consumers[ch->consumers_count - 1], CONSUMER_LEFT);
    while (ch->credit.all)
        producer_close(ch->credit.all->owner);
    close_detached_producers(ch);
    channel_purge(ch, why);
    redirect_turn_away(ch);
}

void channel_free(struct channel *ch)
{
    struct brain *brain = ch->brain;
    size_t at = 0;
    void *topic;

    empty(ch, CHANNEL_DROP_SHUTDOWN);
    for (struct channel **link = &brain->dirty_channels; *link; link = &(*link)->dirty_next) {
        if (*link == ch) {
            *link = ch->dirty_next;
            break;
        }
    }
    if (ch->declarer)
        ch->declarer->declared--;
    wheel_cancel(&ch->timer);
    wheel_cancel(&ch->expiry);
    affinity_free_all(ch);
    order_free_all(ch);
    work_class_free_all(ch);
    while ((topic = map_next(&ch->topics, &at)) != NULL)
        free(topic);
    map_fini(&ch->topics);
    history_fini(&ch->history, &brain->slab);
    dedup_fini(&ch->dedup);
    deadletters_fini(&ch->dead, &brain->slab);
    tallies_forget(ch);
    map_remove(&brain->channel_names, ch->hash, ch);
    brain->channels[ch->index] = NULL;
    brain->channels_live--;
    free(ch->consumers);
    free(ch);
}

void channel_remove(struct channel *ch)
{
    if (channel_is_kept(ch))
        keep_channel_gone(ch);
    empty(ch, CHANNEL_DROP_CANCELLED);
    channel_free(ch);
}
