/*
 * credentials.c - read, apply, wipe.
 *
 * SPDX-License-Identifier: MIT
 */
#include "bindings/c/net/credentials.h"

#include <zmq.h>

/* A key by itself, or the path of a file that has one. */
static int read_server_key(const char *text, uint8_t *key)
{
    struct strato_keypair pair;
    char detail[512];
    int rc;

    if (strato_key_parse(strato_text(text), key))
        return 0;
    rc = strato_keypair_read(text, false, &pair, detail, sizeof detail);
    if (rc < 0)
        return rc;
    memcpy(key, pair.public_key, sizeof pair.public_key);
    strato_keypair_wipe(&pair);
    return 0;
}

static int read_own(const struct strato_client_options *o, struct strato__credentials *c)
{
    struct strato_keypair pair;
    char detail[512];
    int rc;

    if (!o->key_file)
        return o->public_key && o->secret_key && strato_key_parse(strato_text(o->public_key), c->public_key) &&
                       strato_key_parse(strato_text(o->secret_key), c->secret_key)
                   ? 0
                   : STRATO_EINVAL;
    if (o->public_key || o->secret_key)
        return STRATO_EINVAL;
    rc = strato_keypair_read(o->key_file, true, &pair, detail, sizeof detail);
    if (rc < 0)
        return rc;
    memcpy(c->public_key, pair.public_key, sizeof pair.public_key);
    memcpy(c->secret_key, pair.secret_key, sizeof pair.secret_key);
    strato_keypair_wipe(&pair);
    return 0;
}

int strato__credentials_read(const struct strato_client_options *options, struct strato__credentials *ret_credentials)
{
    struct strato__credentials c = { .is_on = true };
    bool has_own = options->key_file || options->public_key || options->secret_key;
    int rc;

    if (!options->server_key && !has_own)
        return 0;
    if (!options->server_key || !has_own)
        return STRATO_EINVAL;
    rc = read_server_key(options->server_key, c.server_key);
    if (rc == 0)
        rc = read_own(options, &c);
    if (rc == 0)
        *ret_credentials = c;
    strato__credentials_wipe(&c);
    return rc;
}

int strato__credentials_apply(const struct strato__credentials *credentials, void *zmq)
{
    if (!credentials->is_on)
        return 0;
    return zmq_setsockopt(zmq, ZMQ_CURVE_SERVERKEY, credentials->server_key, STRATO_KEY_BYTES) == 0 &&
                   zmq_setsockopt(zmq, ZMQ_CURVE_PUBLICKEY, credentials->public_key, STRATO_KEY_BYTES) == 0 &&
                   zmq_setsockopt(zmq, ZMQ_CURVE_SECRETKEY, credentials->secret_key, STRATO_KEY_BYTES) == 0
               ? 0
               : STRATO_EIO;
}

void strato__credentials_wipe(struct strato__credentials *credentials)
{
    explicit_bzero(credentials, sizeof *credentials);
}
