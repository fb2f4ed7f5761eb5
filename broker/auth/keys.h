/*
 * keys.h - the keys file: which public keys are let in, under which names, with which roles.
 *
 *     roles:
 *       trainer:
 *         - {channel: gpu, verbs: [publish, request]}
 *         - {channel: events, topic: 'train.>', verbs: [publish, consume]}
 *     keys:
 *       alice: {key: 'rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7', roles: [trainer], rate: 1000, connections: 4}
 *
 * The roles admin, agent, service and observer are there without being written; a file may write its own of these names.
 * A set of keys is read as a whole and never changed afterwards: a reload makes another. It may be shared by threads.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_AUTH_KEYS_H
#define STRATO_AUTH_KEYS_H

#include "broker/auth/verdict.h"
#include "core/option.h"

enum {
    AUTH_KEYS_MAX = 4096,
    AUTH_ROLES_MAX = 256,
    AUTH_GRANTS_MAX = 64,    /* per role */
    AUTH_KEY_ROLES_MAX = 16, /* per key */
};

struct auth_keys;

/**
 * Read a keys file.
 * @return 0; STRATO_ENOENT; STRATO_EIO; STRATO_ECONFIG (ret_error: file:line:column, cause, what is wanted);
 *         STRATO_ENOMEM. Release with auth_keys_drop().
 */
int auth_keys_read(const char *path, struct auth_keys **ret_keys, struct strato_option_error *ret_error);
/** The same from memory; path is for complaints. */
int auth_keys_parse(const char *path, struct strato_bytes text, struct auth_keys **ret_keys,
                    struct strato_option_error *ret_error);
/** A number that is another one when the content of the file is; 0 if it cannot be read. For those who watch it. */
uint64_t auth_keys_fingerprint(const char *path);
struct auth_keys *auth_keys_hold(struct auth_keys *keys);
/** Accepts NULL. The last holder frees. Thread-safe, as hold is. */
void auth_keys_drop(struct auth_keys *keys);

/** Everybody in it; lives as long as the set. */
const struct auth_principals *auth_keys_all(const struct auth_keys *keys);
/** By name, or NULL. O(n). */
const struct auth_principal *auth_keys_named(const struct auth_keys *keys, struct strato_bytes name);
#endif
