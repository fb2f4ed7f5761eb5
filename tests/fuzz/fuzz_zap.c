/*
 * fuzz_zap.c - whatever a ZAP request says, only a known key, or a Unix socket, is let in.
 *
 * The parts of the request are what stands between zero bytes; a part that is "@" is the one known key.
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/net/zap.h"
#include "tests/fuzz/fuzz.h"

static const char file[] = "roles: {r: [{channel: jobs, verbs: [publish]}]}\n"
                           "keys: {k: {key: '1000000000000000000000000000000000000000', roles: [r]}}\n";

static struct auth_keys *known(void)
{
    static struct auth_keys *keys;
    struct strato_option_error e;

    if (!keys)
        MUST(auth_keys_parse("keys", strato_text(file), &keys, &e) == 0);
    return keys;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct auth_keys *keys = known();
    const struct auth_principal *only = &auth_keys_all(keys)->items[0], *found = NULL;
    struct strato_bytes parts[5] = { { 0 } };
    struct net_zap_request r;
    enum net_zap_cause cause;

    for (size_t i = 0; i < 5; i++) {
        const uint8_t *zero = bytes ? memchr(data, 0, bytes) : NULL;
        size_t length = zero && i < 4 ? (size_t)(zero - data) : bytes;

        parts[i] = strato_bytes(data, length);
        data += length + (zero != NULL && i < 4);
        bytes -= length + (zero != NULL && i < 4);
    }
    r = (struct net_zap_request){ .version = parts[0],
                                  .domain = parts[1],
                                  .address = parts[2],
                                  .mechanism = parts[3],
                                  .key = strato_bytes_is(parts[4], "@") ? STRATO_BYTES_OF(only->key) : parts[4] };
    cause = net_zap_judge(keys, &r, &found);
    MUST(cause < NET_ZAP_CAUSES && *net_zap_cause_name(cause));
    MUST(!found || found == only);
    if (cause != NET_ZAP_ADMITTED)
        return 0;
    MUST(strato_bytes_is(r.version, "1.0") && r.domain.bytes > 7 && memcmp(r.domain.data, "strato:", 7) == 0);
    MUST(found ? strato_bytes_is(r.mechanism, "CURVE") : strato_bytes_is(r.mechanism, "NULL"));
    return 0;
}
