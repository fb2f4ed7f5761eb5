/*
 * message.h - what every generated message type is made of: field tables, lists, attachments.
 *
 * The compiler emits one struct and one constant table per message ("schemas/gpu.h"); the two engines here
 * (decode.c, encode.c) walk the table, so the wire rules stand in one place. Decoding is in place, bounded
 * and allocates nothing. Rule: docs/wire.md "Payloads".
 *
 * How to use a generated message:
 *
 *     struct strato_gpu_launch_kernel m;
 *     struct strato_bytes field;
 *     int rc = strato_gpu_launch_kernel_decode(envelope.payload, &m, &field);   (field: what is wrong, if rc
 * < 0)
 *
 *     struct strato_iter it = strato_list_value_begin(&m.params);               (a list, in place)
 *     struct strato_bytes param;
 *     while (strato_list_value_next(&it, &param)) ...
 *
 *     struct strato_gpu_done done = STRATO_GPU_DONE_DEFAULTS;                    (always start from the
 * defaults) done.duration_us = 12; strato_gpu_done_encode(&done, &writer); (then ask strato_writer_error())
 *
 * optional<T> is `has_x` beside `x`. str, bytes and value are borrowed slices (value: one encoded msgpack
 * value).
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_SCHEMAS_RUNTIME_MESSAGE_H
#define STRATO_SCHEMAS_RUNTIME_MESSAGE_H

#include "core/cursor.h"
#include "core/writer.h"
#include "schemas/limits.h"

#ifdef __cplusplus
extern "C" {
#endif

struct strato_uuid {
    uint8_t bytes[16];
};

/** Binary: in the payload itself, or the envelope's attachment frame number `index` (from 0). */
struct strato_binary {
    bool is_inline;
    uint32_t index;            /* if not inline */
    struct strato_bytes bytes; /* if inline */
};

/** The bytes of an attachment field, given the frames that belong to the envelope. */
int strato_binary_bytes(const struct strato_binary *a, const struct strato_bytes *frames, uint32_t frames_count,
                        struct strato_bytes *ret);

/* ---- tables; generated code fills them in ---- */

enum strato_shape {
    STRATO_SHAPE_BOOL,
    STRATO_SHAPE_UINT, /* size 1, 2, 4, 8 */
    STRATO_SHAPE_INT,
    STRATO_SHAPE_F32,
    STRATO_SHAPE_F64,
    STRATO_SHAPE_STR,
    STRATO_SHAPE_BYTES,
    STRATO_SHAPE_UUID,
    STRATO_SHAPE_VALUE,
    STRATO_SHAPE_ATTACHMENT,
    STRATO_SHAPE_ENUM,
    STRATO_SHAPE_FIXED, /* inline array of exactly umax items */
    STRATO_SHAPE_LIST,  /* variable array: struct strato_list_x */
    STRATO_SHAPE_MAP,   /* str to T: struct strato_map_x */
    STRATO_SHAPE_RECORD,
    STRATO_SHAPE_UNION,
};

struct strato_record;
struct strato_union;

struct strato_type {
    enum strato_shape shape;
    uint32_t size;       /* bytes of the C value */
    bool is_limit;       /* umax is a named limit: over it is ELIMIT, not ESCHEMA */
    bool is_above;       /* fmin itself is excluded */
    uint64_t umin, umax; /* unsigned value, bytes of str and bytes, items of lists and maps, names of an enum */
    int64_t imin, imax;
    double fmin, fmax; /* NaN is refused when is_bounded */
    bool is_bounded;
    const struct strato_type *item;     /* FIXED, LIST, MAP */
    uint32_t pair_size, value_offset;   /* MAP: of its pair struct */
    const char *const *names;           /* ENUM, by number */
    const struct strato_record *record; /* RECORD */
    const struct strato_union *choice;  /* UNION */
};

enum strato_presence { STRATO_MANDATORY, STRATO_OPTIONAL, STRATO_DEFAULTED };

struct strato_field {
    const char *name;
    uint32_t name_bytes;
    enum strato_presence presence;
    uint32_t offset;     /* of the value in the struct */
    uint32_t has_offset; /* of its has_x, if optional */
    struct strato_type type;
};

struct strato_record {
    const char *name; /* as in the schema: "gpu.launch_kernel" */
    uint32_t size;
    uint32_t fields_count;
    const struct strato_field *fields;
    const void *defaults; /* a whole struct, or NULL: all zero */
};

/** A map whose `kind` names the variant: the struct begins with the enum, the variant's fields lie in a C
 * union. */
struct strato_union {
    const char *name;
    uint32_t size;
    uint32_t body_offset;
    uint32_t variants_count;
    const char *const *kinds;
    const struct strato_record *const *variants;
};

/** A message as a dispatcher sees it; see strato_message_find() in schemas/messages.h. */
struct strato_message_type {
    const char *type; /* "gpu.launch_kernel" */
    const struct strato_record *record;
};

enum { STRATO_FIELDS_MAX = 64 };

/**
 * Decode a payload into the struct that `record` describes.
 *
 * @param payload    One encoded map. Empty or nil counts as an empty map. Borrowed by *ret.
 * @param ret        The struct; undefined on error.
 * @param ret_field  NULL, or set on error to the name of the innermost field at fault (static or in the
 * payload), else none.
 * @return 0; STRATO_ECODEC (not msgpack, duplicate key, bytes left over); STRATO_ESCHEMA (field absent, of
 * another kind, out of range); STRATO_ELIMIT (over a named limit). O(bytes). Unknown fields are passed over.
 */
int strato_record_decode(const struct strato_record *record, struct strato_bytes payload, void *ret,
                         struct strato_bytes *ret_field);

/** Encode canonically: schema order, defaults left out. What breaks its schema sets the writer's error to
 * STRATO_ESCHEMA. */
void strato_record_encode(const struct strato_record *record, const void *value, struct strato_writer *w);

/* ---- lists and maps ---- */

/** A position in a list; take it from x_begin(). */
struct strato_iter {
    const struct strato_type *item;
    const uint8_t *items; /* C items, or NULL: read from c */
    uint32_t stride, value_offset;
    uint32_t left;
    bool is_map;
    struct strato_cursor c;
};

struct strato_iter strato__list_begin(const struct strato_type *item, const void *items, uint32_t count,
                                      struct strato_bytes raw);
struct strato_iter strato__map_begin(const struct strato_type *item, uint32_t pair_size, uint32_t value_offset,
                                     const void *items, uint32_t count, struct strato_bytes raw);
bool strato__iter_next(struct strato_iter *it, void *ret);

/*
 * A variable array. Decoded: `count` and `raw` (the whole encoded array) are set, items is NULL; read it with
 * x_begin/x_next. To encode: set items and count; or raw and count, to hand an encoded array on as it is.
 */
#define STRATO_LIST_OF(list, ctype, item_type)                                                                         \
    struct list {                                                                                                      \
        const ctype *items;                                                                                            \
        uint32_t count;                                                                                                \
        struct strato_bytes raw;                                                                                       \
    };                                                                                                                 \
    static inline struct strato_iter list##_begin(const struct list *l)                                                \
    {                                                                                                                  \
        return strato__list_begin(item_type, l->items, l->count, l->raw);                                              \
    }                                                                                                                  \
    static inline bool list##_next(struct strato_iter *it, ctype *ret)                                                 \
    {                                                                                                                  \
        return strato__iter_next(it, ret);                                                                             \
    }

/* A map from str; its items are pairs. Used like a list. */
#define STRATO_MAP_OF(map, pair, ctype, item_type)                                                                     \
    struct pair {                                                                                                      \
        struct strato_bytes key;                                                                                       \
        ctype value;                                                                                                   \
    };                                                                                                                 \
    struct map {                                                                                                       \
        const struct pair *items;                                                                                      \
        uint32_t count;                                                                                                \
        struct strato_bytes raw;                                                                                       \
    };                                                                                                                 \
    static inline struct strato_iter map##_begin(const struct map *m)                                                  \
    {                                                                                                                  \
        return strato__map_begin(item_type, sizeof(struct pair), offsetof(struct pair, value), m->items, m->count,     \
                                 m->raw);                                                                              \
    }                                                                                                                  \
    static inline bool map##_next(struct strato_iter *it, struct pair *ret)                                            \
    {                                                                                                                  \
        return strato__iter_next(it, ret);                                                                             \
    }

extern const struct strato_type strato__type_bool, strato__type_u8, strato__type_u16, strato__type_u32,
    strato__type_u64, strato__type_i8, strato__type_i16, strato__type_i32, strato__type_i64, strato__type_f32,
    strato__type_f64, strato__type_str, strato__type_bytes, strato__type_value, strato__type_uuid;

STRATO_LIST_OF(strato_list_bool, bool, &strato__type_bool)
STRATO_LIST_OF(strato_list_u8, uint8_t, &strato__type_u8)
STRATO_LIST_OF(strato_list_u16, uint16_t, &strato__type_u16)
STRATO_LIST_OF(strato_list_u32, uint32_t, &strato__type_u32)
STRATO_LIST_OF(strato_list_u64, uint64_t, &strato__type_u64)
STRATO_LIST_OF(strato_list_i8, int8_t, &strato__type_i8)
STRATO_LIST_OF(strato_list_i16, int16_t, &strato__type_i16)
STRATO_LIST_OF(strato_list_i32, int32_t, &strato__type_i32)
STRATO_LIST_OF(strato_list_i64, int64_t, &strato__type_i64)
STRATO_LIST_OF(strato_list_f32, float, &strato__type_f32)
STRATO_LIST_OF(strato_list_f64, double, &strato__type_f64)
STRATO_LIST_OF(strato_list_str, struct strato_bytes, &strato__type_str)
STRATO_LIST_OF(strato_list_bytes, struct strato_bytes, &strato__type_bytes)
STRATO_LIST_OF(strato_list_value, struct strato_bytes, &strato__type_value)
STRATO_LIST_OF(strato_list_uuid, struct strato_uuid, &strato__type_uuid)
STRATO_MAP_OF(strato_map_value, strato_pair_value, struct strato_bytes, &strato__type_value)
STRATO_MAP_OF(strato_map_str, strato_pair_str, struct strato_bytes, &strato__type_str)
STRATO_MAP_OF(strato_map_u64, strato_pair_u64, uint64_t, &strato__type_u64)
STRATO_MAP_OF(strato_map_f64, strato_pair_f64, double, &strato__type_f64)

#ifdef __cplusplus
}
#endif
#endif
