/*
 * test_bus.c - worker nodes in this process, on a real broker, spoken to by the C client over tcp.
 *
 * The device is OpenCL if there is one, else sim: the values are the same, bit for bit.
 *
 * SPDX-License-Identifier: MIT
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bindings/c/include/stratoswarm.h"
#include "core/oracle/oracle.h"
#include "schemas/messages.h"
#include "tests/lib/broker_fixture.h"
#include "worker/device/opencl.h"
#include "worker/net/node.h"

enum { PATIENCE_MS = BROKER_FIXTURE_PATIENCE_MS, WORKERS_MAX = 2 };

static const struct log quiet = { .level = STRATO_LOG_ERROR };

struct running {
    struct node *node;
    pthread_t thread;
    int rc;
    char name[32];
};

struct bus {
    struct broker_fixture broker;
    struct running workers[WORKERS_MAX];
    strato_client *client;
    strato_message *reply; /* of the last call */
};

/* ---- set up -------------------------------------------------------------------------------------- */

static int64_t best_device(void)
{
    struct device_info infos[1];
    char detail[DEVICE_DETAIL_BYTES];

    return opencl_list(infos, 1, detail) > 0 ? 0 : NODE_SIM;
}

static void *run_worker(void *arg)
{
    struct running *w = arg;

    w->rc = node_run(w->node);
    return NULL;
}

static void start_worker(struct bus *bus, unsigned index, int64_t device)
{
    struct running *w = &bus->workers[index];
    struct node_options options = { .broker = broker_fixture_endpoint(&bus->broker, "native@tcp"),
                                    .name = w->name,
                                    .device = device,
                                    .pool_bytes = 64 << 20,
                                    .session_idle_ms = 900000,
                                    .hb_ms = 1000,
                                    .is_unsafe = true,
                                    .log = &quiet };

    snprintf(w->name, sizeof(w->name), "w%u", index);
    assert_int_equal(node_new(&options, &w->node), 0);
    assert_int_equal(pthread_create(&w->thread, NULL, run_worker, w), 0);
}

static void stop_worker(struct bus *bus, unsigned index)
{
    struct running *w = &bus->workers[index];

    if (!w->node)
        return;
    node_stop(w->node);
    pthread_join(w->thread, NULL);
    if (w->rc != 0)
        print_message("worker %u: %s\n", index, node_detail(w->node));
    assert_int_equal(w->rc, 0);
    node_destroy(&w->node);
}

static strato_client *connect_client(struct bus *bus)
{
    struct strato_client_options options = STRATO_CLIENT_OPTIONS_DEFAULTS;
    strato_client *client = NULL;

    options.endpoint = broker_fixture_endpoint(&bus->broker, "native@tcp");
    assert_int_equal(strato_client_open(&options, &client), 0);
    return client;
}

static int setup(void **state)
{
    static const char *const fitness[] = { "name", "fitness", "pattern", "work", "capacity", "10000", NULL };
    struct bus *bus = calloc(1, sizeof(*bus));

    broker_fixture_init(&bus->broker);
    assert_int_equal(broker_config_add_channel(&bus->broker.config, fitness, NULL), 0);
    broker_fixture_start(&bus->broker);
    bus->client = connect_client(bus);
    *state = bus;
    return 0;
}

static int teardown(void **state)
{
    struct bus *bus = *state;

    strato_message_destroy(&bus->reply);
    strato_client_close(&bus->client);
    for (unsigned i = 0; i < WORKERS_MAX; i++)
        stop_worker(bus, i);
    broker_fixture_stop(&bus->broker);
    free(bus);
    return 0;
}

/* ---- talking ------------------------------------------------------------------------------------- */

/** Call a channel with an encoded message and up to two attachments; the reply is in bus->reply. */
static void call(struct bus *bus, strato_client *client, const char *channel, const struct strato_record *record,
                 const void *message, const struct strato_bytes *frames, uint32_t frames_count)
{
    struct strato_request_options options = { .timeout_ms = PATIENCE_MS, .wait_responder_ms = PATIENCE_MS };
    struct strato_attachment attachments[2] = { 0 };
    struct strato_writer w = { 0 };
    struct strato_send send = { .channel = channel,
                                .envelope = { .type = record->name },
                                .attachments = attachments,
                                .attachments_count = frames_count };
    int rc;

    for (uint32_t i = 0; i < frames_count; i++)
        attachments[i] = (struct strato_attachment){ .data = frames[i].data, .bytes = frames[i].bytes };
    strato_record_encode(record, message, &w);
    assert_int_equal(strato_writer_error(&w), 0);
    send.envelope.payload = strato_writer_view(&w);
    strato_message_destroy(&bus->reply);
    rc = strato_request(client, &send, &options, &bus->reply);
    if (rc < 0)
        fail_msg("%s: %s: %s", record->name, strato_err_name(rc), strato_client_detail(client));
    strato_writer_fini(&w);
}
#define CALL(bus, name, message, frames, count)                                                                        \
    call((bus), (bus)->client, "gpu", &strato_gpu_##name##__record, (message), (frames), (count))

static const struct strato_envelope *reply(struct bus *bus)
{
    return strato_message_envelope(bus->reply);
}

static void expect_type(struct bus *bus, const char *type)
{
    if (strato_bytes_is(reply(bus)->type, type))
        return;
    if (strato_bytes_is(reply(bus)->type, "gpu.error")) {
        struct strato_gpu_error error;

        assert_int_equal(strato_gpu_error_decode(reply(bus)->payload, &error, NULL), 0);
        fail_msg("want %s, got an error: %.*s", type, (int)error.message.bytes, (const char *)error.message.data);
    }
    fail_msg("want %s, got %.*s", type, (int)reply(bus)->type.bytes, (const char *)reply(bus)->type.data);
}

static void expect_error(struct bus *bus, enum strato_gpu_error_code code)
{
    struct strato_gpu_error error;

    expect_type(bus, "gpu.error");
    assert_int_equal(strato_gpu_error_decode(reply(bus)->payload, &error, NULL), 0);
    assert_int_equal(error.code, code);
    assert_true(error.message.bytes > 10);
}

static struct strato_bytes reply_bytes(struct bus *bus, const struct strato_binary *binary)
{
    struct strato_bytes frame = strato_message_attachment(bus->reply, 0), bytes;

    assert_int_equal(strato_binary_bytes(binary, &frame, strato_message_attachments(bus->reply), &bytes), 0);
    return bytes;
}

static void write_buffer(struct bus *bus, const char *name, const void *data, size_t bytes, uint64_t offset)
{
    struct strato_gpu_transfer_to_device m = STRATO_GPU_TRANSFER_TO_DEVICE_DEFAULTS;
    struct strato_bytes frame = strato_bytes(data, bytes);

    m.buffer_id = strato_text(name);
    m.offset = offset;
    CALL(bus, transfer_to_device, &m, &frame, 1);
}

static struct strato_bytes read_buffer(struct bus *bus, const char *name, uint64_t size)
{
    struct strato_gpu_transfer_from_device m = STRATO_GPU_TRANSFER_FROM_DEVICE_DEFAULTS;
    struct strato_gpu_data data;

    m.buffer_id = strato_text(name);
    m.size = size;
    CALL(bus, transfer_from_device, &m, NULL, 0);
    expect_type(bus, "gpu.data");
    assert_int_equal(strato_gpu_data_decode(reply(bus)->payload, &data, NULL), 0);
    return reply_bytes(bus, &data.bytes);
}

static void alloc_buffer(struct bus *bus, const char *name, uint64_t size)
{
    struct strato_gpu_alloc m = STRATO_GPU_ALLOC_DEFAULTS;

    m.buffer_id = strato_text(name);
    m.size = size;
    CALL(bus, alloc, &m, NULL, 0);
}

static void synchronize(struct bus *bus)
{
    struct strato_gpu_synchronize m = STRATO_GPU_SYNCHRONIZE_DEFAULTS;

    CALL(bus, synchronize, &m, NULL, 0);
    expect_type(bus, "gpu.done");
}

/** x + y into z, by the parameters of vadd. */
static struct strato_gpu_launch_kernel vadd(struct strato_writer *params, uint32_t n, const char *sum)
{
    struct strato_gpu_launch_kernel m = STRATO_GPU_LAUNCH_KERNEL_DEFAULTS;
    const char *const names[] = { "x", "y", sum };

    strato_writer_array(params, 4);
    for (unsigned i = 0; i < 3; i++) {
        strato_writer_array(params, 2);
        strato_writer_text(params, "b");
        strato_writer_text(params, names[i]);
    }
    strato_writer_array(params, 2);
    strato_writer_text(params, "u32");
    strato_writer_u64(params, n);
    m.kernel_id = strato_text("builtin:vadd");
    m.grid_dim[0] = (n + 63) / 64;
    m.block_dim[0] = 64;
    for (unsigned d = 1; d < 3; d++)
        m.grid_dim[d] = m.block_dim[d] = 1;
    m.params.count = 4;
    m.params.raw = strato_writer_view(params);
    return m;
}

static void launch_vadd(struct bus *bus, uint32_t n, const char *sum)
{
    struct strato_writer params = { 0 };
    struct strato_gpu_launch_kernel m = vadd(&params, n, sum);

    CALL(bus, launch_kernel, &m, NULL, 0);
    strato_writer_fini(&params);
}

/* ---- claims -------------------------------------------------------------------------------------- */

static void a_million_floats_are_added_as_the_cpu_adds_them(void **state)
{
    enum { N = 1000000 };
    float *x = malloc(3 * N * sizeof(float)), *y = x + N, *expected = y + N;
    struct strato_bytes sum;
    struct bus *bus = *state;

    for (unsigned i = 0; i < N; i++) {
        x[i] = (float)i * 0.37F;
        y[i] = 1e6F / (float)(i + 1);
        expected[i] = x[i] + y[i];
    }
    start_worker(bus, 0, best_device());
    write_buffer(bus, "x", x, N * sizeof(float), 0);
    expect_type(bus, "gpu.done");
    write_buffer(bus, "y", y, N * sizeof(float), 0);
    expect_type(bus, "gpu.done");
    alloc_buffer(bus, "z", N * sizeof(float));
    expect_type(bus, "gpu.done");
    launch_vadd(bus, N, "z");
    expect_type(bus, "gpu.done");
    sum = read_buffer(bus, "z", N * sizeof(float));
    assert_int_equal(sum.bytes, N * sizeof(float));
    assert_memory_equal(sum.data, expected, N * sizeof(float));
    free(x);
}

static void build(struct bus *bus, const char *source)
{
    struct strato_gpu_build_program m = STRATO_GPU_BUILD_PROGRAM_DEFAULTS;

    m.source = strato_text(source);
    CALL(bus, build_program, &m, NULL, 0);
}

static void every_gpu_error_is_typed_and_the_worker_lives(void **state)
{
    const float x[4] = { 1, 2, 3, 4 }, expected[4] = { 2, 4, 6, 8 };
    struct bus *bus = *state;

    start_worker(bus, 0, best_device());
    write_buffer(bus, "x", x, sizeof(x), 0);
    write_buffer(bus, "y", x, sizeof(x), 0);
    alloc_buffer(bus, "z", sizeof(x));
    alloc_buffer(bus, "z", 1);
    expect_error(bus, STRATO_GPU_ERROR_CODE_EEXIST);
    write_buffer(bus, "x", x, sizeof(x), 1);
    expect_error(bus, STRATO_GPU_ERROR_CODE_ERANGE);
    write_buffer(bus, "x", x, sizeof(x), UINT64_MAX - 3);
    expect_error(bus, STRATO_GPU_ERROR_CODE_ERANGE);
    synchronize(bus);
    alloc_buffer(bus, "huge", 65ULL << 20);
    expect_error(bus, STRATO_GPU_ERROR_CODE_ENOMEM);
    launch_vadd(bus, 4, "gone");
    expect_error(bus, STRATO_GPU_ERROR_CODE_ENOENT);
    launch_vadd(bus, 5, "z");
    expect_error(bus, STRATO_GPU_ERROR_CODE_ERANGE);
    launch_vadd(bus, 4, "z");
    expect_error(bus, STRATO_GPU_ERROR_CODE_EDEP);
    synchronize(bus);
    build(bus, "kernel void k(global int *v) { v[0] = nonsense; }");
    expect_error(bus, STRATO_GPU_ERROR_CODE_EBUILD);
    synchronize(bus);
    launch_vadd(bus, 4, "z");
    expect_type(bus, "gpu.done");
    assert_memory_equal(read_buffer(bus, "z", sizeof(x)).data, expected, sizeof(x));
}

static void put_message(struct bus *bus, const struct strato_record *record, const void *message)
{
    struct strato_writer w = { 0 };
    struct strato_send send = { .channel = "gpu", .envelope = { .type = record->name } };

    strato_record_encode(record, message, &w);
    send.envelope.payload = strato_writer_view(&w);
    assert_int_equal(strato_send(bus->client, &send, PATIENCE_MS), 0);
    strato_writer_fini(&w);
}

static void puts_have_their_effect_and_synchronize_tells_what_failed(void **state)
{
    struct strato_gpu_transfer_to_device m = STRATO_GPU_TRANSFER_TO_DEVICE_DEFAULTS;
    struct strato_gpu_done done;
    struct bus *bus = *state;

    start_worker(bus, 0, NODE_SIM);
    m.buffer_id = strato_text("x");
    m.data.is_inline = true;
    m.data.bytes = strato_text("from a put");
    put_message(bus, &strato_gpu_transfer_to_device__record, &m);
    m.offset = 5;
    put_message(bus, &strato_gpu_transfer_to_device__record, &m);
    synchronize(bus);
    assert_int_equal(strato_gpu_done_decode(reply(bus)->payload, &done, NULL), 0);
    assert_int_equal(done.errors.count, 1);
    assert_true(strato_bytes_is(read_buffer(bus, "x", 10), "from a put"));
}

static void events_tell_of_kernels_pressure_and_utilization(void **state)
{
    const float x[4] = { 0 };
    struct strato_subscription_options options = { .channel = "events" };
    strato_subscription *subscription = NULL;
    bool has_kernel = false, has_pressure = false, has_utilization = false;
    struct bus *bus = *state;

    assert_int_equal(strato_subscription_open(bus->client, &options, &subscription), 0);
    start_worker(bus, 0, NODE_SIM);
    write_buffer(bus, "x", x, sizeof(x), 0);
    write_buffer(bus, "y", x, sizeof(x), 0);
    launch_vadd(bus, 4, "y");
    expect_type(bus, "gpu.done");
    alloc_buffer(bus, "much", 60 << 20);
    while (!has_kernel || !has_pressure || !has_utilization) {
        strato_message *event = NULL;
        struct strato_bytes type;

        assert_int_equal(strato_subscription_next(subscription, PATIENCE_MS, &event), 0);
        type = strato_message_envelope(event)->type;
        has_kernel = has_kernel || strato_bytes_is(type, "events.kernel_completed");
        has_pressure = has_pressure || strato_bytes_is(type, "events.memory_pressure");
        has_utilization = has_utilization || strato_bytes_is(type, "events.gpu_utilization");
        strato_message_destroy(&event);
    }
    strato_subscription_close(&subscription);
}

static void a_session_stays_with_its_worker(void **state)
{
    struct bus *bus = *state;
    strato_client *clients[4];
    char text[16];

    start_worker(bus, 0, NODE_SIM);
    start_worker(bus, 1, NODE_SIM);
    for (unsigned i = 0; i < 4; i++) {
        struct strato_gpu_transfer_to_device m = STRATO_GPU_TRANSFER_TO_DEVICE_DEFAULTS;

        clients[i] = connect_client(bus);
        snprintf(text, sizeof(text), "client %u", i);
        m.buffer_id = strato_text("mine");
        m.data.is_inline = true;
        m.data.bytes = strato_text(text);
        call(bus, clients[i], "gpu", &strato_gpu_transfer_to_device__record, &m, NULL, 0);
        expect_type(bus, "gpu.done");
    }
    for (unsigned round = 0; round < 20; round++) {
        unsigned i = round % 4;
        struct strato_gpu_transfer_from_device m = STRATO_GPU_TRANSFER_FROM_DEVICE_DEFAULTS;
        struct strato_gpu_data data;

        snprintf(text, sizeof(text), "client %u", i);
        m.buffer_id = strato_text("mine");
        m.size = 8;
        call(bus, clients[i], "gpu", &strato_gpu_transfer_from_device__record, &m, NULL, 0);
        expect_type(bus, "gpu.data");
        assert_int_equal(strato_gpu_data_decode(reply(bus)->payload, &data, NULL), 0);
        assert_true(strato_bytes_is(data.bytes.bytes, text));
    }
    for (unsigned i = 0; i < 4; i++)
        strato_client_close(&clients[i]);
}

static void fitness_batches_equal_the_reference(void **state)
{
    enum { ROWS = 600, DIM = 10 };
    static float rows[ROWS * DIM];
    static double expected[ROWS];
    const struct strato_problem *rastrigin = strato_problem_find(strato_text("rastrigin"));
    struct strato_problem_params params = STRATO_PROBLEM_PARAMS_DEFAULTS;
    struct strato_fitness_evaluate m = STRATO_FITNESS_EVALUATE_DEFAULTS;
    struct strato_bytes frame = STRATO_BYTES_OF(rows), values;
    struct strato_fitness_fitness fitness;
    struct bus *bus = *state;

    for (unsigned i = 0; i < ROWS * DIM; i++)
        rows[i] = (float)(i % 1024) * 0.01F - 5.12F;
    assert_int_equal(strato_problem_evaluate(rastrigin, &params, NULL,
                                             &(struct strato_rows){ STRATO_GENES_F32, ROWS, DIM, rows, 0 }, expected),
                     0);
    start_worker(bus, 0, best_device());
    m.problem = strato_text("rastrigin");
    m.dim = DIM;
    m.dtype = STRATO_EVOLUTION_DTYPE_F32;
    call(bus, bus->client, "fitness", &strato_fitness_evaluate__record, &m, &frame, 1);
    expect_type(bus, "fitness.fitness");
    assert_int_equal(strato_fitness_fitness_decode(reply(bus)->payload, &fitness, NULL), 0);
    values = reply_bytes(bus, &fitness.values);
    assert_int_equal(values.bytes, sizeof(expected));
    assert_memory_equal(values.data, expected, sizeof(expected));
}

static void what_a_stopped_worker_leaves_another_takes(void **state)
{
    const float x[4] = { 1, 2, 3, 4 };
    struct bus *bus = *state;

    start_worker(bus, 0, NODE_SIM);
    write_buffer(bus, "x", x, sizeof(x), 0);
    expect_type(bus, "gpu.done");
    stop_worker(bus, 0);
    start_worker(bus, 1, NODE_SIM);
    write_buffer(bus, "x", x, sizeof(x), 0);
    expect_type(bus, "gpu.done");
    assert_memory_equal(read_buffer(bus, "x", sizeof(x)).data, x, sizeof(x));
}

#define ON_BUS(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BUS(a_million_floats_are_added_as_the_cpu_adds_them),
        ON_BUS(every_gpu_error_is_typed_and_the_worker_lives),
        ON_BUS(puts_have_their_effect_and_synchronize_tells_what_failed),
        ON_BUS(events_tell_of_kernels_pressure_and_utilization),
        ON_BUS(a_session_stays_with_its_worker),
        ON_BUS(fitness_batches_equal_the_reference),
        ON_BUS(what_a_stopped_worker_leaves_another_takes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
