/*
 * test_edit.c - one key more or less, and everything else as it was.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tests/unit/core/lib.h"

#include "broker/auth/edit.h"

#include <stdio.h>

#define A "'1000000000000000000000000000000000000000'"
#define B "'2000000000000000000000000000000000000000'"

static const char *const agent[] = { "agent" };

static struct auth_entry entry(const char *name, char key)
{
    struct auth_entry e = { .name = name, .roles = agent, .roles_count = 1 };
    char text[STRATO_KEY_CHARS + 1];

    memset(text, '0', STRATO_KEY_CHARS);
    text[0] = key;
    assert_true(strato_key_parse(strato_bytes(text, STRATO_KEY_CHARS), e.key));
    return e;
}

static void assert_allow(const char *before, const char *name, char key, const char *after)
{
    struct strato_option_error e = { "" };
    struct auth_entry added = entry(name, key);
    char *text = NULL;

    if (auth_edit_allow(strato_text(before), &added, &text, &e) < 0)
        fail_msg("%s", e.text);
    assert_string_equal(text, after);
    free(text);
}

static void a_key_is_added_wherever_there_is_room(void **state)
{
    (void)state;
    assert_allow("", "b", '2', "keys:\n  b: {key: " B ", roles: [agent]}\n");
    assert_allow("# mine\n", "b", '2', "# mine\nkeys:\n  b: {key: " B ", roles: [agent]}\n");
    assert_allow("keys: {}\nroles: {}\n", "b", '2', "keys:\n  b: {key: " B ", roles: [agent]}\nroles: {}\n");
    assert_allow("keys:\n", "b", '2', "keys:\n  b: {key: " B ", roles: [agent]}\n");
    assert_allow("roles: {}", "b", '2', "roles: {}\nkeys:\n  b: {key: " B ", roles: [agent]}\n");
    assert_allow("keys:\n    a: {key: " A ", roles: [agent]} # first\n# end\n", "b", '2',
                 "keys:\n    a: {key: " A ", roles: [agent]} # first\n    b: {key: " B ", roles: [agent]}\n# end\n");
    assert_allow("keys:\n  a:\n    key: " A "\n    roles: [agent]\nroles: {}\n", "b", '2',
                 "keys:\n  a:\n    key: " A "\n    roles: [agent]\n  b: {key: " B ", roles: [agent]}\nroles: {}\n");
    assert_allow("keys:\n  a: {key: " A ", roles: [agent]}", "b", '2',
                 "keys:\n  a: {key: " A ", roles: [agent]}\n  b: {key: " B ", roles: [agent]}\n");
}

static void a_key_of_the_same_name_is_replaced(void **state)
{
    (void)state;
    assert_allow("keys:\n  a: {key: " A ", roles: [admin]}\n# end\n", "a", '2',
                 "keys:\n  a: {key: " B ", roles: [agent]}\n# end\n");
}

static void a_key_is_removed_with_its_lines_and_no_others(void **state)
{
    static const struct {
        const char *before, *after;
    } cases[] = {
        { "keys:\n  a: {key: " A ", roles: [agent]}\n  b: {key: " B ", roles: [agent]}\n",
          "keys:\n  b: {key: " B ", roles: [agent]}\n" },
        { "keys:\n  a:\n    key: " A "\n    roles:\n      - agent\n  b: {key: " B ", roles: [agent]}\n",
          "keys:\n  b: {key: " B ", roles: [agent]}\n" },
        { "keys:\n  a: {key: " A ", roles: [agent]}\n# end\nroles: {}\n", "keys:\n# end\nroles: {}\n" },
    };
    struct strato_option_error e;
    char *text = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(auth_edit_revoke(strato_text(cases[i].before), "a", &text, &e), 0);
        assert_string_equal(text, cases[i].after);
        free(text);
    }
    assert_int_equal(auth_edit_revoke(strato_text("keys: {}\n"), "a", &text, &e), STRATO_ENOENT);
}

static void what_would_be_no_keys_file_is_refused(void **state)
{
    static const char *const nobody[] = { "nobody" };
    struct auth_entry added = entry("b", '1');
    struct strato_option_error e;
    char *text = NULL;

    (void)state;
    /* the key has another name already */
    assert_int_equal(auth_edit_allow(strato_text("keys:\n  a: {key: " A ", roles: [agent]}\n"), &added, &text, &e),
                     STRATO_ECONFIG);
    assert_non_null(strstr(e.text, "have the same key"));
    added.roles = nobody;
    assert_int_equal(auth_edit_allow(strato_text(""), &added, &text, &e), STRATO_ECONFIG);
    assert_non_null(strstr(e.text, "no role \"nobody\""));
    added = entry("b", '2');
    assert_int_equal(auth_edit_allow(strato_text("keys: {a: {key: " A ", roles: [agent]}}\n"), &added, &text, &e),
                     STRATO_ECONFIG);
    assert_non_null(strstr(e.text, "line of its own"));
    assert_int_equal(auth_edit_allow(strato_text("keys: 5"), &added, &text, &e), STRATO_ECONFIG);
    assert_null(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_added_wherever_there_is_room),
        cmocka_unit_test(a_key_of_the_same_name_is_replaced),
        cmocka_unit_test(a_key_is_removed_with_its_lines_and_no_others),
        cmocka_unit_test(what_would_be_no_keys_file_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
