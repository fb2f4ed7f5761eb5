/*
 * ingest.c - see ingest.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/brain/ingest.h"

#include <stdio.h>
#include <xxhash.h>

#include "broker/brain/state.h"

static int refuse(struct stage *stage, int err, const char *detail)
{
    snprintf(stage->detail, sizeof(stage->detail), "%s", detail);
    return err;
}

int ingest_tie(struct channel *ch, struct message *m, const struct strato_envelope *e)
{
    struct strato_bytes key = e->affinity;
    bool is_spread = ch->config.is_sticky && (e->has & STRATO_ENV_AFFINITY) && key.bytes == 0;
    int rc;

    if (ch->config.pattern == BRAIN_EVENTS)
        return 0;
    if (ch->config.is_sticky && !(e->has & STRATO_ENV_AFFINITY))
        key = strato_bytes(m->sender->affinity, m->sender->affinity_bytes);
    rc = work_class_join(ch, m, e, is_spread);
    if (rc == 0 && key.bytes)
        rc = affinity_join(ch, m, key);
    if (rc == 0 && e->order_key.bytes)
        rc = order_join(ch, m, e->order_key);
    return rc;
}

void ingest_untie(struct channel *ch, struct message *m)
{
    if (!m->extra)
        return;
    if (m->extra->affinity)
        affinity_leave(m);
    if (m->extra->needs)
        work_class_leave(ch, m);
    if (m->extra->order)
        order_leave(m);
}

/* What is wrong with this message that has nothing to do with the others of its frame? */
static int judge(struct stage *stage, struct channel *ch, const struct strato_envelope *e, uint64_t bytes)
{
    if (bytes > ch->brain->config.message_bytes_max)
        return refuse(stage, STRATO_ETOO_BIG,
                      "the message is over the broker's limit: send it in chunks, or by reference");
    if (bytes > ch->config.bytes_max)
        return refuse(stage, STRATO_ETOO_BIG, "the message is larger than the whole channel may hold (bytes_max)");
    if (ch->brain->by_topic && !frame_permits_topic(ch->brain, ch, e->topic, stage->detail, sizeof(stage->detail)))
        return STRATO_EFORBIDDEN;
    if (e->pairs > MESSAGE_PAIRS_MAX)
        return refuse(stage, STRATO_ELIMIT, "an envelope has at most 240 keys");
    if ((e->has & STRATO_ENV_TTL) && e->ttl_ms == 0)
        return refuse(stage, STRATO_EEXPIRED, "ttl_ms 0: expired at once");
    return 0;
}

static uint64_t content_of(const struct strato_envelope *e, struct strato_blob *const *blobs)
{
    uint64_t hash = XXH3_64bits(e->body.data, e->body.bytes);

    for (unsigned i = 0; i < e->attach; i++)
        hash = map_hash_number(hash) ^ XXH3_64bits(blobs[i]->data, blobs[i]->bytes);
    return hash;
}

/* 0: it is new. 1: a duplicate (item says of what). Else why it is refused. */
static int claim_id(struct stage *stage, struct channel *ch, const struct sender *sender,
                    const struct strato_envelope *e, struct strato_blob *const *blobs, struct staged *item)
{
    size_t agent_bytes = sender->agent_bytes ? sender->agent_bytes + 1U : 0;
    struct strato_bytes principal = strato_bytes(sender->name, sender->name_bytes - agent_bytes);
    uint64_t ids_max = 2 * (uint64_t)ch->config.capacity;
    int rc;

    if (ids_max < DEDUP_IDS_MIN)
        ids_max = DEDUP_IDS_MIN;
    rc = dedup_claim(&ch->dedup, principal, e->id.bytes, content_of(e, blobs), ch->brain->now_ms, ch->config.dedup_ms,
                     ids_max, &item->claim, &item->dup_seq);
    if (rc == STRATO_ECONFLICT)
        return refuse(stage, rc, "this id was used for another message within the channel's dedup_ms");
    if (rc == STRATO_EPARKED)
        return refuse(stage, rc, "the first sending of this id still waits for a slot, or stands in the same frame");
    stage->duplicates += rc == 1;
    return rc;
}

static int stage_one(struct stage *stage, struct channel *ch, struct sender *sender, const struct strato_envelope *e,
                     struct strato_blob *const *blobs, bool with_ids, struct staged *item)
{
    struct brain *brain = ch->brain;
    struct message *m;
    uint32_t ttl = ch->config.ttl_ms;
    int rc = judge(stage, ch, e, item->bytes);

    if (rc == STRATO_ETOO_BIG)
        channel_bury_refused(ch, sender, DEADLETTER_TOO_LARGE, e, e->payload, stage->detail);
    if (rc == 0 && with_ids && (e->has & STRATO_ENV_ID))
        rc = claim_id(stage, ch, sender, e, blobs, item);
    if (rc != 0)
        return rc < 0 ? rc : 0;
    m = message_new(&brain->slab, e, sender);
    if (!m)
        return refuse(stage, STRATO_ENO_RESOURCES, "out of memory");
    if ((e->has & STRATO_ENV_TTL) && e->ttl_ms < ttl)
        ttl = e->ttl_ms;
    if (ch->config.pattern == BRAIN_EVENTS)
        message_place(m, e);
    m->deadline_ms = ttl; /* becomes a time when it is accepted */
    if ((e->has & STRATO_ENV_ACK) ? e->ack : ch->config.ack)
        m->flags |= MESSAGE_ACK;
    item->delay_ms = ch->config.pattern == BRAIN_EVENTS ? 0 : e->delay_ms;
    rc = message_attach(&brain->slab, m, blobs, e->attach);
    if (rc == 0)
        rc = ingest_tie(ch, m, e);
    if (rc < 0) {
        ingest_untie(ch, m);
        message_drop(&brain->slab, m);
        return rc == STRATO_ELIMIT
                   ? refuse(stage, rc, "too many distinct affinities, order keys or needs in this channel")
                   : refuse(stage, STRATO_ENO_RESOURCES, "out of memory");
    }
    item->message = m;
    return 0;
}

static void unclaim(struct channel *ch, struct staged *item)
{
    if (item->claim)
        dedup_release(&ch->dedup, item->claim);
    item->claim = NULL;
}

int ingest_stage(struct stage *stage, struct channel *ch, struct sender *sender, const struct ingest_frame *frame,
                 uint64_t n, uint64_t skip, bool with_ids)
{
    struct strato_cursor c = strato_cursor_over(frame->body);
    struct strato_envelope e;
    size_t blobs_used = 0;
    int rc = 0;

    *stage = (struct stage){ .items = ch->brain->staged };
    ch->brain->staging = ch;
    if (n == 0 || n > STRATO_ENVELOPES_MAX)
        return refuse(stage, STRATO_EFRAME, "a frame carries 1..4096 envelopes");
    if (frame->blobs_count > STRATO_ATTACHMENTS_MAX)
        return refuse(stage, STRATO_ELIMIT, "a frame carries at most 64 attachments");
    for (uint64_t k = 0; k < n; k++) {
        const uint8_t *start = c.at;
        struct strato_bytes skipped = STRATO_BYTES_NONE;
        struct staged *item = &stage->items[stage->count];

        rc = c.at == c.end ? STRATO_EFRAME : strato_envelope_decode(&c, &e, &skipped);
        if (rc == STRATO_ECODEC || rc == STRATO_EFRAME)
            break;
        if (rc < 0)
            c.at = skipped.data + skipped.bytes;
        if (e.attach > frame->blobs_count - blobs_used) {
            rc = STRATO_EFRAME;
            break;
        }
        *item = (struct staged){ .err = rc, .bytes = (uint64_t)(c.at - start) };
        for (uint16_t i = 0; i < e.attach; i++)
            item->bytes += frame->blobs[blobs_used + i]->bytes;
        stage->bytes += item->bytes;
        stage->count++;
        if (rc < 0)
            refuse(stage, rc,
                   rc == STRATO_ELIMIT ? "a key of the envelope is over its named limit"
                                       : "the envelope has no type, or a key of the wrong kind");
        else if (k >= skip)
            item->err = stage_one(stage, ch, sender, &e, e.attach ? frame->blobs + blobs_used : NULL, with_ids, item);
        if (item->err < 0)
            unclaim(ch, item);
        stage->refused += item->err < 0;
        blobs_used += e.attach;
        rc = 0;
    }
    if (rc == 0 && (c.at != c.end || blobs_used != frame->blobs_count))
        rc = STRATO_EFRAME;
    if (rc < 0) {
        ingest_unstage(ch->brain, stage);
        if (rc == STRATO_ECODEC)
            channel_bury_refused(ch, sender, DEADLETTER_UNDECODABLE, NULL, frame->body, "not valid msgpack");
        refuse(stage, rc,
               rc == STRATO_EFRAME ? "n, the envelopes and the attachment frames do not match"
                                   : "an envelope is not valid msgpack, too deep, or has a key twice");
    }
    return rc;
}

static void unstage_one(struct brain *brain, struct staged *item)
{
    struct message *m = item->message;

    unclaim(brain->staging, item);
    if (!m)
        return;
    if (m->extra) {
        if (m->flags & MESSAGE_CALL)
            call_free(m);
        ingest_untie(brain->staging, m);
    }
    message_drop(&brain->slab, m);
    item->message = NULL;
}

void ingest_refuse(struct brain *brain, struct stage *stage, struct staged *item, int err, const char *detail)
{
    unstage_one(brain, item);
    item->err = refuse(stage, err, detail);
}

void ingest_unstage(struct brain *brain, struct stage *stage)
{
    for (uint32_t i = 0; i < stage->count; i++)
        unstage_one(brain, &stage->items[i]);
    stage->count = 0;
}

/* The oldest ready message of the lowest lane, over all queues of the channel. */
static struct message *victim(struct channel *ch)
{
    struct message *best = NULL;

    for (struct work_class *c = &ch->plain; c; c = c->next) {
        struct message *m = lanes_oldest(&c->lanes);

        if (m && (!best || message_lane(m) > message_lane(best) ||
                  (message_lane(m) == message_lane(best) && m->seq < best->seq)))
            best = m;
    }
    for (uint32_t i = 0; i < ch->consumers_count && ch->bound; i++) {
        struct message *m = lanes_oldest(&ch->consumers[i]->bound);

        if (m && (!best || message_lane(m) > message_lane(best) ||
                  (message_lane(m) == message_lane(best) && m->seq < best->seq)))
            best = m;
    }
    return best;
}

static bool is_over(const struct channel *ch)
{
    return ch->ready + ch->leased + ch->delayed > ch->config.capacity || ch->held_bytes > ch->config.bytes_max;
}

/* A dropping channel that is over its bound gives up messages until it is not. */
static void overflow(struct channel *ch, struct message *m)
{
    while (channel_is_dropping(ch) && is_over(ch)) {
        struct message *out = ch->config.full == BRAIN_FULL_DROP_OLDEST ? victim(ch) : m;

        if (ch->config.dead_on_drop)
            channel_end(ch, out ? out : m, CHANNEL_DEAD, DEADLETTER_QUEUE_FULL, STRATO_BYTES_NONE);
        else
            channel_end(ch, out ? out : m, CHANNEL_DROPPED, CHANNEL_DROP_QUEUE_FULL, STRATO_BYTES_NONE);
        if (!out || out == m)
            break;
    }
}

void ingest_let_in(struct channel *ch, struct message *m)
{
    channel_accept(ch, m, 0);
    if (ch->config.pattern != BRAIN_EVENTS)
        overflow(ch, m);
    else if (ch->seq + 1 - ch->scanned >= 512) /* let slow queues fall behind now, not only at the turn's end */
        fanout_scan(ch);
}

void ingest_admit(struct channel *ch, struct staged *item)
{
    bool is_routed = ch->brain->routes.count > 0;
    struct message *m = item->message;

    item->message = NULL;
    if (item->claim) {
        item->claim->seq = ch->seq + 1;
        if (channel_is_kept(ch))
            keep_id(ch, item->claim);
    }
    item->claim = NULL;
    if (ch->config.pattern == BRAIN_EVENTS) {
        if (!is_routed || !redirect_event(ch, m))
            ingest_let_in(ch, m);
        return;
    }
    channel_accept(ch, m, item->delay_ms);
    if (is_routed && !item->delay_ms && redirect_message(ch, m))
        return;
    overflow(ch, m);
}

int ingest_room(struct channel *ch, uint64_t messages, uint64_t bytes)
{
    struct strato_credit_room room = channel_room(ch);

    if (!brain_has_memory(ch->brain))
        return STRATO_ENO_RESOURCES;
    if (confirm_closes(ch))
        return ch->brain->confirm.is_failing ? STRATO_ESTORE : STRATO_EFULL;
    if (channel_is_dropping(ch) && ch->config.pattern != BRAIN_EVENTS)
        return 0;
    if (room.messages < 0 || (uint64_t)room.messages < messages || room.bytes < 0 || (uint64_t)room.bytes < bytes)
        return STRATO_EFULL;
    return 0;
}
