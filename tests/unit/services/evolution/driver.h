/*
 * driver.h - drives the service's step logic in a test: asks, evaluates as a worker of a given manner would, collects.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_TEST_EVOLUTION_DRIVER_H
#define STRATO_TEST_EVOLUTION_DRIVER_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmocka_all.h"
#include "schemas/events.h"
#include "schemas/evolution.h"
#include "services/evolution/problem.h"
#include "services/evolution/service.h"

/** How the workers behave. */
struct manner {
    uint32_t shares;     /* batches of a generation */
    bool is_backwards;   /* the last batch is answered first */
    uint32_t lose_every; /* every n-th batch dies with its worker; 0 = none */
    bool has_engine;     /* one of them breeds */
};

struct driver {
    struct evolution_service *service;
    struct manner manner;
    uint32_t batches;
    uint32_t bred;                 /* generations that came from an engine */
    struct evolution_action reply; /* the last reply */
    struct {
        double old_fitness, new_fitness;
    } events[4096];
    uint32_t events_count;
};

static inline void driver_init(struct driver *d, struct manner manner)
{
    const struct evolution_options options = { 0 };

    memset(d, 0, sizeof(*d));
    d->manner = manner;
    assert_int_equal(evolution_service_new(&options, &d->service), 0);
    evolution_service_engine(d->service, manner.has_engine);
}

static inline void driver_fini(struct driver *d)
{
    evolution_action_fini(&d->reply);
    evolution_service_destroy(&d->service);
}

static inline void driver_collect(struct driver *d)
{
    struct evolution_action a;

    while (evolution_service_action(d->service, &a)) {
        if (a.kind == EVOLUTION_EVENT) {
            struct strato_events_fitness_improved event;

            assert_int_equal(strato_events_fitness_improved_decode(strato_writer_view(&a.payload), &event, NULL), 0);
            assert_true(event.has_old_fitness);
            d->events[d->events_count].old_fitness = event.old_fitness;
            d->events[d->events_count++].new_fitness = event.new_fitness;
            evolution_action_fini(&a);
        } else {
            evolution_action_fini(&d->reply);
            d->reply = a;
        }
    }
}

/* An engine by the C references: what services/evolution/breed.c makes, with origins told apart by name. */
static inline void driver_breed(struct driver *d, struct evolution_batch **batch)
{
    struct evolution_batch *b = *batch;
    struct evolution_settings settings = *b->settings;
    struct strato_population now = { 0 }, next = { 0 }, kept;
    size_t row_bytes = b->genes_bytes / b->count;
    struct evolution_bred bred = { .generations = b->generations };
    uint32_t *origins = calloc(b->count, sizeof(*origins));
    uint8_t *genes = calloc(1, b->genes_bytes);
    uint64_t births = b->count;

    assert_true(origins && genes);
    assert_int_equal(strato_population_init(&now, settings.type, b->count, settings.dim), 0);
    assert_int_equal(strato_population_init(&next, settings.type, b->count, settings.dim), 0);
    for (uint32_t i = 0; i < b->count; i++) {
        memcpy(now.genes + i * now.stride_bytes, b->genes + i * row_bytes, row_bytes);
        strato_population_set_fitness(&now, i, b->values[i]);
        now.ids[i] = strato_individual_id_of(1, i + 1);
    }
    for (uint32_t g = 0; g < b->generations; g++) {
        struct strato_selection selection;

        assert_int_equal(evolution_breed_select(&settings.breeding, &now, &selection), 0);
        evolution_breed_children(&settings.breeding, &now, &selection, (uint32_t)b->generation + g, &next, &births);
        strato_selection_fini(&selection);
        for (uint32_t i = 0; i < b->count; i++) {
            struct strato_rows row = { settings.type, 1, settings.dim, next.genes + i * next.stride_bytes, 0 };
            double value;

            if (next.is_known[i])
                continue;
            assert_int_equal(
                strato_problem_evaluate(settings.problem, &settings.ready_params, settings.ready_data, &row, &value),
                0);
            strato_population_set_fitness(&next, i, value);
            bred.evaluations++;
        }
        kept = now;
        now = next;
        next = kept;
    }
    for (uint32_t i = 0; i < b->count; i++) { /* the number of a birth is the last eight bytes of a name */
        uint64_t birth = 0;

        for (int k = 9; k < 16; k++)
            birth = birth << 8 | now.ids[i].bytes[k];
        origins[i] = (uint32_t)birth - 1;
        memcpy(genes + i * row_bytes, now.genes + i * now.stride_bytes, row_bytes);
    }
    bred.genes = genes;
    bred.values = now.fitness;
    bred.origins = origins;
    d->bred += b->generations;
    assert_int_equal(evolution_service_bred(d->service, batch, &bred), 0);
    strato_population_fini(&now);
    strato_population_fini(&next);
    free(origins);
    free(genes);
}

static inline void driver_answer(struct driver *d, struct evolution_batch *batch)
{
    double *values = calloc(batch->count, sizeof(*values));

    assert_non_null(values);
    if (d->manner.lose_every && ++d->batches % d->manner.lose_every == 0)
        evolution_service_lose(d->service, &batch);
    else if (batch->generations)
        driver_breed(d, &batch);
    else {
        assert_int_equal(evolution_batch_evaluate(batch, values), 0);
        evolution_service_tell(d->service, &batch, values, false);
    }
    free(values);
}

/** Serve until nothing is left to do. */
static inline void driver_run(struct driver *d)
{
    struct evolution_batch *held[512];
    bool is_more = true;

    while (is_more) {
        uint32_t count = 0;

        is_more = evolution_service_advance(d->service);
        while (count < 512 && (held[count] = evolution_service_batch(d->service, d->manner.shares)))
            count++;
        is_more = is_more || count > 0;
        for (uint32_t i = 0; i < count; i++)
            driver_answer(d, held[d->manner.is_backwards ? count - 1 - i : i]);
        driver_collect(d);
    }
}

/** Ask with a ready payload and serve; d->reply is the answer. */
static inline void driver_ask(struct driver *d, const char *type, const struct strato_record *record, const void *value,
                              struct strato_bytes frame)
{
    struct strato_writer w = { 0 };

    strato_record_encode(record, value, &w);
    assert_int_equal(strato_writer_error(&w), 0);
    const struct evolution_message m = { strato_text(type), strato_writer_view(&w), &frame, frame.data ? 1 : 0 };

    assert_int_equal(evolution_service_ask(d->service, 1, &m), 0);
    driver_run(d);
    strato_writer_fini(&w);
}

static inline void driver_create(struct driver *d, const struct strato_evolution_create *create)
{
    driver_ask(d, STRATO_TYPE_EVOLUTION_CREATE, &strato_evolution_create__record, create, STRATO_BYTES_NONE);
    assert_string_equal(d->reply.type, STRATO_TYPE_EVOLUTION_CREATED);
}

static inline struct strato_evolution_stepped driver_step(struct driver *d, uint64_t generation, uint64_t generations)
{
    struct strato_evolution_step step = STRATO_EVOLUTION_STEP_DEFAULTS;
    struct strato_evolution_stepped stepped;

    step.generation = generation;
    step.generations = generations;
    driver_ask(d, STRATO_TYPE_EVOLUTION_STEP, &strato_evolution_step__record, &step, STRATO_BYTES_NONE);
    assert_string_equal(d->reply.type, STRATO_TYPE_EVOLUTION_STEPPED);
    assert_int_equal(strato_evolution_stepped_decode(strato_writer_view(&d->reply.payload), &stepped, NULL), 0);
    return stepped;
}

/** The best `count`; genes of the first into ret_genes. */
static inline double driver_best(struct driver *d, uint64_t count, double *ret_genes, struct strato_uuid *ret_id)
{
    struct strato_evolution_get_best best = STRATO_EVOLUTION_GET_BEST_DEFAULTS;
    struct strato_evolution_individuals individuals;
    struct strato_evolution_individual one;
    struct strato_iter it;

    best.count = count;
    driver_ask(d, STRATO_TYPE_EVOLUTION_GET_BEST, &strato_evolution_get_best__record, &best, STRATO_BYTES_NONE);
    assert_string_equal(d->reply.type, STRATO_TYPE_EVOLUTION_INDIVIDUALS);
    assert_int_equal(strato_evolution_individuals_decode(strato_writer_view(&d->reply.payload), &individuals, NULL), 0);
    it = strato_evolution_individual_list_begin(&individuals.individuals);
    assert_true(strato_evolution_individual_list_next(&it, &one));
    if (ret_genes) {
        struct strato_iter genes = strato_list_f64_begin(&one.genome);

        while (strato_list_f64_next(&genes, ret_genes))
            ret_genes++;
    }
    if (ret_id)
        *ret_id = one.id;
    return one.fitness;
}

static inline void assert_error(const struct driver *d, enum strato_common_error_code code, const char *word)
{
    struct strato_evolution_error error;
    char text[1025];

    assert_string_equal(d->reply.type, STRATO_TYPE_EVOLUTION_ERROR);
    assert_int_equal(strato_evolution_error_decode(strato_writer_view(&d->reply.payload), &error, NULL), 0);
    assert_int_equal(error.code, code);
    snprintf(text, sizeof(text), "%.*s", (int)error.message.bytes, (const char *)error.message.data);
    assert_non_null(strstr(text, word));
}
#endif
