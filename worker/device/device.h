/*
 * device.h - one OpenCL device, or the simulated one, behind a table of operations.
 *
 * The seam of the worker: tasks/ and net/ know this table only, so an executor process can take the place of
 * an implementation later. Every operation runs to its end before it returns and says how long the device
 * was busy with it. Not thread-safe: a device belongs to the thread that opened it.
 *
 * Errors: STRATO_ENOMEM (the device has not so much memory), STRATO_EINVAL (the driver refuses the arguments),
 * STRATO_EIO (the device failed). device_detail() has the words.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_WORKER_DEVICE_DEVICE_H
#define STRATO_WORKER_DEVICE_DEVICE_H

#include "core/bytes.h"
#include "core/errors.h"
#include "worker/device/signature.h"

enum {
    DEVICE_TEXT_BYTES = 128,
    DEVICE_DETAIL_BYTES = 256,
    DEVICE_ALIGN_BYTES =
        128, /* offsets of buffer ranges given to kernels: CL_DEVICE_MEM_BASE_ADDR_ALIGN of any device we know */
    DEVICE_LOG_BYTES_MAX = 16 * 1024,
    DEVICE_SOURCE_BYTES_MAX = 64 * 1024,
    DEVICE_KERNELS_MAX = 256, /* of one program */
};

enum device_class { DEVICE_CPU, DEVICE_GPU, DEVICE_ACCELERATOR, DEVICE_SIM };
/** "cpu", "gpu", "accelerator", "sim". Static. */
const char *device_class_name(enum device_class class_of);

struct device_info {
    uint32_t number; /* as --device takes it */
    enum device_class class_of;
    char name[DEVICE_TEXT_BYTES];
    char platform[DEVICE_TEXT_BYTES];
    char driver[DEVICE_TEXT_BYTES];
    uint64_t memory_bytes;     /* as the driver reports it */
    uint64_t allocation_bytes; /* largest single buffer */
    uint32_t units;            /* compute units */
    uint64_t group_items_max;  /* most work-items of a group */
    uint64_t local_bytes;      /* local memory of a group */
    bool has_f64;
};

struct device;
struct device_buffer;
struct device_program;
struct device_kernel; /* lives as long as its program, or as the device for a built-in */

/** One argument of a launch, already checked against the signature. */
struct device_argument {
    enum parameter_kind kind;
    struct device_buffer *buffer; /* BUFFER; NULL = null pointer */
    uint64_t offset, bytes; /* BUFFER: range of it, offset a multiple of DEVICE_ALIGN_BYTES; VALUE, LOCAL: bytes */
    const void *value;      /* VALUE: `bytes` bytes, any alignment */
};

struct device_launch {
    struct device_kernel *kernel;
    const struct device_argument *arguments;
    uint32_t arguments_count;
    uint64_t groups[3]; /* work-groups, or work-items if `local` is all zero */
    uint64_t local[3];  /* all zero = the device chooses */
    uint64_t offset[3];
};

struct device_ops {
    void (*close)(struct device *device);
    int (*buffer_new)(struct device *device, uint64_t bytes, struct device_buffer **ret_buffer);
    void (*buffer_destroy)(struct device *device, struct device_buffer **buffer);
    int (*write)(struct device *device, struct device_buffer *to, uint64_t offset, struct strato_bytes data,
                 uint64_t *ret_ns);
    int (*read)(struct device *device, struct device_buffer *from, uint64_t offset, void *data, uint64_t bytes,
                uint64_t *ret_ns);
    int (*copy)(struct device *device, struct device_buffer *from, uint64_t from_offset, struct device_buffer *to,
                uint64_t to_offset, uint64_t bytes, uint64_t *ret_ns);
    int (*fill)(struct device *device, struct device_buffer *to, uint64_t offset, uint64_t bytes,
                struct strato_bytes pattern, uint64_t *ret_ns);
    /* `log` gets the compiler's words, NUL-terminated, also on success. STRATO_EINVAL = it does not compile. */
    int (*program_build)(struct device *device, const char *source, const char *options,
                         struct device_program **ret_program, char *log, size_t log_bytes);
    void (*program_destroy)(struct device *device, struct device_program **program);
    uint32_t (*program_kernels)(const struct device_program *program);
    struct device_kernel *(*program_kernel)(struct device_program *program, uint32_t index);
    struct device_kernel *(*builtin)(struct device *device, const char *name); /* NULL = no such */
    const struct signature *(*signature)(const struct device_kernel *kernel);
    int (*launch)(struct device *device, const struct device_launch *launch, uint64_t *ret_ns);
    /* 0..100 over the last `window_ns`; starts a new window. */
    double (*utilization)(struct device *device, uint64_t window_ns);
};

/** Every implementation's struct begins with this. */
struct device {
    const struct device_ops *ops;
    struct device_info info;
    char detail[DEVICE_DETAIL_BYTES]; /* of the last error */
};

/** The words of the device's last error. Valid until the next operation. */
static inline const char *device_detail(const struct device *device)
{
    return device->detail;
}

/** Write the words of an error and return its number. */
__attribute__((format(printf, 3, 4))) int device_fail(struct device *device, int err, const char *format, ...);
/** Closes it; buffers and programs of it must be gone. Accepts NULL. */
void device_close(struct device **device);
#endif
