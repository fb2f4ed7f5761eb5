/*
 * gpu_argument.h - one typed kernel argument, as `params` of gpu.launch_kernel carries it.
 *
 * An argument is an array whose first item names its kind, which no map type of the schema language says as
 * shortly; so this codec is written by hand, for the worker that reads it and the tools that write it.
 * It knows the wire only: whether a kernel wants the argument is the worker's affair.
 * Rule: docs/wire.md "gpu.launch_kernel", field params.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_SCHEMAS_RUNTIME_GPU_ARGUMENT_H
#define STRATO_SCHEMAS_RUNTIME_GPU_ARGUMENT_H

#include "core/cursor.h"
#include "core/writer.h"

#ifdef __cplusplus
extern "C" {
#endif

enum strato_gpu_argument_kind {
    STRATO_GPU_ARGUMENT_BUFFER, /* ["b", name, off?, len?, access?] */
    STRATO_GPU_ARGUMENT_SCALAR, /* ["i32", v] */
    STRATO_GPU_ARGUMENT_VECTOR, /* ["v4f32", bin] */
    STRATO_GPU_ARGUMENT_STRUCT, /* ["s", bin] */
    STRATO_GPU_ARGUMENT_LOCAL,  /* ["l", bytes] */
    STRATO_GPU_ARGUMENT_NULL,   /* ["n"] */
};

/* Scalars and vector elements: X(NAME, text, bytes, i signed, u unsigned or f float) */
#define STRATO_GPU_ELEMENTS(X)                                                                                         \
    X(I8, "i8", 1, 'i')                                                                                                \
    X(U8, "u8", 1, 'u')                                                                                                \
    X(I16, "i16", 2, 'i')                                                                                              \
    X(U16, "u16", 2, 'u')                                                                                              \
    X(I32, "i32", 4, 'i')                                                                                              \
    X(U32, "u32", 4, 'u')                                                                                              \
    X(I64, "i64", 8, 'i')                                                                                              \
    X(U64, "u64", 8, 'u')                                                                                              \
    X(F32, "f32", 4, 'f')                                                                                              \
    X(F64, "f64", 8, 'f')

enum strato_gpu_element {
#define X(name, text, bytes, family) STRATO_GPU_ELEMENT_##name,
    STRATO_GPU_ELEMENTS(X)
#undef X
        STRATO_GPU_ELEMENT_COUNT
};

enum { STRATO_GPU_ACCESS_R = 1, STRATO_GPU_ACCESS_W = 2, STRATO_GPU_ACCESS_RW = 3 };

/** Slices are borrowed from the decoded bytes. What the kind does not use is 0. */
struct strato_gpu_argument {
    enum strato_gpu_argument_kind kind;
    enum strato_gpu_element element; /* SCALAR, VECTOR */
    uint32_t lanes;                  /* VECTOR: 2, 3, 4, 8 or 16 */
    struct strato_bytes name;        /* BUFFER: 1-128 bytes */
    uint64_t offset;                 /* BUFFER: first byte */
    uint64_t size;                   /* BUFFER: bytes, 0 = to its end. LOCAL: bytes, at least 1 */
    unsigned access;                 /* BUFFER: bits STRATO_GPU_ACCESS_R and _W */
    uint8_t scalar[8];               /* SCALAR: the value as the kernel takes it, native byte order, element's size */
    struct strato_bytes bytes;       /* VECTOR: lanes elements; STRUCT: as the kernel declares it */
};

/**
 * Decode one item of `params`.
 *
 * @param encoded  One encoded array, as strato_list_value_next() gives it. Borrowed by *ret.
 * @return 0; STRATO_ECODEC if it is not one msgpack value; STRATO_ESCHEMA if it is none of the kinds above.
 */
int strato_gpu_argument_decode(struct strato_bytes encoded, struct strato_gpu_argument *ret);

/** Encode canonically: off, len and access are left out where they are 0, 0 and rw. Errors are the writer's.
 */
void strato_gpu_argument_encode(const struct strato_gpu_argument *argument, struct strato_writer *w);

/** Bytes of one element; its name on the wire ("i32"). */
uint32_t strato_gpu_element_bytes(enum strato_gpu_element element);
const char *strato_gpu_element_name(enum strato_gpu_element element);

#ifdef __cplusplus
}
#endif
#endif
