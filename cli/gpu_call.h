/*
 * gpu_call.h - commands on the channel gpu, one at a time, each awaited.
 *
 * Large transfers travel in pieces; the session's commands all reach the same device (the channel is sticky).
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_CLI_GPU_CALL_H
#define STRATO_CLI_GPU_CALL_H

#include "cli/link.h"
#include "schemas/gpu.h"

enum { GPU_PIECE_BYTES = 4 * 1024 * 1024 };

/** Where commands go, and what they took in sum. Zero-initialise the sums. */
struct gpu_call {
    const struct cli *cli;
    strato_client *client;
    const char *channel;
    uint32_t wait_responder_ms; /* for a worker that is still starting */
};

/** What a step took: on the device by its own clock, and seen from here. */
struct gpu_time {
    uint64_t device_us, wall_ns;
};

/**
 * One command, encoded. @return CLI_OK with the reply to destroy; else the exit code, told (a gpu.error too).
 */
int gpu_ask(const struct gpu_call *call, const char *type, struct strato_bytes payload,
            const struct strato_attachment *attachment, strato_message **ret_reply, uint64_t *ret_wall_ns);

/** Allocate `name` and write all of `data` to it. Times are added to *time. */
int gpu_write(const struct gpu_call *call, const char *name, const void *data, uint64_t bytes, struct gpu_time *time);
/** Allocate `name` without writing. */
int gpu_alloc(const struct gpu_call *call, const char *name, uint64_t bytes);
/** Read `bytes` bytes from the beginning of `name`. */
int gpu_read(const struct gpu_call *call, const char *name, void *data, uint64_t bytes, struct gpu_time *time);
/** Run kernel_id over `items` work-items; `params` are encoded argument arrays. */
int gpu_launch(const struct gpu_call *call, const char *kernel_id, uint32_t items, const struct strato_bytes *params,
               uint32_t params_count, struct gpu_time *time);
#endif
