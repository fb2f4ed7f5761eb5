/*
 * test_deadletter.c - claims about the book of dead letters: numbers that stay, both bounds, repeats, no memory.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdlib.h>

#include "broker/brain/deadletter.h"
#include "tests/sim/claims.h"

void *__real_malloc(size_t bytes);
void *__wrap_malloc(size_t bytes);
static bool is_out_of_memory;

void *__wrap_malloc(size_t bytes)
{
    return is_out_of_memory ? NULL : __real_malloc(bytes);
}

static struct slab slab;
static struct sender *sender;
static struct deadletters dead;

static int setup(void **state)
{
    (void)state;
    slab = (struct slab){ 0 };
    dead = (struct deadletters){ 0 };
    sender = sender_new("alice", NULL, "", 0);
    return sender ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    is_out_of_memory = false;
    deadletters_fini(&dead, &slab);
    sender_drop(sender);
    assert_int_equal(slab.bytes, 0);
    slab_fini(&slab);
    return 0;
}

/* A message of so many bytes, as a channel counts them. */
static struct message *make(uint64_t seq, size_t bytes)
{
    uint8_t *body = calloc(1, bytes);
    struct strato_envelope e = { .body = strato_bytes(body, bytes - 1), .priority = 50 };
    struct message *m = message_new(&slab, &e, sender);

    assert_non_null(m);
    free(body);
    m->seq = seq & MESSAGE_SEQ_MAX;
    assert_int_equal(message_bytes(m), bytes);
    return m;
}

/* As a channel does: room first. Returns how many had to leave. */
static uint32_t bury(struct message *m, enum deadletter_reason reason)
{
    struct deadletter_note note = { .reason = reason, .error = strato_text("no"), .now_ms = m->seq };
    uint32_t left = 0;

    for (; deadletters_is_full(&dead, message_bytes(m)); left++)
        deadletters_remove(&dead, &slab, 0);
    deadletters_add(&dead, m, &note);
    message_drop(&slab, m);
    return left;
}

static void the_1000th_entry_fits_and_the_1001st_evicts_the_oldest(void **state)
{
    (void)state;
    for (uint64_t seq = 1; seq <= DEADLETTER_MAX; seq++)
        assert_int_equal(bury(make(seq, 50), DEADLETTER_REJECTED), 0);
    assert_int_equal(bury(make(1001, 50), DEADLETTER_REJECTED), 1);
    assert_int_equal(dead.count, DEADLETTER_MAX);
    assert_int_equal(deadletters_at(&dead, 0)->message->seq, 2);
    assert_int_equal(dead.by_reason[DEADLETTER_REJECTED], DEADLETTER_MAX + 1);
}

static void exactly_64_mib_fit_and_one_byte_more_evicts_the_oldest(void **state)
{
    (void)state;
    for (uint64_t seq = 1; seq <= 63; seq++)
        bury(make(seq, 1024 * 1024), DEADLETTER_EXPIRED);
    assert_int_equal(bury(make(64, 1024 * 1024), DEADLETTER_EXPIRED), 0);
    assert_int_equal(dead.bytes, DEADLETTER_BYTES_MAX);
    assert_int_equal(bury(make(65, 2), DEADLETTER_EXPIRED), 1);
    assert_int_equal(deadletters_at(&dead, 0)->message->seq, 2);
    assert_int_equal(dead.bytes, DEADLETTER_BYTES_MAX - 1024 * 1024 + 2);
}

static void a_number_is_never_used_again_and_finds_its_entry_wherever_it_moved(void **state)
{
    (void)state;
    for (uint64_t seq = 1; seq <= 10; seq++)
        bury(make(seq, 50), DEADLETTER_REJECTED);
    deadletters_remove(&dead, &slab, deadletters_find(&dead, 4));
    deadletters_remove(&dead, &slab, deadletters_find(&dead, 10));
    assert_int_equal(deadletters_find(&dead, 4), dead.count);
    assert_int_equal(deadletters_at(&dead, deadletters_find(&dead, 3))->message->seq, 3);
    assert_int_equal(deadletters_at(&dead, deadletters_find(&dead, 5))->message->seq, 5);
    assert_int_equal(deadletters_from(&dead, 4), deadletters_find(&dead, 5));
    assert_int_equal(deadletters_from(&dead, 11), dead.count);
    bury(make(11, 50), DEADLETTER_REJECTED);
    assert_int_equal(deadletters_at(&dead, dead.count - 1)->number, 11);
}

static void a_message_that_dies_again_for_the_same_reason_takes_its_count_along(void **state)
{
    struct message *m = make(7, 50);

    (void)state;
    assert_non_null(message_extra(&slab, m));
    m->extra->past = (struct message_past){ .number = 3, .first_ms = 5, .count = 2, .reason = DEADLETTER_EXPIRED };
    message_hold(m);
    bury(m, DEADLETTER_EXPIRED);
    assert_int_equal(deadletters_at(&dead, 0)->count, 3);
    assert_int_equal(deadletters_at(&dead, 0)->first_ms, 5);
    assert_int_equal(deadletters_at(&dead, 0)->last_ms, 7);
    assert_int_equal(deadletters_at(&dead, 0)->redriven_from, 3);
    bury(m, DEADLETTER_REJECTED);
    assert_int_equal(deadletters_at(&dead, 1)->count, 1);
    assert_int_equal(deadletters_at(&dead, 1)->first_ms, 7);
    assert_int_equal(deadletters_at(&dead, 1)->redriven_from, 3);
}

static void without_memory_an_entry_is_counted_as_evicted_and_nothing_leaks(void **state)
{
    struct message *m = make(1, 50);

    (void)state;
    is_out_of_memory = true;
    assert_null(deadletters_add(&dead, m, &(struct deadletter_note){ .reason = DEADLETTER_REJECTED }));
    is_out_of_memory = false;
    assert_int_equal(dead.count, 0);
    assert_int_equal(dead.evicted, 1);
    assert_int_equal(dead.by_reason[DEADLETTER_REJECTED], 1);
    assert_int_equal(m->timer.of_owner[MESSAGE_OWN_REFERENCES], 1);
    message_drop(&slab, m);
}

static const char *error_kept_of(struct strato_bytes error)
{
    struct message *m = make(1, 50);
    const struct deadletter *entry = deadletters_add(&dead, m, &(struct deadletter_note){ .error = error });

    message_drop(&slab, m);
    return entry->error;
}

static void an_error_is_cut_between_characters_and_is_always_text(void **state)
{
    char wide[300];
    const char *kept;

    (void)state;
    memset(wide, 'x', sizeof(wide));
    memcpy(wide + 255, "\xc3\xbc", 2); /* a character over the edge */
    kept = error_kept_of(strato_bytes(wide, sizeof(wide)));
    assert_int_equal(strlen(kept), 255);
    assert_string_equal(error_kept_of(strato_bytes("a\xff\xfe", 3)), "a??");
    assert_string_equal(error_kept_of(strato_bytes("\xc3\xbc", 2)), "\xc3\xbc");
    assert_null(error_kept_of(STRATO_BYTES_NONE));
}

static void a_reason_is_found_by_its_name_and_no_other(void **state)
{
    enum deadletter_reason reason;

    (void)state;
    for (int i = 0; i < DEADLETTER_REASON_COUNT; i++) {
        assert_int_equal(
            deadletter_reason_find(strato_text(deadletter_reason_name((enum deadletter_reason)i)), &reason), 0);
        assert_int_equal(reason, i);
    }
    assert_int_equal(DEADLETTER_REASON_COUNT, 10);
    assert_int_equal(deadletter_reason_find(strato_text("unknown"), &reason), STRATO_ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_1000th_entry_fits_and_the_1001st_evicts_the_oldest, setup, teardown),
        cmocka_unit_test_setup_teardown(exactly_64_mib_fit_and_one_byte_more_evicts_the_oldest, setup, teardown),
        cmocka_unit_test_setup_teardown(a_number_is_never_used_again_and_finds_its_entry_wherever_it_moved, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_message_that_dies_again_for_the_same_reason_takes_its_count_along, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(without_memory_an_entry_is_counted_as_evicted_and_nothing_leaks, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(an_error_is_cut_between_characters_and_is_always_text, setup, teardown),
        cmocka_unit_test_setup_teardown(a_reason_is_found_by_its_name_and_no_other, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
