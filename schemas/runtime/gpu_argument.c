/*
 * gpu_argument.c - see gpu_argument.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "schemas/runtime/gpu_argument.h"

enum { NAME_BYTES_MAX = 128 };

static const struct element {
    const char *name;
    uint32_t bytes;
    char family;
} elements[] = {
#define X(name, text, bytes, family) { text, bytes, family },
    STRATO_GPU_ELEMENTS(X)
#undef X
};

static const char *const access_names[] = { "", "r", "w", "rw" };

uint32_t strato_gpu_element_bytes(enum strato_gpu_element element)
{
    return (unsigned)element < STRATO_GPU_ELEMENT_COUNT ? elements[element].bytes : 0;
}

const char *strato_gpu_element_name(enum strato_gpu_element element)
{
    return (unsigned)element < STRATO_GPU_ELEMENT_COUNT ? elements[element].name : "";
}

static bool element_find(struct strato_bytes name, enum strato_gpu_element *ret)
{
    for (unsigned i = 0; i < STRATO_GPU_ELEMENT_COUNT; i++) {
        if (strato_bytes_is(name, elements[i].name)) {
            *ret = (enum strato_gpu_element)i;
            return true;
        }
    }
    return false;
}

/* "v4f32": lanes and element */
static bool vector_find(struct strato_bytes name, uint32_t *ret_lanes, enum strato_gpu_element *ret)
{
    static const uint32_t lanes[] = { 16, 2, 3, 4, 8 };
    static const char *const texts[] = { "v16", "v2", "v3", "v4", "v8" };

    for (size_t i = 0; i < sizeof(lanes) / sizeof(lanes[0]); i++) {
        size_t bytes = strlen(texts[i]);

        if (name.bytes > bytes && memcmp(name.data, texts[i], bytes) == 0) {
            *ret_lanes = lanes[i];
            return element_find(strato_bytes(name.data + bytes, name.bytes - bytes), ret);
        }
    }
    return false;
}

/* The low bytes of a number, in this machine's order. */
static void narrow(uint64_t bits, uint32_t bytes, uint8_t *ret)
{
    uint8_t u8 = (uint8_t)bits;
    uint16_t u16 = (uint16_t)bits;
    uint32_t u32 = (uint32_t)bits;

    switch (bytes) {
    case 1:
        memcpy(ret, &u8, sizeof(u8));
        break;
    case 2:
        memcpy(ret, &u16, sizeof(u16));
        break;
    case 4:
        memcpy(ret, &u32, sizeof(u32));
        break;
    default:
        memcpy(ret, &bits, sizeof(bits));
    }
}

static uint64_t widen(const uint8_t *scalar, uint32_t bytes)
{
    uint16_t u16;
    uint32_t u32;
    uint64_t u64;

    switch (bytes) {
    case 1:
        return scalar[0];
    case 2:
        memcpy(&u16, scalar, sizeof(u16));
        return u16;
    case 4:
        memcpy(&u32, scalar, sizeof(u32));
        return u32;
    default:
        memcpy(&u64, scalar, sizeof(u64));
        return u64;
    }
}

static int decode_scalar(struct strato_cursor *c, struct strato_gpu_argument *a)
{
    const struct element *e = &elements[a->element];
    uint64_t most = e->bytes == 8 ? UINT64_MAX : (UINT64_C(1) << (8 * e->bytes)) - 1, u = 0;
    int64_t i = 0;
    float f32 = 0;
    double f64 = 0;
    int rc;

    if (e->family == 'u') {
        rc = strato_cursor_u64(c, most, &u);
        narrow(u, e->bytes, a->scalar);
    } else if (e->family == 'i') {
        rc = strato_cursor_i64(c, -(int64_t)(most / 2) - 1, (int64_t)(most / 2), &i);
        narrow((uint64_t)i, e->bytes, a->scalar);
    } else if (e->bytes == 4) {
        rc = strato_cursor_f32(c, &f32);
        memcpy(a->scalar, &f32, sizeof(f32));
    } else {
        rc = strato_cursor_f64(c, &f64);
        memcpy(a->scalar, &f64, sizeof(f64));
    }
    return rc;
}

/* name, then uint offset, then uint size, then str access, each but the name optional. */
static int decode_buffer(struct strato_cursor *c, uint32_t items, struct strato_gpu_argument *a)
{
    uint64_t *const numbers[] = { &a->offset, &a->size };
    struct strato_bytes access;
    enum strato_kind kind;
    unsigned seen = 0;
    int rc = strato_cursor_str(c, NAME_BYTES_MAX, &a->name);

    a->access = STRATO_GPU_ACCESS_RW;
    if (rc == 0 && a->name.bytes == 0)
        rc = STRATO_ESCHEMA;
    for (items--; rc == 0 && items > 0; items--) {
        rc = strato_cursor_peek(c, &kind);
        if (rc == 0 && kind == STRATO_KIND_UINT && seen < 2) {
            rc = strato_cursor_u64(c, UINT64_MAX, numbers[seen++]);
        } else if (rc == 0) {
            rc = strato_cursor_str(c, 2, &access);
            if (rc == 0 && items != 1)
                rc = STRATO_ESCHEMA; /* access is the last item */
            for (a->access = STRATO_GPU_ACCESS_RW; rc == 0 && a->access > 0; a->access--)
                if (strato_bytes_is(access, access_names[a->access]))
                    break;
            if (rc == 0 && a->access == 0)
                rc = STRATO_ESCHEMA;
        }
    }
    return rc;
}

static int decode_rest(struct strato_bytes kind, struct strato_cursor *c, uint32_t items, struct strato_gpu_argument *a)
{
    int rc;

    if (strato_bytes_is(kind, "n")) {
        a->kind = STRATO_GPU_ARGUMENT_NULL;
        return items == 0 ? 0 : STRATO_ESCHEMA;
    }
    if (items == 0)
        return STRATO_ESCHEMA;
    if (strato_bytes_is(kind, "b")) {
        a->kind = STRATO_GPU_ARGUMENT_BUFFER;
        return decode_buffer(c, items, a);
    }
    if (items != 1)
        return STRATO_ESCHEMA;
    if (strato_bytes_is(kind, "l")) {
        a->kind = STRATO_GPU_ARGUMENT_LOCAL;
        rc = strato_cursor_u64(c, UINT64_MAX, &a->size);
        return rc == 0 && a->size == 0 ? STRATO_ESCHEMA : rc;
    }
    if (strato_bytes_is(kind, "s")) {
        a->kind = STRATO_GPU_ARGUMENT_STRUCT;
        rc = strato_cursor_bin(c, SIZE_MAX, &a->bytes);
        return rc == 0 && a->bytes.bytes == 0 ? STRATO_ESCHEMA : rc;
    }
    if (element_find(kind, &a->element)) {
        a->kind = STRATO_GPU_ARGUMENT_SCALAR;
        return decode_scalar(c, a);
    }
    if (!vector_find(kind, &a->lanes, &a->element))
        return STRATO_ESCHEMA;
    a->kind = STRATO_GPU_ARGUMENT_VECTOR;
    rc = strato_cursor_bin(c, SIZE_MAX, &a->bytes);
    return rc == 0 && a->bytes.bytes != (size_t)a->lanes * elements[a->element].bytes ? STRATO_ESCHEMA : rc;
}

int strato_gpu_argument_decode(struct strato_bytes encoded, struct strato_gpu_argument *ret)
{
    struct strato_cursor c = strato_cursor_over(encoded), whole = c;
    struct strato_gpu_argument a = { 0 };
    struct strato_bytes kind = { 0 };
    uint32_t items = 0;
    int rc = strato_cursor_check(&whole);

    if (rc == 0 && strato_cursor_left(&whole) > 0)
        rc = STRATO_ECODEC;
    if (rc == 0)
        rc = strato_cursor_array(&c, 5, &items);
    if (rc == 0 && items == 0)
        rc = STRATO_ESCHEMA;
    if (rc == 0)
        rc = strato_cursor_str(&c, 8, &kind);
    if (rc == 0)
        rc = decode_rest(kind, &c, items - 1, &a);
    if (rc == 0)
        *ret = a;
    return rc;
}

static void encode_buffer(const struct strato_gpu_argument *a, struct strato_writer *w)
{
    uint32_t numbers = a->size > 0 ? 2 : a->offset > 0 ? 1 : 0;
    bool has_access = a->access != STRATO_GPU_ACCESS_RW;

    if (a->access < STRATO_GPU_ACCESS_R || a->access > STRATO_GPU_ACCESS_RW || a->name.bytes < 1 ||
        a->name.bytes > NAME_BYTES_MAX) {
        w->error = w->error ? w->error : STRATO_ESCHEMA;
        return;
    }
    strato_writer_array(w, 2 + numbers + (has_access ? 1 : 0));
    strato_writer_text(w, "b");
    strato_writer_str(w, a->name);
    if (numbers > 0)
        strato_writer_u64(w, a->offset);
    if (numbers > 1)
        strato_writer_u64(w, a->size);
    if (has_access)
        strato_writer_text(w, access_names[a->access]);
}

static void encode_scalar(const struct strato_gpu_argument *a, struct strato_writer *w)
{
    const struct element *e = &elements[a->element];
    uint64_t bits = widen(a->scalar, e->bytes);
    unsigned unused = 64 - 8 * e->bytes;
    float f32;
    double f64;
    int64_t i;

    strato_writer_array(w, 2);
    strato_writer_text(w, e->name);
    if (e->family == 'u') {
        strato_writer_u64(w, bits);
    } else if (e->family == 'i') {
        bits <<= unused; /* the sign into the highest bit, and back */
        memcpy(&i, &bits, sizeof(i));
        strato_writer_i64(w, i >> unused);
    } else if (e->bytes == 4) {
        memcpy(&f32, a->scalar, sizeof(f32));
        strato_writer_f32(w, f32);
    } else {
        memcpy(&f64, a->scalar, sizeof(f64));
        strato_writer_f64(w, f64);
    }
}

static void encode_vector(const struct strato_gpu_argument *a, struct strato_writer *w)
{
    char name[8] = { 'v' };
    size_t at = 1;

    if (a->lanes > 9)
        name[at++] = '1';
    name[at++] = (char)('0' + a->lanes % 10);
    memcpy(name + at, elements[a->element].name, strlen(elements[a->element].name));
    strato_writer_array(w, 2);
    strato_writer_text(w, name);
    strato_writer_bin(w, a->bytes);
}

void strato_gpu_argument_encode(const struct strato_gpu_argument *a, struct strato_writer *w)
{
    switch (a->kind) {
    case STRATO_GPU_ARGUMENT_BUFFER:
        encode_buffer(a, w);
        break;
    case STRATO_GPU_ARGUMENT_SCALAR:
        encode_scalar(a, w);
        break;
    case STRATO_GPU_ARGUMENT_VECTOR:
        encode_vector(a, w);
        break;
    case STRATO_GPU_ARGUMENT_STRUCT:
        strato_writer_array(w, 2);
        strato_writer_text(w, "s");
        strato_writer_bin(w, a->bytes);
        break;
    case STRATO_GPU_ARGUMENT_LOCAL:
        strato_writer_array(w, 2);
        strato_writer_text(w, "l");
        strato_writer_u64(w, a->size);
        break;
    case STRATO_GPU_ARGUMENT_NULL:
        strato_writer_array(w, 1);
        strato_writer_text(w, "n");
        break;
    }
}
