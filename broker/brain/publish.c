/*
 * publish.c - events for the pub/sub edge: topic, meta {epoch, seq, prev}, envelope.
 *
 * `prev` is the seq of the previous message with the same two leading topic segments, so a reader of
 * `events.<type>` sees a gap. Once a second the topic "!" carries the last seq of every events channel, so
 * that a lost tail is noticed. Rules: protocol.md section 3.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdlib.h>

#include "broker/brain/state.h"

enum { TOPICS_MAX = 4096, HEADS_MS = 1000 };

/* Last seq under two leading segments. */
struct topic_head {
    uint64_t seq;
    uint8_t bytes;
    char name[STRATO_TOPIC_BYTES_MAX];
};

static bool is_topic(const void *item, const void *key)
{
    const struct topic_head *t = item;

    return strato_bytes_equal(strato_bytes(t->name, t->bytes), *(const struct strato_bytes *)key);
}

static size_t two_segments(const char *topic, size_t bytes)
{
    int dots = 0;

    for (size_t i = 0; i < bytes; i++) {
        if (topic[i] == '.' && ++dots == 2)
            return i;
    }
    return bytes;
}

/* The seq before this one under the same two segments; 0 if it is the first, or too many are told apart. */
static uint64_t exchange_prev(struct channel *ch, struct strato_bytes name, uint64_t seq)
{
    uint64_t hash = map_hash_bytes(name), prev;
    struct topic_head *t = map_find(&ch->topics, hash, is_topic, &name);

    if (!t) {
        if (ch->topics.count >= TOPICS_MAX)
            return 0;
        t = calloc(1, sizeof(*t));
        if (!t || map_add(&ch->topics, hash, t) < 0) {
            free(t);
            return 0;
        }
        t->bytes = (uint8_t)name.bytes;
        memcpy(t->name, name.data, name.bytes);
    }
    prev = t->seq;
    t->seq = seq;
    return prev;
}

void publish_event(struct channel *ch, const struct message *m)
{
    struct brain *brain = ch->brain;
    struct message_stamps stamps = { brain->config.epoch, brain->now_ms, true, false };
    char scratch[STRATO_TOPIC_BYTES_MAX];
    struct strato_bytes topic = message_topic(m, ch->name, scratch, sizeof(scratch));
    struct strato_writer w = { 0 };
    size_t bytes;
    struct brain_action *action;
    uint64_t prev =
        exchange_prev(ch, strato_bytes(topic.data, two_segments((const char *)topic.data, topic.bytes)), m->seq);
    uint8_t *to;

    if (!brain->is_publishing) /* nobody hears it, but who comes back must see by the next `prev` that it was there */
        return;
    strato_writer_raw(&w, topic);
    strato_writer_map(&w, 3);
    strato_writer_text(&w, "epoch");
    strato_writer_u64(&w, brain->config.epoch);
    strato_writer_text(&w, "seq");
    strato_writer_u64(&w, m->seq);
    strato_writer_text(&w, "prev");
    strato_writer_u64(&w, prev);
    bytes = w.bytes;
    to = strato_writer_reserve(&w, m->body_bytes + MESSAGE_STAMPS_BYTES_MAX);
    action = to ? outbox_action(brain, BRAIN_PUBLISH) : NULL;
    if (!action) {
        strato_writer_fini(&w);
        return;
    }
    w.bytes += message_encode(m, &stamps, to);
    action->split[0] = topic.bytes;
    action->split[1] = bytes;
    action->data = strato_writer_take(&w, &action->bytes);
    if (m->extra && m->extra->blobs_count) {
        action->blobs = malloc(m->extra->blobs_count * sizeof(struct strato_blob *));
        for (uint32_t i = 0; action->blobs && i < m->extra->blobs_count; i++)
            action->blobs[action->blobs_count++] = strato_blob_hold(m->extra->blobs[i]);
    }
}

static uint32_t events_channels(const struct brain *brain)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < brain->channels_count; i++)
        count += brain->channels[i] && brain->channels[i]->config.pattern == BRAIN_EVENTS;
    return count;
}

void publish_heads(struct brain *brain)
{
    struct strato_writer w = { 0 };
    struct brain_action *action;

    strato_writer_raw(&w, strato_text("!"));
    strato_writer_map(&w, events_channels(brain));
    for (uint32_t i = 0; i < brain->channels_count; i++) {
        const struct channel *ch = brain->channels[i];
        size_t at = 0;
        const struct topic_head *t;

        if (!ch || ch->config.pattern != BRAIN_EVENTS)
            continue;
        strato_writer_str(&w, ch->name);
        strato_writer_map(&w, 2);
        strato_writer_text(&w, "last");
        strato_writer_u64(&w, ch->seq);
        strato_writer_text(&w, "by_type");
        strato_writer_map(&w, (uint32_t)ch->topics.count);
        while ((t = map_next(&ch->topics, &at)) != NULL) {
            strato_writer_str(&w, strato_bytes(t->name, t->bytes));
            strato_writer_u64(&w, t->seq);
        }
    }
    action = strato_writer_error(&w) < 0 ? NULL : outbox_action(brain, BRAIN_PUBLISH);
    if (action) {
        action->split[0] = 1;
        action->split[1] = w.bytes; /* two frames: there is no envelope */
        action->data = strato_writer_take(&w, &action->bytes);
    } else {
        strato_writer_fini(&w);
    }
    brain->head_timer.kind = TIMER_HEAD;
    wheel_arm(&brain->wheel, &brain->head_timer, brain->now_ms + HEADS_MS);
}
