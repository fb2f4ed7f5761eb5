/*
 * test_programs.c - user source on a real OpenCL device: built, launched, or refused with the compiler's words.
 *
 * Runs on the first OpenCL device; returns 77 (skipped) where there is none.
 *
 * SPDX-License-Identifier: MIT
 */
#include "bench.h"

#include <stdio.h>

#include "worker/device/opencl.h"

static struct device *device;

static int setup(void **state)
{
    struct tasks_options options = TASKS_OPTIONS_DEFAULTS;
    struct bench *b = malloc(sizeof(*b));

    options.is_source_allowed = true;
    bench_open(b, device, &options);
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    struct bench *b = *state;

    task_result_fini(&b->result);
    tasks_destroy(&b->tasks);
    free(b);
    return 0;
}

static void build(struct bench *b, const char *source, const char *options)
{
    struct strato_gpu_build_program m = STRATO_GPU_BUILD_PROGRAM_DEFAULTS;

    m.source = strato_text(source);
    m.options = strato_text(options);
    BENCH_RUN(b, build_program, &m);
}

/** kernel_id of the only kernel of the last build. */
static void built_kernel(struct bench *b, char id[257])
{
    struct strato_gpu_kernel_info kernel;
    struct strato_gpu_built built;
    struct strato_iter it;

    assert_string_equal(b->result.type, "gpu.built");
    assert_int_equal(strato_gpu_built_decode(strato_writer_view(&b->result.payload), &built, NULL), 0);
    it = strato_gpu_kernel_info_list_begin(&built.kernels);
    assert_true(strato_gpu_kernel_info_list_next(&it, &kernel));
    snprintf(id, 257, "%.*s", (int)kernel.kernel_id.bytes, (const char *)kernel.kernel_id.data);
}

static void source_becomes_a_kernel_that_runs(void **state)
{
    uint32_t values[4] = { 1, 2, 3, 4 };
    struct bench *b = *state;
    char id[257];

    build(b, "kernel void scale(global uint *x, uint by) { x[get_global_id(0)] *= by * N; }", "-D N=2");
    built_kernel(b, id);
    bench_write(b, "x", values, sizeof(values), 0);
    bench_launch(b, id, 4, "b:x", "u32:5", NULL);
    bench_expect_done(b);
    bench_read(b, "x", 16, 0);
    memcpy(values, bench_data(b).data, sizeof(values));
    assert_true(values[0] == 10 && values[3] == 40);
    bench_launch(b, id, 4, "b:x", "i32:5", NULL);
    bench_expect_error(b, STRATO_GPU_ERROR_CODE_EINVAL, "arg 1 `by`: want uint, got int");
}

static void vectors_structs_and_local_memory_arrive(void **state)
{
    static const char source[] = "typedef struct { int a; float b; } pair;\n"
                                 "kernel void k(global float *out, float4 v, pair p, local float *t)\n"
                                 "{ t[0] = v.y; out[0] = t[0] + p.b + (float)p.a; }";
    const float v[4] = { 1, 20, 3, 4 };
    const struct {
        int32_t a;
        float b;
    } p = { 300, 4000.0F };
    struct strato_gpu_launch_kernel m = STRATO_GPU_LAUNCH_KERNEL_DEFAULTS;
    struct strato_writer params = { 0 };
    struct bench *b = *state;
    float out;
    char id[257];

    build(b, source, "");
    built_kernel(b, id);
    bench_alloc(b, "out", 4);
    strato_writer_array(&params, 4);
    bench_param(&params, "b:out");
    strato_writer_array(&params, 2);
    strato_writer_text(&params, "v4f32");
    strato_writer_bin(&params, STRATO_BYTES_OF(v));
    strato_writer_array(&params, 2);
    strato_writer_text(&params, "s");
    strato_writer_bin(&params, strato_bytes(&p, sizeof(p)));
    bench_param(&params, "l:64");
    m.kernel_id = strato_text(id);
    m.params.count = 4;
    m.params.raw = strato_writer_view(&params);
    for (unsigned d = 0; d < 3; d++)
        m.grid_dim[d] = m.block_dim[d] = 1;
    BENCH_RUN(b, launch_kernel, &m);
    bench_expect_done(b);
    strato_writer_fini(&params);
    bench_read(b, "out", 4, 0);
    memcpy(&out, bench_data(b).data, 4);
    assert_true(out == 4320.0F);
}

static void broken_source_is_ebuild_with_the_log_and_no_paths(void **state)
{
    struct bench *b = *state;
    struct strato_gpu_error error;
    char log[DEVICE_LOG_BYTES_MAX];

    build(b, "kernel void k(global int *x) { x[0] = undefined_thing; }", "");
    error = bench_expect_error(b, STRATO_GPU_ERROR_CODE_EBUILD, "log");
    assert_true(error.has_log);
    snprintf(log, sizeof(log), "%.*s", (int)error.log.bytes, (const char *)error.log.data);
    assert_non_null(strstr(log, "undefined_thing"));
    assert_null(strstr(log, "/tmp"));
    assert_null(strstr(log, "/home"));
    build(b, "kernel void k(global int *x) { x[0] = 1; }", "");
    assert_string_equal(b->result.type, "gpu.built");
}

static void what_reaches_for_the_host_is_refused(void **state)
{
    struct bench *b = *state;

    build(b, "#include \"/etc/passwd\"\nkernel void k() {}", "");
    bench_expect_error(b, STRATO_GPU_ERROR_CODE_EPERM, "#include");
    build(b, "kernel void k() { __asm__(\"nop\"); }", "");
    bench_expect_error(b, STRATO_GPU_ERROR_CODE_EPERM, "__asm__");
    build(b, "kernel void k() {}", "-I /etc");
    bench_expect_error(b, STRATO_GPU_ERROR_CODE_EPERM, "-I");
}

static void source_at_the_limit_builds_and_one_byte_more_does_not(void **state)
{
    static char source[DEVICE_SOURCE_BYTES_MAX + 2];
    struct strato_writer w = { 0 };
    struct bench *b = *state;
    int used;

    memset(source, ' ', DEVICE_SOURCE_BYTES_MAX);
    used = snprintf(source, sizeof(source), "kernel void k(global int *x) { x[0] = 1; }");
    source[used] = ' ';
    build(b, source, "");
    assert_string_equal(b->result.type, "gpu.built");
    source[DEVICE_SOURCE_BYTES_MAX] = ' ';
    strato_writer_map(&w, 1);
    strato_writer_text(&w, "source");
    strato_writer_text(&w, source);
    bench_raw(b, "gpu.build_program", strato_writer_view(&w));
    bench_expect_error(b, STRATO_GPU_ERROR_CODE_EINVAL, "source");
    strato_writer_fini(&w);
}

static void a_program_belongs_to_its_session(void **state)
{
    struct bench *b = *state;
    char id[257];

    build(b, "kernel void k(global int *x) { x[0] = 7; }", "");
    built_kernel(b, id);
    b->sender = "bob";
    bench_alloc(b, "x", 4);
    bench_launch(b, id, 1, "b:x", NULL);
    bench_expect_error(b, STRATO_GPU_ERROR_CODE_ENOENT, "prog:");
}

static void a_buffer_range_starts_at_a_multiple_of_128(void **state)
{
    struct strato_gpu_launch_kernel m = STRATO_GPU_LAUNCH_KERNEL_DEFAULTS;
    struct strato_writer params = { 0 };
    struct bench *b = *state;
    int32_t value = 0;
    char id[257];

    build(b, "kernel void k(global int *x) { x[0] = 7; }", "");
    built_kernel(b, id);
    bench_alloc(b, "x", 256);
    m.kernel_id = strato_text(id);
    m.grid_dim[0] = m.grid_dim[1] = m.grid_dim[2] = 1;
    m.params.count = 1;
    for (uint64_t offset = 128; offset <= 260; offset += 66) {
        strato_writer_reset(&params);
        strato_writer_array(&params, 1);
        strato_writer_array(&params, 3);
        strato_writer_text(&params, "b");
        strato_writer_text(&params, "x");
        strato_writer_u64(&params, offset);
        m.params.raw = strato_writer_view(&params);
        BENCH_RUN(b, launch_kernel, &m);
        if (offset == 128)
            bench_expect_done(b);
        else
            bench_expect_error(b, offset < 256 ? STRATO_GPU_ERROR_CODE_EINVAL : STRATO_GPU_ERROR_CODE_ERANGE,
                               "arg 0 `x`");
    }
    strato_writer_fini(&params);
    (void)bench_synchronize(b);
    bench_read(b, "x", 4, 128);
    memcpy(&value, bench_data(b).data, 4);
    assert_int_equal(value, 7);
}

#define ON_DEVICE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
    char detail[DEVICE_DETAIL_BYTES];
    int rc = opencl_open(0, &device, detail);
    const struct CMUnitTest tests[] = {
        ON_DEVICE(source_becomes_a_kernel_that_runs),
        ON_DEVICE(vectors_structs_and_local_memory_arrive),
        ON_DEVICE(broken_source_is_ebuild_with_the_log_and_no_paths),
        ON_DEVICE(what_reaches_for_the_host_is_refused),
        ON_DEVICE(source_at_the_limit_builds_and_one_byte_more_does_not),
        ON_DEVICE(a_program_belongs_to_its_session),
        ON_DEVICE(a_buffer_range_starts_at_a_multiple_of_128),
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
