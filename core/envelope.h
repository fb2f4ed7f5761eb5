/*
 * envelope.h - the map around every message: type, payload, addressing, limits, and what the broker stamps.
 *
 * Decoding is in place and reads the envelope only; the payload stays an undecoded value. The keys that
 * the broker stamps are removed at ingest (`strip`) and written anew at delivery (`stamp`), so that a
 * client can never forge them. Rule: docs/wire.md "Envelope"; protocol.md section 3.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_CORE_ENVELOPE_H
#define STRATO_CORE_ENVELOPE_H

#include "core/cursor.h"
#include "core/writer.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    STRATO_TYPE_BYTES_MAX = 64,
    STRATO_ID_BYTES_MAX = 64,
    STRATO_NAME_BYTES_MAX = 128,  /* agent names, `to` */
    STRATO_TOPIC_BYTES_MAX = 200, /* libzmq 4.3.4 mis-encodes subscriptions of 246-255 bytes (zeromq/libzmq#4564) */
    STRATO_AFFINITY_BYTES_MAX = 64,
    STRATO_TRACE_BYTES_MAX = 55,
    STRATO_NEEDS_MAX = 8,
    STRATO_PRIORITY_DEFAULT = 50,
    STRATO_TTL_MS_MAX = 24 * 3600 * 1000,
    STRATO_ATTACHMENTS_MAX = 64,     /* per frame */
    STRATO_ATTACHMENTS_EACH_MAX = 8, /* per envelope */
    STRATO_ENVELOPES_MAX = 4096,     /* per frame */
};

/* Bits of strato_envelope.has */
enum {
    STRATO_ENV_ID = 1 << 0,
    STRATO_ENV_TO = 1 << 1,
    STRATO_ENV_TOPIC = 1 << 2,
    STRATO_ENV_REQUEST_ID = 1 << 3,
    STRATO_ENV_CORRELATION_ID = 1 << 4,
    STRATO_ENV_TRACE = 1 << 5,
    STRATO_ENV_PRIORITY = 1 << 6,
    STRATO_ENV_TTL = 1 << 7,
    STRATO_ENV_DELAY = 1 << 8,
    STRATO_ENV_AFFINITY =
        1 << 9, /* present and "" = spread freely; absent = the producer's session in sticky channels */
    STRATO_ENV_ORDER_KEY = 1 << 10,
    STRATO_ENV_NEEDS = 1 << 11,
    STRATO_ENV_ACK = 1 << 12,
    STRATO_ENV_RECEIPT = 1 << 13,
    STRATO_ENV_ATTACH = 1 << 14,
    STRATO_ENV_PAYLOAD = 1 << 15,
    /* stamped by the broker */
    STRATO_ENV_SENDER = 1 << 16,
    STRATO_ENV_SEQ = 1 << 17,
    STRATO_ENV_TS = 1 << 18,
    STRATO_ENV_ATTEMPTS = 1 << 19,
    STRATO_ENV_DELIVERIES = 1 << 20,
    STRATO_ENV_TTL_LEFT = 1 << 21,
    STRATO_ENV_CALL = 1 << 22,
    STRATO_ENV_STAMPED = 0x7F << 16,
};

/** An id as it travels: bin16 (a UUID) or a short string; `raw` is the encoded value, `bytes` what is in it. */
struct strato_id {
    struct strato_bytes raw;
    struct strato_bytes bytes;
};

/** All slices are borrowed from the decoded bytes. Absent keys hold their defaults. */
struct strato_envelope {
    uint32_t has;
    struct strato_bytes type;
    struct strato_bytes payload; /* one encoded msgpack value; none = nil */
    struct strato_id id, request_id, correlation_id;
    struct strato_bytes to, topic, trace, affinity, order_key;
    struct strato_bytes needs[STRATO_NEEDS_MAX];
    uint8_t needs_count;
    uint8_t priority; /* 0..100, default 50 */
    bool ack, receipt, call;
    uint16_t attach;           /* attachment frames that belong to this envelope */
    uint32_t ttl_ms, delay_ms; /* capped at STRATO_TTL_MS_MAX */
    /* stamped */
    struct strato_bytes sender;
    uint64_t seq, ts_ms;
    uint32_t attempts, deliveries, ttl_left_ms;
    /* for the broker: what to keep */
    struct strato_bytes whole; /* the encoded map */
    struct strato_bytes body;  /* its pairs, without the map head */
    uint32_t pairs;            /* number of pairs in body */
    uint32_t stamped_pairs;    /* how many of them carry a stamped key and must not be kept */
};

/**
 * Decode one envelope map.
 *
 * @param c  In: at the map. Out: behind it. Unmoved on error.
 * @return 0; STRATO_ECODEC (not msgpack, too deep, refused ext, duplicate key); STRATO_ESCHEMA (no type, or a
 *         field of the wrong kind or range); STRATO_ELIMIT (a named limit: type, topic, to, ids, needs, attach).
 *         After ESCHEMA and ELIMIT *ret_skipped is set to the whole value's bytes so a batch can go on behind it,
 *         and ret_envelope holds what was readable (`attach`, `id`). Stamped keys are never an error.
 */
int strato_envelope_decode(struct strato_cursor *c, struct strato_envelope *ret_envelope,
                           struct strato_bytes *ret_skipped);

/** Write the pairs of `e` that are not stamped, without a map head; returns how many pairs were written. */
uint32_t strato_envelope_strip(const struct strato_envelope *e, struct strato_writer *w);

/** What a client fills in to encode an envelope; zero = absent, but priority (see has) and payload (nil). */
struct strato_envelope_out {
    uint32_t
        has; /* STRATO_ENV_PRIORITY, _AFFINITY (to send ""), _ACK, _TTL (to send 0) make the field travel; others by being set */
    const char *type;
    struct strato_bytes payload;                        /* encoded value; none = nil, omitted */
    struct strato_bytes id, request_id, correlation_id; /* 16 bytes travel as bin, all else as str */
    const char *to, *topic, *trace, *affinity, *order_key;
    const char *const *needs;
    uint32_t needs_count;
    uint8_t priority;
    bool ack, receipt;
    uint16_t attach;
    uint32_t ttl_ms, delay_ms;
};

/** Encode canonically: keys in schema order, defaults omitted. Errors are the writer's. */
void strato_envelope_encode(const struct strato_envelope_out *e, struct strato_writer *w);

#ifdef __cplusplus
}
#endif
#endif
