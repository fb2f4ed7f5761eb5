/*
 * test_sessions.c - claims about sessions: names, tokens, heartbeats, drain; and about who may do what.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdlib.h>

#include "broker/brain/channel.h"
#include "tests/sim/claims.h"
#include "tests/sim/world.h"

static int setup(void **state)
{
    struct world *w = malloc(sizeof(*w));

    world_open(w, NULL);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    world_close(*state);
    free(*state);
    return 0;
}

static void say(struct world *w, brain_peer peer, const char *op)
{
    struct world_out o;

    world_begin(&o, w, peer, op);
    world_body(&o);
    world_send(&o);
}

static void try_hello(struct world *w, brain_peer peer, const char *agent)
{
    struct world_out o;

    world_begin(&o, w, peer, "hello");
    if (agent)
        world_str(&o, "agent", agent);
    world_body(&o);
    world_send(&o);
}

static void resume(struct world *w, brain_peer peer, brain_peer old)
{
    struct world_out o;

    world_begin(&o, w, peer, "hello");
    strato_header_raw(&o.header, "token", strato_bytes(w->peers[old].token, w->peers[old].token_bytes));
    world_body(&o);
    world_send(&o);
}

static void a_live_name_is_refused_and_a_detached_one_yields(void **state)
{
    struct world *w = *state;

    world_hello(w, 1, "bob", NULL);
    try_hello(w, 2, "bob");
    world_expect_err(w, 2, STRATO_ENAME_IN_USE);
    world_event(w, BRAIN_PEER_GONE, 1);
    world_hello(w, 2, "bob", NULL);
    resume(w, 3, 1);
    world_expect_err(w, 3, STRATO_ETOKEN);
}

static void the_token_lets_the_newest_connection_win(void **state)
{
    struct world *w = *state;

    world_hello(w, 1, "bob", NULL);
    resume(w, 2, 1);
    world_free(world_expect(w, 2, STRATO_OP_welcome));
    world_expect_err(w, 1, STRATO_ESUPERSEDED);
    resume(w, 3, 1); /* tokens are used once */
    world_expect_err(w, 3, STRATO_ETOKEN);
}

static void a_wrong_token_is_refused(void **state)
{
    struct world *w = *state;

    world_hello(w, 1, "bob", NULL);
    w->peers[1].token[10] ^= 1;
    resume(w, 2, 1);
    world_expect_err(w, 2, STRATO_ETOKEN);
}

static void three_missed_heartbeats_suspect_probe_and_detach(void **state)
{
    struct world *w = *state;

    world_hello(w, 1, "bob", NULL);
    world_open_channel(w, 1, "gpu", "p");
    world_wait(w, 14999);
    assert_int_equal(w->probes, 0);
    world_wait(w, 1);
    assert_int_equal(w->probes, 1);
    assert_int_equal(world_stats(w, "gpu").granted, 1);
    world_wait(w, 5000);
    assert_int_equal(world_stats(w, "gpu").granted, 0);
    resume(w, 1, 1);
    world_free(world_expect(w, 1, STRATO_OP_welcome));
}

static void any_frame_keeps_a_session_alive(void **state)
{
    struct world *w = *state;

    world_hello(w, 1, "bob", NULL);
    world_wait(w, 16000);
    say(w, 1, "ping");
    world_free(world_expect(w, 1, STRATO_OP_pong));
    world_wait(w, 14000);
    say(w, 1, "ping");
    world_free(world_expect(w, 1, STRATO_OP_pong));
    try_hello(w, 2, "bob");
    world_expect_err(w, 2, STRATO_ENAME_IN_USE);
}

static void a_session_is_forgotten_300_s_after_its_loss(void **state)
{
    struct world *w = *state;

    world_hello(w, 1, "bob", NULL);
    world_event(w, BRAIN_PEER_GONE, 1);
    world_wait(w, 300000);
    resume(w, 2, 1);
    world_expect_err(w, 2, STRATO_ETOKEN);
}

static void a_peer_that_takes_nothing_for_10_s_is_detached(void **state)
{
    struct world *w = *state;

    world_hello(w, 1, "bob", NULL);
    world_open_channel(w, 1, "gpu", "p");
    world_event(w, BRAIN_PEER_STUCK, 1);
    world_wait(w, 9999);
    assert_int_equal(world_stats(w, "gpu").granted, 1);
    world_wait(w, 1);
    assert_int_equal(world_stats(w, "gpu").granted, 0);
}

static void session_operations_need_a_hello(void **state)
{
    struct world *w = *state;

    world_want(w, 1, "gpu", 1, 0);
    world_expect_err(w, 1, STRATO_ENO_SESSION);
    w->peers[2].is_lockstep = true;
    try_hello(w, 2, "bob");
    world_expect_err(w, 2, STRATO_EPROTO);
}

static void an_agent_name_of_128_bytes_is_the_longest(void **state)
{
    struct world *w = *state;
    char name[130];

    memset(name, 'a', 129);
    name[129] = '\0';
    try_hello(w, 1, name);
    world_expect_err(w, 1, STRATO_ELIMIT);
    name[128] = '\0';
    world_hello(w, 1, name, NULL);
}

static void sessions_are_bounded(void **state)
{
    struct world *w = malloc(sizeof(*w));

    (void)state;
    world_open(w, &(struct brain_config){ .sessions_max = 2 });
    world_hello(w, 1, NULL, NULL);
    world_hello(w, 2, NULL, NULL);
    try_hello(w, 3, NULL);
    world_expect_err(w, 3, STRATO_ELIMIT);
    world_close(w);
    free(w);
}

static void a_client_may_not_send_what_only_the_broker_sends(void **state)
{
    struct world *w = *state;

    say(w, 1, "welcome");
    world_expect_err(w, 1, STRATO_EPROTO);
}

/* ---- drain ---- */

static void a_drain_tells_sessions_and_waits_for_leases(void **state)
{
    struct world *w = *state;

    world_hello(w, 1, "worker", NULL);
    world_open_channel(w, 1, "evolution", "c");
    world_want(w, 1, "evolution", 1, 0);
    world_l1_put(w, 9, "evolution", 0, NULL);
    world_l1_put(w, 9, "evolution", 0, NULL);
    world_clear(w, 9);
    world_turn(w);
    world_free(world_expect(w, 1, STRATO_OP_deliver));
    world_event(w, BRAIN_DRAIN, 0);
    world_turn(w);
    world_free(world_expect(w, 1, STRATO_OP_drain));
    assert_false(w->is_drained);
    world_l1_put(w, 9, "evolution", 0, NULL);
    world_expect_err(w, 9, STRATO_EDRAINING);
    try_hello(w, 5, NULL);
    world_expect_err(w, 5, STRATO_EDRAINING);
    world_settle(w, 1, "ack", "evolution", 0);
    world_turn(w);
    assert_true(w->is_drained);
    assert_int_equal(w->drain_abandoned, 0);
    assert_int_equal(w->drain_dropped, 1);
    assert_int_equal(world_stats(w, "evolution").dropped_shutdown, 1);
}

static void a_drain_that_times_out_counts_what_it_abandons(void **state)
{
    struct world *w = *state;

    world_l1_put(w, 9, "evolution", 0, NULL);
    world_get(w, 9, "evolution", 1, 0);
    world_turn(w);
    world_event(w, BRAIN_DRAIN, 0);
    world_wait(w, 7999);
    assert_false(w->is_drained);
    world_wait(w, 1);
    assert_true(w->is_drained);
    assert_int_equal(w->drain_abandoned, 1);
}

/* ---- admin ---- */

static void admin(struct world *w, brain_peer peer, const char *op, const char *channel, const char *key,
                  uint64_t value)
{
    struct world_out o;

    world_begin(&o, w, peer, op);
    world_str(&o, "ch", channel);
    world_body(&o);
    if (key) {
        strato_writer_map(&o.w, 2);
        strato_writer_text(&o.w, "type");
        strato_writer_text(&o.w, op);
        strato_writer_text(&o.w, "payload");
        strato_writer_map(&o.w, 1);
        strato_writer_text(&o.w, key);
        strato_writer_u64(&o.w, value);
    }
    world_send(&o);
}

static void admin_is_for_local_peers(void **state)
{
    struct world *w = *state;

    w->peers[1].is_remote = true;
    admin(w, 1, "admin.channel.add", "jobs", NULL, 0);
    world_expect_err(w, 1, STRATO_EFORBIDDEN);
    admin(w, 1, "admin.stats", "gpu", NULL, 0);
    world_free(world_expect(w, 1, STRATO_OP_ok));
    admin(w, 2, "admin.channel.add", "jobs", "capacity", 7);
    world_free(world_expect(w, 2, STRATO_OP_ok));
    assert_int_equal(world_stats(w, "jobs").capacity, 7);
}

static void a_lowered_capacity_lets_nothing_in_until_the_sum_fits(void **state)
{
    struct world *w = *state;

    for (int i = 0; i < 10; i++)
        world_l1_put(w, 9, "evolution", 0, NULL);
    world_clear(w, 9);
    admin(w, 1, "admin.channel.set", "evolution", "capacity", 5);
    world_free(world_expect(w, 1, STRATO_OP_ok));
    world_turn(w);
    world_l1_put(w, 9, "evolution", 0, NULL);
    world_expect_err(w, 9, STRATO_EFULL);
    admin(w, 1, "admin.purge", "evolution", NULL, 0);
    world_free(world_expect(w, 1, STRATO_OP_ok));
    world_turn(w);
    assert_int_equal(world_stats(w, "evolution").dropped_purged, 10);
    world_l1_put(w, 9, "evolution", 0, NULL);
    world_free(world_expect(w, 9, STRATO_OP_ok));
}

static void a_paused_channel_delivers_nothing(void **state)
{
    struct world *w = *state;

    admin(w, 1, "admin.pause", "evolution", NULL, 0);
    world_clear(w, 1);
    world_l1_put(w, 9, "evolution", 0, NULL);
    world_clear(w, 9);
    world_get(w, 9, "evolution", 1, 1000);
    world_turn(w);
    world_expect_nothing(w, 9);
    admin(w, 1, "admin.resume", "evolution", NULL, 0);
    world_turn(w);
    world_free(world_expect(w, 9, STRATO_OP_deliver));
}

static void a_removed_channel_ends_its_consumers_and_its_name(void **state)
{
    struct world *w = *state;

    admin(w, 1, "admin.channel.rm", "gpu", NULL, 0);
    world_expect_err(w, 1, STRATO_ECONFLICT);
    admin(w, 1, "admin.channel.add", "jobs", NULL, 0);
    world_clear(w, 1);
    world_hello(w, 2, NULL, NULL);
    world_open_channel(w, 2, "jobs", "c");
    world_want(w, 2, "jobs", 5, 0);
    world_l1_put(w, 9, "jobs", 0, NULL);
    world_turn(w);
    world_clear(w, 9);
    admin(w, 1, "admin.channel.rm", "jobs", NULL, 0);
    world_free(world_expect(w, 1, STRATO_OP_ok));
    world_turn(w);
    world_l1_put(w, 9, "jobs", 0, NULL);
    world_expect_err(w, 9, STRATO_ENO_CHANNEL);
}

static void an_unknown_setting_is_named(void **state)
{
    struct world *w = *state;

    admin(w, 1, "admin.channel.add", "jobs", "capasity", 5);
    world_expect_err(w, 1, STRATO_ESCHEMA);
    admin(w, 1, "admin.channel.add", "jobs", "capacity", 0);
    world_expect_err(w, 1, STRATO_ESCHEMA);
    admin(w, 1, "admin.channel.add", "jobs", "durable", 1);
    world_expect_err(w, 1, STRATO_ESCHEMA); /* a bool is not a uint here */
}

static void a_declared_channel_must_agree_with_the_one_that_exists(void **state)
{
    struct world *w = *state;

    for (brain_peer p = 1; p <= 3; p++) {
        struct world_out o;

        world_hello(w, p, NULL, NULL);
        world_begin(&o, w, p, "open");
        world_str(&o, "ch", "fitness");
        world_str(&o, "dir", "p");
        strato_header_key(&o.header, "declare");
        strato_writer_map(&o.w, 2);
        strato_writer_text(&o.w, "pattern");
        strato_writer_text(&o.w, "work");
        strato_writer_text(&o.w, "capacity");
        strato_writer_u64(&o.w, p == 3 ? 7 : 10000);
        world_body(&o);
        world_send(&o);
        if (p == 3)
            world_expect_err(w, p, STRATO_ECONFLICT);
        else
            world_free(world_expect(w, p, STRATO_OP_opened));
    }
}

/* ---- bounds ---- */

static struct brain_channel_config work_channel(const char *name, enum brain_full_policy full, uint32_t capacity,
                                                uint64_t bytes_max)
{
    struct brain_channel_config config = { 0 };

    memcpy(config.name, name, strlen(name));
    channel_config_defaults(&config, BRAIN_WORK);
    config.full = full;
    config.capacity = capacity;
    config.bytes_max = bytes_max;
    return config;
}

static void the_byte_bound_is_exact_too(void **state)
{
    struct world *w = malloc(sizeof(*w));
    struct brain_channel_config small = work_channel("small", BRAIN_FULL_WAIT, 1000, 4096);
    static uint8_t payload[1003] = { 0xc5, 0x03, 0xe8 };
    struct strato_envelope_out e = { .type = "t.x", .payload = STRATO_BYTES_OF(payload) };

    (void)state;
    world_open(w, &(struct brain_config){ .channels = &small, .channels_count = 1 });
    for (int i = 0; i < 4; i++) {
        world_l1_put(w, 9, "small", 0, &e);
        if (i < 3)
            world_free(world_expect(w, 9, STRATO_OP_ok));
    }
    world_free(world_expect(w, 9, STRATO_OP_ok));
    world_l1_put(w, 9, "small", 0, &e);
    world_expect_err(w, 9, STRATO_EFULL);
    world_close(w);
    free(w);
}

static void above_the_memory_budget_nothing_new_comes_in(void **state)
{
    struct world *w = malloc(sizeof(*w));

    (void)state;
    world_open(w, &(struct brain_config){ .memory_max = 1000 });
    for (int i = 0; i < 20; i++)
        world_l1_put(w, 9, "evolution", 0, NULL);
    world_clear(w, 9);
    world_l1_put(w, 9, "evolution", 0, NULL);
    world_expect_err(w, 9, STRATO_ENO_RESOURCES);
    assert_true(brain_memory_bytes(w->brain) < 1000 + 256);
    world_close(w);
    free(w);
}

static void drop_policies_drop_the_right_one_and_say_so(void **state)
{
    struct world *w = malloc(sizeof(*w));
    struct brain_channel_config channels[] = { work_channel("oldest", BRAIN_FULL_DROP_OLDEST, 3, 65536),
                                               work_channel("newest", BRAIN_FULL_DROP_NEWEST, 3, 65536) };

    (void)state;
    world_open(w, &(struct brain_config){ .channels = channels, .channels_count = 2 });
    for (int c = 0; c < 2; c++) {
        struct world_frame *f;

        for (int i = 0; i < 5; i++)
            world_l1_put(w, 9, channels[c].name, 0, NULL);
        world_clear(w, 9);
        world_get(w, 9, channels[c].name, 10, 0);
        world_turn(w);
        f = world_expect(w, 9, STRATO_OP_deliver);
        assert_int_equal(f->header.n, 3);
        assert_int_equal(world_envelope_at(f, 0).seq, c == 0 ? 3 : 1);
        world_free(f);
        assert_int_equal(world_stats(w, channels[c].name).dead_lettered, 2);
    }
    world_close(w);
    free(w);
}

/* ---- edges ---- */

static void an_edge_out_takes_by_its_window_and_settles_what_it_sent(void **state)
{
    struct world *w = *state;
    uint32_t edge;
    struct brain_event sent = { .kind = BRAIN_EDGE_SENT, .count = 2 };

    assert_int_equal(brain_edge_out_open(w->brain, "evolution", 2, &edge), 0);
    for (int i = 0; i < 5; i++)
        world_l1_put(w, 9, "evolution", 0, NULL);
    world_turn(w);
    assert_int_equal(w->edge_out, 0);
    brain_edge_out_ready(w->brain, edge, true);
    world_turn(w);
    assert_int_equal(w->edge_out, 2);
    sent.edge = edge;
    brain_step(w->brain, &sent, w->now_ms, &w->out);
    world_turn(w);
    assert_int_equal(w->edge_out, 4);
    assert_int_equal(world_stats(w, "evolution").settled, 2);
}

static void an_edge_in_is_read_only_while_there_is_room(void **state)
{
    struct world *w = *state;
    struct strato_envelope_out e = { .type = "t.x" };
    struct strato_writer out = { 0 };
    uint64_t read = 0;

    strato_envelope_encode(&e, &out);
    assert_int_equal(brain_edge_in_room(w->brain, "gpu"), 64);
    while (brain_edge_in_room(w->brain, "gpu") > 0) {
        struct brain_event event = { .kind = BRAIN_EDGE_IN,
                                     .data = strato_writer_view(&out),
                                     .channel = strato_text("gpu") };

        assert_int_equal(brain_step(w->brain, &event, w->now_ms, &w->out), 0);
        read++;
    }
    assert_int_equal(read, 100);
    assert_int_equal(world_stats(w, "gpu").ready, 100);
    strato_writer_fini(&out);
}

static void published_events_carry_seq_and_prev(void **state)
{
    struct world *w = *state;
    struct world_out o;
    struct strato_envelope_out e = { .type = "e.spawned" };
    struct brain_out out = { 0 };
    struct brain_event event = { .kind = BRAIN_FRAME, .peer = 9, .is_local = true };
    const struct brain_action *action = NULL;

    brain_publish_enable(w->brain, true);
    world_l1_put(w, 9, "events", 0, &e);
    e.type = "e.left";
    world_l1_put(w, 9, "events", 0, &e);
    assert_int_equal(w->published, 2);
    world_begin(&o, w, 9, "put");
    world_str(&o, "ch", "events");
    world_body(&o);
    e.type = "e.spawned";
    world_envelope(&o, &e);
    event.data = strato_writer_view(&o.w);
    brain_step(w->brain, &event, w->now_ms, &out);
    for (size_t i = 0; i < out.count; i++) {
        if (out.actions[i].kind == BRAIN_PUBLISH)
            action = &out.actions[i];
    }
    assert_non_null(action);
    assert_true(strato_bytes_is(strato_bytes(action->data, action->split[0]), "events.spawned"));
    {
        struct strato_cursor c =
            strato_cursor_over(strato_bytes(action->data + action->split[0], action->split[1] - action->split[0]));
        struct strato_bytes key;
        uint64_t epoch, seq, prev;
        uint32_t pairs;

        assert_int_equal(strato_cursor_map(&c, 8, &pairs), 0);
        assert_int_equal(strato_cursor_str(&c, 8, &key) | strato_cursor_u64(&c, UINT64_MAX, &epoch), 0);
        assert_int_equal(strato_cursor_str(&c, 8, &key) | strato_cursor_u64(&c, UINT64_MAX, &seq), 0);
        assert_int_equal(strato_cursor_str(&c, 8, &key) | strato_cursor_u64(&c, UINT64_MAX, &prev), 0);
        assert_int_equal(seq, 3);
        assert_int_equal(prev, 1);
    }
    brain_out_fini(&out);
    strato_writer_fini(&o.w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_live_name_is_refused_and_a_detached_one_yields, setup, teardown),
        cmocka_unit_test_setup_teardown(the_token_lets_the_newest_connection_win, setup, teardown),
        cmocka_unit_test_setup_teardown(a_wrong_token_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(three_missed_heartbeats_suspect_probe_and_detach, setup, teardown),
        cmocka_unit_test_setup_teardown(any_frame_keeps_a_session_alive, setup, teardown),
        cmocka_unit_test_setup_teardown(a_session_is_forgotten_300_s_after_its_loss, setup, teardown),
        cmocka_unit_test_setup_teardown(a_peer_that_takes_nothing_for_10_s_is_detached, setup, teardown),
        cmocka_unit_test_setup_teardown(session_operations_need_a_hello, setup, teardown),
        cmocka_unit_test_setup_teardown(an_agent_name_of_128_bytes_is_the_longest, setup, teardown),
        cmocka_unit_test(sessions_are_bounded),
        cmocka_unit_test_setup_teardown(a_client_may_not_send_what_only_the_broker_sends, setup, teardown),
        cmocka_unit_test_setup_teardown(a_drain_tells_sessions_and_waits_for_leases, setup, teardown),
        cmocka_unit_test_setup_teardown(a_drain_that_times_out_counts_what_it_abandons, setup, teardown),
        cmocka_unit_test_setup_teardown(admin_is_for_local_peers, setup, teardown),
        cmocka_unit_test_setup_teardown(a_lowered_capacity_lets_nothing_in_until_the_sum_fits, setup, teardown),
        cmocka_unit_test_setup_teardown(a_paused_channel_delivers_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(a_removed_channel_ends_its_consumers_and_its_name, setup, teardown),
        cmocka_unit_test_setup_teardown(an_unknown_setting_is_named, setup, teardown),
        cmocka_unit_test_setup_teardown(a_declared_channel_must_agree_with_the_one_that_exists, setup, teardown),
        cmocka_unit_test(the_byte_bound_is_exact_too),
        cmocka_unit_test(above_the_memory_budget_nothing_new_comes_in),
        cmocka_unit_test(drop_policies_drop_the_right_one_and_say_so),
        cmocka_unit_test_setup_teardown(an_edge_out_takes_by_its_window_and_settles_what_it_sent, setup, teardown),
        cmocka_unit_test_setup_teardown(an_edge_in_is_read_only_while_there_is_room, setup, teardown),
        cmocka_unit_test_setup_teardown(published_events_carry_seq_and_prev, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
