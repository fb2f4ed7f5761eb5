/*
 * test_host.c - the evolution service hosted over inproc, with workers that lie, refuse and forget.
 *
 * The worker is played by the test, so that every oddity of an answer can be provoked; the result must be that of
 * the C reference each time.
 *
 * SPDX-License-Identifier: MIT
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "schemas/evolution.h"
#include "schemas/fitness.h"
#include "services/evolution/problem.h"
#include "services/host.h"
#include "tests/integration/client/client_fixture.h"

enum { GENERATIONS = 6, DAYS = 700 };

/** How the played worker answers. */
enum manner {
    MANNER_TRUE,       /* as it should */
    MANNER_FORGETFUL,  /* asks for the data set each time that it is not sent */
    MANNER_SHORT,      /* one value too few */
    MANNER_GARBAGE,    /* a payload that is no fitness.fitness */
    MANNER_WRONG_TYPE, /* a reply of another type */
    MANNER_REFUSING,   /* fitness.error failed */
    MANNER_SILENT,     /* drops the request */
};

struct bench {
    struct broker_fixture f;
    strato_services *services;
    strato_client *caller, *worker;
    strato_consumer *work;
    uint32_t asked, with_data, true_answers;
};

static const char *const names[] = { "evolution" };

static void begin(struct bench *b, const char *cap)
{
    struct strato_client_options options;
    const struct strato_consumer_options work = { .channel = "fitness", .prefetch = 8 };
    char detail[256] = "";

    *b = (struct bench){ 0 };
    broker_fixture_init(&b->f);
    broker_fixture_start(&b->f);
    assert_int_equal(strato_services_start(names, 1, broker_fixture_endpoint(&b->f, "inproc"),
                                           strato_broker_zmq_context(b->f.broker), &b->services, detail, sizeof detail),
                     0);
    b->caller = client_new(&b->f, OVER_TCP);
    if (!cap)
        return;
    options = client_options(&b->f, OVER_TCP);
    options.caps = &cap;
    options.caps_count = 1;
    options.kind = "worker";
    b->worker = client_join(&options);
    assert_int_equal(strato_consumer_open(b->worker, &work, &b->work), 0);
}

static void end(struct bench *b)
{
    strato_consumer_close(&b->work);
    strato_client_close(&b->worker);
    strato_client_close(&b->caller);
    strato_services_stop(&b->services);
    broker_fixture_stop(&b->f);
}

/* ---- the played worker --------------------------------------------------------------------------------- */

static void evaluate(const strato_message *message, const struct strato_fitness_evaluate *m, struct strato_bytes data,
                     double *values, uint32_t *ret_count)
{
    const struct strato_problem *problem = strato_problem_find(m->problem);
    struct strato_problem_params params = STRATO_PROBLEM_PARAMS_DEFAULTS;
    struct strato_problem_data *ready = NULL;
    struct strato_bytes frames[2] = { strato_message_attachment(message, 0), strato_message_attachment(message, 1) },
                        rows;

    assert_int_equal(strato_binary_bytes(&m->rows, frames, strato_message_attachments(message), &rows), 0);
    *ret_count = (uint32_t)(rows.bytes / (m->dim * sizeof(float)));
    assert_int_equal(strato_problem_data_new(problem, &params, m->dim, data, &ready), 0);
    assert_int_equal(
        strato_problem_evaluate(
            problem, &params, ready,
            &(struct strato_rows){ .type = STRATO_GENES_F32, .count = *ret_count, .dim = m->dim, .genes = rows.data },
            values),
        0);
    strato_problem_data_destroy(&ready);
}

static void answer(const strato_message *request, const char *type, const struct strato_record *record,
                   const void *value)
{
    struct strato_writer w = { 0 };
    struct strato_send reply = { .envelope = { .type = type } };

    strato_record_encode(record, value, &w);
    reply.envelope.payload = strato_writer_view(&w);
    assert_int_equal(strato_message_reply((strato_message *)(uintptr_t)request, &reply, false), 0);
    strato_writer_fini(&w);
}

static void answer_error(const strato_message *request, enum strato_common_error_code code)
{
    struct strato_fitness_error error = { .code = code, .message = strato_text("played") };

    answer(request, STRATO_TYPE_FITNESS_ERROR, &strato_fitness_error__record, &error);
}

static void answer_values(struct bench *b, const strato_message *request, const struct strato_fitness_evaluate *m,
                          struct strato_bytes data, enum manner manner)
{
    struct strato_fitness_fitness fitness = STRATO_FITNESS_FITNESS_DEFAULTS;
    double values[4096];
    uint32_t count = 0;

    evaluate(request, m, data, values, &count);
    fitness.values.is_inline = true;
    fitness.values.bytes = strato_bytes(values, (count - (manner == MANNER_SHORT)) * sizeof(double));
    fitness.device = strato_text("played");
    b->true_answers += manner != MANNER_SHORT;
    answer(request, STRATO_TYPE_FITNESS_FITNESS, &strato_fitness_fitness__record, &fitness);
}

static void play_one(struct bench *b, const strato_message *request, enum manner manner)
{
    struct strato_fitness_evaluate m;
    struct strato_bytes frames[2] = { strato_message_attachment(request, 0), strato_message_attachment(request, 1) },
                        data;
    const struct strato_send garbage = { .envelope = { .type = STRATO_TYPE_FITNESS_FITNESS,
                                                       .payload = strato_bytes("\x81\xa1x\x01", 4) } };
    const struct strato_send other = { .envelope = { .type = "fitness.poem" } };

    assert_int_equal(strato_fitness_evaluate_decode(strato_message_envelope(request)->payload, &m, NULL), 0);
    data = STRATO_BYTES_NONE;
    if (m.has_data)
        assert_int_equal(strato_binary_bytes(&m.data, frames, strato_message_attachments(request), &data), 0);
    b->asked++;
    b->with_data += m.has_data;
    switch (manner) {
    case MANNER_FORGETFUL:
        assert_true(m.has_data_hash && m.data_hash.bytes == 32);
        if (m.has_data)
            answer_values(b, request, &m, data, manner);
        else
            answer_error(request, STRATO_COMMON_ERROR_CODE_NOT_FOUND);
        break;
    case MANNER_TRUE:
    case MANNER_SHORT:
        answer_values(b, request, &m, data, manner);
        break;
    case MANNER_GARBAGE:
        assert_int_equal(strato_message_reply((strato_message *)(uintptr_t)request, &garbage, false), 0);
        break;
    case MANNER_WRONG_TYPE:
        assert_int_equal(strato_message_reply((strato_message *)(uintptr_t)request, &other, false), 0);
        break;
    case MANNER_REFUSING:
        answer_error(request, STRATO_COMMON_ERROR_CODE_FAILED);
        break;
    case MANNER_SILENT:
        break; /* destroyed unanswered */
    }
}

/* ---- the caller ------------------------------------------------------------------------------------------ */

static uint64_t start(struct bench *b, const char *type, const struct strato_record *record, const void *value,
                      struct strato_bytes frame)
{
    struct strato_writer w = { 0 };
    const struct strato_attachment attachment = { .data = frame.data, .bytes = frame.bytes };
    struct strato_send send = { .channel = "evolution",
                                .envelope = { .type = type },
                                .attachments = &attachment,
                                .attachments_count = frame.bytes ? 1 : 0 };
    const struct strato_request_options options = { .timeout_ms = BROKER_FIXTURE_PATIENCE_MS };
    uint64_t id;

    strato_record_encode(record, value, &w);
    send.envelope.payload = strato_writer_view(&w);
    assert_int_equal(strato_request_start(b->caller, &send, &options, &id), 0);
    strato_writer_fini(&w);
    return id;
}

/* Plays the worker until the request is answered. */
static strato_message *wait_reply(struct bench *b, enum manner manner)
{
    struct strato_result result;
    strato_message *request;

    while (strato_request_next(b->caller, b->work ? 0 : 100, &result) < 0) {
        if (!b->work || strato_consumer_next(b->work, 5, &request) < 0)
            continue;
        play_one(b, request, manner);
        strato_message_destroy(&request);
    }
    assert_int_equal(result.err, 0);
    return result.reply;
}

static void create(struct bench *b, const char *problem, uint32_t dim, struct strato_bytes data)
{
    struct strato_evolution_create m = STRATO_EVOLUTION_CREATE_DEFAULTS;
    strato_message *reply;

    m.problem = strato_text(problem);
    m.size = 24;
    m.dim = dim;
    m.seed = 11;
    m.mutation_rate = 0.2;
    m.has_data = data.bytes > 0;
    start(b, STRATO_TYPE_EVOLUTION_CREATE, &strato_evolution_create__record, &m, data);
    reply = wait_reply(b, MANNER_TRUE);
    assert_true(strato_bytes_is(strato_message_envelope(reply)->type, STRATO_TYPE_EVOLUTION_CREATED));
    strato_message_destroy(&reply);
}

static struct strato_evolution_stepped step(struct bench *b, enum manner manner)
{
    struct strato_evolution_step m = { .generations = GENERATIONS };
    struct strato_evolution_stepped stepped;
    strato_message *reply;

    start(b, STRATO_TYPE_EVOLUTION_STEP, &strato_evolution_step__record, &m, STRATO_BYTES_NONE);
    reply = wait_reply(b, manner);
    assert_true(strato_bytes_is(strato_message_envelope(reply)->type, STRATO_TYPE_EVOLUTION_STEPPED));
    assert_int_equal(strato_evolution_stepped_decode(strato_message_envelope(reply)->payload, &stepped, NULL), 0);
    stepped.population = STRATO_BYTES_NONE;
    strato_message_destroy(&reply);
    return stepped;
}

static double reference(const char *problem, uint32_t dim, struct strato_bytes data)
{
    struct strato_evolution_stepped stepped;
    struct bench b;

    begin(&b, NULL);
    create(&b, problem, dim, data);
    stepped = step(&b, MANNER_TRUE);
    assert_int_equal(stepped.local_evaluations, stepped.evaluations);
    end(&b);
    return stepped.best;
}

/* ---- claims ------------------------------------------------------------------------------------------------ */

static void a_true_worker_evaluates_everything(void **state)
{
    struct strato_evolution_stepped stepped;
    struct bench b;

    (void)state;
    begin(&b, "fitness:sphere");
    create(&b, "sphere", 8, STRATO_BYTES_NONE);
    stepped = step(&b, MANNER_TRUE);
    assert_true(stepped.best == reference("sphere", 8, STRATO_BYTES_NONE));
    assert_int_equal(stepped.local_evaluations, 0);
    end(&b);
}

static void bad_answers_are_never_believed_and_never_stop_a_run(void **state)
{
    static const enum manner manners[] = { MANNER_SHORT, MANNER_GARBAGE, MANNER_WRONG_TYPE, MANNER_REFUSING,
                                           MANNER_SILENT };
    double want = reference("rastrigin", 5, STRATO_BYTES_NONE);

    (void)state;
    for (size_t i = 0; i < sizeof manners / sizeof *manners; i++) {
        struct strato_evolution_stepped stepped;
        struct bench b;

        begin(&b, "fitness:rastrigin");
        create(&b, "rastrigin", 5, STRATO_BYTES_NONE);
        stepped = step(&b, manners[i]);
        assert_true(stepped.best == want);
        assert_in_range(b.asked, 3, 100);
        assert_int_equal(b.true_answers, 0);
        end(&b);
    }
}

static void a_worker_without_the_need_is_never_asked(void **state)
{
    struct strato_evolution_stepped stepped;
    struct bench b;

    (void)state;
    begin(&b, "fitness:rosenbrock");
    create(&b, "sphere", 8, STRATO_BYTES_NONE);
    stepped = step(&b, MANNER_TRUE);
    assert_int_equal(stepped.local_evaluations, stepped.evaluations);
    assert_int_equal(b.asked, 0);
    end(&b);
}

/* Closes that wander, for the problem strategy. */
static struct strato_bytes closes(void)
{
    static double days[DAYS][4];

    for (uint32_t day = 0; day < DAYS; day++)
        for (uint32_t market = 0; market < 4; market++)
            days[day][market] = 1000 + 100 * market + (day * (market + 3)) % 97 + day / 5.0;
    return strato_bytes(days, sizeof days);
}

static void the_data_set_is_sent_when_it_is_asked_for(void **state)
{
    struct strato_evolution_stepped stepped;
    struct bench b;

    (void)state;
    begin(&b, "fitness:strategy");
    create(&b, "strategy", 24, closes());
    stepped = step(&b, MANNER_FORGETFUL);
    assert_int_equal(stepped.local_evaluations, 0);
    assert_int_equal(b.asked, 2 * b.with_data); /* by hash first, then with the data */
    assert_true(stepped.best == reference("strategy", 24, closes()));
    end(&b);
}

static bool is_dead_lettered(struct broker_fixture *f, void *arg)
{
    return broker_fixture_channel(f, "evolution").dead_lettered == *(uint64_t *)arg;
}

static void a_put_that_makes_no_sense_is_dead_lettered(void **state)
{
    const struct strato_send nonsense = { .channel = "evolution", .envelope = { .type = "evolution.teleport" } };
    uint64_t one = 1;
    struct bench b;

    (void)state;
    begin(&b, NULL);
    assert_int_equal(strato_send_confirmed(b.caller, &nonsense, BROKER_FIXTURE_PATIENCE_MS), 0);
    broker_fixture_eventually(&b.f, is_dead_lettered, &one, "the put is dead-lettered");
    end(&b);
}

static bool is_settled(struct broker_fixture *f, void *arg)
{
    return broker_fixture_channel(f, "evolution").settled == *(uint64_t *)arg;
}

static void a_put_has_its_effect_and_is_settled(void **state)
{
    struct strato_evolution_create m = STRATO_EVOLUTION_CREATE_DEFAULTS;
    struct strato_send send = { .channel = "evolution", .envelope = { .type = STRATO_TYPE_EVOLUTION_CREATE } };
    struct strato_writer w = { 0 };
    uint64_t one = 1;
    struct bench b;

    (void)state;
    begin(&b, NULL);
    m.problem = strato_text("sphere");
    strato_evolution_create_encode(&m, &w);
    send.envelope.payload = strato_writer_view(&w);
    assert_int_equal(strato_send_confirmed(b.caller, &send, BROKER_FIXTURE_PATIENCE_MS), 0);
    broker_fixture_eventually(&b.f, is_settled, &one, "the put is settled");
    assert_int_equal(step(&b, MANNER_TRUE).generation, GENERATIONS);
    strato_writer_fini(&w);
    end(&b);
}

static void a_stop_in_the_middle_of_a_step_answers_who_waits(void **state)
{
    struct strato_evolution_step m = { .generations = 1000000 };
    struct strato_result result;
    struct bench b;

    (void)state;
    begin(&b, NULL);
    create(&b, "sphere", 64, STRATO_BYTES_NONE);
    start(&b, STRATO_TYPE_EVOLUTION_STEP, &strato_evolution_step__record, &m, STRATO_BYTES_NONE);
    assert_int_equal(strato_request_next(b.caller, 50, &result), STRATO_EEMPTY);
    strato_services_stop(&b.services);
    assert_int_equal(strato_request_next(b.caller, BROKER_FIXTURE_PATIENCE_MS, &result), 0);
    assert_true(result.err == STRATO_ENO_REPLY || result.err == STRATO_ERESPONDER_LOST ||
                result.err == STRATO_ENO_RESPONDERS);
    end(&b);
}

static void an_unknown_service_is_named_with_the_nearest(void **state)
{
    static const char *const wrong[] = { "evoluton" };
    strato_services *services = NULL;
    char detail[256] = "";

    (void)state;
    assert_int_equal(strato_services_start(wrong, 1, "inproc://nowhere", NULL, &services, detail, sizeof detail),
                     STRATO_ECONFIG);
    assert_non_null(strstr(detail, "evolution"));
    assert_null(services);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_true_worker_evaluates_everything),
        cmocka_unit_test(bad_answers_are_never_believed_and_never_stop_a_run),
        cmocka_unit_test(a_worker_without_the_need_is_never_asked),
        cmocka_unit_test(the_data_set_is_sent_when_it_is_asked_for),
        cmocka_unit_test(a_put_that_makes_no_sense_is_dead_lettered),
        cmocka_unit_test(a_put_has_its_effect_and_is_settled),
        cmocka_unit_test(a_stop_in_the_middle_of_a_step_answers_who_waits),
        cmocka_unit_test(an_unknown_service_is_named_with_the_nearest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
