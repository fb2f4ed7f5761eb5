/*
 * test_problems.c - the benchmark functions have their optimum, agree in both types, and mind their shape.
 *
 * SPDX-License-Identifier: MIT
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "core/errors.h"
#include "core/oracle/oracle.h"
#include "core/oracle/philox.h"
#include "core/oracle/rastrigin.h"
#include "core/oracle/rosenbrock.h"
#include "core/oracle/sphere.h"
#include "core/oracle/strict.h"

enum { DIM = 37 };
static const double TURN = 6.283185307179586;

static double gene(uint32_t i)
{
    struct strato_counter at = { .individual = i, .stream = 1 };

    return 10.24 * strato_uniform(strato_random_gene(1, at, 0)) - 5.12;
}

static void optimum_is_exactly_zero(void **state)
{
    float zeros[DIM] = { 0 }, ones[DIM];

    (void)state;
    for (unsigned i = 0; i < DIM; i++)
        ones[i] = 1.0F;
    assert_true(strato_sphere_f32(zeros, DIM) == 0.0F);
    assert_true(strato_rastrigin_f32(zeros, DIM) == 0.0F);
    assert_true(strato_rosenbrock_f32(ones, DIM) == 0.0F);
    assert_false(signbit(strato_sphere_f32(zeros, DIM)));
}

static void strict_cosine_is_close_to_the_true_one(void **state)
{
    (void)state;
    for (int i = -4000; i <= 4000; i++) {
        double x = i / 771.0;

        assert_true(fabs(strato_strict_cos_turn_f64(x) - cos(TURN * x)) < 1e-13);
        assert_true(fabs((double)strato_strict_cos_turn_f32((float)x) - cos(TURN * (double)(float)x)) < 6e-7);
    }
    assert_true(isnan(strato_strict_cos_turn_f32(INFINITY)));
    assert_true(strato_strict_cos_turn_f64(1e300) == 1.0);
}

static void double_agrees_with_the_formula(void **state)
{
    double row[DIM], sphere = 0.0, rastrigin = 10.0 * DIM, rosenbrock = 0.0;

    (void)state;
    for (uint32_t i = 0; i < DIM; i++)
        row[i] = gene(i);
    for (unsigned i = 0; i < DIM; i++) {
        sphere += row[i] * row[i];
        rastrigin += row[i] * row[i] - 10.0 * cos(TURN * row[i]);
        if (i + 1 < DIM)
            rosenbrock += 100.0 * pow(row[i + 1] - row[i] * row[i], 2) + pow(1.0 - row[i], 2);
    }
    assert_true(fabs(strato_sphere_f64(row, DIM) / -sphere - 1.0) < 1e-13);
    assert_true(fabs(strato_rastrigin_f64(row, DIM) / -rastrigin - 1.0) < 1e-13);
    assert_true(fabs(strato_rosenbrock_f64(row, DIM) / -rosenbrock - 1.0) < 1e-13);
}

static void float_agrees_with_double_to_one_in_a_million(void **state)
{
    uint32_t count;
    const struct strato_problem *problems = strato_problems(&count);
    struct strato_problem_params params = STRATO_PROBLEM_PARAMS_DEFAULTS;
    float narrow[DIM];
    double wide[DIM];

    (void)state;
    for (uint32_t i = 0; i < DIM; i++) {
        narrow[i] = (float)gene(i);
        wide[i] = (double)narrow[i];
    }
    for (uint32_t p = 0; p < count; p++) {
        struct strato_rows f32 = { STRATO_GENES_F32, 1, DIM, narrow, 0 };
        struct strato_rows f64 = { STRATO_GENES_F64, 1, DIM, wide, 0 };
        double a, b;
        struct strato_problem_data *data = NULL;

        if (problems[p].needs_data)
            continue;
        assert_int_equal(strato_problem_data_new(&problems[p], &params, DIM, STRATO_BYTES_NONE, &data), 0);
        assert_int_equal(strato_problem_evaluate(&problems[p], &params, data, &f32, &a), 0);
        assert_int_equal(strato_problem_evaluate(&problems[p], &params, data, &f64, &b), 0);
        assert_true(fabs(a / b - 1.0) < 1e-6);
        strato_problem_data_destroy(&data);
    }
}

static void rows_may_be_padded_or_unaligned(void **state)
{
    const struct strato_problem *sphere = strato_problem_find(strato_text("sphere"));
    struct strato_problem_params params = STRATO_PROBLEM_PARAMS_DEFAULTS;
    const float genes[2][3] = { { 1, 2, 3 }, { 4, 5, 6 } };
    uint8_t padded[2 * 64 + 1];
    double values[2];

    (void)state;
    memset(padded, 0xFF, sizeof(padded));
    memcpy(padded + 1, genes[0], 12);
    memcpy(padded + 65, genes[1], 12);
    assert_int_equal(strato_problem_evaluate(sphere, &params, NULL,
                                             &(struct strato_rows){ STRATO_GENES_F32, 2, 3, padded + 1, 64 }, values),
                     0);
    assert_true(values[0] == -14.0 && values[1] == -77.0);
}

static void a_wrong_dimension_or_missing_data_is_refused(void **state)
{
    struct strato_problem_params params = STRATO_PROBLEM_PARAMS_DEFAULTS;
    struct strato_rows rows = { STRATO_GENES_F64, 1, 1, (double[24]){ 0 }, 0 };
    double value;

    (void)state;
    assert_null(strato_problem_find(strato_text("spher")));
    assert_int_equal(
        strato_problem_evaluate(strato_problem_find(strato_text("rosenbrock")), &params, NULL, &rows, &value),
        STRATO_EINVAL);
    rows.dim = 24;
    assert_int_equal(
        strato_problem_evaluate(strato_problem_find(strato_text("strategy")), &params, NULL, &rows, &value),
        STRATO_EINVAL);
}

static void parameters_are_known_by_name_and_range(void **state)
{
    const struct strato_problem *strategy = strato_problem_find(strato_text("strategy"));
    struct strato_problem_params params = STRATO_PROBLEM_PARAMS_DEFAULTS;

    (void)state;
    assert_int_equal(strato_problem_param(strategy, &params, strato_text("cost"), 0.002), 0);
    assert_true(params.strategy.cost == 0.002);
    assert_int_equal(strato_problem_param(strategy, &params, strato_text("cost"), -1.0), STRATO_EINVAL);
    assert_int_equal(strato_problem_param(strategy, &params, strato_text("train"), (double)NAN), STRATO_EINVAL);
    assert_int_equal(strato_problem_param(strategy, &params, strato_text("coast"), 0.1), STRATO_ENOENT);
    assert_int_equal(
        strato_problem_param(strato_problem_find(strato_text("sphere")), &params, strato_text("cost"), 0.1),
        STRATO_ENOENT);
}

static void an_instance_is_a_whole_number_of_a_bbob_function(void **state)
{
    const struct strato_problem *f8 = strato_problem_find(strato_text("bbob:f8"));
    const struct strato_problem *ackley = strato_problem_find(strato_text("ackley"));
    struct strato_problem_params params = STRATO_PROBLEM_PARAMS_DEFAULTS;
    const double refused[] = { 0.0, 1.5, STRATO_LANDSCAPE_INSTANCE_MAX + 1.0, -1.0, (double)NAN };

    (void)state;
    assert_int_equal(strato_problem_param(f8, &params, strato_text("instance"), STRATO_LANDSCAPE_INSTANCE_MAX), 0);
    assert_int_equal(params.instance, STRATO_LANDSCAPE_INSTANCE_MAX);
    for (unsigned i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
        assert_int_equal(strato_problem_param(f8, &params, strato_text("instance"), refused[i]), STRATO_EINVAL);
    assert_int_equal(strato_problem_param(ackley, &params, strato_text("instance"), 1.0), STRATO_ENOENT);
    assert_string_equal(strato_problem_capability(f8), "bbob");
    assert_string_equal(strato_problem_capability(ackley), "ackley");
}

static void an_instance_of_another_dimension_or_function_is_refused(void **state)
{
    const struct strato_problem *f1 = strato_problem_find(strato_text("bbob:f1"));
    const struct strato_problem *f2 = strato_problem_find(strato_text("bbob:f2"));
    struct strato_problem_params params = STRATO_PROBLEM_PARAMS_DEFAULTS;
    struct strato_rows rows = { STRATO_GENES_F64, 1, 3, (double[3]){ 0 }, 0 };
    struct strato_problem_data *data = NULL;
    double value;

    (void)state;
    assert_int_equal(strato_problem_evaluate(f1, &params, NULL, &rows, &value), STRATO_EINVAL);
    assert_int_equal(strato_problem_data_new(f1, &params, 2, STRATO_BYTES_NONE, &data), 0);
    assert_int_equal(strato_problem_evaluate(f1, &params, data, &rows, &value), STRATO_EINVAL);
    rows.dim = 2;
    assert_int_equal(strato_problem_evaluate(f2, &params, data, &rows, &value), STRATO_EINVAL);
    assert_int_equal(strato_problem_evaluate(f1, &params, data, &rows, &value), 0);
    strato_problem_data_destroy(&data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(optimum_is_exactly_zero),
        cmocka_unit_test(strict_cosine_is_close_to_the_true_one),
        cmocka_unit_test(double_agrees_with_the_formula),
        cmocka_unit_test(float_agrees_with_double_to_one_in_a_million),
        cmocka_unit_test(rows_may_be_padded_or_unaligned),
        cmocka_unit_test(a_wrong_dimension_or_missing_data_is_refused),
        cmocka_unit_test(parameters_are_known_by_name_and_range),
        cmocka_unit_test(an_instance_is_a_whole_number_of_a_bbob_function),
        cmocka_unit_test(an_instance_of_another_dimension_or_function_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
