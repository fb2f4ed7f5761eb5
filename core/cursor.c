/*
 * cursor.c - the typed readers of the cursor, over walk.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "core/cursor.h"

#include "core/walk.h"

int strato_cursor_next(struct strato_cursor *c, struct strato_token *ret_token)
{
    return strato__token(&c->at, c->end, ret_token);
}

int strato_cursor_peek(const struct strato_cursor *c, enum strato_kind *ret_kind)
{
    const uint8_t *p = c->at;
    struct strato_token t;
    int rc = strato__token(&p, c->end, &t);

    if (rc == 0)
        *ret_kind = t.kind;
    return rc;
}

int strato_cursor_skip(struct strato_cursor *c)
{
    return strato__skip(&c->at, c->end, 0);
}

int strato_cursor_raw(struct strato_cursor *c, struct strato_bytes *ret_raw)
{
    const uint8_t *start = c->at;
    int rc = strato__skip(&c->at, c->end, 0);

    if (rc == 0)
        *ret_raw = strato_bytes(start, (size_t)(c->at - start));
    return rc;
}

int strato_cursor_check(struct strato_cursor *c)
{
    const uint8_t *after = c->at, *p = c->at;
    struct strato_token t;
    int rc = strato__skip(&after, c->end, 0);

    if (rc < 0)
        return rc;
    /* The bytes are whole, so a plain run over all heads meets every map. */
    while (p < after) {
        rc = strato__token(&p, after, &t);
        if (rc < 0)
            return rc;
        if (t.kind == STRATO_KIND_MAP && !strato__keys_differ(p, after, t.items))
            return STRATO_ECODEC;
    }
    c->at = after;
    return 0;
}

/* Read a token of one kind; another kind is ESCHEMA, and the cursor stays. */
static int expect(struct strato_cursor *c, enum strato_kind kind, struct strato_token *ret_token,
                  const uint8_t **ret_after)
{
    const uint8_t *p = c->at;
    int rc = strato__token(&p, c->end, ret_token);

    if (rc < 0)
        return rc;
    *ret_after = p;
    return ret_token->kind == kind ? 0 : STRATO_ESCHEMA;
}

int strato_cursor_nil(struct strato_cursor *c)
{
    struct strato_token t;
    const uint8_t *after;
    int rc = expect(c, STRATO_KIND_NIL, &t, &after);

    if (rc == 0)
        c->at = after;
    return rc;
}

int strato_cursor_bool(struct strato_cursor *c, bool *ret)
{
    struct strato_token t;
    const uint8_t *after;
    int rc = expect(c, STRATO_KIND_BOOL, &t, &after);

    if (rc < 0)
        return rc;
    *ret = t.b;
    c->at = after;
    return 0;
}

int strato_cursor_u64(struct strato_cursor *c, uint64_t max, uint64_t *ret)
{
    struct strato_token t;
    const uint8_t *after;
    int rc = expect(c, STRATO_KIND_UINT, &t, &after);

    if (rc < 0)
        return rc;
    if (t.u > max)
        return STRATO_ESCHEMA;
    *ret = t.u;
    c->at = after;
    return 0;
}

int strato_cursor_u32(struct strato_cursor *c, uint32_t max, uint32_t *ret)
{
    uint64_t value = 0;
    int rc = strato_cursor_u64(c, max, &value);

    if (rc == 0)
        *ret = (uint32_t)value;
    return rc;
}

int strato_cursor_i64(struct strato_cursor *c, int64_t min, int64_t max, int64_t *ret)
{
    const uint8_t *p = c->at;
    struct strato_token t;
    int64_t value;
    int rc = strato__token(&p, c->end, &t);

    if (rc < 0)
        return rc;
    if (t.kind == STRATO_KIND_UINT && t.u <= INT64_MAX)
        value = (int64_t)t.u;
    else if (t.kind == STRATO_KIND_INT)
        value = t.i;
    else
        return STRATO_ESCHEMA;
    if (value < min || value > max)
        return STRATO_ESCHEMA;
    *ret = value;
    c->at = p;
    return 0;
}

int strato_cursor_f64(struct strato_cursor *c, double *ret)
{
    const uint8_t *p = c->at;
    struct strato_token t;
    int rc = strato__token(&p, c->end, &t);

    if (rc < 0)
        return rc;
    switch (t.kind) {
    case STRATO_KIND_F32:
    case STRATO_KIND_F64:
        *ret = t.f;
        break;
    case STRATO_KIND_UINT:
        *ret = (double)t.u;
        break;
    case STRATO_KIND_INT:
        *ret = (double)t.i;
        break;
    default:
        return STRATO_ESCHEMA;
    }
    c->at = p;
    return 0;
}

int strato_cursor_f32(struct strato_cursor *c, float *ret)
{
    /* Beyond the range of a float a conversion is undefined in C; infinity is what IEEE 754 rounds to. */
    static const double past = 3.4028235677973366e38; /* FLT_MAX + half a step: the first that rounds up */
    double value = 0;
    int rc = strato_cursor_f64(c, &value);

    if (rc < 0)
        return rc;
    if (value >= past)
        *ret = (float)__builtin_inff();
    else if (value <= -past)
        *ret = -(float)__builtin_inff();
    else
        *ret = (float)value;
    return 0;
}

int strato_cursor_str(struct strato_cursor *c, size_t bytes_max, struct strato_bytes *ret)
{
    struct strato_token t;
    const uint8_t *after;
    int rc = expect(c, STRATO_KIND_STR, &t, &after);

    if (rc < 0)
        return rc;
    if (t.bytes.bytes > bytes_max)
        return STRATO_ESCHEMA;
    *ret = t.bytes;
    c->at = after;
    return 0;
}

int strato_cursor_bin(struct strato_cursor *c, size_t bytes_max, struct strato_bytes *ret)
{
    const uint8_t *p = c->at;
    struct strato_token t;
    int rc = strato__token(&p, c->end, &t);

    if (rc < 0)
        return rc;
    if ((t.kind != STRATO_KIND_BIN && t.kind != STRATO_KIND_STR) || t.bytes.bytes > bytes_max)
        return STRATO_ESCHEMA;
    *ret = t.bytes;
    c->at = p;
    return 0;
}

static int container(struct strato_cursor *c, enum strato_kind kind, uint32_t items_max, uint32_t *ret_items)
{
    struct strato_token t;
    const uint8_t *after;
    int rc = expect(c, kind, &t, &after);

    if (rc < 0)
        return rc;
    if (t.items > items_max)
        return STRATO_ESCHEMA;
    *ret_items = t.items;
    c->at = after;
    return 0;
}

int strato_cursor_array(struct strato_cursor *c, uint32_t items_max, uint32_t *ret_items)
{
    return container(c, STRATO_KIND_ARRAY, items_max, ret_items);
}

int strato_cursor_map(struct strato_cursor *c, uint32_t pairs_max, uint32_t *ret_pairs)
{
    return container(c, STRATO_KIND_MAP, pairs_max, ret_pairs);
}
