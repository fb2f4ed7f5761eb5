/*
 * stream.h - the receiving half of one open channel: a consumer, a responder, a subscription or a tap.
 *
 * Frames wait undecoded in a queue of segments; taking a message decodes the next envelope. `want` tells
 * the broker how many it may deliver in all (absolute) and how many the application has taken, and is
 * renewed when a quarter is used. Settles gather and leave together.
 *
 * Closing a stream keeps it until the messages in the application's hands are settled.
 * Rule: docs/wire.md "Consumers and leases"; protocol.md section 6.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_BINDINGS_C_STREAM_H
#define STRATO_BINDINGS_C_STREAM_H

#include "bindings/c/session.h"

enum strato__stream_role { STRATO__CONSUME, STRATO__SERVE, STRATO__SUBSCRIBE, STRATO__TAP };
enum strato__stream_state {
    STRATO__STREAM_OPENING,
    STRATO__STREAM_READY,
    STRATO__STREAM_CLOSING,
    STRATO__STREAM_ENDED
};

enum {
    STRATO__SETTLES_MAX = 256,      /* tags in one frame: their encoding stays under the header limit */
    STRATO__REPLIES_MAX = 64,       /* replies in one frame: their tags fit the headroom of gather.h */
    STRATO__SEGMENTS_MAX = 8192,    /* frames queued; a broker that sends more ignores `want` */
    STRATO__STREAM_BYTES = 8 << 20, /* default byte budget */
    STRATO__EXTEND_US = 10 * 1000000,
    STRATO__LOST_MAX = 64, /* leases that ended before their message was taken; what is beyond comes as a lost one */
};

/** A received frame with undecoded messages, or a gap. */
struct strato__segment {
    struct strato__inbound *inbound; /* NULL = a gap */
    struct strato_cursor at;
    uint32_t left;
    uint32_t attachments_at;
    uint64_t tag;
    bool is_leased;
    struct strato_gap gap;
};

struct strato__stream {
    struct strato__name *name;
    uint32_t number;
    enum strato__stream_role role;
    enum strato__stream_state state;
    int end_err;      /* ENDED: why */
    bool is_released; /* the application closed its handle */
    bool auto_ack;
    uint64_t open_rq;
    int open_err; /* answer of the first open; STRATO_EAGAIN until it came */

    /* how to open it again */
    uint32_t spread_max, bytes;
    char **match;
    uint32_t match_count;
    char *policy, *group;
    uint64_t from_seq;
    uint64_t seq; /* last event seen, or confirmed at subscribe */
    uint64_t seq_confirmed;

    uint32_t prefetch;     /* 0 = paused */
    bool prefetch_default; /* take what the broker says */
    uint64_t received;     /* end of the tags that have come; `limit` and `taken` of want count on the same scale */
    uint64_t limit_sent, taken_sent;
    uint64_t resumed_seq; /* events up to this one came before a resume: the broker may send them again */
    uint64_t taken_at_us;

    struct strato__segment *segments; /* ring */
    uint32_t segments_head, segments_count, segments_capacity;
    uint32_t queued; /* messages and gaps in them */

    struct strato_message *hand, *hand_oldest; /* taken and not destroyed, newest first */
    uint32_t unsettled;
    uint64_t next_tag;               /* of the next message to be taken: every tag below is in hand or settled */
    uint64_t started_upto;           /* what the broker was told */
    uint64_t lost[STRATO__LOST_MAX]; /* tags, queued here, whose lease has ended */
    uint32_t lost_count;
    uint64_t acks[STRATO__SETTLES_MAX];
    uint32_t acks_count;
    struct strato__gather replies;
    uint64_t reply_tags[STRATO__REPLIES_MAX];
    bool replies_more;
};

/** Make a stream and send its open or sub. The options' strings are copied. */
int strato__stream_open(struct strato__session *s, const struct strato_consumer_options *consumer,
                        const struct strato_subscription_options *subscription, struct strato__stream **ret_stream);
/** The application lets go of it: what it did not take goes back. */
void strato__stream_release(struct strato__session *s, struct strato__stream *t);
void strato__streams_fini(struct strato__session *s);

/** The next message, or STRATO_EEMPTY, or why there will be none. A malformed one ends the connection. */
int strato__stream_take(struct strato__session *s, struct strato__stream *t, struct strato_message **ret_message);
/** Is the message of this tag here, and not taken? */
bool strato__stream_has(const struct strato__stream *t, uint64_t tag);
/** Forget what is queued. */
void strato__stream_clear(struct strato__session *s, struct strato__stream *t);
void strato__stream_set_prefetch(struct strato__session *s, struct strato__stream *t, uint32_t prefetch);
/** Tell the broker what was taken, if it does not know; `force` also below the quarter. */
void strato__stream_want(struct strato__session *s, struct strato__stream *t, bool force);
/** Something of this stream was gathered: it waits for company only if more messages are here to be taken. */
void strato__stream_gathered(struct strato__session *s, struct strato__stream *t);
/** Put gathered settles, replies and demand into the outbox. */
void strato__stream_flush(struct strato__session *s, struct strato__stream *t);

/* settle.c */
int strato__settle_start(struct strato__session *s, struct strato_message *m);
int strato__settle_ack(struct strato__session *s, struct strato_message *m);
int strato__settle_nack(struct strato__session *s, struct strato_message *m, const struct strato_nack *nack);
int strato__settle_extend(struct strato__session *s, struct strato_message *m, uint32_t ms);
int strato__settle_reply(struct strato__session *s, struct strato_message *m, const struct strato_send *reply,
                         bool more);
/** Renew every lease in the application's hands. */
void strato__settle_extend_all(struct strato__session *s, struct strato__stream *t);
void strato__settle_flush(struct strato__session *s, struct strato__stream *t);
/** Give back what was delivered and not taken. */
void strato__settle_untaken(struct strato__session *s, struct strato__stream *t);
/** Unlink a message from the stream's hand; a closing stream ends with its last one. */
void strato__settle_forget(struct strato__session *s, struct strato_message *m);
/** Mark what is in hand as lost, but for the encoded array of living `tags` (NULL = none lives); give back what
 *  lives and is not here. */
void strato__settle_lost(struct strato__session *s, struct strato__stream *t, const struct strato_bytes *tags);
/** Is `tag` in this encoded array? */
bool strato__tag_lives(struct strato_bytes tags, uint64_t tag);
/** Tags that the broker no longer wants worked on. */
void strato__settle_cancel(struct strato__session *s, struct strato_bytes tags, struct strato__stream *t);

/* What the broker sends. */
void strato__stream_on_opened(struct strato__session *s, struct strato__stream *t, const struct strato_header *h);
void strato__stream_on_frame(struct strato__session *s, struct strato__stream *t, const struct strato_header *h,
                             struct strato_cursor at, struct strato__inbound *inbound);
void strato__stream_on_lagged(struct strato__session *s, struct strato__stream *t, const struct strato_header *h);
void strato__stream_on_err(struct strato__session *s, struct strato__stream *t, const struct strato_header *h);
/** The session goes on: `tags` are the living leases, the next delivery begins at `next_tag`. */
void strato__stream_resume(struct strato__session *s, struct strato__stream *t, struct strato_bytes tags,
                           uint64_t next_tag);
void strato__stream_restart(struct strato__session *s, struct strato__stream *t, bool is_same_epoch);
#endif
