/*
 * test_opencl.c - devices are listed, programs build or say why not, times are taken.
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
#include <stdio.h>
#include <string.h>

#include "worker/device/opencl.h"

static struct device *device;

static void every_listed_device_has_a_name_and_memory(void **state)
{
    struct device_info infos[OPENCL_DEVICES_MAX];
    char detail[DEVICE_DETAIL_BYTES];
    int count = opencl_list(infos, OPENCL_DEVICES_MAX, detail);

    (void)state;
    assert_true(count >= 1);
    for (int i = 0; i < count; i++) {
        assert_int_equal(infos[i].number, i);
        assert_true(infos[i].name[0] != '\0' && infos[i].memory_bytes > 0 && infos[i].units > 0);
    }
}

static void a_number_beyond_the_last_is_refused_with_the_count(void **state)
{
    char detail[DEVICE_DETAIL_BYTES] = "";
    struct device *other = NULL;

    (void)state;
    assert_int_equal(opencl_open(9999, &other, detail), STRATO_ENOENT);
    assert_non_null(strstr(detail, "no device 9999"));
}

static void a_program_that_does_not_compile_leaves_its_log(void **state)
{
    struct device_program *program = NULL;
    char log[DEVICE_LOG_BYTES_MAX];

    (void)state;
    assert_int_equal(device->ops->program_build(device, "kernel void k(global int *x) { x[0] = wrong; }", "", &program,
                                                log, sizeof(log)),
                     STRATO_EINVAL);
    assert_non_null(strstr(log, "wrong"));
    assert_null(program);
}

static void a_program_shows_its_kernels_and_runs(void **state)
{
    static const char source[] = "kernel void twice(global uint *x, uint n, local uint *t, float4 v)\n"
                                 "{ size_t i = get_global_id(0); if (i < n) x[i] = 2 * x[i] + (uint)v.w; }";
    uint32_t values[64], n = 64;
    float v[4] = { 0, 0, 0, 5 };
    struct device_program *program = NULL;
    struct device_buffer *buffer = NULL;
    char log[DEVICE_LOG_BYTES_MAX], text[SIGNATURE_TEXT_BYTES];
    struct device_kernel *kernel;
    uint64_t ns = 0;

    (void)state;
    for (uint32_t i = 0; i < 64; i++)
        values[i] = i;
    assert_int_equal(device->ops->program_build(device, source, "", &program, log, sizeof(log)), 0);
    assert_int_equal(device->ops->program_kernels(program), 1);
    kernel = device->ops->program_kernel(program, 0);
    signature_print(device->ops->signature(kernel), text, sizeof(text));
    assert_string_equal(text, "global uint *x, uint n, local uint *t, float4 v");
    assert_int_equal(device->ops->buffer_new(device, sizeof(values), &buffer), 0);
    assert_int_equal(device->ops->write(device, buffer, 0, STRATO_BYTES_OF(values), &ns), 0);
    assert_int_equal(
        device->ops->launch(
            device,
            &(struct device_launch){
                .kernel = kernel,
                .groups = { 64, 1, 1 },
                .arguments_count = 4,
                .arguments =
                    (struct device_argument[]){ { .kind = PARAMETER_BUFFER, .buffer = buffer, .bytes = sizeof(values) },
                                                { .kind = PARAMETER_VALUE, .value = &n, .bytes = 4 },
                                                { .kind = PARAMETER_LOCAL, .bytes = 64 },
                                                { .kind = PARAMETER_VALUE, .value = v, .bytes = 16 } } },
            &ns),
        0);
    assert_true(ns > 0);
    assert_int_equal(device->ops->read(device, buffer, 0, values, sizeof(values), &ns), 0);
    for (uint32_t i = 0; i < 64; i++)
        assert_int_equal(values[i], 2 * i + 5);
    device->ops->buffer_destroy(device, &buffer);
    device->ops->program_destroy(device, &program);
}

static void a_new_buffer_holds_zeros(void **state)
{
    struct device_buffer *buffer = NULL;
    uint8_t bytes[1000];
    uint64_t ns;

    (void)state;
    memset(bytes, 1, sizeof(bytes));
    assert_int_equal(device->ops->buffer_new(device, sizeof(bytes), &buffer), 0);
    assert_int_equal(device->ops->read(device, buffer, 0, bytes, sizeof(bytes), &ns), 0);
    for (unsigned i = 0; i < sizeof(bytes); i++)
        assert_int_equal(bytes[i], 0);
    device->ops->buffer_destroy(device, &buffer);
}

static void more_than_the_device_allocates_is_out_of_memory(void **state)
{
    struct device_buffer *buffer = NULL;

    (void)state;
    assert_int_equal(device->ops->buffer_new(device, UINT64_MAX, &buffer), STRATO_ENOMEM);
    assert_null(buffer);
}

int main(void)
{
    char detail[DEVICE_DETAIL_BYTES];
    int rc = opencl_open(0, &device, detail);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_listed_device_has_a_name_and_memory),
        cmocka_unit_test(a_number_beyond_the_last_is_refused_with_the_count),
        cmocka_unit_test(a_program_that_does_not_compile_leaves_its_log),
        cmocka_unit_test(a_program_shows_its_kernels_and_runs),
        cmocka_unit_test(a_new_buffer_holds_zeros),
        cmocka_unit_test(more_than_the_device_allocates_is_out_of_memory),
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
