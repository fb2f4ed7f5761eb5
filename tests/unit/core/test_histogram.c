/* test_histogram.c - percentiles against a sorted list. SPDX-License-Identifier: MIT */
#include "core/histogram.h"
#include "tests/unit/core/lib.h"

static int ascending(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static void percentiles_are_within_one_percent_of_the_sorted_list(void **state)
{
    static struct strato_histogram h;
    static uint64_t values[10000];
    static const double percents[] = { 1, 50, 90, 99, 99.9 };
    uint64_t seed = 7;
    (void)state;

    strato_histogram_reset(&h);
    for (size_t i = 0; i < 10000; i++) {
        values[i] = random_next(&seed) >> (20 + random_below(&seed, 40));
        strato_histogram_record(&h, values[i]);
    }
    qsort(values, 10000, sizeof values[0], ascending);
    for (size_t i = 0; i < sizeof percents / sizeof percents[0]; i++) {
        uint64_t exact = values[(size_t)(percents[i] * 100) - 1], got = strato_histogram_percentile(&h, percents[i]);

        assert_true(got >= exact);
        assert_true((double)(got - exact) <= (double)exact * 0.01);
    }
    assert_int_equal(strato_histogram_percentile(&h, 100), values[9999]);
    assert_int_equal(h.min, values[0]);
    assert_int_equal(h.max, values[9999]);
}

static void small_values_are_exact_and_borders_are_held(void **state)
{
    static struct strato_histogram h;
    (void)state;

    strato_histogram_reset(&h);
    assert_int_equal(strato_histogram_percentile(&h, 50), 0);
    assert_true(strato_histogram_mean(&h) == 0.0);
    strato_histogram_record(&h, 1);
    strato_histogram_record(&h, 255);
    strato_histogram_record(&h, 2);
    assert_int_equal(strato_histogram_percentile(&h, 50), 2);
    assert_true(strato_histogram_mean(&h) == 86.0);
    strato_histogram_record(&h, UINT64_MAX);
    strato_histogram_record(&h, 0);
    assert_int_equal(strato_histogram_percentile(&h, 100), UINT64_MAX);
    assert_int_equal(strato_histogram_percentile(&h, 0), 0);
}

static void merging_equals_recording_in_one(void **state)
{
    static struct strato_histogram a, b, both;
    uint64_t seed = 3;
    (void)state;

    for (int i = 0; i < 1000; i++) {
        uint64_t value = random_next(&seed) >> 30;

        strato_histogram_record(i % 3 ? &a : &b, value);
        strato_histogram_record(&both, value);
    }
    strato_histogram_merge(&a, &b);
    assert_memory_equal(a.buckets, both.buckets, sizeof a.buckets);
    assert_int_equal(a.count, both.count);
    assert_int_equal(a.min, both.min);
    assert_int_equal(a.max, both.max);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(percentiles_are_within_one_percent_of_the_sorted_list),
        cmocka_unit_test(small_values_are_exact_and_borders_are_held),
        cmocka_unit_test(merging_equals_recording_in_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
