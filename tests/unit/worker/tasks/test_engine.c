/*
 * test_engine.c - generations on the device are those of the evolution service and the C references, bit for bit.
 *
 * Runs on the first OpenCL device; returns 77 (skipped) where there is none.
 *
 * SPDX-License-Identifier: MIT
 */
#include "bench.h"

#include <math.h>

#include "core/errors.h"
#include "services/evolution/problem.h"
#include "worker/device/opencl.h"
#include "worker/device/sim.h"
#include "worker/tasks/engine.h"

static struct device *device;

/** The service's way: rows by the C reference. Leaves the run after `generations`. */
static void breed_by_rows(struct evolution_run *run, uint32_t generations)
{
    for (uint32_t g = 0; g <= generations; g++) {
        uint32_t rows[1] = { 0 };
        struct strato_selection selection;

        evolution_run_want_all(run);
        while (evolution_run_take(run, 1, rows) > 0) {
            uint8_t genes[1024];
            struct evolution_batch batch = { .settings = &run->settings, .count = 1, .genes = genes };
            double value;

            strato_population_pack_row(&run->now, rows[0], genes);
            assert_int_equal(evolution_batch_evaluate(&batch, &value), 0);
            evolution_run_tell(run, run->round, rows, 1, &value);
        }
        if (g == generations)
            return;
        assert_int_equal(evolution_run_select(run, &selection), 0);
        evolution_run_breed(run, &selection);
        strato_selection_fini(&selection);
    }
}

static struct evolution_settings settings_of(const char *problem, uint32_t size, uint32_t dim)
{
    struct evolution_settings s = EVOLUTION_SETTINGS_DEFAULTS;
    char detail[256];

    s.size = size;
    s.dim = dim;
    s.breeding.seed = 0x123456789ABCDEF;
    s.breeding.mutation.rate = 0.05;
    assert_int_equal(evolution_problem_prepare(strato_text(problem), &s, detail, sizeof(detail)), 0);
    return s;
}

/** Both ways from the same first generation; the device in two pieces. */
static void compare(const struct evolution_settings *s, uint32_t generations)
{
    struct pool pool = { .capacity = 1 << 26 };
    struct evolution_run run, start;
    struct engine_job job = { .problem = s->problem,
                              .size = s->size,
                              .dim = s->dim,
                              .seed = s->breeding.seed,
                              .generations = generations / 3,
                              .tournament = s->breeding.tournament_size,
                              .elites = s->breeding.elite_count,
                              .mutation = s->breeding.mutation,
                              .crossover_rate = s->breeding.crossover_rate };
    struct engine_result first, made;
    float *genes = calloc((size_t)s->size * s->dim, sizeof(*genes));
    uint64_t evaluations;

    assert_non_null(genes);
    assert_int_equal(evolution_run_init(&start, s), 0);
    breed_by_rows(&start, 0);
    evaluations = start.evaluations;
    for (uint32_t i = 0; i < s->size; i++)
        strato_population_pack_row(&start.now, i, (uint8_t *)(genes + (size_t)i * s->dim));
    job.rows = genes;
    job.values = start.now.fitness;
    assert_int_equal(engine_run(device, &pool, &job, &first), 0);
    job.rows = first.rows;
    job.values = first.values;
    job.generation = job.generations;
    job.generations = generations - job.generations;
    assert_int_equal(engine_run(device, &pool, &job, &made), 0);
    assert_int_equal(pool.used, 0);

    assert_int_equal(evolution_run_init(&run, s), 0);
    breed_by_rows(&run, generations);
    for (uint32_t i = 0; i < s->size; i++) {
        float expected[256];

        strato_population_pack_row(&run.now, i, (uint8_t *)expected);
        if (memcmp(expected, made.rows + (size_t)i * s->dim, s->dim * sizeof(float)) != 0 ||
            memcmp(&run.now.fitness[i], &made.values[i], sizeof(double)) != 0)
            fail_msg("%s size %u dim %u row %u: %a, by rows %a", s->problem->name, s->size, s->dim, i, made.values[i],
                     run.now.fitness[i]);
    }
    assert_int_equal(first.evaluations + made.evaluations, run.evaluations - evaluations);
    evolution_run_fini(&run);
    evolution_run_fini(&start);
    free(genes);
    free(first.rows);
    free(first.values);
    free(first.origins);
    free(made.rows);
    free(made.values);
    free(made.origins);
}

static void a_hundred_generations_are_the_same_bits(void **state)
{
    static const char *const problems[] = { "sphere", "rosenbrock", "rastrigin" };

    (void)state;
    for (unsigned p = 0; p < 3; p++) {
        struct evolution_settings s = settings_of(problems[p], 150, 17);

        compare(&s, 100);
    }
}

static void every_shape_and_operator_is_the_same_bits(void **state)
{
    static const struct {
        uint32_t size, dim, tournament, elites;
        enum strato_mutation_kind kind;
        double parameter, rate, crossover;
    } rows[] = {
        { 2, 1, 1, 1, STRATO_MUTATE_GAUSSIAN, 0.1, 0.5, 0.8 },
        { 64, 16, 8, 16, STRATO_MUTATE_UNIFORM, 0.5, 1.0, 1.0 },
        { 65, 33, 3, 1, STRATO_MUTATE_POLYNOMIAL, 20, 0.2, 0.5 },
        { 130, 100, 2, 5, STRATO_MUTATE_POLYNOMIAL, 0, 0.01, 0.9 },
        { 5, 70, 8, 16, STRATO_MUTATE_GAUSSIAN, 2.0, 0.0, 0.0 },
        { 33, 2, 5, 3, STRATO_MUTATE_GAUSSIAN, 1e-9, 0.7, 1.0 },
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct evolution_settings s = settings_of("rastrigin", rows[i].size, rows[i].dim);

        s.breeding.tournament_size = rows[i].tournament;
        s.breeding.elite_count = rows[i].elites;
        s.breeding.mutation.kind = rows[i].kind;
        s.breeding.mutation.parameter = rows[i].parameter;
        s.breeding.mutation.rate = rows[i].rate;
        s.breeding.crossover_rate = rows[i].crossover;
        compare(&s, 12);
    }
}

static const float four[4] = { 3, 1, 2, 4 };
static const double told[4] = { -9, -1, -4, (double)NAN }; /* by somebody: kept, not computed again */

/** One generation of four spheres of one gene, all children mutated. */
static struct engine_job small_job(void)
{
    struct engine_job job = { .problem = strato_problem_find(strato_text("sphere")),
                              .size = 4,
                              .dim = 1,
                              .rows = four,
                              .values = told,
                              .generations = 1,
                              .tournament = 2,
                              .elites = 2,
                              .mutation = STRATO_MUTATION_DEFAULTS };

    job.mutation.rate = 1.0;
    return job;
}

static void origins_tell_who_lived_on(void **state)
{
    struct pool pool = { .capacity = 1 << 20 };
    struct engine_job job = small_job();
    struct engine_result made;

    (void)state;
    assert_int_equal(engine_run(device, &pool, &job, &made), 0);
    assert_true(made.rows[0] == 1 && made.rows[1] == 2 && made.values[0] == -1 && made.values[1] == -4);
    assert_int_equal(made.origins[0], 1);
    assert_int_equal(made.origins[1], 2);
    assert_int_equal(made.origins[2], 4);
    assert_int_equal(made.origins[3], 5);
    assert_int_equal(made.evaluations, 2);
    free(made.rows);
    free(made.values);
    free(made.origins);
}

static void a_full_pool_leaves_nothing_behind(void **state)
{
    struct pool pool = { .capacity = 200 };
    struct engine_job job = small_job();
    struct engine_result made;

    (void)state;
    assert_int_equal(engine_run(device, &pool, &job, &made), STRATO_EFULL);
    assert_int_equal(pool.used, 0);
}

/** A message whose three rows and values are frames 0 and 1 of the bench. */
static struct strato_fitness_breed breed_of(struct bench *b)
{
    static const float rows[3] = { 1, 2, 3 };
    static const double values[3] = { -1, -4, -9 };
    struct strato_fitness_breed m = STRATO_FITNESS_BREED_DEFAULTS;

    m.problem = strato_text("sphere");
    m.dim = 1;
    m.rows.index = 0;
    m.values.index = 1;
    m.generations = 5;
    b->frames[0] = strato_bytes(rows, sizeof(rows));
    b->frames[1] = strato_bytes(values, sizeof(values));
    b->frames_count = 2;
    return m;
}

static void expect_refused(struct bench *b, const struct strato_fitness_breed *m, const char *words)
{
    struct strato_fitness_error error;
    char text[1025];

    bench_message(b, "fitness.breed", &strato_fitness_breed__record, m);
    assert_string_equal(b->result.type, "fitness.error");
    assert_true(b->result.is_failed);
    assert_int_equal(strato_fitness_error_decode(strato_writer_view(&b->result.payload), &error, NULL), 0);
    snprintf(text, sizeof(text), "%.*s", (int)error.message.bytes, (const char *)error.message.data);
    if (!strstr(text, words))
        fail_msg("want \"%s\", got: %s", words, text);
}

static void a_message_breeds_and_what_it_cannot_is_refused(void **state)
{
    static float many[(8 << 20) / 16 + 1];
    static double many_told[(8 << 20) / 16 + 1];
    struct tasks_options options = TASKS_OPTIONS_DEFAULTS;
    struct strato_fitness_breed m;
    struct bench b;

    (void)state;
    bench_open(&b, device, &options);
    m = breed_of(&b);
    bench_message(&b, "fitness.breed", &strato_fitness_breed__record, &m);
    assert_string_equal(b.result.type, "fitness.bred");
    assert_int_equal(b.result.frames_count, 3);
    assert_true(*(const double *)b.result.frames[1].data >= -1.0);
    m.problem = strato_text("ackley");
    expect_refused(&b, &m, "no fused kernel for problem ackley");
    m = breed_of(&b);
    m.values.index = 7;
    expect_refused(&b, &m, "no such attachment");
    m = breed_of(&b);
    m.dim = 2;
    expect_refused(&b, &m, "rows has 12 bytes");
    m = breed_of(&b);
    b.frames[0] = b.frames[1] = strato_bytes(NULL, 0);
    expect_refused(&b, &m, "count > 0");
    m = breed_of(&b); /* 16 bytes an individual of one gene: exactly the limit, and one past it */
    b.frames[0] = strato_bytes(many, sizeof(many) - sizeof(many[0]));
    b.frames[1] = strato_bytes(many_told, sizeof(many_told) - sizeof(many_told[0]));
    m.generations = 1;
    bench_message(&b, "fitness.breed", &strato_fitness_breed__record, &m);
    assert_string_equal(b.result.type, "fitness.bred");
    b.frames_count = 2;
    b.frames[0] = strato_bytes(many, sizeof(many));
    b.frames[1] = strato_bytes(many_told, sizeof(many_told));
    expect_refused(&b, &m, "at most 8388608");
    task_result_fini(&b.result);
    tasks_destroy(&b.tasks);
}

static void a_device_without_an_engine_says_so(void **state)
{
    struct bench *b = NULL;
    struct strato_fitness_breed m;

    (void)state;
    assert_int_equal(bench_setup((void **)&b), 0);
    m = breed_of(b);
    expect_refused(b, &m, "capability engine");
    bench_teardown((void **)&b);
}

static void only_a_device_with_the_kernels_offers_an_engine(void **state)
{
    struct device *sim = NULL;

    (void)state;
    assert_true(engine_is_offered(device));
    assert_int_equal(sim_open(&sim), 0);
    assert_false(engine_is_offered(sim));
    device_close(&sim);
}

int main(void)
{
    char detail[DEVICE_DETAIL_BYTES];
    int rc = opencl_open(0, &device, detail);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hundred_generations_are_the_same_bits),
        cmocka_unit_test(every_shape_and_operator_is_the_same_bits),
        cmocka_unit_test(origins_tell_who_lived_on),
        cmocka_unit_test(a_full_pool_leaves_nothing_behind),
        cmocka_unit_test(only_a_device_with_the_kernels_offers_an_engine),
        cmocka_unit_test(a_message_breeds_and_what_it_cannot_is_refused),
        cmocka_unit_test(a_device_without_an_engine_says_so),
    };

    if (rc == STRATO_ENOENT || (rc == 0 && !device->info.has_f64)) {
        fprintf(stderr, "skipped: %s\n", rc < 0 ? detail : "the device has no double");
        return 77;
    }
    if (rc < 0) {
        fprintf(stderr, "%s\n", detail);
        return 1;
    }
    rc = cmocka_run_group_tests(tests, NULL, NULL);
    device_close(&device);
    return rc;
}
