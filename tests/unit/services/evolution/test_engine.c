/*
 * test_engine.c - a population bred on a device is the one bred by rows, whoever dies on the way.
 *
 * SPDX-License-Identifier: MIT
 */
#include "driver.h"

static struct strato_evolution_create create_of(const char *problem)
{
    struct strato_evolution_create create = STRATO_EVOLUTION_CREATE_DEFAULTS;

    create.problem = strato_text(problem);
    create.size = 40;
    create.dim = 6;
    create.seed = 77;
    create.mutation_rate = 0.1;
    return create;
}

/** The snapshot after steps of 1, 30 and 9 generations. Yours. */
static struct strato_writer play(struct driver *d, struct manner manner, const struct strato_evolution_create *create,
                                 uint64_t *ret_evaluations)
{
    struct strato_evolution_checkpoint checkpoint = { 0 };
    struct strato_writer snapshot;

    driver_init(d, manner);
    driver_create(d, create);
    *ret_evaluations = driver_step(d, 0, 1).evaluations;
    *ret_evaluations += driver_step(d, 1, 30).evaluations;
    *ret_evaluations += driver_step(d, 31, 9).evaluations;
    driver_ask(d, STRATO_TYPE_EVOLUTION_CHECKPOINT, &strato_evolution_checkpoint__record, &checkpoint,
               STRATO_BYTES_NONE);
    assert_string_equal(d->reply.type, STRATO_TYPE_EVOLUTION_CHECKPOINTED);
    snapshot = d->reply.attachment;
    d->reply.attachment = (struct strato_writer){ 0 };
    driver_fini(d);
    return snapshot;
}

static void an_engine_leaves_the_same_snapshot_as_rows(void **state)
{
    static const char *const problems[] = { "sphere", "rosenbrock", "rastrigin" };
    static struct driver by_rows, by_engine;

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        struct strato_evolution_create create = create_of(problems[i]);
        uint64_t a_evaluations, b_evaluations;
        struct strato_writer a = play(&by_rows, (struct manner){ .shares = 3 }, &create, &a_evaluations);
        struct strato_writer b =
            play(&by_engine, (struct manner){ .shares = 3, .has_engine = true }, &create, &b_evaluations);

        assert_int_equal(by_rows.bred, 0);
        assert_int_equal(by_engine.bred, 40);
        assert_int_equal(a.bytes, b.bytes);
        assert_memory_equal(a.data, b.data, a.bytes);
        assert_int_equal(a_evaluations, b_evaluations);
        strato_writer_fini(&a);
        strato_writer_fini(&b);
    }
}

static void engines_that_die_cost_time_and_no_bit(void **state)
{
    static struct driver by_rows, by_engine;
    struct strato_evolution_create create = create_of("rastrigin");
    uint64_t a_evaluations, b_evaluations;
    struct strato_writer a = play(&by_rows, (struct manner){ .shares = 1 }, &create, &a_evaluations);
    struct strato_writer b =
        play(&by_engine, (struct manner){ .shares = 2, .has_engine = true, .lose_every = 4 }, &create, &b_evaluations);

    (void)state;
    assert_true(by_engine.bred > 0 && by_engine.bred < 40);
    assert_int_equal(a.bytes, b.bytes);
    assert_memory_equal(a.data, b.data, a.bytes);
    assert_int_equal(a_evaluations, b_evaluations);
    strato_writer_fini(&a);
    strato_writer_fini(&b);
}

static void what_an_engine_cannot_do_goes_by_rows(void **state)
{
    static struct driver d;
    struct strato_evolution_create creates[7];
    uint64_t evaluations;

    (void)state;
    for (unsigned i = 0; i < 7; i++)
        creates[i] = create_of("rastrigin");
    creates[0].problem = strato_text("ackley");
    creates[1].dtype = STRATO_EVOLUTION_DTYPE_F64;
    creates[2].algo = strato_text("de");
    creates[3].elite_count = 0;
    creates[4].elite_count = 17;
    creates[5].has_strategy = creates[6].has_strategy = true;
    creates[5].strategy.kind = STRATO_EVOLUTION_STRATEGY_RANK;
    creates[6].strategy.kind = STRATO_EVOLUTION_STRATEGY_TOURNAMENT;
    creates[6].strategy.tournament.size = 9;
    for (unsigned i = 0; i < 7; i++) {
        struct strato_writer snapshot =
            play(&d, (struct manner){ .shares = 2, .has_engine = true }, &creates[i], &evaluations);

        assert_int_equal(d.bred, 0);
        strato_writer_fini(&snapshot);
    }
}

static void an_origin_that_cannot_be_changes_nothing(void **state)
{
    static struct driver d;
    struct strato_evolution_create create = create_of("sphere");
    struct strato_evolution_step step = STRATO_EVOLUTION_STEP_DEFAULTS;
    struct strato_writer w = { 0 };
    struct evolution_batch *batch;
    uint32_t origins[40] = { 0 };
    struct evolution_bred bred = { .origins = origins };

    (void)state;
    driver_init(&d, (struct manner){ .shares = 1 });
    driver_create(&d, &create);
    (void)driver_step(&d, 0, 1);
    evolution_service_engine(d.service, true);
    step.generation = 1;
    step.generations = 2;
    strato_record_encode(&strato_evolution_step__record, &step, &w);
    const struct evolution_message m = { strato_text(STRATO_TYPE_EVOLUTION_STEP), strato_writer_view(&w), NULL, 0 };

    assert_int_equal(evolution_service_ask(d.service, 2, &m), 0);
    while (evolution_service_advance(d.service))
        ;
    batch = evolution_service_batch(d.service, 1);
    assert_int_equal(batch->generations, 2);
    bred.generations = 2;
    bred.genes = batch->genes;
    bred.values = batch->values;
    origins[39] = 40 + 2 * 35; /* one past the last child of two generations with five elites */
    assert_int_equal(evolution_service_bred(d.service, &batch, &bred), STRATO_EINVAL);
    assert_null(batch);
    driver_run(&d); /* by rows, to the end */
    assert_string_equal(d.reply.type, STRATO_TYPE_EVOLUTION_STEPPED);
    assert_int_equal(d.bred, 0);
    strato_writer_fini(&w);
    driver_fini(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_engine_leaves_the_same_snapshot_as_rows),
        cmocka_unit_test(engines_that_die_cost_time_and_no_bit),
        cmocka_unit_test(what_an_engine_cannot_do_goes_by_rows),
        cmocka_unit_test(an_origin_that_cannot_be_changes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
