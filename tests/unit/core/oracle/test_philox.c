/*
 * test_philox.c - the generator against the known answers of Random123, and its uniform draws.
 *
 * SPDX-License-Identifier: MIT
 */
#include "chi_square.h"
#include "cmocka_all.h"
#include "core/oracle/philox.h"

#define ARRAY_LEN(a) (sizeof(a) / sizeof(*(a)))

static void known_answers_of_random123_are_met(void **state)
{
    static const struct {
        uint32_t counter[4], key[2], want[4];
    } rows[] = {
        { { 0, 0, 0, 0 }, { 0, 0 }, { 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8 } },
        { { 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff },
          { 0xffffffff, 0xffffffff },
          { 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd } },
        { { 0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344 },
          { 0xa4093822, 0x299f31d0 },
          { 0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1 } },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint32_t got[4];

        strato_philox4x32(rows[i].counter, rows[i].key, got);
        assert_memory_equal(got, rows[i].want, sizeof(got));
    }
}

static void result_may_overwrite_the_counter(void **state)
{
    static const uint32_t zero_key[2] = { 0, 0 };
    uint32_t words[4] = { 0, 0, 0, 0 };

    (void)state;
    strato_philox4x32(words, zero_key, words);
    assert_int_equal(words[0], 0x6627e8d5);
    assert_int_equal(words[3], 0x9b00dbd8);
}

static void seed_halves_are_the_key_low_word_first(void **state)
{
    struct strato_counter at = { 0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344 };
    uint32_t words[4];

    (void)state;
    strato_random_block(0x299f31d0a4093822u, at, words);
    assert_int_equal(words[0], 0xd16cfe09);
}

static void gene_draw_does_not_depend_on_the_block_asked(void **state)
{
    struct strato_counter at = { .individual = 7, .generation = 3, .stream = STRATO_STREAM_MASK };
    uint32_t words[4];

    (void)state;
    at.block = 999;
    uint32_t word = strato_random_gene(42, at, 6);
    at.block = 1;
    strato_random_block(42, at, words);
    assert_int_equal(word, words[2]);
}

static void uniform_stays_inside_the_open_interval(void **state)
{
    (void)state;
    assert_true(strato_uniform(0) > 0);
    assert_true(strato_uniform(UINT32_MAX) < 1);
}

static void uniform_below_covers_exactly_its_range(void **state)
{
    (void)state;
    assert_int_equal(strato_uniform_below(0, 7), 0);
    assert_int_equal(strato_uniform_below(UINT64_MAX, 7), 6);
    assert_int_equal(strato_uniform_below(UINT64_MAX, 1), 0);
}

static void uniform_below_is_uniform(void **state)
{
    enum { BINS = 37, DRAWS = 100000 };
    uint32_t observed[BINS] = { 0 };
    double expected[BINS];

    (void)state;
    for (uint32_t i = 0; i < DRAWS; i++) {
        uint32_t words[4];

        strato_random_block(1, (struct strato_counter){ .individual = i, .stream = STRATO_STREAM_SELECT }, words);
        observed[strato_uniform_below((uint64_t)words[1] << 32 | words[0], BINS)]++;
    }
    for (int i = 0; i < BINS; i++)
        expected[i] = (double)DRAWS / BINS;
    assert_true(chi_square(observed, expected, BINS) < chi_square_limit(BINS - 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_answers_of_random123_are_met),
        cmocka_unit_test(result_may_overwrite_the_counter),
        cmocka_unit_test(seed_halves_are_the_key_low_word_first),
        cmocka_unit_test(gene_draw_does_not_depend_on_the_block_asked),
        cmocka_unit_test(uniform_stays_inside_the_open_interval),
        cmocka_unit_test(uniform_below_covers_exactly_its_range),
        cmocka_unit_test(uniform_below_is_uniform),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
