/*
 * dlq.c - see dlq.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tests/sim/dlq.h"

#include <stdio.h>

#include "tests/sim/claims.h"

void dlq_send(struct world *w, const char *what, const char *channel, const struct dlq_argument *arguments,
              size_t count)
{
    struct strato_writer payload = { 0 };
    struct strato_envelope_out e = { .type = "admin" };
    struct world_out o;
    char op[32];

    snprintf(op, sizeof(op), "admin.dlq.%s", what);
    world_begin(&o, w, DLQ_PEER, op);
    world_str(&o, "ch", channel);
    world_u64(&o, "rq", 1);
    world_body(&o);
    strato_writer_map(&payload, (uint32_t)count);
    for (size_t i = 0; i < count; i++) {
        strato_writer_text(&payload, arguments[i].key);
        if (arguments[i].text)
            strato_writer_text(&payload, arguments[i].text);
        else if (strcmp(arguments[i].key, "all") == 0)
            strato_writer_bool(&payload, arguments[i].number);
        else
            strato_writer_u64(&payload, arguments[i].number);
    }
    e.payload = strato_writer_view(&payload);
    world_envelope(&o, &e);
    world_send(&o);
    strato_writer_fini(&payload);
}

struct world_frame *dlq_ask(struct world *w, const char *what, const char *channel, struct dlq_argument argument)
{
    dlq_send(w, what, channel, &argument, argument.key != NULL);
    world_turn(w);
    return world_expect(w, DLQ_PEER, STRATO_OP_ok);
}

void dlq_expect_err(struct world *w, const char *what, const char *channel, struct dlq_argument argument, int err)
{
    dlq_send(w, what, channel, &argument, argument.key != NULL);
    world_turn(w);
    world_expect_err(w, DLQ_PEER, err);
}

uint64_t dlq_count(struct world *w, const char *what, const char *channel, struct dlq_argument argument,
                   const char *key)
{
    struct world_frame *f = dlq_ask(w, what, channel, argument);
    uint64_t number = dlq_number(dlq_answer(f), key);

    world_free(f);
    return number;
}

struct strato_bytes dlq_answer(const struct world_frame *f)
{
    return world_envelope_at(f, 0).payload;
}

struct strato_bytes dlq_value(struct strato_bytes map, const char *key)
{
    struct strato_cursor c = strato_cursor_over(map);
    struct strato_bytes name, value;
    uint32_t pairs;

    assert_int_equal(strato_cursor_map(&c, UINT32_MAX, &pairs), 0);
    while (pairs-- > 0) {
        assert_int_equal(strato_cursor_str(&c, 64, &name), 0);
        assert_int_equal(strato_cursor_raw(&c, &value), 0);
        if (strato_bytes_is(name, key))
            return value;
    }
    fail_msg("no key %s", key);
    return STRATO_BYTES_NONE;
}

uint64_t dlq_number(struct strato_bytes map, const char *key)
{
    return world_number(dlq_value(map, key));
}

struct strato_bytes dlq_string(struct strato_bytes map, const char *key)
{
    struct strato_cursor c = strato_cursor_over(dlq_value(map, key));
    struct strato_bytes text;

    assert_int_equal(strato_cursor_bin(&c, SIZE_MAX, &text), 0);
    return text;
}

uint32_t dlq_entries(const struct world_frame *f)
{
    struct strato_cursor c = strato_cursor_over(dlq_value(dlq_answer(f), "entries"));
    uint32_t count;

    assert_int_equal(strato_cursor_array(&c, UINT32_MAX, &count), 0);
    return count;
}

struct strato_bytes dlq_entry(const struct world_frame *f, uint32_t k)
{
    struct strato_cursor c = strato_cursor_over(dlq_value(dlq_answer(f), "entries"));
    struct strato_bytes entry = STRATO_BYTES_NONE;
    uint32_t count;

    assert_int_equal(strato_cursor_array(&c, UINT32_MAX, &count), 0);
    assert_true(k < count);
    for (uint32_t i = 0; i <= k; i++)
        assert_int_equal(strato_cursor_raw(&c, &entry), 0);
    return entry;
}

struct world_frame *dlq_only(struct world *w, const char *channel, const char *reason)
{
    struct world_frame *f = dlq_ask(w, "list", channel, dlq_none);

    assert_int_equal(dlq_entries(f), 1);
    assert_true(strato_bytes_is(dlq_string(dlq_entry(f, 0), "reason"), reason));
    return f;
}
