/*
 * shell.h - the hands of the broker: every socket, the clock, and one brain that says what to do.
 *
 * One thread runs all of it. A turn: wait; hear the monitors; drain each socket, 256 messages at most, each
 * message one brain step; tick; end the turn; carry out the actions. Nothing here decides about a message:
 * what a frame means is the brain's affair. Rule: docs/wire.md "Batching and the core loop".
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_NET_SHELL_H
#define STRATO_NET_SHELL_H

#include "broker/broker.h"
#include "broker/net/door.h"
#include "broker/net/guard.h"
#include "broker/net/peer.h"
#include "broker/net/socket.h"

enum {
    NET_DRAIN_MAX = 256,      /* messages from one socket in one turn */
    NET_EDGE_WINDOW = 32,     /* messages between the brain and one PUSH out */
    NET_STUCK_MAX_MS = 12000, /* the brain detaches after 10 s; then what waits here is nobody's */
    NET_RETRY_MS = 5,         /* how soon a stuck peer is tried again: a ROUTER has no event for one peer */
    NET_SOCKETS_MAX = 5 + 2 * 40,
    NET_SILENT_MS = 30000,      /* how long a connection of the native edge may be without a first frame */
    NET_SILENT_WARN = 128,      /* more of them than this is worth a line */
    NET_LOG_INTERVAL_MS = 5000, /* one line per subject in this time */
};

/** Subjects of rate-limited log lines. */
enum { NET_LOG_HANDSHAKE = 1, NET_LOG_TURNED_AWAY, NET_LOG_REFUSED, NET_LOG_FULL, NET_LOG_SILENT };

/** A PUSH out: messages that the brain handed over and the socket has not taken yet. */
struct net_outlet {
    uint32_t edge; /* the brain's number */
    bool is_ready, was_connected;
    struct net_frame queue[NET_EDGE_WINDOW];
    uint32_t head, count;
};

/** A connection that is to end when what was sent to it has left. */
struct net_cut {
    int fd;
    uint64_t at_ms;
};

/** Numbers of peers, for those that need another look. */
struct net_peer_list {
    brain_peer *numbers;
    size_t count, capacity;
};

struct shell {
    void *zmq;
    struct brain *brain;
    struct brain_out out;
    struct store *store;         /* between opening and reading back */
    struct committer *committer; /* NULL: everything lives in memory */
    bool is_store_lost;          /* a batch never reached the committer */
    struct net_socket *sockets;
    struct net_outlet *outlets; /* parallel to sockets; used by NET_WORK_OUT */
    size_t sockets_count;
    zmq_pollitem_t *items; /* sockets, monitors, the wake descriptor */
    bool hears_all;        /* monitors are read in this turn, whether signalled or not */
    size_t items_count;
    int wake_fd; /* eventfd: another thread wants something. Borrowed. */
    struct net_guard guard;
    struct net_door door;
    struct net_peers peers;
    struct net_cut *cuts; /* connections to end */
    size_t cuts_count, cuts_capacity;
    struct net_peer_list doubted, gone, stuck;
    uint64_t now_ms, wall_ms; /* of this turn */
    uint32_t prefixes;        /* that the pub/sub edge's subscribers asked for */
    uint32_t spin_us;
    uint64_t descriptors_near; /* net_descriptors_near() */
    uint64_t retry_at_ms;      /* when a stuck or doubted peer is due */
    bool has_more;             /* work is left: do not sleep */
    bool was_busy;             /* the last turn found something: worth spinning for more */
    bool is_drained;
    struct strato_broker_drain drained;
    struct strato_broker_stats stats;
    struct strato_log_limit log_limit;
    broker_log_fn *log_fn;
    void *log_arg;
};

/** Bind every edge of the configuration and open the brain. @return as strato_broker_new(). */
int shell_open(struct shell *sh, const struct broker_config *config, int wake_fd, char *detail, size_t detail_bytes);
/** Close every socket, giving what is to be sent linger_ms, and the brain. The ZeroMQ context stays. */
void shell_close(struct shell *sh, int linger_ms);
/** One turn: sleeps at most until the next timer. Returns true if the wake descriptor was readable. */
bool shell_turn(struct shell *sh);
/** Tell everybody; new sessions and messages are refused from now on. */
void shell_begin_drain(struct shell *sh);
/** From now on these keys (held): whose key is gone, or lost a right that it uses, is expelled. */
void shell_replace_keys(struct shell *sh, struct auth_keys *keys);
/** Feed one event to the brain; its actions are carried out at the end of the turn. */
void shell_step(struct shell *sh, struct brain_event *event);

/** One line: event and pairs. Formatted only if somebody listens. */
void shell_log(struct shell *sh, enum strato_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/** The same, but at most once in NET_LOG_INTERVAL_MS for one key. */
bool shell_log_allows(struct shell *sh, uint64_t key, uint64_t *ret_suppressed);

int net_peer_list_add(struct net_peer_list *list, brain_peer number);

/* native.c: the ROUTERs */
void native_read(struct shell *sh, uint8_t socket);
void native_hear(struct shell *sh, size_t socket);
/** A listener of any edge took a connection in: somebody may have to go. `socket` is its index. */
void native_accepted(struct shell *sh, size_t socket, int fd);
/** And closed one. */
void native_left(struct shell *sh, size_t socket, int fd);
/** A handshake of any edge was refused by our ZAP handler. */
void native_refused(struct shell *sh);
/** Carry out SEND, PROBE and CLOSE. Takes data and blobs out of the action. */
void native_send(struct shell *sh, struct brain_action *action);
void native_probe(struct shell *sh, struct brain_action *action);
void native_close(struct shell *sh, brain_peer number);
/** Try stuck peers again, probe doubted ones again. Returns when that is due next. */
uint64_t native_retry(struct shell *sh);

/* storage.c: the store */
int storage_open(struct shell *sh, const struct broker_config *config, char *detail, size_t detail_bytes);
/** Give the brain its rows back, and start the storage thread. */
int storage_restore(struct shell *sh, char *detail, size_t detail_bytes);
/** Carry out COMMIT. Takes the data out of the action. */
void storage_commit(struct shell *sh, struct brain_action *action);
/** The committer has news. */
void storage_hear(struct shell *sh);
/** Sync what waits, and close. */
void storage_close(struct shell *sh);

/* edges.c: pub/sub and push/pull */
void edges_read(struct shell *sh, struct net_socket *s);
void edges_publish(struct shell *sh, struct brain_action *action);
void edges_out(struct shell *sh, struct brain_action *action);
void edges_hear(struct shell *sh, size_t i);
/** Look which PUSH sockets take messages now, send what waits, tell the brain. */
void edges_flush(struct shell *sh);
#endif
