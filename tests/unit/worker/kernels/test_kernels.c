/*
 * test_kernels.c - every built-in kernel gives, bit for bit, what its C reference gives.
 *
 * Runs on the first OpenCL device; returns 77 (skipped) where there is none.
 *
 * SPDX-License-Identifier: MIT
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/oracle/oracle.h"
#include "core/oracle/philox.h"
#include "worker/device/opencl.h"
#include "worker/kernels/builtin.h"

enum { ROWS_MAX = 301, DIM_MAX = 130, DAYS = 900 };

static struct device *device;

static double unit(uint32_t individual, uint32_t gene)
{
    return strato_uniform(
        strato_random_gene(11, (struct strato_counter){ .individual = individual, .stream = 1 }, gene));
}

static struct device_buffer *upload(const void *data, uint64_t bytes)
{
    struct device_buffer *buffer = NULL;
    uint64_t ns;

    assert_int_equal(device->ops->buffer_new(device, bytes, &buffer), 0);
    assert_int_equal(device->ops->write(device, buffer, 0, strato_bytes(data, bytes), &ns), 0);
    return buffer;
}

static void download(struct device_buffer **buffer, void *data, uint64_t bytes)
{
    uint64_t ns;

    assert_int_equal(device->ops->read(device, *buffer, 0, data, bytes, &ns), 0);
    device->ops->buffer_destroy(device, buffer);
}

static void launch(const char *name, const struct device_argument *arguments, uint32_t count, uint64_t items,
                   uint64_t local)
{
    struct device_launch l = { .kernel = device->ops->builtin(device, name),
                               .arguments = arguments,
                               .arguments_count = count,
                               .groups = { local ? (items + local - 1) / local : items, 1, 1 },
                               .local = { local, local ? 1 : 0, local ? 1 : 0 } };
    uint64_t ns;

    assert_non_null(l.kernel);
    if (device->ops->launch(device, &l, &ns) != 0)
        fail_msg("%s: %s", name, device_detail(device));
}

#define BUFFER(b)                                                                                                      \
    {                                                                                                                  \
        .kind = PARAMETER_BUFFER, .buffer = (b)                                                                        \
    }
#define VALUE(v)                                                                                                       \
    {                                                                                                                  \
        .kind = PARAMETER_VALUE, .value = &(v), .bytes = sizeof(v)                                                     \
    }

static void signatures_are_those_of_the_table(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < BUILTIN_COUNT; i++) {
        const struct builtin *b = builtin_at(i);
        struct device_kernel *kernel = device->ops->builtin(device, b->name);
        char compiled[SIGNATURE_TEXT_BYTES];

        if (!kernel && !device->info.has_f64)
            continue;
        assert_non_null(kernel);
        signature_print(device->ops->signature(kernel), compiled, sizeof(compiled));
        assert_string_equal(compiled, b->parameters);
    }
}

static void vadd_equals_its_reference(void **state)
{
    enum { N = 10001 };
    float *a = malloc(3 * N * sizeof(float)), *b = a + N, *sum = b + N;
    struct device_buffer *da, *db, *ds;
    uint32_t n = N;

    (void)state;
    for (uint32_t i = 0; i < N; i++) {
        a[i] = (float)unit(1, i) * 1e6F;
        b[i] = (float)unit(2, i);
    }
    da = upload(a, N * sizeof(float));
    db = upload(b, N * sizeof(float));
    ds = upload(a, N * sizeof(float));
    launch("vadd", (struct device_argument[]){ BUFFER(da), BUFFER(db), BUFFER(ds), VALUE(n) }, 4, N, 0);
    download(&ds, sum, N * sizeof(float));
    for (uint32_t i = 0; i < N; i++)
        assert_true(sum[i] == a[i] + b[i]);
    device->ops->buffer_destroy(device, &da);
    device->ops->buffer_destroy(device, &db);
    free(a);
}

/** Rows as float and double, their fitness by reference and device, for one group size. */
static void compare_rows(const char *problem, bool is_f64, uint32_t count, uint32_t dim, uint64_t local)
{
    const struct strato_problem *p = strato_problem_find(strato_text(problem));
    struct strato_problem_params params = STRATO_PROBLEM_PARAMS_DEFAULTS;
    static double wide[ROWS_MAX * DIM_MAX], expected[ROWS_MAX], values64[ROWS_MAX];
    static float narrow[ROWS_MAX * DIM_MAX], values32[ROWS_MAX];
    size_t width = is_f64 ? sizeof(double) : sizeof(float);
    void *values = is_f64 ? (void *)values64 : (void *)values32;
    struct device_buffer *rows, *out;
    char name[64];

    for (uint32_t i = 0; i < count * dim; i++) {
        wide[i] = i % 97 == 0 ? 0.0 : i % 89 == 0 ? -0.0 : i % 83 == 0 ? 1e18 : 10.24 * unit(3, i) - 5.12;
        narrow[i] = (float)wide[i];
    }
    assert_int_equal(strato_problem_evaluate(p, &params, NULL,
                                             &(struct strato_rows){ is_f64 ? STRATO_GENES_F64 : STRATO_GENES_F32, count,
                                                                    dim, is_f64 ? (void *)wide : (void *)narrow, 0 },
                                             expected),
                     0);
    rows = upload(is_f64 ? (void *)wide : (void *)narrow, count * dim * width);
    memset(values, 0x5A, count * width);
    out = upload(values, count * width);
    snprintf(name, sizeof(name), "%s%s", problem, is_f64 ? "_f64" : "");
    launch(name, (struct device_argument[]){ BUFFER(rows), BUFFER(out), VALUE(count), VALUE(dim) }, 4, count, local);
    download(&out, values, count * width);
    device->ops->buffer_destroy(device, &rows);
    for (uint32_t i = 0; i < count; i++) {
        double got = is_f64 ? values64[i] : (double)values32[i];

        if (memcmp(&got, &expected[i], sizeof(got)) != 0)
            fail_msg("%s dim %u row %u local %u: %a, reference %a", name, dim, i, (unsigned)local, got, expected[i]);
    }
}

static void benchmark_functions_equal_their_references(void **state)
{
    static const char *const problems[] = { "sphere", "rosenbrock", "rastrigin" };
    static const uint32_t dims[] = { 2, 15, 16, 17, 31, 32, 100, DIM_MAX };

    (void)state;
    for (unsigned p = 0; p < 3; p++)
        for (unsigned d = 0; d < sizeof(dims) / sizeof(dims[0]); d++)
            for (unsigned f64 = 0; f64 <= device->info.has_f64; f64++)
                compare_rows(problems[p], f64 == 1, ROWS_MAX, dims[d], 64);
}

static void the_group_size_changes_no_bit(void **state)
{
    static const uint64_t locals[] = { 0, 1, 7, 128 };

    (void)state;
    for (unsigned l = 0; l < 4; l++)
        compare_rows("rastrigin", false, ROWS_MAX, 100, locals[l]);
}

/** All landscapes of the table: kernel and reference, both types of rows, two group sizes. */
static void compare_landscape(const struct strato_problem *p, bool is_f64, uint32_t dim, uint64_t local)
{
    enum { COUNT = 67 };
    struct strato_problem_params params = { .instance = 3 };
    struct strato_problem_data *data = NULL;
    const struct strato_landscape *l;
    double *wide = calloc((size_t)COUNT * dim, sizeof(*wide)), *room = calloc((size_t)COUNT * dim * 2, sizeof(*room));
    float *narrow = calloc((size_t)COUNT * dim, sizeof(*narrow));
    double expected[COUNT], values[COUNT];
    struct device_buffer *rows, *out, *table, *drooms;
    uint32_t count = COUNT;

    assert_true(wide && narrow && room);
    assert_int_equal(strato_problem_data_new(p, &params, dim, STRATO_BYTES_NONE, &data), 0);
    l = strato_problem_data_landscape(data);
    for (uint32_t i = 0; i < COUNT * dim; i++)
        wide[i] = i % 97 == 0 ? 0.0 : 1.2 * ((p->high - p->low) * unit(6, i) + p->low);
    strato_landscape_optimum(l, wide);
    for (uint32_t i = 0; i < COUNT * dim; i++)
        narrow[i] = (float)wide[i];
    assert_int_equal(strato_problem_evaluate(p, &params, data,
                                             &(struct strato_rows){ is_f64 ? STRATO_GENES_F64 : STRATO_GENES_F32, COUNT,
                                                                    dim, is_f64 ? (void *)wide : (void *)narrow, 0 },
                                             expected),
                     0);
    rows = is_f64 ? upload(wide, COUNT * dim * sizeof(*wide)) : upload(narrow, COUNT * dim * sizeof(*narrow));
    out = upload(values, sizeof(values));
    table = upload(l->table, l->doubles * sizeof(double));
    drooms = upload(room, COUNT * dim * 2 * sizeof(*room));
    launch(is_f64 ? "landscape_f64" : "landscape",
           (struct device_argument[]){ BUFFER(rows), BUFFER(out), BUFFER(table), BUFFER(drooms), VALUE(count),
                                       VALUE(dim), VALUE(p->landscape) },
           7, count, local);
    download(&out, values, sizeof(values));
    for (uint32_t i = 0; i < COUNT; i++)
        if (memcmp(&values[i], &expected[i], sizeof(double)) != 0)
            fail_msg("%s dim %u row %u local %u: %a, reference %a", p->name, dim, i, (unsigned)local, values[i],
                     expected[i]);
    device->ops->buffer_destroy(device, &rows);
    device->ops->buffer_destroy(device, &table);
    device->ops->buffer_destroy(device, &drooms);
    strato_problem_data_destroy(&data);
    free(wide);
    free(narrow);
    free(room);
}

static void landscapes_equal_their_references(void **state)
{
    uint32_t count;
    const struct strato_problem *problems = strato_problems(&count);

    (void)state;
    if (!device->info.has_f64)
        skip();
    for (uint32_t i = 0; i < count; i++)
        if (problems[i].landscape) {
            compare_landscape(&problems[i], false, 7, 64);
            compare_landscape(&problems[i], true, 20, 16);
        }
}

static void compare_strategy(bool is_f64, double cost)
{
    const struct strato_problem *p = strato_problem_find(strato_text("strategy"));
    struct strato_problem_params params = STRATO_PROBLEM_PARAMS_DEFAULTS;
    static double closes[DAYS * 4], wide[ROWS_MAX * 24], expected[ROWS_MAX], values[ROWS_MAX];
    static float narrow[ROWS_MAX * 24];
    struct strato_problem_data *data = NULL;
    const struct strato_strategy_data *d;
    struct device_buffer *rows, *out, *dcloses, *dsums;
    uint32_t count = ROWS_MAX, from = STRATO_STRATEGY_WARMUP, to = strato_strategy_split(DAYS, 0.7);

    for (uint32_t i = 0; i < DAYS * 4; i++)
        closes[i] = i < 4 ? 1500.0 : closes[i - 4] * (1.0 + 0.03 * (unit(4, i) - 0.49));
    for (uint32_t i = 0; i < ROWS_MAX * 24; i++)
        narrow[i] = (float)(wide[i] = 1.4 * unit(5, i) - 0.2);
    params.strategy.cost = cost;
    assert_int_equal(strato_problem_data_new(p, &params, 24, STRATO_BYTES_OF(closes), &data), 0);
    assert_int_equal(
        strato_problem_evaluate(p, &params, data,
                                &(struct strato_rows){ is_f64 ? STRATO_GENES_F64 : STRATO_GENES_F32, ROWS_MAX, 24,
                                                       is_f64 ? (void *)wide : (void *)narrow, 0 },
                                expected),
        0);
    d = strato_problem_data_strategy(data);
    rows = is_f64 ? upload(wide, sizeof(wide)) : upload(narrow, sizeof(narrow));
    out = upload(values, sizeof(values));
    dcloses = upload(d->closes, DAYS * 4 * sizeof(double));
    dsums = upload(d->sums, (DAYS + 1) * 4 * sizeof(double));
    launch(is_f64 ? "strategy_f64" : "strategy",
           (struct device_argument[]){ BUFFER(rows), BUFFER(out), BUFFER(dcloses), BUFFER(dsums), VALUE(count),
                                       VALUE(from), VALUE(to), VALUE(cost) },
           8, count, 64);
    download(&out, values, sizeof(values));
    for (uint32_t i = 0; i < ROWS_MAX; i++)
        if (memcmp(&values[i], &expected[i], sizeof(double)) != 0)
            fail_msg("strategy row %u: %a, reference %a", i, values[i], expected[i]);
    device->ops->buffer_destroy(device, &rows);
    device->ops->buffer_destroy(device, &dcloses);
    device->ops->buffer_destroy(device, &dsums);
    strato_problem_data_destroy(&data);
}

static void strategy_equals_its_reference(void **state)
{
    (void)state;
    if (!device->info.has_f64)
        skip();
    compare_strategy(false, 0.001);
    compare_strategy(true, 0.001);
    compare_strategy(true, 0.0);
}

int main(void)
{
    char detail[DEVICE_DETAIL_BYTES];
    int rc = opencl_open(0, &device, detail);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signatures_are_those_of_the_table),
        cmocka_unit_test(vadd_equals_its_reference),
        cmocka_unit_test(benchmark_functions_equal_their_references),
        cmocka_unit_test(the_group_size_changes_no_bit),
        cmocka_unit_test(strategy_equals_its_reference),
        cmocka_unit_test(landscapes_equal_their_references),
    };

    if (rc == STRATO_ENOENT) {
        fprintf(stderr, "skipped: %s\n", detail);
        return 77;
    }
    if (rc < 0) {
        fprintf(stderr, "%s\n", detail);
        return 1;
    }
    rc = cmocka_run_group_tests(tests, NULL, NULL);
    device_close(&device);
    return rc;
}
