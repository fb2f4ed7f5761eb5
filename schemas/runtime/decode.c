/*
 * decode.c - read a payload into a generated struct, by its table.
 *
 * Two walks: strato_cursor_check() first (well-formed, depth, duplicate keys, at every level), then the
 * fields. So the second may trust the bytes to be msgpack and judges the schema only. Rule: docs/wire.md
 * "Payloads".
 *
 * SPDX-License-Identifier: MIT
 */
#include "schemas/runtime/message.h"

struct place {
    struct strato_bytes field; /* innermost field at fault */
};

static int decode_value(const struct strato_type *t, struct strato_cursor *c, void *ret, struct place *where);

static int length_error(const struct strato_type *t, uint64_t length)
{
    if (length > t->umax)
        return t->is_limit ? STRATO_ELIMIT : STRATO_ESCHEMA;
    return length < t->umin ? STRATO_ESCHEMA : 0;
}

static void store_uint(void *ret, uint32_t size, uint64_t value)
{
    uint8_t u8 = (uint8_t)value;
    uint16_t u16 = (uint16_t)value;
    uint32_t u32 = (uint32_t)value;

    switch (size) {
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
        memcpy(ret, &value, sizeof(value));
    }
}

static int decode_uint(const struct strato_type *t, struct strato_cursor *c, void *ret)
{
    uint64_t value = 0;
    int rc = strato_cursor_u64(c, t->umax, &value);

    if (rc == 0 && value < t->umin)
        rc = STRATO_ESCHEMA;
    if (rc == 0)
        store_uint(ret, t->size, value);
    return rc;
}

static int decode_int(const struct strato_type *t, struct strato_cursor *c, void *ret)
{
    int64_t value = 0;
    int rc = strato_cursor_i64(c, t->imin, t->imax, &value);

    if (rc == 0) /* two's complement: the low bytes are the smaller type's value */
        store_uint(ret, t->size, (uint64_t)value);
    return rc;
}

static int decode_float(const struct strato_type *t, struct strato_cursor *c, void *ret)
{
    double value = 0;
    float narrow = 0;
    int rc;

    if (t->shape == STRATO_SHAPE_F32) {
        rc = strato_cursor_f32(c, &narrow);
        value = (double)narrow;
    } else {
        rc = strato_cursor_f64(c, &value);
    }
    if (rc < 0)
        return rc;
    if (t->is_bounded && !(value >= t->fmin && value <= t->fmax && !(t->is_above && value <= t->fmin)))
        return STRATO_ESCHEMA;
    if (t->shape == STRATO_SHAPE_F32)
        memcpy(ret, &narrow, sizeof(narrow));
    else
        memcpy(ret, &value, sizeof(value));
    return 0;
}

static int decode_slice(const struct strato_type *t, struct strato_cursor *c, void *ret)
{
    struct strato_bytes slice = { 0 };
    int rc;

    if (t->shape == STRATO_SHAPE_STR)
        rc = strato_cursor_str(c, SIZE_MAX, &slice);
    else
        rc = strato_cursor_bin(c, SIZE_MAX, &slice);
    if (rc == 0)
        rc = length_error(t, slice.bytes);
    if (rc == 0)
        memcpy(ret, &slice, sizeof(slice));
    return rc;
}

static int decode_uuid(struct strato_cursor *c, void *ret)
{
    struct strato_bytes slice = { 0 };
    int rc = strato_cursor_bin(c, SIZE_MAX, &slice);

    if (rc == 0 && slice.bytes != sizeof(struct strato_uuid))
        rc = STRATO_ESCHEMA;
    if (rc == 0)
        memcpy(ret, slice.data, sizeof(struct strato_uuid));
    return rc;
}

static int decode_attachment(const struct strato_type *t, struct strato_cursor *c, void *ret)
{
    struct strato_binary a = { 0 };
    enum strato_kind kind;
    int rc = strato_cursor_peek(c, &kind);

    if (rc < 0)
        return rc;
    if (kind == STRATO_KIND_UINT) {
        rc = strato_cursor_u32(c, STRATO_LIMIT_MESSAGE_ATTACHMENTS - 1, &a.index);
    } else {
        a.is_inline = true;
        rc = strato_cursor_bin(c, SIZE_MAX, &a.bytes);
        if (rc == 0)
            rc = length_error(t, a.bytes.bytes);
    }
    if (rc == 0)
        memcpy(ret, &a, sizeof(a));
    return rc;
}

static int decode_name(const char *const *names, uint64_t count, struct strato_cursor *c, unsigned *ret)
{
    struct strato_bytes name = { 0 };
    int rc = strato_cursor_str(c, SIZE_MAX, &name);

    if (rc < 0)
        return rc;
    for (unsigned i = 0; i < count; i++) {
        if (strato_bytes_is(name, names[i])) {
            *ret = i;
            return 0;
        }
    }
    return STRATO_ESCHEMA;
}

static int decode_enum(const struct strato_type *t, struct strato_cursor *c, void *ret)
{
    unsigned number = 0;
    int rc = decode_name(t->names, t->umax, c, &number);

    if (rc == 0)
        memcpy(ret, &number, sizeof(number));
    return rc;
}

static int decode_fixed(const struct strato_type *t, struct strato_cursor *c, void *ret, struct place *where)
{
    uint32_t items = 0;
    int rc = strato_cursor_array(c, UINT32_MAX, &items);

    if (rc == 0 && items != t->umax)
        rc = STRATO_ESCHEMA;
    for (uint32_t i = 0; rc == 0 && i < items; i++)
        rc = decode_value(t->item, c, (uint8_t *)ret + (size_t)i * t->item->size, where);
    return rc;
}

/* Room for any one item, to check it and let it go. Records of items nest by the schema, never by the bytes.
 */
union scratch {
    max_align_t align;
    uint8_t bytes[1024];
};

/* All variable lists have this layout; see STRATO_LIST_OF. */
struct any_list {
    const void *items;
    uint32_t count;
    struct strato_bytes raw;
};

static int decode_list(const struct strato_type *t, struct strato_cursor *c, void *ret, struct place *where)
{
    struct strato_cursor start = *c;
    struct any_list list = { 0 };
    union scratch scratch;
    struct strato_bytes key;
    int rc;

    if (t->shape == STRATO_SHAPE_MAP)
        rc = strato_cursor_map(c, UINT32_MAX, &list.count);
    else
        rc = strato_cursor_array(c, UINT32_MAX, &list.count);
    if (rc == 0)
        rc = length_error(t, list.count);
    for (uint32_t i = 0; rc == 0 && i < list.count; i++) {
        if (t->shape == STRATO_SHAPE_MAP)
            rc = strato_cursor_str(c, SIZE_MAX, &key);
        if (rc == 0)
            rc = decode_value(t->item, c, scratch.bytes, where);
    }
    if (rc < 0)
        return rc;
    list.raw = strato_bytes(start.at, (size_t)(c->at - start.at));
    memcpy(ret, &list, sizeof(list));
    return 0;
}

static int find_field(const struct strato_record *record, struct strato_bytes key, uint32_t guess, uint32_t *ret)
{
    for (uint32_t k = 0; k < record->fields_count; k++) {
        uint32_t i = (guess + k) % record->fields_count; /* canonical order: the first look hits */
        const struct strato_field *f = &record->fields[i];

        if (key.bytes == f->name_bytes && memcmp(key.data, f->name, key.bytes) == 0) {
            *ret = i;
            return 1;
        }
    }
    return 0;
}

/* nil in place of an optional field means absent, as clients in dynamic languages write it. */
static bool is_absent(const struct strato_field *f, const struct strato_cursor *c)
{
    enum strato_kind kind;

    return f->presence != STRATO_MANDATORY && f->type.shape != STRATO_SHAPE_VALUE &&
           strato_cursor_peek(c, &kind) == 0 && kind == STRATO_KIND_NIL;
}

static int decode_field(const struct strato_field *f, struct strato_cursor *c, uint8_t *base, struct place *where)
{
    bool has = true;
    int rc;

    if (is_absent(f, c))
        return strato_cursor_skip(c);
    rc = decode_value(&f->type, c, base + f->offset, where);
    if (rc < 0 && !where->field.data)
        where->field = strato_bytes(f->name, f->name_bytes);
    if (rc == 0 && f->presence == STRATO_OPTIONAL)
        memcpy(base + f->has_offset, &has, sizeof(has));
    return rc;
}

static int check_mandatory(const struct strato_record *record, uint64_t seen, struct place *where)
{
    for (uint32_t i = 0; i < record->fields_count; i++) {
        const struct strato_field *f = &record->fields[i];

        if (f->presence == STRATO_MANDATORY && !((seen >> i) & 1U)) {
            where->field = strato_bytes(f->name, f->name_bytes);
            return STRATO_ESCHEMA;
        }
    }
    return 0;
}

static int decode_pairs(const struct strato_record *record, struct strato_cursor *c, uint32_t pairs, void *ret,
                        struct place *where)
{
    struct strato_bytes key;
    uint64_t seen = 0;
    uint32_t guess = 0, i;
    int rc = 0;

    if (record->defaults)
        memcpy(ret, record->defaults, record->size);
    else if (record->size > 0)
        memset(ret, 0, record->size);
    while (pairs-- > 0) {
        rc = strato_cursor_str(c, SIZE_MAX, &key);
        if (rc < 0)
            return rc;
        if (!find_field(record, key, guess, &i)) {
            rc = strato_cursor_skip(c);
            if (rc < 0)
                return rc;
            continue;
        }
        rc = decode_field(&record->fields[i], c, ret, where);
        if (rc < 0)
            return rc;
        seen |= UINT64_C(1) << i;
        guess = i + 1;
    }
    return check_mandatory(record, seen, where);
}

static int decode_record(const struct strato_record *record, struct strato_cursor *c, void *ret, struct place *where)
{
    uint32_t pairs = 0;
    int rc = strato_cursor_map(c, UINT32_MAX, &pairs);

    return rc < 0 ? rc : decode_pairs(record, c, pairs, ret, where);
}

/* `kind` may stand anywhere in the map, so it is looked for before the variant is read. */
static int find_kind(const struct strato_union *u, struct strato_cursor c, uint32_t pairs, unsigned *ret)
{
    struct strato_bytes key;
    int rc;

    while (pairs-- > 0) {
        rc = strato_cursor_str(&c, SIZE_MAX, &key);
        if (rc == 0 && strato_bytes_is(key, "kind"))
            return decode_name(u->kinds, u->variants_count, &c, ret);
        if (rc == 0)
            rc = strato_cursor_skip(&c);
        if (rc < 0)
            return rc;
    }
    return STRATO_ESCHEMA;
}

static int decode_union(const struct strato_union *u, struct strato_cursor *c, void *ret, struct place *where)
{
    uint32_t pairs = 0;
    unsigned kind = 0;
    int rc = strato_cursor_map(c, UINT32_MAX, &pairs);

    if (rc < 0)
        return rc;
    rc = find_kind(u, *c, pairs, &kind);
    if (rc < 0) {
        where->field = strato_text("kind");
        return rc;
    }
    memset(ret, 0, u->size);
    memcpy(ret, &kind, sizeof(kind));
    return decode_pairs(u->variants[kind], c, pairs, (uint8_t *)ret + u->body_offset, where);
}

static int decode_value(const struct strato_type *t, struct strato_cursor *c, void *ret, struct place *where)
{
    switch (t->shape) {
    case STRATO_SHAPE_BOOL:
        return strato_cursor_bool(c, ret);
    case STRATO_SHAPE_UINT:
        return decode_uint(t, c, ret);
    case STRATO_SHAPE_INT:
        return decode_int(t, c, ret);
    case STRATO_SHAPE_F32:
    case STRATO_SHAPE_F64:
        return decode_float(t, c, ret);
    case STRATO_SHAPE_STR:
    case STRATO_SHAPE_BYTES:
        return decode_slice(t, c, ret);
    case STRATO_SHAPE_UUID:
        return decode_uuid(c, ret);
    case STRATO_SHAPE_VALUE:
        return strato_cursor_raw(c, ret);
    case STRATO_SHAPE_ATTACHMENT:
        return decode_attachment(t, c, ret);
    case STRATO_SHAPE_ENUM:
        return decode_enum(t, c, ret);
    case STRATO_SHAPE_FIXED:
        return decode_fixed(t, c, ret, where);
    case STRATO_SHAPE_LIST:
    case STRATO_SHAPE_MAP:
        return decode_list(t, c, ret, where);
    case STRATO_SHAPE_RECORD:
        return decode_record(t->record, c, ret, where);
    case STRATO_SHAPE_UNION:
        return decode_union(t->choice, c, ret, where);
    }
    return STRATO_ESCHEMA;
}

int strato_record_decode(const struct strato_record *record, struct strato_bytes payload, void *ret,
                         struct strato_bytes *ret_field)
{
    static const uint8_t empty_map[] = { 0x80 };
    struct strato_cursor c = strato_cursor_over(payload), whole;
    struct place where = { STRATO_BYTES_NONE };
    enum strato_kind kind;
    int rc;

    if (payload.bytes == 0 || (strato_cursor_peek(&c, &kind) == 0 && kind == STRATO_KIND_NIL && payload.bytes == 1))
        c = strato_cursor_over(STRATO_BYTES_OF(empty_map));
    whole = c;
    rc = strato_cursor_check(&whole);
    if (rc == 0 && strato_cursor_left(&whole) > 0)
        rc = STRATO_ECODEC;
    if (rc == 0)
        rc = decode_record(record, &c, ret, &where);
    if (ret_field)
        *ret_field = where.field;
    return rc;
}

struct strato_iter strato__list_begin(const struct strato_type *item, const void *items, uint32_t count,
                                      struct strato_bytes raw)
{
    struct strato_iter it = { .item = item, .items = items, .stride = item->size, .left = count };
    uint32_t head;

    if (!items) {
        it.c = strato_cursor_over(raw);
        if (raw.bytes == 0 || strato_cursor_array(&it.c, UINT32_MAX, &head) < 0)
            it.left = 0;
    }
    return it;
}

struct strato_iter strato__map_begin(const struct strato_type *item, uint32_t pair_size, uint32_t value_offset,
                                     const void *items, uint32_t count, struct strato_bytes raw)
{
    struct strato_iter it = {
        .item = item, .items = items, .stride = pair_size, .value_offset = value_offset, .left = count, .is_map = true
    };
    uint32_t head;

    if (!items) {
        it.c = strato_cursor_over(raw);
        if (raw.bytes == 0 || strato_cursor_map(&it.c, UINT32_MAX, &head) < 0)
            it.left = 0;
    }
    return it;
}

bool strato__iter_next(struct strato_iter *it, void *ret)
{
    struct place where = { STRATO_BYTES_NONE };

    if (it->left == 0)
        return false;
    it->left--;
    if (it->items) {
        memcpy(ret, it->items, it->stride);
        it->items += it->stride;
        return true;
    }
    if (it->is_map && strato_cursor_str(&it->c, SIZE_MAX, ret) < 0)
        return false;
    return decode_value(it->item, &it->c, (uint8_t *)ret + it->value_offset, &where) == 0;
}

int strato_binary_bytes(const struct strato_binary *a, const struct strato_bytes *frames, uint32_t frames_count,
                        struct strato_bytes *ret)
{
    if (!a->is_inline && a->index >= frames_count)
        return STRATO_EFRAME;
    *ret = a->is_inline ? a->bytes : frames[a->index];
    return 0;
}

#define UINT_TYPE(bits)                                                                                                \
    const struct strato_type strato__type_u##bits = { .shape = STRATO_SHAPE_UINT,                                      \
                                                      .size = bits / 8,                                                \
                                                      .umax = UINT##bits##_MAX }
#define INT_TYPE(bits)                                                                                                 \
    const struct strato_type strato__type_i##bits = {                                                                  \
        .shape = STRATO_SHAPE_INT, .size = bits / 8, .imin = INT##bits##_MIN, .imax = INT##bits##_MAX                  \
    }
UINT_TYPE(8);
UINT_TYPE(16);
UINT_TYPE(32);
UINT_TYPE(64);
INT_TYPE(8);
INT_TYPE(16);
INT_TYPE(32);
INT_TYPE(64);
const struct strato_type strato__type_bool = { .shape = STRATO_SHAPE_BOOL, .size = sizeof(bool) };
const struct strato_type strato__type_f32 = { .shape = STRATO_SHAPE_F32, .size = 4 };
const struct strato_type strato__type_f64 = { .shape = STRATO_SHAPE_F64, .size = 8 };
const struct strato_type strato__type_uuid = { .shape = STRATO_SHAPE_UUID, .size = 16 };
const struct strato_type strato__type_value = { .shape = STRATO_SHAPE_VALUE, .size = sizeof(struct strato_bytes) };
const struct strato_type strato__type_str = { .shape = STRATO_SHAPE_STR,
                                              .size = sizeof(struct strato_bytes),
                                              .umax = SIZE_MAX };
const struct strato_type strato__type_bytes = { .shape = STRATO_SHAPE_BYTES,
                                                .size = sizeof(struct strato_bytes),
                                                .umax = SIZE_MAX };
