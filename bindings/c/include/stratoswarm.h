/*
 * stratoswarm.h - the C client of Stratoswarm: send, consume, request, serve, publish, subscribe.
 *
 * A client is one session with one broker over one DEALER socket. It speaks SWP/1 (docs/wire.md) on the
 * native edge, so a channel's bound is exact, nothing accepted is lost, and every gap is visible.
 *
 * THREADS. By default a client belongs to the thread that uses it: every call does its own I/O, nothing
 * happens between calls. So heartbeats and lease extensions need you to come back: call
 * strato_client_process() at least every few seconds, or set own_thread. The same holds for the last
 * messages of a burst (more than 8 sends within microseconds of each other), which may still be gathered
 * when strato_send() returns: any later call on the client lets them go (process, flush, next, close). With `own_thread` a background
 * thread owns the socket, keeps heartbeats and leases alive while your handler blocks, and every function
 * may be called from any thread. Either way, handles made from a client (consumers, subscriptions,
 * messages) share its rule. Never use a client in a forked child.
 *
 * OWNERSHIP. *Borrowed* (valid during the call; the default), *copied*, *taken* (freed by the callee, on
 * success only). Strings and payloads given to strato_send() are copied or sent before it returns, but for
 * attachments with a `free_fn`, which are taken. x_close/x_destroy take the address of the pointer, set it
 * to NULL and accept NULL.
 *
 * ERRORS. int: 0 or a count when it worked, a negative enum strato_err when not; text by strato_strerror(),
 * the broker's own words by strato_client_detail().
 *
 * TIMEOUTS are milliseconds: 0 = do not wait, STRATO_FOREVER (-1) = without end.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATOSWARM_H
#define STRATOSWARM_H

#include "core/envelope.h"
#include "core/errors.h"

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define STRATO_API __attribute__((visibility("default")))
#else
#define STRATO_API
#endif

enum { STRATO_FOREVER = -1 };

typedef struct strato_client strato_client;
typedef struct strato_consumer strato_consumer;         /* takes work, or serves requests */
typedef struct strato_subscription strato_subscription; /* receives events */
typedef struct strato_message strato_message;           /* received: work, request, reply, event or gap */

/* ---- connection -------------------------------------------------------------------------------- */

enum strato_client_event {
    STRATO_CLIENT_CONNECTED,    /* a new session is open */
    STRATO_CLIENT_RESUMED,      /* the old session goes on, leases and subscriptions with it */
    STRATO_CLIENT_DISCONNECTED, /* the broker is silent or gone; reconnecting with back-off */
    STRATO_CLIENT_EPOCH,    /* a new broker epoch: memory channels are empty, unconfirmed sends are reported by flush */
    STRATO_CLIENT_DRAINING, /* the broker is leaving */
    STRATO_CLIENT_REFUSED,  /* the broker refused a message: `err` and `detail` say which and why */
};

typedef void strato_client_event_fn(void *arg, enum strato_client_event event, int err, const char *detail);

struct strato_client_options {
    const char *endpoint;    /* tcp://host:7700, ipc://path, inproc://strato.native; default tcp://127.0.0.1:7700 */
    void *zmq_context;       /* for inproc: the embedded broker's context, borrowed; NULL = an own one */
    const char *agent;       /* name asked for, <= 128 B; NULL = the broker picks one */
    const char *kind;        /* agent, service, worker, tool; default "agent" */
    const char *const *caps; /* capabilities, copied */
    uint32_t caps_count;
    uint32_t hb_ms;                          /* 1000..60000, default 5000; the broker may clamp it */
    uint32_t connect_timeout_ms;             /* how long open waits for the session, default 5000 */
    uint32_t reconnect_ms, reconnect_max_ms; /* back-off, default 100 doubling to 5000, jitter 0.1 */
    bool own_thread;                         /* see THREADS */
    bool no_batching;                        /* one message per frame, for measurements */
    strato_client_event_fn *on_event;        /* called from the owning thread (or the own thread); may be NULL */
    void *on_event_arg;
    /* Keys, for tcp://; all or none, copied. The own pair stands in a file (strato key new; mode 0600) or in memory. */
    const char *server_key;              /* the broker's public key: 40 characters, or the path of a file with it */
    const char *key_file;                /* path of the own pair */
    const char *public_key, *secret_key; /* the own pair in memory, 40 characters each */
};
/* Zero means the default in every field, so C++ needs no designated initialiser. */
#ifdef __cplusplus
#define STRATO_CLIENT_OPTIONS_DEFAULTS                                                                                 \
    {                                                                                                                  \
    }
#else
#define STRATO_CLIENT_OPTIONS_DEFAULTS                                                                                 \
    {                                                                                                                  \
        .endpoint = "tcp://127.0.0.1:7700", .kind = "agent", .hb_ms = 5000, .connect_timeout_ms = 5000,                \
        .reconnect_ms = 100, .reconnect_max_ms = 5000                                                                  \
    }
#endif

/**
 * Connect, say hello, wait for welcome.
 * @return 0; STRATO_EUNREACHABLE (nobody answered within connect_timeout_ms), STRATO_EAUTH (the broker refused the key, or
 *         the handshake failed for as long as connect_timeout_ms: a wrong server key, or keys where none are asked for;
 *         mostly also none where they are), STRATO_ENOENT, STRATO_EIO, STRATO_ECONFIG (of the key files), STRATO_EVERSION,
 *         STRATO_ENAME_IN_USE, STRATO_EINVAL, STRATO_ENOMEM or what the broker answered.
 */
STRATO_API int strato_client_open(const struct strato_client_options *options, strato_client **ret_client);
/** Flush what was sent (at most 1 s), say bye, give back leases, free. Consumers and subscriptions of the client
 *  must be closed before; messages may be destroyed before or after. */
STRATO_API void strato_client_close(strato_client **client);
/** A descriptor that becomes readable when strato_client_process() has something to do. Edge-like: after waking,
 *  process until it returns 0. Owned by the client. */
STRATO_API int strato_client_fd(strato_client *client);
/** Do what is due: read, write, heartbeat, extend leases, reconnect. Waits up to timeout_ms for something to arrive
 *  on any consumer, subscription or request. @return 1 if something is ready, 0 if the time ran out, < 0 on error. */
STRATO_API int strato_client_process(strato_client *client, int timeout_ms);
/** Milliseconds until process must be called again although the fd is quiet (heartbeats, deadlines). */
STRATO_API int strato_client_next_timer_ms(strato_client *client);
STRATO_API bool strato_client_is_connected(strato_client *client);
/** The broker's words about the last error on this client; "" if none. Valid until the next call on it. */
STRATO_API const char *strato_client_detail(strato_client *client);
/** Name the session got, session id, and broker epoch (ms). Valid until the client is closed. */
STRATO_API const char *strato_client_agent(strato_client *client);
STRATO_API uint64_t strato_client_epoch(strato_client *client);
/** What the client has seen since it was opened; every oddity of a peer ends in one of these. */
struct strato_client_counters {
    uint64_t frames_in, frames_out;
    uint64_t malformed;     /* frames that broke the protocol; each re-made the connection */
    uint64_t reconnects;    /* connections after the first */
    uint64_t resumes;       /* of those, the ones that kept the session */
    uint64_t refused;       /* sends refused by the broker */
    uint64_t unconfirmed;   /* sends whose fate is unknown because the session ended first */
    uint64_t late;          /* answers to requests that were given up, settles of lost leases, frames of old epochs */
    uint64_t lagged;        /* events lost to this client's subscriptions and taps */
    uint64_t receipts_lost; /* receipts that nobody fetched in time, or that were not understood */
    uint64_t notices_lost;  /* on_event calls that were dropped because the callback was too slow */
};
STRATO_API void strato_client_counters(strato_client *client, struct strato_client_counters *ret_counters);
/** Round trip of an application ping, in nanoseconds. */
STRATO_API int strato_client_ping(strato_client *client, int timeout_ms, uint64_t *ret_ns);

/* ---- sending ----------------------------------------------------------------------------------- */

struct strato_attachment {
    const void *data;
    size_t bytes;
    void (*free_fn)(void *data, void *hint); /* NULL = copied; set = taken, called when libzmq is done with it */
    void *hint;
};

/** A message to send. Zero-initialise, set `channel` and `envelope.type`, the rest as needed. */
struct strato_send {
    const char *channel;
    struct strato_envelope_out envelope; /* attach is filled in by the library */
    const struct strato_attachment *attachments;
    uint32_t attachments_count; /* <= 8 */
};

/**
 * Send one message within the channel's credit. Returns when the message owns a slot (credit was there and it is on its
 * way); many sends are gathered into one frame while the socket is busy, never delayed when it is idle.
 *
 * @param timeout_ms  How long to wait for a slot. 0 = try: STRATO_EFULL at once (one round trip at most).
 * @return 0; STRATO_EFULL (no slot in time, timeout 0), STRATO_ETIMEOUT (no slot within timeout_ms),
 *         STRATO_ENO_CHANNEL (detail names the nearest), STRATO_ETOO_BIG, STRATO_EDRAINING, STRATO_EUNREACHABLE, ...
 *         Content refusals by the broker (E_SCHEMA, E_EXPIRED, ...) arrive later: on_event, and strato_flush().
 */
STRATO_API int strato_send(strato_client *client, const struct strato_send *message, int timeout_ms);
/** Send, and wait until the broker has decided: 0 = accepted (or known already, see envelope.id); its refusal otherwise. */
STRATO_API int strato_send_confirmed(strato_client *client, const struct strato_send *message, int timeout_ms);
/** Wait until everything sent so far is confirmed. @return 0; STRATO_ETIMEOUT; or the first refusal since the last flush. */
STRATO_API int strato_flush(strato_client *client, int timeout_ms);

/**
 * Send a message to one agent, into its mailbox (the message's own `channel` is ignored), and wait until the broker has
 * decided. It waits there until the agent takes it or its lifetime is over. @return as strato_send_confirmed();
 * STRATO_ENO_ROUTE if nobody is known by that name.
 */
STRATO_API int strato_send_to(strato_client *client, const char *agent, const struct strato_send *message,
                              int timeout_ms);

/* ---- receipts: how messages ended ---------------------------------------------------------------- */

enum strato_outcome {
    STRATO_OUTCOME_SETTLED, /* done: acked, or taken where taking settles */
    STRATO_OUTCOME_EXPIRED,
    STRATO_OUTCOME_DEAD,    /* in the dead letters; `reason` is one of the ten of docs/wire.md "Dead letters" */
    STRATO_OUTCOME_DROPPED, /* `reason`: queue_full, displaced, cancelled, purged, shutdown */
};
struct strato_receipt {
    char channel[STRATO_NAME_BYTES_MAX + 2];
    uint8_t id[STRATO_ID_BYTES_MAX]; /* of the message: envelope.id, or 16 bytes that the broker chose */
    size_t id_bytes;
    enum strato_outcome outcome;
    char reason[32];   /* "" = none */
    uint32_t attempts; /* that were counted */
};
/**
 * The next receipt of a message sent with `envelope.receipt`, in the order in which the messages ended; set envelope.id
 * to tell them apart. Each message on a work channel or in a mailbox gets one, and another one if it is redriven from the
 * dead letters; on events there are none, and a request's answer is its receipt. Receipts survive a resume of the
 * session, but not its end. At most 4,096 wait here to be fetched, as many at the broker while the session is away; more
 * are dropped (counters.receipts_lost).
 * @return 0; STRATO_EEMPTY if none came in time; STRATO_ECLOSED, ... if the client is at its end.
 */
STRATO_API int strato_receipt_next(strato_client *client, int timeout_ms, struct strato_receipt *ret_receipt);

/** Numbers of one produced channel, as the client sees them; `accepted` are confirmed: decided, and on a durable channel on disk. */
struct strato_send_stats {
    uint64_t sent, accepted, refused, limit;
};
STRATO_API int strato_send_stats(strato_client *client, const char *channel, struct strato_send_stats *ret_stats);

/* ---- received messages ------------------------------------------------------------------------- */

enum strato_message_kind {
    STRATO_MESSAGE_WORK,    /* settle it: ack, nack; or it is auto-acked */
    STRATO_MESSAGE_REQUEST, /* answer it: strato_message_reply */
    STRATO_MESSAGE_REPLY,
    STRATO_MESSAGE_EVENT,
    STRATO_MESSAGE_LAGGED, /* no envelope: `gap` says what this subscriber or tap lost */
};
struct strato_gap {
    uint64_t count, from_seq, to_seq;
};

STRATO_API enum strato_message_kind strato_message_kind(const strato_message *message);
/** The envelope; all slices live as long as the message. Zeroed for LAGGED. */
STRATO_API const struct strato_envelope *strato_message_envelope(const strato_message *message);
STRATO_API const char *strato_message_channel(const strato_message *message);
STRATO_API uint32_t strato_message_attachments(const strato_message *message);
STRATO_API struct strato_bytes strato_message_attachment(const strato_message *message, uint32_t index);
STRATO_API struct strato_gap strato_message_gap(const strato_message *message);
/** True once the broker said that nobody wants the outcome any more (told with lease extensions). */
STRATO_API bool strato_message_is_cancelled(const strato_message *message);
/** Frees it. Unsettled work goes back uncounted (nack, penalty false); an unanswered request is told E_NO_REPLY. */
STRATO_API void strato_message_destroy(strato_message **message);

/* ---- consuming and serving --------------------------------------------------------------------- */

struct strato_consumer_options {
    const char *channel;
    bool serve;          /* open as responder of a request channel; declares it (capacity 1,000) if absent */
    bool auto_ack;       /* taking a message settles it */
    bool tap;            /* a lossy copy of the traffic (WORK messages that need no settling, LAGGED for gaps) */
    uint32_t prefetch;   /* messages delivered ahead; 0 = the channel's default */
    uint32_t spread_max; /* sticky channels: most unbound messages held at a time; 0 = default */
    uint32_t bytes;      /* byte budget, 0 = 8 MiB */
};
STRATO_API int strato_consumer_open(strato_client *client, const struct strato_consumer_options *options,
                                    strato_consumer **ret_consumer);
/** Open the client's own mailbox: what others send to its agent name. Messages are to be settled. */
STRATO_API int strato_mailbox_open(strato_client *client, uint32_t prefetch, strato_consumer **ret_consumer);
/** Nacks (uncounted) what was delivered and not taken, and closes. */
STRATO_API void strato_consumer_close(strato_consumer **consumer);
/** The next message, started (its run lease runs). @return 0; STRATO_EEMPTY if none came in time; STRATO_ECLOSED at the end. */
STRATO_API int strato_consumer_next(strato_consumer *consumer, int timeout_ms, strato_message **ret_message);
/** Change the prefetch; 0 pauses: nothing new is delivered. */
STRATO_API int strato_consumer_set_prefetch(strato_consumer *consumer, uint32_t prefetch);

/** Settle: done. Batched; strato_flush() waits until recorded. @return 0, STRATO_ESTALE_LEASE if known to be lost, STRATO_ESTATE if settled. */
STRATO_API int strato_message_ack(strato_message *message);
struct strato_nack {
    int64_t delay_ms;   /* before redelivery; -1 = the broker's back-off ladder */
    const char *reason; /* <= 256 B, or NULL */
    bool no_penalty;    /* not counted as an attempt */
    bool dead;          /* never deliver again */
};
STRATO_API int strato_message_nack(strato_message *message, const struct strato_nack *nack);
/** Renew the run lease by ms (0 = the channel's length). The library does so by itself every 10 s for taken messages. */
STRATO_API int strato_message_extend(strato_message *message, uint32_t ms);
/** Answer a request (channel is ignored). more = a partial reply follows by another. The last one settles it. */
STRATO_API int strato_message_reply(strato_message *request, const struct strato_send *reply, bool more);

/* ---- requesting -------------------------------------------------------------------------------- */

struct strato_request_options {
    int timeout_ms;             /* deadline, > 0 */
    uint32_t wait_responder_ms; /* wait for somebody to serve; 0 = E_NO_RESPONDERS at once */
    bool idempotent;            /* may be run again after its responder died */
};
/** Ask and wait for the final reply; partial ones are passed over. @return 0 with the reply (destroy it); STRATO_ETIMEOUT, ENO_RESPONDERS, EFULL, EUNAVAILABLE, ERESPONDER_LOST, ENO_REPLY. */
STRATO_API int strato_request(strato_client *client, const struct strato_send *message,
                              const struct strato_request_options *options, strato_message **ret_reply);
/** Ask without waiting for the reply; *ret_id names the request. Waits for a slot only where the channel lets producers
 *  wait. @return 0; STRATO_ELIMIT if 1,024 are in flight; STRATO_EFULL, ETIMEOUT, EUNREACHABLE as strato_send(). */
STRATO_API int strato_request_start(strato_client *client, const struct strato_send *message,
                                    const struct strato_request_options *options, uint64_t *ret_id);
struct strato_result {
    uint64_t id;
    int err;               /* 0, or why it failed */
    bool more;             /* partial: further results of this id follow */
    strato_message *reply; /* yours to destroy; NULL on error */
};
/** The next finished (or partially answered) started request, in order of arrival. STRATO_EEMPTY if none in time. */
STRATO_API int strato_request_next(strato_client *client, int timeout_ms, struct strato_result *ret_result);
STRATO_API int strato_request_cancel(strato_client *client, uint64_t id);

/* ---- events ------------------------------------------------------------------------------------ */

/* Publishing is strato_send() on an events channel, with envelope.topic set. */
struct strato_subscription_options {
    const char *channel;      /* default "events" */
    const char *const *match; /* topic globs; none = everything */
    uint32_t match_count;
    const char *policy; /* drop_oldest (default), block, disconnect */
    const char *group;  /* share one queue with the others of this name; NULL = alone */
    uint64_t from_seq;  /* replay from here; 0 = live only */
    uint32_t prefetch;  /* 0 = 256 */
};
/** Confirmed: after it returns, every event accepted later reaches this subscription or shows in a gap. */
STRATO_API int strato_subscription_open(strato_client *client, const struct strato_subscription_options *options,
                                        strato_subscription **ret_subscription);
STRATO_API void strato_subscription_close(strato_subscription **subscription);
/** The next EVENT or LAGGED. @return 0; STRATO_EEMPTY; STRATO_ESLOW if the broker ended it; STRATO_ECLOSED. */
STRATO_API int strato_subscription_next(strato_subscription *subscription, int timeout_ms,
                                        strato_message **ret_message);
/** Sequence number of the channel when the subscription was confirmed. */
STRATO_API uint64_t strato_subscription_seq(const strato_subscription *subscription);

/* ---- administration ---------------------------------------------------------------------------- */

/**
 * One admin.* operation, e.g. "admin.stats". `arguments` is an encoded msgpack map or none; the answer's payload is in
 * the reply's envelope.
 */
STRATO_API int strato_admin(strato_client *client, const char *operation, const char *channel,
                            struct strato_bytes arguments, int timeout_ms, strato_message **ret_reply);
/** One page of history from `from_seq` on: EVENT messages into `ret_messages`. @return how many, 0 at the end. */
STRATO_API int strato_history(strato_client *client, const char *channel, uint64_t from_seq, uint32_t max,
                              int timeout_ms, strato_message **ret_messages, bool *ret_more);

/** What is asked of a history. Zero-initialise, set `channel` and `max`. */
struct strato_history_query {
    const char *channel;
    uint64_t from_seq;                  /* 0 = the oldest that is kept */
    uint64_t from_ts_ms;                /* accepted then or later, Unix ms; 0 = whenever */
    const char *const *match;           /* topic globs, one must match; none = all */
    uint32_t match_count;               /* <= 64 */
    const char *sender;                 /* glob of the sender, or of its agent; NULL = all */
    const char *type;                   /* glob; NULL = all */
    struct strato_bytes correlation_id; /* exact; 16 bytes are a UUID, all else text */
    uint32_t max;                       /* room in ret_messages, of which a notice of a hole takes one */
};
struct strato_history_page {
    uint32_t count;    /* messages in it; may be 0 although there is more */
    uint64_t next_seq; /* from_seq of the next page */
    bool more;
};
/** One page: EVENT messages, behind a LAGGED one if what was asked for is partly forgotten. The broker looks at no more
 *  than 2,048 messages for a page, so ask on from `next_seq` while there is `more`. @return 0 or an error. */
STRATO_API int strato_history_page(strato_client *client, const struct strato_history_query *query, int timeout_ms,
                                   strato_message **ret_messages, struct strato_history_page *ret_page);

/** Version of the library, "0.1.0". Static. */
STRATO_API const char *strato_version(void);

#ifdef __cplusplus
}
#endif
#endif
