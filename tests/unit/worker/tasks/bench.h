/*
 * bench.h - a work bench for tests of tasks/: a sim device, messages in one line, replies decoded.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_TESTS_WORKER_BENCH_H
#define STRATO_TESTS_WORKER_BENCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schemas/messages.h"
#include "worker/device/sim.h"
#include "worker/tasks/tasks.h"

enum { BENCH_POOL = 1 << 20 };

struct bench {
    struct device *device;
    struct tasks *tasks;
    const char *sender, *affinity;
    uint64_t sequence, now_ms;
    struct strato_bytes frames[8]; /* of the next message */
    uint32_t frames_count;
    struct task_result result; /* of the last one */
};

static inline void bench_open(struct bench *b, struct device *device, const struct tasks_options *options)
{
    memset(b, 0, sizeof(*b));
    b->device = device;
    b->tasks = tasks_new(device, options);
    b->sender = "alice";
    b->affinity = "s1";
    b->now_ms = 1000;
    assert_non_null(b->tasks);
}

static inline int bench_setup(void **state)
{
    struct tasks_options options = TASKS_OPTIONS_DEFAULTS;
    struct bench *b = malloc(sizeof(*b));
    struct device *device = NULL;

    options.pool_bytes = BENCH_POOL;
    options.worker = "w1";
    assert_int_equal(sim_open(&device), 0);
    bench_open(b, device, &options);
    *state = b;
    return 0;
}

static inline int bench_teardown(void **state)
{
    struct bench *b = *state;

    task_result_fini(&b->result);
    tasks_destroy(&b->tasks);
    device_close(&b->device);
    free(b);
    return 0;
}

/** Run an encoded payload. */
static inline const struct task_result *bench_raw(struct bench *b, const char *type, struct strato_bytes payload)
{
    struct task task = { .type = strato_text(type),
                         .payload = payload,
                         .sender = strato_text(b->sender),
                         .affinity = strato_text(b->affinity),
                         .sequence = ++b->sequence,
                         .frames = b->frames,
                         .frames_count = b->frames_count,
                         .now_ms = b->now_ms,
                         .wall_ms = 1700000000000 };

    task_result_fini(&b->result);
    assert_int_equal(tasks_run(b->tasks, &task, &b->result), 0);
    b->frames_count = 0;
    return &b->result;
}

/** Run a message struct: BENCH_RUN(b, launch_kernel, &m). */
#define BENCH_RUN(b, name, message) bench_message((b), "gpu." #name, &strato_gpu_##name##__record, (message))
static inline const struct task_result *bench_message(struct bench *b, const char *type,
                                                      const struct strato_record *record, const void *message)
{
    struct strato_writer w = { 0 };
    const struct task_result *result;

    strato_record_encode(record, message, &w);
    assert_int_equal(strato_writer_error(&w), 0);
    result = bench_raw(b, type, strato_writer_view(&w));
    strato_writer_fini(&w);
    return result;
}

/* ---- what came back ---- */

static inline void bench_expect_done(struct bench *b)
{
    if (b->result.is_failed) {
        struct strato_gpu_error error;

        assert_int_equal(strato_gpu_error_decode(strato_writer_view(&b->result.payload), &error, NULL), 0);
        fail_msg("failed: %.*s", (int)error.message.bytes, (const char *)error.message.data);
    }
    assert_string_equal(b->result.type, "gpu.done");
}

/** The error of the last reply; its message must hold `words`. */
static inline struct strato_gpu_error bench_expect_error(struct bench *b, enum strato_gpu_error_code code,
                                                         const char *words)
{
    struct strato_gpu_error error;
    char text[1025];

    assert_true(b->result.is_failed);
    assert_string_equal(b->result.type, "gpu.error");
    assert_int_equal(strato_gpu_error_decode(strato_writer_view(&b->result.payload), &error, NULL), 0);
    snprintf(text, sizeof(text), "%.*s", (int)error.message.bytes, (const char *)error.message.data);
    if (error.code != code || !strstr(text, words))
        fail_msg("want error %d with \"%s\", got %d: %s", (int)code, words, (int)error.code, text);
    return error;
}

static inline uint32_t bench_events(const struct bench *b, const char *type)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < b->result.events_count; i++)
        count += strcmp(b->result.events[i].type, type) == 0;
    return count;
}

/* ---- messages ---- */

static inline void bench_write(struct bench *b, const char *name, const void *data, size_t bytes, uint64_t offset)
{
    struct strato_gpu_transfer_to_device m = STRATO_GPU_TRANSFER_TO_DEVICE_DEFAULTS;

    m.buffer_id = strato_text(name);
    m.offset = offset;
    b->frames[0] = strato_bytes(data, bytes);
    b->frames_count = 1;
    BENCH_RUN(b, transfer_to_device, &m);
}

/** The bytes of the last gpu.data reply, inline or attached. */
static inline struct strato_bytes bench_data(struct bench *b)
{
    struct strato_gpu_data data;
    struct strato_bytes frame = STRATO_BYTES_NONE, bytes;

    assert_string_equal(b->result.type, "gpu.data");
    assert_int_equal(strato_gpu_data_decode(strato_writer_view(&b->result.payload), &data, NULL), 0);
    if (b->result.frames_count > 0)
        frame = strato_bytes(b->result.frames[0].data, b->result.frames[0].bytes);
    assert_int_equal(strato_binary_bytes(&data.bytes, &frame, b->result.frames_count, &bytes), 0);
    return bytes;
}

static inline void bench_read(struct bench *b, const char *name, uint64_t size, uint64_t offset)
{
    struct strato_gpu_transfer_from_device m = STRATO_GPU_TRANSFER_FROM_DEVICE_DEFAULTS;

    m.buffer_id = strato_text(name);
    m.size = size;
    m.offset = offset;
    BENCH_RUN(b, transfer_from_device, &m);
}

static inline void bench_alloc(struct bench *b, const char *name, uint64_t size)
{
    struct strato_gpu_alloc m = STRATO_GPU_ALLOC_DEFAULTS;

    m.buffer_id = strato_text(name);
    m.size = size;
    BENCH_RUN(b, alloc, &m);
}

static inline void bench_free(struct bench *b, const char *name)
{
    struct strato_gpu_free m = STRATO_GPU_FREE_DEFAULTS;

    m.buffer_id = strato_text(name);
    BENCH_RUN(b, free, &m);
}

/** Synchronize all streams; returns how many faults were reported. */
static inline uint32_t bench_synchronize(struct bench *b)
{
    struct strato_gpu_synchronize m = STRATO_GPU_SYNCHRONIZE_DEFAULTS;
    struct strato_gpu_done done;

    BENCH_RUN(b, synchronize, &m);
    assert_string_equal(b->result.type, "gpu.done");
    assert_int_equal(strato_gpu_done_decode(strato_writer_view(&b->result.payload), &done, NULL), 0);
    return done.errors.count;
}

/** Parameters as they travel: "b:name", "b:name:r", "u32:7", "f32:1.5", "l:64", "n". */
static inline void bench_param(struct strato_writer *w, const char *text)
{
    char kind[8] = "", rest[64] = "";

    sscanf(text, "%7[^:]:%63s", kind, rest);
    if (strcmp(kind, "b") == 0) {
        char *access = strchr(rest, ':');

        strato_writer_array(w, access ? 3 : 2);
        strato_writer_text(w, kind);
        strato_writer_str(w, strato_bytes(rest, access ? (size_t)(access - rest) : strlen(rest)));
        if (access)
            strato_writer_text(w, access + 1);
        return;
    }
    strato_writer_array(w, kind[0] == 'n' ? 1 : 2);
    strato_writer_text(w, kind);
    if (kind[0] == 'f')
        strato_writer_f64(w, strtod(rest, NULL));
    else if (kind[0] != 'n')
        strato_writer_i64(w, strtoll(rest, NULL, 10));
}

/** Launch over `items` work-items with parameters in bench_param()'s form, NULL at the end. */
static inline void bench_launch(struct bench *b, const char *kernel, uint32_t items, ...)
{
    struct strato_gpu_launch_kernel m = STRATO_GPU_LAUNCH_KERNEL_DEFAULTS;
    struct strato_writer params = { 0 }, all = { 0 };
    const char *text;
    va_list args;

    va_start(args, items);
    while ((text = va_arg(args, const char *))) {
        bench_param(&params, text);
        m.params.count++;
    }
    va_end(args);
    strato_writer_array(&all, m.params.count);
    strato_writer_raw(&all, strato_writer_view(&params));
    m.kernel_id = strato_text(kernel);
    m.grid_dim[0] = items;
    m.grid_dim[1] = m.grid_dim[2] = 1;
    m.params.raw = strato_writer_view(&all);
    BENCH_RUN(b, launch_kernel, &m);
    strato_writer_fini(&params);
    strato_writer_fini(&all);
}
#define VADD           "builtin:vadd"
#define ON_BENCH(name) cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)
#endif
