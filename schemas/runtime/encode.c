/*
 * encode.c - write a generated struct as canonical msgpack, by its table.
 *
 * Schema order, shortest integers, absent and default fields left out. The same ranges hold as in decode.c: a
 * value that a peer would refuse sets the writer's error instead of travelling. A `raw` list is the caller's
 * word.
 *
 * SPDX-License-Identifier: MIT
 */
#include "schemas/runtime/message.h"

static void encode_value(const struct strato_type *t, const void *value, struct strato_writer *w);

static void refuse(struct strato_writer *w, int err)
{
    if (w->error == 0)
        w->error = err;
}

static void check_length(const struct strato_type *t, uint64_t length, struct strato_writer *w)
{
    if (length > t->umax)
        refuse(w, t->is_limit ? STRATO_ELIMIT : STRATO_ESCHEMA);
    else if (length < t->umin)
        refuse(w, STRATO_ESCHEMA);
}

static uint64_t load_uint(const void *value, uint32_t size)
{
    uint8_t u8;
    uint16_t u16;
    uint32_t u32;
    uint64_t u64;

    switch (size) {
    case 1:
        memcpy(&u8, value, sizeof(u8));
        return u8;
    case 2:
        memcpy(&u16, value, sizeof(u16));
        return u16;
    case 4:
        memcpy(&u32, value, sizeof(u32));
        return u32;
    default:
        memcpy(&u64, value, sizeof(u64));
        return u64;
    }
}

static int64_t load_int(const void *value, uint32_t size)
{
    unsigned unused_bits = 64 - 8 * size;
    uint64_t bits = load_uint(value, size) << unused_bits;
    int64_t shifted;

    memcpy(&shifted, &bits, sizeof(shifted));
    return shifted >> unused_bits;
}

static void encode_uint(const struct strato_type *t, const void *value, struct strato_writer *w)
{
    uint64_t number = load_uint(value, t->size);

    check_length(t, number, w);
    strato_writer_u64(w, number);
}

static void encode_int(const struct strato_type *t, const void *value, struct strato_writer *w)
{
    int64_t number = load_int(value, t->size);

    if (number < t->imin || number > t->imax)
        refuse(w, STRATO_ESCHEMA);
    strato_writer_i64(w, number);
}

static void encode_float(const struct strato_type *t, const void *value, struct strato_writer *w)
{
    float narrow = 0;
    double wide = 0;

    if (t->shape == STRATO_SHAPE_F32) {
        memcpy(&narrow, value, sizeof(narrow));
        wide = (double)narrow;
    } else {
        memcpy(&wide, value, sizeof(wide));
    }
    if (t->is_bounded && !(wide >= t->fmin && wide <= t->fmax && !(t->is_above && wide <= t->fmin)))
        refuse(w, STRATO_ESCHEMA);
    if (t->shape == STRATO_SHAPE_F32)
        strato_writer_f32(w, narrow);
    else
        strato_writer_f64(w, wide);
}

static void encode_slice(const struct strato_type *t, const void *value, struct strato_writer *w)
{
    struct strato_bytes slice;

    memcpy(&slice, value, sizeof(slice));
    if (t->shape == STRATO_SHAPE_VALUE) {
        if (slice.bytes > 0)
            strato_writer_raw(w, slice);
        else
            strato_writer_nil(w);
        return;
    }
    check_length(t, slice.bytes, w);
    if (t->shape == STRATO_SHAPE_STR)
        strato_writer_str(w, slice);
    else
        strato_writer_bin(w, slice);
}

static void encode_attachment(const struct strato_type *t, const void *value, struct strato_writer *w)
{
    struct strato_binary a;

    memcpy(&a, value, sizeof(a));
    if (a.is_inline) {
        check_length(t, a.bytes.bytes, w);
        strato_writer_bin(w, a.bytes);
        return;
    }
    if (a.index >= STRATO_LIMIT_MESSAGE_ATTACHMENTS)
        refuse(w, STRATO_ESCHEMA);
    strato_writer_u64(w, a.index);
}

static void encode_enum(const struct strato_type *t, const void *value, struct strato_writer *w)
{
    unsigned number;

    memcpy(&number, value, sizeof(number));
    if (number >= t->umax) {
        refuse(w, STRATO_ESCHEMA);
        number = 0;
    }
    strato_writer_text(w, t->names[number]);
}

static void encode_fixed(const struct strato_type *t, const void *value, struct strato_writer *w)
{
    strato_writer_array(w, (uint32_t)t->umax);
    for (uint64_t i = 0; i < t->umax; i++)
        encode_value(t->item, (const uint8_t *)value + i * t->item->size, w);
}

struct any_list {
    const uint8_t *items;
    uint32_t count;
    struct strato_bytes raw;
};

static void encode_list(const struct strato_type *t, const void *value, struct strato_writer *w)
{
    bool is_map = t->shape == STRATO_SHAPE_MAP;
    size_t stride = is_map ? t->pair_size : t->item->size;
    struct any_list list;
    struct strato_bytes key;

    memcpy(&list, value, sizeof(list));
    check_length(t, list.count, w);
    if (!list.items && list.count > 0) {
        strato_writer_raw(w, list.raw);
        return;
    }
    if (is_map)
        strato_writer_map(w, list.count);
    else
        strato_writer_array(w, list.count);
    for (uint32_t i = 0; i < list.count; i++) {
        const uint8_t *item = list.items + i * stride;

        if (is_map) {
            memcpy(&key, item, sizeof(key));
            strato_writer_str(w, key);
        }
        encode_value(t->item, item + t->value_offset, w);
    }
}

/* Slices and lists hold pointers, so their default is judged by content: a default list is empty. */
static bool is_default(const struct strato_record *record, const struct strato_field *f, const uint8_t *base)
{
    static const uint8_t zeros[256];
    const uint8_t *wanted = record->defaults ? (const uint8_t *)record->defaults + f->offset : zeros;
    const uint8_t *have = base + f->offset;
    struct strato_bytes a, b;
    struct any_list list;

    switch (f->type.shape) {
    case STRATO_SHAPE_STR:
    case STRATO_SHAPE_BYTES:
        memcpy(&a, have, sizeof(a));
        memcpy(&b, wanted, sizeof(b));
        return strato_bytes_equal(a, b);
    case STRATO_SHAPE_LIST:
    case STRATO_SHAPE_MAP:
        memcpy(&list, have, sizeof(list));
        return list.count == 0;
    default:
        return memcmp(have, wanted, f->type.size) == 0;
    }
}

static bool travels(const struct strato_record *record, const struct strato_field *f, const uint8_t *base)
{
    bool has = true;

    if (f->presence == STRATO_DEFAULTED)
        return !is_default(record, f, base);
    if (f->presence == STRATO_OPTIONAL)
        memcpy(&has, base + f->has_offset, sizeof(has));
    return has;
}

static void encode_record(const struct strato_record *record, const void *value, const char *kind,
                          struct strato_writer *w)
{
    uint32_t pairs = kind ? 1 : 0;

    for (uint32_t i = 0; i < record->fields_count; i++)
        pairs += travels(record, &record->fields[i], value) ? 1U : 0U;
    strato_writer_map(w, pairs);
    if (kind) {
        strato_writer_text(w, "kind");
        strato_writer_text(w, kind);
    }
    for (uint32_t i = 0; i < record->fields_count; i++) {
        const struct strato_field *f = &record->fields[i];

        if (!travels(record, f, value))
            continue;
        strato_writer_str(w, strato_bytes(f->name, f->name_bytes));
        encode_value(&f->type, (const uint8_t *)value + f->offset, w);
    }
}

static void encode_union(const struct strato_union *u, const void *value, struct strato_writer *w)
{
    unsigned kind;

    memcpy(&kind, value, sizeof(kind));
    if (kind >= u->variants_count) {
        refuse(w, STRATO_ESCHEMA);
        kind = 0;
    }
    encode_record(u->variants[kind], (const uint8_t *)value + u->body_offset, u->kinds[kind], w);
}

static void encode_value(const struct strato_type *t, const void *value, struct strato_writer *w)
{
    bool flag;

    switch (t->shape) {
    case STRATO_SHAPE_BOOL:
        memcpy(&flag, value, sizeof(flag));
        strato_writer_bool(w, flag);
        break;
    case STRATO_SHAPE_UINT:
        encode_uint(t, value, w);
        break;
    case STRATO_SHAPE_INT:
        encode_int(t, value, w);
        break;
    case STRATO_SHAPE_F32:
    case STRATO_SHAPE_F64:
        encode_float(t, value, w);
        break;
    case STRATO_SHAPE_STR:
    case STRATO_SHAPE_BYTES:
    case STRATO_SHAPE_VALUE:
        encode_slice(t, value, w);
        break;
    case STRATO_SHAPE_UUID:
        strato_writer_bin(w, strato_bytes(value, sizeof(struct strato_uuid)));
        break;
    case STRATO_SHAPE_ATTACHMENT:
        encode_attachment(t, value, w);
        break;
    case STRATO_SHAPE_ENUM:
        encode_enum(t, value, w);
        break;
    case STRATO_SHAPE_FIXED:
        encode_fixed(t, value, w);
        break;
    case STRATO_SHAPE_LIST:
    case STRATO_SHAPE_MAP:
        encode_list(t, value, w);
        break;
    case STRATO_SHAPE_RECORD:
        encode_record(t->record, value, NULL, w);
        break;
    case STRATO_SHAPE_UNION:
        encode_union(t->choice, value, w);
        break;
    }
}

void strato_record_encode(const struct strato_record *record, const void *value, struct strato_writer *w)
{
    encode_record(record, value, NULL, w);
}
