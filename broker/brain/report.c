/*
 * report.c - the numbers: for admin.stats, admin.sessions and admin.channel.list.
 *
 * stats:        {channels: [{name, pattern, capacity, ready, ..., dropped: {reason: n}, refused: {code name: n}}]}
 * sessions:     {sessions: [{sid, agent, kind, principal, state, held, streams, caps}]}
 * channel.list: {channels: [{name, pattern, full, capacity, max_bytes, ...}]}
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/brain/state.h"

static void pair(struct strato_writer *w, const char *key, uint64_t value)
{
    strato_writer_text(w, key);
    strato_writer_u64(w, value);
}

static uint32_t channels_shown(const struct brain *brain, struct strato_bytes only)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < brain->channels_count; i++)
        count += brain->channels[i] && (only.bytes == 0 || strato_bytes_equal(only, brain->channels[i]->name));
    return count;
}

static void write_maps(const struct channel *ch, struct strato_writer *w)
{
    uint32_t codes = 0;

    strato_writer_text(w, "dropped");
    strato_writer_map(w, CHANNEL_DROPS);
    for (int i = 0; i < CHANNEL_DROPS; i++)
        pair(w, channel_drop_name((enum channel_drop)i), ch->dropped[i]);
    while (codes < CHANNEL_REFUSAL_CODES && ch->refusals[codes].code)
        codes++;
    strato_writer_text(w, "refused");
    strato_writer_map(w, codes);
    for (uint32_t i = 0; i < codes; i++)
        pair(w, strato_err_name(ch->refusals[i].code), ch->refusals[i].count);
}

static void write_channel(const struct channel *ch, struct strato_writer *w)
{
    struct brain_channel_stats s;

    channel_stats(ch, &s);
    strato_writer_map(w, 24);
    strato_writer_text(w, "name");
    strato_writer_str(w, ch->name);
    strato_writer_text(w, "pattern");
    strato_writer_text(w, settings_patterns[s.pattern]);
    pair(w, "capacity", s.capacity);
    pair(w, "ready", s.ready);
    pair(w, "leased", s.leased);
    pair(w, "delayed", s.delayed);
    pair(w, "granted", s.granted);
    pair(w, "capacity_bytes", ch->config.bytes_max);
    pair(w, "bytes", s.bytes);
    pair(w, "granted_bytes", ch->credit.granted_bytes);
    pair(w, "accepted", s.accepted);
    pair(w, "settled", s.settled);
    pair(w, "expired", s.expired);
    pair(w, "dead_lettered", s.dead_lettered);
    pair(w, "dlq_size", ch->dead.count);
    pair(w, "dlq_evicted", ch->dead.evicted);
    pair(w, "delivered", s.delivered);
    pair(w, "redelivered", s.redelivered);
    pair(w, "no_subscriber", s.no_subscriber);
    pair(w, "replies_late", ch->replies_late);
    pair(w, "producers", s.producers);
    pair(w, "consumers", s.consumers);
    write_maps(ch, w);
}

static void write_store(const struct brain_store_stats *store, struct strato_writer *w)
{
    strato_writer_text(w, "store");
    strato_writer_map(w, 5);
    strato_writer_text(w, "failing");
    strato_writer_bool(w, store->is_failing);
    pair(w, "commits", store->commits);
    pair(w, "commits_synced", store->commits_synced);
    pair(w, "bytes_waiting", store->bytes_waiting);
    pair(w, "failures", store->failures);
}

void report_stats(const struct brain *brain, struct strato_bytes only, struct strato_writer *w)
{
    struct brain_store_stats store;

    brain_store_stats(brain, &store);
    strato_writer_map(w, store.has_store ? 10 : 9);
    strato_writer_text(w, "channels");
    strato_writer_array(w, channels_shown(brain, only));
    for (uint32_t i = 0; i < brain->channels_count; i++) {
        const struct channel *ch = brain->channels[i];

        if (ch && (only.bytes == 0 || strato_bytes_equal(only, ch->name)))
            write_channel(ch, w);
    }
    pair(w, "sessions", brain->sessions_count);
    pair(w, "memory_bytes", brain_memory_bytes(brain));
    pair(w, "violations", brain->violations);
    pair(w, "unroutable", brain->unroutable);
    pair(w, "receipts_dropped", brain->receipts_dropped);
    pair(w, "key_strangers", brain->who.strangers);
    pair(w, "key_over_rate", brain->who.over_rate);
    pair(w, "key_over_connections", brain->who.over_connections);
    if (store.has_store)
        write_store(&store, w);
}

void report_channels(const struct brain *brain, struct strato_writer *w)
{
    strato_writer_map(w, 1);
    strato_writer_text(w, "channels");
    strato_writer_array(w, channels_shown(brain, STRATO_BYTES_NONE));
    for (uint32_t i = 0; i < brain->channels_count; i++) {
        const struct channel *ch = brain->channels[i];

        if (!ch)
            continue;
        strato_writer_map(w, settings_pairs() + 3);
        strato_writer_text(w, "name");
        strato_writer_str(w, ch->name);
        strato_writer_text(w, "builtin");
        strato_writer_bool(w, ch->is_builtin);
        strato_writer_text(w, "paused");
        strato_writer_bool(w, ch->is_paused);
        settings_write(&ch->config, w);
    }
}

static void write_session(const struct session *s, struct strato_writer *w)
{
    static const char *const states[] = { "open", "suspect", "detached" };

    strato_writer_map(w, 8);
    strato_writer_text(w, "sid");
    strato_writer_text(w, s->sid);
    strato_writer_text(w, "agent");
    strato_writer_text(w, s->agent);
    strato_writer_text(w, "kind");
    strato_writer_text(w, s->kind);
    strato_writer_text(w, "principal");
    strato_writer_text(w, s->principal);
    strato_writer_text(w, "state");
    strato_writer_text(w, states[s->state]);
    pair(w, "held", s->held);
    pair(w, "streams", s->streams_count);
    strato_writer_text(w, "caps");
    strato_writer_array(w, s->caps_count);
    for (uint32_t i = 0; i < s->caps_count; i++)
        strato_writer_text(w, s->caps[i]);
}

void report_sessions(const struct brain *brain, struct strato_writer *w)
{
    const struct session *s;
    size_t at = 0;

    strato_writer_map(w, 1);
    strato_writer_text(w, "sessions");
    strato_writer_array(w, (uint32_t)brain->sessions_by_agent.count);
    while ((s = map_next(&brain->sessions_by_agent, &at)) != NULL)
        write_session(s, w);
}

void brain_report(const struct brain *brain, enum brain_report report, struct strato_writer *w)
{
    switch (report) {
    case BRAIN_REPORT_STATS:
        report_stats(brain, STRATO_BYTES_NONE, w);
        break;
    case BRAIN_REPORT_SESSIONS:
        report_sessions(brain, w);
        break;
    case BRAIN_REPORT_ROUTES:
        route_list(brain, w);
        break;
    }
}
