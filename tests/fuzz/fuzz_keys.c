/*
 * fuzz_keys.c - a keys file, or one of a key pair, is taken or refused with a reason; every answer about it is one.
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/auth/keys.h"
#include "tests/fuzz/fuzz.h"

static void ask(const struct auth_keys *keys)
{
    char detail[64];

    for (size_t i = 0; i < auth_keys_all(keys)->count; i++) {
        const struct auth_principal *p = &auth_keys_all(keys)->items[i];

        MUST(auth_find(auth_keys_all(keys), p->key) == p && p->roles_count > 0);
        for (unsigned v = 0; v < AUTH_VERBS_COUNT; v++) {
            enum auth_verb verb = (enum auth_verb)(1U << v);
            enum auth_verdict verdict = auth_judge(p, verb, strato_text("gpu"));

            MUST(verdict == AUTH_DENIED || auth_has_verb(p, verb));
            MUST(verdict != AUTH_ALLOWED || auth_permits_topic(p, verb, strato_text("gpu"), STRATO_BYTES_NONE));
            auth_explain(p, verb, strato_text("gpu"), strato_text("a.b"), detail, sizeof detail);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct strato_option_error error = { 0 };
    struct strato_keypair pair;
    struct auth_keys *keys = NULL;
    char detail[256] = "";
    int rc = auth_keys_parse("keys", strato_bytes(data, bytes), &keys, &error);

    MUST(rc == 0 || rc == STRATO_ECONFIG);
    if (rc < 0)
        MUST(error.text[0] && strnlen(error.text, sizeof error.text) < sizeof error.text);
    else
        ask(keys);
    auth_keys_drop(keys);
    rc = strato_keypair_parse(strato_bytes(data, bytes), &pair, detail, sizeof detail);
    MUST(rc == 0 || (rc == STRATO_ECONFIG && detail[0]));
    return 0;
}
