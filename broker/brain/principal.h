/*
 * principal.h - the identities behind the peers: what each may do, how much, and what it was refused.
 *
 * A principal is a key of the keys file, or `local`: whoever comes over inproc, a Unix socket, or, as long as keys are not
 * asked for, over TCP. Peers and sessions point at theirs. When the keys are replaced, those of a key that is gone end;
 * those of a key whose rights shrank end if they use what it lost. Rule: docs/wire.md "Security".
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_BRAIN_PRINCIPAL_H
#define STRATO_BRAIN_PRINCIPAL_H

#include "broker/auth/verdict.h"
#include "broker/brain/map.h"

struct brain;
struct brain_event;
struct channel;
struct peer;

enum {
    PRINCIPAL_AUDIT_MS = 5000, /* so many lines of each kind in this time, for one principal */
    PRINCIPAL_REFUSED_LINES = 1,
    PRINCIPAL_ADMIN_LINES = 20,
    PRINCIPAL_DECLARED_MAX =
        256, /* channels that a key's clients have declared and that are still there; `local`: no limit */
};

/** Lines of one kind that were written in a span of time, and those that were held back. */
struct principal_audit {
    uint64_t since_ms;
    uint32_t written, held_back;
};

struct principal {
    const struct auth_principal *rights; /* NULL: `local`. Borrowed from the set. */
    uint8_t key[STRATO_KEY_BYTES];
    char name[STRATO_KEY_NAME_BYTES_MAX + 1];
    uint64_t salt;                /* of its leases' texts: those of another are nothing worth to it */
    uint32_t declared;            /* channels */
    uint32_t peers;               /* connections that have spoken */
    struct sender *edge_sender;   /* of its messages on the pub/sub and push/pull edges */
    uint64_t rate_ms, rate_spent; /* messages since rate_ms, in thousandths, less what time has given back */
    uint64_t refused;
    struct principal_audit refusals, acts;
};

struct principals {
    const struct auth_principals *set; /* borrowed; NULL = keys are not asked for */
    struct map by_key;
    struct principal local;
    uint64_t strangers, over_rate, over_connections; /* frames and messages refused for it */
};

void principals_init(struct principals *who);
void principals_fini(struct principals *who);
/** BRAIN_PRINCIPALS: from now on these keys, and no others. `set` is borrowed until the next time. */
void principals_replace(struct brain *brain, const struct auth_principals *set);
/** Whose key is this? No key: `local`. NULL: a stranger's, or out of memory. */
struct principal *principal_of(struct brain *brain, struct strato_bytes key);
/** Is this agent name that of another key? Then it is not to be had: it would be taken for that key's own agent. */
bool principal_is_anothers_name(const struct brain *brain, const struct principal *principal,
                                struct strato_bytes agent);
/** Sender of its messages on the edges of plain sockets, or NULL when out of memory. Owned by the principal. */
struct sender *principal_edge_sender(struct principal *principal);
/** May it send n more messages now? Counts them if so; else says when to come back. */
bool principal_rate_takes(struct principal *principal, uint64_t n, uint64_t now_ms, uint32_t *ret_retry_ms);

/** A peer's frame came in: find out whose it is. False: it was refused, answered, and the peer is gone. */
bool peer_admit(struct peer *peer, const struct brain_event *event);
/** End a peer: it is told why, its session is closed, its connection is cut. */
void peer_expel(struct peer *peer, int err, const char *detail);

/** For the log: it was refused this. */
void principal_audit_refusal(struct brain *brain, struct principal *principal, const char *verb,
                             struct strato_bytes channel);
/** For the log: it did this. */
void principal_audit_act(struct brain *brain, struct principal *principal, const char *act,
                         struct strato_bytes channel);
#endif
