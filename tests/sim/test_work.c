/*
 * test_work.c - claims about work channels: the bound, credit, delivery, leases, resume.
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

/* Every producer sends one at a time until nobody gets credit any more; returns how many were accepted. */
static uint64_t fill(struct world *w, unsigned producers)
{
    uint64_t limit[WORLD_PEERS_MAX] = { 0 }, sent[WORLD_PEERS_MAX] = { 0 };
    bool is_full[WORLD_PEERS_MAX] = { false };
    bool any = true;

    for (brain_peer p = 1; p <= producers; p++) {
        world_hello(w, p, NULL, NULL);
        limit[p] = world_open_channel(w, p, "gpu", "p");
    }
    while (any) {
        struct world_frame *f;

        any = false;
        for (brain_peer p = 1; p <= producers; p++) {
            while (sent[p] < limit[p]) {
                world_put(w, p, "gpu", sent[p]++, 1, NULL);
                any = true;
            }
            if (!is_full[p])
                world_need(w, p, "gpu", sent[p] + 1, 0);
        }
        world_turn(w);
        for (brain_peer p = 1; p <= producers; p++) {
            while ((f = world_receive(w, p)) != NULL) {
                if (f->header.opcode == STRATO_OP_credit && f->header.limit > limit[p]) {
                    limit[p] = f->header.limit;
                    any = true;
                }
                if (f->header.opcode == STRATO_OP_full)
                    is_full[p] = true;
                if (f->header.opcode == STRATO_OP_revoke) {
                    struct world_out o;

                    world_begin(&o, w, p, "release");
                    world_str(&o, "ch", "gpu");
                    world_u64(&o, "sent", sent[p]);
                    world_u64(&o, "sent_bytes", f->header.limit_bytes);
                    world_body(&o);
                    world_send(&o);
                    limit[p] = sent[p];
                    any = true;
                }
                world_free(f);
            }
        }
        if (!any && world_stats(w, "gpu").accepted < 100) { /* a revoke may be on its way */
            world_wait(w, 5);
            for (brain_peer p = 1; p <= producers && !any; p++)
                any = w->peers[p].head != NULL;
        }
    }
    return world_stats(w, "gpu").accepted;
}

static void gpu_accepts_exactly_100_whatever_the_number_of_producers(void **state)
{
    static const unsigned producers[] = { 1, 4, 16, 64, 200 };

    (void)state;
    for (size_t i = 0; i < sizeof(producers) / sizeof(producers[0]); i++) {
        struct world *w = malloc(sizeof(*w));

        world_open(w, NULL);
        assert_int_equal(fill(w, producers[i]), 100);
        world_close(w);
        free(w);
    }
}

static void one_take_lets_exactly_one_more_in(void **state)
{
    struct world *w = *state;
    struct world_frame *f;

    assert_int_equal(fill(w, 4), 100);
    world_need(w, 1, "gpu", 1000, 5000);
    world_turn(w);
    world_get(w, 300, "gpu", 1, 0);
    world_turn(w);
    f = world_expect(w, 300, STRATO_OP_deliver);
    {
        struct world_out o;

        world_begin(&o, w, 300, "ack");
        world_str(&o, "ch", "gpu");
        strato_header_raw(&o.header, "leases", f->header.leases);
        world_body(&o);
        world_send(&o);
    }
    world_free(f);
    world_turn(w);
    world_free(world_expect(w, 300, STRATO_OP_ok));
    assert_int_equal(world_stats(w, "gpu").granted, 1);
    assert_int_equal(world_stats(w, "gpu").settled, 1);
}

static void the_101st_l1_put_is_refused_at_once_or_waits_as_asked(void **state)
{
    struct world *w = *state;

    for (brain_peer p = 1; p <= 100; p++) {
        world_l1_put(w, p, "gpu", 0, NULL);
        world_free(world_expect(w, p, STRATO_OP_ok));
    }
    world_l1_put(w, 101, "gpu", 0, NULL);
    world_expect_err(w, 101, STRATO_EFULL);
    world_l1_put(w, 102, "gpu", 2000, NULL);
    world_turn(w);
    world_expect_nothing(w, 102);
    world_l1_put(w, 102, "gpu", 2000, NULL);
    world_expect_err(w, 102, STRATO_EPARKED);
    world_wait(w, 1999);
    world_expect_nothing(w, 102);
    world_wait(w, 1);
    world_expect_err(w, 102, STRATO_EFULL);
    assert_int_equal(world_stats(w, "gpu").accepted, 100);
}

static void a_parked_put_takes_back_what_an_idle_producer_holds(void **state)
{
    struct world *w = *state;
    struct world_out o;
    struct world_frame *f;

    world_hello(w, 1, NULL, NULL);
    assert_int_equal(world_open_channel(w, 1, "gpu", "p"), 1);
    for (int i = 0; i < 99; i++)
        world_l1_put(w, 9, "gpu", 0, NULL);
    world_clear(w, 9);
    world_l1_put(w, 9, "gpu", 1000, NULL);
    world_turn(w);
    world_wait(w, 5);
    f = world_expect(w, 1, STRATO_OP_revoke);
    world_begin(&o, w, 1, "release");
    world_str(&o, "ch", "gpu");
    world_u64(&o, "sent", 0);
    world_u64(&o, "sent_bytes", f->header.limit_bytes);
    world_body(&o);
    world_send(&o);
    world_free(f);
    world_turn(w);
    world_free(world_expect(w, 9, STRATO_OP_ok));
    assert_int_equal(world_stats(w, "gpu").accepted, 100);
}

static void a_vanished_producer_gives_its_credit_back(void **state)
{
    struct world *w = *state;

    world_hello(w, 1, "p", NULL);
    world_open_channel(w, 1, "gpu", "p");
    world_need(w, 1, "gpu", 100, 5000);
    world_turn(w);
    assert_true(world_stats(w, "gpu").granted >= 50);
    world_event(w, BRAIN_PEER_GONE, 1);
    world_turn(w);
    assert_int_equal(world_stats(w, "gpu").granted, 0);
}

static void a_delivered_message_is_settled_by_ack_once(void **state)
{
    struct world *w = *state;
    struct world_frame *f;
    struct strato_envelope e;

    world_hello(w, 1, "worker", NULL);
    world_open_channel(w, 1, "evolution", "c");
    world_want(w, 1, "evolution", 10, 0);
    world_l1_put(w, 2, "evolution", 0, NULL);
    world_turn(w);
    f = world_expect(w, 1, STRATO_OP_deliver);
    assert_int_equal(f->header.n, 1);
    assert_int_equal(f->header.i, 0);
    e = world_envelope_at(f, 0);
    assert_true(strato_bytes_is(e.type, "test.work"));
    assert_true(strato_bytes_is(e.sender, "local"));
    assert_int_equal(e.seq, 1);
    assert_int_equal(e.attempts, 1);
    assert_int_equal(e.deliveries, 1);
    assert_int_equal(e.ttl_left_ms, 3600000);
    assert_int_equal(e.id.bytes.bytes, 16);
    world_free(f);
    assert_int_equal(world_stats(w, "evolution").leased, 1);
    world_settle(w, 1, "ack", "evolution", 0);
    world_turn(w);
    assert_int_equal(world_stats(w, "evolution").settled, 1);
    world_settle(w, 1, "ack", "evolution", 0);
    world_expect_err(w, 1, STRATO_ESTALE_LEASE);
}

static void nacked_work_comes_back_and_is_dead_after_five_attempts(void **state)
{
    struct world *w = *state;

    world_hello(w, 1, "worker", NULL);
    world_open_channel(w, 1, "evolution", "c");
    world_want(w, 1, "evolution", 100, 0);
    world_l1_put(w, 2, "evolution", 0, NULL);
    for (unsigned attempt = 1; attempt <= 5; attempt++) {
        struct world_frame *f;

        world_wait(w, 1000);
        f = world_expect(w, 1, STRATO_OP_deliver);
        assert_int_equal(world_envelope_at(f, 0).attempts, attempt);
        assert_int_equal(f->header.i, attempt - 1);
        world_free(f);
        world_settle(w, 1, "nack", "evolution", attempt - 1);
    }
    world_wait(w, 60000);
    world_expect_nothing(w, 1);
    assert_int_equal(world_stats(w, "evolution").dead_lettered, 1);
    assert_int_equal(world_stats(w, "evolution").redelivered, 4);
}

static void a_lease_that_never_starts_goes_back_uncounted_and_is_told(void **state)
{
    struct world *w = *state;
    struct world_frame *f;

    world_hello(w, 1, "worker", NULL);
    world_open_channel(w, 1, "evolution", "c");
    world_want(w, 1, "evolution", 100, 0);
    world_l1_put(w, 2, "evolution", 0, NULL);
    world_turn(w);
    world_free(world_expect(w, 1, STRATO_OP_deliver));
    for (int i = 0; i < 30; i++) { /* keep the session alive */
        struct world_out o;

        world_wait(w, 2000);
        world_begin(&o, w, 1, "pong");
        world_body(&o);
        world_send(&o);
    }
    world_turn(w);
    f = world_expect(w, 1, STRATO_OP_err); /* before anybody could settle it by `upto` and not notice */
    assert_int_equal(f->header.code, -STRATO_ESTALE_LEASE);
    assert_int_equal(f->header.i, 0);
    world_free(f);
    f = world_expect(w, 1, STRATO_OP_deliver);
    assert_int_equal(world_envelope_at(f, 0).attempts, 1);
    assert_int_equal(world_envelope_at(f, 0).deliveries, 2);
    world_free(f);
}

static void lanes_are_served_8_4_2_1(void **state)
{
    struct world *w = *state;
    static const uint8_t priorities[] = { 90, 70, 50, 10 };
    unsigned count[4] = { 0 };
    struct world_frame *f;

    for (int k = 0; k < 30; k++) {
        for (int i = 0; i < 4; i++) {
            struct strato_envelope_out e = { .type = "t.x", .has = STRATO_ENV_PRIORITY, .priority = priorities[i] };

            world_l1_put(w, 2, "evolution", 0, &e);
        }
    }
    world_hello(w, 1, NULL, NULL);
    world_open_channel(w, 1, "evolution", "c");
    world_want(w, 1, "evolution", 30, 0);
    world_turn(w);
    f = world_expect(w, 1, STRATO_OP_deliver);
    assert_int_equal(f->header.n, 30);
    for (uint64_t k = 0; k < 30; k++) {
        uint8_t priority = world_envelope_at(f, k).priority;

        count[priority >= 80 ? 0 : priority >= 60 ? 1 : priority >= 40 ? 2 : 3]++;
    }
    world_free(f);
    assert_int_equal(count[0], 16);
    assert_int_equal(count[1], 8);
    assert_int_equal(count[2], 4);
    assert_int_equal(count[3], 2);
}

static void resume(struct world *w, brain_peer peer, brain_peer old)
{
    struct world_out o;

    world_begin(&o, w, peer, "hello");
    strato_header_raw(&o.header, "token", strato_bytes(w->peers[old].token, w->peers[old].token_bytes));
    world_body(&o);
    world_send(&o);
}

static void a_resume_inside_15_s_keeps_leases(void **state)
{
    struct world *w = *state;
    struct world_frame *f;

    world_hello(w, 1, "worker", NULL);
    world_open_channel(w, 1, "evolution", "c");
    world_want(w, 1, "evolution", 10, 0);
    world_l1_put(w, 5, "evolution", 0, NULL);
    world_turn(w);
    world_clear(w, 1);
    world_event(w, BRAIN_PEER_GONE, 1);
    world_wait(w, 14000);
    assert_int_equal(world_stats(w, "evolution").leased, 1);
    resume(w, 2, 1);
    f = world_expect(w, 2, STRATO_OP_welcome);
    assert_true(f->header.resumed);
    assert_int_equal(f->header.ep, 2);
    world_free(f);
    world_settle(w, 2, "ack", "evolution", 0);
    world_turn(w);
    assert_int_equal(world_stats(w, "evolution").settled, 1);
}

static void leases_go_back_15_s_after_the_loss(void **state)
{
    struct world *w = *state;

    world_hello(w, 1, "worker", NULL);
    world_open_channel(w, 1, "evolution", "c");
    world_want(w, 1, "evolution", 10, 0);
    world_l1_put(w, 5, "evolution", 0, NULL);
    world_turn(w);
    world_event(w, BRAIN_PEER_GONE, 1);
    world_wait(w, 15000);
    assert_int_equal(world_stats(w, "evolution").leased, 0);
    assert_int_equal(world_stats(w, "evolution").ready, 1);
    resume(w, 2, 1);
    world_free(world_expect(w, 2, STRATO_OP_welcome));
    world_settle(w, 2, "ack", "evolution", 0);
    world_expect_err(w, 2, STRATO_ESTALE_LEASE);
}

static void a_late_put_of_an_old_epoch_is_not_accepted(void **state)
{
    struct world *w = *state;

    world_hello(w, 1, "p", NULL);
    world_open_channel(w, 1, "gpu", "p");
    world_event(w, BRAIN_PEER_GONE, 1);
    resume(w, 2, 1);
    world_free(world_expect(w, 2, STRATO_OP_welcome));
    w->peers[2].ep = 1;
    world_put(w, 2, "gpu", 0, 1, NULL);
    world_expect_err(w, 2, STRATO_EEPOCH);
    w->peers[2].ep = 2;
    world_put(w, 2, "gpu", 0, 1, NULL);
    world_turn(w);
    assert_int_equal(world_stats(w, "gpu").accepted, 1);
}

static void a_duplicate_prefix_is_skipped_and_a_gap_refused(void **state)
{
    struct world *w = *state;

    world_hello(w, 1, "p", NULL);
    world_open_channel(w, 1, "evolution", "p");
    world_need(w, 1, "evolution", 10, 1000);
    world_turn(w);
    world_put(w, 1, "evolution", 0, 3, NULL);
    world_put(w, 1, "evolution", 1, 4, NULL);
    assert_int_equal(world_stats(w, "evolution").accepted, 5);
    world_clear(w, 1);
    world_put(w, 1, "evolution", 7, 1, NULL);
    world_expect_err(w, 1, STRATO_EGAP);
    assert_int_equal(world_stats(w, "evolution").accepted, 5);
}

static void a_put_beyond_credit_closes_the_session(void **state)
{
    struct world *w = *state;

    world_hello(w, 1, "p", NULL);
    world_open_channel(w, 1, "gpu", "p");
    world_put(w, 1, "gpu", 0, 2, NULL);
    world_expect_err(w, 1, STRATO_ECREDIT);
    world_need(w, 1, "gpu", 5, 0);
    world_expect_err(w, 1, STRATO_ENO_SESSION);
    world_turn(w);
    assert_int_equal(world_stats(w, "gpu").accepted, 0);
    assert_int_equal(world_stats(w, "gpu").granted, 0);
}

static void a_wrong_channel_is_refused_with_the_nearest_name(void **state)
{
    struct world *w = *state;
    struct world_frame *f;
    char detail[256];

    world_l1_put(w, 1, "evoluton", 0, NULL);
    f = world_expect(w, 1, STRATO_OP_err);
    assert_int_equal(f->header.code, 207);
    snprintf(detail, sizeof(detail), "%.*s", (int)f->header.detail.bytes, (const char *)f->header.detail.data);
    assert_non_null(strstr(detail, "evolution"));
    world_free(f);
}

static void gpu_work_of_one_session_sticks_to_one_worker(void **state)
{
    struct world *w = *state;
    uint64_t got[4] = { 0 };

    for (brain_peer p = 1; p <= 3; p++) {
        world_hello(w, p, NULL, NULL);
        world_open_channel(w, p, "gpu", "c");
        world_want(w, p, "gpu", 100, 0);
    }
    for (brain_peer p = 11; p <= 13; p++) {
        world_hello(w, p, NULL, NULL);
        world_open_channel(w, p, "gpu", "p");
        world_need(w, p, "gpu", 10, 1000);
        world_turn(w);
        world_put(w, p, "gpu", 0, 10, NULL);
        world_turn(w);
    }
    for (brain_peer p = 1; p <= 3; p++) {
        struct world_frame *f;
        char affinity[65] = "";

        while ((f = world_receive(w, p)) != NULL) {
            for (uint64_t k = 0; k < f->header.n; k++) {
                struct strato_envelope e = world_envelope_at(f, k);

                if (affinity[0])
                    assert_true(strato_bytes_is(e.affinity, affinity));
                memcpy(affinity, e.affinity.data, e.affinity.bytes);
                got[p]++;
            }
            world_free(f);
        }
        assert_int_equal(got[p], 10);
    }
}

static void an_order_key_is_leased_one_at_a_time_and_in_order(void **state)
{
    struct world *w = *state;
    struct strato_envelope_out e = { .type = "t.x", .order_key = "k" };

    for (int i = 0; i < 3; i++)
        world_l1_put(w, 9, "evolution", 0, &e);
    world_hello(w, 1, NULL, NULL);
    world_open_channel(w, 1, "evolution", "c");
    world_want(w, 1, "evolution", 10, 0);
    for (uint64_t seq = 1; seq <= 3; seq++) {
        struct world_frame *f;

        world_turn(w);
        f = world_expect(w, 1, STRATO_OP_deliver);
        assert_int_equal(f->header.n, 1);
        assert_int_equal(world_envelope_at(f, 0).seq, seq);
        world_free(f);
        world_expect_nothing(w, 1);
        world_settle(w, 1, "ack", "evolution", seq - 1);
    }
}

static void work_with_needs_goes_to_who_can_and_others_pass(void **state)
{
    struct world *w = *state;
    static const char *const needs[] = { "cuda" };
    struct strato_envelope_out e = { .type = "t.x", .needs = needs, .needs_count = 1 };
    struct world_frame *f;

    world_l1_put(w, 9, "evolution", 0, &e);
    world_l1_put(w, 9, "evolution", 0, NULL);
    world_hello(w, 1, NULL, NULL);
    world_open_channel(w, 1, "evolution", "c");
    world_want(w, 1, "evolution", 10, 0);
    world_turn(w);
    f = world_expect(w, 1, STRATO_OP_deliver);
    assert_int_equal(world_envelope_at(f, 0).seq, 2);
    world_free(f);
    world_hello(w, 2, NULL, "cuda");
    world_open_channel(w, 2, "evolution", "c");
    world_want(w, 2, "evolution", 10, 0);
    world_turn(w);
    f = world_expect(w, 2, STRATO_OP_deliver);
    assert_int_equal(world_envelope_at(f, 0).seq, 1);
    world_free(f);
}

static void expired_work_is_never_delivered(void **state)
{
    struct world *w = *state;
    struct strato_envelope_out e = { .type = "t.x", .has = STRATO_ENV_TTL, .ttl_ms = 500 };

    world_l1_put(w, 9, "evolution", 0, NULL);
    world_l1_put(w, 9, "evolution", 0, &e);
    world_wait(w, 501);
    assert_int_equal(world_stats(w, "evolution").dead_lettered, 1);
    assert_int_equal(world_stats(w, "evolution").ready, 1);
}

static void delayed_work_keeps_its_slot_and_comes_when_it_is_due(void **state)
{
    struct world *w = *state;
    struct strato_envelope_out e = { .type = "t.x", .delay_ms = 1000 };

    world_l1_put(w, 9, "evolution", 0, &e);
    world_clear(w, 9);
    assert_int_equal(world_stats(w, "evolution").delayed, 1);
    world_get(w, 9, "evolution", 1, 0);
    world_turn(w);
    world_expect_err(w, 9, STRATO_EEMPTY);
    world_get(w, 9, "evolution", 1, 5000);
    world_wait(w, 999);
    world_expect_nothing(w, 9);
    world_wait(w, 1);
    world_free(world_expect(w, 9, STRATO_OP_deliver));
}

static void an_id_sent_again_is_a_duplicate_and_with_other_content_a_conflict(void **state)
{
    struct world *w = *state;
    struct strato_envelope_out e = { .type = "t.x", .id = strato_text("id-1") };
    struct world_frame *f;

    world_l1_put(w, 1, "evolution", 0, &e);
    f = world_expect(w, 1, STRATO_OP_ok);
    assert_int_equal(f->header.n, 1);
    world_free(f);
    world_l1_put(w, 2, "evolution", 0, &e);
    f = world_expect(w, 2, STRATO_OP_ok);
    assert_int_equal(f->header.n, 0);
    assert_int_equal(f->header.dup, 1);
    assert_int_equal(f->header.seq, 1);
    world_free(f);
    e.type = "t.y";
    world_l1_put(w, 2, "evolution", 0, &e);
    world_expect_err(w, 2, STRATO_ECONFLICT);
    world_wait(w, 120000);
    world_l1_put(w, 2, "evolution", 0, &e);
    world_free(world_expect(w, 2, STRATO_OP_ok));
    assert_int_equal(world_stats(w, "evolution").accepted, 2);
}

static void a_duplicate_by_id_in_a_session_uses_its_index_and_frees_its_slot(void **state)
{
    struct world *w = *state;
    struct strato_envelope_out e = { .type = "t.x", .id = strato_text("id-1") };
    struct world_frame *f;

    world_hello(w, 1, NULL, NULL);
    world_open_channel(w, 1, "gpu", "p");
    world_need(w, 1, "gpu", 10, 1000);
    world_turn(w);
    world_clear(w, 1);
    world_put(w, 1, "gpu", 0, 1, &e);
    world_put(w, 1, "gpu", 1, 1, &e);
    f = world_expect(w, 1, STRATO_OP_ok);
    assert_int_equal(f->header.i, 1);
    assert_int_equal(f->header.dup, 1);
    assert_int_equal(f->header.seq, 1);
    world_free(f);
    world_turn(w);
    f = world_expect(w, 1, STRATO_OP_credit);
    assert_int_equal(f->header.accepted, 2);
    world_free(f);
    assert_int_equal(world_stats(w, "gpu").accepted, 1);
}

static void a_consumer_that_lost_its_connection_is_not_counted(void **state)
{
    struct world *w = *state;

    world_hello(w, 1, "worker", NULL);
    world_open_channel(w, 1, "evolution", "c");
    world_want(w, 1, "evolution", 10, 0);
    world_turn(w);
    assert_int_equal(world_stats(w, "evolution").consumers, 1);
    world_event(w, BRAIN_PEER_GONE, 1);
    world_turn(w);
    assert_int_equal(world_stats(w, "evolution").consumers, 0); /* at once, though it may still resume */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gpu_accepts_exactly_100_whatever_the_number_of_producers),
        cmocka_unit_test_setup_teardown(one_take_lets_exactly_one_more_in, setup, teardown),
        cmocka_unit_test_setup_teardown(the_101st_l1_put_is_refused_at_once_or_waits_as_asked, setup, teardown),
        cmocka_unit_test_setup_teardown(a_parked_put_takes_back_what_an_idle_producer_holds, setup, teardown),
        cmocka_unit_test_setup_teardown(a_vanished_producer_gives_its_credit_back, setup, teardown),
        cmocka_unit_test_setup_teardown(a_delivered_message_is_settled_by_ack_once, setup, teardown),
        cmocka_unit_test_setup_teardown(nacked_work_comes_back_and_is_dead_after_five_attempts, setup, teardown),
        cmocka_unit_test_setup_teardown(a_lease_that_never_starts_goes_back_uncounted_and_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(lanes_are_served_8_4_2_1, setup, teardown),
        cmocka_unit_test_setup_teardown(a_resume_inside_15_s_keeps_leases, setup, teardown),
        cmocka_unit_test_setup_teardown(leases_go_back_15_s_after_the_loss, setup, teardown),
        cmocka_unit_test_setup_teardown(a_late_put_of_an_old_epoch_is_not_accepted, setup, teardown),
        cmocka_unit_test_setup_teardown(a_duplicate_prefix_is_skipped_and_a_gap_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_put_beyond_credit_closes_the_session, setup, teardown),
        cmocka_unit_test_setup_teardown(a_wrong_channel_is_refused_with_the_nearest_name, setup, teardown),
        cmocka_unit_test_setup_teardown(gpu_work_of_one_session_sticks_to_one_worker, setup, teardown),
        cmocka_unit_test_setup_teardown(an_order_key_is_leased_one_at_a_time_and_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(work_with_needs_goes_to_who_can_and_others_pass, setup, teardown),
        cmocka_unit_test_setup_teardown(expired_work_is_never_delivered, setup, teardown),
        cmocka_unit_test_setup_teardown(an_id_sent_again_is_a_duplicate_and_with_other_content_a_conflict, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_duplicate_by_id_in_a_session_uses_its_index_and_frees_its_slot, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(delayed_work_keeps_its_slot_and_comes_when_it_is_due, setup, teardown),
        cmocka_unit_test_setup_teardown(a_consumer_that_lost_its_connection_is_not_counted, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
