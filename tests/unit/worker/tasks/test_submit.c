/*
 * test_submit.c - several commands in one message: admitted all or none, run in order, answered together.
 *
 * SPDX-License-Identifier: MIT
 */
#include "bench.h"

enum { COMMANDS = 16 };

/** A submit under construction. */
struct batch {
    struct strato_gpu_command items[COMMANDS];
    struct strato_writer payloads[COMMANDS];
    uint32_t count;
};

static void add(struct batch *s, const char *type, const struct strato_record *record, const void *message)
{
    struct strato_writer *w = &s->payloads[s->count];

    strato_record_encode(record, message, w);
    assert_int_equal(strato_writer_error(w), 0);
    s->items[s->count++] = (struct strato_gpu_command){ strato_text(type), true, strato_writer_view(w) };
}

static void add_write(struct batch *s, const char *name, uint32_t frame)
{
    struct strato_gpu_transfer_to_device m = STRATO_GPU_TRANSFER_TO_DEVICE_DEFAULTS;

    m.buffer_id = strato_text(name);
    m.data.index = frame;
    add(s, "gpu.transfer_to_device", &strato_gpu_transfer_to_device__record, &m);
}

static void add_alloc(struct batch *s, const char *name, uint64_t size)
{
    struct strato_gpu_alloc m = STRATO_GPU_ALLOC_DEFAULTS;

    m.buffer_id = strato_text(name);
    m.size = size;
    add(s, "gpu.alloc", &strato_gpu_alloc__record, &m);
}

static void add_read(struct batch *s, const char *name, uint64_t size)
{
    struct strato_gpu_transfer_from_device m = STRATO_GPU_TRANSFER_FROM_DEVICE_DEFAULTS;

    m.buffer_id = strato_text(name);
    m.size = size;
    add(s, "gpu.transfer_from_device", &strato_gpu_transfer_from_device__record, &m);
}

static void add_vadd(struct batch *s, uint32_t n)
{
    struct strato_gpu_launch_kernel m = STRATO_GPU_LAUNCH_KERNEL_DEFAULTS;
    struct strato_writer params = { 0 };

    strato_writer_array(&params, 4);
    bench_param(&params, "b:x");
    bench_param(&params, "b:y");
    bench_param(&params, "b:z");
    strato_writer_array(&params, 2);
    strato_writer_text(&params, "u32");
    strato_writer_u64(&params, n);
    m.kernel_id = strato_text(VADD);
    m.grid_dim[0] = n;
    m.grid_dim[1] = m.grid_dim[2] = 1;
    m.params.count = 4;
    m.params.raw = strato_writer_view(&params);
    add(s, "gpu.launch_kernel", &strato_gpu_launch_kernel__record, &m);
    strato_writer_fini(&params);
}

static void run(struct bench *b, struct batch *s)
{
    struct strato_gpu_submit m = STRATO_GPU_SUBMIT_DEFAULTS;

    m.commands.items = s->items;
    m.commands.count = s->count;
    BENCH_RUN(b, submit, &m);
    for (uint32_t i = 0; i < s->count; i++)
        strato_writer_fini(&s->payloads[i]);
}

/** Reply number `index` of the last submit. */
static struct strato_gpu_command reply(struct bench *b, uint32_t index)
{
    struct strato_gpu_submitted submitted;
    struct strato_gpu_command item;
    struct strato_iter it;

    assert_string_equal(b->result.type, "gpu.submitted");
    assert_int_equal(strato_gpu_submitted_decode(strato_writer_view(&b->result.payload), &submitted, NULL), 0);
    it = strato_gpu_command_list_begin(&submitted.replies);
    do
        assert_true(strato_gpu_command_list_next(&it, &item));
    while (index-- > 0);
    return item;
}

static void write_launch_and_read_take_one_message(void **state)
{
    enum { N = 2048 };
    static float x[N], y[N];
    struct batch s = { 0 };
    struct bench *b = *state;
    struct strato_gpu_data data;
    struct strato_gpu_command last;

    for (unsigned i = 0; i < N; i++) {
        x[i] = (float)i;
        y[i] = 1000.0F;
    }
    add_write(&s, "x", 0);
    add_write(&s, "y", 1);
    add_alloc(&s, "z", sizeof(x));
    add_vadd(&s, N);
    add_read(&s, "z", sizeof(x));
    b->frames[0] = STRATO_BYTES_OF(x);
    b->frames[1] = STRATO_BYTES_OF(y);
    b->frames_count = 2;
    run(b, &s);
    for (uint32_t i = 0; i < 4; i++)
        assert_true(strato_bytes_is(reply(b, i).type, "gpu.done"));
    last = reply(b, 4);
    assert_true(strato_bytes_is(last.type, "gpu.data"));
    assert_int_equal(strato_gpu_data_decode(last.payload, &data, NULL), 0);
    assert_false(data.bytes.is_inline);
    assert_int_equal(b->result.frames_count, 1);
    for (unsigned i = 0; i < N; i++)
        assert_true(((float *)b->result.frames[0].data)[i] == x[i] + y[i]);
}

static void a_command_that_cannot_be_submitted_stops_all(void **state)
{
    struct strato_gpu_submit inner = STRATO_GPU_SUBMIT_DEFAULTS;
    struct strato_gpu_command query = { .type = STRATO_BYTES_NONE };
    struct batch s = { 0 };
    struct bench *b = *state;

    query.type = strato_text("gpu.query");
    inner.commands.items = &query;
    inner.commands.count = 1;
    add_alloc(&s, "x", 4);
    add(&s, "gpu.submit", &strato_gpu_submit__record, &inner);
    run(b, &s);
    bench_expect_error(b, STRATO_GPU_ERROR_CODE_EINVAL, "command 1: `gpu.submit`");
    assert_int_equal(tasks_pool_used(b->tasks), 0);
}

static void memory_that_does_not_suffice_for_all_stops_all(void **state)
{
    struct batch s = { 0 };
    struct bench *b = *state;
    struct strato_gpu_error error;

    add_alloc(&s, "x", BENCH_POOL / 2);
    add_alloc(&s, "y", BENCH_POOL / 2 + 1);
    run(b, &s);
    error = bench_expect_error(b, STRATO_GPU_ERROR_CODE_ENOMEM, "nothing was run");
    assert_int_equal(error.requested, BENCH_POOL + 1);
    assert_int_equal(error.available, BENCH_POOL);
    assert_int_equal(tasks_pool_used(b->tasks), 0);
}

static void sizes_that_wrap_together_stop_all(void **state)
{
    struct batch s = { 0 };
    struct bench *b = *state;

    add_alloc(&s, "x", UINT64_MAX);
    add_alloc(&s, "y", 2);
    run(b, &s);
    bench_expect_error(b, STRATO_GPU_ERROR_CODE_ENOMEM, "nothing was run");
}

static void behind_a_failed_command_nothing_runs(void **state)
{
    struct strato_gpu_error error;
    struct batch s = { 0 };
    struct bench *b = *state;

    add_alloc(&s, "x", 4);
    add_read(&s, "gone", 4);
    add_alloc(&s, "y", 4);
    run(b, &s);
    assert_true(strato_bytes_is(reply(b, 0).type, "gpu.done"));
    assert_int_equal(strato_gpu_error_decode(reply(b, 1).payload, &error, NULL), 0);
    assert_int_equal(error.code, STRATO_GPU_ERROR_CODE_ENOENT);
    assert_int_equal(strato_gpu_error_decode(reply(b, 2).payload, &error, NULL), 0);
    assert_int_equal(error.code, STRATO_GPU_ERROR_CODE_EDEP);
    assert_int_equal(tasks_pool_used(b->tasks), 4);
}

static void eight_large_reads_fit_and_nine_do_not(void **state)
{
    struct batch s = { 0 }, t = { 0 };
    struct bench *b = *state;

    bench_alloc(b, "x", 4096);
    for (unsigned i = 0; i < 8; i++)
        add_read(&s, "x", 4096);
    run(b, &s);
    assert_int_equal(b->result.frames_count, 8);
    for (unsigned i = 0; i < 9; i++)
        add_read(&t, "x", 4096);
    run(b, &t);
    bench_expect_error(b, STRATO_GPU_ERROR_CODE_EINVAL, "9 reads");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BENCH(write_launch_and_read_take_one_message),
        ON_BENCH(a_command_that_cannot_be_submitted_stops_all),
        ON_BENCH(memory_that_does_not_suffice_for_all_stops_all),
        ON_BENCH(sizes_that_wrap_together_stop_all),
        ON_BENCH(behind_a_failed_command_nothing_runs),
        ON_BENCH(eight_large_reads_fit_and_nine_do_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
