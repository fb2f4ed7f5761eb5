/*
 * test_evaluate.c - fitness batches give the reference's values; data travels once; odd batches are refused.
 *
 * SPDX-License-Identifier: MIT
 */
#include "bench.h"

#include "core/oracle/oracle.h"
#include "worker/tasks/dataset.h"

enum { DAYS = 700, DIM = 24 };

static double prices[DAYS * 4];

static void make_prices(double rise)
{
    for (unsigned i = 0; i < DAYS * 4; i++)
        prices[i] = 1000.0 + rise * i + (double)(i * 7919 % 101);
}

static void run(struct bench *b, const struct strato_fitness_evaluate *m)
{
    bench_message(b, "fitness.evaluate", &strato_fitness_evaluate__record, m);
}

static struct strato_fitness_evaluate sphere(struct bench *b, const void *rows, size_t bytes, uint32_t dim)
{
    struct strato_fitness_evaluate m = STRATO_FITNESS_EVALUATE_DEFAULTS;

    m.problem = strato_text("sphere");
    m.dim = dim;
    m.dtype = STRATO_EVOLUTION_DTYPE_F32;
    b->frames[0] = strato_bytes(rows, bytes);
    b->frames_count = 1;
    return m;
}

/** Value number `index` of the last reply. */
static double value(struct bench *b, uint32_t index)
{
    struct strato_fitness_fitness reply;
    struct strato_bytes frame = STRATO_BYTES_NONE, bytes;
    double v;

    assert_string_equal(b->result.type, "fitness.fitness");
    assert_int_equal(strato_fitness_fitness_decode(strato_writer_view(&b->result.payload), &reply, NULL), 0);
    if (b->result.frames_count > 0)
        frame = strato_bytes(b->result.frames[0].data, b->result.frames[0].bytes);
    assert_int_equal(strato_binary_bytes(&reply.values, &frame, b->result.frames_count, &bytes), 0);
    assert_true((index + 1) * sizeof(v) <= bytes.bytes);
    memcpy(&v, bytes.data + index * sizeof(v), sizeof(v));
    return v;
}

static void expect_error(struct bench *b, enum strato_common_error_code code, const char *words)
{
    struct strato_fitness_error error;
    char text[1025];

    assert_string_equal(b->result.type, "fitness.error");
    assert_int_equal(strato_fitness_error_decode(strato_writer_view(&b->result.payload), &error, NULL), 0);
    snprintf(text, sizeof(text), "%.*s", (int)error.message.bytes, (const char *)error.message.data);
    if (error.code != code || !strstr(text, words))
        fail_msg("want %d with \"%s\", got %d: %s", (int)code, words, (int)error.code, text);
}

static void rows_get_their_fitness_in_order(void **state)
{
    const float rows[3][2] = { { 1, 2 }, { 3, 4 }, { 0, 0 } };
    struct bench *b = *state;
    struct strato_fitness_evaluate m = sphere(b, rows, sizeof(rows), 2);

    run(b, &m);
    assert_true(value(b, 0) == -5.0 && value(b, 1) == -25.0 && value(b, 2) == 0.0);
}

static void rows_from_an_odd_address_are_no_trouble(void **state)
{
    const float row[2] = { 1, 2 };
    uint8_t bytes[9];
    struct bench *b = *state;
    struct strato_fitness_evaluate m;

    memcpy(bytes + 1, row, sizeof(row));
    m = sphere(b, bytes + 1, sizeof(row), 2);
    run(b, &m);
    assert_true(value(b, 0) == -5.0);
}

static void the_largest_batch_fits_and_one_row_more_does_not(void **state)
{
    static float rows[4097];
    struct bench *b = *state;
    struct strato_fitness_evaluate m = sphere(b, rows, 4096 * sizeof(float), 1);

    run(b, &m);
    assert_true(value(b, 4095) == 0.0);
    assert_int_equal(b->result.frames_count, 1);
    m = sphere(b, rows, sizeof(rows), 1);
    run(b, &m);
    expect_error(b, STRATO_COMMON_ERROR_CODE_INVALID, "4096 rows");
}

static void an_empty_batch_has_no_values(void **state)
{
    struct bench *b = *state;
    struct strato_fitness_evaluate m = sphere(b, NULL, 0, 3);

    run(b, &m);
    assert_string_equal(b->result.type, "fitness.fitness");
}

static void a_landscape_needs_nothing_sent_and_keeps_its_instances(void **state)
{
    double rows[2][5] = { { 0 } };
    struct strato_landscape l = { 0 };
    struct bench *b = *state;
    struct strato_pair_value instance = { .key = strato_text("instance") };
    struct strato_fitness_evaluate m;

    for (uint8_t number = 1; number <= 9; number++) { /* one more than are kept */
        instance.value = strato_bytes(&number, 1);
        assert_int_equal(strato_landscape_init(&l, 10, number, 5), 0);
        strato_landscape_optimum(&l, rows[0]);
        m = sphere(b, rows, sizeof(rows), 5);
        m.problem = strato_text("bbob:f10");
        m.dtype = STRATO_EVOLUTION_DTYPE_F64;
        m.params.items = &instance;
        m.params.count = 1;
        run(b, &m);
        assert_true(value(b, 0) == strato_landscape_best(&l));
        assert_true(value(b, 1) < value(b, 0));
        strato_landscape_fini(&l);
    }
    m = sphere(b, rows, sizeof(rows), 1);
    m.problem = strato_text("bbob:f10");
    run(b, &m);
    expect_error(b, STRATO_COMMON_ERROR_CODE_INVALID, "2..256 genes");
}

static void odd_batches_are_refused(void **state)
{
    const float rows[4] = { 0 };
    struct bench *b = *state;
    struct strato_fitness_evaluate m = sphere(b, rows, 15, 2);

    run(b, &m);
    expect_error(b, STRATO_COMMON_ERROR_CODE_INVALID, "no multiple");
    m = sphere(b, rows, 16, 2);
    m.problem = strato_text("himmelblau");
    run(b, &m);
    expect_error(b, STRATO_COMMON_ERROR_CODE_INVALID, "himmelblau");
    m = sphere(b, rows, 4, 1);
    m.problem = strato_text("rosenbrock");
    run(b, &m);
    expect_error(b, STRATO_COMMON_ERROR_CODE_INVALID, "dim is 1");
    m = sphere(b, rows, 16, 2);
    m.rows.index = 5;
    run(b, &m);
    expect_error(b, STRATO_COMMON_ERROR_CODE_INVALID, "attachment 5");
    bench_raw(b, "fitness.evaluate", STRATO_BYTES_NONE);
    expect_error(b, STRATO_COMMON_ERROR_CODE_INVALID, "problem");
}

static struct strato_fitness_evaluate strategy(struct bench *b, const double rows[DIM], const char *hash, bool has_data)
{
    struct strato_fitness_evaluate m = STRATO_FITNESS_EVALUATE_DEFAULTS;

    m.problem = strato_text("strategy");
    m.dim = DIM;
    m.dtype = STRATO_EVOLUTION_DTYPE_F64;
    m.has_data_hash = true;
    m.data_hash = strato_text(hash);
    m.has_data = has_data;
    m.data.index = 1;
    b->frames[0] = strato_bytes(rows, DIM * sizeof(double));
    b->frames[1] = STRATO_BYTES_OF(prices);
    b->frames_count = has_data ? 2 : 1;
    return m;
}

static void data_travels_once_and_then_by_hash(void **state)
{
    struct strato_strategy_rules rules = STRATO_STRATEGY_RULES_DEFAULTS;
    struct strato_strategy_data data;
    char hash[DATASET_HASH_BYTES + 1];
    struct bench *b = *state;
    struct strato_fitness_evaluate m;
    double rows[DIM];

    make_prices(0.1);
    dataset_hash(STRATO_BYTES_OF(prices), hash);
    for (unsigned i = 0; i < DIM; i++)
        rows[i] = 0.04 * i;
    assert_int_equal(strato_strategy_data_init(&data, prices, DAYS), 0);
    m = strategy(b, rows, hash, false);
    run(b, &m);
    expect_error(b, STRATO_COMMON_ERROR_CODE_NOT_FOUND, "send `data` too");
    m = strategy(b, rows, hash, true);
    run(b, &m);
    assert_true(value(b, 0) == strato_strategy_fitness(rows, &data, &rules));
    m = strategy(b, rows, hash, false);
    run(b, &m);
    assert_true(value(b, 0) == strato_strategy_fitness(rows, &data, &rules));
    strato_strategy_data_fini(&data);
}

static void the_ninth_data_set_pushes_out_the_oldest(void **state)
{
    char first[DATASET_HASH_BYTES + 1], hash[DATASET_HASH_BYTES + 1];
    struct bench *b = *state;
    struct strato_fitness_evaluate m;
    double rows[DIM] = { 0 };
    uint64_t used;

    for (unsigned i = 0; i < 9; i++) {
        make_prices(0.1 * (i + 1));
        dataset_hash(STRATO_BYTES_OF(prices), hash);
        if (i == 0)
            memcpy(first, hash, sizeof(first));
        m = strategy(b, rows, hash, true);
        run(b, &m);
        assert_string_equal(b->result.type, "fitness.fitness");
        if (i == 7)
            used = tasks_pool_used(b->tasks);
    }
    assert_int_equal(tasks_pool_used(b->tasks), used);
    m = strategy(b, rows, first, false);
    run(b, &m);
    expect_error(b, STRATO_COMMON_ERROR_CODE_NOT_FOUND, first);
    m = strategy(b, rows, hash, false);
    run(b, &m);
    assert_string_equal(b->result.type, "fitness.fitness");
}

static void data_that_does_not_match_its_hash_is_refused(void **state)
{
    struct bench *b = *state;
    struct strato_fitness_evaluate m;
    char hash[DATASET_HASH_BYTES + 1];
    double rows[DIM] = { 0 };

    make_prices(0.5);
    m = strategy(b, rows, "00112233445566778899aabbccddeeff", true);
    run(b, &m);
    expect_error(b, STRATO_COMMON_ERROR_CODE_INVALID, "XXH3-128");
    prices[9] = -1.0;
    dataset_hash(STRATO_BYTES_OF(prices), hash);
    m = strategy(b, rows, hash, true);
    run(b, &m);
    expect_error(b, STRATO_COMMON_ERROR_CODE_INVALID, "prices above 0");
    m = strategy(b, rows, hash, false);
    m.has_data_hash = false;
    run(b, &m);
    expect_error(b, STRATO_COMMON_ERROR_CODE_INVALID, "needs data");
}

static void unknown_parameters_are_refused(void **state)
{
    const uint8_t half[] = { 0xcb, 0x3f, 0xe0, 0, 0, 0, 0, 0, 0 };
    const float rows[2] = { 0 };
    struct bench *b = *state;
    struct strato_fitness_evaluate m = sphere(b, rows, sizeof(rows), 2);
    struct strato_pair_value pair = { strato_text("cost"), STRATO_BYTES_OF(half) };

    m.params.items = &pair;
    m.params.count = 1;
    run(b, &m);
    expect_error(b, STRATO_COMMON_ERROR_CODE_INVALID, "no parameter `cost`");
    m = sphere(b, rows, sizeof(rows), 2);
    m.problem = strato_text("strategy");
    m.params.items = &pair;
    m.params.count = 1;
    run(b, &m);
    expect_error(b, STRATO_COMMON_ERROR_CODE_INVALID, "parameter `cost`");
}

static void a_lost_device_is_an_error_and_the_next_batch_runs(void **state)
{
    const float rows[2] = { 3, 4 };
    struct bench *b = *state;
    struct strato_fitness_evaluate m = sphere(b, rows, sizeof(rows), 2);

    sim_break(b->device, 1);
    run(b, &m);
    expect_error(b, STRATO_COMMON_ERROR_CODE_FAILED, "allocation");
    m = sphere(b, rows, sizeof(rows), 2);
    run(b, &m);
    assert_true(value(b, 0) == -25.0);
    sim_break(b->device, 1);
    m = sphere(b, rows, sizeof(rows), 2);
    run(b, &m);
    expect_error(b, STRATO_COMMON_ERROR_CODE_FAILED, "send it again");
    m = sphere(b, rows, sizeof(rows), 2);
    run(b, &m);
    assert_true(value(b, 0) == -25.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BENCH(rows_get_their_fitness_in_order),
        ON_BENCH(rows_from_an_odd_address_are_no_trouble),
        ON_BENCH(the_largest_batch_fits_and_one_row_more_does_not),
        ON_BENCH(an_empty_batch_has_no_values),
        ON_BENCH(a_landscape_needs_nothing_sent_and_keeps_its_instances),
        ON_BENCH(odd_batches_are_refused),
        ON_BENCH(data_travels_once_and_then_by_hash),
        ON_BENCH(the_ninth_data_set_pushes_out_the_oldest),
        ON_BENCH(data_that_does_not_match_its_hash_is_refused),
        ON_BENCH(unknown_parameters_are_refused),
        ON_BENCH(a_lost_device_is_an_error_and_the_next_batch_runs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
