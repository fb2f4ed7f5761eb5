/*
 * test_snapshot.c - snapshots are not trusted: torn, forged and foreign ones are refused.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdlib.h>
#include <string.h>

#include "cmocka_all.h"
#include "services/evolution/snapshot.h"

static struct evolution_run run;
static struct strato_writer snapshot;
static char detail[256];

static int setup(void **state)
{
    struct evolution_settings settings = EVOLUTION_SETTINGS_DEFAULTS;

    (void)state;
    settings.problem = strato_problem_find(strato_text("sphere"));
    settings.size = 6;
    settings.dim = 3;
    if (evolution_run_init(&run, &settings) < 0)
        return -1;
    run.generation = 12;
    strato_population_set_fitness(&run.now, 2, -0.5);
    evolution_snapshot_write(&run, &snapshot);
    return strato_writer_error(&snapshot);
}

static int teardown(void **state)
{
    (void)state;
    evolution_run_fini(&run);
    strato_writer_fini(&snapshot);
    return 0;
}

static void a_snapshot_holds_the_whole_population(void **state)
{
    struct evolution_run read;

    (void)state;
    assert_int_equal(evolution_snapshot_read(strato_writer_view(&snapshot), &read, detail, sizeof(detail)), 0);
    assert_int_equal(read.generation, 12);
    assert_memory_equal(read.now.genes, run.now.genes, run.now.stride_bytes * 6);
    assert_true(read.now.is_known[2] && read.now.fitness[2] == -0.5);
    assert_memory_equal(read.now.ids, run.now.ids, 6 * sizeof(*run.now.ids));
    evolution_run_fini(&read);
}

static void every_torn_snapshot_is_refused(void **state)
{
    struct evolution_run read;

    (void)state;
    for (size_t bytes = 0; bytes < snapshot.bytes; bytes++) {
        uint8_t *torn = malloc(bytes ? bytes : 1); /* its own block, so that a sanitizer sees one byte too far */

        assert_non_null(torn);
        memcpy(torn, snapshot.data, bytes);
        assert_true(evolution_snapshot_read(strato_bytes(torn, bytes), &read, detail, sizeof(detail)) < 0);
        free(torn);
    }
}

static void no_flipped_byte_does_harm(void **state)
{
    (void)state;
    for (size_t at = 0; at < snapshot.bytes; at++) {
        struct evolution_run read;

        snapshot.data[at] ^= 0xFF;
        if (evolution_snapshot_read(strato_writer_view(&snapshot), &read, detail, sizeof(detail)) == 0)
            evolution_run_fini(&read); /* a flipped gene is still a gene */
        snapshot.data[at] ^= 0xFF;
    }
}

static void bytes_left_over_are_refused(void **state)
{
    struct evolution_run read;

    (void)state;
    strato_writer_nil(&snapshot);
    assert_true(evolution_snapshot_read(strato_writer_view(&snapshot), &read, detail, sizeof(detail)) < 0);
}

static void a_snapshot_of_version_1_is_read_as_a_genetic_algorithm(void **state)
{
    /* array16 of 29 items, fixstr of 16, version, algorithm 0 ... and at the end an empty bin */
    enum { COUNT_AT = 2, VERSION_AT = 3 + 1 + 16 };
    struct evolution_run read;

    (void)state;
    assert_int_equal(snapshot.data[COUNT_AT], 29);
    assert_int_equal(snapshot.data[VERSION_AT], 2);
    snapshot.data[COUNT_AT] = 27;
    snapshot.data[VERSION_AT] = 1;
    memmove(snapshot.data + VERSION_AT + 1, snapshot.data + VERSION_AT + 2, snapshot.bytes - VERSION_AT - 2);
    assert_int_equal(
        evolution_snapshot_read(strato_bytes(snapshot.data, snapshot.bytes - 3), &read, detail, sizeof(detail)), 0);
    assert_int_equal(read.settings.algorithm, STRATO_ALGORITHM_GA);
    assert_memory_equal(read.now.genes, run.now.genes, run.now.stride_bytes * 6);
    evolution_run_fini(&read);
    snapshot.data[VERSION_AT] = 3;
    assert_true(evolution_snapshot_read(strato_writer_view(&snapshot), &read, detail, sizeof(detail)) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_snapshot_holds_the_whole_population, setup, teardown),
        cmocka_unit_test_setup_teardown(every_torn_snapshot_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(no_flipped_byte_does_harm, setup, teardown),
        cmocka_unit_test_setup_teardown(bytes_left_over_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_snapshot_of_version_1_is_read_as_a_genetic_algorithm, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
