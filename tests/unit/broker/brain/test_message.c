/*
 * test_message.c - claims about messages, lanes, history and the window of ids.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdlib.h>

#include "broker/brain/dedup.h"
#include "broker/brain/history.h"
#include "broker/brain/lanes.h"
#include "tests/sim/claims.h"

enum { WINDOW_MS = 120000 };

static struct slab slab;
static struct sender *sender;

static int setup(void **state)
{
    (void)state;
    slab = (struct slab){ 0 };
    sender = sender_new("local", "bob", "s1", 1);
    return sender ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    assert_int_equal(sender->references, 1);
    sender_drop(sender);
    assert_int_equal(slab.bytes, 0);
    slab_fini(&slab);
    return 0;
}

/* A message as it was sent: the map `encoded`. */
static struct message *take(struct strato_bytes encoded)
{
    struct strato_cursor c = strato_cursor_over(encoded);
    struct strato_envelope e;
    struct strato_bytes skipped;
    struct message *m;

    assert_int_equal(strato_envelope_decode(&c, &e, &skipped), 0);
    m = message_new(&slab, &e, sender);
    assert_non_null(m);
    return m;
}

static struct message *make(uint64_t seq, uint8_t priority)
{
    struct strato_writer w = { 0 };
    struct strato_envelope_out e = { .type = "t.x", .has = STRATO_ENV_PRIORITY, .priority = priority };
    struct message *m;

    strato_envelope_encode(&e, &w);
    m = take(strato_writer_view(&w));
    m->seq = seq & MESSAGE_SEQ_MAX;
    strato_writer_fini(&w);
    return m;
}

static struct strato_envelope deliver(const struct message *m, uint8_t *to, const struct message_stamps *stamps)
{
    size_t bytes = message_encode(m, stamps, to);
    struct strato_cursor c = strato_cursor_over(strato_bytes(to, bytes));
    struct strato_envelope e;
    struct strato_bytes skipped;

    assert_true(bytes <= m->body_bytes + MESSAGE_STAMPS_BYTES_MAX);
    assert_int_equal(strato_envelope_decode(&c, &e, &skipped), 0);
    assert_ptr_equal(c.at, c.end);
    return e;
}

static void a_delivery_carries_what_was_sent_and_the_stamps(void **state)
{
    struct message *m = make(7, 90);
    struct message_stamps stamps = { 5, 1000, true, true };
    uint8_t to[1024];
    struct strato_envelope e;

    (void)state;
    m->ts_ms = 1700000000000;
    m->deadline_ms = 1500;
    m->attempts = 2;
    m->deliveries = 4;
    e = deliver(m, to, &stamps);
    assert_true(strato_bytes_is(e.type, "t.x"));
    assert_int_equal(e.priority, 90);
    assert_true(strato_bytes_is(e.sender, "local/bob"));
    assert_true(strato_bytes_is(e.affinity, "s1"));
    assert_int_equal(e.seq, 7);
    assert_int_equal(e.ts_ms, 1700000000000);
    assert_int_equal(e.attempts, 3);
    assert_int_equal(e.deliveries, 4);
    assert_int_equal(e.ttl_left_ms, 500);
    assert_int_equal(e.id.bytes.bytes, 16);
    assert_int_equal(e.id.bytes.data[6] >> 4, 7);
    assert_int_equal(e.id.bytes.data[8] >> 6, 2);
    message_drop(&slab, m);
}

static void a_forged_sender_is_cut_out(void **state)
{
    static const uint8_t forged[] = "\x83\xa4type\xa1t\xa6sender\xa4root\xa3seq\x05";
    struct message *m;
    struct message_stamps stamps = { 5, 0, false, false };
    uint8_t to[1024];
    struct strato_envelope e;

    (void)state;
    m = take(strato_bytes(forged, sizeof(forged) - 1));
    assert_int_equal(message_pairs(m), 1);
    e = deliver(m, to, &stamps);
    assert_true(strato_bytes_is(e.sender, "local/bob"));
    assert_int_equal(e.seq, 0);
    message_drop(&slab, m);
}

static void two_messages_never_share_a_derived_id(void **state)
{
    struct message *a = make(1, 50), *b = make(2, 50);
    uint8_t id_a[16], id_b[16];

    (void)state;
    message_id(a, 5, id_a);
    message_id(b, 5, id_b);
    assert_memory_not_equal(id_a, id_b, 16);
    message_drop(&slab, a);
    message_drop(&slab, b);
}

static void lanes_return_a_message_to_its_place(void **state)
{
    struct lanes lanes = { 0 };
    struct message *m[4];

    (void)state;
    for (uint64_t i = 0; i < 4; i++) {
        m[i] = make(i + 1, 50);
        lanes_add(&lanes, m[i]);
    }
    lanes_remove(&lanes, m[0]);
    lanes_remove(&lanes, m[2]);
    lanes_add(&lanes, m[2]);
    lanes_add(&lanes, m[0]);
    for (int i = 0; i < 4; i++) {
        assert_ptr_equal(lanes_peek(&lanes), m[i]);
        lanes_take(&lanes, m[i]);
        message_drop(&slab, m[i]);
    }
    assert_null(lanes_peek(&lanes));
}

static void an_empty_lanes_share_goes_to_the_rest(void **state)
{
    struct lanes lanes = { 0 };
    struct message *m[20];

    (void)state;
    for (uint64_t i = 0; i < 20; i++) {
        m[i] = make(i + 1, 10);
        lanes_add(&lanes, m[i]);
    }
    for (int i = 0; i < 20; i++) {
        assert_ptr_equal(lanes_peek(&lanes), m[i]);
        lanes_take(&lanes, m[i]);
        message_drop(&slab, m[i]);
    }
}

static void history_keeps_so_many_and_no_more(void **state)
{
    struct history h = { 0 };

    (void)state;
    for (uint64_t seq = 1; seq <= 1000; seq++) {
        struct message *m = make(seq, 50);

        assert_int_equal(history_add(&h, m), 0);
        message_drop(&slab, m);
        history_trim(&h, &slab, 100, UINT64_MAX, UINT64_MAX);
    }
    assert_int_equal(h.first, 901);
    assert_null(history_at(&h, 900));
    assert_int_equal(history_at(&h, 901)->seq, 901);
    assert_null(history_at(&h, 1001));
    history_trim(&h, &slab, 0, 0, 950);
    assert_int_equal(h.first, 950);
    history_fini(&h, &slab);
}

static void an_id_is_remembered_for_its_window_and_its_principal(void **state)
{
    struct dedup d = { 0 };
    struct dedup_entry *entry;
    uint64_t seq = 0;
    struct strato_bytes a = strato_text("alice"), b = strato_text("bob"), id = strato_text("id");

    (void)state;
    assert_int_equal(dedup_claim(&d, a, id, 1, 0, WINDOW_MS, 10, &entry, &seq), 0);
    assert_int_equal(dedup_claim(&d, a, id, 1, 0, WINDOW_MS, 10, &(struct dedup_entry *){ 0 }, &seq), STRATO_EPARKED);
    entry->seq = 77;
    assert_int_equal(dedup_claim(&d, a, id, 1, WINDOW_MS - 1, WINDOW_MS, 10, &entry, &seq), 1);
    assert_int_equal(seq, 77);
    assert_int_equal(dedup_claim(&d, a, id, 2, 0, WINDOW_MS, 10, &entry, &seq), STRATO_ECONFLICT);
    assert_int_equal(dedup_claim(&d, b, id, 2, 0, WINDOW_MS, 10, &entry, &seq), 0);
    dedup_release(&d, entry);
    assert_int_equal(dedup_claim(&d, a, id, 1, WINDOW_MS, WINDOW_MS, 10, &entry, &seq), 0);
    dedup_fini(&d);
}

static void the_window_of_ids_is_bounded(void **state)
{
    struct dedup d = { 0 };
    struct dedup_entry *entry;
    uint64_t seq;

    (void)state;
    for (uint64_t i = 1; i <= 100; i++) {
        assert_int_equal(dedup_claim(&d, strato_text("a"), STRATO_BYTES_OF((uint8_t[]){ (uint8_t)i }), i, 0, WINDOW_MS,
                                     10, &entry, &seq),
                         0);
        entry->seq = i;
    }
    assert_true(d.map.count <= 10);
    dedup_fini(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_delivery_carries_what_was_sent_and_the_stamps, setup, teardown),
        cmocka_unit_test_setup_teardown(a_forged_sender_is_cut_out, setup, teardown),
        cmocka_unit_test_setup_teardown(two_messages_never_share_a_derived_id, setup, teardown),
        cmocka_unit_test_setup_teardown(lanes_return_a_message_to_its_place, setup, teardown),
        cmocka_unit_test_setup_teardown(an_empty_lanes_share_goes_to_the_rest, setup, teardown),
        cmocka_unit_test_setup_teardown(history_keeps_so_many_and_no_more, setup, teardown),
        cmocka_unit_test_setup_teardown(an_id_is_remembered_for_its_window_and_its_principal, setup, teardown),
        cmocka_unit_test_setup_teardown(the_window_of_ids_is_bounded, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
