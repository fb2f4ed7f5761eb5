/*
 * gpu_call.c - commands on the channel gpu, one at a time, each awaited.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cli/gpu_call.h"

#include "cli/show.h"

#include <stdlib.h>

static int refused(const struct gpu_call *call, const char *type, const strato_message *reply)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *to = open_memstream(&text, &bytes);
    int code;

    if (!to)
        return cli_fail(call->cli, CLI_FAILED, "%s: refused", type);
    show_payload(to, reply);
    fclose(to);
    code = cli_fail(call->cli, CLI_FAILED, "%s: %s", type, text);
    free(text);
    return code;
}

int gpu_ask(const struct gpu_call *call, const char *type, struct strato_bytes payload,
            const struct strato_attachment *attachment, strato_message **ret_reply, uint64_t *ret_wall_ns)
{
    struct strato_send message = { .channel = call->channel,
                                   .attachments = attachment,
                                   .attachments_count = attachment ? 1 : 0 };
    struct strato_request_options options = { .timeout_ms =
                                                  (int)(call->cli->common->timeout_ms + call->wait_responder_ms),
                                              .wait_responder_ms = call->wait_responder_ms };
    strato_message *reply = NULL;
    int rc;

    message.envelope.type = type;
    message.envelope.payload = payload;
    rc = link_request(call->client, &message, &options, &reply, ret_wall_ns);
    if (rc == STRATO_ENO_RESPONDERS)
        return cli_fail(call->cli, CLI_TIMEOUT, "%s: no worker serves the channel %s (start one: strato-worker)", type,
                        call->channel);
    if (rc == STRATO_ETIMEOUT)
        return cli_fail(call->cli, CLI_TIMEOUT, "%s: no answer within %g s: is a strato-worker running, and not busy?",
                        type, call->cli->common->timeout_ms / 1000.0);
    if (rc < 0)
        return link_fail(call->cli, call->client, rc, type);
    if (strato_bytes_is(strato_message_envelope(reply)->type, STRATO_TYPE_GPU_ERROR)) {
        int code = refused(call, type, reply);

        strato_message_destroy(&reply);
        return code;
    }
    *ret_reply = reply;
    return CLI_OK;
}

/* Encoded by the caller into `w`, answered by gpu.done. */
static int ask_done(const struct gpu_call *call, const char *type, struct strato_writer *w,
                    const struct strato_attachment *attachment, struct gpu_time *time)
{
    struct strato_gpu_done done = STRATO_GPU_DONE_DEFAULTS;
    strato_message *reply = NULL;
    uint64_t wall_ns = 0;
    int code;

    if (strato_writer_error(w) < 0) {
        code = cli_fail(call->cli, CLI_FAILED, "%s: %s", type, strato_strerror(strato_writer_error(w)));
    } else {
        code = gpu_ask(call, type, strato_writer_view(w), attachment, &reply, &wall_ns);
    }
    if (code == CLI_OK && strato_gpu_done_decode(strato_message_envelope(reply)->payload, &done, NULL) < 0)
        code = cli_fail(call->cli, CLI_FAILED, "%s: the answer is no gpu.done", type);
    if (code == CLI_OK && time) {
        time->device_us += done.duration_us;
        time->wall_ns += wall_ns;
    }
    strato_message_destroy(&reply);
    strato_writer_fini(w);
    return code;
}

int gpu_alloc(const struct gpu_call *call, const char *name, uint64_t bytes)
{
    struct strato_gpu_alloc alloc = STRATO_GPU_ALLOC_DEFAULTS;
    struct strato_writer w = { 0 };

    alloc.buffer_id = strato_text(name);
    alloc.size = bytes;
    strato_gpu_alloc_encode(&alloc, &w);
    return ask_done(call, STRATO_TYPE_GPU_ALLOC, &w, NULL, NULL);
}

int gpu_write(const struct gpu_call *call, const char *name, const void *data, uint64_t bytes, struct gpu_time *time)
{
    int code = gpu_alloc(call, name, bytes);

    for (uint64_t at = 0; code == CLI_OK && at < bytes; at += GPU_PIECE_BYTES) {
        uint64_t length = bytes - at < GPU_PIECE_BYTES ? bytes - at : GPU_PIECE_BYTES;
        struct strato_attachment attachment = { .data = (const uint8_t *)data + at, .bytes = length };
        struct strato_gpu_transfer_to_device transfer = STRATO_GPU_TRANSFER_TO_DEVICE_DEFAULTS;
        struct strato_writer w = { 0 };
        bool is_inline = length < 4096;

        transfer.buffer_id = strato_text(name);
        transfer.offset = at;
        transfer.data = (struct strato_binary){ .is_inline = is_inline };
        if (is_inline)
            transfer.data.bytes = strato_bytes(attachment.data, length);
        strato_gpu_transfer_to_device_encode(&transfer, &w);
        code = ask_done(call, STRATO_TYPE_GPU_TRANSFER_TO_DEVICE, &w, is_inline ? NULL : &attachment, time);
    }
    return code;
}

static int read_piece(const struct gpu_call *call, const strato_message *reply, uint8_t *data, uint64_t bytes,
                      struct gpu_time *time)
{
    struct strato_gpu_data answer = STRATO_GPU_DATA_DEFAULTS;
    struct strato_bytes frames[8], found;
    uint32_t count = strato_message_attachments(reply);
    int rc = strato_gpu_data_decode(strato_message_envelope(reply)->payload, &answer, NULL);

    for (uint32_t i = 0; i < count && i < 8; i++)
        frames[i] = strato_message_attachment(reply, i);
    if (rc == 0)
        rc = strato_binary_bytes(&answer.bytes, frames, count < 8 ? count : 8, &found);
    if (rc < 0 || found.bytes != bytes)
        return cli_fail(call->cli, CLI_FAILED, "the answer is no gpu.data of %llu bytes", (unsigned long long)bytes);
    memcpy(data, found.data, bytes);
    time->device_us += answer.duration_us;
    return CLI_OK;
}

int gpu_read(const struct gpu_call *call, const char *name, void *data, uint64_t bytes, struct gpu_time *time)
{
    int code = CLI_OK;

    for (uint64_t at = 0; code == CLI_OK && at < bytes; at += GPU_PIECE_BYTES) {
        struct strato_gpu_transfer_from_device transfer = STRATO_GPU_TRANSFER_FROM_DEVICE_DEFAULTS;
        strato_message *reply = NULL;
        struct strato_writer w = { 0 };
        uint64_t wall_ns = 0;

        transfer.buffer_id = strato_text(name);
        transfer.offset = at;
        transfer.size = bytes - at < GPU_PIECE_BYTES ? bytes - at : GPU_PIECE_BYTES;
        strato_gpu_transfer_from_device_encode(&transfer, &w);
        code =
            strato_writer_error(&w) < 0
                ? cli_fail(call->cli, CLI_FAILED, "%s", strato_strerror(strato_writer_error(&w)))
                : gpu_ask(call, STRATO_TYPE_GPU_TRANSFER_FROM_DEVICE, strato_writer_view(&w), NULL, &reply, &wall_ns);
        if (code == CLI_OK)
            code = read_piece(call, reply, (uint8_t *)data + at, transfer.size, time);
        time->wall_ns += wall_ns;
        strato_message_destroy(&reply);
        strato_writer_fini(&w);
    }
    return code;
}

int gpu_launch(const struct gpu_call *call, const char *kernel_id, uint32_t items, const struct strato_bytes *params,
               uint32_t params_count, struct gpu_time *time)
{
    struct strato_gpu_launch_kernel launch = STRATO_GPU_LAUNCH_KERNEL_DEFAULTS;
    struct strato_writer w = { 0 };

    launch.kernel_id = strato_text(kernel_id);
    launch.grid_dim[0] = items;
    launch.grid_dim[1] = launch.grid_dim[2] = 1;
    launch.params.items = params;
    launch.params.count = params_count;
    strato_gpu_launch_kernel_encode(&launch, &w);
    return ask_done(call, STRATO_TYPE_GPU_LAUNCH_KERNEL, &w, NULL, time);
}
