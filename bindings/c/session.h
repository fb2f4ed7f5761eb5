/*
 * session.h - the client's side of SWP/1 as step logic: no socket, no clock, no lock.
 *
 * The shell (client.c with net/) feeds it events with the monotonic time and carries out what it asks
 * for: frames in `out`, a socket to open or close, notices for the application. Between events the API
 * calls into its parts: producer.h (sending), stream.h (consuming, subscribing), request.h (asking).
 *
 *   CLOSED --open--> WAITING --time--> CONNECTING --STEP_OPENED, hello--> HELLO --welcome--> OPEN
 *   HELLO|OPEN --silence, disconnect, malformed frame--> WAITING (back-off)     any --refused for good--> ENDED
 *
 * Rules: docs/wire.md "Sessions", "Credit"; protocol.md sections 4-9.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_BINDINGS_C_SESSION_H
#define STRATO_BINDINGS_C_SESSION_H

#include "bindings/c/gather.h"
#include "bindings/c/message.h"
#include "bindings/c/outbox.h"
#include "bindings/c/reconnect.h"
#include "core/header.h"

enum {
    STRATO__STREAMS_MAX = 1000,   /* opens of one session (protocol.md section 4) */
    STRATO__PRODUCERS_MAX = 4096, /* channels that one client sends to */
    STRATO__ASKS_MAX = 2048,      /* questions without an answer, calls included; a power of two */
    STRATO__CALLS_MAX = 1024,     /* requests in flight per session (protocol.md section 12) */
    STRATO__RESULTS_MAX = 4096,   /* answers to started requests that nobody has fetched */
    STRATO__RECEIPTS_MAX = 4096,  /* receipts that nobody has fetched; a power of two */
    STRATO__NOTICES_MAX = 256,    /* on_event calls waiting for the owning thread */
    STRATO__DETAIL_BYTES = 256,
    STRATO__BURST = 8,     /* inline: so many in quick succession leave at once, only more of them gather */
    STRATO__BURST_US = 50, /* what is further apart is no burst */
    STRATO__MISSES = 3,    /* pings without any frame in return before the connection is given up */
};
#define STRATO__NEVER UINT64_MAX

enum strato__session_state {
    STRATO__CLOSED,
    STRATO__WAITING,    /* no socket; opens one at reconnect_at_us */
    STRATO__CONNECTING, /* the shell has been asked for a socket */
    STRATO__HELLO,      /* hello is on its way */
    STRATO__OPEN,
    STRATO__ENDED, /* for good: end_err says why */
};

enum strato__step_kind {
    STRATO__STEP_OPENED,  /* the socket asked for is there */
    STRATO__STEP_DROPPED, /* the connection under it broke */
    STRATO__STEP_FRAME,
    STRATO__STEP_TICK,
};

struct strato__step {
    enum strato__step_kind kind;
    struct strato__inbound *inbound; /* FRAME: borrowed */
};

struct strato__notice {
    enum strato_client_event event;
    int err;
    char detail[128];
};

struct strato__producer;
struct strato__ask;

struct strato__result {
    uint64_t id;
    int err;
    bool more;
    struct strato_message *reply;
};

struct strato__session {
    /* who we are: copied at init */
    char *agent_wanted, *kind;
    char **caps;
    uint32_t caps_count;
    uint64_t hb_us;
    bool no_batching;
    bool is_inline; /* nobody comes back by itself: what has no company in sight leaves at once */

    enum strato__session_state state;
    int end_err;
    uint64_t now_us;
    uint64_t reconnect_at_us;
    uint64_t hello_by_us;
    struct strato__backoff backoff;
    bool wants_socket; /* the shell opens one and clears this */
    bool drop_socket;  /* the shell closes it and clears this */

    /* who the broker says we are */
    char agent[STRATO_NAME_BYTES_MAX + 1];
    uint8_t token[64];
    size_t token_bytes;
    uint64_t ep, epoch;
    bool was_open;
    bool is_draining;
    uint64_t message_bytes_max;

    uint64_t last_rx_us, last_tx_us, flushed_us;
    uint32_t flushed_messages; /* left together at flushed_us */
    uint32_t misses;

    struct strato__outbox out;
    struct strato__flight *flight;
    struct strato__message_pool pool;
    struct strato_client *client; /* only copied into messages */

    struct strato__producer *producers[256]; /* by hash of the name, chained */
    struct strato__producer *producers_list;
    struct strato__producer *producer_last; /* the one used last: most clients send to one channel */
    uint32_t producers_count;
    struct strato__stream *streams[STRATO__STREAMS_MAX + 1]; /* by stream number; 0 is the producers' */
    uint32_t streams_top;                                    /* numbers above are unused */
    struct strato__ask *asks[STRATO__ASKS_MAX];              /* by rq modulo its size */
    uint64_t rq_next;
    uint32_t asks_count, calls_count;
    uint64_t asks_due_us; /* earliest deadline of a started request */

    struct strato__result *results; /* ring */
    uint32_t results_head, results_count, results_capacity;

    struct strato_receipt *receipts; /* ring */
    uint32_t receipts_head, receipts_count, receipts_capacity;

    struct strato__notice *notices; /* ring of NOTICES_MAX */
    uint32_t notices_head, notices_count;

    int flush_err;         /* first refusal since the last flush */
    bool settles_unproven; /* settles were sent since the last barrier */
    bool has_pending;      /* something is gathered somewhere */
    uint64_t pending_since_us;
    uint64_t gathered_us; /* inline: when something was gathered last, */
    uint32_t burst;       /* and how many came so quickly before it */
    uint64_t extend_at_us;
    uint64_t resend_at_us; /* producers that a resume left without credit ask again */
    uint64_t progress;     /* changes when a waiting caller should look again */
    uint64_t arrivals;     /* changes when something for the application arrived */
    uint32_t readable;     /* messages queued in streams, to answer "is anything ready" */
    char detail[STRATO__DETAIL_BYTES + 1];
    struct strato_client_counters counters;
};

/** Copies what it needs of the options. @return 0; STRATO_EINVAL; STRATO_ENOMEM. */
int strato__session_init(struct strato__session *s, const struct strato_client_options *options, uint64_t seed);
void strato__session_fini(struct strato__session *s);

/** Take one event. What a broker sends never makes it fail: bad frames end the connection and are counted. */
void strato__session_step(struct strato__session *s, const struct strato__step *step, uint64_t now_us);
/** When STEP_TICK is due; STRATO__NEVER if not at all. */
uint64_t strato__session_next_us(const struct strato__session *s);
/** Begin to connect. */
void strato__session_open(struct strato__session *s, uint64_t now_us);
/** Say bye. */
void strato__session_bye(struct strato__session *s);
/** Close every gathered frame and put it into `out`. */
void strato__session_flush(struct strato__session *s);
/** Note that something is gathered, and send it if the socket is idle or it has waited long enough. An inline client may
 *  not come back to do so, so there only what belongs to a burst gathers. */
void strato__session_gathered(struct strato__session *s);
/** 0 if frames can be sent; why not otherwise (STRATO_EAGAIN while reconnecting, else for good). */
int strato__session_check(const struct strato__session *s);

/* For the parts of the session. */
/** Take a received frame (incoming.c). */
void strato__session_on_frame(struct strato__session *s, struct strato__inbound *inbound);
/** A refusal of the whole session, as an answer to hello or in the middle: true if it was one. */
bool strato__session_err(struct strato__session *s, const struct strato_header *h);
/** Send an operation without keys but `t`, which may be none. */
void strato__session_say(struct strato__session *s, const char *op, struct strato_bytes t);
/** Send a frame of only a header. @return 0 or STRATO_ENOMEM. */
int strato__session_send(struct strato__session *s, struct strato_writer *header);
void strato__session_notice(struct strato__session *s, enum strato_client_event event, int err,
                            struct strato_bytes detail);
void strato__session_detail(struct strato__session *s, struct strato_bytes detail);
/** The connection is no good: a new one after the back-off. */
void strato__session_lost(struct strato__session *s);
/** The broker's handshake said no to this key: the end, unless it was let in before. */
void strato__session_unwelcome(struct strato__session *s);
/** A frame broke the protocol: count it, say why, make a new connection. */
void strato__session_malformed(struct strato__session *s, const char *why);
/** A refusal that no caller waits for: counted, told by on_event and by the next flush. */
void strato__session_refused(struct strato__session *s, int err, uint64_t count, struct strato_bytes detail);
#endif
