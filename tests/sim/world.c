/*
 * world.c - see world.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tests/sim/world.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/sim/claims.h"

uint64_t world_random(struct world *w, uint64_t below)
{
    w->random ^= w->random << 13;
    w->random ^= w->random >> 7;
    w->random ^= w->random << 17;
    return below ? w->random % below : w->random;
}

static void keep(struct world *w, struct brain_action *action)
{
    struct world_peer *peer = &w->peers[action->peer];
    struct world_frame *f;
    struct strato_cursor c;

    peer->received++;
    if (peer->is_deaf)
        return;
    f = calloc(1, sizeof(*f));
    assert_non_null(f);
    f->data = action->data;
    f->bytes = action->bytes;
    f->blobs = action->blobs;
    f->blobs_count = action->blobs_count;
    action->data = NULL;
    action->blobs = NULL;
    action->blobs_count = 0;
    c = strato_cursor_over(strato_bytes(f->data, f->bytes));
    assert_int_equal(strato_header_decode(&c, f->bytes, &f->header), 0);
    f->body_at = (size_t)(c.at - f->data);
    *(peer->tail ? &peer->tail->next : &peer->head) = f;
    peer->tail = f;
}

static void act(struct world *w)
{
    for (size_t i = 0; i < w->out.count; i++) {
        struct brain_action *action = &w->out.actions[i];

        switch (action->kind) {
        case BRAIN_SEND:
            keep(w, action);
            break;
        case BRAIN_PUBLISH:
            w->published++;
            break;
        case BRAIN_EDGE_OUT:
            w->edge_out++;
            w->last_edge_bytes = action->bytes;
            break;
        case BRAIN_PROBE:
            w->probes++;
            break;
        case BRAIN_CLOSE:
            w->closed++;
            break;
        case BRAIN_LOG:
            w->logs++;
            snprintf(w->last_log, sizeof(w->last_log), "%.*s", (int)action->bytes, (const char *)action->data);
            break;
        case BRAIN_COMMIT:
            world_keep_batch(w, action);
            break;
        case BRAIN_DRAINED:
            w->is_drained = true;
            w->drain_abandoned = action->drain.leased_abandoned;
            w->drain_dropped = action->drain.dropped_shutdown;
            w->drain_kept = action->drain.kept;
            break;
        }
    }
    brain_out_reset(&w->out);
}

void world_step(struct world *w, struct brain_event *event)
{
    event->wall_ms = 1700000000000 + w->now_ms + (uint64_t)w->wall_offset_ms;
    assert_int_equal(brain_step(w->brain, event, w->now_ms, &w->out), 0);
    act(w);
}

void world_open(struct world *w, const struct brain_config *config)
{
    struct brain_config c = { 0 };
    char detail[256];

    memset(w, 0, sizeof(*w));
    w->now_ms = 1000;
    w->random = 88172645463325252u;
    if (config)
        c = *config;
    if (!c.epoch)
        c.epoch = 1700000000000;
    if (brain_open(&c, w->now_ms, &w->brain, detail, sizeof(detail)) < 0)
        fail_msg("brain_open: %s", detail);
}

void world_assert_laws(struct world *w)
{
    char detail[512] = "";

    if (!brain_laws_hold(w->brain, detail, sizeof(detail)))
        fail_msg("law broken after turn %llu: %s", (unsigned long long)w->turns, detail);
}

void world_close(struct world *w)
{
    world_assert_laws(w);
    for (brain_peer p = 1; p < WORLD_PEERS_MAX; p++)
        world_clear(w, p);
    brain_destroy(&w->brain);
    brain_out_fini(&w->out);
    world_store_close(w);
}

void world_begin(struct world_out *o, struct world *w, brain_peer peer, const char *op)
{
    *o = (struct world_out){ .world = w, .peer = peer };
    strato_header_begin(&o->header, &o->w, op);
}

void world_body(struct world_out *o)
{
    strato_header_end(&o->header);
}

void world_envelope(struct world_out *o, const struct strato_envelope_out *e)
{
    strato_envelope_encode(e, &o->w);
}

void world_send(struct world_out *o)
{
    struct world_peer *peer = &o->world->peers[o->peer];

    assert_int_equal(strato_writer_error(&o->w), 0);
    world_step(o->world, &(struct brain_event){ .kind = BRAIN_FRAME,
                                                .peer = o->peer,
                                                .is_lockstep = peer->is_lockstep,
                                                .is_local = !peer->is_remote && !peer->key,
                                                .key = strato_bytes(peer->key, peer->key ? 32 : 0),
                                                .data = strato_writer_view(&o->w),
                                                .blobs = o->blobs,
                                                .blobs_count = o->blobs_count });
    strato_writer_fini(&o->w);
}

void world_raw(struct world *w, brain_peer peer, const void *data, size_t bytes)
{
    world_step(w, &(struct brain_event){ .kind = BRAIN_FRAME,
                                         .peer = peer,
                                         .is_lockstep = w->peers[peer].is_lockstep,
                                         .is_local = !w->peers[peer].is_remote && !w->peers[peer].key,
                                         .key = strato_bytes(w->peers[peer].key, w->peers[peer].key ? 32 : 0),
                                         .data = strato_bytes(data, bytes) });
}

void world_turn(struct world *w)
{
    world_step(w, &(struct brain_event){ .kind = BRAIN_TURN_END });
    w->turns++;
    world_assert_laws(w);
    if (w->batches && !w->holds_batches)
        world_sync(w, UINT64_MAX);
}

void world_wait(struct world *w, uint64_t ms)
{
    uint64_t end = w->now_ms + ms;

    for (;;) {
        uint64_t due = brain_next_timer_ms(w->brain);

        if (due > end)
            break;
        w->now_ms = due > w->now_ms ? due : w->now_ms;
        world_step(w, &(struct brain_event){ .kind = BRAIN_TICK });
        world_turn(w);
    }
    w->now_ms = end;
    world_step(w, &(struct brain_event){ .kind = BRAIN_TICK });
    world_turn(w);
}

void world_event(struct world *w, enum brain_event_kind kind, brain_peer peer)
{
    world_step(w, &(struct brain_event){ .kind = kind, .peer = peer });
}

struct world_frame *world_receive(struct world *w, brain_peer peer)
{
    struct world_peer *p = &w->peers[peer];
    struct world_frame *f = p->head;

    if (!f)
        return NULL;
    p->head = f->next;
    if (!p->head)
        p->tail = NULL;
    return f;
}

void world_free(struct world_frame *f)
{
    if (!f)
        return;
    for (size_t i = 0; i < f->blobs_count; i++)
        strato_blob_drop(f->blobs[i]);
    free(f->blobs);
    free(f->data);
    free(f);
}

void world_clear(struct world *w, brain_peer peer)
{
    struct world_frame *f;

    while ((f = world_receive(w, peer)) != NULL)
        world_free(f);
}

struct world_frame *world_expect(struct world *w, brain_peer peer, enum strato_op op)
{
    struct world_frame *f = world_receive(w, peer);

    if (!f)
        fail_msg("peer %llu: expected %s, received nothing", (unsigned long long)peer, strato_op_name(op));
    if (f->header.opcode != op)
        fail_msg("peer %llu: expected %s, received %s %.*s %.*s", (unsigned long long)peer, strato_op_name(op),
                 strato_op_name(f->header.opcode), (int)f->header.name.bytes, (const char *)f->header.name.data,
                 (int)f->header.detail.bytes, (const char *)f->header.detail.data);
    return f;
}

void world_expect_err(struct world *w, brain_peer peer, int err)
{
    struct world_frame *f = world_expect(w, peer, STRATO_OP_err);

    if (f->header.code != (uint64_t)-err)
        fail_msg("peer %llu: expected %s, received %.*s: %.*s", (unsigned long long)peer, strato_err_name(err),
                 (int)f->header.name.bytes, (const char *)f->header.name.data, (int)f->header.detail.bytes,
                 (const char *)f->header.detail.data);
    assert_true(f->header.detail.bytes > 0);
    world_free(f);
}

void world_expect_nothing(struct world *w, brain_peer peer)
{
    struct world_frame *f = w->peers[peer].head;

    if (f)
        fail_msg("peer %llu: expected nothing, received %s %.*s", (unsigned long long)peer,
                 strato_op_name(f->header.opcode), (int)f->header.name.bytes, (const char *)f->header.name.data);
}

struct strato_envelope world_envelope_at(const struct world_frame *f, uint64_t k)
{
    struct strato_cursor c = strato_cursor_over(strato_bytes(f->data + f->body_at, f->bytes - f->body_at));
    struct strato_envelope e;
    struct strato_bytes skipped;

    do
        assert_int_equal(strato_envelope_decode(&c, &e, &skipped), 0);
    while (k-- > 0);
    return e;
}

uint64_t world_number(struct strato_bytes raw)
{
    struct strato_cursor c = strato_cursor_over(raw);
    uint64_t number = 0;

    assert_int_equal(strato_cursor_u64(&c, UINT64_MAX, &number), 0);
    return number;
}
