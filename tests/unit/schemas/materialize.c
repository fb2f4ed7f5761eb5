/*
 * materialize.c - turn decoded lists into C items, whatever their type, so that a test can encode them again.
 *
 * SPDX-License-Identifier: MIT
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "vectors.h"

struct materialized {
    void **blocks;
    size_t count;
};

struct any_list {
    const void *items;
    uint32_t count;
    struct strato_bytes raw;
};

static void walk_type(const struct strato_type *t, uint8_t *value, struct materialized *m);

static uint8_t *keep(struct materialized *m, size_t bytes)
{
    void **more = realloc(m->blocks, (m->count + 1) * sizeof(*more));
    uint8_t *block = calloc(1, bytes + 1);

    assert_non_null(more);
    assert_non_null(block);
    m->blocks = more;
    m->blocks[m->count++] = block;
    return block;
}

static void walk_record(const struct strato_record *record, uint8_t *value, struct materialized *m)
{
    for (uint32_t i = 0; i < record->fields_count; i++) {
        const struct strato_field *f = &record->fields[i];
        bool has = true;

        if (f->presence == STRATO_OPTIONAL)
            memcpy(&has, value + f->has_offset, sizeof(has));
        if (has)
            walk_type(&f->type, value + f->offset, m);
    }
}

static void walk_list(const struct strato_type *t, uint8_t *value, struct materialized *m)
{
    bool is_map = t->shape == STRATO_SHAPE_MAP;
    size_t stride = is_map ? t->pair_size : t->item->size;
    struct any_list list;
    struct strato_iter it;
    uint8_t *items;
    uint32_t n = 0;

    memcpy(&list, value, sizeof(list));
    if (list.count == 0)
        return;
    it = is_map ? strato__map_begin(t->item, t->pair_size, t->value_offset, list.items, list.count, list.raw)
                : strato__list_begin(t->item, list.items, list.count, list.raw);
    items = keep(m, stride * list.count);
    while (strato__iter_next(&it, items + n * stride)) {
        walk_type(t->item, items + n * stride + t->value_offset, m);
        n++;
    }
    assert_int_equal(n, list.count);
    list.items = items;
    memcpy(value, &list, sizeof(list));
}

static void walk_type(const struct strato_type *t, uint8_t *value, struct materialized *m)
{
    unsigned kind;

    switch (t->shape) {
    case STRATO_SHAPE_LIST:
    case STRATO_SHAPE_MAP:
        walk_list(t, value, m);
        break;
    case STRATO_SHAPE_RECORD:
        walk_record(t->record, value, m);
        break;
    case STRATO_SHAPE_UNION:
        memcpy(&kind, value, sizeof(kind));
        walk_record(t->choice->variants[kind], value + t->choice->body_offset, m);
        break;
    default:
        break;
    }
}

struct materialized *materialize(const struct strato_record *record, void *value)
{
    struct materialized *m = calloc(1, sizeof(*m));

    assert_non_null(m);
    walk_record(record, value, m);
    return m;
}

void materialize_free(struct materialized *m)
{
    for (size_t i = 0; i < m->count; i++)
        free(m->blocks[i]);
    free(m->blocks);
    free(m);
}
