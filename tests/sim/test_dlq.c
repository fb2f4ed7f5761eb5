/*
 * test_dlq.c - claims about admin.dlq.*: list and its pages, get, redrive within the bound, purge, hostile arguments.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/sim/claims.h"
#include "tests/sim/dlq.h"

enum { WORKER = 1, MAKER = 2 };

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof(*w));

    world_open(w, NULL);
    world_hello(w, WORKER, "worker", NULL);
    world_hello(w, MAKER, "maker", NULL);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    world_close(*state);
    free(*state);
    return 0;
}

static void put(struct world *w, brain_peer peer, const char *channel, const struct strato_envelope_out *e)
{
    world_l1_put(w, peer, channel, 0, e);
    world_free(world_expect(w, peer, STRATO_OP_ok));
}

/* Take one message of a channel and end it as dead, rejected. */
static void kill_one(struct world *w, const char *channel)
{
    struct world_out o;
    struct world_frame *f;

    world_get(w, 300, channel, 1, 0);
    world_turn(w);
    f = world_expect(w, 300, STRATO_OP_deliver);
    world_begin(&o, w, 300, "nack");
    world_str(&o, "ch", channel);
    strato_header_raw(&o.header, "leases", f->header.leases);
    strato_header_bool(&o.header, "dead", true);
    world_str(&o, "reason", "no");
    world_body(&o);
    world_send(&o);
    world_free(f);
    world_turn(w);
    world_clear(w, 300);
}

static void dead(struct world *w, const char *channel, const struct strato_envelope_out *e)
{
    put(w, MAKER, channel, e);
    kill_one(w, channel);
}

static void list_is_filtered_by_reason_topic_sender_and_time(void **state)
{
    struct world *w = *state;
    struct strato_envelope_out a = { .type = "t.x", .topic = "orders.eu.1" },
                               b = { .type = "t.x", .topic = "orders.us" };
    struct strato_envelope_out c = { .type = "t.x", .ttl_ms = 10, .has = STRATO_ENV_TTL };
    static const struct {
        struct dlq_argument argument;
        uint32_t count;
    } cases[] = {
        { { .key = "reason", .text = "rejected" }, 3 },        { { .key = "reason", .text = "expired" }, 1 },
        { { .key = "reason", .text = "queue_full" }, 0 },      { { .key = "topic", .text = "orders.>" }, 3 },
        { { .key = "topic", .text = "orders.*" }, 2 },         { { .key = "sender", .text = "local/maker" }, 3 },
        { { .key = "sender", .text = "local" }, 4 },           { { .key = "sender", .text = "loc" }, 0 },
        { { .key = "since_ms", .number = 1700000005000 }, 1 }, { { .key = "since_ms", .number = 1 }, 4 },
    };

    dead(w, "evolution", &a);
    dead(w, "evolution", &b);
    put(w, 9, "evolution", &b); /* of no session: "local" */
    kill_one(w, "evolution");
    world_wait(w, 10000);
    put(w, MAKER, "evolution", &c);
    world_wait(w, 1000);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct dlq_argument argument = cases[i].argument;
        struct world_frame *f;

        f = dlq_ask(w, "list", "evolution", argument);
        assert_int_equal(dlq_entries(f), cases[i].count);
        assert_int_equal(dlq_number(dlq_answer(f), "total"), 4);
        world_free(f);
    }
}

static void a_list_comes_in_pages_that_join_without_a_seam(void **state)
{
    struct world *w = *state;
    struct dlq_argument page[2] = { dlq_u64("from", 1), dlq_u64("limit", 7) };
    uint64_t expected = 1;

    for (int i = 0; i < 20; i++)
        dead(w, "evolution", NULL);
    while (page[0].number) {
        struct world_frame *f;

        dlq_send(w, "list", "evolution", page, 2);
        f = world_expect(w, DLQ_PEER, STRATO_OP_ok);
        assert_true(dlq_entries(f) <= 7);
        for (uint32_t k = 0; k < dlq_entries(f); k++)
            assert_int_equal(dlq_number(dlq_entry(f, k), "id"), expected++);
        page[0].number = dlq_number(dlq_answer(f), "next");
        world_free(f);
    }
    assert_int_equal(expected, 21);
}

static void a_page_of_the_longest_entries_stays_below_300_kib(void **state)
{
    struct world *w = *state;
    char topic[201];
    struct strato_envelope_out e = { .type = "t.x", .topic = topic };
    struct dlq_argument page = dlq_u64("limit", 1000);
    struct world_frame *f;
    uint32_t seen;

    memset(topic, 't', 200);
    topic[200] = '\0';
    for (int i = 0; i < 1000; i++)
        dead(w, "evolution", &e);
    f = dlq_ask(w, "list", "evolution", page);
    assert_true(f->bytes < 300 * 1024);
    seen = dlq_entries(f);
    assert_in_range(seen, 300, 999);
    assert_int_equal(dlq_number(dlq_answer(f), "next"), seen + 1);
    world_free(f);
}

static void leave(struct strato_blob *blob)
{
    (void)blob; /* it lives in the test's frame */
}

static void get_returns_the_whole_message_with_its_attachments(void **state)
{
    struct world *w = *state;
    struct strato_envelope_out e = {
        .type = "t.x", .id = strato_text("mine"), .attach = 2, .payload = strato_text("\x07")
    };
    static uint8_t bytes[70000];
    static struct strato_blob large = { bytes, sizeof(bytes), 1, leave }, small = { (const uint8_t *)"y", 1, 1, leave };
    struct strato_cursor c;
    struct strato_envelope got;
    struct strato_bytes skipped, whole;
    struct world_out o;
    struct world_frame *f;

    world_begin(&o, w, MAKER, "put");
    world_str(&o, "ch", "evolution");
    world_u64(&o, "rq", 1);
    world_body(&o);
    world_envelope(&o, &e);
    o.blobs[0] = &large;
    o.blobs[1] = &small;
    o.blobs_count = 2;
    world_send(&o);
    world_free(world_expect(w, MAKER, STRATO_OP_ok));
    kill_one(w, "evolution");
    f = dlq_ask(w, "get", "evolution", dlq_u64("id", 1));
    assert_int_equal(world_envelope_at(f, 0).attach, 2);
    assert_int_equal(f->blobs_count, 2);
    assert_int_equal(f->blobs[0]->bytes, 70000);
    assert_int_equal(((const uint8_t *)f->blobs[1]->data)[0], 'y');
    whole = dlq_string(dlq_answer(f), "message");
    c = strato_cursor_over(whole);
    assert_int_equal(strato_envelope_decode(&c, &got, &skipped), 0);
    assert_true(strato_bytes_is(got.type, "t.x") && strato_bytes_is(got.id.bytes, "mine"));
    assert_int_equal(got.payload.data[0], 7);
    assert_true(strato_bytes_is(dlq_string(dlq_value(dlq_answer(f), "entry"), "message_id"), "mine"));
    world_free(f);
    assert_int_equal(dlq_count(w, "redrive", "evolution", dlq_u64("id", 1), "redriven"), 1);
    world_get(w, 300, "evolution", 1, 0);
    world_turn(w);
    f = world_expect(w, 300, STRATO_OP_deliver);
    assert_int_equal(f->blobs_count, 2);
    world_free(f);
}

static void redriven_it_is_a_new_acceptance_with_attempts_at_1_and_remembers_where_it_came_from(void **state)
{
    struct world *w = *state;
    struct strato_envelope_out e = { .type = "t.x", .ttl_ms = 60000, .has = STRATO_ENV_TTL, .order_key = "k" };
    struct world_frame *f;
    struct strato_envelope got;

    dead(w, "evolution", &e);
    world_wait(w, 100000); /* an entry does not expire */
    assert_int_equal(dlq_count(w, "redrive", "evolution", dlq_u64("id", 1), "redriven"), 1);
    assert_int_equal(dlq_count(w, "list", "evolution", dlq_none, "total"), 0);
    assert_int_equal(world_stats(w, "evolution").accepted, 2);
    world_wait(w, 1000);
    world_hello(w, 11, "late", NULL);
    world_open_channel(w, 11, "evolution", "c");
    world_want(w, 11, "evolution", 10, 0);
    world_turn(w);
    f = world_expect(w, 11, STRATO_OP_deliver);
    got = world_envelope_at(f, 0);
    assert_int_equal(got.seq, 2);
    assert_int_equal(got.attempts, 1);
    assert_int_equal(got.deliveries, 1);
    assert_int_equal(got.ttl_left_ms, 59000);
    world_free(f);
    for (uint64_t tag = 0; tag < 5; tag++) {
        world_settle(w, 11, "nack", "evolution", tag);
        world_wait(w, 1000);
    }
    f = dlq_only(w, "evolution", "max_deliver");
    assert_int_equal(dlq_number(dlq_entry(f, 0), "id"), 2);
    assert_int_equal(dlq_number(dlq_entry(f, 0), "redriven_from"), 1);
    assert_int_equal(dlq_number(dlq_entry(f, 0), "count"), 1); /* another reason: not a repeat */
    world_free(f);
}

static void deaths_of_one_message_for_one_reason_are_one_entry_with_a_count(void **state)
{
    struct world *w = *state;
    struct world_frame *f;
    uint64_t first_ms;

    dead(w, "evolution", NULL);
    first_ms = 1700000000000 + w->now_ms;
    for (uint64_t id = 1; id < 3; id++) {
        world_wait(w, 1000);
        assert_int_equal(dlq_count(w, "redrive", "evolution", dlq_u64("id", id), "redriven"), 1);
        kill_one(w, "evolution");
    }
    f = dlq_only(w, "evolution", "rejected");
    assert_int_equal(dlq_number(dlq_entry(f, 0), "count"), 3);
    assert_int_equal(dlq_number(dlq_entry(f, 0), "first_ms"), first_ms);
    assert_int_equal(dlq_number(dlq_entry(f, 0), "last_ms"), first_ms + 2000);
    assert_int_equal(dlq_number(dlq_entry(f, 0), "redriven_from"), 2);
    world_free(f);
    assert_int_equal(world_stats(w, "evolution").dead_lettered, 3);
    assert_int_equal(world_stats(w, "evolution").accepted, 3);
}

static void redrive_stops_at_the_bound_and_says_what_is_left(void **state)
{
    struct world *w = *state;

    for (int i = 0; i < 5; i++)
        dead(w, "gpu", NULL);
    for (int i = 0; i < 97; i++)
        put(w, MAKER, "gpu", NULL);
    assert_int_equal(dlq_count(w, "redrive", "gpu", dlq_all, "redriven"), 3);
    assert_int_equal(world_stats(w, "gpu").ready, 100);
    assert_int_equal(dlq_count(w, "redrive", "gpu", dlq_all, "left"), 2);
    assert_int_equal(dlq_count(w, "list", "gpu", dlq_none, "total"), 2);
    assert_int_equal(dlq_count(w, "redrive", "gpu", dlq_u64("id", 5), "left"), 1);
    assert_int_equal(world_stats(w, "gpu").ready, 100);
}

static void credit_that_was_granted_is_no_free_slot_for_a_redrive(void **state)
{
    struct world *w = *state;

    dead(w, "gpu", NULL);
    for (int i = 0; i < 99; i++)
        put(w, MAKER, "gpu", NULL);
    assert_int_equal(world_open_channel(w, WORKER, "gpu", "p"), 1); /* the last slot is promised */
    assert_int_equal(dlq_count(w, "redrive", "gpu", dlq_all, "left"), 1);
}

static void redrive_by_filter_takes_only_what_it_selects(void **state)
{
    struct world *w = *state;
    struct strato_envelope_out a = { .type = "t.x", .topic = "keep" }, b = { .type = "t.x", .topic = "send" };

    dead(w, "evolution", &a);
    dead(w, "evolution", &b);
    dead(w, "evolution", &a);
    assert_int_equal(dlq_count(w, "redrive", "evolution", dlq_text("topic", "send"), "redriven"), 1);
    assert_int_equal(dlq_count(w, "list", "evolution", dlq_none, "total"), 2);
    assert_int_equal(dlq_count(w, "list", "evolution", dlq_text("topic", "send"), "next"), 0);
}

static void purge_forgets_one_a_selection_or_all(void **state)
{
    struct world *w = *state;
    struct strato_envelope_out a = { .type = "t.x", .topic = "a" }, b = { .type = "t.x", .topic = "b" };

    for (int i = 0; i < 4; i++)
        dead(w, "evolution", i % 2 ? &b : &a);
    assert_int_equal(dlq_count(w, "purge", "evolution", dlq_u64("id", 2), "purged"), 1);
    dlq_expect_err(w, "purge", "evolution", dlq_u64("id", 2), STRATO_ENO_ENTRY);
    assert_int_equal(dlq_count(w, "purge", "evolution", dlq_text("topic", "a"), "purged"), 2);
    assert_int_equal(dlq_count(w, "list", "evolution", dlq_none, "total"), 1);
    assert_int_equal(dlq_count(w, "purge", "evolution", dlq_all, "purged"), 1);
    assert_int_equal(dlq_count(w, "purge", "evolution", dlq_all, "purged"), 0);
    assert_int_equal(world_stats(w, "evolution").dead_lettered, 4); /* the column is history: it only grows */
}

static void the_1001st_entry_evicts_the_first_and_is_counted(void **state)
{
    struct world *w = *state;
    struct world_frame *f;

    for (int i = 0; i < 1000; i++)
        dead(w, "evolution", NULL);
    assert_int_equal(dlq_count(w, "list", "evolution", dlq_none, "evicted"), 0);
    dead(w, "evolution", NULL);
    f = dlq_ask(w, "list", "evolution", dlq_none);
    assert_int_equal(dlq_number(dlq_answer(f), "total"), 1000);
    assert_int_equal(dlq_number(dlq_answer(f), "evicted"), 1);
    assert_int_equal(dlq_number(dlq_entry(f, 0), "id"), 2);
    world_free(f);
    dlq_expect_err(w, "get", "evolution", dlq_u64("id", 1), STRATO_ENO_ENTRY);
    assert_int_equal(dlq_count(w, "redrive", "evolution", dlq_u64("id", 1001), "redriven"), 1);
    dead(w, "evolution", NULL); /* the redriven one leaves a hole: nothing is evicted */
    assert_int_equal(dlq_count(w, "list", "evolution", dlq_none, "evicted"), 1);
}

static void garbage_for_arguments_is_an_error_by_name_and_changes_nothing(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *what;
        struct dlq_argument argument;
        int err;
    } cases[] = {
        { "list", { .key = "reason", .text = "tired" }, STRATO_ESCHEMA },
        { "list", { .key = "reason", .number = 1 }, STRATO_ESCHEMA },
        { "list", { .key = "topic", .text = "a..b" }, STRATO_ESCHEMA },
        { "list", { .key = "topic", .text = "" }, STRATO_ESCHEMA },
        { "list", { .key = "limit", .number = 0 }, STRATO_ESCHEMA },
        { "list", { .key = "limit", .number = 1001 }, STRATO_ESCHEMA },
        { "list", { .key = "limit", .number = UINT64_MAX }, STRATO_ESCHEMA },
        { "list", { .key = "id", .number = 1 }, STRATO_ESCHEMA },
        { "list", { .key = "colour", .text = "red" }, STRATO_ESCHEMA },
        { "get", { .key = "id", .number = 0 }, STRATO_ESCHEMA },
        { "get", { .key = "id", .number = 2 }, STRATO_ENO_ENTRY },
        { "get", { .key = "id", .number = UINT64_MAX }, STRATO_ENO_ENTRY },
        { "get", { .key = "id", .text = "1" }, STRATO_ESCHEMA },
        { "get", { 0 }, STRATO_ENO_ENTRY },
        { "redrive", { 0 }, STRATO_ESCHEMA },
        { "redrive", { .key = "id", .number = 99 }, STRATO_ENO_ENTRY },
        { "redrive", { .key = "from", .number = 1 }, STRATO_ESCHEMA },
        { "redrive", { .key = "all", .number = 0 }, STRATO_ESCHEMA },
        { "purge", { 0 }, STRATO_ESCHEMA },
        { "purge", { .key = "id", .number = UINT64_MAX }, STRATO_ENO_ENTRY },
        { "purge", { .key = "all", .text = "yes" }, STRATO_ESCHEMA },
    };
    const struct dlq_argument both[] = { dlq_u64("id", 1), dlq_all };

    dead(w, "evolution", NULL);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        dlq_expect_err(w, cases[i].what, "evolution", cases[i].argument, cases[i].err);
    dlq_send(w, "purge", "evolution", both, 2);
    world_expect_err(w, DLQ_PEER, STRATO_ESCHEMA);
    dlq_expect_err(w, "list", "nowhere", dlq_none, STRATO_ENO_CHANNEL);
    assert_int_equal(dlq_count(w, "list", "evolution", dlq_none, "total"), 1);
    assert_int_equal(dlq_count(w, "list", "evolution", dlq_u64("from", UINT64_MAX), "total"), 1);
}

static void who_is_not_local_may_look_and_not_touch(void **state)
{
    struct world *w = *state;

    dead(w, "evolution", NULL);
    w->peers[DLQ_PEER].is_remote = true;
    assert_int_equal(dlq_count(w, "list", "evolution", dlq_none, "total"), 1);
    world_free(dlq_ask(w, "get", "evolution", dlq_u64("id", 1)));
    dlq_expect_err(w, "redrive", "evolution", dlq_all, STRATO_EFORBIDDEN);
    dlq_expect_err(w, "purge", "evolution", dlq_all, STRATO_EFORBIDDEN);
    assert_int_equal(dlq_count(w, "list", "evolution", dlq_none, "total"), 1);
}

static void a_drain_redrives_nothing(void **state)
{
    struct world *w = *state;

    dead(w, "evolution", NULL);
    world_event(w, BRAIN_DRAIN, 0);
    dlq_expect_err(w, "redrive", "evolution", dlq_all, STRATO_EDRAINING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(list_is_filtered_by_reason_topic_sender_and_time, setup, teardown),
        cmocka_unit_test_setup_teardown(a_list_comes_in_pages_that_join_without_a_seam, setup, teardown),
        cmocka_unit_test_setup_teardown(a_page_of_the_longest_entries_stays_below_300_kib, setup, teardown),
        cmocka_unit_test_setup_teardown(get_returns_the_whole_message_with_its_attachments, setup, teardown),
        cmocka_unit_test_setup_teardown(
            redriven_it_is_a_new_acceptance_with_attempts_at_1_and_remembers_where_it_came_from, setup, teardown),
        cmocka_unit_test_setup_teardown(deaths_of_one_message_for_one_reason_are_one_entry_with_a_count, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(redrive_stops_at_the_bound_and_says_what_is_left, setup, teardown),
        cmocka_unit_test_setup_teardown(credit_that_was_granted_is_no_free_slot_for_a_redrive, setup, teardown),
        cmocka_unit_test_setup_teardown(redrive_by_filter_takes_only_what_it_selects, setup, teardown),
        cmocka_unit_test_setup_teardown(purge_forgets_one_a_selection_or_all, setup, teardown),
        cmocka_unit_test_setup_teardown(the_1001st_entry_evicts_the_first_and_is_counted, setup, teardown),
        cmocka_unit_test_setup_teardown(garbage_for_arguments_is_an_error_by_name_and_changes_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(who_is_not_local_may_look_and_not_touch, setup, teardown),
        cmocka_unit_test_setup_teardown(a_drain_redrives_nothing, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
