/*
 * test_landscape.c - every benchmark function has its optimum where its instance says, and the shape that it is named for.
 *
 * SPDX-License-Identifier: MIT
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/errors.h"
#include "core/oracle/landscape.h"
#include "core/oracle/landscape_functions.h"
#include "core/oracle/oracle.h"
#include "core/oracle/philox.h"

enum { DIM_MOST = 20, INSTANCES = 5 };

static double unit(uint32_t row, uint32_t gene)
{
    return strato_uniform(
        strato_random_gene(23, (struct strato_counter){ .individual = row, .stream = STRATO_STREAM_BIRTH }, gene));
}

static double at(const struct strato_landscape *l, const double *row)
{
    double a[DIM_MOST], room[DIM_MOST];

    memcpy(a, row, l->dim * sizeof(*row));
    return strato_landscape_fitness(l, a, room);
}

static void make(struct strato_landscape *l, uint32_t function, uint32_t instance, uint32_t dim)
{
    assert_int_equal(strato_landscape_init(l, function, instance, dim), 0);
}

static void value_at_the_optimum_is_f_opt_in_five_instances(void **state)
{
    static const uint32_t dims[] = { 2, 5, 20 };

    (void)state;
    for (uint32_t f = 1; f <= LANDSCAPE_BBOB_COUNT; f++)
        for (uint32_t instance = 1; instance <= INSTANCES; instance++)
            for (unsigned d = 0; d < 3; d++) {
                struct strato_landscape l;
                double best[DIM_MOST];

                make(&l, f, instance, dims[d]);
                strato_landscape_optimum(&l, best);
                if (!(fabs(at(&l, best) - strato_landscape_best(&l)) <=
                      2e-12 * (1.0 + fabs(strato_landscape_best(&l)))))
                    fail_msg("f%u instance %u dim %u: %.17g, want %.17g", f, instance, dims[d], at(&l, best),
                             strato_landscape_best(&l));
                strato_landscape_fini(&l);
            }
}

static void no_other_point_is_as_good(void **state)
{
    (void)state;
    for (uint32_t f = 1; f <= LANDSCAPE_BBOB_COUNT; f++)
        for (uint32_t n = 0; n < 200; n++) {
            struct strato_landscape l;
            double row[5], best[5];

            make(&l, f, 1 + n % INSTANCES, 5);
            strato_landscape_optimum(&l, best);
            for (uint32_t i = 0; i < 5; i++) /* anywhere, or close by */
                row[i] = n % 2 ? best[i] + 0.1 * (unit(n, i) - 0.5) : 12.0 * unit(n, i) - 6.0;
            if (f == 7 || f == 5) /* a plateau and a slope: what is near may be equal */
                assert_true(at(&l, row) <= strato_landscape_best(&l));
            else if (!(at(&l, row) < strato_landscape_best(&l)))
                fail_msg("f%u: %.17g at a random point, best %.17g", f, at(&l, row), strato_landscape_best(&l));
            strato_landscape_fini(&l);
        }
}

static void the_first_five_are_separable_and_rotated_ones_are_not(void **state)
{
    static const uint32_t rotated[] = { 6, 10, 11, 12, 13, 14, 15, 16, 17 };
    struct strato_landscape l;
    double a[4] = { 1.0, -2.0, 0.5, 3.0 }, b[4], c[4], d[4];

    (void)state;
    memcpy(b, a, sizeof(a));
    memcpy(c, a, sizeof(a));
    b[0] = -1.5;
    c[2] = 2.5;
    memcpy(d, b, sizeof(b));
    d[2] = c[2];
    for (uint32_t f = 1; f <= 5; f++) { /* f(a) + f(d) = f(b) + f(c) where genes add up on their own */
        make(&l, f, 2, 4);
        assert_true(fabs(at(&l, a) + at(&l, d) - at(&l, b) - at(&l, c)) <= 1e-9 * (fabs(at(&l, a)) + 1.0));
        strato_landscape_fini(&l);
    }
    for (unsigned i = 0; i < sizeof(rotated) / sizeof(rotated[0]); i++) {
        make(&l, rotated[i], 2, 4);
        assert_true(fabs(at(&l, a) + at(&l, d) - at(&l, b) - at(&l, c)) > 1e-9 * (fabs(at(&l, a)) + 1.0));
        strato_landscape_fini(&l);
    }
}

static void rotations_are_orthonormal(void **state)
{
    struct strato_landscape l;

    (void)state;
    make(&l, 15, 1, DIM_MOST);
    for (unsigned q = 0; q < 2; q++)
        for (uint32_t i = 0; i < DIM_MOST; i++)
            for (uint32_t j = 0; j < DIM_MOST; j++) {
                const double *m = q ? LANDSCAPE_Q(l.table, DIM_MOST) : LANDSCAPE_R(l.table, DIM_MOST);
                double dot = 0;

                for (uint32_t k = 0; k < DIM_MOST; k++)
                    dot += m[i * DIM_MOST + k] * m[j * DIM_MOST + k];
                assert_true(fabs(dot - (i == j ? 1.0 : 0.0)) < 1e-12);
            }
    assert_true(LANDSCAPE_R(l.table, DIM_MOST)[0] != LANDSCAPE_Q(l.table, DIM_MOST)[0]);
    strato_landscape_fini(&l);
}

static void an_instance_is_the_same_every_time_and_unlike_the_next(void **state)
{
    struct strato_landscape a, b, c;

    (void)state;
    make(&a, 21, 1, 3);
    make(&b, 21, 1, 3);
    make(&c, 21, 2, 3);
    assert_int_equal(a.doubles, b.doubles);
    assert_memory_equal(a.table, b.table, a.doubles * sizeof(double));
    assert_true(memcmp(a.table, c.table, a.doubles * sizeof(double)) != 0);
    strato_landscape_fini(&a);
    strato_landscape_fini(&b);
    strato_landscape_fini(&c);
}

static void the_ellipsoid_has_a_condition_of_a_million(void **state)
{
    struct strato_landscape l;
    double best[2], along[2], across[2];

    (void)state;
    make(&l, 2, 1, 2);
    strato_landscape_optimum(&l, best);
    memcpy(along, best, sizeof(best));
    memcpy(across, best, sizeof(best));
    along[0] += 1.0; /* T_osz keeps 1 */
    across[1] += 1.0;
    assert_true(fabs(strato_landscape_best(&l) - at(&l, along) - 1.0) < 1e-9);
    assert_true(fabs((strato_landscape_best(&l) - at(&l, across)) / 1e6 - 1.0) < 1e-9);
    strato_landscape_fini(&l);
}

static void classics_have_their_optimum_and_nothing_better(void **state)
{
    (void)state;
    for (uint32_t f = LANDSCAPE_ACKLEY; f <= LANDSCAPE_STYBLINSKI_TANG; f++) {
        struct strato_landscape l;
        double row[7];

        make(&l, f, 1, 7);
        strato_landscape_optimum(&l, row);
        if (!(fabs(at(&l, row)) < 1e-11))
            fail_msg("classic %u: %.17g at its optimum", f, at(&l, row));
        for (uint32_t n = 0; n < 200; n++) {
            for (uint32_t i = 0; i < 7; i++)
                row[i] = 10.0 * unit(n, i) - 5.0;
            assert_true(at(&l, row) < 0.0);
        }
        strato_landscape_fini(&l);
    }
}

static void classics_agree_with_libm(void **state)
{
    double x[3] = { 0.3, -1.7, 2.2 }, squares = 0, waves = 0, product = 1, expected, turn = 2 * acos(-1.0);
    struct strato_landscape l;

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        squares += x[i] * x[i];
        waves += cos(turn * x[i]);
        product *= cos(x[i] / sqrt(i + 1.0));
    }
    make(&l, LANDSCAPE_ACKLEY, 1, 3);
    expected = 20 * exp(-0.2 * sqrt(squares / 3)) + exp(waves / 3) - 20 - exp(1.0);
    assert_true(fabs(at(&l, x) - expected) < 1e-12);
    strato_landscape_fini(&l);
    make(&l, LANDSCAPE_GRIEWANK, 1, 3);
    assert_true(fabs(at(&l, x) + squares / 4000 - product + 1) < 1e-12);
    strato_landscape_fini(&l);
}

static void strict_functions_are_close_to_libm(void **state)
{
    (void)state;
    for (int i = -3000; i <= 3000; i++) {
        double x = i / 7.3, y = exp(i / 10.0);

        assert_true(fabs(strict_exp(x) / exp(x) - 1) < 4e-16);
        assert_true(fabs(strict_log(y) - log(y)) <= 4e-16 * (1 + fabs(log(y))));
        assert_true(fabs(strict_sin(x) - sin(x)) < 4e-16);
        assert_true(fabs(strict_cos(x) - cos(x)) < 4e-16);
        assert_true(fabs(strict_cos_turn(x) - strict_cos(STRICT_TWO_PI * x)) < 1e-12);
    }
    assert_true(strict_cos_turn(7.0) == 1.0 && strict_exp(0.0) == 1.0 && strict_log(1.0) == 0.0);
    assert_true(strict_exp(-800.0) == 0.0 && isinf(strict_exp(800.0)) && isnan(strict_exp((double)NAN)));
    assert_true(isinf(strict_log(0.0)) && isnan(strict_log(-1.0)) && isinf(strict_log((double)INFINITY)));
    assert_true(isnan(strict_sin((double)INFINITY)) && isnan(strict_cos((double)NAN)));
}

static void limits_of_an_instance_hold(void **state)
{
    struct strato_landscape l = { 0 };

    (void)state;
    assert_int_equal(strato_landscape_init(&l, 0, 1, 5), STRATO_EINVAL);
    assert_int_equal(strato_landscape_init(&l, 25, 1, 5), STRATO_EINVAL);
    assert_int_equal(strato_landscape_init(&l, 1, 0, 5), STRATO_EINVAL);
    assert_int_equal(strato_landscape_init(&l, 1, STRATO_LANDSCAPE_INSTANCE_MAX + 1, 5), STRATO_EINVAL);
    assert_int_equal(strato_landscape_init(&l, 1, 1, 1), STRATO_EINVAL);
    assert_int_equal(strato_landscape_init(&l, 1, 1, STRATO_LANDSCAPE_DIM_MAX + 1), STRATO_EINVAL);
    make(&l, 1, STRATO_LANDSCAPE_INSTANCE_MAX, STRATO_LANDSCAPE_DIM_MAX);
    strato_landscape_fini(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(value_at_the_optimum_is_f_opt_in_five_instances),
        cmocka_unit_test(no_other_point_is_as_good),
        cmocka_unit_test(the_first_five_are_separable_and_rotated_ones_are_not),
        cmocka_unit_test(rotations_are_orthonormal),
        cmocka_unit_test(an_instance_is_the_same_every_time_and_unlike_the_next),
        cmocka_unit_test(the_ellipsoid_has_a_condition_of_a_million),
        cmocka_unit_test(classics_have_their_optimum_and_nothing_better),
        cmocka_unit_test(classics_agree_with_libm),
        cmocka_unit_test(strict_functions_are_close_to_libm),
        cmocka_unit_test(limits_of_an_instance_hold),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
