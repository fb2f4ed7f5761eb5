/*
 * world_store.c - batches on their way to the disk, and what a crash leaves of them. See world.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdlib.h>

#include "broker/brain/journal.h"
#include "tests/sim/claims.h"
#include "tests/sim/world.h"

struct world_batch {
    struct world_batch *next;
    uint64_t commit;
    uint8_t *data;
    size_t bytes;
};

void world_keep_batch(struct world *w, struct brain_action *action)
{
    struct world_batch *b = malloc(sizeof(*b)), **end = &w->batches;

    assert_non_null(b);
    assert_non_null(w->store);
    *b = (struct world_batch){ NULL, action->commit, action->data, action->bytes };
    action->data = NULL;
    while (*end)
        end = &(*end)->next;
    *end = b;
}

static void drop_first(struct world *w)
{
    struct world_batch *b = w->batches;

    w->batches = b->next;
    free(b->data);
    free(b);
}

uint64_t world_unsynced(const struct world *w)
{
    uint64_t count = 0;

    for (const struct world_batch *b = w->batches; b; b = b->next)
        count++;
    return count;
}

void world_sync(struct world *w, uint64_t batches)
{
    uint64_t last = 0;

    for (; batches > 0 && w->batches; batches--) {
        struct strato_bytes bytes = strato_bytes(w->batches->data, w->batches->bytes);

        if (store_commit(w->store, &bytes, 1) < 0)
            fail_msg("commit: %s", store_error(w->store));
        last = w->batches->commit;
        drop_first(w);
    }
    if (!last)
        return;
    world_step(w, &(struct brain_event){ .kind = BRAIN_STORED, .commit = last });
    world_step(w, &(struct brain_event){ .kind = BRAIN_TURN_END });
    w->turns++;
    world_assert_laws(w);
}

void world_store_fails(struct world *w, const char *why)
{
    world_step(w, &(struct brain_event){ .kind = BRAIN_STORE_FAILED, .data = strato_text(why) });
    world_step(w, &(struct brain_event){ .kind = BRAIN_TURN_END });
    world_assert_laws(w);
}

struct restoring {
    struct world *world;
    char *detail;
    size_t detail_bytes;
};

static int restore_row(void *arg, const struct journal_entry *row)
{
    struct restoring *r = arg;
    int rc = brain_restore(r->world->brain, row, r->detail, r->detail_bytes);

    if (rc == STRATO_ECODEC) {
        assert_string_not_equal(r->detail, "");
        r->world->rows_left_out++;
        rc = 0;
    }
    return rc;
}

int world_revive(struct world *w, const struct brain_config *config, char *ret_detail, size_t detail_bytes)
{
    struct brain_config c = config ? *config : (struct brain_config){ 0 };
    struct restoring r = { w, ret_detail, detail_bytes };
    struct store_findings findings;
    int rc;

    c.has_store = true;
    c.epoch = 1700000000000 + w->now_ms + (uint64_t)w->wall_offset_ms;
    ret_detail[0] = '\0';
    rc = brain_open(&c, w->now_ms, &w->brain, ret_detail, detail_bytes);
    if (rc == 0)
        rc = store_scan(w->store, restore_row, &r, &findings);
    if (rc == 0)
        rc = brain_restored(w->brain, &w->out);
    if (rc < 0)
        brain_destroy(&w->brain);
    return rc;
}

static void start(struct world *w, const struct brain_config *config)
{
    char detail[512];

    if (world_revive(w, config, detail, sizeof(detail)) < 0)
        fail_msg("the broker does not come back: %s", detail);
    world_assert_laws(w);
    world_step(w, &(struct brain_event){ .kind = BRAIN_TICK });
    world_turn(w);
}

void world_open_kept(struct world *w, const struct brain_config *config)
{
    memset(w, 0, sizeof(*w));
    w->now_ms = 1000;
    w->random = 88172645463325252u;
    assert_int_equal(store_memory_open(&w->store), 0);
    start(w, config);
}

void world_crash(struct world *w, const struct brain_config *config, uint64_t down_ms)
{
    world_assert_laws(w);
    brain_out_reset(&w->out);
    brain_destroy(&w->brain);
    while (w->batches)
        drop_first(w);
    for (brain_peer p = 1; p < WORLD_PEERS_MAX; p++)
        world_clear(w, p);
    w->is_drained = false;
    w->now_ms += down_ms;
    start(w, config);
}

void world_store_close(struct world *w)
{
    while (w->batches)
        drop_first(w);
    store_close(&w->store);
}
