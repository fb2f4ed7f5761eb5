/*
 * guard.c - open, ask, close.
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/net/guard.h"

#include <stdio.h>

/* A public key that is not the secret's own makes every handshake fail without a word. */
static int check_pair(const struct strato_keypair *pair, const char *path, char *detail, size_t detail_bytes)
{
    char secret[STRATO_KEY_CHARS + 1], public_key[STRATO_KEY_CHARS + 1], own[STRATO_KEY_CHARS + 1];
    int rc;

    strato_key_print(pair->secret_key, secret);
    strato_key_print(pair->public_key, own);
    rc = zmq_curve_public(public_key, secret) == 0 && strcmp(public_key, own) == 0 ? 0 : STRATO_ECONFIG;
    explicit_bzero(secret, sizeof secret);
    if (rc < 0)
        snprintf(detail, detail_bytes,
                 "%.200s: the public key does not belong to the secret; make a new pair: strato key new", path);
    return rc;
}

static int read_pair(struct net_guard *guard, const char *path, char *detail, size_t detail_bytes)
{
    struct strato_keypair pair;
    int rc = strato_keypair_read(path, true, &pair, detail, detail_bytes);

    if (rc < 0)
        return rc == STRATO_EIO ? rc : STRATO_ECONFIG;
    rc = check_pair(&pair, path, detail, detail_bytes);
    memcpy(guard->security.secret_key, pair.secret_key, sizeof pair.secret_key);
    memcpy(guard->public_key, pair.public_key, sizeof pair.public_key);
    strato_keypair_wipe(&pair);
    return rc;
}

int net_guard_open(struct net_guard *guard, void *context, const struct broker_config *config, char *detail,
                   size_t detail_bytes)
{
    struct strato_option_error error = { "" };
    int rc;

    if (!broker_config_has_keys(config))
        return 0;
    if (zmq_has("curve") != 1) {
        snprintf(detail, detail_bytes, "keys are asked for, and this libzmq was built without CURVE");
        return STRATO_ECONFIG;
    }
    rc = read_pair(guard, config->server_key, detail, detail_bytes);
    if (rc < 0)
        return rc;
    rc = auth_keys_read(config->keys, &guard->keys, &error);
    if (rc < 0) {
        snprintf(detail, detail_bytes, "keys: %s", error.text);
        return rc == STRATO_ENOMEM ? rc : STRATO_ECONFIG;
    }
    rc = net_zap_open(context, guard->keys, &guard->zap);
    if (rc < 0)
        snprintf(detail, detail_bytes, "the ZAP handler could not be started: %s", strato_strerror(rc));
    guard->is_on = rc == 0;
    return rc;
}

void net_guard_close(struct net_guard *guard)
{
    net_zap_close(&guard->zap);
    auth_keys_drop(guard->keys);
    explicit_bzero(guard, sizeof *guard);
}

struct net_caller net_guard_caller(const struct net_guard *guard, zmq_msg_t *frame)
{
    struct net_caller caller = { .has_key = false };
    const char *user = guard->is_on ? zmq_msg_gets(frame, "User-Id") : NULL;

    if (!user)
        return caller;
    caller.is_local = strcmp(user, NET_ZAP_USER_LOCAL) == 0;
    caller.has_key = strato_key_parse(strato_text(user), caller.key);
    return caller;
}
