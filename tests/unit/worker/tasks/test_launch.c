/*
 * test_launch.c - kernels run with checked arguments; errors name the argument; streams remember what failed.
 *
 * SPDX-License-Identifier: MIT
 */
#include "bench.h"

static void make_vectors(struct bench *b)
{
    const float x[4] = { 1, 2, 3, 4 }, y[4] = { 10, 20, 30, 40 };

    bench_write(b, "x", x, sizeof(x), 0);
    bench_write(b, "y", y, sizeof(y), 0);
    bench_alloc(b, "z", 16);
}

static void vadd_adds(void **state)
{
    const float expected[4] = { 11, 22, 33, 44 };
    struct strato_gpu_done done;
    struct bench *b = *state;

    make_vectors(b);
    bench_launch(b, VADD, 4, "b:x", "b:y:r", "b:z:w", "u32:4", NULL);
    bench_expect_done(b);
    assert_int_equal(strato_gpu_done_decode(strato_writer_view(&b->result.payload), &done, NULL), 0);
    assert_int_equal(done.duration_us, 100);
    bench_read(b, "z", 16, 0);
    assert_memory_equal(bench_data(b).data, expected, 16);
}

static void success_and_failure_both_leave_a_kernel_completed(void **state)
{
    struct strato_events_kernel_completed event;
    struct bench *b = *state;

    make_vectors(b);
    bench_launch(b, VADD, 4, "b:x", "b:y", "b:z", "u32:4", NULL);
    assert_int_equal(bench_events(b, "events.kernel_completed"), 1);
    assert_string_equal(b->result.events[0].topic, "events.kernel_completed.w1");
    assert_int_equal(
        strato_events_kernel_completed_decode(strato_writer_view(&b->result.events[0].payload), &event, NULL), 0);
    assert_true(event.success && event.duration_us == 100 && strato_bytes_is(event.kernel_id, VADD));
    bench_launch(b, VADD, 4, "b:x", "b:y", "b:gone", "u32:4", NULL);
    assert_int_equal(bench_events(b, "events.kernel_completed"), 1);
    assert_int_equal(
        strato_events_kernel_completed_decode(strato_writer_view(&b->result.events[0].payload), &event, NULL), 0);
    assert_false(event.success);
}

static void every_wrong_argument_is_named(void **state)
{
    struct bench *b = *state;

    make_vectors(b);
    bench_launch(b, VADD, 4, "b:x", "b:y", "b:z:w", NULL);
    bench_expect_error(b, STRATO_GPU_ERROR_CODE_EINVAL, "wants 4 arguments (global const float *a");
    bench_launch(b, VADD, 4, "b:x", "b:y", "b:z:w", "f32:4", NULL);
    bench_expect_error(b, STRATO_GPU_ERROR_CODE_EINVAL, "arg 3 `n`: want uint, got float");
    bench_launch(b, VADD, 4, "b:x", "b:y", "b:z:w", "u32:-1", NULL);
    bench_expect_error(b, STRATO_GPU_ERROR_CODE_EINVAL,
                       "arg 3 `n`: no typed argument, or its value is out of range: want uint");
    bench_launch(b, VADD, 4, "b:x", "b:y", "u32:1", "u32:4", NULL);
    bench_expect_error(b, STRATO_GPU_ERROR_CODE_EINVAL, "arg 2 `sum`: want float* (a buffer), got uint");
    bench_launch(b, VADD, 4, "b:x", "b:y", "b:z:w", "b:x", NULL);
    bench_expect_error(b, STRATO_GPU_ERROR_CODE_EINVAL, "arg 3 `n`: want uint (a value), got a buffer");
    bench_launch(b, VADD, 4, "b:x", "b:y", "b:z:w", "l:16", NULL);
    bench_expect_error(b, STRATO_GPU_ERROR_CODE_EINVAL, "arg 3 `n`");
    bench_launch(b, VADD, 4, "b:x", "b:y", "b:z:w", "q:16", NULL);
    bench_expect_error(b, STRATO_GPU_ERROR_CODE_EINVAL, "arg 3 `n`: no typed argument");
    bench_launch(b, VADD, 4, "b:x:w", "b:y", "b:z:w", "u32:4", NULL);
    bench_expect_error(b, STRATO_GPU_ERROR_CODE_EINVAL, "arg 0 `a`: the kernel only reads it");
    bench_launch(b, VADD, 4, "b:x:q", "b:y", "b:z:w", "u32:4", NULL);
    bench_expect_error(b, STRATO_GPU_ERROR_CODE_EINVAL, "arg 0 `a`: no typed argument");
    bench_launch(b, VADD, 4, "b:x", "b:gone", "b:z:w", "u32:4", NULL);
    bench_expect_error(b, STRATO_GPU_ERROR_CODE_ENOENT, "`gone`");
}

static void a_count_beyond_the_buffers_never_reaches_the_device(void **state)
{
    struct bench *b = *state;

    make_vectors(b);
    bench_launch(b, VADD, 5, "b:x", "b:y", "b:z:w", "u32:5", NULL);
    bench_expect_error(b, STRATO_GPU_ERROR_CODE_ERANGE, "arg 0 `a`: the kernel touches 20 bytes");
    bench_launch(b, VADD, 5, "b:x", "b:y", "b:z:w", "u32:4294967295", NULL);
    bench_expect_error(b, STRATO_GPU_ERROR_CODE_ERANGE, "17179869180 bytes");
    (void)bench_synchronize(b);
    bench_launch(b, VADD, 1, "b:x", "n", "b:z:w", "u32:4", NULL);
    bench_expect_error(b, STRATO_GPU_ERROR_CODE_ERANGE, "arg 1 `b`");
    bench_launch(b, "builtin:rastrigin", 1, "b:x", "b:z:w", "u32:1", "u32:0", NULL);
    bench_expect_error(b, STRATO_GPU_ERROR_CODE_ERANGE, "dim");
    bench_launch(b, "builtin:rastrigin", 1, "b:x", "b:z:w", "u32:65537", "u32:65536", NULL);
    bench_expect_error(b, STRATO_GPU_ERROR_CODE_ERANGE, "rows");
}

static void an_unknown_kernel_is_enoent_and_a_strange_name_einval(void **state)
{
    struct bench *b = *state;

    bench_launch(b, "builtin:nothing", 1, NULL);
    bench_expect_error(b, STRATO_GPU_ERROR_CODE_ENOENT, "builtin:nothing");
    bench_launch(b, "prog:0011#go", 1, NULL);
    bench_expect_error(b, STRATO_GPU_ERROR_CODE_ENOENT, "prog:0011#go");
    bench_launch(b, "prog:0011", 1, NULL);
    bench_expect_error(b, STRATO_GPU_ERROR_CODE_EINVAL, "prog:HASH#kernel");
    bench_launch(b, "vadd", 1, NULL);
    bench_expect_error(b, STRATO_GPU_ERROR_CODE_EINVAL, "builtin:NAME");
}

static void launch_grid(struct bench *b, const uint32_t grid[3], const uint32_t block[3], uint64_t offset)
{
    struct strato_gpu_launch_kernel m = STRATO_GPU_LAUNCH_KERNEL_DEFAULTS;

    m.kernel_id = strato_text(VADD);
    memcpy(m.grid_dim, grid, sizeof(m.grid_dim));
    memcpy(m.block_dim, block, sizeof(m.block_dim));
    m.global_offset[0] = offset;
    BENCH_RUN(b, launch_kernel, &m);
}

static void a_grid_that_no_device_takes_is_refused(void **state)
{
    struct bench *b = *state;

    launch_grid(b, (uint32_t[]){ 1, 1, 1 }, (uint32_t[]){ 64, 0, 0 }, 0);
    bench_expect_error(b, STRATO_GPU_ERROR_CODE_EINVAL, "all zero");
    launch_grid(b, (uint32_t[]){ 1, 1, 1 }, (uint32_t[]){ 4097, 1, 1 }, 0);
    bench_expect_error(b, STRATO_GPU_ERROR_CODE_EINVAL, "4097 work-items");
    launch_grid(b, (uint32_t[]){ 1, 1, 1 }, (uint32_t[]){ UINT32_MAX, UINT32_MAX, UINT32_MAX }, 0);
    bench_expect_error(b, STRATO_GPU_ERROR_CODE_EINVAL, "2^36");
    launch_grid(b, (uint32_t[]){ UINT32_MAX, UINT32_MAX, UINT32_MAX }, (uint32_t[]){ 0, 0, 0 }, 0);
    bench_expect_error(b, STRATO_GPU_ERROR_CODE_EINVAL, "2^36");
    launch_grid(b, (uint32_t[]){ 2, 1, 1 }, (uint32_t[]){ 0, 0, 0 }, UINT64_MAX);
    bench_expect_error(b, STRATO_GPU_ERROR_CODE_EINVAL, "global_offset");
}

static void a_failed_output_cannot_be_read_until_synchronize(void **state)
{
    struct bench *b = *state;

    make_vectors(b);
    bench_launch(b, VADD, 4, "b:x", "b:y", "b:z", "u32:5", NULL);
    bench_expect_error(b, STRATO_GPU_ERROR_CODE_ERANGE, "arg 0");
    bench_read(b, "z", 16, 0);
    bench_expect_error(b, STRATO_GPU_ERROR_CODE_EDEP, "synchronize");
    bench_launch(b, VADD, 4, "b:z", "b:y", "b:x", "u32:4", NULL);
    bench_expect_error(b, STRATO_GPU_ERROR_CODE_EDEP, "`z`");
    bench_read(b, "y", 16, 0); /* nobody was to write it */
    assert_int_equal(bench_data(b).bytes, 16);
    assert_int_equal(bench_synchronize(b), 3);
    assert_int_equal(bench_synchronize(b), 0);
    bench_read(b, "z", 16, 0);
    assert_int_equal(bench_data(b).bytes, 16);
}

static void synchronize_of_one_stream_leaves_the_others(void **state)
{
    struct strato_gpu_transfer_from_device m = STRATO_GPU_TRANSFER_FROM_DEVICE_DEFAULTS;
    struct strato_gpu_synchronize s = STRATO_GPU_SYNCHRONIZE_DEFAULTS;
    struct strato_gpu_fault fault;
    struct strato_gpu_done done;
    struct strato_iter it;
    struct bench *b = *state;

    m.buffer_id = strato_text("gone");
    m.size = 1;
    m.has_stream_id = true;
    m.stream_id = 7;
    BENCH_RUN(b, transfer_from_device, &m);
    bench_read(b, "gone too", 1, 0);
    s.has_stream_id = true;
    s.stream_id = 7;
    BENCH_RUN(b, synchronize, &s);
    assert_int_equal(strato_gpu_done_decode(strato_writer_view(&b->result.payload), &done, NULL), 0);
    assert_int_equal(done.errors.count, 1);
    it = strato_gpu_fault_list_begin(&done.errors);
    assert_true(strato_gpu_fault_list_next(&it, &fault));
    assert_true(fault.code == STRATO_GPU_ERROR_CODE_ENOENT && fault.sequence == 1 && fault.stream_id == 7);
    assert_int_equal(bench_synchronize(b), 1);
}

static void synchronize_tells_the_time_of_its_streams(void **state)
{
    struct strato_gpu_synchronize s = STRATO_GPU_SYNCHRONIZE_DEFAULTS;
    struct strato_gpu_done done;
    struct bench *b = *state;

    make_vectors(b);
    (void)bench_synchronize(b);
    bench_launch(b, VADD, 4, "b:x", "b:y", "b:z", "u32:4", NULL);
    bench_launch(b, VADD, 4, "b:x", "b:y", "b:z", "u32:4", NULL);
    BENCH_RUN(b, synchronize, &s);
    assert_int_equal(strato_gpu_done_decode(strato_writer_view(&b->result.payload), &done, NULL), 0);
    assert_int_equal(done.duration_us, 200);
}

static void faults_are_bounded(void **state)
{
    struct bench *b = *state;

    for (unsigned i = 0; i < 300; i++)
        bench_read(b, "gone", 1, 0);
    assert_int_equal(bench_synchronize(b), 256);
    assert_int_equal(bench_synchronize(b), 0);
}

static void a_kernel_over_its_deadline_is_reported_and_poisons(void **state)
{
    struct strato_gpu_launch_kernel m = STRATO_GPU_LAUNCH_KERNEL_DEFAULTS;
    struct strato_writer params = { 0 };
    struct bench *b = *state;

    make_vectors(b);
    strato_writer_array(&params, 4);
    bench_param(&params, "b:x");
    bench_param(&params, "b:y");
    bench_param(&params, "b:z");
    bench_param(&params, "u32:4");
    m.kernel_id = strato_text(VADD);
    m.params.count = 4;
    m.params.raw = strato_writer_view(&params);
    m.grid_dim[0] = 2000000; /* 100 us + 2 ms on the virtual clock */
    m.grid_dim[1] = m.grid_dim[2] = 1;
    m.has_deadline_ms = true;
    m.deadline_ms = 3;
    BENCH_RUN(b, launch_kernel, &m);
    bench_expect_done(b);
    m.deadline_ms = 2;
    BENCH_RUN(b, launch_kernel, &m);
    bench_expect_error(b, STRATO_GPU_ERROR_CODE_EKERNEL_TIMEOUT, "its deadline was 2 ms");
    bench_read(b, "z", 1, 0);
    bench_expect_error(b, STRATO_GPU_ERROR_CODE_EDEP, "`z`");
    strato_writer_fini(&params);
}

static void waiting_for_the_future_is_refused(void **state)
{
    struct strato_gpu_transfer_from_device m = STRATO_GPU_TRANSFER_FROM_DEVICE_DEFAULTS;
    const uint64_t past = 1, future = 1000;
    struct bench *b = *state;

    bench_write(b, "x", "abcd", 4, 0);
    m.buffer_id = strato_text("x");
    m.size = 4;
    m.wait.items = &past;
    m.wait.count = 1;
    BENCH_RUN(b, transfer_from_device, &m);
    assert_string_equal(b->result.type, "gpu.data");
    m.wait.items = &future;
    BENCH_RUN(b, transfer_from_device, &m);
    bench_expect_error(b, STRATO_GPU_ERROR_CODE_EINVAL, "only earlier ones");
}

static void source_is_refused_where_it_is_not_allowed(void **state)
{
    struct strato_gpu_build_program m = STRATO_GPU_BUILD_PROGRAM_DEFAULTS;
    struct bench *b = *state;

    m.source = strato_text("kernel void k() {}");
    BENCH_RUN(b, build_program, &m);
    bench_expect_error(b, STRATO_GPU_ERROR_CODE_EPERM, "--unsafe-kernels");
}

static void a_cancelled_command_has_ended(void **state)
{
    struct strato_gpu_cancel m = STRATO_GPU_CANCEL_DEFAULTS;
    struct bench *b = *state;

    m.sequence = 1;
    BENCH_RUN(b, cancel, &m);
    bench_expect_error(b, STRATO_GPU_ERROR_CODE_ENOENT, "has ended");
}

static void what_is_no_command_is_einval(void **state)
{
    static const uint8_t truncated[] = { 0x81, 0xa4, 'g', 'r' }, list[] = { 0x93, 1, 2, 3 };
    struct bench *b = *state;

    bench_raw(b, "gpu.explode", STRATO_BYTES_NONE);
    bench_expect_error(b, STRATO_GPU_ERROR_CODE_EINVAL, "gpu.explode");
    bench_raw(b, "gpu.launch_kernel", STRATO_BYTES_OF(truncated));
    bench_expect_error(b, STRATO_GPU_ERROR_CODE_EINVAL, "gpu.launch_kernel");
    bench_raw(b, "gpu.launch_kernel", STRATO_BYTES_OF(list));
    bench_expect_error(b, STRATO_GPU_ERROR_CODE_EINVAL, "gpu.launch_kernel");
    bench_raw(b, "gpu.launch_kernel", STRATO_BYTES_NONE);
    bench_expect_error(b, STRATO_GPU_ERROR_CODE_EINVAL, "kernel_id");
}

static void utilization_is_told_once_a_tick(void **state)
{
    struct strato_events_gpu_utilization event;
    struct bench *b = *state;
    struct task_result tick;

    make_vectors(b);
    bench_launch(b, VADD, 32, "b:x", "b:y", "b:z", "u32:4", NULL);
    assert_int_equal(tasks_tick(b->tasks, 2000, 77, &tick), 0);
    assert_int_equal(tick.events_count, 1);
    assert_string_equal(tick.events[0].topic, "events.gpu_utilization.w1");
    assert_int_equal(strato_events_gpu_utilization_decode(strato_writer_view(&tick.events[0].payload), &event, NULL),
                     0);
    assert_true(event.utilization == 50.0 && event.timestamp == 77 && event.device_id == 0);
    task_result_fini(&tick);
}

static void counters_count(void **state)
{
    struct bench *b = *state;
    const struct task_counters *c = tasks_counters(b->tasks);

    make_vectors(b);
    bench_launch(b, VADD, 4, "b:x", "b:y", "b:z", "u32:4", NULL);
    bench_read(b, "z", 16, 0);
    bench_read(b, "gone", 16, 0);
    (void)bench_synchronize(b);
    assert_int_equal(c->kernels_launched, 1);
    assert_int_equal(c->memory_transfers, 3);
    assert_int_equal(c->bytes_transferred, 48);
    assert_int_equal(c->synchronizations, 1);
    assert_int_equal(c->commands_failed, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BENCH(vadd_adds),
        ON_BENCH(success_and_failure_both_leave_a_kernel_completed),
        ON_BENCH(every_wrong_argument_is_named),
        ON_BENCH(a_count_beyond_the_buffers_never_reaches_the_device),
        ON_BENCH(an_unknown_kernel_is_enoent_and_a_strange_name_einval),
        ON_BENCH(a_grid_that_no_device_takes_is_refused),
        ON_BENCH(a_failed_output_cannot_be_read_until_synchronize),
        ON_BENCH(synchronize_of_one_stream_leaves_the_others),
        ON_BENCH(synchronize_tells_the_time_of_its_streams),
        ON_BENCH(faults_are_bounded),
        ON_BENCH(a_kernel_over_its_deadline_is_reported_and_poisons),
        ON_BENCH(waiting_for_the_future_is_refused),
        ON_BENCH(source_is_refused_where_it_is_not_allowed),
        ON_BENCH(a_cancelled_command_has_ended),
        ON_BENCH(what_is_no_command_is_einval),
        ON_BENCH(utilization_is_told_once_a_tick),
        ON_BENCH(counters_count),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
