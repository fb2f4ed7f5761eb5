/*
 * test_golden.c - a population after 100 generations is the same bits for the C reference and for every device.
 *
 * golden_hashes.h is the one file of hashes. The C reference must give them, in any split and over a checkpoint and
 * restore half way; so must the first OpenCL device, for two group sizes. Without a device that part is left out.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "cmocka_all.h"
#include "core/errors.h"
#include "services/evolution/problem.h"
#include "services/evolution/snapshot.h"
#include "worker/device/opencl.h"

enum { SIZE = 36, DIM = 10, GENERATIONS = 100 };

static const struct golden {
    const char *algorithm, *problem;
    uint64_t seed, hash;
} goldens[] = {
#include "golden_hashes.h"
};
enum { GOLDENS = sizeof(goldens) / sizeof(goldens[0]) };

static struct device *device; /* NULL = none here */

/** How rows are evaluated: by whom, in pieces of how many, with which group size, and whether the run is torn half way. */
struct way {
    const char *name;
    uint32_t split;
    uint64_t local; /* 0 = C reference */
    bool is_restored;
};

static struct device_buffer *upload(const void *data, uint64_t bytes)
{
    struct device_buffer *buffer = NULL;
    uint64_t ns;

    assert_int_equal(device->ops->buffer_new(device, bytes, &buffer), 0);
    assert_int_equal(device->ops->write(device, buffer, 0, strato_bytes(data, bytes), &ns), 0);
    return buffer;
}

#define BUFFER(b)                                                                                                      \
    {                                                                                                                  \
        .kind = PARAMETER_BUFFER, .buffer = (b)                                                                        \
    }
#define VALUE(v)                                                                                                       \
    {                                                                                                                  \
        .kind = PARAMETER_VALUE, .value = &(v), .bytes = sizeof(v)                                                     \
    }

static void evaluate_on_device(const struct evolution_settings *s, const void *genes, uint32_t count, uint64_t local,
                               double *ret)
{
    const struct strato_landscape *l = strato_problem_data_landscape(s->ready_data);
    struct device_buffer *rows = upload(genes, (uint64_t)count * DIM * sizeof(float));
    struct device_buffer *values = upload(ret, count * sizeof(double));
    struct device_buffer *table = l ? upload(l->table, l->doubles * sizeof(double)) : NULL, *room = NULL;
    double *zeros = calloc((size_t)count * DIM * 2, sizeof(*zeros));
    uint32_t dim = DIM, function = s->problem->landscape;
    float narrow[SIZE];
    uint64_t ns;

    assert_non_null(zeros);
    room = upload(zeros, (uint64_t)count * DIM * 2 * sizeof(*zeros));
    struct device_argument flat[] = { BUFFER(rows), BUFFER(values), VALUE(count), VALUE(dim) };
    struct device_argument tabled[] = { BUFFER(rows), BUFFER(values), BUFFER(table),  BUFFER(room),
                                        VALUE(count), VALUE(dim),     VALUE(function) };
    struct device_launch launch = { .kernel = device->ops->builtin(device, l ? "landscape" : s->problem->name),
                                    .arguments = l ? tabled : flat,
                                    .arguments_count = l ? 7 : 4,
                                    .groups = { (count + local - 1) / local, 1, 1 },
                                    .local = { local, 1, 1 } };

    assert_non_null(launch.kernel);
    assert_int_equal(device->ops->launch(device, &launch, &ns), 0);
    if (l) {
        assert_int_equal(device->ops->read(device, values, 0, ret, count * sizeof(double), &ns), 0);
    } else {
        assert_int_equal(device->ops->read(device, values, 0, narrow, count * sizeof(float), &ns), 0);
        for (uint32_t i = 0; i < count; i++)
            ret[i] = (double)narrow[i];
    }
    device->ops->buffer_destroy(device, &rows);
    device->ops->buffer_destroy(device, &values);
    device->ops->buffer_destroy(device, &table);
    device->ops->buffer_destroy(device, &room);
    free(zeros);
}

static void evaluate(struct evolution_run *run, const struct way *way)
{
    uint32_t rows[SIZE], count;

    evolution_run_want_all(run);
    while ((count = evolution_run_take(run, way->split, rows)) > 0) {
        float genes[SIZE * DIM];
        double values[SIZE];
        struct evolution_batch batch = { .settings = &run->settings, .count = count, .genes = (uint8_t *)genes };

        for (uint32_t i = 0; i < count; i++)
            strato_population_pack_row(&run->now, rows[i], (uint8_t *)&genes[i * DIM]);
        if (way->local)
            evaluate_on_device(&run->settings, genes, count, way->local, values);
        else
            assert_int_equal(evolution_batch_evaluate(&batch, values), 0);
        evolution_run_tell(run, run->round, rows, count, values);
    }
    evolution_run_fold(run);
}

static void tear_and_restore(struct evolution_run *run)
{
    struct strato_writer snapshot = { 0 };
    char detail[256];

    evolution_snapshot_write(run, &snapshot);
    assert_int_equal(strato_writer_error(&snapshot), 0);
    evolution_run_fini(run);
    assert_int_equal(evolution_snapshot_read(strato_writer_view(&snapshot), run, detail, sizeof(detail)), 0);
    strato_writer_fini(&snapshot);
}

static uint64_t hash_of(const struct evolution_run *run)
{
    XXH64_hash_t genes = XXH64(run->now.genes, run->now.stride_bytes * run->now.size, 0);

    return XXH64(run->now.fitness, sizeof(double) * run->now.size, genes);
}

static uint64_t run_to_the_end(const struct golden *g, const struct way *way)
{
    struct evolution_settings settings = EVOLUTION_SETTINGS_DEFAULTS;
    struct evolution_run run;
    struct strato_selection selection;
    char detail[256];
    uint64_t hash;

    settings.size = SIZE;
    settings.dim = DIM;
    settings.breeding.seed = g->seed;
    settings.breeding.mutation.rate = 0.1;
    assert_int_equal(strato_algorithm_find(strato_text(g->algorithm), &settings.algorithm), 0);
    assert_int_equal(evolution_problem_prepare(strato_text(g->problem), &settings, detail, sizeof(detail)), 0);
    assert_int_equal(evolution_run_init(&run, &settings), 0);
    evaluate(&run, way);
    for (int i = 0; i < GENERATIONS; i++) {
        if (way->is_restored && i == GENERATIONS / 2)
            tear_and_restore(&run);
        assert_int_equal(evolution_run_select(&run, &selection), 0);
        evolution_run_breed(&run, &selection);
        strato_selection_fini(&selection);
        evaluate(&run, way);
    }
    hash = hash_of(&run);
    evolution_run_fini(&run);
    return hash;
}

static void expect_goldens(const struct way *way)
{
    bool is_wrong = false;

    for (unsigned i = 0; i < GOLDENS; i++) {
        uint64_t hash = run_to_the_end(&goldens[i], way);

        if (hash != goldens[i].hash) {
            printf("%s:\n    { \"%s\", \"%s\", %u, 0x%016llx },\n", way->name, goldens[i].algorithm, goldens[i].problem,
                   (unsigned)goldens[i].seed, (unsigned long long)hash);
            is_wrong = true;
        }
    }
    assert_false(is_wrong);
}

static void the_reference_gives_the_golden_hashes(void **state)
{
    (void)state;
    expect_goldens(&(struct way){ .name = "reference", .split = SIZE });
}

static void splits_and_a_restore_half_way_change_no_bit(void **state)
{
    (void)state;
    expect_goldens(&(struct way){ .name = "reference, torn", .split = 7, .is_restored = true });
}

static void a_device_gives_the_golden_hashes_with_two_group_sizes(void **state)
{
    (void)state;
    if (!device || !device->info.has_f64)
        skip();
    expect_goldens(&(struct way){ .name = "device, 64", .split = SIZE, .local = 64 });
    expect_goldens(&(struct way){ .name = "device, 16", .split = 13, .local = 16, .is_restored = true });
}

int main(void)
{
    char detail[DEVICE_DETAIL_BYTES];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_reference_gives_the_golden_hashes),
        cmocka_unit_test(splits_and_a_restore_half_way_change_no_bit),
        cmocka_unit_test(a_device_gives_the_golden_hashes_with_two_group_sizes),
    };
    int rc;

    if (opencl_open(0, &device, detail) < 0)
        fprintf(stderr, "no device, reference only: %s\n", detail);
    rc = cmocka_run_group_tests(tests, NULL, NULL);
    if (device)
        device_close(&device);
    return rc;
}
