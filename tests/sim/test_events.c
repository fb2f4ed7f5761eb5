/*
 * test_events.c - claims about events: fan-out, slow subscribers, history, groups, taps, mailboxes.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <stdlib.h>

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

static void publish(struct world *w, brain_peer peer, const char *type, uint64_t count)
{
    struct strato_envelope_out e = { .type = type };

    for (uint64_t i = 0; i < count; i++)
        world_l1_put(w, peer, "events", 0, &e);
    world_clear(w, peer);
}

static void subscribe(struct world *w, brain_peer peer, const char *glob, const char *policy)
{
    world_hello(w, peer, NULL, NULL);
    world_sub(w, peer, "events", glob, policy, 0);
    world_free(world_expect(w, peer, STRATO_OP_ok));
}

/* Read all event frames; returns how many events, and their last tag + 1. Lagged counts are added to *lost. */
static uint64_t drain(struct world *w, brain_peer peer, uint64_t *taken, uint64_t *lost)
{
    struct world_frame *f;
    uint64_t count = 0;

    while ((f = world_receive(w, peer)) != NULL) {
        if (f->header.opcode == STRATO_OP_event) {
            count += f->header.n;
            *taken = f->header.i + f->header.n;
        } else if (f->header.opcode == STRATO_OP_lagged && lost) {
            *lost += f->header.count;
        }
        world_free(f);
    }
    return count;
}

static void three_subscribers_get_1000_events_each_in_order_per_sender(void **state)
{
    struct world *w = *state;
    uint64_t total = 0;
    uint64_t next[4][11] = { { 0 } };

    for (brain_peer p = 1; p <= 3; p++)
        subscribe(w, p, NULL, NULL);
    for (brain_peer s = 0; s < 10; s++)
        world_hello(w, 11 + s, (char[]){ 'a', (char)('a' + s), 0 }, NULL);
    for (brain_peer s = 0; s < 10; s++) {
        world_open_channel(w, 11 + s, "events", "p");
        world_need(w, 11 + s, "events", 100, 1000);
    }
    world_turn(w);
    for (uint64_t round = 0; round < 10; round++) {
        for (brain_peer s = 0; s < 10; s++)
            world_put(w, 11 + s, "events", round * 10, 10, NULL);
        world_turn(w);
        for (brain_peer p = 1; p <= 3; p++) {
            struct world_frame *f;

            while ((f = world_receive(w, p)) != NULL) {
                assert_int_equal(f->header.opcode, STRATO_OP_event);
                for (uint64_t k = 0; k < f->header.n; k++) {
                    struct strato_envelope e = world_envelope_at(f, k);
                    unsigned sender = (unsigned)(e.sender.data[e.sender.bytes - 1] - 'a');

                    assert_true(e.seq > next[p][sender]);
                    next[p][sender] = e.seq;
                    total++;
                }
                world_want(w, p, "events", f->header.i + f->header.n + 256, f->header.i + f->header.n);
                world_free(f);
            }
        }
    }
    assert_int_equal(total, 3000);
    assert_int_equal(world_stats(w, "events").settled, 3000);
}

static void a_stalled_subscriber_is_told_what_it_lost_and_delays_nobody(void **state)
{
    struct world *w = *state;
    uint64_t taken = 0, lost = 0, got = 0, slow = 0;

    subscribe(w, 1, NULL, NULL); /* stalls: 256 credits and no more */
    subscribe(w, 2, NULL, NULL);
    for (int i = 0; i < 30; i++) {
        publish(w, 9, "e.x", 100);
        world_turn(w);
        got += drain(w, 2, &taken, NULL);
        world_want(w, 2, "events", taken + 256, taken);
    }
    assert_int_equal(got, 3000);
    assert_int_equal(drain(w, 1, &slow, &lost), 256);
    assert_int_equal(lost, 0);
    world_want(w, 1, "events", 5000, 256);
    world_turn(w);
    got = drain(w, 1, &slow, &lost);
    assert_int_equal(got + lost + 256, 3000);
    assert_int_equal(got, 744); /* 1,000 less the 256 that it held */
    assert_int_equal(world_stats(w, "events").dropped_slow_subscriber, lost);
}

static void globs_choose_by_topic(void **state)
{
    struct world *w = *state;
    uint64_t taken = 0;

    subscribe(w, 1, "events.spawned.>", NULL);
    subscribe(w, 2, "events.*", NULL);
    world_hello(w, 3, "a17", NULL);
    publish(w, 9, "agent.spawned", 2); /* events.spawned: the sender has no agent name */
    publish(w, 3, "agent.spawned", 3); /* events.spawned.a17 */
    publish(w, 9, "agent.left", 5);
    world_turn(w);
    assert_int_equal(drain(w, 1, &taken, NULL), 3);
    assert_int_equal(drain(w, 2, &taken, NULL), 7);
}

static void a_replay_joins_the_live_stream_without_a_seam(void **state)
{
    struct world *w = *state;
    struct world_frame *f;
    uint64_t next = 51;

    publish(w, 9, "e.x", 100);
    world_turn(w);
    world_hello(w, 1, NULL, NULL);
    publish(w, 9, "e.x", 10); /* in the same turn, before */
    world_sub(w, 1, "events", NULL, NULL, 51);
    f = world_expect(w, 1, STRATO_OP_ok);
    assert_int_equal(f->header.seq, 110);
    world_free(f);
    publish(w, 9, "e.x", 10);
    world_turn(w);
    while ((f = world_receive(w, 1)) != NULL) {
        for (uint64_t k = 0; k < f->header.n; k++)
            assert_int_equal(world_envelope_at(f, k).seq, next++);
        world_free(f);
    }
    assert_int_equal(next, 121);
}

static void members_of_a_group_share_one_queue(void **state)
{
    struct world *w = *state;
    uint64_t taken = 0, got[3] = { 0 };

    for (brain_peer p = 1; p <= 2; p++) {
        struct world_out o;

        world_hello(w, p, NULL, NULL);
        world_begin(&o, w, p, "sub");
        world_str(&o, "ch", "events");
        world_str(&o, "group", "g");
        world_body(&o);
        world_send(&o);
        world_free(world_expect(w, p, STRATO_OP_ok));
    }
    publish(w, 9, "e.x", 100);
    world_turn(w);
    got[1] = drain(w, 1, &taken, NULL);
    got[2] = drain(w, 2, &taken, NULL);
    assert_int_equal(got[1] + got[2], 100);
    assert_int_equal(got[1], 50);
}

static void policy_disconnect_ends_the_slow_session(void **state)
{
    struct world *w = *state;
    struct world_frame *f;
    bool told = false;

    subscribe(w, 1, NULL, "disconnect");
    publish(w, 9, "e.x", 1500);
    world_turn(w);
    while ((f = world_receive(w, 1)) != NULL) {
        told |= f->header.opcode == STRATO_OP_err && f->header.code == 307;
        world_free(f);
    }
    assert_true(told);
    assert_int_equal(world_stats(w, "events").consumers, 0);
}

static void policy_block_refuses_publishers_instead(void **state)
{
    struct world *w = *state;
    uint64_t taken = 0, lost = 0;

    subscribe(w, 1, NULL, "block");
    for (int i = 0; i < 1200; i++)
        world_l1_put(w, 9, "events", 0, NULL);
    world_turn(w);
    assert_int_equal(world_stats(w, "events").refused, 200);
    assert_int_equal(drain(w, 1, &taken, &lost), 256);
    world_want(w, 1, "events", 2000, 256);
    world_turn(w);
    assert_int_equal(drain(w, 1, &taken, &lost), 744);
    assert_int_equal(lost, 0);
    world_clear(w, 9);
}

static void an_event_nobody_hears_is_in_the_history(void **state)
{
    struct world *w = *state;
    struct world_out o;
    struct world_frame *f;

    publish(w, 9, "e.x", 300);
    assert_int_equal(world_stats(w, "events").no_subscriber, 300);
    world_begin(&o, w, 9, "hist");
    world_str(&o, "ch", "events");
    world_u64(&o, "from_seq", 1);
    world_u64(&o, "limit", 200);
    world_body(&o);
    world_send(&o);
    world_turn(w);
    f = world_expect(w, 9, STRATO_OP_event);
    assert_int_equal(f->header.n, 200);
    assert_int_equal(f->header.last, 200);
    assert_true(f->header.more);
    assert_int_equal(world_envelope_at(f, 0).seq, 1);
    world_free(f);
    world_begin(&o, w, 9, "hist");
    world_str(&o, "ch", "events");
    world_u64(&o, "from_seq", 201);
    world_body(&o);
    world_send(&o);
    world_turn(w);
    f = world_expect(w, 9, STRATO_OP_event);
    assert_int_equal(f->header.n, 100);
    assert_false(f->header.more);
    world_free(f);
}

static void a_hole_at_the_start_of_a_page_is_said(void **state)
{
    struct world *w = *state;
    struct world_out o;
    struct world_frame *f;

    for (int i = 0; i < 110; i++) {
        publish(w, 9, "e.x", 100);
        world_turn(w);
    }
    world_begin(&o, w, 9, "hist");
    world_str(&o, "ch", "events");
    world_u64(&o, "from_seq", 1);
    world_body(&o);
    world_send(&o);
    world_turn(w);
    f = world_expect(w, 9, STRATO_OP_event);
    assert_true(f->header.lagged.bytes > 0);
    assert_int_equal(world_envelope_at(f, 0).seq, 1001);
    world_free(f);
}

static void a_tap_sees_work_without_taking_it(void **state)
{
    struct world *w = *state;
    struct world_out o;
    uint64_t taken = 0;

    world_hello(w, 1, NULL, NULL);
    world_begin(&o, w, 1, "open");
    world_str(&o, "ch", "evolution");
    world_str(&o, "dir", "c");
    strato_header_bool(&o.header, "tap", true);
    world_body(&o);
    world_send(&o);
    world_free(world_expect(w, 1, STRATO_OP_opened));
    world_want(w, 1, "evolution", 100, 0);
    for (int i = 0; i < 10; i++)
        world_l1_put(w, 9, "evolution", 0, NULL);
    world_clear(w, 9);
    world_turn(w);
    assert_int_equal(drain(w, 1, &taken, NULL), 10);
    assert_int_equal(world_stats(w, "evolution").ready, 10);
    world_get(w, 9, "evolution", 10, 0);
    world_turn(w);
    world_free(world_expect(w, 9, STRATO_OP_deliver));
}

/* Peer 1's connection is gone; peer 2 goes on with its session. */
static void resume_as_2(struct world *w)
{
    struct world_out o;

    world_event(w, BRAIN_PEER_GONE, 1);
    world_begin(&o, w, 2, "hello");
    strato_header_raw(&o.header, "token", strato_bytes(w->peers[1].token, w->peers[1].token_bytes));
    world_body(&o);
    world_send(&o);
    world_free(world_expect(w, 2, STRATO_OP_welcome));
}

static void a_resumed_subscriber_gets_again_what_it_had_not_taken(void **state)
{
    struct world *w = *state;
    uint64_t taken = 0;

    subscribe(w, 1, NULL, NULL);
    publish(w, 9, "e.x", 20);
    world_turn(w);
    assert_int_equal(drain(w, 1, &taken, NULL), 20);
    world_want(w, 1, "events", 276, 15);
    publish(w, 9, "e.x", 5);
    world_turn(w);
    world_clear(w, 1);
    resume_as_2(w);
    world_want(w, 2, "events", 276, 20);
    world_turn(w);
    assert_int_equal(drain(w, 2, &taken, NULL), 10);
}

/* The queue was full of what it had been sent when its connection broke; what was lost then is newer than those. */
static void a_loss_is_told_after_the_older_events_that_come_again(void **state)
{
    struct world *w = *state;
    struct world_frame *f;
    uint64_t seq = 0;
    bool is_told = false;

    subscribe(w, 1, NULL, NULL);
    world_want(w, 1, "events", 1000, 0);
    publish(w, 9, "t.a", 1000);
    world_turn(w);
    publish(w, 9, "t.a", 1);
    world_turn(w);
    world_clear(w, 1);
    resume_as_2(w);
    world_want(w, 2, "events", 5000, 0);
    world_turn(w);
    world_want(w, 2, "events", 5000, 2000); /* all of those that came again */
    publish(w, 9, "t.a", 1);
    world_turn(w);
    while ((f = world_receive(w, 2)) != NULL) {
        if (f->header.opcode == STRATO_OP_lagged) {
            assert_int_equal(f->header.from, 1001);
            assert_int_equal(seq, 1000);
            is_told = true;
        }
        for (uint64_t k = 0; f->header.opcode == STRATO_OP_event && k < f->header.n; k++) {
            assert_true(world_envelope_at(f, k).seq > seq);
            seq = world_envelope_at(f, k).seq;
        }
        world_free(f);
    }
    assert_true(is_told);
    assert_int_equal(seq, 1002);
}

static void old_events_in_a_stalled_queue_expire_and_are_told(void **state)
{
    struct world *w = *state;
    uint64_t taken = 0, lost = 0;

    subscribe(w, 1, NULL, NULL);
    world_want(w, 1, "events", 0, 0);
    publish(w, 9, "e.x", 10);
    world_turn(w);
    for (int i = 0; i < 14; i++) {
        struct world_out o;

        world_wait(w, 5000);
        world_begin(&o, w, 1, "pong");
        world_body(&o);
        world_send(&o);
    }
    assert_int_equal(world_stats(w, "events").expired, 10);
    publish(w, 9, "e.x", 1);
    world_want(w, 1, "events", 100, 0);
    world_turn(w);
    assert_int_equal(drain(w, 1, &taken, &lost), 1);
    assert_int_equal(lost, 10);
}

static void a_direct_message_waits_in_the_mailbox_of_a_known_agent(void **state)
{
    struct world *w = *state;
    struct strato_envelope_out e = { .type = "t.x", .to = "bob" };

    world_l1_put(w, 9, "@bob", 0, &e);
    world_expect_err(w, 9, STRATO_ENO_ROUTE);
    world_hello(w, 1, "bob", NULL);
    world_l1_put(w, 9, "@bob", 0, &e);
    world_free(world_expect(w, 9, STRATO_OP_ok));
    world_open_channel(w, 1, "@bob", "c");
    world_want(w, 1, "@bob", 10, 0);
    world_turn(w);
    world_free(world_expect(w, 1, STRATO_OP_deliver));
}

static void mail_of_a_name_that_ended_is_dead_lettered(void **state)
{
    struct world *w = *state;
    struct strato_envelope_out e = { .type = "t.x", .to = "bob" };
    struct world_out o;

    world_hello(w, 1, "bob", NULL);
    world_l1_put(w, 9, "@bob", 0, &e);
    world_begin(&o, w, 1, "bye");
    world_body(&o);
    world_send(&o);
    world_wait(w, 301000);
    assert_int_equal(world_stats(w, "@bob").dead_lettered, 1);
    world_clear(w, 9);
    world_l1_put(w, 9, "@bob", 0, &e);
    world_expect_err(w, 9, STRATO_ENO_ROUTE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(three_subscribers_get_1000_events_each_in_order_per_sender, setup, teardown),
        cmocka_unit_test_setup_teardown(a_stalled_subscriber_is_told_what_it_lost_and_delays_nobody, setup, teardown),
        cmocka_unit_test_setup_teardown(globs_choose_by_topic, setup, teardown),
        cmocka_unit_test_setup_teardown(a_replay_joins_the_live_stream_without_a_seam, setup, teardown),
        cmocka_unit_test_setup_teardown(members_of_a_group_share_one_queue, setup, teardown),
        cmocka_unit_test_setup_teardown(policy_disconnect_ends_the_slow_session, setup, teardown),
        cmocka_unit_test_setup_teardown(policy_block_refuses_publishers_instead, setup, teardown),
        cmocka_unit_test_setup_teardown(an_event_nobody_hears_is_in_the_history, setup, teardown),
        cmocka_unit_test_setup_teardown(a_hole_at_the_start_of_a_page_is_said, setup, teardown),
        cmocka_unit_test_setup_teardown(a_tap_sees_work_without_taking_it, setup, teardown),
        cmocka_unit_test_setup_teardown(a_resumed_subscriber_gets_again_what_it_had_not_taken, setup, teardown),
        cmocka_unit_test_setup_teardown(a_loss_is_told_after_the_older_events_that_come_again, setup, teardown),
        cmocka_unit_test_setup_teardown(old_events_in_a_stalled_queue_expire_and_are_told, setup, teardown),
        cmocka_unit_test_setup_teardown(a_direct_message_waits_in_the_mailbox_of_a_known_agent, setup, teardown),
        cmocka_unit_test_setup_teardown(mail_of_a_name_that_ended_is_dead_lettered, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
