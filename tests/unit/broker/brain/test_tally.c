/*
 * test_tally.c - counts by name add up, whatever names come.
 *
 * SPDX-License-Identifier: MIT
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "broker/brain/tally.h"

static uint64_t total(const struct tally *t)
{
    uint64_t sum = t->other.messages;

    for (uint32_t i = 0; i < t->count; i++)
        sum += t->entries[i]->counts.messages;
    return sum;
}

static void count_number(struct tally *t, unsigned number, uint64_t now_ms)
{
    char name[32];

    snprintf(name, sizeof(name), "topic.%u", number);
    tally_count(t, strato_text(name), 10, now_ms);
}

static const struct tally_counts *find(const struct tally *t, const char *name)
{
    for (uint32_t i = 0; i < t->count; i++) {
        if (strato_bytes_is(strato_bytes(t->entries[i]->name, t->entries[i]->name_bytes), name))
            return &t->entries[i]->counts;
    }
    return NULL;
}

static void each_name_has_its_counts(void **state)
{
    struct tally t = { 0 };

    (void)state;
    for (int i = 0; i < 3; i++)
        tally_count(&t, strato_text("a"), 7, 100);
    tally_count(&t, strato_text("b"), 5, 200);
    assert_int_equal(find(&t, "a")->messages, 3);
    assert_int_equal(find(&t, "a")->bytes, 21);
    assert_int_equal(find(&t, "a")->last_ms, 100);
    assert_int_equal(find(&t, "b")->messages, 1);
    assert_int_equal(t.other.messages, 0);
    tally_fini(&t);
}

static void the_1025th_name_is_other(void **state)
{
    struct tally t = { 0 };

    (void)state;
    for (unsigned i = 0; i < 5000; i++)
        count_number(&t, i, 1);
    assert_int_equal(t.count, TALLY_NAMES_MAX);
    assert_int_equal(t.other.messages, 5000 - TALLY_NAMES_MAX);
    assert_int_equal(t.other.bytes, 10 * (5000 - TALLY_NAMES_MAX));
    count_number(&t, 3, 1);
    assert_int_equal(find(&t, "topic.3")->messages, 2);
    assert_int_equal(total(&t), 5001);
    tally_fini(&t);
}

static void a_name_long_unseen_gives_its_place_and_nothing_is_forgotten(void **state)
{
    struct tally t = { 0 };

    (void)state;
    for (unsigned i = 0; i < TALLY_NAMES_MAX; i++)
        count_number(&t, i, 0);
    count_number(&t, 0, TALLY_IDLE_MS - 1); /* this one was seen */
    count_number(&t, 7000, TALLY_IDLE_MS - 1);
    assert_null(find(&t, "topic.7000"));
    t.hand = 0;
    count_number(&t, 7001, TALLY_IDLE_MS);
    assert_non_null(find(&t, "topic.7001"));
    assert_non_null(find(&t, "topic.0"));
    assert_null(find(&t, "topic.1"));
    assert_int_equal(t.count, TALLY_NAMES_MAX);
    assert_int_equal(total(&t), TALLY_NAMES_MAX + 3);
    tally_fini(&t);
}

static void the_rate_is_that_of_the_last_ten_seconds(void **state)
{
    struct tally t = { 0 };

    (void)state;
    for (unsigned i = 0; i < 100; i++)
        tally_count(&t, strato_text("a"), 1, 20000 + i * 100); /* ten a second, for ten seconds */
    assert_int_equal(tally_rate_milli(find(&t, "a"), 29999), 10000);
    assert_int_equal(tally_rate_milli(find(&t, "a"), 35000), 5000);
    assert_int_equal(tally_rate_milli(find(&t, "a"), 40000), 0);
    tally_fini(&t);
}

static void a_flood_of_random_names_adds_up(void **state)
{
    struct tally t = { 0 };
    uint64_t seed = 7, now_ms = 0;

    (void)state;
    for (unsigned i = 0; i < 200000; i++) {
        seed = map_hash_number(seed + i);
        now_ms += seed % 5000;
        count_number(&t, (unsigned)(seed >> 32) % 4000, now_ms);
    }
    assert_int_equal(total(&t), 200000);
    assert_int_equal(t.names.count, t.count);
    assert_true(t.count <= TALLY_NAMES_MAX);
    tally_fini(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_name_has_its_counts),
        cmocka_unit_test(the_1025th_name_is_other),
        cmocka_unit_test(a_name_long_unseen_gives_its_place_and_nothing_is_forgotten),
        cmocka_unit_test(the_rate_is_that_of_the_last_ten_seconds),
        cmocka_unit_test(a_flood_of_random_names_adds_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
