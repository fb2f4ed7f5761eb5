/*
 * argument.c - see argument.h. The wire form is schemas/runtime/gpu_argument.h's; here it meets the signature.
 *
 * SPDX-License-Identifier: MIT
 */
#include "worker/tasks/argument.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "schemas/runtime/gpu_argument.h"

/** One argument on its way: what is wanted, what came, where it goes. */
struct reading {
    struct command *c;
    uint32_t index;
    const struct parameter *want;
    struct strato_gpu_argument got;
    struct device_argument *to;
    union argument_value *value;
};

#define ARG    "arg %u `%s`: "
#define WHO(r) (r)->index, (r)->want->name

static const char *const parameter_kinds[] = { "a buffer", "a value", "local memory" };
static const char *const parameter_forms[] = { "[\"b\", name, off?, len?, \"r\"|\"w\"|\"rw\"?]",
                                               "[\"u32\", value], [\"v4f32\", bin] or [\"s\", bin]", "[\"l\", bytes]" };

/** OpenCL C's name of an element of the wire. */
static const char *element_type(enum strato_gpu_element element)
{
    static const char *const types[STRATO_GPU_ELEMENT_COUNT] = {
        [STRATO_GPU_ELEMENT_I8] = "char",    [STRATO_GPU_ELEMENT_U8] = "uchar",  [STRATO_GPU_ELEMENT_I16] = "short",
        [STRATO_GPU_ELEMENT_U16] = "ushort", [STRATO_GPU_ELEMENT_I32] = "int",   [STRATO_GPU_ELEMENT_U32] = "uint",
        [STRATO_GPU_ELEMENT_I64] = "long",   [STRATO_GPU_ELEMENT_U64] = "ulong", [STRATO_GPU_ELEMENT_F32] = "float",
        [STRATO_GPU_ELEMENT_F64] = "double",
    };

    return types[element];
}

/** What came, as OpenCL C would call it: "float", "float4", "a buffer". */
static void describe(const struct strato_gpu_argument *got, char text[24])
{
    static const char *const kinds[] = { "a buffer", "", "", "a struct", "local memory", "null" };

    if (got->kind == STRATO_GPU_ARGUMENT_SCALAR)
        snprintf(text, 24, "%s", element_type(got->element));
    else if (got->kind == STRATO_GPU_ARGUMENT_VECTOR)
        snprintf(text, 24, "%s%u", element_type(got->element), got->lanes);
    else
        snprintf(text, 24, "%s", kinds[got->kind]);
}

static int mismatch(struct reading *r)
{
    char text[24];

    describe(&r->got, text);
    return command_fail(r->c, STRATO_GPU_ERROR_CODE_EINVAL, ARG "want %s (%s), got %s", WHO(r), r->want->type,
                        parameter_kinds[r->want->kind], text);
}

/* ---- values -------------------------------------------------------------------------------------- */

static int put_value(struct reading *r, const void *data, size_t bytes, size_t room)
{
    if (room > ARGUMENT_VALUE_BYTES_MAX)
        return command_fail(r->c, STRATO_GPU_ERROR_CODE_EINVAL, ARG "%zu bytes: a value has at most %d", WHO(r), room,
                            ARGUMENT_VALUE_BYTES_MAX);
    memset(r->value->bytes, 0, room);
    memcpy(r->value->bytes, data, bytes);
    r->to->value = r->value->bytes;
    r->to->bytes = room;
    return 0;
}

/** Exactly the wanted type; one that we do not know (a typedef, a struct) takes any, and the driver checks its size. */
static int read_value(struct reading *r)
{
    uint32_t bytes = strato_gpu_element_bytes(r->got.element);
    bool is_known = r->want->bytes > 0;
    char type[24];

    describe(&r->got, type);
    if (is_known && strcmp(r->want->type, type) != 0)
        return command_fail(r->c, STRATO_GPU_ERROR_CODE_EINVAL, ARG "want %s, got %s", WHO(r), r->want->type, type);
    if (r->got.kind == STRATO_GPU_ARGUMENT_SCALAR)
        return put_value(r, r->got.scalar, bytes, bytes);
    if (r->got.kind == STRATO_GPU_ARGUMENT_VECTOR) /* three elements take the room of four */
        return put_value(r, r->got.bytes.data, r->got.bytes.bytes, bytes * (r->got.lanes == 3 ? 4 : r->got.lanes));
    return put_value(r, r->got.bytes.data, r->got.bytes.bytes, r->got.bytes.bytes);
}

/* ---- memory -------------------------------------------------------------------------------------- */

static int read_local(struct reading *r)
{
    uint64_t most = r->c->tasks->device->info.local_bytes;

    if (r->got.size > most)
        return command_fail(r->c, STRATO_GPU_ERROR_CODE_EINVAL,
                            ARG "want at most %" PRIu64 " bytes of local memory, got %" PRIu64, WHO(r), most,
                            r->got.size);
    r->to->bytes = r->got.size;
    return 0;
}

static int check_range(struct reading *r, const struct buffer *b)
{
    r->to->offset = r->got.offset;
    r->to->bytes = r->got.size > 0 ? r->got.size : r->got.offset < b->bytes ? b->bytes - r->got.offset : 0;
    if (r->to->bytes == 0 || r->to->bytes > b->bytes || r->to->offset > b->bytes - r->to->bytes)
        return command_fail(r->c, STRATO_GPU_ERROR_CODE_ERANGE,
                            ARG "buffer `%s` has %" PRIu64 " bytes: %" PRIu64 " at offset %" PRIu64 " run over its end",
                            WHO(r), b->name, b->bytes, r->got.size, r->got.offset);
    if (r->to->offset % DEVICE_ALIGN_BYTES != 0)
        return command_fail(r->c, STRATO_GPU_ERROR_CODE_EINVAL, ARG "offset %" PRIu64 " is no multiple of %d", WHO(r),
                            r->to->offset, DEVICE_ALIGN_BYTES);
    return 0;
}

static int read_buffer(struct reading *r)
{
    struct buffer *b;
    int rc = command_buffer(r->c, r->got.name, false, &b);

    if (rc < 0)
        return rc;
    if (r->want->is_read_only && r->got.access == STRATO_GPU_ACCESS_W)
        return command_fail(r->c, STRATO_GPU_ERROR_CODE_EINVAL, ARG "the kernel only reads it (%s), access is \"w\"",
                            WHO(r), r->want->type);
    if (!r->want->is_read_only && (r->got.access & STRATO_GPU_ACCESS_W))
        command_output(r->c, b);
    rc = check_range(r, b);
    r->to->buffer = b->memory;
    if (rc == 0 && (r->got.access & STRATO_GPU_ACCESS_R))
        rc = command_buffer(r->c, r->got.name, true, &b);
    return rc;
}

/* ---- all ----------------------------------------------------------------------------------------- */

static int read_one(struct reading *r, struct strato_bytes encoded)
{
    if (strato_gpu_argument_decode(encoded, &r->got) < 0)
        return command_fail(r->c, STRATO_GPU_ERROR_CODE_EINVAL,
                            ARG "no typed argument, or its value is out of range: want %s as %s", WHO(r), r->want->type,
                            parameter_forms[r->want->kind]);
    r->to->kind = r->want->kind;
    switch (r->got.kind) {
    case STRATO_GPU_ARGUMENT_BUFFER:
        return r->want->kind == PARAMETER_BUFFER ? read_buffer(r) : mismatch(r);
    case STRATO_GPU_ARGUMENT_NULL:
        return r->want->kind == PARAMETER_BUFFER ? 0 : mismatch(r);
    case STRATO_GPU_ARGUMENT_LOCAL:
        return r->want->kind == PARAMETER_LOCAL ? read_local(r) : mismatch(r);
    case STRATO_GPU_ARGUMENT_SCALAR:
    case STRATO_GPU_ARGUMENT_VECTOR:
    case STRATO_GPU_ARGUMENT_STRUCT:
        break;
    }
    return r->want->kind == PARAMETER_VALUE ? read_value(r) : mismatch(r);
}

static int check_locals(struct command *c, const struct arguments *all)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < all->count; i++)
        if (all->items[i].kind == PARAMETER_LOCAL)
            sum += all->items[i].bytes; /* each is at most local_bytes: no overflow over 64 of them */
    if (sum <= c->tasks->device->info.local_bytes)
        return 0;
    return command_fail(c, STRATO_GPU_ERROR_CODE_EINVAL,
                        "the arguments want %" PRIu64 " bytes of local memory, the device has %" PRIu64, sum,
                        c->tasks->device->info.local_bytes);
}

int arguments_read(struct command *c, const struct strato_list_value *params, const struct signature *signature,
                   struct arguments *ret_arguments)
{
    struct strato_iter it = strato_list_value_begin(params);
    struct strato_bytes encoded;
    int rc = 0;

    memset(ret_arguments, 0, sizeof(*ret_arguments));
    if (params->count != signature->parameters_count) {
        char text[SIGNATURE_TEXT_BYTES];

        signature_print(signature, text, sizeof(text));
        return command_fail(c, STRATO_GPU_ERROR_CODE_EINVAL, "kernel `%s` wants %u arguments (%.300s), got %u",
                            signature->name, signature->parameters_count, text, params->count);
    }
    for (uint32_t i = 0; rc == 0 && strato_list_value_next(&it, &encoded); i++) {
        struct reading r = { .c = c,
                             .index = i,
                             .want = &signature->parameters[i],
                             .to = &ret_arguments->items[i],
                             .value = &ret_arguments->values[i] };

        rc = read_one(&r, encoded);
        ret_arguments->count = i + 1;
    }
    return rc < 0 ? rc : check_locals(c, ret_arguments);
}
