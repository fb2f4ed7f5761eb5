/*
 * test_snapshot.c - claims about figures that are read beside the core: fresh, old, and a core that is stuck.
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/http/snapshot.h"

#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct fixture {
    strato_broker *broker;
    struct snapshots *snapshots;
    sem_t is_stuck, may_go;
};

static int setup(void **state)
{
    static struct fixture f;
    static struct broker_config config;

    assert_int_equal(broker_config_init(&config), 0);
    assert_int_equal(broker_config_set(&config, "host", "", NULL), 0);
    assert_int_equal(broker_config_set(&config, "connections", "64", NULL), 0);
    assert_int_equal(strato_broker_new(&config, &f.broker, NULL, 0), 0);
    broker_config_fini(&config);
    assert_int_equal(snapshots_open(f.broker, &f.snapshots), 0);
    sem_init(&f.is_stuck, 0, 0);
    sem_init(&f.may_go, 0, 0);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    snapshots_close(&f->snapshots);
    strato_broker_destroy(&f->broker);
    sem_destroy(&f->is_stuck);
    sem_destroy(&f->may_go);
    return 0;
}

static void block(void *arg, const struct brain *brain)
{
    struct fixture *f = arg;

    (void)brain;
    sem_post(&f->is_stuck);
    while (sem_wait(&f->may_go) < 0)
        ;
}

static void *hold_core(void *arg)
{
    struct fixture *f = arg;

    strato_broker_inspect(f->broker, block, f);
    return NULL;
}

static void a_snapshot_holds_every_report(void **state)
{
    struct fixture *f = *state;
    struct snapshot *got = snapshots_get(f->snapshots);

    assert_non_null(got);
    for (int i = 0; i <= BRAIN_REPORT_ROUTES; i++)
        assert_true(got->reports[i].bytes > 0);
    snapshots_put(f->snapshots, &got);
    assert_null(got);
}

static void a_snapshot_is_not_asked_for_again_while_it_is_fresh(void **state)
{
    struct fixture *f = *state;
    struct snapshot *first = snapshots_get(f->snapshots), *second;

    assert_non_null(first);
    second = snapshots_get(f->snapshots);
    assert_true(second == first || second->taken_ms - first->taken_ms >= SNAPSHOT_FRESH_MS);
    snapshots_put(f->snapshots, &second);
    snapshots_put(f->snapshots, &first);
}

/* Both halves: figures of before stay readable, and life is denied only after the time that the limit names. */
static void a_stuck_core_leaves_old_figures_and_is_not_alive(void **state)
{
    struct fixture *f = *state;
    struct snapshot *before = snapshots_get(f->snapshots), *during;
    uint64_t since;
    pthread_t holder;

    assert_non_null(before);
    assert_true(snapshots_core_is_alive(f->snapshots));
    assert_int_equal(pthread_create(&holder, NULL, hold_core, f), 0);
    sem_wait(&f->is_stuck);
    since = snapshot_clock_ms();
    while (snapshots_core_is_alive(f->snapshots)) {
        assert_true(snapshot_clock_ms() - since < 60000);
        poll(NULL, 0, 20); /* the limit is one of time: only time can show it */
    }
    assert_true(snapshot_clock_ms() - since >= SNAPSHOT_WEDGED_MS);
    during = snapshots_get(f->snapshots);
    assert_non_null(during);
    assert_true(snapshot_clock_ms() - during->taken_ms >= SNAPSHOT_WEDGED_MS);
    snapshots_put(f->snapshots, &during);
    snapshots_put(f->snapshots, &before);

    sem_post(&f->may_go);
    pthread_join(holder, NULL);
    while (!snapshots_core_is_alive(f->snapshots)) { /* the answer that was owed is on its way */
        assert_true(snapshot_clock_ms() - since < 60000);
        poll(NULL, 0, 20);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_snapshot_holds_every_report, setup, teardown),
        cmocka_unit_test_setup_teardown(a_snapshot_is_not_asked_for_again_while_it_is_fresh, setup, teardown),
        cmocka_unit_test_setup_teardown(a_stuck_core_leaves_old_figures_and_is_not_alive, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
