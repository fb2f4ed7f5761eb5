/*
 * test_curve.c - the C client with keys: let in, kept out, thrown out, and back again.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tests/integration/client/client_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <sodium.h>

#include "core/keypair.h"

enum { SERVER, ALICE, EVE, PAIRS };

struct house {
    struct broker_fixture f;
    struct strato_keypair pairs[PAIRS];
    char public_keys[PAIRS][STRATO_KEY_CHARS + 1], secret_keys[PAIRS][STRATO_KEY_CHARS + 1];
    char files[PAIRS][96], keys[96];
};

static void write_file(const char *path, const char *text, mode_t mode)
{
    FILE *file = fopen(path, "we");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fchmod(fileno(file), mode), 0);
    assert_int_equal(fclose(file), 0);
}

static void let_in(struct house *h, int who)
{
    char text[256] = "keys: {}\n";

    if (who >= 0)
        snprintf(text, sizeof text, "keys:\n  alice: {key: '%s', roles: [admin]}\n", h->public_keys[who]);
    write_file(h->keys, text, 0644);
}

static int setup(void **state)
{
    static const char *const names[] = { "stratod", "alice", "eve" };
    struct house *h = calloc(1, sizeof *h);
    char text[STRATO_KEYPAIR_TEXT_BYTES];

    broker_fixture_init(&h->f);
    for (int i = 0; i < PAIRS; i++) {
        h->pairs[i].has_secret = true;
        crypto_box_keypair(h->pairs[i].public_key, h->pairs[i].secret_key);
        strato_key_print(h->pairs[i].public_key, h->public_keys[i]);
        strato_key_print(h->pairs[i].secret_key, h->secret_keys[i]);
        snprintf(h->files[i], sizeof h->files[i], "%s/%s.key", h->f.run_dir, names[i]);
        strato_keypair_print(&h->pairs[i], text);
        write_file(h->files[i], text, 0600);
    }
    snprintf(h->keys, sizeof h->keys, "%s/keys.yaml", h->f.run_dir);
    let_in(h, ALICE);
    assert_int_equal(broker_config_set(&h->f.config, "keys", h->keys, NULL), 0);
    assert_int_equal(broker_config_set(&h->f.config, "server_key", h->files[SERVER], NULL), 0);
    broker_fixture_start(&h->f);
    *state = h;
    return 0;
}

static int teardown(void **state)
{
    struct house *h = *state;

    for (int i = 0; i < PAIRS; i++)
        unlink(h->files[i]);
    unlink(h->keys);
    broker_fixture_stop(&h->f);
    free(h);
    return 0;
}

static struct strato_client_options options_of(struct house *h, int who)
{
    struct strato_client_options options = client_options(&h->f, OVER_TCP);

    options.server_key = h->public_keys[SERVER];
    options.public_key = h->public_keys[who];
    options.secret_key = h->secret_keys[who];
    return options;
}

static void send_one(strato_client *client)
{
    uint64_t count;

    assert_int_equal(client_send(client, "evolution", 7, 5000), 0);
    assert_int_equal(strato_flush(client, 5000), 0);
    assert_int_equal(strato_client_ping(client, 5000, &count), 0);
}

static void a_pair_in_memory_is_let_in(void **state)
{
    struct house *h = *state;
    struct strato_client_options options = options_of(h, ALICE);
    strato_client *client = client_join(&options);

    send_one(client);
    strato_client_close(&client);
}

static void a_pair_in_a_file_is_let_in_and_the_server_key_may_be_one_too(void **state)
{
    struct house *h = *state;
    struct strato_client_options options = client_options(&h->f, OVER_TCP);
    strato_client *client;

    options.key_file = h->files[ALICE];
    options.server_key = h->files[SERVER];
    options.own_thread = true;
    client = client_join(&options);
    send_one(client);
    strato_client_close(&client);
}

static void keys_are_for_tcp_only(void **state)
{
    struct house *h = *state;

    for (enum transport t = OVER_IPC; t < TRANSPORTS; t++) {
        struct strato_client_options options = client_options(&h->f, t);
        strato_client *client;

        options.server_key = h->public_keys[SERVER];
        options.key_file = h->files[EVE]; /* nobody asks */
        client = client_join(&options);
        send_one(client);
        strato_client_close(&client);
    }
}

static void a_stranger_is_told_at_once(void **state)
{
    struct house *h = *state;
    struct strato_client_options options = options_of(h, EVE);
    strato_client *client = NULL;

    options.connect_timeout_ms = 60000; /* would be waited for in vain */
    assert_int_equal(strato_client_open(&options, &client), STRATO_EAUTH);
    options.own_thread = true;
    assert_int_equal(strato_client_open(&options, &client), STRATO_EAUTH);
}

static void a_wrong_server_key_is_told_from_nobody_there(void **state)
{
    struct house *h = *state;
    struct strato_client_options options = options_of(h, ALICE);
    strato_client *client = NULL;

    options.connect_timeout_ms = 300;
    options.server_key = h->public_keys[EVE];
    assert_int_equal(strato_client_open(&options, &client), STRATO_EAUTH);
    options.endpoint = "tcp://127.0.0.1:1";
    assert_int_equal(strato_client_open(&options, &client), STRATO_EUNREACHABLE);
}

static void half_of_what_is_needed_is_refused(void **state)
{
    struct house *h = *state;
    struct strato_client_options all = options_of(h, ALICE), options = all;
    strato_client *client = NULL;

    options.server_key = NULL;
    assert_int_equal(strato_client_open(&options, &client), STRATO_EINVAL);
    options = all;
    options.secret_key = NULL;
    assert_int_equal(strato_client_open(&options, &client), STRATO_EINVAL);
    options = all;
    options.key_file = h->files[ALICE]; /* two pairs */
    assert_int_equal(strato_client_open(&options, &client), STRATO_EINVAL);
    options = all;
    options.secret_key = "short";
    assert_int_equal(strato_client_open(&options, &client), STRATO_EINVAL);
    options = client_options(&h->f, OVER_TCP);
    options.server_key = h->public_keys[SERVER];
    options.key_file = "/nonexistent.key";
    assert_int_equal(strato_client_open(&options, &client), STRATO_ENOENT);
    assert_int_equal(chmod(h->files[ALICE], 0640), 0);
    options.key_file = h->files[ALICE];
    assert_int_equal(strato_client_open(&options, &client), STRATO_ECONFIG);
}

struct heard {
    uint32_t disconnects;
    char detail[128];
};

static void on_event(void *arg, enum strato_client_event event, int err, const char *detail)
{
    struct heard *heard = arg;

    (void)err;
    if (event != STRATO_CLIENT_DISCONNECTED)
        return;
    heard->disconnects++;
    snprintf(heard->detail, sizeof heard->detail, "%s", detail);
}

static void a_revoked_client_is_told_and_comes_back_when_it_may(void **state)
{
    struct house *h = *state;
    struct strato_client_options options = options_of(h, ALICE);
    struct heard heard = { 0 };
    strato_client *client;
    char detail[256];

    options.on_event = on_event;
    options.on_event_arg = &heard;
    options.reconnect_ms = 10;
    options.reconnect_max_ms = 50;
    client = client_join(&options);
    send_one(client);
    let_in(h, -1);
    assert_int_equal(strato_broker_reload_keys(h->f.broker, detail, sizeof detail), 0);
    while (heard.disconnects == 0)
        strato_client_process(client, 20);
    assert_non_null(strstr(heard.detail, "revoked"));
    for (int i = 0; i < 20; i++) /* its knocking is in vain */
        strato_client_process(client, 20);
    assert_false(strato_client_is_connected(client));
    let_in(h, ALICE);
    assert_int_equal(strato_broker_reload_keys(h->f.broker, detail, sizeof detail), 0);
    while (!strato_client_is_connected(client))
        strato_client_process(client, 20);
    send_one(client);
    strato_client_close(&client);
}

static void a_broken_keys_file_is_refused_and_the_old_keys_stay(void **state)
{
    struct house *h = *state;
    struct strato_client_options options = options_of(h, ALICE);
    strato_client *client;
    char detail[256] = "";

    write_file(h->keys, "keys: [", 0644);
    assert_int_equal(strato_broker_reload_keys(h->f.broker, detail, sizeof detail), STRATO_ECONFIG);
    assert_non_null(strstr(detail, "keys.yaml:"));
    client = client_join(&options);
    strato_client_close(&client);
}

static void handshakes_are_counted_by_cause(void **state)
{
    struct house *h = *state;
    struct strato_client_options good = options_of(h, ALICE), bad = options_of(h, EVE);
    struct strato_broker_stats stats;
    strato_client *client = client_join(&good);

    strato_client_close(&client);
    assert_int_equal(strato_client_open(&bad, &client), STRATO_EAUTH);
    strato_broker_stats(h->f.broker, &stats);
    assert_int_equal(stats.keys_admitted, 1);
    assert_true(stats.keys_unknown >= 1);
    assert_int_equal(stats.keys_without_right + stats.keys_malformed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_pair_in_memory_is_let_in, setup, teardown),
        cmocka_unit_test_setup_teardown(a_pair_in_a_file_is_let_in_and_the_server_key_may_be_one_too, setup, teardown),
        cmocka_unit_test_setup_teardown(keys_are_for_tcp_only, setup, teardown),
        cmocka_unit_test_setup_teardown(a_stranger_is_told_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(a_wrong_server_key_is_told_from_nobody_there, setup, teardown),
        cmocka_unit_test_setup_teardown(half_of_what_is_needed_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_revoked_client_is_told_and_comes_back_when_it_may, setup, teardown),
        cmocka_unit_test_setup_teardown(a_broken_keys_file_is_refused_and_the_old_keys_stay, setup, teardown),
        cmocka_unit_test_setup_teardown(handshakes_are_counted_by_cause, setup, teardown),
    };

    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
