/*
 * state.h - the brain itself: what its files share.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_BRAIN_STATE_H
#define STRATO_BRAIN_STATE_H

#include "broker/brain/affinity.h"
#include "broker/brain/brain.h"
#include "broker/brain/call.h"
#include "broker/brain/channel.h"
#include "broker/brain/confirm.h"
#include "broker/brain/consumer.h"
#include "broker/brain/dispatch.h"
#include "broker/brain/displace.h"
#include "broker/brain/fanout.h"
#include "broker/brain/ingest.h"
#include "broker/brain/keep.h"
#include "broker/brain/lease.h"
#include "broker/brain/outbox.h"
#include "broker/brain/parking.h"
#include "broker/brain/principal.h"
#include "broker/brain/producer.h"
#include "broker/brain/redirect.h"
#include "broker/brain/route.h"
#include "broker/brain/session.h"
#include "broker/brain/tally.h"
#include "core/header.h"

/** What a timer's owner is. */
enum timer_kind {
    TIMER_MESSAGE,
    TIMER_PEER,
    TIMER_SESSION,
    TIMER_CHANNEL,
    TIMER_CHANNEL_EXPIRY,
    TIMER_PARKED_PUT,
    TIMER_GETTER,
    TIMER_AFFINITY,
    TIMER_DRAIN,
    TIMER_HEAD, /* the once-a-second topic "!" */
};
#define TIMER_OWNER(timer, type, member) ((type *)(void *)((char *)(timer)-offsetof(type, member)))

enum { PEERS_MAX = 16384, PEER_IDLE_MS = 10 * 60 * 1000, EDGES_MAX = 256 };

struct brain {
    struct brain_config config;
    uint64_t now_ms;  /* of the running step */
    uint64_t wall_ms; /* wall clock minus monotonic, as last told */
    uint64_t random;
    struct brain_out *out; /* of the running step */
    struct slab slab;
    struct wheel wheel;

    struct channel **channels; /* by index; NULL = free */
    uint32_t channels_count, channels_capacity, channels_live;
    struct map channel_names;
    struct channel *dirty_channels;
    struct producer *dirty_producers;
    struct consumer *edges[EDGES_MAX];
    uint32_t edges_count;

    struct map peers, sessions_by_agent, sessions_by_token, streams, leases;
    uint32_t sessions_count, sessions_made;
    uint64_t leases_made, dispatches, turns;
    struct principals who;
    struct principal *by_topic; /* whose verb is granted for some topics only, in this frame; NULL = no need to look */
    enum auth_verb by_topic_verb;
    uint32_t parked_puts;
    uint64_t parked_bytes;

    uint64_t hist_turn, hist_scanned; /* messages that pages of history have looked at in that turn */
    struct routes routes;
    struct channel *inbound_channels; /* list: rules' messages wait for room in them */

    struct keep keep;
    struct confirm confirm;
    struct recall *recall; /* between brain_open() and brain_restored() of a broker with a store */

    struct outframe *frames_head, *frames_tail, *frames_spare;
    struct staged *staged;
    struct channel *staging; /* whose messages are staged now */
    uint64_t blob_bytes;
    uint32_t mailboxes_forgotten;
    uint64_t receipts_dropped;
    uint64_t violations, undecodable, unroutable, results_dropped, sends_suppressed;

    size_t frame_bytes; /* of the last frame with messages: a guess for the next */
    bool is_publishing, was_publishing, is_draining, is_drained;
    const struct session *released_by; /* who held the message that is ending now; for its dead letter */
    uint64_t leased_total;             /* over all channels but events: what a drain waits for */
    struct wheel_timer drain_timer, head_timer;
};

uint64_t brain_random(struct brain *brain);
static inline struct channel *brain_channel_of(const struct brain *brain, const struct message *m)
{
    return brain->channels[m->channel];
}
static inline uint64_t brain_wall_ms(const struct brain *brain)
{
    return brain->wall_ms + brain->now_ms;
}

/** How messages of this channel are written out. */
static inline struct message_stamps channel_stamps(const struct channel *ch)
{
    return (struct message_stamps){
        .epoch = ch->brain->config.epoch,
        .now_ms = ch->brain->now_ms,
        .with_attempts = true,
        .with_affinity = ch->config.is_sticky,
    };
}

/* ---- one function per received operation, handle_<op>.c ---- */
struct frame {
    struct peer *peer;
    const struct strato_header *header;
    struct ingest_frame body;
};
typedef void handle_fn(struct brain *brain, const struct frame *frame);
handle_fn handle_put, handle_get, handle_start, handle_ack, handle_nack, handle_extend, handle_call, handle_cancel,
    handle_reply, handle_hello, handle_open, handle_need, handle_release, handle_want, handle_sub, handle_unsub,
    handle_hist, handle_ping, handle_pong, handle_bye, handle_admin;

/** The channel a request names, or NULL after an err{E_NO_CHANNEL} with the nearest name (E_NO_ROUTE for a mailbox). */
struct channel *frame_channel(const struct frame *frame);
/** May this peer do that? Else err{E_FORBIDDEN} was sent. verb is a design.md word; ch NULL = on every channel. */
bool frame_permits(const struct frame *frame, const char *verb, const struct channel *ch);
/** The same for a channel that may not be there yet. */
bool frame_permits_name(const struct frame *frame, const char *verb, struct strato_bytes channel);
/** Only asks: nothing is answered or counted. */
bool frame_has_verb(const struct frame *frame, const char *verb, struct strato_bytes channel);
/** With brain->by_topic set: may this message be sent? Else ret_detail says why not. */
bool frame_permits_topic(struct brain *brain, const struct channel *ch, struct strato_bytes topic, char *ret_detail,
                         size_t detail_bytes);
/** Within the rate of its key? Counts n messages if so; else ret_detail says when to come back (E_RATE). */
bool frame_is_within_rate(const struct frame *frame, uint64_t n, char *ret_detail, size_t detail_bytes);
/** May this principal publish one message by an edge of plain sockets? @return 0, STRATO_EFORBIDDEN, STRATO_ERATE. */
int edge_permits(struct brain *brain, struct principal *p, const struct channel *ch);
/** The mailbox of a known agent, made on first use; NULL if nobody has that name. */
struct channel *mailbox_find(struct brain *brain, struct strato_bytes name);
/** `to` of the first envelope: where a message without a channel goes; none if it names nobody. */
struct strato_bytes mailbox_to(struct strato_bytes envelopes);
/** The mailbox of the agent of this name, as mailbox_find(). */
struct channel *mailbox_of(struct brain *brain, struct strato_bytes agent);
void mailbox_forget_later(struct brain *brain, const char *agent);
void mailbox_due(struct channel *ch);
/** Remove one that nobody comes back for. */
void mailbox_remove(struct channel *ch);

/** Does every request of this peer get an answer? (No session, so nothing else tells it.) */
static inline bool peer_is_l1(const struct peer *peer)
{
    return !peer->session;
}
/** `match`: an array of globs, or one. @return 0; STRATO_EPROTO; STRATO_ELIMIT; STRATO_ESCHEMA. */
int match_read(struct strato_bytes raw, struct strato_bytes globs[FANOUT_MATCH_MAX], uint32_t *ret_count);
struct consumer *frame_consumer(const struct frame *frame, const struct channel *ch);
struct producer *frame_producer(const struct frame *frame, const struct channel *ch);

/* ---- the rest of the house ---- */
/* recall.c: what brain_restore() needs, from brain_open() until brain_restored(). @return 0 or STRATO_ENOMEM. */
int recall_begin(struct brain *brain);
void recall_end(struct brain *brain);
void drain_begin(struct brain *brain);
void drain_check(struct brain *brain);
void drain_due(struct brain *brain);
void publish_event(struct channel *ch, const struct message *m);
void publish_heads(struct brain *brain);
/** Count a message that a channel with `tally` accepts. */
void tallies_count(struct channel *ch, const struct message *m);
void tallies_forget(struct channel *ch);
/** admin.stats with `by`; without it nothing is written. @return 0; STRATO_ESCHEMA; STRATO_ENO_CHANNEL; STRATO_ECONFLICT. */
int tallies_report(struct brain *brain, struct strato_bytes name, struct strato_bytes arguments,
                   struct strato_writer *answer, char *ret_detail, size_t detail_bytes);
/* admin.route.*: the answer is written to `answer`. */
int route_add_or_fail(struct brain *brain, struct strato_bytes arguments, struct strato_writer *answer,
                      char *ret_detail, size_t detail_bytes);
int route_set(struct brain *brain, struct strato_bytes arguments, char *ret_detail, size_t detail_bytes);
int route_rm(struct brain *brain, struct strato_bytes arguments, char *ret_detail, size_t detail_bytes);
void route_list(const struct brain *brain, struct strato_writer *answer);
/** Check a rule against the channels that are there, and add it. @return as routes_add(), route_check(); STRATO_ECONFLICT. */
int route_admit(struct brain *brain, const struct brain_route *rule, struct route **ret_route, char *ret_detail,
                size_t detail_bytes);
void report_stats(const struct brain *brain, struct strato_bytes only, struct strato_writer *w);
void report_sessions(const struct brain *brain, struct strato_writer *w);
void report_channels(const struct brain *brain, struct strato_writer *w);
/** Apply a map of settings to a config; is_new: start from the defaults of its pattern. @return 0, or STRATO_ESCHEMA with detail. */
int settings_read(struct strato_bytes map, bool is_new, struct brain_channel_config *config, char *ret_detail,
                  size_t detail_bytes);
void settings_write(const struct brain_channel_config *config,
                    struct strato_writer *w); /* settings_pairs() pairs, no head */
uint32_t settings_pairs(void);
extern const char *const settings_patterns[];
extern const char *const settings_policies[];
bool settings_equal(const struct brain_channel_config *a, const struct brain_channel_config *b);
/** Is there memory to give credit? */
bool brain_has_memory(const struct brain *brain);
#endif
