/*
 * envelope.c - decode, strip and encode the envelope.
 *
 * One pass, in place. A field that breaks its rule does not stop the walk, so a batch knows where the next
 * envelope begins and how many attachments this one owns; bytes that are not msgpack do stop it.
 *
 * SPDX-License-Identifier: MIT
 */
#include "core/envelope.h"

#include "core/walk.h"

#define ALWAYS_INLINE inline __attribute__((always_inline))

/* name, bit in strato_envelope.has; in the order of the schema, which is the canonical order. */
#define ENVELOPE_KEYS(X)                                                                                               \
    X(type, 1U << 31)                                                                                                  \
    X(payload, STRATO_ENV_PAYLOAD)                                                                                     \
    X(id, STRATO_ENV_ID)                                                                                               \
    X(to, STRATO_ENV_TO)                                                                                               \
    X(topic, STRATO_ENV_TOPIC)                                                                                         \
    X(request_id, STRATO_ENV_REQUEST_ID)                                                                               \
    X(correlation_id, STRATO_ENV_CORRELATION_ID)                                                                       \
    X(trace, STRATO_ENV_TRACE)                                                                                         \
    X(priority, STRATO_ENV_PRIORITY)                                                                                   \
    X(ttl_ms, STRATO_ENV_TTL)                                                                                          \
    X(delay_ms, STRATO_ENV_DELAY)                                                                                      \
    X(affinity, STRATO_ENV_AFFINITY)                                                                                   \
    X(order_key, STRATO_ENV_ORDER_KEY)                                                                                 \
    X(needs, STRATO_ENV_NEEDS)                                                                                         \
    X(ack, STRATO_ENV_ACK)                                                                                             \
    X(receipt, STRATO_ENV_RECEIPT)                                                                                     \
    X(attach, STRATO_ENV_ATTACH)                                                                                       \
    X(sender, STRATO_ENV_SENDER)                                                                                       \
    X(seq, STRATO_ENV_SEQ)                                                                                             \
    X(ts_ms, STRATO_ENV_TS)                                                                                            \
    X(attempts, STRATO_ENV_ATTEMPTS)                                                                                   \
    X(deliveries, STRATO_ENV_DELIVERIES)                                                                               \
    X(ttl_left_ms, STRATO_ENV_TTL_LEFT)                                                                                \
    X(call, STRATO_ENV_CALL)

#define HAS_TYPE (1U << 31) /* internal: `type` needs no public bit, it is always there */

enum key {
#define X(name, bit) KEY_##name,
    ENVELOPE_KEYS(X)
#undef X
        KEY_COUNT,
    KEY_UNKNOWN = KEY_COUNT
};

static const uint32_t key_bits[KEY_COUNT] = {
#define X(name, bit) [KEY_##name] = (bit),
    ENVELOPE_KEYS(X)
#undef X
};

/* With `bytes` a constant, all comparisons of other lengths fold away. */
static ALWAYS_INLINE enum key key_of_length(const uint8_t *at, size_t bytes)
{
#define X(name, bit)                                                                                                   \
    if (sizeof(#name) - 1 == bytes && memcmp(at, #name, sizeof(#name) - 1) == 0)                                       \
        return KEY_##name;
    ENVELOPE_KEYS(X)
#undef X
    return KEY_UNKNOWN;
}

static inline enum key key_find(struct strato_bytes key)
{
    switch (key.bytes) {
    case 2:
        return key_of_length(key.data, 2);
    case 3:
        return key_of_length(key.data, 3);
    case 4:
        return key_of_length(key.data, 4);
    case 5:
        return key_of_length(key.data, 5);
    case 6:
        return key_of_length(key.data, 6);
    case 7:
        return key_of_length(key.data, 7);
    case 8:
        return key_of_length(key.data, 8);
    case 9:
        return key_of_length(key.data, 9);
    case 10:
        return key_of_length(key.data, 10);
    case 11:
        return key_of_length(key.data, 11);
    case 14:
        return key_of_length(key.data, 14);
    default:
        return KEY_UNKNOWN;
    }
}

/*
 * Value readers. 0; ECODEC: stop; ESCHEMA or ELIMIT: the value is stepped over and the walk goes on.
 */

/* Another kind than wanted: step over the value whole, whatever it is. */
static int wrong_kind(const uint8_t **at, const uint8_t *start, const uint8_t *end)
{
    int rc;

    *at = start;
    rc = strato__skip(at, end, 1);
    return rc < 0 ? rc : STRATO_ESCHEMA;
}

static inline int read_str(const uint8_t **at, const uint8_t *end, size_t bytes_max, struct strato_bytes *ret)
{
    const uint8_t *start = *at;
    struct strato_token t;
    int rc;

    if (strato__short_str(at, end, ret)) /* at most 31 bytes: below every limit here */
        return 0;
    rc = strato__token(at, end, &t);
    if (rc < 0)
        return rc;
    if (t.kind != STRATO_KIND_STR)
        return wrong_kind(at, start, end);
    if (t.bytes.bytes > bytes_max)
        return STRATO_ELIMIT;
    *ret = t.bytes;
    return 0;
}

static int read_id(const uint8_t **at, const uint8_t *end, struct strato_id *ret)
{
    const uint8_t *start = *at;
    struct strato_token t;
    int rc;

    if (end - start >= 18 && start[0] == 0xC4 && start[1] == 16) { /* a UUID, as nearly always */
        ret->bytes = strato_bytes(start + 2, 16);
        ret->raw = strato_bytes(start, 18);
        *at = start + 18;
        return 0;
    }
    rc = strato__token(at, end, &t);
    if (rc < 0)
        return rc;
    if (t.kind == STRATO_KIND_STR && t.bytes.bytes > STRATO_ID_BYTES_MAX)
        return STRATO_ELIMIT;
    if (!(t.kind == STRATO_KIND_STR && t.bytes.bytes > 0) && !(t.kind == STRATO_KIND_BIN && t.bytes.bytes == 16))
        return wrong_kind(at, start, end);
    ret->bytes = t.bytes;
    ret->raw = strato_bytes(start, (size_t)(*at - start));
    return 0;
}

static inline int read_uint(const uint8_t **at, const uint8_t *end, uint64_t *ret)
{
    const uint8_t *start = *at;
    struct strato_token t;
    int rc;

    if (start < end && *start <= 0x7F) {
        *ret = *start;
        *at = start + 1;
        return 0;
    }
    if (end - start >= 9 && *start == 0xCF) { /* times and, in the long run, seqs */
        *ret = strato__be64(start + 1);
        *at = start + 9;
        return 0;
    }
    if (end - start >= 5 && *start == 0xCE) {
        *ret = strato__be32(start + 1);
        *at = start + 5;
        return 0;
    }
    rc = strato__token(at, end, &t);
    if (rc < 0)
        return rc;
    if (t.kind != STRATO_KIND_UINT)
        return wrong_kind(at, start, end);
    *ret = t.u;
    return 0;
}

/* A duration, capped: longer than a day is a day. */
static int read_ms(const uint8_t **at, const uint8_t *end, uint32_t *ret)
{
    uint64_t value = 0;
    int rc = read_uint(at, end, &value);

    if (rc == 0)
        *ret = value < STRATO_TTL_MS_MAX ? (uint32_t)value : STRATO_TTL_MS_MAX;
    return rc;
}

static int read_u32(const uint8_t **at, const uint8_t *end, uint32_t *ret)
{
    uint64_t value = 0;
    int rc = read_uint(at, end, &value);

    if (rc == 0)
        *ret = value < UINT32_MAX ? (uint32_t)value : UINT32_MAX;
    return rc;
}

static int read_bool(const uint8_t **at, const uint8_t *end, bool *ret)
{
    const uint8_t *start = *at;

    if (start < end && (*start == 0xC2 || *start == 0xC3)) {
        *ret = *start == 0xC3;
        *at = start + 1;
        return 0;
    }
    return wrong_kind(at, start, end);
}

/* 0..100, or a float 0..1 that is multiplied by 100. */
static int read_priority(const uint8_t **at, const uint8_t *end, uint8_t *ret)
{
    const uint8_t *start = *at;
    struct strato_token t;
    int rc = strato__token(at, end, &t);

    if (rc < 0)
        return rc;
    if (t.kind == STRATO_KIND_UINT && t.u <= 100)
        *ret = (uint8_t)t.u;
    else if ((t.kind == STRATO_KIND_F32 || t.kind == STRATO_KIND_F64) && t.f >= 0.0 && t.f <= 1.0)
        *ret = (uint8_t)(t.f * 100.0 + 0.5);
    else
        return wrong_kind(at, start, end);
    return 0;
}

static int read_needs(const uint8_t **at, const uint8_t *end, struct strato_envelope *e)
{
    const uint8_t *start = *at;
    struct strato_token t;
    int rc = strato__token(at, end, &t), bad = 0;

    if (rc < 0)
        return rc;
    if (t.kind != STRATO_KIND_ARRAY)
        return wrong_kind(at, start, end);
    if (t.items > STRATO_NEEDS_MAX) {
        rc = wrong_kind(at, start, end);
        return rc == STRATO_ESCHEMA ? STRATO_ELIMIT : rc;
    }
    for (uint32_t i = 0; i < t.items; i++) {
        const uint8_t *item = *at;

        rc = read_str(at, end, STRATO_AFFINITY_BYTES_MAX, &e->needs[i]);
        if (rc == STRATO_ESCHEMA) { /* an item is one level deeper than wrong_kind() counts */
            *at = item;
            rc = strato__skip(at, end, 2);
            rc = rc < 0 ? rc : STRATO_ESCHEMA;
        }
        if (rc == STRATO_ECODEC)
            return rc;
        bad = bad < 0 ? bad : rc;
    }
    e->needs_count = (uint8_t)t.items;
    return bad;
}

static int read_attach(const uint8_t **at, const uint8_t *end, uint16_t *ret)
{
    uint64_t value = 0;
    int rc = read_uint(at, end, &value);

    if (rc < 0)
        return rc;
    *ret = value < UINT16_MAX ? (uint16_t)value : UINT16_MAX; /* kept also when refused: it must be skipped over */
    return value > STRATO_ATTACHMENTS_EACH_MAX ? STRATO_ELIMIT : 0;
}

static int read_payload(const uint8_t **at, const uint8_t *end, struct strato_bytes *ret)
{
    const uint8_t *start = *at;
    int rc = 0;

    if (end - start >= 2 && start[0] == 0xC4 && end - start - 2 >= start[1])
        *at = start + 2 + start[1]; /* a short bin */
    else
        rc = strato__skip(at, end, 1);
    if (rc == 0)
        *ret = strato_bytes(start, (size_t)(*at - start));
    return rc;
}

static int value_read(enum key key, const uint8_t **at, const uint8_t *end, struct strato_envelope *e)
{
    switch (key) {
    case KEY_type:
        return read_str(at, end, STRATO_TYPE_BYTES_MAX, &e->type);
    case KEY_payload:
        return read_payload(at, end, &e->payload);
    case KEY_id:
        return read_id(at, end, &e->id);
    case KEY_to:
        return read_str(at, end, STRATO_NAME_BYTES_MAX, &e->to);
    case KEY_topic:
        return read_str(at, end, STRATO_TOPIC_BYTES_MAX, &e->topic);
    case KEY_request_id:
        return read_id(at, end, &e->request_id);
    case KEY_correlation_id:
        return read_id(at, end, &e->correlation_id);
    case KEY_trace:
        return read_str(at, end, STRATO_TRACE_BYTES_MAX, &e->trace);
    case KEY_priority:
        return read_priority(at, end, &e->priority);
    case KEY_ttl_ms:
        return read_ms(at, end, &e->ttl_ms);
    case KEY_delay_ms:
        return read_ms(at, end, &e->delay_ms);
    case KEY_affinity:
        return read_str(at, end, STRATO_AFFINITY_BYTES_MAX, &e->affinity);
    case KEY_order_key:
        return read_str(at, end, STRATO_AFFINITY_BYTES_MAX, &e->order_key);
    case KEY_needs:
        return read_needs(at, end, e);
    case KEY_ack:
        return read_bool(at, end, &e->ack);
    case KEY_receipt:
        return read_bool(at, end, &e->receipt);
    case KEY_attach:
        return read_attach(at, end, &e->attach);
    case KEY_sender:
        return read_str(at, end, SIZE_MAX, &e->sender);
    case KEY_seq:
        return read_uint(at, end, &e->seq);
    case KEY_ts_ms:
        return read_uint(at, end, &e->ts_ms);
    case KEY_attempts:
        return read_u32(at, end, &e->attempts);
    case KEY_deliveries:
        return read_u32(at, end, &e->deliveries);
    case KEY_ttl_left_ms:
        return read_u32(at, end, &e->ttl_left_ms);
    case KEY_call:
        return read_bool(at, end, &e->call);
    case KEY_COUNT:
        break;
    }
    return strato__skip(at, end, 1);
}

/* One pair of the map: 0, or as the value readers. */
static inline int pair_read(const uint8_t **at, const uint8_t *end, struct strato_envelope *e, uint32_t *unknown)
{
    struct strato_bytes text;
    uint32_t bit;
    enum key key;
    int rc;

    if (!strato__short_str(at, end, &text)) {
        rc = read_str(at, end, SIZE_MAX, &text);
        if (rc < 0) {
            if (rc == STRATO_ESCHEMA && strato__skip(at, end, 1) < 0)
                rc = STRATO_ECODEC;
            return rc;
        }
    }
    key = key_find(text);
    if (key == KEY_UNKNOWN) {
        (*unknown)++;
        return strato__skip(at, end, 1);
    }
    bit = key_bits[key];
    if (e->has & bit)
        return STRATO_ECODEC; /* named twice */
    e->has |= bit;
    rc = value_read(key, at, end, e);
    if (bit & STRATO_ENV_STAMPED) {
        e->stamped_pairs++; /* the broker removes it, so what a client wrote there is no error */
        if (rc == STRATO_ESCHEMA || rc == STRATO_ELIMIT)
            rc = 0;
    }
    return rc;
}

int strato_envelope_decode(struct strato_cursor *c, struct strato_envelope *ret_envelope,
                           struct strato_bytes *ret_skipped)
{
    struct strato_envelope *e = ret_envelope;
    const uint8_t *at = c->at, *pairs_at;
    struct strato_token map;
    uint32_t unknown = 0;
    int rc, bad = 0;

    memset(e, 0, sizeof *e);
    e->priority = STRATO_PRIORITY_DEFAULT;
    rc = strato__token(&at, c->end, &map);
    if (rc < 0)
        return rc;
    if (map.kind != STRATO_KIND_MAP) {
        at = c->at;
        if (strato__skip(&at, c->end, 0) < 0)
            return STRATO_ECODEC;
        *ret_skipped = strato_bytes(c->at, (size_t)(at - c->at));
        return STRATO_ESCHEMA;
    }
    pairs_at = at;
    for (uint32_t i = 0; i < map.items; i++) {
        rc = pair_read(&at, c->end, e, &unknown);
        if (rc == STRATO_ECODEC)
            return rc;
        bad = bad < 0 ? bad : rc;
    }
    if (unknown > 1 && !strato__keys_differ(pairs_at, at, map.items))
        return STRATO_ECODEC;
    e->whole = strato_bytes(c->at, (size_t)(at - c->at));
    e->body = strato_bytes(pairs_at, (size_t)(at - pairs_at));
    e->pairs = map.items;
    if (bad == 0 && e->type.bytes == 0)
        bad = STRATO_ESCHEMA;
    e->has &= ~HAS_TYPE;
    if (bad < 0) {
        *ret_skipped = e->whole;
        return bad;
    }
    c->at = at;
    return 0;
}

uint32_t strato_envelope_strip(const struct strato_envelope *e, struct strato_writer *w)
{
    const uint8_t *at = e->body.data, *end = at + e->body.bytes;
    uint32_t written = 0;

    if (e->stamped_pairs == 0) {
        strato_writer_raw(w, e->body);
        return e->pairs;
    }
    for (uint32_t i = 0; i < e->pairs; i++) {
        const uint8_t *pair = at;
        struct strato_token t;
        enum key key;

        /* The bytes have been decoded before, so neither step can fail; if they did, nothing more is kept. */
        if (strato__token(&at, end, &t) < 0 || t.kind != STRATO_KIND_STR || strato__skip(&at, end, 1) < 0)
            break;
        key = key_find(t.bytes);
        if (key != KEY_UNKNOWN && (key_bits[key] & STRATO_ENV_STAMPED))
            continue;
        strato_writer_raw(w, strato_bytes(pair, (size_t)(at - pair)));
        written++;
    }
    return written;
}

static bool is_set(const char *text)
{
    return text && *text;
}

/* Which fields travel, as bits of strato_envelope.has. */
static uint32_t fields_of(const struct strato_envelope_out *e)
{
    uint32_t has = e->has & (STRATO_ENV_PRIORITY | STRATO_ENV_AFFINITY | STRATO_ENV_ACK | STRATO_ENV_TTL);

    has |= e->payload.bytes ? STRATO_ENV_PAYLOAD : 0;
    has |= e->id.bytes ? STRATO_ENV_ID : 0;
    has |= is_set(e->to) ? STRATO_ENV_TO : 0;
    has |= is_set(e->topic) ? STRATO_ENV_TOPIC : 0;
    has |= e->request_id.bytes ? STRATO_ENV_REQUEST_ID : 0;
    has |= e->correlation_id.bytes ? STRATO_ENV_CORRELATION_ID : 0;
    has |= is_set(e->trace) ? STRATO_ENV_TRACE : 0;
    has |= e->ttl_ms ? STRATO_ENV_TTL : 0;
    has |= e->delay_ms ? STRATO_ENV_DELAY : 0;
    has |= is_set(e->affinity) ? STRATO_ENV_AFFINITY : 0;
    has |= is_set(e->order_key) ? STRATO_ENV_ORDER_KEY : 0;
    has |= e->needs_count ? STRATO_ENV_NEEDS : 0;
    has |= e->receipt ? STRATO_ENV_RECEIPT : 0;
    has |= e->attach ? STRATO_ENV_ATTACH : 0;
    return has;
}

static void put_text(struct strato_writer *w, const char *key, const char *value)
{
    strato_writer_text(w, key);
    strato_writer_text(w, value);
}

static void put_uint(struct strato_writer *w, const char *key, uint64_t value)
{
    strato_writer_text(w, key);
    strato_writer_u64(w, value);
}

static void put_id(struct strato_writer *w, const char *key, struct strato_bytes id)
{
    strato_writer_text(w, key);
    if (id.bytes == 16)
        strato_writer_bin(w, id);
    else
        strato_writer_str(w, id);
}

static void put_field(const struct strato_envelope_out *e, uint32_t bit, struct strato_writer *w)
{
    switch (bit) {
    case STRATO_ENV_PAYLOAD:
        strato_writer_text(w, "payload");
        strato_writer_raw(w, e->payload);
        break;
    case STRATO_ENV_ID:
        put_id(w, "id", e->id);
        break;
    case STRATO_ENV_TO:
        put_text(w, "to", e->to);
        break;
    case STRATO_ENV_TOPIC:
        put_text(w, "topic", e->topic);
        break;
    case STRATO_ENV_REQUEST_ID:
        put_id(w, "request_id", e->request_id);
        break;
    case STRATO_ENV_CORRELATION_ID:
        put_id(w, "correlation_id", e->correlation_id);
        break;
    case STRATO_ENV_TRACE:
        put_text(w, "trace", e->trace);
        break;
    case STRATO_ENV_PRIORITY:
        put_uint(w, "priority", e->priority);
        break;
    case STRATO_ENV_TTL:
        put_uint(w, "ttl_ms", e->ttl_ms);
        break;
    case STRATO_ENV_DELAY:
        put_uint(w, "delay_ms", e->delay_ms);
        break;
    case STRATO_ENV_AFFINITY:
        put_text(w, "affinity", e->affinity);
        break;
    case STRATO_ENV_ORDER_KEY:
        put_text(w, "order_key", e->order_key);
        break;
    case STRATO_ENV_NEEDS:
        strato_writer_text(w, "needs");
        strato_writer_array(w, e->needs_count);
        for (uint32_t i = 0; i < e->needs_count; i++)
            strato_writer_text(w, e->needs[i]);
        break;
    case STRATO_ENV_ACK:
        strato_writer_text(w, "ack");
        strato_writer_bool(w, e->ack);
        break;
    case STRATO_ENV_RECEIPT:
        strato_writer_text(w, "receipt");
        strato_writer_bool(w, true);
        break;
    default:
        put_uint(w, "attach", e->attach);
        break;
    }
}

void strato_envelope_encode(const struct strato_envelope_out *e, struct strato_writer *w)
{
    uint32_t has = fields_of(e);

    strato_writer_map(w, 1 + (uint32_t)__builtin_popcount(has));
    put_text(w, "type", e->type);
    for (int key = KEY_payload; key <= KEY_attach; key++)
        if (has & key_bits[key])
            put_field(e, key_bits[key], w);
}
