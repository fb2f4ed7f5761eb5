/*
 * test_keys.c - what a keys file may say, how it says no, and where its limits are.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tests/unit/core/lib.h"

#include "broker/auth/keys.h"

#include <stdio.h>

#define KEY "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"

static int parse(const char *text, struct auth_keys **keys, struct strato_option_error *e)
{
    *keys = NULL;
    e->text[0] = '\0';
    return auth_keys_parse("keys.yaml", strato_text(text), keys, e);
}

static void a_key_is_found_by_its_bytes_and_by_its_name(void **state)
{
    struct strato_option_error e;
    struct auth_keys *keys;
    uint8_t key[STRATO_KEY_BYTES];
    const struct auth_principal *p;

    (void)state;
    assert_int_equal(parse("keys: {alice: {key: '" KEY "', roles: [agent], rate: 10, connections: 3}}", &keys, &e), 0);
    assert_true(strato_key_parse(strato_text(KEY), key));
    p = auth_find(auth_keys_all(keys), key);
    assert_non_null(p);
    assert_string_equal(p->name, "alice");
    assert_int_equal(p->rate_per_s, 10);
    assert_int_equal(p->connections_max, 3);
    assert_ptr_equal(p, auth_keys_named(keys, strato_text("alice")));
    key[0] ^= 1;
    assert_null(auth_find(auth_keys_all(keys), key));
    assert_null(auth_keys_named(keys, strato_text("bob")));
    auth_keys_drop(keys);
}

static void roles_may_stand_behind_the_keys_and_replace_built_in_ones(void **state)
{
    struct strato_option_error e;
    struct auth_keys *keys;
    const struct auth_principal *p;

    (void)state;
    assert_int_equal(parse("keys: {a: {key: '" KEY "', roles: [agent]}}\n"
                           "roles: {agent: [{channel: gpu, verbs: [publish]}]}",
                           &keys, &e),
                     0);
    p = &auth_keys_all(keys)->items[0];
    assert_int_equal(p->connections_max, AUTH_CONNECTIONS_DEFAULT);
    assert_int_equal(auth_judge(p, AUTH_PUBLISH, strato_text("gpu")), AUTH_ALLOWED);
    assert_int_equal(auth_judge(p, AUTH_CONSUME, strato_text("evolution")), AUTH_DENIED);
    auth_keys_drop(keys);
}

static void an_empty_file_lets_nobody_in(void **state)
{
    static const char *const texts[] = { "", "# nothing\n", "keys:\n", "roles:\nkeys: ~\n" };
    struct strato_option_error e;
    struct auth_keys *keys;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_int_equal(parse(texts[i], &keys, &e), 0);
        assert_int_equal(auth_keys_all(keys)->count, 0);
        auth_keys_drop(keys);
    }
}

static void a_broken_file_is_refused_with_line_and_cause(void **state)
{
    static const struct {
        const char *text, *says;
    } cases[] = {
        { "keys: [", "keys.yaml:2:1: not valid YAML" },
        { "- a", "is a map of roles: and keys:" },
        { "key: {}", "keys.yaml:1:1: unknown key \"key\"" },
        { "keys: 5", "keys is a map of names" },
        { "keys: {}\nkeys: {}", "keys.yaml:2:1: keys stands twice" },
        { "keys: {a b: {}}", "keys.yaml:1:8: a key's name" },
        { "keys: {local: {key: '" KEY "', roles: [agent]}}", "is not \"local\"" },
        { "keys:\n  a: x", "keys.yaml:2:6: a is a map" },
        { "keys:\n  a: {key: 'x', roles: [agent]}", "keys.yaml:2:12: key is a public key" },
        { "keys:\n  a: {key: '" KEY "'}", "a needs key and roles" },
        { "keys:\n  a: {roles: [agent]}", "a needs key and roles" },
        { "keys:\n  a: {key: '" KEY "', roles: []}", "roles is a list of 1 to 16" },
        { "keys:\n  a: {key: '" KEY "', roles: [agnt]}", "no role \"agnt\" (did you mean agent?)" },
        { "keys:\n  a: {key: '" KEY "', roles: [zzz]}", "admin, agent, service, observer are built in" },
        { "keys:\n  a: {key: '" KEY "', roles: [agent], roles: [admin]}", "\"roles\" stands twice" },
        { "keys:\n  a: {key: '" KEY "', roles: [agent], rate: 0}", "rate is a number, 1 to" },
        { "keys:\n  a: {key: '" KEY "', roles: [agent], rate: -5}", "rate is a number, 1 to" },
        { "keys:\n  a: {key: '" KEY "', roles: [agent], secret: x}", "unknown key \"secret\"" },
        { "keys:\n  a: {key: '" KEY "', roles: [agent]}\n  a: {key: '" KEY "', roles: [agent]}", "\"a\" stands twice" },
        { "keys:\n  a: {key: '" KEY "', roles: [agent]}\n  b: {key: '" KEY "', roles: [agent]}", "have the same key" },
        { "roles: {r: {}}", "a role is a list of grants" },
        { "roles: {r: [gpu]}", "a grant is a map" },
        { "roles: {r: [{channel: gpu}]}", "a grant needs channel and verbs" },
        { "roles: {r: [{verbs: [publish]}]}", "a grant needs channel and verbs" },
        { "roles: {r: [{channel: 'a..b', verbs: [publish]}]}", "channel is a name or a glob" },
        { "roles: {r: [{channel: '>.a', verbs: [publish]}]}", "channel is a name or a glob" },
        { "roles: {r: [{channel: a, topic: '', verbs: [publish]}]}", "topic is a name or a glob" },
        { "roles: {r: [{channel: a, verbs: publish}]}", "verbs is a list" },
        { "roles: {r: [{channel: a, verbs: []}]}", "verbs is a list" },
        { "roles: {r: [{channel: a, verbs: [publsh]}]}", "unknown verb \"publsh\" (did you mean publish?)" },
        { "roles: {r: [{channel: a, verb: [publish]}]}", "unknown key \"verb\"" },
        { "keys: {}\n---\nkeys: {}", "a second document" },
    };
    struct strato_option_error e;
    struct auth_keys *keys;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(parse(cases[i].text, &keys, &e), STRATO_ECONFIG);
        if (!strstr(e.text, cases[i].says))
            fail_msg("%s: said \"%s\", not \"%s\"", cases[i].text, e.text, cases[i].says);
        assert_null(keys);
    }
}

/* `count` entries written by fn between head and tail. */
static int parse_many(const char *head, void (*fn)(FILE *to, int i), int count, const char *tail, const char **ret_says)
{
    static struct strato_option_error e;
    struct auth_keys *keys = NULL;
    char *text = NULL;
    size_t bytes;
    FILE *to = open_memstream(&text, &bytes);
    int rc;

    fputs(head, to);
    for (int i = 0; i < count; i++)
        fn(to, i);
    fputs(tail, to);
    fclose(to);
    rc = auth_keys_parse("keys.yaml", strato_bytes(text, bytes), &keys, &e);
    *ret_says = e.text;
    auth_keys_drop(keys);
    free(text);
    return rc;
}

static void write_key(FILE *to, int i)
{
    fprintf(to, "  k%d: {key: '%040d', roles: [agent]}\n", i, i);
}

static void write_role(FILE *to, int i)
{
    fprintf(to, "  r%d: [{channel: a, verbs: [publish]}]\n", i);
}

static void write_grant(FILE *to, int i)
{
    fprintf(to, "    - {channel: a%d, verbs: [publish]}\n", i);
}

static void write_name(FILE *to, int i)
{
    fprintf(to, "%sagent", i ? ", " : "");
}

static void each_limit_holds_and_one_more_is_refused(void **state)
{
    static const char one_key[] = "keys: {a: {key: '" KEY "', roles: [";
    const char *says;

    (void)state;
    assert_int_equal(parse_many("keys:\n", write_key, AUTH_KEYS_MAX, "", &says), 0);
    assert_int_equal(parse_many("keys:\n", write_key, AUTH_KEYS_MAX + 1, "", &says), STRATO_ECONFIG);
    assert_non_null(strstr(says, "at most 4096 keys"));
    assert_int_equal(parse_many("roles:\n", write_role, AUTH_ROLES_MAX, "", &says), 0);
    assert_int_equal(parse_many("roles:\n", write_role, AUTH_ROLES_MAX + 1, "", &says), STRATO_ECONFIG);
    assert_non_null(strstr(says, "at most 256 roles"));
    assert_int_equal(parse_many("roles:\n  r:\n", write_grant, AUTH_GRANTS_MAX, "", &says), 0);
    assert_int_equal(parse_many("roles:\n  r:\n", write_grant, AUTH_GRANTS_MAX + 1, "", &says), STRATO_ECONFIG);
    assert_non_null(strstr(says, "more than 64 grants"));
    assert_int_equal(parse_many(one_key, write_name, AUTH_KEY_ROLES_MAX, "]}}", &says), 0);
    assert_int_equal(parse_many(one_key, write_name, AUTH_KEY_ROLES_MAX + 1, "]}}", &says), STRATO_ECONFIG);
    assert_non_null(strstr(says, "1 to 16 names"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_found_by_its_bytes_and_by_its_name),
        cmocka_unit_test(roles_may_stand_behind_the_keys_and_replace_built_in_ones),
        cmocka_unit_test(an_empty_file_lets_nobody_in),
        cmocka_unit_test(a_broken_file_is_refused_with_line_and_cause),
        cmocka_unit_test(each_limit_holds_and_one_more_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
