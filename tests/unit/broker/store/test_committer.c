/*
 * test_committer.c - the storage thread: order, merging, failure and retry, the end.
 *
 * SPDX-License-Identifier: MIT
 */
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "broker/store/committer.h"
#include "broker/store/memory.h"
#include "tests/unit/broker/store/rows.h"

enum { PATIENCE_MS = 20000 };

/* A store that waits at a gate, so that the test decides when a commit happens, and what comes of it. */
struct gated {
    struct store store; /* first */
    pthread_mutex_t lock;
    pthread_cond_t change;
    unsigned open, fails; /* commits that may pass; of those, how many fail first */
    unsigned waiting;
    size_t counts[16]; /* batches in each commit that passed */
    size_t commits;
    uint64_t *keys; /* of the first entry of each batch that was applied, in order */
    size_t keys_count;
    bool *is_closed;
};

static int gated_commit(struct store *store, const struct strato_bytes *batches, size_t count)
{
    struct gated *g = (struct gated *)(void *)store;
    bool fails;

    pthread_mutex_lock(&g->lock);
    g->waiting++;
    pthread_cond_broadcast(&g->change);
    while (g->open == 0)
        pthread_cond_wait(&g->change, &g->lock);
    g->waiting--;
    g->open--;
    fails = g->fails > 0;
    g->fails -= fails;
    if (fails) {
        snprintf(store->error, sizeof(store->error), "the disk is full: free space");
    } else {
        for (size_t i = 0; i < count; i++) {
            struct strato_bytes left = batches[i];
            struct journal_entry entry;

            if (journal_next(&left, &entry) == 1)
                g->keys[g->keys_count++] = entry.key;
        }
        if (g->commits < 16)
            g->counts[g->commits] = count;
        g->commits++;
    }
    pthread_cond_broadcast(&g->change);
    pthread_mutex_unlock(&g->lock);
    return fails ? STRATO_ESTORE : 0;
}

static void gated_close(struct store *store)
{
    struct gated *g = (struct gated *)(void *)store;

    *g->is_closed = true;
}

static const struct store_ops gated_ops = { "gated", true, gated_commit, NULL, gated_close };

struct stage {
    struct gated gate;
    struct committer *committer;
    uint64_t keys[4096];
    bool is_closed;
};

static void begin(struct stage *s)
{
    memset(s, 0, sizeof(*s));
    s->gate.store.ops = &gated_ops;
    s->gate.keys = s->keys;
    s->gate.is_closed = &s->is_closed;
    pthread_mutex_init(&s->gate.lock, NULL);
    pthread_cond_init(&s->gate.change, NULL);
    assert_int_equal(committer_start(&s->gate.store, &s->committer), 0);
}

static void let_pass(struct stage *s, unsigned commits, unsigned fails)
{
    pthread_mutex_lock(&s->gate.lock);
    s->gate.open += commits;
    s->gate.fails += fails;
    pthread_cond_broadcast(&s->gate.change);
    pthread_mutex_unlock(&s->gate.lock);
}

/* Until the thread stands at the gate with its next commit. */
static void await_gate(struct stage *s)
{
    pthread_mutex_lock(&s->gate.lock);
    while (s->gate.waiting == 0)
        pthread_cond_wait(&s->gate.change, &s->gate.lock);
    pthread_mutex_unlock(&s->gate.lock);
}

static void end(struct stage *s)
{
    pthread_mutex_destroy(&s->gate.lock);
    pthread_cond_destroy(&s->gate.change);
}

static void submit(struct stage *s, uint64_t number)
{
    struct rows rows = { 0 };
    size_t bytes;
    uint8_t *data;

    rows_put(&rows, JOURNAL_IDS, 1, number, "x");
    data = strato_writer_take(&rows.w, &bytes);
    assert_int_equal(committer_submit(s->committer, number, data, bytes), 0);
}

static struct committer_result await(struct stage *s)
{
    struct committer_result result;
    struct pollfd fd = { .fd = committer_fd(s->committer), .events = POLLIN };

    while (!committer_next(s->committer, &result))
        assert_int_equal(poll(&fd, 1, PATIENCE_MS), 1);
    return result;
}

static void await_commit(struct stage *s, uint64_t number)
{
    struct committer_result result;

    do {
        result = await(s);
        assert_false(result.is_failed);
    } while (result.commit < number);
    assert_int_equal(result.commit, number);
}

static void stop(struct stage *s, int expected, uint64_t expected_unsynced)
{
    uint64_t unsynced = 99;

    assert_int_equal(committer_stop(&s->committer, expected < 0 ? 0 : PATIENCE_MS, &unsynced), expected);
    assert_int_equal(unsynced, expected_unsynced);
    assert_null(s->committer);
    assert_true(s->is_closed);
    end(s);
}

static void a_batch_is_synced_and_said(void **state)
{
    struct stage s;

    (void)state;
    begin(&s);
    let_pass(&s, 1000, 0);
    submit(&s, 1);
    await_commit(&s, 1);
    stop(&s, 0, 0);
}

static void what_came_during_a_commit_goes_into_the_next_one_together(void **state)
{
    struct stage s;

    (void)state;
    begin(&s);
    submit(&s, 1);
    await_gate(&s);
    for (uint64_t n = 2; n <= 6; n++)
        submit(&s, n);
    let_pass(&s, 2, 0);
    await_commit(&s, 6);
    assert_int_equal(s.gate.commits, 2);
    assert_int_equal(s.gate.counts[0], 1);
    assert_int_equal(s.gate.counts[1], 5);
    for (uint64_t n = 1; n <= 6; n++)
        assert_int_equal(s.keys[n - 1], n);
    stop(&s, 0, 0);
}

static void one_commit_takes_at_most_1024_batches(void **state)
{
    struct stage s;

    (void)state;
    begin(&s);
    submit(&s, 1);
    await_gate(&s);
    for (uint64_t n = 2; n <= 2 + COMMITTER_BATCHES_MAX; n++)
        submit(&s, n);
    let_pass(&s, 1000, 0);
    await_commit(&s, 2 + COMMITTER_BATCHES_MAX);
    assert_int_equal(s.gate.counts[1], COMMITTER_BATCHES_MAX);
    assert_int_equal(s.gate.counts[2], 1);
    stop(&s, 0, 0);
}

static void a_failure_is_told_with_its_cause_and_tried_again_in_order(void **state)
{
    struct stage s;
    struct committer_result result;

    (void)state;
    begin(&s);
    submit(&s, 1);
    await_gate(&s);
    submit(&s, 2);
    let_pass(&s, 1, 1);
    result = await(&s);
    assert_true(result.is_failed);
    assert_string_equal(result.detail, "the disk is full: free space");
    let_pass(&s, 1000, 0);
    await_commit(&s, 2);
    assert_int_equal(s.gate.commits, 1);
    assert_int_equal(s.gate.counts[0], 2); /* the try after it takes what came meanwhile along */
    assert_int_equal(s.keys[0], 1);
    assert_int_equal(s.keys[1], 2);
    stop(&s, 0, 0);
}

static void the_end_commits_what_waits(void **state)
{
    struct stage s;

    (void)state;
    begin(&s);
    submit(&s, 1);
    await_gate(&s);
    for (uint64_t n = 2; n <= 50; n++)
        submit(&s, n);
    let_pass(&s, 1000, 0);
    stop(&s, 0, 0);
    assert_int_equal(s.gate.keys_count, 50);
}

static void the_end_says_how_much_a_broken_disk_has_kept_from_it(void **state)
{
    struct stage s;

    (void)state;
    begin(&s);
    let_pass(&s, 1000, 1000);
    submit(&s, 1);
    assert_true(await(&s).is_failed);
    submit(&s, 2);
    stop(&s, STRATO_ESTORE, 2);
}

static void it_counts_what_it_does(void **state)
{
    struct stage s;
    struct committer_stats stats;

    (void)state;
    begin(&s);
    let_pass(&s, 1000, 0);
    submit(&s, 1);
    await_commit(&s, 1);
    submit(&s, 2);
    await_commit(&s, 2);
    committer_stats(s.committer, &stats);
    assert_int_equal(stats.commits, 2);
    assert_int_equal(stats.batches, 2);
    assert_int_equal(stats.failures, 0);
    assert_int_equal(stats.bytes, 2 * (JOURNAL_HEAD_BYTES + 1));
    stop(&s, 0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_batch_is_synced_and_said),
        cmocka_unit_test(what_came_during_a_commit_goes_into_the_next_one_together),
        cmocka_unit_test(one_commit_takes_at_most_1024_batches),
        cmocka_unit_test(a_failure_is_told_with_its_cause_and_tried_again_in_order),
        cmocka_unit_test(the_end_commits_what_waits),
        cmocka_unit_test(the_end_says_how_much_a_broken_disk_has_kept_from_it),
        cmocka_unit_test(it_counts_what_it_does),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
