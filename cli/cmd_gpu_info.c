/*
 * cmd_gpu_info.c - strato gpu info: the device that answers, its memory, its kernels.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cli/gpu_call.h"
#include "cli/show.h"
#include "cli/verbs.h"

#include <inttypes.h>

struct info_config {
    struct cli_common common;
    char *channel;
    uint32_t wait_responder_ms;
};

static const struct strato_option rows[] = {
    { .name = "channel",
      .letter = 'c',
      STRATO_OPTION_AT(struct info_config, channel),
      .kind = STRATO_OPTION_STRING,
      .value = "NAME",
      .initial = "gpu",
      .doc = "Channel that the worker nodes serve." },
    { .name = "wait-responder",
      STRATO_OPTION_AT(struct info_config, wait_responder_ms),
      .kind = STRATO_OPTION_DURATION,
      .value = "TIME",
      .max = 600000,
      .doc = "Wait so long for a worker; without, nobody serving is an error at once." },
};

static void print_info(const struct strato_gpu_info *info)
{
    struct strato_iter it = strato_gpu_kernel_info_list_begin(&info->kernels);
    struct strato_gpu_kernel_info kernel;

    printf("device\t%.*s\n", (int)info->device.bytes, (const char *)info->device.data);
    printf("platform\t%.*s\n", (int)info->platform.bytes,
           info->platform.bytes ? (const char *)info->platform.data : "");
    printf("device_id\t%" PRIu32 "\n", info->device_id);
    printf("pool\t%.1f MiB\n", (double)info->pool_bytes / 1048576);
    printf("free\t%.1f MiB\n", (double)info->free_bytes / 1048576);
    while (strato_gpu_kernel_info_list_next(&it, &kernel))
        printf("kernel\t%.*s(%.*s)\n", (int)kernel.kernel_id.bytes, (const char *)kernel.kernel_id.data,
               (int)kernel.signature.bytes, kernel.signature.bytes ? (const char *)kernel.signature.data : "");
}

static int run(struct cli *cli, const void *verb_config)
{
    const struct info_config *config = verb_config;
    struct gpu_call call = { .cli = cli, .channel = config->channel, .wait_responder_ms = config->wait_responder_ms };
    struct strato_gpu_info info = STRATO_GPU_INFO_DEFAULTS;
    struct emit j = { .to = stdout };
    strato_message *reply = NULL;
    uint64_t wall_ns;
    int code = link_open(cli, false, NULL, &call.client);

    if (code == CLI_OK)
        code = gpu_ask(&call, STRATO_TYPE_GPU_QUERY, STRATO_BYTES_NONE, NULL, &reply, &wall_ns);
    if (code != CLI_OK)
        goto out;
    if (strato_gpu_info_decode(strato_message_envelope(reply)->payload, &info, NULL) < 0) {
        code = cli_fail(cli, CLI_FAILED, "the answer is no gpu.info");
    } else if (cli_wants_json(cli)) {
        emit_msgpack(&j, NULL, strato_message_envelope(reply)->payload);
        emit_end(&j);
    } else {
        print_info(&info);
    }
out:
    strato_message_destroy(&reply);
    strato_client_close(&call.client);
    return code;
}

static const struct strato_program_example examples[] = {
    { "strato gpu info", "the device that this session would use" },
    { "strato gpu info --json", "the same for programs" },
};

const struct cli_verb cmd_gpu_info = {
    .program = { .name = "strato gpu info",
                 .summary = "which device answers, what it offers",
                 CLI_PROGRAM(rows),
                 STRATO_PROGRAM_EXAMPLES(examples) },
    .config_bytes = sizeof(struct info_config),
    .run = run,
};
