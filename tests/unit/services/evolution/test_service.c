/*
 * test_service.c - the service as its users see it: every message, every refusal, and the same result however rows were evaluated.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>

#include "driver.h"

static struct driver driver, other;

static struct strato_evolution_create create_of(const char *problem, uint32_t size, uint32_t dim)
{
    struct strato_evolution_create create = STRATO_EVOLUTION_CREATE_DEFAULTS;

    create.problem = strato_text(problem);
    create.size = size;
    create.dim = dim;
    create.seed = 42;
    create.mutation_rate = 0.1;
    return create;
}

static int setup(void **state)
{
    driver_init(&driver, (struct manner){ .shares = 1 });
    *state = &driver;
    return 0;
}

static int teardown(void **state)
{
    driver_fini(*state);
    return 0;
}

/* ---- the same result ---- */

static void result_does_not_depend_on_how_rows_are_evaluated(void **state)
{
    static const struct manner manners[] = {
        { .shares = 2 },
        { .shares = 7, .is_backwards = true },
        { .shares = 100 },
        { .shares = 3, .lose_every = 2 },
        { .shares = 5, .is_backwards = true, .lose_every = 3 },
    };
    struct strato_evolution_create create = create_of("rastrigin", 64, 10);
    struct strato_evolution_stepped want, got;
    double genes[10], same[10];

    driver_create(*state, &create);
    want = driver_step(*state, 0, 30);
    driver_best(*state, 1, genes, NULL);
    for (size_t i = 0; i < sizeof(manners) / sizeof(*manners); i++) {
        driver_init(&other, manners[i]);
        driver_create(&other, &create);
        for (uint64_t generation = 0; generation < 30; generation += 5) /* in six steps instead of one */
            got = driver_step(&other, generation, 5);
        driver_best(&other, 1, same, NULL);
        assert_true(got.best == want.best && got.average == want.average && got.std_dev == want.std_dev);
        assert_memory_equal(genes, same, sizeof(genes));
        driver_fini(&other);
    }
}

static void another_seed_gives_another_result(void **state)
{
    struct strato_evolution_create create = create_of("rastrigin", 64, 10);
    double best;

    driver_create(*state, &create);
    best = driver_step(*state, 0, 5).best;
    driver_init(&other, (struct manner){ .shares = 1 });
    create.seed = 43;
    driver_create(&other, &create);
    assert_true(driver_step(&other, 0, 5).best != best);
    driver_fini(&other);
}

/* behaviour.md section 7, row 14, with every default. */
static void sphere_passes_a_hundredth_within_300_generations(void **state)
{
    struct strato_evolution_create create = STRATO_EVOLUTION_CREATE_DEFAULTS;
    struct strato_evolution_stepped stepped;

    create.problem = strato_text("sphere");
    create.dim = 16;
    create.seed = 1;
    driver_create(*state, &create);
    stepped = driver_step(*state, 0, 300);
    assert_true(stepped.best > -0.01);
    assert_int_equal(stepped.generation, 300);
}

/* ---- improvements ---- */

static void improvements_are_told_once_each_with_the_true_old_value(void **state)
{
    struct driver *d = *state;
    struct strato_evolution_create create = create_of("sphere", 50, 8);
    double best, seen;
    uint32_t expected = 0;

    driver_create(d, &create);
    seen = driver_best(d, 1, NULL, NULL);
    assert_int_equal(d->events_count, 0); /* the first best improves on nothing */
    for (uint64_t generation = 0; generation < 100; generation++) {
        best = driver_step(d, generation, 1).best;
        if (best > seen) {
            assert_int_equal(d->events_count, expected + 1);
            assert_true(d->events[expected].old_fitness == seen && d->events[expected].new_fitness == best);
            expected++;
            seen = best;
        }
        assert_int_equal(d->events_count, expected);
    }
    assert_in_range(expected, 10, 100);
}

static uint64_t clock_now;
static uint64_t fake_clock(void *arg)
{
    (void)arg;
    return clock_now += 1000; /* 1 ms a look */
}

static void improvements_within_50_ms_are_joined_into_one_unbroken_chain(void **state)
{
    const struct evolution_options options = { .clock_us = fake_clock };
    struct driver *d = *state;
    struct strato_evolution_create create = create_of("sphere", 50, 8);
    uint32_t alone;
    double end;

    driver_create(d, &create);
    end = driver_step(d, 0, 100).best;
    alone = d->events_count;
    driver_init(&other, (struct manner){ .shares = 1 });
    evolution_service_destroy(&other.service);
    assert_int_equal(evolution_service_new(&options, &other.service), 0);
    driver_create(&other, &create);
    driver_step(&other, 0, 100);
    assert_in_range(other.events_count, 2, alone - 1);
    assert_true(other.events[0].old_fitness == d->events[0].old_fitness);
    for (uint32_t i = 1; i < other.events_count; i++)
        assert_true(other.events[i].old_fitness == other.events[i - 1].new_fitness);
    assert_true(other.events[other.events_count - 1].new_fitness == end);
    driver_fini(&other);
}

/* ---- messages ---- */

static void a_step_from_another_generation_is_refused_so_a_repeated_one_runs_once(void **state)
{
    struct strato_evolution_create create = create_of("sphere", 10, 4);
    struct strato_evolution_step step = STRATO_EVOLUTION_STEP_DEFAULTS;

    driver_create(*state, &create);
    driver_step(*state, 0, 3);
    driver_ask(*state, STRATO_TYPE_EVOLUTION_STEP, &strato_evolution_step__record, &step, STRATO_BYTES_NONE);
    assert_error(*state, STRATO_COMMON_ERROR_CODE_REFUSED, "generation 3");
}

static void a_repeated_create_is_answered_like_the_first(void **state)
{
    struct strato_evolution_create create = create_of("sphere", 10, 4);

    create.has_population = true;
    create.population = strato_text("mine");
    driver_create(*state, &create);
    driver_create(*state, &create);
    create.seed++;
    driver_ask(*state, STRATO_TYPE_EVOLUTION_CREATE, &strato_evolution_create__record, &create, STRATO_BYTES_NONE);
    assert_error(*state, STRATO_COMMON_ERROR_CODE_REFUSED, "mine exists");
}

static void messages_before_create_name_the_fix(void **state)
{
    struct strato_evolution_step step = STRATO_EVOLUTION_STEP_DEFAULTS;

    driver_ask(*state, STRATO_TYPE_EVOLUTION_STEP, &strato_evolution_step__record, &step, STRATO_BYTES_NONE);
    assert_error(*state, STRATO_COMMON_ERROR_CODE_NOT_FOUND, "evolution.create");
    step.has_population = true;
    step.population = strato_text("atlantis");
    driver_ask(*state, STRATO_TYPE_EVOLUTION_STEP, &strato_evolution_step__record, &step, STRATO_BYTES_NONE);
    assert_error(*state, STRATO_COMMON_ERROR_CODE_NOT_FOUND, "atlantis");
}

static void what_is_not_offered_is_refused_by_name(void **state)
{
    static const struct {
        const char *problem, *algo, *crossover;
        uint32_t islands, dim;
        const char *word;
    } rows[] = {
        { "hills", "ga", "one_point", 1, 4, "rastrigin" },      { "sphere", "annealing", "one_point", 1, 4, "cma-es" },
        { "sphere", "ga", "uniform", 1, 4, "crossover" },       { "sphere", "ga", "one_point", 2, 4, "islands" },
        { "rosenbrock", "ga", "one_point", 1, 1, "genes" },     { "strategy", "ga", "one_point", 1, 64, "set dim" },
        { "strategy", "ga", "one_point", 1, 24, "needs data" },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct strato_evolution_create create = create_of(rows[i].problem, 10, rows[i].dim);

        create.algo = strato_text(rows[i].algo);
        create.crossover = strato_text(rows[i].crossover);
        create.islands = rows[i].islands;
        driver_ask(*state, STRATO_TYPE_EVOLUTION_CREATE, &strato_evolution_create__record, &create, STRATO_BYTES_NONE);
        assert_error(*state, i == 0 ? STRATO_COMMON_ERROR_CODE_NOT_FOUND : STRATO_COMMON_ERROR_CODE_INVALID,
                     rows[i].word);
    }
}

static void garbage_is_invalid_and_harms_nobody(void **state)
{
    struct driver *d = *state;
    static const uint8_t torn[] = { 0x81, 0xa7, 'p' };
    const struct evolution_message bad_payload = { strato_text(STRATO_TYPE_EVOLUTION_CREATE), STRATO_BYTES_OF(torn),
                                                   NULL, 0 };
    const struct evolution_message bad_type = { strato_text("evolution.teleport"), STRATO_BYTES_NONE, NULL, 0 };
    struct strato_evolution_create create = create_of("sphere", 10, 4);

    driver_create(d, &create);
    assert_int_equal(evolution_service_ask(d->service, 1, &bad_payload), 0);
    driver_run(d);
    assert_error(d, STRATO_COMMON_ERROR_CODE_INVALID, "evolution.create");
    assert_int_equal(evolution_service_ask(d->service, 1, &bad_type), 0);
    driver_run(d);
    assert_error(d, STRATO_COMMON_ERROR_CODE_INVALID, "evolution.teleport");
    assert_int_equal(driver_step(d, 0, 1).generation, 1);
    assert_int_equal(evolution_service_waiting(d->service), 0);
}

static void one_ask_past_the_limit_is_refused(void **state)
{
    struct driver *d = *state;
    struct strato_evolution_create create = create_of("sphere", 10, 4);
    struct strato_evolution_get_best best = { .count = 1 };
    struct strato_writer w = { 0 };

    driver_create(d, &create);
    strato_evolution_get_best_encode(&best, &w);
    const struct evolution_message m = { strato_text(STRATO_TYPE_EVOLUTION_GET_BEST), strato_writer_view(&w), NULL, 0 };

    for (uint64_t ticket = 0; ticket < EVOLUTION_ASKS_MAX; ticket++)
        assert_int_equal(evolution_service_ask(d->service, ticket, &m), 0);
    driver_collect(d);
    assert_string_not_equal(d->reply.type, STRATO_TYPE_EVOLUTION_ERROR);
    assert_int_equal(evolution_service_ask(d->service, 999, &m), 0);
    driver_collect(d);
    assert_error(d, STRATO_COMMON_ERROR_CODE_REFUSED, "wait already");
    assert_int_equal(d->reply.ticket, 999);
    driver_run(d);
    assert_int_equal(evolution_service_waiting(d->service), 0);
    strato_writer_fini(&w);
}

static void the_population_idle_longest_makes_room(void **state)
{
    struct strato_evolution_create create = create_of("sphere", 4, 2);
    struct strato_evolution_get_best best = { .count = 1, .has_population = true };
    char name[16];

    create.has_population = true;
    for (int i = 0; i <= EVOLUTION_POPULATIONS_MAX; i++) {
        snprintf(name, sizeof(name), "n%d", i);
        create.population = strato_text(name);
        driver_create(*state, &create);
    }
    best.population = strato_text("n0");
    driver_ask(*state, STRATO_TYPE_EVOLUTION_GET_BEST, &strato_evolution_get_best__record, &best, STRATO_BYTES_NONE);
    assert_error(*state, STRATO_COMMON_ERROR_CODE_NOT_FOUND, "n0");
    best.population = strato_text("n1");
    driver_ask(*state, STRATO_TYPE_EVOLUTION_GET_BEST, &strato_evolution_get_best__record, &best, STRATO_BYTES_NONE);
    assert_string_equal(driver.reply.type, STRATO_TYPE_EVOLUTION_INDIVIDUALS);
}

static struct strato_evolution_individuals individuals_of(const struct driver *d)
{
    struct strato_evolution_individuals individuals;

    assert_string_equal(d->reply.type, STRATO_TYPE_EVOLUTION_INDIVIDUALS);
    assert_int_equal(strato_evolution_individuals_decode(strato_writer_view(&d->reply.payload), &individuals, NULL), 0);
    return individuals;
}

static void selection_answers_best_first_for_every_strategy(void **state)
{
    struct strato_evolution_create create = create_of("sphere", 20, 4);
    struct strato_evolution_selection m = { .count = 30 };

    driver_create(*state, &create);
    for (int kind = STRATO_EVOLUTION_STRATEGY_TOURNAMENT; kind <= STRATO_EVOLUTION_STRATEGY_ELITIST; kind++) {
        struct strato_evolution_individuals individuals;
        struct strato_evolution_individual one;
        struct strato_iter it;
        double last = 1;

        m.strategy.kind = (enum strato_evolution_strategy_kind)kind;
        m.strategy.tournament.size = 3;
        driver_ask(*state, STRATO_TYPE_EVOLUTION_SELECTION, &strato_evolution_selection__record, &m, STRATO_BYTES_NONE);
        individuals = individuals_of(*state);
        assert_int_equal(individuals.individuals.count, kind == STRATO_EVOLUTION_STRATEGY_ELITIST ? 20 : 30);
        it = strato_evolution_individual_list_begin(&individuals.individuals);
        while (strato_evolution_individual_list_next(&it, &one)) {
            assert_true(one.has_fitness && one.fitness <= last);
            last = one.fitness;
        }
    }
}

static void a_mutated_individual_comes_back_without_fitness_and_gets_a_new_one(void **state)
{
    struct strato_evolution_create create = create_of("sphere", 20, 4);
    struct strato_evolution_mutation m = STRATO_EVOLUTION_MUTATION_DEFAULTS;
    struct strato_evolution_evaluate_fitness e = STRATO_EVOLUTION_EVALUATE_FITNESS_DEFAULTS;
    struct strato_evolution_individuals individuals;
    struct strato_evolution_individual one;
    struct strato_iter it;
    struct strato_uuid id;
    double before;

    driver_create(*state, &create);
    before = driver_best(*state, 1, NULL, &id);
    m.rate = 1;
    m.individual_ids = e.individual_ids = (struct strato_list_uuid){ .items = &id, .count = 1 };
    driver_ask(*state, STRATO_TYPE_EVOLUTION_MUTATION, &strato_evolution_mutation__record, &m, STRATO_BYTES_NONE);
    individuals = individuals_of(*state);
    it = strato_evolution_individual_list_begin(&individuals.individuals);
    assert_true(strato_evolution_individual_list_next(&it, &one));
    assert_false(one.has_fitness);
    driver_ask(*state, STRATO_TYPE_EVOLUTION_EVALUATE_FITNESS, &strato_evolution_evaluate_fitness__record, &e,
               STRATO_BYTES_NONE);
    individuals = individuals_of(*state);
    it = strato_evolution_individual_list_begin(&individuals.individuals);
    assert_true(strato_evolution_individual_list_next(&it, &one));
    assert_true(one.has_fitness && one.fitness != before);
    assert_memory_equal(one.id.bytes, id.bytes, 16);
}

static void an_unknown_individual_is_not_found(void **state)
{
    struct strato_evolution_create create = create_of("sphere", 20, 4);
    struct strato_evolution_evaluate_fitness e = STRATO_EVOLUTION_EVALUATE_FITNESS_DEFAULTS;
    const struct strato_uuid id = { { 1 } };

    driver_create(*state, &create);
    e.individual_ids = (struct strato_list_uuid){ .items = &id, .count = 1 };
    driver_ask(*state, STRATO_TYPE_EVOLUTION_EVALUATE_FITNESS, &strato_evolution_evaluate_fitness__record, &e,
               STRATO_BYTES_NONE);
    assert_error(*state, STRATO_COMMON_ERROR_CODE_NOT_FOUND, "number 0");
}

static void an_injected_individual_takes_the_place_of_the_worst(void **state)
{
    struct strato_evolution_create create = create_of("sphere", 20, 3);
    const double genome[] = { 0, 0, 0 };
    struct strato_evolution_individual one = { .id = { { 7, 7 } }, .genome = { .items = genome, .count = 3 } };
    struct strato_evolution_inject m = { .individuals = { .items = &one, .count = 1 } };
    struct strato_uuid id;

    driver_create(*state, &create);
    driver_ask(*state, STRATO_TYPE_EVOLUTION_INJECT, &strato_evolution_inject__record, &m, STRATO_BYTES_NONE);
    assert_string_equal(driver.reply.type, STRATO_TYPE_EVOLUTION_ACK);
    assert_true(driver_best(*state, 1, NULL, &id) == 0);
    assert_memory_equal(id.bytes, one.id.bytes, 16);
    assert_int_equal(driver.events_count, 1);
    one.has_fitness = true;
    one.fitness = -500; /* told from elsewhere: it takes its own place */
    driver_ask(*state, STRATO_TYPE_EVOLUTION_INJECT, &strato_evolution_inject__record, &m, STRATO_BYTES_NONE);
    assert_true(driver_best(*state, 1, NULL, &id) < 0);
    assert_memory_not_equal(id.bytes, one.id.bytes, 16);
}

static void injected_genomes_of_another_length_are_invalid(void **state)
{
    struct strato_evolution_create create = create_of("sphere", 20, 3);
    const double genome[] = { 0, 0 };
    struct strato_evolution_individual one = { .genome = { .items = genome, .count = 2 } };
    struct strato_evolution_inject m = { .individuals = { .items = &one, .count = 1 } };

    driver_create(*state, &create);
    driver_ask(*state, STRATO_TYPE_EVOLUTION_INJECT, &strato_evolution_inject__record, &m, STRATO_BYTES_NONE);
    assert_error(*state, STRATO_COMMON_ERROR_CODE_INVALID, "3 genes, not 2");
}

static void a_restored_population_goes_on_bit_for_bit(void **state)
{
    struct driver *d = *state;
    struct strato_evolution_create create = create_of("rastrigin", 30, 6);
    struct strato_evolution_checkpoint m = STRATO_EVOLUTION_CHECKPOINT_DEFAULTS;
    struct strato_evolution_restore restore = STRATO_EVOLUTION_RESTORE_DEFAULTS;
    struct strato_evolution_stepped want, got;
    struct strato_writer snapshot;

    driver_create(d, &create);
    driver_step(d, 0, 7);
    driver_ask(d, STRATO_TYPE_EVOLUTION_CHECKPOINT, &strato_evolution_checkpoint__record, &m, STRATO_BYTES_NONE);
    assert_string_equal(d->reply.type, STRATO_TYPE_EVOLUTION_CHECKPOINTED);
    snapshot = d->reply.attachment;
    d->reply.attachment = (struct strato_writer){ 0 };
    want = driver_step(d, 7, 20);

    driver_init(&other, (struct manner){ .shares = 3 });
    driver_ask(&other, STRATO_TYPE_EVOLUTION_RESTORE, &strato_evolution_restore__record, &restore,
               strato_writer_view(&snapshot));
    assert_string_equal(other.reply.type, STRATO_TYPE_EVOLUTION_CREATED);
    got = driver_step(&other, 7, 20);
    assert_true(got.best == want.best && got.average == want.average && got.worst == want.worst);
    driver_fini(&other);
    strato_writer_fini(&snapshot);
}

static void populations_run_beside_each_other(void **state)
{
    struct driver *d = *state;
    struct strato_evolution_create create = create_of("sphere", 20, 3);
    struct evolution_batch *a, *b;

    driver_create(d, &create);
    create.has_population = true;
    create.population = strato_text("second");
    driver_create(d, &create);
    for (int i = 0; i < 2; i++) {
        struct strato_evolution_step step = { .generations = 1,
                                              .has_population = i == 1,
                                              .population = strato_text("second") };
        struct strato_writer w = { 0 };

        strato_evolution_step_encode(&step, &w);
        const struct evolution_message m = { strato_text(STRATO_TYPE_EVOLUTION_STEP), strato_writer_view(&w), NULL, 0 };

        assert_int_equal(evolution_service_ask(d->service, (uint64_t)i, &m), 0);
        strato_writer_fini(&w);
    }
    evolution_service_advance(d->service);
    a = evolution_service_batch(d->service, 1);
    b = evolution_service_batch(d->service, 1);
    assert_non_null(a);
    assert_non_null(b);
    assert_ptr_not_equal(a->settings, b->settings);
    evolution_service_lose(d->service, &a);
    evolution_service_lose(d->service, &b);
    driver_run(d);
    assert_int_equal(evolution_service_waiting(d->service), 0);
}

static void batches_keep_to_4096_rows_and_1_mib(void **state)
{
    static const struct {
        uint32_t size, dim, want;
    } rows[] = { { 4097, 4, 4096 }, { 1000, 1024, 256 }, { 3, 65536, 3 }, { 5, 65536, 4 } };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct strato_evolution_create create = create_of("sphere", rows[i].size, rows[i].dim);
        struct strato_evolution_get_best best = { .count = 1 };
        struct evolution_batch *batch;
        struct strato_writer w = { 0 };

        driver_init(&other, (struct manner){ .shares = 1 });
        driver_create(&other, &create);
        strato_evolution_get_best_encode(&best, &w);
        const struct evolution_message m = { strato_text(STRATO_TYPE_EVOLUTION_GET_BEST), strato_writer_view(&w), NULL,
                                             0 };

        assert_int_equal(evolution_service_ask(other.service, 1, &m), 0);
        evolution_service_advance(other.service);
        batch = evolution_service_batch(other.service, 1);
        assert_int_equal(batch->count, rows[i].want);
        evolution_service_lose(other.service, &batch);
        strato_writer_fini(&w);
        driver_fini(&other);
    }
}

int main(void)
{
#define CLAIM(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CLAIM(result_does_not_depend_on_how_rows_are_evaluated),
        CLAIM(another_seed_gives_another_result),
        CLAIM(sphere_passes_a_hundredth_within_300_generations),
        CLAIM(improvements_are_told_once_each_with_the_true_old_value),
        CLAIM(improvements_within_50_ms_are_joined_into_one_unbroken_chain),
        CLAIM(a_step_from_another_generation_is_refused_so_a_repeated_one_runs_once),
        CLAIM(a_repeated_create_is_answered_like_the_first),
        CLAIM(messages_before_create_name_the_fix),
        CLAIM(what_is_not_offered_is_refused_by_name),
        CLAIM(garbage_is_invalid_and_harms_nobody),
        CLAIM(one_ask_past_the_limit_is_refused),
        CLAIM(the_population_idle_longest_makes_room),
        CLAIM(selection_answers_best_first_for_every_strategy),
        CLAIM(a_mutated_individual_comes_back_without_fitness_and_gets_a_new_one),
        CLAIM(an_unknown_individual_is_not_found),
        CLAIM(an_injected_individual_takes_the_place_of_the_worst),
        CLAIM(injected_genomes_of_another_length_are_invalid),
        CLAIM(a_restored_population_goes_on_bit_for_bit),
        CLAIM(populations_run_beside_each_other),
        cmocka_unit_test(batches_keep_to_4096_rows_and_1_mib),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
