/*
 * test_durable.c - claims about durable channels: what is confirmed when, and what a crash leaves of it.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <stdlib.h>

#include "broker/brain/state.h"
#include "tests/sim/claims.h"
#include "tests/sim/dlq.h"

static struct brain_channel_config channels[2];
static const struct brain_config config = { .channels = channels, .channels_count = 2 };

static int setup(void **state)
{
    struct world *w = malloc(sizeof(*w));

    snprintf(channels[0].name, sizeof(channels[0].name), "orders");
    channel_config_defaults(&channels[0], BRAIN_WORK);
    channels[0].is_durable = true;
    snprintf(channels[1].name, sizeof(channels[1].name), "news");
    channel_config_defaults(&channels[1], BRAIN_EVENTS);
    channels[1].is_durable = true;
    world_open_kept(w, &config);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    world_close(*state);
    free(*state);
    return 0;
}

static void crash(struct world *w)
{
    world_crash(w, &config, 10);
}

/* ---- conversations ---- */

static void put_type(struct world *w, brain_peer peer, const char *type)
{
    const struct strato_envelope_out e = { .type = type };

    world_l1_put(w, peer, "orders", 0, &e);
    world_turn(w);
}

/* An L1 put that is confirmed. */
static void put_ok(struct world *w, const char *type)
{
    put_type(w, 3, type);
    if (w->holds_batches)
        world_sync(w, UINT64_MAX);
    world_free(world_expect(w, 3, STRATO_OP_ok));
}

static void consume(struct world *w, brain_peer peer, const char *agent)
{
    world_hello(w, peer, agent, NULL);
    world_open_channel(w, peer, "orders", "c");
    world_want(w, peer, "orders", 100, 0);
    world_turn(w);
}

/* The only envelope of the delivery that comes next. */
static struct world_frame *delivery(struct world *w, brain_peer peer, struct strato_envelope *ret_e)
{
    struct world_frame *f = world_expect(w, peer, STRATO_OP_deliver);

    *ret_e = world_envelope_at(f, 0);
    return f;
}

static void ack_confirmed(struct world *w, brain_peer peer, uint64_t tag)
{
    struct world_out o;

    world_begin(&o, w, peer, "ack");
    world_str(&o, "ch", "orders");
    strato_header_key(&o.header, "tags");
    strato_writer_array(&o.w, 1);
    strato_writer_u64(&o.w, tag);
    world_u64(&o, "rq", 7);
    strato_header_bool(&o.header, "confirm", true);
    world_body(&o);
    world_send(&o);
    world_turn(w);
}

static void settle(struct world *w, brain_peer peer, const char *op, uint64_t tag)
{
    world_settle(w, peer, op, "orders", tag);
    world_turn(w);
}

static void nack(struct world *w, brain_peer peer, uint64_t tag, bool dead)
{
    struct world_out o;

    world_begin(&o, w, peer, "nack");
    world_str(&o, "ch", "orders");
    strato_header_key(&o.header, "tags");
    strato_writer_array(&o.w, 1);
    strato_writer_u64(&o.w, tag);
    strato_header_bool(&o.header, "dead", dead);
    world_str(&o, "reason", "cannot be done");
    world_body(&o);
    world_send(&o);
    world_turn(w);
}

/* ---- confirmation ---- */

static void an_l1_put_is_answered_when_it_is_on_disk(void **state)
{
    struct world *w = *state;
    struct world_frame *f;

    w->holds_batches = true;
    put_type(w, 3, "a");
    world_expect_nothing(w, 3);
    world_sync(w, 1);
    f = world_expect(w, 3, STRATO_OP_ok);
    assert_true(strato_bytes_is(f->header.durability, "disk"));
    assert_int_equal(f->header.seq, 1);
    world_free(f);
}

static void a_session_put_is_accepted_at_once_and_durable_after_the_commit(void **state)
{
    struct world *w = *state;
    struct world_frame *f;

    world_hello(w, 2, "maker", NULL);
    world_open_channel(w, 2, "orders", "p");
    world_need(w, 2, "orders", 10, 0);
    world_turn(w);
    world_clear(w, 2);
    w->holds_batches = true;
    world_put(w, 2, "orders", 0, 3, NULL);
    world_turn(w);
    f = world_expect(w, 2, STRATO_OP_credit);
    assert_int_equal(f->header.accepted, 3);
    assert_int_equal(f->header.durable, 0);
    world_free(f);
    world_put(w, 2, "orders", 3, 2, NULL);
    world_turn(w);
    world_clear(w, 2);
    world_sync(w, 1);
    f = world_expect(w, 2, STRATO_OP_credit);
    assert_int_equal(f->header.durable, 3);
    world_free(f);
    world_sync(w, 1);
    f = world_expect(w, 2, STRATO_OP_credit);
    assert_int_equal(f->header.durable, 5);
    world_free(f);
}

static void many_commits_under_way_confirm_no_more_than_is_on_disk(void **state)
{
    struct world *w = *state;
    struct world_frame *f;
    uint64_t durable = 0;

    world_hello(w, 2, "maker", NULL);
    world_open_channel(w, 2, "orders", "p");
    world_need(w, 2, "orders", 100, 0);
    world_turn(w);
    w->holds_batches = true;
    for (uint64_t i = 0; i < 40; i++) {
        world_put(w, 2, "orders", i, 1, NULL);
        world_turn(w);
    }
    world_clear(w, 2);
    for (uint64_t synced = 1; world_unsynced(w); synced++) {
        world_sync(w, 1);
        while ((f = world_receive(w, 2)) != NULL) {
            assert_true(f->header.durable >= durable && f->header.durable <= synced);
            durable = f->header.durable;
            world_free(f);
        }
    }
    assert_int_equal(durable, 40);
}

static void deliveries_do_not_wait_for_the_disk(void **state)
{
    struct world *w = *state;
    struct strato_envelope e;

    consume(w, 4, "worker");
    w->holds_batches = true;
    put_type(w, 3, "a");
    world_free(delivery(w, 4, &e));
}

static void a_settle_is_confirmed_when_it_is_on_disk(void **state)
{
    struct world *w = *state;
    struct strato_envelope e;

    put_ok(w, "a");
    consume(w, 4, "worker");
    world_free(delivery(w, 4, &e));
    settle(w, 4, "start", 0);
    w->holds_batches = true;
    ack_confirmed(w, 4, 0);
    world_expect_nothing(w, 4);
    world_sync(w, UINT64_MAX);
    world_free(world_expect(w, 4, STRATO_OP_ok));
}

static void a_ping_with_confirm_is_answered_after_what_came_before(void **state)
{
    struct world *w = *state;
    struct world_out o;

    w->holds_batches = true;
    put_type(w, 3, "a");
    world_begin(&o, w, 5, "ping");
    world_u64(&o, "rq", 9);
    strato_header_bool(&o.header, "confirm", true);
    world_body(&o);
    world_send(&o);
    world_begin(&o, w, 6, "ping");
    world_body(&o);
    world_send(&o);
    world_turn(w);
    world_expect_nothing(w, 5);
    world_free(world_expect(w, 6, STRATO_OP_pong)); /* liveness waits for nothing */
    world_sync(w, UINT64_MAX);
    world_free(world_expect(w, 5, STRATO_OP_pong));
}

static void a_memory_channel_waits_for_no_disk(void **state)
{
    struct world *w = *state;
    struct world_frame *f;

    w->holds_batches = true;
    put_type(w, 3, "a");
    world_l1_put(w, 5, "evolution", 0, NULL);
    world_turn(w);
    f = world_expect(w, 5, STRATO_OP_ok);
    assert_true(strato_bytes_is(f->header.durability, "memory"));
    world_free(f);
}

static void a_receipt_leaves_when_the_end_is_on_disk(void **state)
{
    struct world *w = *state;
    const struct strato_envelope_out e = { .type = "a", .receipt = true };
    struct strato_envelope got;

    world_hello(w, 2, "maker", NULL);
    world_open_channel(w, 2, "orders", "p");
    world_need(w, 2, "orders", 10, 0);
    world_turn(w);
    world_put(w, 2, "orders", 0, 1, &e);
    consume(w, 4, "worker");
    world_free(delivery(w, 4, &got));
    world_clear(w, 2);
    w->holds_batches = true;
    settle(w, 4, "ack", 0);
    world_expect_nothing(w, 2);
    world_sync(w, UINT64_MAX);
    world_free(world_expect(w, 2, STRATO_OP_receipt));
}

/* ---- a crash ---- */

static void what_was_confirmed_survives_a_crash_as_it_was(void **state)
{
    struct world *w = *state;
    const struct strato_envelope_out e = {
        .type = "test.order", .topic = "shop.a", .priority = 90, .has = STRATO_ENV_PRIORITY
    };
    struct strato_envelope before, after;
    struct world_frame *f, *g;

    world_hello(w, 2, "maker", NULL);
    world_open_channel(w, 2, "orders", "p");
    world_need(w, 2, "orders", 10, 0);
    world_turn(w);
    world_put(w, 2, "orders", 0, 1, &e);
    consume(w, 4, "worker");
    f = delivery(w, 4, &before);
    crash(w);
    consume(w, 4, "worker");
    g = delivery(w, 4, &after);
    assert_true(strato_bytes_equal(before.id.raw, after.id.raw));
    assert_true(strato_bytes_equal(before.sender, after.sender));
    assert_true(strato_bytes_is(after.sender, "local/maker"));
    assert_true(strato_bytes_is(after.topic, "shop.a"));
    assert_int_equal(after.priority, 90);
    assert_int_equal(after.seq, before.seq);
    assert_int_equal(after.ts_ms, before.ts_ms);
    assert_true(after.ttl_left_ms < before.ttl_left_ms);
    world_free(f);
    world_free(g);
}

static void what_never_reached_the_disk_was_never_confirmed(void **state)
{
    struct world *w = *state;

    put_ok(w, "a");
    w->holds_batches = true;
    put_type(w, 3, "b");
    crash(w);
    assert_int_equal(world_stats(w, "orders").ready, 1);
    assert_int_equal(world_stats(w, "orders").accepted, 1);
}

static void a_confirmed_settle_stays_settled_and_another_may_come_back(void **state)
{
    struct world *w = *state;
    struct strato_envelope e;
    struct world_frame *f;

    put_ok(w, "a");
    put_ok(w, "b");
    consume(w, 4, "worker");
    world_clear(w, 4);
    ack_confirmed(w, 4, 0);
    world_free(world_expect(w, 4, STRATO_OP_ok));
    w->holds_batches = true;
    ack_confirmed(w, 4, 1);
    world_expect_nothing(w, 4);
    crash(w);
    assert_int_equal(world_stats(w, "orders").settled, 1);
    consume(w, 4, "worker");
    f = delivery(w, 4, &e);
    assert_true(strato_bytes_is(e.type, "b"));
    world_free(f);
}

static void attempts_that_were_started_survive_and_prefetched_ones_are_not_charged(void **state)
{
    struct world *w = *state;
    struct strato_envelope e;
    struct world_frame *f;

    put_ok(w, "started");
    put_ok(w, "prefetched");
    consume(w, 4, "worker");
    world_clear(w, 4);
    settle(w, 4, "start", 0);
    crash(w);
    consume(w, 4, "worker");
    f = world_expect(w, 4, STRATO_OP_deliver);
    e = world_envelope_at(f, 0);
    assert_true(strato_bytes_is(e.type, "started"));
    assert_int_equal(e.attempts, 2);
    assert_int_equal(e.deliveries, 2);
    e = world_envelope_at(f, 1);
    assert_int_equal(e.attempts, 1);
    world_free(f);
}

static void a_broker_that_dies_at_every_start_of_a_message_never_makes_it_dead_untried(void **state)
{
    struct world *w = *state;
    struct strato_envelope e;
    struct world_frame *f;

    put_ok(w, "a");
    for (int i = 0; i < 8; i++) {
        consume(w, 4, "worker");
        f = delivery(w, 4, &e);
        assert_true(e.attempts <= 5);
        world_free(f);
        settle(w, 4, "start", 0);
        crash(w);
    }
    consume(w, 4, "worker");
    world_free(delivery(w, 4, &e));
    settle(w, 4, "start", 0);
    nack(w, 4, 0, false); /* its own failure is the last one */
    assert_int_equal(world_stats(w, "orders").dead_lettered, 1);
}

static void time_goes_on_while_the_broker_is_down(void **state)
{
    struct world *w = *state;
    const struct strato_envelope_out soon = { .type = "soon", .ttl_ms = 5000, .has = STRATO_ENV_TTL },
                                     later = { .type = "later", .delay_ms = 60000 };

    world_l1_put(w, 3, "orders", 0, &soon);
    world_l1_put(w, 3, "orders", 0, &later);
    world_turn(w);
    world_crash(w, &config, 20000);
    world_wait(w, 200);
    assert_int_equal(world_stats(w, "orders").dead_lettered, 1);
    assert_int_equal(world_stats(w, "orders").delayed, 1);
    world_wait(w, 39000);
    assert_int_equal(world_stats(w, "orders").delayed, 1);
    world_wait(w, 1500);
    assert_int_equal(world_stats(w, "orders").ready, 1);
}

static void a_backoff_goes_on_after_a_crash(void **state)
{
    struct world *w = *state;
    struct strato_envelope e;
    struct world_out o;

    put_ok(w, "a");
    consume(w, 4, "worker");
    world_free(delivery(w, 4, &e));
    settle(w, 4, "start", 0);
    world_begin(&o, w, 4, "nack");
    world_str(&o, "ch", "orders");
    strato_header_key(&o.header, "tags");
    strato_writer_array(&o.w, 1);
    strato_writer_u64(&o.w, 0);
    world_u64(&o, "delay_ms", 30000);
    world_body(&o);
    world_send(&o);
    world_turn(w);
    world_crash(w, &config, 10000);
    assert_int_equal(world_stats(w, "orders").delayed, 1);
    world_wait(w, 20500);
    assert_int_equal(world_stats(w, "orders").ready, 1);
}

static void a_clock_that_was_set_back_makes_nothing_wait_longer_than_it_should(void **state)
{
    struct world *w = *state;
    const struct strato_envelope_out later = {
        .type = "later", .delay_ms = 60000, .ttl_ms = 90000, .has = STRATO_ENV_TTL
    };
    struct strato_envelope e;

    world_l1_put(w, 3, "orders", 0, &later);
    world_turn(w);
    w->wall_offset_ms = -3600000;
    crash(w);
    assert_int_equal(world_stats(w, "orders").delayed, 1);
    world_wait(w, 60500);
    assert_int_equal(world_stats(w, "orders").ready, 1);
    consume(w, 4, "worker");
    world_free(delivery(w, 4, &e));
    assert_true(e.ttl_left_ms <= 90000);
}

static void an_order_key_still_holds_one_lease_at_a_time(void **state)
{
    struct world *w = *state;
    const struct strato_envelope_out e = { .type = "a", .order_key = "k" };

    for (int i = 0; i < 3; i++)
        world_l1_put(w, 3, "orders", 0, &e);
    world_turn(w);
    crash(w);
    consume(w, 4, "worker");
    assert_int_equal(world_stats(w, "orders").leased, 1);
    settle(w, 4, "ack", 0);
    assert_int_equal(world_stats(w, "orders").leased, 1);
    assert_int_equal(world_stats(w, "orders").ready, 1);
}

/* ---- dead letters, ids, events, channels, rules ---- */

static void a_message_is_in_the_queue_or_in_the_dead_letters_wherever_the_crash_falls(void **state)
{
    struct world *w = *state;

    for (uint64_t synced = 0; synced <= 2; synced++) {
        struct brain_channel_stats stats;
        struct strato_envelope e;

        put_ok(w, "a");
        consume(w, 4, "worker");
        world_free(delivery(w, 4, &e));
        settle(w, 4, "start", 0);
        w->holds_batches = true;
        nack(w, 4, 0, true);
        world_sync(w, synced);
        crash(w);
        w->holds_batches = false;
        stats = world_stats(w, "orders");
        assert_int_equal(stats.ready + dlq_count(w, "list", "orders", dlq_none, "total"), synced + 1);
        world_turn(w);
        if (stats.ready) { /* so that the next round begins with an empty queue */
            consume(w, 4, "worker");
            nack(w, 4, 0, true);
            world_crash(w, &config, 1);
        }
    }
}

static void dead_letters_survive_and_can_be_redriven(void **state)
{
    struct world *w = *state;
    struct strato_envelope e;
    struct world_frame *f;

    put_ok(w, "a");
    consume(w, 4, "worker");
    world_free(delivery(w, 4, &e));
    settle(w, 4, "start", 0);
    nack(w, 4, 0, true);
    crash(w);
    assert_int_equal(world_stats(w, "orders").dead_lettered, 1);
    f = dlq_ask(w, "get", "orders", dlq_u64("id", 1));
    assert_true(strato_bytes_is(dlq_string(dlq_value(dlq_answer(f), "entry"), "reason"), "rejected"));
    assert_true(strato_bytes_is(dlq_string(dlq_value(dlq_answer(f), "entry"), "error"), "cannot be done"));
    assert_true(strato_bytes_is(dlq_string(dlq_value(dlq_answer(f), "entry"), "consumer"), "worker"));
    assert_int_equal(dlq_number(dlq_value(dlq_answer(f), "entry"), "attempts"), 1);
    world_free(f);
    assert_int_equal(dlq_count(w, "redrive", "orders", dlq_u64("id", 1), "redriven"), 1);
    crash(w);
    consume(w, 4, "worker");
    f = delivery(w, 4, &e);
    assert_true(strato_bytes_is(e.type, "a"));
    assert_int_equal(e.attempts, 1);
    world_free(f);
    nack(w, 4, 0, true);
    f = dlq_ask(w, "get", "orders", dlq_u64("id", 2));
    assert_int_equal(dlq_number(dlq_value(dlq_answer(f), "entry"), "redriven_from"), 1);
    assert_int_equal(dlq_number(dlq_value(dlq_answer(f), "entry"), "count"), 2);
    world_free(f);
}

static void an_id_is_remembered_over_a_crash(void **state)
{
    struct world *w = *state;
    const struct strato_envelope_out e = { .type = "a", .id = strato_text("order-1") },
                                     other = { .type = "b", .id = strato_text("order-1") };
    struct world_frame *f;

    world_l1_put(w, 3, "orders", 0, &e);
    world_turn(w);
    world_clear(w, 3);
    crash(w);
    world_l1_put(w, 3, "orders", 0, &e);
    world_turn(w);
    f = world_expect(w, 3, STRATO_OP_ok);
    assert_int_equal(f->header.dup, 1);
    assert_int_equal(f->header.seq, 1);
    world_free(f);
    world_l1_put(w, 3, "orders", 0, &other);
    world_turn(w);
    world_expect_err(w, 3, STRATO_ECONFLICT);
    world_crash(w, &config, channels[0].dedup_ms + 1);
    world_l1_put(w, 3, "orders", 0, &e);
    world_turn(w);
    f = world_expect(w, 3, STRATO_OP_ok);
    assert_int_equal(f->header.dup, 0);
    world_free(f);
}

static void events_of_a_durable_channel_can_be_replayed_after_a_crash(void **state)
{
    struct world *w = *state;
    const struct strato_envelope_out e = { .type = "news.item" };
    struct world_frame *f;

    for (int i = 0; i < 5; i++)
        world_l1_put(w, 3, "news", 0, &e);
    world_turn(w);
    world_clear(w, 3);
    crash(w);
    world_hello(w, 5, "reader", NULL);
    world_sub(w, 5, "news", NULL, NULL, 2);
    world_turn(w);
    world_free(world_expect(w, 5, STRATO_OP_ok));
    world_want(w, 5, "news", 100, 0);
    world_turn(w);
    f = world_expect(w, 5, STRATO_OP_event);
    assert_int_equal(world_envelope_at(f, 0).seq, 2);
    world_free(f);
    world_l1_put(w, 3, "news", 0, &e);
    world_turn(w);
    f = world_expect(w, 3, STRATO_OP_ok);
    assert_int_equal(f->header.seq, 6);
    world_free(f);
}

static void events_that_scrolled_out_leave_the_disk(void **state)
{
    struct world *w = *state;
    struct world_frame *f;

    channels[1].history_max = 3;
    crash(w);
    for (int i = 0; i < 10; i++) {
        world_l1_put(w, 3, "news", 0, NULL);
        world_turn(w);
    }
    world_clear(w, 3);
    crash(w);
    world_hello(w, 5, "reader", NULL);
    world_sub(w, 5, "news", NULL, NULL, 1);
    world_turn(w);
    world_free(world_expect(w, 5, STRATO_OP_ok));
    world_want(w, 5, "news", 100, 0);
    world_turn(w);
    f = world_expect(w, 5, STRATO_OP_lagged);
    assert_int_equal(f->header.count, 7);
    world_free(f);
    f = world_expect(w, 5, STRATO_OP_event);
    assert_int_equal(world_envelope_at(f, 0).seq, 8);
    world_free(f);
}

static void admin(struct world *w, const char *op, const char *channel, const char *const *texts, size_t texts_count,
                  const char *flag)
{
    struct strato_writer payload = { 0 };
    struct strato_envelope_out e = { .type = "admin" };
    struct world_out o;

    world_begin(&o, w, DLQ_PEER, op);
    if (channel)
        world_str(&o, "ch", channel);
    world_u64(&o, "rq", 1);
    world_body(&o);
    strato_writer_map(&payload, (uint32_t)(texts_count / 2 + (flag ? 1 : 0)));
    for (size_t i = 0; i < texts_count; i++)
        strato_writer_text(&payload, texts[i]);
    if (flag) {
        strato_writer_text(&payload, flag);
        strato_writer_bool(&payload, true);
    }
    e.payload = strato_writer_view(&payload);
    world_envelope(&o, &e);
    world_send(&o);
    strato_writer_fini(&payload);
    world_turn(w);
}

static void a_channel_made_at_run_time_survives_and_a_removed_one_does_not(void **state)
{
    struct world *w = *state;

    w->holds_batches = true;
    admin(w, "admin.channel.add", "extra", NULL, 0, "durable");
    world_expect_nothing(w, DLQ_PEER); /* it is there when it is on disk */
    world_sync(w, UINT64_MAX);
    world_free(world_expect(w, DLQ_PEER, STRATO_OP_ok));
    w->holds_batches = false;
    world_l1_put(w, 3, "extra", 0, NULL);
    world_turn(w);
    crash(w);
    assert_int_equal(world_stats(w, "extra").ready, 1);
    admin(w, "admin.channel.rm", "extra", NULL, 0, NULL);
    world_free(world_expect(w, DLQ_PEER, STRATO_OP_ok));
    admin(w, "admin.channel.add", "next", NULL, 0, "durable"); /* may get the same number */
    world_free(world_expect(w, DLQ_PEER, STRATO_OP_ok));
    crash(w);
    assert_null(channel_find(w->brain, strato_text("extra")));
    assert_int_equal(world_stats(w, "next").ready, 0);
}

static void a_rule_made_at_run_time_survives_and_a_removed_one_does_not(void **state)
{
    struct world *w = *state;
    static const char *const rule[] = { "id", "r", "channel", "orders", "target", "evolution", "action", "tee" };

    admin(w, "admin.route.add", NULL, rule, 8, NULL);
    world_free(world_expect(w, DLQ_PEER, STRATO_OP_ok));
    crash(w);
    put_ok(w, "a");
    assert_int_equal(world_stats(w, "evolution").ready, 1);
    admin(w, "admin.route.rm", NULL, rule, 2, NULL);
    world_free(world_expect(w, DLQ_PEER, STRATO_OP_ok));
    crash(w);
    put_ok(w, "a");
    assert_int_equal(world_stats(w, "evolution").ready, 0);
}

static void a_message_that_a_rule_was_moving_goes_on_its_way(void **state)
{
    struct world *w = *state;
    static const char *const rule[] = { "id", "r", "channel", "orders", "target", "small", "action", "redirect" };
    struct strato_envelope e;

    admin(w, "admin.channel.add", "small", NULL, 0, "durable");
    world_clear(w, DLQ_PEER);
    {
        struct channel *small = channel_find(w->brain, strato_text("small"));

        small->config.capacity = 1;
        channel_set_capacity(small, 1, small->config.bytes_max);
        keep_channel(small);
    }
    admin(w, "admin.route.add", NULL, rule, 8, NULL);
    world_clear(w, DLQ_PEER);
    put_ok(w, "a");
    put_ok(w, "b"); /* waits in orders for room */
    crash(w);
    assert_int_equal(world_stats(w, "small").ready, 1);
    assert_int_equal(world_stats(w, "orders").ready, 1);
    world_hello(w, 4, "worker", NULL);
    world_open_channel(w, 4, "small", "c");
    world_want(w, 4, "small", 10, 0);
    world_turn(w);
    world_free(delivery(w, 4, &e));
    world_settle(w, 4, "ack", "small", 0);
    world_turn(w);
    world_turn(w);
    assert_int_equal(world_stats(w, "orders").ready, 0);
    assert_int_equal(world_stats(w, "small").ready + world_stats(w, "small").leased, 1);
}

static void the_counts_survive(void **state)
{
    struct world *w = *state;
    struct brain_channel_stats before, after;
    struct strato_envelope e;

    for (int i = 0; i < 4; i++)
        put_ok(w, "a");
    consume(w, 4, "worker");
    world_free(delivery(w, 4, &e));
    settle(w, 4, "ack", 0);
    nack(w, 4, 1, true);
    before = world_stats(w, "orders");
    crash(w);
    after = world_stats(w, "orders");
    assert_int_equal(after.accepted, before.accepted);
    assert_int_equal(after.settled, before.settled);
    assert_int_equal(after.dead_lettered, before.dead_lettered);
    assert_int_equal(after.ready, 2);
}

static void a_call_ends_with_the_broker_and_is_counted(void **state)
{
    struct world *w = *state;

    world_hello(w, 4, "worker", NULL);
    world_open_channel(w, 4, "orders", "c");
    world_call(w, 5, "orders", 5, 10000, false);
    world_turn(w);
    put_ok(w, "a");
    crash(w);
    assert_int_equal(world_stats(w, "orders").ready, 1);
    assert_int_equal(world_stats(w, "orders").accepted, 2);
    assert_int_equal(world_stats(w, "orders").dropped_shutdown, 1);
}

static void purged_messages_do_not_come_back(void **state)
{
    struct world *w = *state;

    put_ok(w, "a");
    admin(w, "admin.purge", "orders", NULL, 0, NULL);
    world_free(world_expect(w, DLQ_PEER, STRATO_OP_ok));
    crash(w);
    assert_int_equal(world_stats(w, "orders").ready, 0);
    assert_int_equal(world_stats(w, "orders").dropped_purged, 1);
}

/* ---- a disk that refuses ---- */

static void while_the_store_fails_durable_puts_get_e_store_and_memory_goes_on(void **state)
{
    struct world *w = *state;
    struct world_frame *f;

    world_hello(w, 2, "maker", NULL);
    world_open_channel(w, 2, "orders", "p");
    world_need(w, 2, "orders", 5, 0);
    world_turn(w);
    world_clear(w, 2);
    w->holds_batches = true;
    put_type(w, 3, "waits");
    world_store_fails(w, "the disk is full");
    world_expect_err(w, 3, STRATO_ESTORE);
    put_type(w, 3, "refused");
    world_expect_err(w, 3, STRATO_ESTORE);
    world_put(w, 2, "orders", 0, 1, NULL);
    world_turn(w);
    world_expect_err(w, 2, STRATO_ESTORE);
    world_clear(w, 2);
    world_need(w, 2, "orders", 9, 1000);
    world_turn(w);
    world_expect_err(w, 2, STRATO_ESTORE);
    world_l1_put(w, 5, "evolution", 0, NULL);
    world_turn(w);
    world_free(world_expect(w, 5, STRATO_OP_ok));
    assert_int_equal(world_stats(w, "orders").accepted, 1);

    world_sync(w, UINT64_MAX); /* there is space again */
    put_type(w, 3, "taken");
    world_sync(w, UINT64_MAX);
    f = world_expect(w, 3, STRATO_OP_ok);
    world_free(f);
    crash(w);
    assert_int_equal(world_stats(w, "orders").ready, 2);
}

static void while_the_store_fails_settles_go_on_and_are_lost_with_a_crash_only(void **state)
{
    struct world *w = *state;
    struct strato_envelope e;

    put_ok(w, "a");
    consume(w, 4, "worker");
    world_free(delivery(w, 4, &e));
    w->holds_batches = true;
    world_store_fails(w, "the disk is full");
    settle(w, 4, "ack", 0);
    assert_int_equal(world_stats(w, "orders").settled, 1);
    crash(w);
    assert_int_equal(world_stats(w, "orders").ready, 1);
}

static void a_slow_disk_stops_producers_and_then_consumers(void **state)
{
    struct world *w = *state;
    struct brain_store_stats stats;
    uint8_t *payload = calloc(1, 1024 * 1024 + 5);
    struct strato_envelope_out e = { .type = "big" };
    unsigned puts = 0;

    assert_non_null(payload);
    payload[0] = 0xc6; /* bin32 of 1 MiB */
    payload[2] = 0x10;
    e.payload = strato_bytes(payload, 1024 * 1024 + 5);
    w->holds_batches = true;
    for (;; puts++) {
        world_l1_put(w, 3, "orders", 0, &e);
        world_turn(w);
        if (w->peers[3].head)
            break;
        assert_true(puts < 64);
    }
    world_expect_err(w, 3, STRATO_EFULL);
    brain_store_stats(w->brain, &stats);
    assert_true(stats.bytes_waiting > BRAIN_STORE_BYTES_MAX / 2);
    assert_true(stats.bytes_waiting < BRAIN_STORE_BYTES_MAX / 2 + 2 * 1024 * 1024);
    w->brain->confirm.bytes += BRAIN_STORE_BYTES_MAX; /* as if settles had filled it */
    consume(w, 4, "worker");
    world_expect_nothing(w, 4);
    w->brain->confirm.bytes -= BRAIN_STORE_BYTES_MAX;
    world_sync(w, UINT64_MAX);
    world_turn(w);
    world_free(world_expect(w, 4, STRATO_OP_deliver));
    free(payload);
}

static void a_drain_waits_for_the_disk_and_keeps_what_is_on_it(void **state)
{
    struct world *w = *state;

    w->holds_batches = true;
    put_type(w, 3, "a");
    world_event(w, BRAIN_DRAIN, 0);
    world_turn(w);
    assert_false(w->is_drained);
    world_sync(w, UINT64_MAX);
    assert_true(w->is_drained);
    world_free(world_expect(w, 3, STRATO_OP_ok));
    assert_int_equal(w->drain_dropped, 0);
    assert_int_equal(w->drain_kept, 1);
    crash(w);
    assert_int_equal(world_stats(w, "orders").ready, 1);
}

/* ---- starting ---- */

static void a_channel_configured_as_memory_keeps_what_the_store_holds_of_it(void **state)
{
    struct world *w = *state;

    put_ok(w, "a");
    channels[0].is_durable = false;
    crash(w);
    assert_int_equal(world_stats(w, "orders").ready, 1);
    assert_true(channel_is_kept(channel_find(w->brain, strato_text("orders"))));
    admin(w, "admin.purge", "orders", NULL, 0, NULL);
    crash(w);
    assert_false(channel_is_kept(channel_find(w->brain, strato_text("orders"))));
}

static void a_channel_stored_with_another_pattern_stops_the_start(void **state)
{
    struct world *w = *state;
    char detail[256];

    put_ok(w, "a");
    channel_config_defaults(&channels[0], BRAIN_EVENTS);
    channels[0].is_durable = true;
    brain_destroy(&w->brain);
    assert_int_equal(world_revive(w, &config, detail, sizeof(detail)), STRATO_ECONFIG);
    assert_non_null(strstr(detail, "stored as work and configured as events"));
    channel_config_defaults(&channels[0], BRAIN_WORK);
    channels[0].is_durable = true;
    assert_int_equal(world_revive(w, &config, detail, sizeof(detail)), 0);
}

static void without_a_store_durable_is_refused(void **state)
{
    struct brain *brain = NULL;
    char detail[256];

    (void)state;
    assert_int_equal(brain_open(&config, 1000, &brain, detail, sizeof(detail)), STRATO_ESTORE);
    assert_non_null(strstr(detail, "--data"));
}

static int damage(void *arg, const struct journal_entry *row)
{
    struct strato_writer *w = arg;
    struct journal_entry bad = *row;

    bad.value = strato_bytes((const uint8_t *)"\x91\xc1", 2);
    return journal_write(w, &bad);
}

static void rows_of_nonsense_are_left_out_and_the_books_add_up(void **state)
{
    struct world *w = *state;
    struct strato_writer batch = { 0 };
    struct store_findings findings;
    struct strato_bytes view;

    put_ok(w, "a");
    put_ok(w, "b");
    assert_int_equal(store_scan(w->store, damage, &batch, &findings), 0);
    view = strato_writer_view(&batch);
    assert_int_equal(store_commit(w->store, &view, 1), 0);
    strato_writer_fini(&batch);
    crash(w); /* asserts the laws */
    assert_true(w->rows_left_out > 0);
    put_ok(w, "c");
    assert_int_equal(world_stats(w, "orders").ready, 1);
}

int main(void)
{
#define CLAIM(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CLAIM(an_l1_put_is_answered_when_it_is_on_disk),
        CLAIM(a_session_put_is_accepted_at_once_and_durable_after_the_commit),
        CLAIM(many_commits_under_way_confirm_no_more_than_is_on_disk),
        CLAIM(deliveries_do_not_wait_for_the_disk),
        CLAIM(a_settle_is_confirmed_when_it_is_on_disk),
        CLAIM(a_ping_with_confirm_is_answered_after_what_came_before),
        CLAIM(a_memory_channel_waits_for_no_disk),
        CLAIM(a_receipt_leaves_when_the_end_is_on_disk),
        CLAIM(what_was_confirmed_survives_a_crash_as_it_was),
        CLAIM(what_never_reached_the_disk_was_never_confirmed),
        CLAIM(a_confirmed_settle_stays_settled_and_another_may_come_back),
        CLAIM(attempts_that_were_started_survive_and_prefetched_ones_are_not_charged),
        CLAIM(a_broker_that_dies_at_every_start_of_a_message_never_makes_it_dead_untried),
        CLAIM(time_goes_on_while_the_broker_is_down),
        CLAIM(a_backoff_goes_on_after_a_crash),
        CLAIM(a_clock_that_was_set_back_makes_nothing_wait_longer_than_it_should),
        CLAIM(an_order_key_still_holds_one_lease_at_a_time),
        CLAIM(a_message_is_in_the_queue_or_in_the_dead_letters_wherever_the_crash_falls),
        CLAIM(dead_letters_survive_and_can_be_redriven),
        CLAIM(an_id_is_remembered_over_a_crash),
        CLAIM(events_of_a_durable_channel_can_be_replayed_after_a_crash),
        CLAIM(events_that_scrolled_out_leave_the_disk),
        CLAIM(a_channel_made_at_run_time_survives_and_a_removed_one_does_not),
        CLAIM(a_rule_made_at_run_time_survives_and_a_removed_one_does_not),
        CLAIM(a_message_that_a_rule_was_moving_goes_on_its_way),
        CLAIM(the_counts_survive),
        CLAIM(a_call_ends_with_the_broker_and_is_counted),
        CLAIM(purged_messages_do_not_come_back),
        CLAIM(while_the_store_fails_durable_puts_get_e_store_and_memory_goes_on),
        CLAIM(while_the_store_fails_settles_go_on_and_are_lost_with_a_crash_only),
        CLAIM(a_slow_disk_stops_producers_and_then_consumers),
        CLAIM(a_drain_waits_for_the_disk_and_keeps_what_is_on_it),
        CLAIM(a_channel_configured_as_memory_keeps_what_the_store_holds_of_it),
        CLAIM(a_channel_stored_with_another_pattern_stops_the_start),
        CLAIM(without_a_store_durable_is_refused),
        CLAIM(rows_of_nonsense_are_left_out_and_the_books_add_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
