/*
 * argument.c - see argument.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "worker/tasks/argument.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/** One argument on its way: what is wanted, what came, where it goes. */
struct reading {
    struct command *c;
    uint32_t index;
    const struct parameter *want;
    struct strato_cursor at; /* behind the kind */
    uint32_t left;           /* items of the array that are left */
    char kind[8];
    struct device_argument *to;
    union argument_value *value;
};

#define ARG "arg %u `%s`: "
#define WHO(r) (r)->index, (r)->want->name

static const struct scalar {
    const char *kind, *type; /* as it travels, as OpenCL C calls it */
    uint32_t bytes;
    char class_of; /* i, u, f */
} scalars[] = {
    { "i8", "char", 1, 'i' },   { "u8", "uchar", 1, 'u' }, { "i16", "short", 2, 'i' }, { "u16", "ushort", 2, 'u' },
    { "i32", "int", 4, 'i' },   { "u32", "uint", 4, 'u' }, { "i64", "long", 8, 'i' },  { "u64", "ulong", 8, 'u' },
    { "f32", "float", 4, 'f' }, { "f64", "double", 8, 'f' },
};

static const struct scalar *find_scalar(const char *kind)
{
    for (size_t i = 0; i < sizeof(scalars) / sizeof(scalars[0]); i++)
        if (strcmp(scalars[i].kind, kind) == 0)
            return &scalars[i];
    return NULL;
}

static int mismatch(struct reading *r)
{
    static const char *const kinds[] = { "a buffer", "a value", "local memory" };

    return command_fail(r->c, STRATO_GPU_ERROR_CODE_EINVAL, ARG "want %s (%s), got %s", WHO(r), r->want->type,
                        kinds[r->want->kind], r->kind);
}

static int malformed(struct reading *r, const char *want)
{
    return command_fail(r->c, STRATO_GPU_ERROR_CODE_EINVAL, ARG "malformed: want %s", WHO(r), want);
}

/* ---- values -------------------------------------------------------------------------------------- */

static void put_value(struct reading *r, const void *data, size_t bytes, size_t room)
{
    memset(r->value->bytes, 0, room);
    memcpy(r->value->bytes, data, bytes);
    r->to->value = r->value->bytes;
    r->to->bytes = room;
}

/** A scalar of exactly the wanted type; a type that we do not know (a typedef) takes any. */
static int read_scalar(struct reading *r, const struct scalar *scalar)
{
    uint64_t u = 0, max = scalar->bytes == 8 ? UINT64_MAX : (1ULL << (8 * scalar->bytes)) - 1;
    int64_t i = 0, top = (int64_t)(max >> 1);
    double d = 0;
    float f = 0;
    int rc;

    if (r->want->kind != PARAMETER_VALUE || (r->want->bytes > 0 && strcmp(r->want->type, scalar->type) != 0))
        return r->want->kind != PARAMETER_VALUE ? mismatch(r)
                                                : command_fail(r->c, STRATO_GPU_ERROR_CODE_EINVAL, ARG "want %s, got %s",
                                                               WHO(r), r->want->type, r->kind);
    if (r->left != 1)
        return malformed(r, "[\"type\", value]");
    if (scalar->class_of == 'u') {
        rc = strato_cursor_u64(&r->at, max, &u);
        put_value(r, &u, scalar->bytes, scalar->bytes); /* little-endian: the low bytes come first */
    } else if (scalar->class_of == 'i') {
        rc = strato_cursor_i64(&r->at, -top - 1, top, &i);
        put_value(r, &i, scalar->bytes, scalar->bytes);
    } else if (scalar->bytes == sizeof(f)) {
        rc = strato_cursor_f32(&r->at, &f);
        put_value(r, &f, sizeof(f), sizeof(f));
    } else {
        rc = strato_cursor_f64(&r->at, &d);
        put_value(r, &d, sizeof(d), sizeof(d));
    }
    if (rc < 0)
        return command_fail(r->c, STRATO_GPU_ERROR_CODE_EINVAL, ARG "the value is not within %s", WHO(r), r->kind);
    return 0;
}

/** "v4f32" and its like: count, then a scalar kind. @return the element, or NULL. */
static const struct scalar *find_vector(const char *kind, unsigned *ret_lanes)
{
    int used = 0;

    if (sscanf(kind, "v%2u%n", ret_lanes, &used) != 1)
        return NULL;
    if (*ret_lanes != 2 && *ret_lanes != 3 && *ret_lanes != 4 && *ret_lanes != 8 && *ret_lanes != 16)
        return NULL;
    return find_scalar(kind + used);
}

static int read_vector(struct reading *r, const struct scalar *element, unsigned lanes)
{
    uint32_t room = element->bytes * (lanes == 3 ? 4 : lanes);
    struct strato_bytes data;
    char type[16];

    snprintf(type, sizeof(type), "%s%u", element->type, lanes);
    if (r->want->kind != PARAMETER_VALUE)
        return mismatch(r);
    if (r->want->bytes > 0 && strcmp(r->want->type, type) != 0)
        return command_fail(r->c, STRATO_GPU_ERROR_CODE_EINVAL, ARG "want %s, got %s", WHO(r), r->want->type, type);
    if (r->left != 1 || strato_cursor_bin(&r->at, ARGUMENT_VALUE_BYTES_MAX, &data) < 0)
        return malformed(r, "[\"v4f32\", bin]");
    if (data.bytes != element->bytes * lanes && data.bytes != room)
        return command_fail(r->c, STRATO_GPU_ERROR_CODE_EINVAL, ARG "%s has %u bytes, got %zu", WHO(r), type,
                            element->bytes * lanes, data.bytes);
    put_value(r, data.data, data.bytes, room);
    return 0;
}

static int read_struct(struct reading *r)
{
    struct strato_bytes data;

    if (r->want->kind != PARAMETER_VALUE || r->want->bytes > 0)
        return mismatch(r);
    if (r->left != 1 || strato_cursor_bin(&r->at, ARGUMENT_VALUE_BYTES_MAX, &data) < 0 || data.bytes == 0)
        return malformed(r, "[\"s\", bin of 1..256 bytes]");
    put_value(r, data.data, data.bytes, data.bytes);
    return 0;
}

/* ---- memory -------------------------------------------------------------------------------------- */

static int read_local(struct reading *r)
{
    uint64_t bytes;

    if (r->want->kind != PARAMETER_LOCAL)
        return mismatch(r);
    if (r->left != 1 || strato_cursor_u64(&r->at, UINT64_MAX, &bytes) < 0)
        return malformed(r, "[\"l\", bytes]");
    if (bytes == 0 || bytes > r->c->tasks->device->info.local_bytes)
        return command_fail(r->c, STRATO_GPU_ERROR_CODE_EINVAL, ARG "want 1..%" PRIu64 " bytes of local memory, got %" PRIu64,
                            WHO(r), r->c->tasks->device->info.local_bytes, bytes);
    r->to->bytes = bytes;
    return 0;
}

/** off?, len?, access?: numbers first, then the word. */
static int read_range(struct reading *r, const struct buffer *b, char access[4])
{
    struct strato_bytes word = STRATO_BYTES_NONE;
    uint64_t numbers[2] = { 0, 0 };
    uint32_t count = 0;

    while (r->left > 0 && count < 2 && strato_cursor_u64(&r->at, UINT64_MAX, &numbers[count]) == 0) {
        count++;
        r->left--;
    }
    if (r->left > 0 && strato_cursor_str(&r->at, 2, &word) == 0)
        r->left--;
    snprintf(access, 4, "%.*s", (int)word.bytes, word.bytes ? (const char *)word.data : "rw");
    if (word.bytes == 0)
        snprintf(access, 4, "rw");
    if (r->left > 0 || (strcmp(access, "r") != 0 && strcmp(access, "w") != 0 && strcmp(access, "rw") != 0))
        return malformed(r, "[\"b\", name, off?, len?, \"r\"|\"w\"|\"rw\"?]");
    r->to->offset = numbers[0];
    r->to->bytes = count == 2 ? numbers[1] : numbers[0] <= b->bytes ? b->bytes - numbers[0] : 0;
    return 0;
}

static int read_buffer(struct reading *r)
{
    struct strato_bytes name;
    struct buffer *b;
    bool is_read, is_written;
    char access[4];
    int rc;

    if (r->want->kind != PARAMETER_BUFFER)
        return mismatch(r);
    if (r->left == 0 || strato_cursor_str(&r->at, BUFFER_NAME_BYTES, &name) < 0)
        return malformed(r, "[\"b\", name, off?, len?, access?]");
    r->left--;
    rc = command_buffer(r->c, name, false, &b);
    if (rc < 0)
        return rc;
    rc = read_range(r, b, access);
    if (rc < 0)
        return rc;
    is_read = strcmp(access, "w") != 0;
    is_written = !r->want->is_read_only && strcmp(access, "r") != 0;
    if (r->want->is_read_only && strcmp(access, "w") == 0)
        return command_fail(r->c, STRATO_GPU_ERROR_CODE_EINVAL, ARG "the kernel only reads it (%s), access is \"w\"", WHO(r),
                            r->want->type);
    if (is_written)
        command_output(r->c, b);
    if (r->to->bytes > b->bytes || r->to->offset > b->bytes - r->to->bytes || (r->to->bytes == 0 && r->to->offset > 0))
        return command_fail(r->c, STRATO_GPU_ERROR_CODE_ERANGE, ARG "buffer `%s` has %" PRIu64 " bytes: %" PRIu64
                            " at offset %" PRIu64 " run over its end", WHO(r), b->name, b->bytes, r->to->bytes, r->to->offset);
    if (r->to->offset % DEVICE_ALIGN_BYTES != 0)
        return command_fail(r->c, STRATO_GPU_ERROR_CODE_EINVAL, ARG "offset %" PRIu64 " is no multiple of %d", WHO(r),
                            r->to->offset, DEVICE_ALIGN_BYTES);
    r->to->buffer = b->memory;
    return is_read ? command_buffer(r->c, name, true, &b) : 0;
}

/* ---- all ----------------------------------------------------------------------------------------- */

static int read_one(struct reading *r)
{
    const struct scalar *scalar = find_scalar(r->kind);
    unsigned lanes;

    r->to->kind = r->want->kind;
    if (scalar)
        return read_scalar(r, scalar);
    if (strcmp(r->kind, "b") == 0)
        return read_buffer(r);
    if (strcmp(r->kind, "l") == 0)
        return read_local(r);
    if (strcmp(r->kind, "s") == 0)
        return read_struct(r);
    if (strcmp(r->kind, "n") == 0)
        return r->want->kind == PARAMETER_BUFFER ? 0 : mismatch(r);
    scalar = find_vector(r->kind, &lanes);
    if (scalar)
        return read_vector(r, scalar, lanes);
    return command_fail(r->c, STRATO_GPU_ERROR_CODE_EINVAL, ARG "unknown kind \"%s\": want b, i8..u64, f32, f64, vNtype, s, l or n",
                        WHO(r), r->kind);
}

static int check_locals(struct command *c, const struct arguments *all)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < all->count; i++)
        if (all->items[i].kind == PARAMETER_LOCAL)
            sum += all->items[i].bytes; /* each is at most local_bytes: no overflow over 64 of them */
    if (sum <= c->tasks->device->info.local_bytes)
        return 0;
    return command_fail(c, STRATO_GPU_ERROR_CODE_EINVAL, "the arguments want %" PRIu64 " bytes of local memory, the device has %" PRIu64,
                        sum, c->tasks->device->info.local_bytes);
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
        return command_fail(c, STRATO_GPU_ERROR_CODE_EINVAL, "kernel `%s` wants %u arguments (%.300s), got %u", signature->name,
                            signature->parameters_count, text, params->count);
    }
    for (uint32_t i = 0; rc == 0 && strato_list_value_next(&it, &encoded); i++) {
        struct reading r = { .c = c, .index = i, .want = &signature->parameters[i], .at = strato_cursor_over(encoded),
                             .to = &ret_arguments->items[i], .value = &ret_arguments->values[i] };
        struct strato_bytes kind;

        if (strato_cursor_array(&r.at, 5, &r.left) < 0 || r.left == 0 ||
            strato_cursor_str(&r.at, sizeof(r.kind) - 1, &kind) < 0)
            return malformed(&r, "an array whose first item names its kind");
        r.left--;
        snprintf(r.kind, sizeof(r.kind), "%.*s", (int)kind.bytes, (const char *)kind.data);
        rc = read_one(&r);
        ret_arguments->count = i + 1;
    }
    return rc < 0 ? rc : check_locals(c, ret_arguments);
}
