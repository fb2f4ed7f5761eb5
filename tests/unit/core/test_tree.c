/* test_tree.c - only what the cursor has walked becomes a tree. SPDX-License-Identifier: MIT */
#include "core/tree.h"
#include "tests/unit/core/lib.h"

static int build(struct strato_bytes bytes, uint32_t values_max)
{
    struct strato_tree tree;
    int rc = strato_tree_init(&tree, bytes, values_max);

    assert_true((rc == 0) == (tree.root != NULL));
    strato_tree_fini(&tree);
    strato_tree_fini(&tree);
    return rc;
}

static void a_value_becomes_a_tree(void **state)
{
    struct strato_tree tree;
    (void)state;

    assert_int_equal(strato_tree_init(&tree,
                                      LITERAL("\x82\xA1"
                                              "a\x92\x01\xFF\xA1"
                                              "b\xC3"),
                                      100),
                     0);
    assert_int_equal(tree.root->type, MSGPACK_OBJECT_MAP);
    assert_int_equal(tree.root->via.map.size, 2);
    assert_int_equal(tree.root->via.map.ptr[0].val.via.array.ptr[1].via.i64, -1);
    strato_tree_fini(&tree);
    assert_null(tree.root);
}

static void bombs_never_reach_msgpack_c(void **state)
{
    (void)state;
    assert_int_equal(build(LITERAL("\xDD\x7F\xFF\xFF\xFF"), 100), STRATO_ECODEC);
    assert_int_equal(build(LITERAL("\xDF\x0F\xFF\xFF\xFF\x01"), 100), STRATO_ECODEC);
    assert_int_equal(build(LITERAL("\x82\x01\x01\x01\x02"), 100), STRATO_ECODEC);
    assert_int_equal(build(LITERAL("\xC7\x01\x05\x00"), 100), STRATO_ECODEC);
    assert_int_equal(build(LITERAL("\x01\x02"), 100), STRATO_ECODEC);
    assert_int_equal(build(STRATO_BYTES_NONE, 100), STRATO_ECODEC);
}

static void the_deepest_value_of_the_cursor_is_a_tree_too(void **state)
{
    uint8_t nested[32];
    (void)state;

    memset(nested, 0x91, sizeof nested);
    nested[31] = 0x90;
    assert_int_equal(build(strato_bytes(nested, sizeof nested), 100), 0);
}

static void values_are_counted_before_memory_is_taken(void **state)
{
    (void)state;
    assert_int_equal(build(LITERAL("\x93\x01\x02\x03"), 4), 0);
    assert_int_equal(build(LITERAL("\x93\x01\x02\x03"), 3), STRATO_ELIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_becomes_a_tree),
        cmocka_unit_test(bombs_never_reach_msgpack_c),
        cmocka_unit_test(the_deepest_value_of_the_cursor_is_a_tree_too),
        cmocka_unit_test(values_are_counted_before_memory_is_taken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
