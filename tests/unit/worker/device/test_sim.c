/*
 * test_sim.c - the sim device keeps its own time and computes as the references do.
 *
 * SPDX-License-Identifier: MIT
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "worker/device/sim.h"

static int setup(void **state)
{
    return sim_open((struct device **)state);
}

static int teardown(void **state)
{
    device_close((struct device **)state);
    return 0;
}

static uint64_t launch_vadd(struct device *d, struct device_buffer *b, uint64_t items)
{
    uint32_t n = (uint32_t)items;
    struct device_argument arguments[] = {
        { .kind = PARAMETER_BUFFER, .buffer = b, .bytes = n * 4 },
        { .kind = PARAMETER_BUFFER, .buffer = b, .bytes = n * 4 },
        { .kind = PARAMETER_BUFFER, .buffer = b, .bytes = n * 4 },
        { .kind = PARAMETER_VALUE, .value = &n, .bytes = sizeof(n) },
    };
    struct device_launch launch = {
        .kernel = d->ops->builtin(d, "vadd"), .arguments = arguments, .arguments_count = 4, .groups = { items, 1, 1 }
    };
    uint64_t ns = 0;

    assert_int_equal(d->ops->launch(d, &launch, &ns), 0);
    return ns;
}

static void a_kernel_takes_100_us_and_1_ns_per_item(void **state)
{
    struct device *d = *state;
    struct device_buffer *b;

    assert_int_equal(d->ops->buffer_new(d, 4096, &b), 0);
    assert_int_equal(launch_vadd(d, b, 1000), 101000);
    assert_int_equal(sim_now_ns(d), 101000);
    d->ops->buffer_destroy(d, &b);
}

static void a_transfer_takes_1_ns_per_byte(void **state)
{
    struct device *d = *state;
    struct device_buffer *b;
    uint8_t bytes[256] = { 7 }, back[256];
    uint64_t ns;

    assert_int_equal(d->ops->buffer_new(d, 256, &b), 0);
    assert_int_equal(d->ops->write(d, b, 0, STRATO_BYTES_OF(bytes), &ns), 0);
    assert_int_equal(ns, 256);
    assert_int_equal(d->ops->read(d, b, 0, back, 256, &ns), 0);
    assert_memory_equal(bytes, back, 256);
    assert_int_equal(sim_now_ns(d), 512);
    d->ops->buffer_destroy(d, &b);
}

static void utilization_is_ten_times_the_logarithm_of_the_items(void **state)
{
    struct device *d = *state;
    struct device_buffer *b;

    assert_int_equal(d->ops->buffer_new(d, 8192, &b), 0);
    assert_true(d->ops->utilization(d, 1) == 0.0);
    launch_vadd(d, b, 32);
    assert_true(d->ops->utilization(d, 1) == 50.0);
    assert_true(d->ops->utilization(d, 1) == 0.0);
    launch_vadd(d, b, 2048);
    assert_true(d->ops->utilization(d, 1) == 100.0);
    d->ops->buffer_destroy(d, &b);
}

static void a_broken_device_fails_as_often_as_told(void **state)
{
    struct device *d = *state;
    struct device_buffer *b = NULL;

    sim_break(d, 2);
    assert_int_equal(d->ops->buffer_new(d, 16, &b), STRATO_EIO);
    assert_int_equal(d->ops->buffer_new(d, 16, &b), STRATO_EIO);
    assert_int_equal(d->ops->buffer_new(d, 16, &b), 0);
    d->ops->buffer_destroy(d, &b);
}

#define ON_SIM(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_SIM(a_kernel_takes_100_us_and_1_ns_per_item),
        ON_SIM(a_transfer_takes_1_ns_per_byte),
        ON_SIM(utilization_is_ten_times_the_logarithm_of_the_items),
        ON_SIM(a_broken_device_fails_as_often_as_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
