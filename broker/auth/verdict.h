/*
 * verdict.h - who may do what: principals, their grants, and the one pure decision over them.
 *
 * A principal is the name that a CURVE key maps to. Its roles hold grants; a grant names channels and topics by glob and
 * allows verbs there. What no grant allows is denied. No socket, no file, no clock: the brain and the ZAP thread ask.
 * Rule: docs/wire.md "Security"; docs/security.md.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_AUTH_VERDICT_H
#define STRATO_AUTH_VERDICT_H

#include "core/bytes.h"
#include "core/keypair.h"

enum auth_verb {
    AUTH_PUBLISH = 1 << 0,
    AUTH_CONSUME = 1 << 1,
    AUTH_REQUEST = 1 << 2,
    AUTH_SERVE = 1 << 3,
    AUTH_OBSERVE = 1 << 4, /* taps, history, figures */
    AUTH_BLOCK = 1 << 5,   /* subscriptions that slow the publishers */
    AUTH_ADMIN = 1 << 6,
};
enum { AUTH_VERBS_COUNT = 7, AUTH_CONNECTIONS_DEFAULT = 64 };

struct auth_grant {
    char *channel; /* glob */
    char *topic;   /* glob; NULL = every topic, and messages without one */
    unsigned verbs;
};

struct auth_role {
    char *name;
    struct auth_grant *grants;
    size_t grants_count;
};

struct auth_principal {
    char *name;
    uint8_t key[STRATO_KEY_BYTES];
    const struct auth_role **roles;
    size_t roles_count;
    uint32_t rate_per_s; /* messages published and requested; 0 = no limit */
    uint32_t connections_max;
};

/** Everybody who is let in, by key, ascending. */
struct auth_principals {
    const struct auth_principal *items;
    size_t count;
};
/** The principal of a public key, or NULL: a stranger. O(log n). */
const struct auth_principal *auth_find(const struct auth_principals *set, const uint8_t key[STRATO_KEY_BYTES]);

enum auth_verdict {
    AUTH_DENIED,
    AUTH_BY_TOPIC, /* ask again with the topic */
    AUTH_ALLOWED,
};

/**
 * May the principal use this verb on this channel, whatever the topic?
 * @param channel  None = on every channel: only a grant over ">" allows that.
 */
enum auth_verdict auth_judge(const struct auth_principal *principal, enum auth_verb verb, struct strato_bytes channel);
/** May it with this topic? None = a message without one. */
bool auth_permits_topic(const struct auth_principal *principal, enum auth_verb verb, struct strato_bytes channel,
                        struct strato_bytes topic);
/** May it with every topic that this glob matches? One grant must cover all of them. */
bool auth_permits_match(const struct auth_principal *principal, enum auth_verb verb, struct strato_bytes channel,
                        struct strato_bytes match);
/** Has it this verb anywhere? */
bool auth_has_verb(const struct auth_principal *principal, enum auth_verb verb);
/** Does glob `wide` match every name that glob `narrow` matches? */
bool auth_glob_covers(struct strato_bytes wide, struct strato_bytes narrow);
/** Do both allow the same things? */
bool auth_rights_equal(const struct auth_principal *a, const struct auth_principal *b);

/** "publish"; "?" for what is no single verb. */
const char *auth_verb_name(enum auth_verb verb);
/** The verb of a name, or 0. */
unsigned auth_verb_parse(struct strato_bytes name);
/** "key trainer lacks the verb publish on channel gpu (allowed: consume)": for the answer to the principal itself. */
void auth_explain(const struct auth_principal *principal, enum auth_verb verb, struct strato_bytes channel,
                  struct strato_bytes topic, char *ret_detail, size_t detail_bytes);
#endif
