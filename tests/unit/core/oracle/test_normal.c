/*
 * test_normal.c - strict functions against libm, and the shape of the normal deviates.
 *
 * SPDX-License-Identifier: MIT
 */
#include <math.h>

#include "chi_square.h"
#include "cmocka_all.h"
#include "core/oracle/normal.h"
#include "core/oracle/philox.h"

static void strict_log_agrees_with_libm(void **state)
{
    (void)state;
    for (double x = 1e-300; x < 1e300; x *= 1.37)
        assert_true(fabs(strato_strict_log(x) - log(x)) <= 1e-14 * fmax(1, fabs(log(x))));
    assert_true(strato_strict_log(1) == 0);
}

static void strict_exp_agrees_with_libm(void **state)
{
    (void)state;
    for (double x = -600; x < 600; x += 0.173)
        assert_true(fabs(strato_strict_exp(x) - exp(x)) <= 1e-13 * exp(x));
    assert_true(strato_strict_exp(0) == 1);
}

static void strict_sincos_agrees_with_libm(void **state)
{
    (void)state;
    for (double turn = 0; turn <= 1; turn += 0.0009765625) {
        double s, c;

        strato_strict_sincos_turn(turn, &s, &c);
        assert_true(fabs(s - sin(2 * acos(-1) * turn)) < 1e-14);
        assert_true(fabs(c - cos(2 * acos(-1) * turn)) < 1e-14);
    }
}

/* Golden bits: if these change, every recorded run changes. */
static void deviates_keep_their_bits(void **state)
{
    double pair[2];

    (void)state;
    strato_normal_pair(0x6627e8d5, 0xe169c58d, pair);
    assert_true(pair[0] == 0x1.fb7665e244c6p-1);
    assert_true(pair[1] == -0x1.d96d5febb766dp-1);
}

static void extreme_words_give_finite_deviates(void **state)
{
    static const uint32_t words[] = { 0, 1, 0x7fffffff, 0x80000000, UINT32_MAX };
    double pair[2];

    (void)state;
    for (size_t i = 0; i < 25; i++) {
        strato_normal_pair(words[i / 5], words[i % 5], pair);
        assert_true(fabs(pair[0]) < 7 && fabs(pair[1]) < 7);
    }
}

static void deviates_are_normally_distributed(void **state)
{
    enum { BINS = 18, PAIRS = 50000 };
    uint32_t observed[BINS] = { 0 };
    double expected[BINS], pair[2];

    (void)state;
    for (uint32_t i = 0; i < PAIRS; i++) {
        uint32_t words[4];

        strato_random_block(5, (struct strato_counter){ .individual = i, .stream = STRATO_STREAM_MUTATE }, words);
        strato_normal_pair(words[0], words[1], pair);
        for (int k = 0; k < 2; k++) {
            double bin = floor(pair[k] * 3 + BINS / 2.0); /* thirds of sigma, the tails in the outermost */

            observed[(int)fmin(fmax(bin, 0), BINS - 1)]++;
        }
    }
    for (int i = 0; i < BINS; i++) {
        double low = i == 0 ? -INFINITY : (i - BINS / 2.0) / 3,
               high = i == BINS - 1 ? INFINITY : (i + 1 - BINS / 2.0) / 3;

        expected[i] = 2.0 * PAIRS * 0.5 * (erf(high / sqrt(2)) - erf(low / sqrt(2)));
    }
    assert_true(chi_square(observed, expected, BINS) < chi_square_limit(BINS - 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strict_log_agrees_with_libm),        cmocka_unit_test(strict_exp_agrees_with_libm),
        cmocka_unit_test(strict_sincos_agrees_with_libm),     cmocka_unit_test(deviates_keep_their_bits),
        cmocka_unit_test(extreme_words_give_finite_deviates), cmocka_unit_test(deviates_are_normally_distributed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
