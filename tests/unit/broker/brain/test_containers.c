/*
 * test_containers.c - claims about the map and the slab.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdlib.h>

#include "broker/brain/map.h"
#include "broker/brain/slab.h"
#include "tests/sim/claims.h"

static bool is_number(const void *item, const void *key)
{
    return *(const uint64_t *)item == *(const uint64_t *)key;
}

static void everything_added_and_not_removed_is_found(void **state)
{
    enum { COUNT = 3000 };
    static uint64_t numbers[COUNT];
    struct map map = { 0 };
    uint64_t absent = COUNT;

    (void)state;
    for (uint64_t i = 0; i < COUNT; i++) {
        numbers[i] = i;
        assert_int_equal(map_add(&map, map_hash_number(i % 100), &numbers[i]), 0); /* many share a hash */
    }
    for (uint64_t i = 0; i < COUNT; i += 2)
        map_remove(&map, map_hash_number(i % 100), &numbers[i]);
    for (uint64_t i = 0; i < COUNT; i++)
        assert_ptr_equal(map_find(&map, map_hash_number(i % 100), is_number, &i), i % 2 ? &numbers[i] : NULL);
    assert_int_equal(map.count, COUNT / 2);
    map_remove(&map, map_hash_number(absent), &absent);
    assert_int_equal(map.count, COUNT / 2);
    map_fini(&map);
}

static void a_walk_meets_everything_once(void **state)
{
    static uint64_t numbers[100];
    struct map map = { 0 };
    uint64_t sum = 0, *number;
    size_t at = 0;

    (void)state;
    for (uint64_t i = 0; i < 100; i++) {
        numbers[i] = i;
        map_add(&map, map_hash_number(i), &numbers[i]);
    }
    while ((number = map_next(&map, &at)) != NULL)
        sum += *number;
    assert_int_equal(sum, 4950);
    map_fini(&map);
}

static void hashes_of_texts_differ_by_every_byte(void **state)
{
    (void)state;
    assert_int_not_equal(map_hash_bytes(strato_text("gpu")), map_hash_bytes(strato_text("gpv")));
    assert_int_not_equal(map_hash_bytes(strato_text("abcdefgh1")), map_hash_bytes(strato_text("abcdefgh2")));
    assert_int_not_equal(map_hash_bytes(strato_text("a")), map_hash_bytes(strato_bytes("a", 2)));
}

static void what_is_given_back_is_used_again_and_counted(void **state)
{
    static const size_t sizes[] = { 1, 32, 33, 1024, 1025, 100000 };
    struct slab slab = { 0 };
    void *memory[6];

    (void)state;
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 6; i++) {
            memory[i] = slab_take(&slab, sizes[i]);
            assert_non_null(memory[i]);
            memset(memory[i], round, sizes[i]);
        }
        assert_true(slab.bytes >= 1 + 32 + 33 + 1024 + 1025 + 100000);
        for (int i = 0; i < 6; i++)
            slab_give(&slab, memory[i], sizes[i]);
        assert_int_equal(slab.bytes, 0);
    }
    slab_give(&slab, NULL, 7);
    slab_fini(&slab);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_added_and_not_removed_is_found),
        cmocka_unit_test(a_walk_meets_everything_once),
        cmocka_unit_test(hashes_of_texts_differ_by_every_byte),
        cmocka_unit_test(what_is_given_back_is_used_again_and_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
