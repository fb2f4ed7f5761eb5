/*
 * session.h - what one producer session holds on a device: named buffers, programs, and its streams' errors.
 *
 * Key: (sender, affinity). A session lives as long as it is used; untouched for session_idle_ms it goes, with
 * its memory. Everything that it can make grow has a limit below.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_WORKER_TASKS_SESSION_H
#define STRATO_WORKER_TASKS_SESSION_H

#include "schemas/gpu.h"
#include "worker/device/device.h"
#include "worker/tasks/pool.h"

enum {
    SESSION_KEY_BYTES = 128 + 1 + 64,
    SESSION_BUFFERS_MAX = 1024,
    SESSION_PROGRAMS_MAX = 64,
    SESSION_FAULTS_MAX = 256, /* kept for Synchronize; later ones are only counted */
    SESSION_STREAMS_MAX = 64, /* streams with a sum of their own; the others share one */
    BUFFER_NAME_BYTES = 128,
    FAULT_MESSAGE_BYTES = 512,
    PROGRAM_ID_BYTES = 40, /* "prog:", 32 hex digits, NUL */
};

/** A named run of device memory. */
struct buffer {
    char name[BUFFER_NAME_BYTES + 1];
    size_t name_bytes;
    uint64_t hash; /* of the name: a scan compares these first */
    uint64_t bytes, content_bytes;
    struct device_buffer *memory;
    /* A failed command was to write it: reading it is EDEP until Synchronize{stream}. */
    bool is_poisoned;
    uint32_t poison_stream;
    uint64_t poison_sequence;
};

/** A compiled program, known by its content. */
struct program {
    char id[PROGRAM_ID_BYTES];
    struct device_program *program;
    char *log; /* owned; "" if the compiler was silent */
};

struct session_fault {
    enum strato_gpu_error_code code;
    char message[FAULT_MESSAGE_BYTES];
    uint64_t sequence;
    uint32_t stream_id;
};

/** Device time of a stream since its last Synchronize. */
struct session_stream {
    uint32_t id;
    uint64_t ns;
};

struct session {
    char key[SESSION_KEY_BYTES];
    size_t key_bytes;
    uint64_t used_ms; /* when it was last touched */
    struct buffer *buffers[SESSION_BUFFERS_MAX];
    uint32_t buffers_count;
    struct program programs[SESSION_PROGRAMS_MAX];
    uint32_t programs_count;
    struct session_fault faults[SESSION_FAULTS_MAX];
    uint32_t faults_count;
    uint64_t faults_lost;
    struct session_stream streams[SESSION_STREAMS_MAX];
    uint32_t streams_count;
};

/** @return NULL if out of memory. */
struct session *session_new(struct strato_bytes sender, struct strato_bytes affinity);
/** Gives its memory back to the device and the pool. Accepts NULL. */
void session_destroy(struct session **session, struct device *device, struct pool *pool);
bool session_is(const struct session *session, struct strato_bytes sender, struct strato_bytes affinity);

/** By name, or NULL. */
struct buffer *session_buffer(struct session *session, struct strato_bytes name);
/**
 * Make a buffer. The name is new, and `bytes` is above 0.
 * @return 0; STRATO_ELIMIT (SESSION_BUFFERS_MAX); STRATO_EFULL (the pool has not so much left); the device's errors.
 */
int session_buffer_add(struct session *session, struct device *device, struct pool *pool, struct strato_bytes name,
                       uint64_t bytes, struct buffer **ret_buffer);
void session_buffer_remove(struct session *session, struct device *device, struct pool *pool, struct buffer *buffer);

/** Remember a failure for Synchronize. */
void session_fault(struct session *session, const struct session_fault *fault);
/** Forget the faults and poison of one stream (or of all), up to a sequence number. */
void session_clear(struct session *session, const uint32_t *stream, uint64_t upto);
/** Add device time to a stream. */
void session_time(struct session *session, uint32_t stream, uint64_t ns);
/** Device time since the last Synchronize, then 0 again. */
uint64_t session_take_time(struct session *session, const uint32_t *stream);
#endif
