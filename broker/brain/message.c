/*
 * message.c - make, keep and write messages.
 *
 * Delivery writes the map head, the body as it came, and the stamps. An id that the broker assigns is a
 * function of acceptance time, epoch, channel and seq, so it costs nothing to keep and never changes.
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/brain/message.h"

#include <stdlib.h>

_Static_assert(sizeof(struct message) <= 88,
               "with the slab's rounding a queued message may cost at most 96 bytes beyond its envelope");

struct message *message_new(struct slab *slab, const struct strato_envelope *e, struct sender *sender)
{
    struct strato_writer w;
    struct message *m = slab_take(slab, sizeof(*m) + e->body.bytes);

    if (!m)
        return NULL;
    memset(m, 0, sizeof(*m));
    m->timer.of_owner[MESSAGE_OWN_REFERENCES] = 1;
    m->body_bytes = (uint32_t)e->body.bytes;
    m->timer.of_owner[MESSAGE_OWN_PAIRS] = (uint8_t)e->pairs;
    m->priority = e->priority;
    m->flags = (uint8_t)((e->has & STRATO_ENV_ID ? MESSAGE_HAS_ID : 0) | (e->receipt ? MESSAGE_RECEIPT : 0) |
                         (e->has & STRATO_ENV_AFFINITY ? MESSAGE_HAS_AFFINITY : 0));
    if (e->stamped_pairs == 0) {
        memcpy(message_body(m), e->body.data, e->body.bytes);
    } else { /* a client's own "sender" or "seq": cut out; the slab keeps the larger size, so remember it as padding */
        strato_writer_init_fixed(&w, message_body(m), e->body.bytes);
        m->timer.of_owner[MESSAGE_OWN_PAIRS] = (uint8_t)strato_envelope_strip(e, &w);
        if (w.bytes != e->body.bytes) {
            struct message *smaller = slab_take(slab, sizeof(*m) + w.bytes);

            if (smaller) {
                memcpy(smaller, m, sizeof(*m) + w.bytes);
                smaller->body_bytes = (uint32_t)w.bytes;
            }
            slab_give(slab, m, sizeof(*m) + e->body.bytes);
            m = smaller;
            if (!m)
                return NULL;
        }
    }
    m->sender = sender;
    sender->references++;
    return m;
}

struct message_extra *message_extra(struct slab *slab, struct message *m)
{
    if (!m->extra) {
        m->extra = slab_take(slab, sizeof(*m->extra));
        if (m->extra)
            memset(m->extra, 0, sizeof(*m->extra));
    }
    return m->extra;
}

int message_attach(struct slab *slab, struct message *m, struct strato_blob *const *blobs, size_t count)
{
    struct message_extra *x;

    if (count == 0)
        return 0;
    x = message_extra(slab, m);
    if (!x)
        return STRATO_ENOMEM;
    x->blobs = slab_take(slab, count * sizeof(struct strato_blob *));
    if (!x->blobs)
        return STRATO_ENOMEM;
    x->blobs_count = (uint32_t)count;
    for (size_t i = 0; i < count; i++) {
        x->blobs[i] = strato_blob_hold(blobs[i]);
        x->blob_bytes += blobs[i]->bytes;
    }
    slab->bytes += x->blob_bytes;
    return 0;
}

struct message *message_copy(struct slab *slab, const struct message *m)
{
    struct message *copy = slab_take(slab, sizeof(*m) + m->body_bytes);

    if (!copy)
        return NULL;
    memset(copy, 0, sizeof(*copy));
    copy->timer.of_owner[MESSAGE_OWN_REFERENCES] = 1;
    copy->body_bytes = m->body_bytes;
    copy->timer.of_owner[MESSAGE_OWN_PAIRS] = m->timer.of_owner[MESSAGE_OWN_PAIRS];
    copy->priority = m->priority;
    copy->flags = m->flags & (MESSAGE_ACK | MESSAGE_RECEIPT | MESSAGE_HAS_ID | MESSAGE_HAS_AFFINITY);
    memcpy(message_body(copy), message_body(m), m->body_bytes);
    copy->sender = m->sender;
    copy->sender->references++;
    if (m->extra && message_attach(slab, copy, m->extra->blobs, m->extra->blobs_count) < 0) {
        message_drop(slab, copy);
        return NULL;
    }
    return copy;
}

void message_drop(struct slab *slab, struct message *m)
{
    if (--m->timer.of_owner[MESSAGE_OWN_REFERENCES] > 0)
        return;
    if (m->extra) {
        slab->bytes -= m->extra->blob_bytes;
        for (uint32_t i = 0; i < m->extra->blobs_count; i++)
            strato_blob_drop(m->extra->blobs[i]);
        slab_give(slab, m->extra->blobs, m->extra->blobs_count * sizeof(struct strato_blob *));
        slab_give(slab, m->extra, sizeof(*m->extra));
    }
    sender_drop(m->sender);
    slab_give(slab, m, sizeof(*m) + m->body_bytes);
}

struct sender *sender_new(const char *principal, const char *agent, const char *affinity, uint32_t session_number)
{
    struct sender *s = calloc(1, sizeof(*s));
    size_t used;

    if (!s)
        return NULL;
    s->references = 1;
    s->session_number = session_number;
    used = strlen(principal);
    if (used > STRATO_NAME_BYTES_MAX)
        used = STRATO_NAME_BYTES_MAX;
    memcpy(s->name, principal, used);
    if (agent && *agent) {
        size_t agent_bytes = strnlen(agent, STRATO_NAME_BYTES_MAX);

        s->name[used++] = '/';
        memcpy(s->name + used, agent, agent_bytes);
        s->agent_bytes = (uint8_t)agent_bytes;
        used += agent_bytes;
    }
    if (used > UINT8_MAX) /* principals are short by the keys file's own limit */
        used = UINT8_MAX;
    s->name_bytes = (uint8_t)used;
    s->affinity_bytes = (uint8_t)strnlen(affinity, sizeof(s->affinity) - 1);
    memcpy(s->affinity, affinity, s->affinity_bytes);
    return s;
}

void sender_drop(struct sender *sender)
{
    if (sender && --sender->references == 0)
        free(sender);
}

/* ---- encoding: straight-line writes into room that the caller has reserved ---- */

static uint8_t *put_bytes(uint8_t *at, const void *bytes, size_t count)
{
    memcpy(at, bytes, count);
    return at + count;
}
#define PUT_KEY(at, key) put_bytes(at, key, sizeof(key) - 1)

static uint8_t *put_big_endian(uint8_t *at, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        at[i] = (uint8_t)(value >> (8 * (bytes - 1 - i)));
    return at + bytes;
}

static uint8_t *put_uint(uint8_t *at, uint64_t value)
{
    if (value < 128) {
        *at = (uint8_t)value;
        return at + 1;
    }
    if (value <= UINT8_MAX) {
        *at = 0xcc;
        return put_big_endian(at + 1, value, 1);
    }
    if (value <= UINT16_MAX) {
        *at = 0xcd;
        return put_big_endian(at + 1, value, 2);
    }
    if (value <= UINT32_MAX) {
        *at = 0xce;
        return put_big_endian(at + 1, value, 4);
    }
    *at = 0xcf;
    value = __builtin_bswap64(value);
    return put_bytes(at + 1, &value, 8);
}

static uint8_t *put_str(uint8_t *at, const char *text, size_t bytes)
{
    if (bytes < 32) {
        *at++ = (uint8_t)(0xa0 | bytes);
    } else {
        *at++ = 0xd9;
        *at++ = (uint8_t)bytes;
    }
    return put_bytes(at, text, bytes);
}

/* UUIDv7: acceptance time, then what no other message of any broker epoch shares. */
static void derive_id(const struct message *m, uint64_t epoch, uint8_t id[16])
{
    uint64_t head = ((uint64_t)m->ts_ms << 16) | 0x7000 | (m->channel & 0x0fff);
    uint64_t tail = (m->seq ^ (epoch << 40) ^ ((uint64_t)m->channel << 34)) & UINT64_C(0x3fffffffffffffff);

    head = __builtin_bswap64(head);
    tail = __builtin_bswap64(tail | UINT64_C(0x8000000000000000));
    memcpy(id, &head, 8);
    memcpy(id + 8, &tail, 8);
}

static uint8_t *put_map_head(uint8_t *at, uint32_t pairs)
{
    if (pairs < 16) {
        *at = (uint8_t)(0x80 | pairs);
        return at + 1;
    }
    *at = 0xde;
    return put_big_endian(at + 1, pairs, 2);
}

size_t message_encode(const struct message *m, const struct message_stamps *stamps, uint8_t *to)
{
    bool needs_id = !(m->flags & MESSAGE_HAS_ID);
    bool needs_affinity = stamps->with_affinity && !(m->flags & MESSAGE_HAS_AFFINITY) && m->sender->affinity_bytes;
    bool is_call = m->flags & MESSAGE_CALL;
    uint64_t deadline_ms = message_time(m->deadline_ms, stamps->now_ms);
    uint32_t pairs = message_pairs(m) + 4U + needs_id + needs_affinity + is_call + (stamps->with_attempts ? 2U : 0U);
    uint8_t *at = put_map_head(to, pairs);

    at = put_bytes(at, message_body(m), m->body_bytes);
    if (needs_id) {
        at = PUT_KEY(at, "\xa2id\xc4\x10");
        derive_id(m, stamps->epoch, at);
        at += 16;
    }
    if (needs_affinity) {
        at = PUT_KEY(at, "\xa8"
                         "affinity");
        at = put_str(at, m->sender->affinity, m->sender->affinity_bytes);
    }
    at = PUT_KEY(at, "\xa6sender");
    at = put_str(at, m->sender->name, m->sender->name_bytes);
    at = PUT_KEY(at, "\xa3seq");
    at = put_uint(at, m->seq);
    at = PUT_KEY(at, "\xa5ts_ms");
    at = put_uint(at, m->ts_ms);
    if (stamps->with_attempts) {
        at = PUT_KEY(at, "\xa8"
                         "attempts");
        at = put_uint(at, m->attempts + 1U);
        at = PUT_KEY(at, "\xaa"
                         "deliveries");
        at = put_uint(at, m->deliveries);
    }
    at = PUT_KEY(at, "\xabttl_left_ms");
    at = put_uint(at, deadline_ms > stamps->now_ms ? deadline_ms - stamps->now_ms : 0);
    if (is_call)
        at = PUT_KEY(at, "\xa4"
                         "call\xc3");
    return (size_t)(at - to);
}

/* A cursor at the value of a key of the body; at its end if the key is absent. */
static struct strato_cursor value_of(const struct message *m, const char *key)
{
    struct strato_cursor c = strato_cursor_over(strato_bytes(message_body(m), m->body_bytes));
    struct strato_bytes name;

    for (unsigned i = 0; i < message_pairs(m); i++) {
        if (strato_cursor_str(&c, SIZE_MAX, &name) < 0)
            break;
        if (strato_bytes_is(name, key))
            return c;
        if (strato_cursor_skip(&c) < 0)
            break;
    }
    return strato_cursor_over(STRATO_BYTES_NONE);
}

struct strato_bytes message_field(const struct message *m, const char *key)
{
    struct strato_cursor c = value_of(m, key);
    struct strato_bytes value;

    return strato_cursor_bin(&c, SIZE_MAX, &value) == 0 ? value : STRATO_BYTES_NONE;
}

static size_t append(char *to, size_t room, size_t used, const void *text, size_t bytes)
{
    if (bytes > room - used)
        bytes = room - used;
    memcpy(to + used, text, bytes);
    return used + bytes;
}

void message_place(struct message *m, const struct strato_envelope *e)
{
    if (e->stamped_pairs) /* the body is not the one that was decoded */
        return;
    m->topic_at = e->topic.bytes ? (uint32_t)(e->topic.data - e->body.data) : 0;
    m->topic_bytes = (uint32_t)e->topic.bytes;
    m->type_at = (uint32_t)(e->type.data - e->body.data);
    m->type_bytes = (uint32_t)e->type.bytes;
    m->flags |= MESSAGE_IS_PLACED;
}

struct strato_bytes message_topic(const struct message *m, struct strato_bytes channel, char *scratch, size_t room)
{
    bool is_placed = m->flags & MESSAGE_IS_PLACED;
    struct strato_bytes topic =
        is_placed ? strato_bytes(message_body(m) + m->topic_at, m->topic_bytes) : message_field(m, "topic");
    struct strato_bytes type;
    size_t tail, used;

    if (topic.bytes)
        return topic;
    type = is_placed ? strato_bytes(message_body(m) + m->type_at, m->type_bytes) : message_field(m, "type");
    for (tail = type.bytes; tail > 0 && type.data[tail - 1] != '.'; tail--)
        ;
    used = append(scratch, room, 0, channel.data, channel.bytes);
    used = append(scratch, room, used, ".", 1);
    used = append(scratch, room, used, type.data + tail, type.bytes - tail);
    if (m->sender->agent_bytes) {
        used = append(scratch, room, used, ".", 1);
        used = append(scratch, room, used, m->sender->name + m->sender->name_bytes - m->sender->agent_bytes,
                      m->sender->agent_bytes);
    }
    return strato_bytes(scratch, used);
}

uint32_t message_ttl_ms(const struct message *m, uint32_t otherwise)
{
    struct strato_cursor c = value_of(m, "ttl_ms");
    uint32_t ttl_ms;

    return strato_cursor_u32(&c, UINT32_MAX, &ttl_ms) == 0 ? ttl_ms : otherwise;
}

void message_write_id(const struct message *m, const struct message_stamps *stamps, struct strato_writer *w)
{
    struct strato_cursor c = value_of(m, "id");
    struct strato_bytes raw;
    uint8_t own[16];

    if (!(m->flags & MESSAGE_HAS_ID))
        strato_writer_bin(w, message_id(m, stamps->epoch, own));
    else if (strato_cursor_raw(&c, &raw) == 0)
        strato_writer_raw(w, raw);
    else
        strato_writer_nil(w);
}

struct strato_bytes message_id(const struct message *m, uint64_t epoch, uint8_t own[16])
{
    if (m->flags & MESSAGE_HAS_ID)
        return message_field(m, "id");
    derive_id(m, epoch, own);
    return strato_bytes(own, 16);
}
