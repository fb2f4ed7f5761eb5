/*
 * test_verdict.c - what is granted is allowed, and nothing else.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tests/unit/core/lib.h"

#include "broker/auth/keys.h"

static const char file[] = "roles:\n"
                           "  trainer:\n"
                           "    - {channel: gpu, verbs: [publish, request]}\n"
                           "    - {channel: 'jobs.*', verbs: [consume]}\n"
                           "    - {channel: events, topic: 'train.>', verbs: [publish, consume]}\n"
                           "    - {channel: events, topic: 'log.*', verbs: [publish]}\n"
                           "keys:\n"
                           "  alice: {key: 'Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID', roles: [trainer]}\n"
                           "  root: {key: 'rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7', roles: [admin]}\n"
                           "  eve: {key: '0000000000000000000000000000000000000000', roles: [observer]}\n";

static int setup(void **state)
{
    struct strato_option_error e;
    struct auth_keys *keys = NULL;

    assert_int_equal(auth_keys_parse("test", strato_text(file), &keys, &e), 0);
    *state = keys;
    return 0;
}

static int teardown(void **state)
{
    auth_keys_drop(*state);
    return 0;
}

static const struct auth_principal *named(void **state, const char *name)
{
    const struct auth_principal *p = auth_keys_named(*state, strato_text(name));

    assert_non_null(p);
    return p;
}

static void what_no_grant_allows_is_denied(void **state)
{
    const struct auth_principal *p = named(state, "alice");

    assert_int_equal(auth_judge(p, AUTH_PUBLISH, strato_text("gpu")), AUTH_ALLOWED);
    assert_int_equal(auth_judge(p, AUTH_CONSUME, strato_text("gpu")), AUTH_DENIED);
    assert_int_equal(auth_judge(p, AUTH_PUBLISH, strato_text("gpu2")), AUTH_DENIED);
    assert_int_equal(auth_judge(p, AUTH_CONSUME, strato_text("jobs.a")), AUTH_ALLOWED);
    assert_int_equal(auth_judge(p, AUTH_CONSUME, strato_text("jobs.a.b")), AUTH_DENIED);
    assert_int_equal(auth_judge(p, AUTH_CONSUME, strato_text("@alice")), AUTH_DENIED);
    assert_int_equal(auth_judge(p, AUTH_ADMIN, strato_text("gpu")), AUTH_DENIED);
}

static void a_grant_with_a_topic_decides_by_topic(void **state)
{
    const struct auth_principal *p = named(state, "alice");
    struct strato_bytes events = strato_text("events");

    assert_int_equal(auth_judge(p, AUTH_PUBLISH, events), AUTH_BY_TOPIC);
    assert_true(auth_permits_topic(p, AUTH_PUBLISH, events, strato_text("train.loss")));
    assert_true(auth_permits_topic(p, AUTH_PUBLISH, events, strato_text("log.a")));
    assert_false(auth_permits_topic(p, AUTH_PUBLISH, events, strato_text("train")));
    assert_false(auth_permits_topic(p, AUTH_PUBLISH, events, strato_text("log.a.b")));
    assert_false(auth_permits_topic(p, AUTH_PUBLISH, events, STRATO_BYTES_NONE));
    assert_false(auth_permits_topic(p, AUTH_CONSUME, events, strato_text("log.a")));
    assert_true(auth_permits_topic(p, AUTH_PUBLISH, strato_text("gpu"), STRATO_BYTES_NONE));
}

static void a_subscription_must_lie_inside_one_grant(void **state)
{
    const struct auth_principal *p = named(state, "alice");
    struct strato_bytes events = strato_text("events");

    assert_true(auth_permits_match(p, AUTH_CONSUME, events, strato_text("train.>")));
    assert_true(auth_permits_match(p, AUTH_CONSUME, events, strato_text("train.*.x")));
    assert_false(auth_permits_match(p, AUTH_CONSUME, events, strato_text(">")));
    assert_false(auth_permits_match(p, AUTH_CONSUME, events, strato_text("*.loss")));
    assert_false(auth_permits_match(p, AUTH_CONSUME, events, strato_text("log.*")));
}

static void a_wide_glob_covers_a_narrow_one_and_never_the_other_way(void **state)
{
    static const struct {
        const char *wide, *narrow;
        bool covers, back;
    } cases[] = {
        { ">", "a", true, false },        { ">", "*", true, false },         { ">", ">", true, true },
        { "a.>", "a.b", true, false },    { "a.>", "a.>", true, true },      { "a.>", "a", false, false },
        { "*", "a", true, false },        { "*", ">", false, true },         { "a.*", "a.b", true, false },
        { "a.*", "a.b.c", false, false }, { "a.*.c", "a.b.c", true, false }, { "a", "ab", false, false },
        { "a.b", "a", false, false },     { "a.*.>", "a.>", false, true },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(auth_glob_covers(strato_text(cases[i].wide), strato_text(cases[i].narrow)), cases[i].covers);
        assert_int_equal(auth_glob_covers(strato_text(cases[i].narrow), strato_text(cases[i].wide)), cases[i].back);
    }
}

static void every_channel_at_once_needs_a_grant_over_all(void **state)
{
    assert_int_equal(auth_judge(named(state, "alice"), AUTH_PUBLISH, STRATO_BYTES_NONE), AUTH_DENIED);
    assert_int_equal(auth_judge(named(state, "root"), AUTH_ADMIN, STRATO_BYTES_NONE), AUTH_ALLOWED);
    assert_int_equal(auth_judge(named(state, "eve"), AUTH_OBSERVE, STRATO_BYTES_NONE), AUTH_ALLOWED);
    assert_int_equal(auth_judge(named(state, "eve"), AUTH_CONSUME, STRATO_BYTES_NONE), AUTH_DENIED);
}

static void an_explanation_names_verb_and_channel(void **state)
{
    char detail[256];

    auth_explain(named(state, "alice"), AUTH_CONSUME, strato_text("gpu"), STRATO_BYTES_NONE, detail, sizeof detail);
    assert_string_equal(detail, "key alice lacks the verb consume on channel gpu; it has: publish, request");
    auth_explain(named(state, "alice"), AUTH_PUBLISH, strato_text("events"), strato_text("x.y"), detail, sizeof detail);
    assert_string_equal(detail, "key alice lacks the verb publish on channel events with topic x.y; it has: publish of "
                                "some topics, consume of some topics");
    auth_explain(named(state, "eve"), AUTH_ADMIN, STRATO_BYTES_NONE, STRATO_BYTES_NONE, detail, sizeof detail);
    assert_non_null(strstr(detail, "on all channels; it has: observe"));
    auth_explain(named(state, "root"), AUTH_ADMIN, strato_text("x"), STRATO_BYTES_NONE, detail,
                 20); /* cut, not beyond */
    assert_int_equal(strlen(detail), 19);
}

static void equal_rights_are_seen_as_equal(void **state)
{
    struct strato_option_error e;
    struct auth_keys *other = NULL;

    assert_int_equal(auth_keys_parse("test", strato_text(file), &other, &e), 0);
    assert_true(auth_rights_equal(named(state, "alice"), auth_keys_named(other, strato_text("alice"))));
    assert_false(auth_rights_equal(named(state, "alice"), auth_keys_named(other, strato_text("root"))));
    auth_keys_drop(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_no_grant_allows_is_denied),
        cmocka_unit_test(a_grant_with_a_topic_decides_by_topic),
        cmocka_unit_test(a_subscription_must_lie_inside_one_grant),
        cmocka_unit_test(a_wide_glob_covers_a_narrow_one_and_never_the_other_way),
        cmocka_unit_test(every_channel_at_once_needs_a_grant_over_all),
        cmocka_unit_test(an_explanation_names_verb_and_channel),
        cmocka_unit_test(equal_rights_are_seen_as_equal),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
