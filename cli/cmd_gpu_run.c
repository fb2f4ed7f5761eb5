/*
 * cmd_gpu_run.c - strato gpu run: a built-in kernel on real data, compared with the CPU's own result.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cli/emit.h"
#include "cli/gpu_call.h"
#include "cli/verbs.h"
#include "core/nearest.h"
#include "core/oracle/philox.h"
#include "core/oracle/rastrigin.h"
#include "core/oracle/rosenbrock.h"
#include "core/oracle/sphere.h"
#include "core/oracle/vadd.h"

#include <inttypes.h>
#include <stdlib.h>
#include <xxhash.h>

struct run_config {
    struct cli_common common;
    char *channel;
    uint32_t n, dim, wait_responder_ms;
    uint64_t seed;
};

static const struct strato_option rows[] = {
    { .name = "n",
      .letter = 'n',
      STRATO_OPTION_AT(struct run_config, n),
      .kind = STRATO_OPTION_UINT,
      .value = "N",
      .initial = "1000000",
      .min = 1,
      .max = 100000000,
      .doc = "Elements of vadd, or rows of a benchmark function." },
    { .name = "dim",
      .letter = 'd',
      STRATO_OPTION_AT(struct run_config, dim),
      .kind = STRATO_OPTION_UINT,
      .value = "N",
      .initial = "16",
      .min = 1,
      .max = 65536,
      .doc = "Genes in a row; vadd has none." },
    { .name = "seed",
      STRATO_OPTION_AT(struct run_config, seed),
      .kind = STRATO_OPTION_UINT,
      .value = "N",
      .initial = "1",
      .max = UINT64_MAX,
      .doc = "Of the input." },
    { .name = "channel",
      .letter = 'c',
      STRATO_OPTION_AT(struct run_config, channel),
      .kind = STRATO_OPTION_STRING,
      .value = "NAME",
      .initial = "gpu",
      .doc = "Channel that the worker nodes serve." },
    { .name = "wait-responder",
      STRATO_OPTION_AT(struct run_config, wait_responder_ms),
      .kind = STRATO_OPTION_DURATION,
      .value = "TIME",
      .max = 600000,
      .doc = "Wait so long for a worker; without, nobody serving is an error at once." },
};

/* Benchmark functions have one row of genes in and one value out; vadd (reference NULL) two vectors in, one out. */
static const struct kernel {
    const char *name;
    float (*reference)(const float *row, uint32_t dim);
} kernels[] = {
    { "vadd", NULL },
    { "sphere", strato_sphere_f32 },
    { "rosenbrock", strato_rosenbrock_f32 },
    { "rastrigin", strato_rastrigin_f32 },
};
enum { KERNELS = sizeof kernels / sizeof kernels[0] };

struct job {
    const struct run_config *config;
    const struct kernel *kernel;
    uint64_t floats; /* in each input */
    float *a, *b, *result, *expected;
    struct gpu_time write, launch, read;
    uint64_t reference_ns;
};

static const struct kernel *kernel_find(const struct cli *cli, const char *name)
{
    struct strato_nearest n = strato_nearest_begin(strato_text(name));

    for (size_t i = 0; i < KERNELS; i++) {
        if (strcmp(kernels[i].name, name) == 0)
            return &kernels[i];
        strato_nearest_offer(&n, strato_text(kernels[i].name));
    }
    cli_fail(cli, CLI_USAGE, "no kernel \"%s\"%s%.*s%s; vadd, sphere, rosenbrock and rastrigin are there", name,
             n.best.bytes ? " (did you mean " : "", (int)n.best.bytes, n.best.bytes ? (const char *)n.best.data : "",
             n.best.bytes ? "?)" : "");
    return NULL;
}

static void fill(float *to, uint64_t count, uint64_t seed, uint32_t stream)
{
    const uint32_t key[2] = { (uint32_t)seed, (uint32_t)(seed >> 32) };

    for (uint64_t i = 0; i < count; i += 4) {
        const uint32_t counter[4] = { (uint32_t)(i / 4), (uint32_t)(i >> 34), stream, 0 };
        uint32_t words[4];

        strato_philox4x32(counter, key, words);
        for (uint64_t k = 0; k < 4 && i + k < count; k++)
            to[i + k] = (float)(words[k] >> 8) * (10.24F / 16777216.0F) - 5.12F;
    }
}

static int job_prepare(struct job *job)
{
    uint64_t rows_count = job->config->n;
    uint64_t start_ns;

    job->floats = job->kernel->reference ? rows_count * job->config->dim : rows_count;
    job->a = malloc(job->floats * sizeof *job->a);
    job->b = job->kernel->reference ? NULL : malloc(job->floats * sizeof *job->b);
    job->result = malloc(rows_count * sizeof *job->result);
    job->expected = malloc(rows_count * sizeof *job->expected);
    if (!job->a || !job->result || !job->expected || (!job->kernel->reference && !job->b))
        return STRATO_ENOMEM;
    fill(job->a, job->floats, job->config->seed, 0);
    if (job->b)
        fill(job->b, job->floats, job->config->seed, 1);
    start_ns = link_now_ns();
    if (job->b)
        strato_vadd_f32(job->a, job->b, job->expected, rows_count);
    for (uint64_t i = 0; !job->b && i < rows_count; i++)
        job->expected[i] = job->kernel->reference(job->a + i * job->config->dim, job->config->dim);
    job->reference_ns = link_now_ns() - start_ns;
    return 0;
}

static void job_fini(struct job *job)
{
    free(job->a);
    free(job->b);
    free(job->result);
    free(job->expected);
}

static size_t param_buffer(struct strato_writer *w, const char *name, const char *access)
{
    strato_writer_array(w, 3); /* no offset, no length: the whole buffer */
    strato_writer_text(w, "b");
    strato_writer_text(w, name);
    strato_writer_text(w, access);
    return w->bytes;
}

static size_t param_u32(struct strato_writer *w, uint32_t value)
{
    strato_writer_array(w, 2);
    strato_writer_text(w, "u32");
    strato_writer_u64(w, value);
    return w->bytes;
}

static int job_launch(struct job *job, const struct gpu_call *call)
{
    uint8_t room[256];
    struct strato_writer w;
    struct strato_bytes params[4];
    size_t ends[5] = { 0 };
    char id[64];

    snprintf(id, sizeof id, "builtin:%s", job->kernel->name);
    strato_writer_init_fixed(&w, room, sizeof room);
    ends[1] = param_buffer(&w, "a", "r");
    ends[2] = job->b ? param_buffer(&w, "b", "r") : param_buffer(&w, "result", "w");
    ends[3] = job->b ? param_buffer(&w, "result", "w") : param_u32(&w, job->config->n);
    ends[4] = job->b ? param_u32(&w, job->config->n) : param_u32(&w, job->config->dim);
    for (int i = 0; i < 4; i++)
        params[i] = strato_bytes(room + ends[i], ends[i + 1] - ends[i]);
    return gpu_launch(call, id, job->config->n, params, 4, &job->launch);
}

static int job_run(struct job *job, const struct gpu_call *call)
{
    uint64_t bytes = job->floats * sizeof(float), result_bytes = job->config->n * sizeof(float);
    int code = gpu_write(call, "a", job->a, bytes, &job->write);

    if (code == CLI_OK && job->b)
        code = gpu_write(call, "b", job->b, bytes, &job->write);
    if (code == CLI_OK)
        code = gpu_alloc(call, "result", result_bytes);
    if (code == CLI_OK)
        code = job_launch(job, call);
    return code == CLI_OK ? gpu_read(call, "result", job->result, result_bytes, &job->read) : code;
}

static void emit_time(struct emit *j, const char *key, const struct gpu_time *time)
{
    emit_object(j, key);
    emit_u64(j, "device_us", time->device_us);
    emit_f64(j, "wall_us", (double)time->wall_ns / 1000);
    emit_object_end(j);
}

static void print_step(const char *name, const struct gpu_time *time, uint64_t bytes)
{
    printf("%-10s %9.3f ms  on the device %9.3f ms", name, (double)time->wall_ns / 1e6, (double)time->device_us / 1e3);
    if (bytes && time->wall_ns)
        printf("  %8.1f MB/s", (double)bytes * 1e3 / (double)time->wall_ns);
    putchar('\n');
}

static int job_report(const struct cli *cli, const struct job *job, const char *device)
{
    uint64_t result_bytes = job->config->n * sizeof(float), in_bytes = job->floats * sizeof(float) * (job->b ? 2 : 1);
    uint64_t checksum = XXH64(job->result, result_bytes, 0), wanted = XXH64(job->expected, result_bytes, 0);
    struct emit j = { .to = stdout };
    char text[20];

    snprintf(text, sizeof text, "%016" PRIx64, checksum);
    if (cli_wants_json(cli)) {
        emit_object(&j, NULL);
        emit_text(&j, "kernel", job->kernel->name);
        emit_text(&j, "device", device);
        emit_u64(&j, "n", job->config->n);
        emit_u64(&j, "dim", job->b ? 0 : job->config->dim);
        emit_time(&j, "transfer", &job->write);
        emit_time(&j, "launch", &job->launch);
        emit_time(&j, "read", &job->read);
        emit_f64(&j, "cpu_us", (double)job->reference_ns / 1000);
        emit_text(&j, "checksum", text);
        emit_bool(&j, "ok", checksum == wanted);
        emit_object_end(&j);
        emit_end(&j);
    } else {
        printf("%-10s %s\n", "device", device);
        print_step("transfer", &job->write, in_bytes);
        print_step("launch", &job->launch, 0);
        print_step("read", &job->read, result_bytes);
        printf("%-10s %9.3f ms  the same here, on one core\n", "cpu", (double)job->reference_ns / 1e6);
        printf("%-10s %s %s\n", "checksum", text, checksum == wanted ? "ok" : "WRONG");
    }
    if (checksum == wanted)
        return CLI_OK;
    for (uint64_t i = 0; i < job->config->n; i++)
        if (memcmp(&job->result[i], &job->expected[i], sizeof(float)) != 0)
            return cli_fail(cli, CLI_FAILED, "element %" PRIu64 " is %.9g, not %.9g", i, (double)job->result[i],
                            (double)job->expected[i]);
    return CLI_FAILED;
}

static int device_name(const struct gpu_call *call, char *text, size_t bytes)
{
    struct strato_gpu_info info = STRATO_GPU_INFO_DEFAULTS;
    strato_message *reply = NULL;
    uint64_t wall_ns;
    int code = gpu_ask(call, STRATO_TYPE_GPU_QUERY, STRATO_BYTES_NONE, NULL, &reply, &wall_ns);

    if (code == CLI_OK && strato_gpu_info_decode(strato_message_envelope(reply)->payload, &info, NULL) < 0)
        code = cli_fail(call->cli, CLI_FAILED, "the answer is no gpu.info");
    if (code == CLI_OK)
        snprintf(text, bytes, "%.*s", (int)info.device.bytes, (const char *)info.device.data);
    strato_message_destroy(&reply);
    return code;
}

static int run(struct cli *cli, const void *verb_config)
{
    const struct run_config *config = verb_config;
    struct job job = { .config = config, .kernel = kernel_find(cli, cli->operands[0]) };
    struct gpu_call call = { .cli = cli, .channel = config->channel, .wait_responder_ms = config->wait_responder_ms };
    char device[257] = "";
    int code;

    if (!job.kernel)
        return CLI_USAGE;
    if (job.kernel->reference && (uint64_t)config->n * config->dim > 1U << 30)
        return cli_fail(cli, CLI_USAGE, "--n times --dim is over 2^30 genes");
    code = link_open(cli, true, NULL, &call.client);
    if (code == CLI_OK)
        code = device_name(&call, device, sizeof device);
    if (code == CLI_OK && job_prepare(&job) < 0)
        code = cli_fail(cli, CLI_FAILED, "%s", strato_strerror(STRATO_ENOMEM));
    if (code == CLI_OK)
        code = job_run(&job, &call);
    if (code == CLI_OK)
        code = job_report(cli, &job, device);
    strato_client_close(&call.client);
    job_fini(&job);
    return code;
}

static const struct strato_program_example examples[] = {
    { "strato gpu run vadd --n 1000000", "a million sums: transfer, launch, read back, compare" },
    { "strato gpu run rastrigin --n 4096 --dim 100 --json", "4,096 fitness values" },
};

const struct cli_verb cmd_gpu_run = {
    .program = { .name = "strato gpu run",
                 .summary = "run a built-in kernel and check its result",
                 .operands = "KERNEL",
                 .operands_min = 1,
                 .operands_max = 1,
                 .doc =
                     "KERNEL is vadd, sphere, rosenbrock or rastrigin. The input is random, the result must equal the "
                     "CPU's bit for bit.",
                 CLI_PROGRAM(rows),
                 STRATO_PROGRAM_EXAMPLES(examples) },
    .config_bytes = sizeof(struct run_config),
    .run = run,
};
