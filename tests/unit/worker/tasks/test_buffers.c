/*
 * test_buffers.c - transfers, allocation, copies and fills; what does not fit is a typed error and changes nothing.
 *
 * SPDX-License-Identifier: MIT
 */
#include "bench.h"

#include <xxhash.h>

static void bytes_come_back_as_they_went(void **state)
{
    struct bench *b = *state;

    bench_write(b, "x", "hello, device", 13, 0);
    bench_expect_done(b);
    bench_read(b, "x", 6, 7);
    assert_true(strato_bytes_is(bench_data(b), "device"));
}

static void from_4_kib_on_bytes_travel_as_attachment(void **state)
{
    struct bench *b = *state;
    uint8_t bytes[4096];

    for (unsigned i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)i;
    bench_write(b, "x", bytes, sizeof(bytes), 0);
    bench_read(b, "x", 4095, 0);
    assert_int_equal(b->result.frames_count, 0);
    assert_memory_equal(bench_data(b).data, bytes, 4095);
    bench_read(b, "x", 4096, 0);
    assert_int_equal(b->result.frames_count, 1);
    assert_memory_equal(bench_data(b).data, bytes, 4096);
}

static void the_first_write_allocates_offset_plus_length(void **state)
{
    struct bench *b = *state;

    bench_write(b, "x", "abcd", 4, 12);
    assert_int_equal(tasks_pool_used(b->tasks), 16);
    bench_read(b, "x", 16, 0);
    assert_memory_equal(bench_data(b).data, "\0\0\0\0\0\0\0\0\0\0\0\0abcd", 16);
}

static void a_write_over_the_end_is_erange_and_grows_nothing(void **state)
{
    struct bench *b = *state;

    bench_write(b, "x", "abcd", 4, 0);
    bench_write(b, "x", "ef", 2, 2);
    bench_expect_done(b);
    bench_write(b, "x", "ef", 2, 3);
    bench_expect_error(b, STRATO_GPU_ERROR_CODE_ERANGE, "run over its end");
    assert_int_equal(tasks_pool_used(b->tasks), 4);
}

static void bounds_survive_numbers_that_wrap(void **state)
{
    struct bench *b = *state;

    bench_write(b, "x", "abcd", 4, 0);
    bench_write(b, "x", "ab", 2, UINT64_MAX);
    bench_expect_error(b, STRATO_GPU_ERROR_CODE_ERANGE, "18446744073709551615");
    bench_write(b, "y", "ab", 2, UINT64_MAX);
    bench_expect_error(b, STRATO_GPU_ERROR_CODE_ERANGE, "2^64");
    (void)bench_synchronize(b);
    bench_read(b, "x", UINT64_MAX, 1);
    bench_expect_error(b, STRATO_GPU_ERROR_CODE_ERANGE, "run over its end");
    bench_read(b, "x", 2, UINT64_MAX - 1);
    bench_expect_error(b, STRATO_GPU_ERROR_CODE_ERANGE, "run over its end");
    bench_read(b, "x", 4, 0);
    assert_true(strato_bytes_is(bench_data(b), "abcd"));
}

static void an_unknown_buffer_is_enoent_and_names_the_fix(void **state)
{
    struct strato_gpu_transfer_to_device m = STRATO_GPU_TRANSFER_TO_DEVICE_DEFAULTS;
    struct bench *b = *state;

    bench_read(b, "nobody", 1, 0);
    bench_expect_error(b, STRATO_GPU_ERROR_CODE_ENOENT, "nobody");
    bench_free(b, "nobody");
    bench_expect_error(b, STRATO_GPU_ERROR_CODE_ENOENT, "alloc");
    m.buffer_id = strato_text("nobody");
    m.create = false;
    m.data.is_inline = true;
    m.data.bytes = strato_text("x");
    BENCH_RUN(b, transfer_to_device, &m);
    bench_expect_error(b, STRATO_GPU_ERROR_CODE_ENOENT, "create is false");
}

static void a_second_alloc_of_a_name_is_eexist(void **state)
{
    struct bench *b = *state;

    bench_alloc(b, "x", 64);
    bench_expect_done(b);
    bench_alloc(b, "x", 64);
    bench_expect_error(b, STRATO_GPU_ERROR_CODE_EEXIST, "`x` exists");
    bench_free(b, "x");
    bench_expect_done(b);
    bench_alloc(b, "x", 64);
    bench_expect_done(b);
}

static void a_full_pool_is_enomem_with_requested_and_available(void **state)
{
    struct bench *b = *state;
    struct strato_gpu_error error;

    bench_alloc(b, "x", BENCH_POOL - 100);
    bench_expect_done(b);
    bench_alloc(b, "y", 101);
    error = bench_expect_error(b, STRATO_GPU_ERROR_CODE_ENOMEM, "--pool");
    assert_true(error.has_requested && error.has_available);
    assert_int_equal(error.requested, 101);
    assert_int_equal(error.available, 100);
    bench_alloc(b, "y", 100);
    bench_expect_done(b);
    bench_free(b, "x");
    assert_int_equal(tasks_pool_used(b->tasks), 100);
}

static void a_size_beyond_anything_is_enomem(void **state)
{
    struct bench *b = *state;

    bench_alloc(b, "x", UINT64_MAX);
    bench_expect_error(b, STRATO_GPU_ERROR_CODE_ENOMEM, "18446744073709551615");
}

static void the_last_allowed_buffer_fits_and_the_next_does_not(void **state)
{
    struct bench *b = *state;
    char name[16];

    for (unsigned i = 0; i < 1024; i++) {
        snprintf(name, sizeof(name), "b%u", i);
        bench_alloc(b, name, 1);
        bench_expect_done(b);
    }
    bench_alloc(b, "one more", 1);
    bench_expect_error(b, STRATO_GPU_ERROR_CODE_ENOMEM, "1024 buffers");
}

static void crossing_80_90_and_95_percent_is_announced_once_each(void **state)
{
    struct bench *b = *state;
    uint64_t percent = BENCH_POOL / 100;

    bench_alloc(b, "a", 79 * percent);
    assert_int_equal(bench_events(b, "events.memory_pressure"), 0);
    bench_alloc(b, "b", 3 * percent);
    assert_int_equal(bench_events(b, "events.memory_pressure"), 1);
    bench_alloc(b, "c", percent);
    assert_int_equal(bench_events(b, "events.memory_pressure"), 0);
    bench_alloc(b, "d", 14 * percent); /* 97 %: two levels, one event */
    assert_int_equal(bench_events(b, "events.memory_pressure"), 1);
    bench_free(b, "c"); /* 96 %, then 97 % again: still announced */
    bench_alloc(b, "c", percent);
    assert_int_equal(bench_events(b, "events.memory_pressure"), 0);
    bench_free(b, "d"); /* 83 %: 95 and 90 are armed again, 80 is not */
    bench_alloc(b, "d", 14 * percent);
    assert_int_equal(bench_events(b, "events.memory_pressure"), 1);
}

static void copies_stay_within_both_buffers(void **state)
{
    struct bench *b = *state;
    struct strato_gpu_copy_buffer m = STRATO_GPU_COPY_BUFFER_DEFAULTS;

    bench_write(b, "x", "0123456789", 10, 0);
    bench_alloc(b, "y", 4);
    m.source = strato_text("x");
    m.target = strato_text("y");
    m.source_offset = 3;
    m.size = 4;
    BENCH_RUN(b, copy_buffer, &m);
    bench_expect_done(b);
    bench_read(b, "y", 4, 0);
    assert_true(strato_bytes_is(bench_data(b), "3456"));
    m.target_offset = 1;
    BENCH_RUN(b, copy_buffer, &m);
    bench_expect_error(b, STRATO_GPU_ERROR_CODE_ERANGE, "`y`");
    m.target = strato_text("x");
    m.target_offset = 5;
    BENCH_RUN(b, copy_buffer, &m);
    bench_expect_error(b, STRATO_GPU_ERROR_CODE_EINVAL, "overlap");
}

static void a_fill_repeats_its_pattern(void **state)
{
    struct strato_gpu_fill m = STRATO_GPU_FILL_DEFAULTS;
    struct bench *b = *state;

    bench_alloc(b, "x", 8);
    m.buffer_id = strato_text("x");
    m.pattern = strato_text("ab");
    m.size = 4;
    m.offset = 2;
    BENCH_RUN(b, fill, &m);
    bench_expect_done(b);
    bench_read(b, "x", 8, 0);
    assert_memory_equal(bench_data(b).data, "\0\0abab\0\0", 8);
    m.pattern = strato_text("abc");
    BENCH_RUN(b, fill, &m);
    bench_expect_error(b, STRATO_GPU_ERROR_CODE_EINVAL, "pattern");
    m.pattern = strato_text("ab");
    m.size = 5;
    BENCH_RUN(b, fill, &m);
    bench_expect_error(b, STRATO_GPU_ERROR_CODE_EINVAL, "multiples");
    m.size = 8;
    BENCH_RUN(b, fill, &m);
    bench_expect_error(b, STRATO_GPU_ERROR_CODE_ERANGE, "run over its end");
}

static void a_wrong_checksum_is_refused(void **state)
{
    struct strato_gpu_transfer_to_device m = STRATO_GPU_TRANSFER_TO_DEVICE_DEFAULTS;
    struct bench *b = *state;

    m.buffer_id = strato_text("x");
    m.data.is_inline = true;
    m.data.bytes = strato_text("data");
    m.has_xxh64 = true;
    m.xxh64 = XXH64("data", 4, 0);
    BENCH_RUN(b, transfer_to_device, &m);
    bench_expect_done(b);
    m.xxh64++;
    BENCH_RUN(b, transfer_to_device, &m);
    bench_expect_error(b, STRATO_GPU_ERROR_CODE_EINVAL, "xxh64");
}

static void an_attachment_that_is_not_there_is_refused(void **state)
{
    struct strato_gpu_transfer_to_device m = STRATO_GPU_TRANSFER_TO_DEVICE_DEFAULTS;
    struct bench *b = *state;

    m.buffer_id = strato_text("x");
    m.data.index = 3;
    BENCH_RUN(b, transfer_to_device, &m);
    bench_expect_error(b, STRATO_GPU_ERROR_CODE_EINVAL, "attachment 3");
}

static void a_read_that_fits_no_reply_says_how_to_go_on(void **state)
{
    struct tasks_options options = TASKS_OPTIONS_DEFAULTS;
    struct bench *b = *state;
    struct device *device = b->device;

    tasks_destroy(&b->tasks);
    bench_open(b, device, &options);
    bench_alloc(b, "x", TASK_READ_BYTES_MAX + 1);
    bench_read(b, "x", TASK_READ_BYTES_MAX + 1, 0);
    bench_expect_error(b, STRATO_GPU_ERROR_CODE_EINVAL, "by offset");
    bench_read(b, "x", TASK_READ_BYTES_MAX, 1);
    assert_int_equal(bench_data(b).bytes, TASK_READ_BYTES_MAX);
}

static void sessions_do_not_see_each_other(void **state)
{
    struct bench *b = *state;

    bench_write(b, "x", "mine", 4, 0);
    b->affinity = "s2";
    bench_read(b, "x", 4, 0);
    bench_expect_error(b, STRATO_GPU_ERROR_CODE_ENOENT, "`x`");
    b->affinity = "s1";
    b->sender = "bob";
    bench_read(b, "x", 4, 0);
    bench_expect_error(b, STRATO_GPU_ERROR_CODE_ENOENT, "`x`");
    b->sender = "alice";
    bench_read(b, "x", 4, 0);
    assert_true(strato_bytes_is(bench_data(b), "mine"));
}

static void an_idle_session_loses_its_memory(void **state)
{
    struct bench *b = *state;
    struct task_result tick;

    bench_alloc(b, "x", 1000);
    assert_int_equal(tasks_tick(b->tasks, b->now_ms + 15 * 60 * 1000 - 1, 0, &tick), 0);
    task_result_fini(&tick);
    assert_int_equal(tasks_pool_used(b->tasks), 1000);
    assert_int_equal(tasks_tick(b->tasks, b->now_ms + 15 * 60 * 1000, 0, &tick), 0);
    task_result_fini(&tick);
    assert_int_equal(tasks_pool_used(b->tasks), 0);
    assert_int_equal(tasks_sessions(b->tasks), 0);
}

static void one_session_too_many_is_refused_until_one_is_idle(void **state)
{
    struct bench *b = *state;
    char name[16];

    b->affinity = name;
    for (unsigned i = 0; i < TASK_SESSIONS_MAX; i++) {
        snprintf(name, sizeof(name), "s%u", i);
        bench_alloc(b, "x", 1);
        bench_expect_done(b);
    }
    b->affinity = "late";
    bench_alloc(b, "x", 1);
    bench_expect_error(b, STRATO_GPU_ERROR_CODE_ENOMEM, "256 sessions");
    b->now_ms += 15 * 60 * 1000;
    bench_alloc(b, "x", 1);
    bench_expect_done(b);
}

static void a_lost_device_is_elost(void **state)
{
    struct bench *b = *state;

    bench_write(b, "x", "abcd", 4, 0);
    sim_break(b->device, 1);
    bench_read(b, "x", 4, 0);
    bench_expect_error(b, STRATO_GPU_ERROR_CODE_ELOST, "send it again");
    bench_read(b, "x", 4, 0);
    assert_true(strato_bytes_is(bench_data(b), "abcd"));
}

static void query_shows_buffers_kernels_and_what_is_left(void **state)
{
    struct bench *b = *state;
    struct strato_gpu_query m = STRATO_GPU_QUERY_DEFAULTS;
    struct strato_gpu_kernel_info kernel;
    struct strato_gpu_buffer_info buffer;
    struct strato_gpu_info info;
    struct strato_iter it;

    bench_write(b, "x", "abcd", 4, 4);
    BENCH_RUN(b, query, &m);
    assert_string_equal(b->result.type, "gpu.info");
    assert_int_equal(strato_gpu_info_decode(strato_writer_view(&b->result.payload), &info, NULL), 0);
    assert_true(strato_bytes_is(info.device, "sim"));
    assert_int_equal(info.pool_bytes, BENCH_POOL);
    assert_int_equal(info.free_bytes, BENCH_POOL - 8);
    it = strato_gpu_buffer_info_list_begin(&info.buffers);
    assert_true(strato_gpu_buffer_info_list_next(&it, &buffer));
    assert_true(strato_bytes_is(buffer.buffer_id, "x") && buffer.size == 8 && buffer.content == 8);
    it = strato_gpu_kernel_info_list_begin(&info.kernels);
    assert_true(strato_gpu_kernel_info_list_next(&it, &kernel));
    assert_true(strato_bytes_is(kernel.kernel_id, "builtin:vadd"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BENCH(bytes_come_back_as_they_went),
        ON_BENCH(from_4_kib_on_bytes_travel_as_attachment),
        ON_BENCH(the_first_write_allocates_offset_plus_length),
        ON_BENCH(a_write_over_the_end_is_erange_and_grows_nothing),
        ON_BENCH(bounds_survive_numbers_that_wrap),
        ON_BENCH(an_unknown_buffer_is_enoent_and_names_the_fix),
        ON_BENCH(a_second_alloc_of_a_name_is_eexist),
        ON_BENCH(a_full_pool_is_enomem_with_requested_and_available),
        ON_BENCH(a_size_beyond_anything_is_enomem),
        ON_BENCH(the_last_allowed_buffer_fits_and_the_next_does_not),
        ON_BENCH(crossing_80_90_and_95_percent_is_announced_once_each),
        ON_BENCH(copies_stay_within_both_buffers),
        ON_BENCH(a_fill_repeats_its_pattern),
        ON_BENCH(a_wrong_checksum_is_refused),
        ON_BENCH(an_attachment_that_is_not_there_is_refused),
        ON_BENCH(a_read_that_fits_no_reply_says_how_to_go_on),
        ON_BENCH(sessions_do_not_see_each_other),
        ON_BENCH(an_idle_session_loses_its_memory),
        ON_BENCH(one_session_too_many_is_refused_until_one_is_idle),
        ON_BENCH(a_lost_device_is_elost),
        ON_BENCH(query_shows_buffers_kernels_and_what_is_left),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
