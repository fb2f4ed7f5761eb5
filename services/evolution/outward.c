/*
 * outward.c - fitness.evaluate, called and answered.
 *
 * SPDX-License-Identifier: MIT
 */
#include "services/evolution/outward.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "schemas/fitness.h"
#include "services/evolution/breed_call.h"
#include "services/evolution/problem.h"

int outward_declare(strato_client *client)
{
    struct strato_writer w = { 0 };
    strato_message *reply = NULL;
    int rc;

    strato_writer_map(&w, 3);
    strato_writer_text(&w, "pattern");
    strato_writer_text(&w, "work");
    strato_writer_text(&w, "capacity");
    strato_writer_u64(&w, 10000);
    strato_writer_text(&w, "full");
    strato_writer_text(&w, "wait");
    rc = strato_writer_error(&w);
    if (rc == 0)
        rc = strato_admin(client, "admin.channel.add", "fitness", strato_writer_view(&w), 5000, &reply);
    strato_message_destroy(&reply);
    strato_writer_fini(&w);
    return rc == STRATO_EEXISTS || rc == STRATO_ECONFLICT ? 0 : rc; /* somebody configured it: theirs wins */
}

static struct outward_problem *problem_of(struct outward *o, const struct evolution_batch *batch)
{
    uint32_t count;
    const struct strato_problem *rows = strato_problems(&count);
    ptrdiff_t at = batch->settings->problem - rows;

    assert(at >= 0 && at < OUTWARD_PROBLEMS_MAX);
    return &o->problems[at];
}

/* ---- how many share a generation -------------------------------------------------------------------- */

/* `consumers` of the channel in an answer of admin.stats; 0 if it is not there. */
static uint64_t read_consumers(struct strato_bytes payload)
{
    struct strato_cursor c = strato_cursor_over(payload);
    struct strato_bytes key, name;
    uint64_t consumers = 0;
    uint32_t pairs = 0, items = 0;

    if (strato_cursor_map(&c, UINT32_MAX, &pairs) < 0)
        return 0;
    for (; pairs > 0; pairs--) {
        if (strato_cursor_str(&c, SIZE_MAX, &key) < 0)
            return 0;
        if (strato_bytes_is(key, "channels"))
            break;
        if (strato_cursor_skip(&c) < 0)
            return 0;
    }
    if (pairs == 0 || strato_cursor_array(&c, UINT32_MAX, &items) < 0)
        return 0;
    for (; items > 0; items--) {
        uint64_t count = 0;
        bool is_fitness = false;

        if (strato_cursor_map(&c, UINT32_MAX, &pairs) < 0)
            return 0;
        for (; pairs > 0; pairs--) {
            if (strato_cursor_str(&c, SIZE_MAX, &key) < 0)
                return 0;
            if (strato_bytes_is(key, "name") && strato_cursor_str(&c, SIZE_MAX, &name) == 0)
                is_fitness = strato_bytes_is(name, "fitness");
            else if (strato_bytes_is(key, "consumers") && strato_cursor_u64(&c, UINT32_MAX, &count) == 0)
                continue;
            else if (strato_cursor_skip(&c) < 0)
                return 0;
        }
        consumers = is_fitness ? count : consumers;
    }
    return consumers;
}

static void ask_workers(struct outward *o, uint64_t now_ms)
{
    strato_message *reply = NULL;
    uint64_t workers = 0;

    if (o->workers_asked_ms && now_ms - o->workers_asked_ms < OUTWARD_WORKERS_EVERY_MS)
        return;
    o->workers_asked_ms = now_ms;
    if (strato_admin(o->client, "admin.stats", "fitness", STRATO_BYTES_NONE, 1000, &reply) == 0)
        workers = read_consumers(strato_message_envelope(reply)->payload);
    strato_message_destroy(&reply);
    o->workers = workers > OUTWARD_CALLS_MAX ? OUTWARD_CALLS_MAX : (uint32_t)workers;
}

/* ---- out ---------------------------------------------------------------------------------------------- */

static void evaluate_here(struct outward *o, struct evolution_batch **batch)
{
    double *values = calloc((*batch)->count, sizeof(*values));

    if (values && evolution_batch_evaluate(*batch, values) == 0)
        evolution_service_tell(o->service, batch, values, true);
    else
        evolution_service_lose(o->service, batch); /* out of memory: tried again */
    free(values);
}

static int call(struct outward *o, struct outward_call *c, bool has_data)
{
    const struct evolution_settings *s = c->batch->settings;
    struct strato_fitness_evaluate m = STRATO_FITNESS_EVALUATE_DEFAULTS;
    struct strato_attachment frames[2];
    struct strato_writer w = { 0 };
    char need[EVOLUTION_NAME_BYTES_MAX + 16];
    const char *needs[] = { need };
    uint32_t frames_count = 0;
    int rc;

    snprintf(need, sizeof(need), "fitness:%s", strato_problem_capability(s->problem));
    m.problem = strato_text(s->problem->name);
    m.dim = s->dim;
    m.dtype = s->type == STRATO_GENES_F64 ? STRATO_EVOLUTION_DTYPE_F64 : STRATO_EVOLUTION_DTYPE_F32;
    m.params.raw = s->params;
    m.rows.is_inline = c->batch->genes_bytes < OUTWARD_INLINE_BYTES;
    if (m.rows.is_inline)
        m.rows.bytes = strato_bytes(c->batch->genes, c->batch->genes_bytes);
    else
        frames[m.rows.index = frames_count++] =
            (struct strato_attachment){ .data = c->batch->genes, .bytes = c->batch->genes_bytes };
    m.has_data_hash = s->data_hash[0] != '\0';
    m.data_hash = strato_text(s->data_hash);
    m.has_data = has_data;
    if (has_data)
        frames[m.data.index = frames_count++] =
            (struct strato_attachment){ .data = s->data.data, .bytes = s->data.bytes };
    strato_fitness_evaluate_encode(&m, &w);
    rc = strato_writer_error(&w);
    if (rc == 0) {
        const struct strato_send send = {
            .channel = "fitness",
            .envelope = { .type = STRATO_TYPE_FITNESS_EVALUATE,
                          .payload = strato_writer_view(&w),
                          .needs = needs,
                          .needs_count = 1 },
            .attachments = frames,
            .attachments_count = frames_count,
        };
        const struct strato_request_options options = { .timeout_ms = OUTWARD_DEADLINE_MS, .idempotent = true };

        rc = strato_request_start(o->client, &send, &options, &c->id);
    }
    c->has_data = has_data;
    strato_writer_fini(&w);
    return rc;
}

static void release(struct outward *o, struct outward_call *c)
{
    c->batch = NULL;
    o->calls_count--;
}

/* Nobody serves the problem: compute here, and do not ask again at once. */
static void go_local(struct outward *o, struct outward_call *c, uint64_t now_ms)
{
    problem_of(o, c->batch)->local_until_ms = now_ms + OUTWARD_LOCAL_MS;
    evaluate_here(o, &c->batch);
    release(o, c);
}

static void fail(struct outward *o, struct outward_call *c, uint64_t now_ms)
{
    struct outward_problem *problem = problem_of(o, c->batch);

    if (++problem->failures >= OUTWARD_FAILURES_MAX) {
        problem->failures = 0;
        problem->local_until_ms = now_ms + OUTWARD_FAILED_LOCAL_MS;
    }
    evolution_service_lose(o->service, &c->batch);
    release(o, c);
}

/* No engine, or it failed: the population goes on by rows. */
static void fail_breed(struct outward *o, struct outward_call *c, uint64_t now_ms)
{
    o->no_engine_until_ms = now_ms + OUTWARD_NO_ENGINE_MS;
    evolution_service_engine(o->service, false);
    if (c->batch)
        evolution_service_lose(o->service, &c->batch);
    release(o, c);
}

static struct outward_call *free_call(struct outward *o)
{
    for (uint32_t i = 0; i < OUTWARD_CALLS_MAX; i++)
        if (!o->calls[i].batch)
            return &o->calls[i];
    return NULL;
}

bool outward_send(struct outward *o, uint64_t now_ms)
{
    struct outward_call *c = free_call(o);
    struct outward_problem *problem;
    int rc;

    if (!c)
        return false;
    evolution_service_engine(o->service, now_ms >= o->no_engine_until_ms);
    c->batch = evolution_service_batch(o->service, o->workers ? o->workers : OUTWARD_LOCAL_SHARES);
    if (!c->batch)
        return false;
    o->calls_count++;
    ask_workers(o, now_ms);
    if (c->batch->generations) {
        if (breed_call_start(o->client, c->batch, OUTWARD_DEADLINE_MS, &c->id) < 0)
            fail_breed(o, c, now_ms);
        return true;
    }
    problem = problem_of(o, c->batch);
    if (now_ms < problem->local_until_ms) {
        evaluate_here(o, &c->batch);
        release(o, c);
        return true;
    }
    rc = call(o, c, false);
    if (rc == STRATO_ENO_RESPONDERS || rc == STRATO_ENO_CHANNEL || rc == STRATO_ECLOSED || rc == STRATO_EUNREACHABLE)
        go_local(o, c, now_ms);
    else if (rc < 0)
        fail(o, c, now_ms);
    return true;
}

/* ---- in ----------------------------------------------------------------------------------------------- */

/* Values of the batch from a reply. @return 0; STRATO_ENOENT (the data set is unknown there); another error. */
static int read_values(const struct evolution_batch *batch, const strato_message *reply, double *ret_values)
{
    const struct strato_envelope *envelope = strato_message_envelope(reply);
    struct strato_bytes frames[EVOLUTION_FRAMES_MAX], values;
    uint32_t frames_count = strato_message_attachments(reply);
    struct strato_fitness_fitness fitness;
    struct strato_fitness_error error;
    int rc;

    if (strato_bytes_is(envelope->type, STRATO_TYPE_FITNESS_ERROR)) {
        rc = strato_fitness_error_decode(envelope->payload, &error, NULL);
        return rc == 0 && error.code == STRATO_COMMON_ERROR_CODE_NOT_FOUND ? STRATO_ENOENT : STRATO_EINVAL;
    }
    if (!strato_bytes_is(envelope->type, STRATO_TYPE_FITNESS_FITNESS))
        return STRATO_ESCHEMA;
    frames_count = frames_count < EVOLUTION_FRAMES_MAX ? frames_count : EVOLUTION_FRAMES_MAX;
    for (uint32_t i = 0; i < frames_count; i++)
        frames[i] = strato_message_attachment(reply, i);
    rc = strato_fitness_fitness_decode(envelope->payload, &fitness, NULL);
    if (rc == 0)
        rc = strato_binary_bytes(&fitness.values, frames, frames_count, &values);
    if (rc == 0 && values.bytes != batch->count * sizeof(double))
        rc = STRATO_ESCHEMA;
    if (rc == 0)
        memcpy(ret_values, values.data, values.bytes);
    return rc;
}

static void answered(struct outward *o, struct outward_call *c, const strato_message *reply, uint64_t now_ms)
{
    double *values = calloc(c->batch->count, sizeof(*values));
    int rc = values ? read_values(c->batch, reply, values) : STRATO_ENOMEM;

    if (rc == 0) {
        problem_of(o, c->batch)->failures = 0;
        evolution_service_tell(o->service, &c->batch, values, false);
        release(o, c);
    } else if (rc == STRATO_ENOENT && !c->has_data && c->batch->settings->data.bytes) {
        if (call(o, c, true) < 0)
            fail(o, c, now_ms);
    } else
        fail(o, c, now_ms);
    free(values);
}

bool outward_receive(struct outward *o, uint64_t now_ms)
{
    struct strato_result result;
    struct outward_call *c = NULL;

    if (o->calls_count == 0 || strato_request_next(o->client, 0, &result) < 0)
        return false;
    for (uint32_t i = 0; i < OUTWARD_CALLS_MAX && !c; i++)
        if (o->calls[i].batch && o->calls[i].id == result.id)
            c = &o->calls[i];
    if (c && c->batch->generations) {
        if (result.err == 0 && breed_call_answer(o->service, &c->batch, result.reply) == 0)
            release(o, c);
        else
            fail_breed(o, c, now_ms);
    } else if (c && result.err == 0)
        answered(o, c, result.reply, now_ms);
    else if (c &&
             (result.err == STRATO_ENO_RESPONDERS || result.err == STRATO_ENO_CHANNEL || result.err == STRATO_ECLOSED))
        go_local(o, c, now_ms);
    else if (c)
        fail(o, c, now_ms);
    strato_message_destroy(&result.reply);
    return true;
}

void outward_fini(struct outward *o)
{
    for (uint32_t i = 0; i < OUTWARD_CALLS_MAX; i++) {
        if (!o->calls[i].batch)
            continue;
        strato_request_cancel(o->client, o->calls[i].id);
        evolution_service_lose(o->service, &o->calls[i].batch);
    }
    o->calls_count = 0;
}
