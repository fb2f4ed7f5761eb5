/*
 * header.c - decode and write the first map of a native frame.
 *
 * Keys and operations come from schemas/operations.yaml as X-macros: a key is found by its length and
 * then by comparing with the few keys of that length, all resolved when compiling. A wrong value does not
 * stop the walk, so that `rq` and `ch` are known for the answer.
 *
 * SPDX-License-Identifier: MIT
 */
#include "core/header.h"

#include "core/walk.h"

#define ALWAYS_INLINE inline __attribute__((always_inline))

static const char *const op_names[] = { "none",
#define X(name, carries) #name,
                                        STRATO_OPERATIONS(X)
#undef X
};

static const bool op_carries[] = { false,
#define X(name, carries) (carries) != 0,
                                   STRATO_OPERATIONS(X)
#undef X
};

static const char *const admin_names[] = { "admin",
#define X(name, text) text,
                                           STRATO_ADMIN_OPERATIONS(X)
#undef X
};

static const struct field {
    char type; /* U, B, S or R as in the X-macro */
    uint16_t offset;
} fields[STRATO_KEY_COUNT] = {
#define STRATO_TYPE_U 'U'
#define STRATO_TYPE_B 'B'
#define STRATO_TYPE_S 'S'
#define STRATO_TYPE_R 'R'
#define X(name, type) [STRATO_KEY_##name] = { STRATO_TYPE_##type, offsetof(struct strato_header, name) },
    STRATO_HEADER_KEYS(X)
#undef X
};

_Static_assert(STRATO_KEY_COUNT <= 128, "strato_header.has holds 128 bits");
_Static_assert(sizeof(struct strato_header) <= UINT16_MAX, "fields[].offset holds 16 bits");

/* With `bytes` a constant, all comparisons of other lengths fold away. */
static ALWAYS_INLINE int key_of_length(const uint8_t *at, size_t bytes)
{
#define X(name, type)                                                                                                  \
    if (sizeof(#name) - 1 == bytes && memcmp(at, #name, sizeof(#name) - 1) == 0)                                       \
        return STRATO_KEY_##name;
    STRATO_HEADER_KEYS(X)
#undef X
    return -1;
}

static int key_find(struct strato_bytes key)
{
    switch (key.bytes) {
    case 1:
        return key_of_length(key.data, 1);
    case 2:
        return key_of_length(key.data, 2);
    case 3:
        return key_of_length(key.data, 3);
    case 4:
        return key_of_length(key.data, 4);
    case 5:
        return key_of_length(key.data, 5);
    case 6:
        return key_of_length(key.data, 6);
    case 7:
        return key_of_length(key.data, 7);
    case 8:
        return key_of_length(key.data, 8);
    case 9:
        return key_of_length(key.data, 9);
    case 10:
        return key_of_length(key.data, 10);
    default:
        return key_of_length(key.data, key.bytes);
    }
}

static ALWAYS_INLINE enum strato_op op_of_length(const uint8_t *at, size_t bytes)
{
#define X(name, carries)                                                                                               \
    if (sizeof(#name) - 1 == bytes && memcmp(at, #name, sizeof(#name) - 1) == 0)                                       \
        return STRATO_OP_##name;
    STRATO_OPERATIONS(X)
#undef X
    return STRATO_OP_NONE;
}

static enum strato_op op_find(struct strato_bytes op)
{
    switch (op.bytes) {
    case 2:
        return op_of_length(op.data, 2);
    case 3:
        return op_of_length(op.data, 3);
    case 4:
        return op_of_length(op.data, 4);
    case 5:
        return op_of_length(op.data, 5);
    case 6:
        return op_of_length(op.data, 6);
    default:
        return op_of_length(op.data, op.bytes);
    }
}

static enum strato_admin_op admin_find(struct strato_bytes op)
{
    for (int i = 1; i < STRATO_ADMIN_COUNT; i++)
        if (strato_bytes_is(op, admin_names[i]))
            return (enum strato_admin_op)i;
    return STRATO_ADMIN_NONE;
}

static void op_resolve(struct strato_header *h)
{
    h->opcode = op_find(h->op);
    if (h->opcode == STRATO_OP_NONE && h->op.bytes > 6 && memcmp(h->op.data, "admin.", 6) == 0) {
        h->opcode = STRATO_OP_admin;
        h->admin = admin_find(h->op);
    }
}

/* Read the value of a known key into its field: 0, ECODEC (bytes), EPROTO (kind; the value is skipped). */
static int field_read(const uint8_t **at, const uint8_t *end, const struct field *field, struct strato_header *h)
{
    void *to = (char *)h + field->offset;
    const uint8_t *start = *at;
    struct strato_token t;
    int rc;

    if (field->type == 'S' && strato__short_str(at, end, to))
        return 0;
    if (field->type == 'R') {
        rc = strato__skip(at, end, 1);
        if (rc == 0)
            *(struct strato_bytes *)to = strato_bytes(start, (size_t)(*at - start));
        return rc;
    }
    rc = strato__token(at, end, &t);
    if (rc < 0)
        return rc;
    if (field->type == 'U' && t.kind == STRATO_KIND_UINT) {
        *(uint64_t *)to = t.u;
    } else if (field->type == 'U' && t.kind == STRATO_KIND_BOOL) {
        *(uint64_t *)to = t.b;
    } else if (field->type == 'B' && t.kind == STRATO_KIND_BOOL) {
        *(bool *)to = t.b;
    } else if (field->type == 'S' && t.kind == STRATO_KIND_STR) {
        *(struct strato_bytes *)to = t.bytes;
    } else {
        *at = start;
        rc = strato__skip(at, end, 1);
        return rc < 0 ? rc : STRATO_EPROTO;
    }
    return 0;
}

/* Read one pair. EPROTO: the pair is skipped and the walk may go on. */
static int pair_read(const uint8_t **at, const uint8_t *end, struct strato_header *h, uint32_t *unknown)
{
    struct strato_bytes text;
    struct strato_token t;
    int key, rc;

    if (!strato__short_str(at, end, &text)) {
        const uint8_t *start = *at;

        rc = strato__token(at, end, &t);
        if (rc < 0)
            return rc;
        if (t.kind != STRATO_KIND_STR) {
            *at = start;
            rc = strato__skip(at, end, 1);
            if (rc == 0)
                rc = strato__skip(at, end, 1);
            return rc < 0 ? rc : STRATO_EPROTO;
        }
        text = t.bytes;
    }
    key = key_find(text);
    if (key < 0) {
        (*unknown)++;
        return strato__skip(at, end, 1);
    }
    if (strato_header_has(h, (enum strato_key)key)) {
        rc = strato__skip(at, end, 1);
        return rc < 0 ? rc : STRATO_EPROTO;
    }
    rc = field_read(at, end, &fields[key], h);
    if (rc == 0)
        h->has[key / 64] |= (uint64_t)1 << (key % 64);
    return rc;
}

/* What a header must hold besides well-typed keys. */
static int header_judge(struct strato_header *h)
{
    if (h->v != 1)
        return STRATO_EVERSION; /* before the operation: another version may know others */
    if (!strato_header_has(h, STRATO_KEY_op))
        return STRATO_EPROTO;
    op_resolve(h);
    if (h->opcode == STRATO_OP_NONE)
        return STRATO_EPROTO;
    if (!strato_header_has(h, STRATO_KEY_n))
        h->n = op_carries[h->opcode];
    return 0;
}

int strato_header_decode(struct strato_cursor *c, size_t bytes_max, struct strato_header *ret_header)
{
    const uint8_t *at = c->at, *pairs_at;
    struct strato_token map;
    uint32_t unknown = 0;
    int rc, bad = 0;

    memset(ret_header, 0, sizeof *ret_header);
    ret_header->v = 1;
    ret_header->penalty = true;
    rc = strato__token(&at, c->end, &map);
    if (rc < 0)
        return rc;
    if (map.kind != STRATO_KIND_MAP)
        return STRATO_EPROTO;
    pairs_at = at;
    for (uint32_t i = 0; i < map.items; i++) {
        rc = pair_read(&at, c->end, ret_header, &unknown);
        if (rc < 0 && rc != STRATO_EPROTO)
            return rc;
        bad = rc < 0 ? rc : bad;
        if ((size_t)(at - c->at) > bytes_max)
            return STRATO_ELIMIT;
    }
    if ((size_t)(at - c->at) > bytes_max)
        return STRATO_ELIMIT;
    if (unknown > 1 && !strato__keys_differ(pairs_at, at, map.items))
        bad = STRATO_EPROTO;
    rc = header_judge(ret_header);
    if (bad < 0 && rc != STRATO_EVERSION)
        rc = bad;
    if (rc == 0)
        c->at = at;
    return rc;
}

const char *strato_op_name(enum strato_op op)
{
    return (unsigned)op < STRATO_OP_COUNT ? op_names[op] : op_names[0];
}

const char *strato_admin_name(enum strato_admin_op op)
{
    return (unsigned)op < STRATO_ADMIN_COUNT ? admin_names[op] : admin_names[0];
}

bool strato_op_carries(enum strato_op op)
{
    return (unsigned)op < STRATO_OP_COUNT && op_carries[op];
}

void strato_header_begin(struct strato_header_writer *hw, struct strato_writer *w, const char *op)
{
    static const uint8_t map16[3] = { 0xDE, 0, 0 };

    hw->w = w;
    hw->head = w->bytes;
    hw->pairs = 0;
    strato_writer_raw(w, STRATO_BYTES_OF(map16));
    strato_header_key(hw, "op");
    strato_writer_text(w, op);
}

void strato_header_key(struct strato_header_writer *hw, const char *key)
{
    hw->pairs++;
    strato_writer_text(hw->w, key);
}

void strato_header_u64(struct strato_header_writer *hw, const char *key, uint64_t value)
{
    strato_header_key(hw, key);
    strato_writer_u64(hw->w, value);
}

void strato_header_bool(struct strato_header_writer *hw, const char *key, bool value)
{
    strato_header_key(hw, key);
    strato_writer_bool(hw->w, value);
}

void strato_header_str(struct strato_header_writer *hw, const char *key, struct strato_bytes value)
{
    strato_header_key(hw, key);
    strato_writer_str(hw->w, value);
}

void strato_header_raw(struct strato_header_writer *hw, const char *key, struct strato_bytes encoded)
{
    strato_header_key(hw, key);
    strato_writer_raw(hw->w, encoded);
}

void strato_header_end(struct strato_header_writer *hw)
{
    if (strato_writer_error(hw->w))
        return;
    hw->w->data[hw->head + 1] = (uint8_t)(hw->pairs >> 8);
    hw->w->data[hw->head + 2] = (uint8_t)hw->pairs;
}
