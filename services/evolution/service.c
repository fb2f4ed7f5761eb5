/*
 * service.c - populations by name, the queue of asks before each, and the actions that come out.
 *
 * SPDX-License-Identifier: MIT
 */
#include "services/evolution/service.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "schemas/events.h"
#include "services/evolution/population.h"

int evolution_service_new(const struct evolution_options *options, struct evolution_service **ret_service)
{
    struct evolution_service *s = calloc(1, sizeof(*s));

    if (!s)
        return STRATO_ENOMEM;
    s->options = *options;
    *ret_service = s;
    return 0;
}

static void ask_free(struct ask *ask)
{
    free(ask->ids);
    free(ask->genes);
    free(ask->fitness);
    free(ask->has_fitness);
    free(ask);
}

static size_t memory_of(const struct evolution_run *run)
{
    return 2 * run->now.stride_bytes * run->now.size + run->search.doubles * sizeof(double);
}

static void population_drop(struct evolution_service *s, struct population *p)
{
    struct population **link = &s->populations;

    while (*link != p)
        link = &(*link)->next;
    *link = p->next;
    if (s->turn == p)
        s->turn = p->next;
    s->populations_count--;
    s->memory -= memory_of(&p->run);
    while (p->head) {
        struct ask *ask = p->head;

        p->head = ask->next;
        ask_free(ask);
    }
    evolution_run_fini(&p->run);
    free(p);
}

void evolution_service_destroy(struct evolution_service **service)
{
    struct evolution_action action;

    if (!service || !*service)
        return;
    while ((*service)->populations)
        population_drop(*service, (*service)->populations);
    while (evolution_service_action(*service, &action))
        evolution_action_fini(&action);
    free(*service);
    *service = NULL;
}

uint64_t service_now_us(const struct evolution_service *s)
{
    return s->options.clock_us ? s->options.clock_us(s->options.clock_arg) : 0;
}

/* ---- populations ----------------------------------------------------------------------------------- */

struct population *service_find(struct evolution_service *s, struct strato_bytes name)
{
    if (name.bytes == 0)
        name = strato_text("default");
    for (struct population *p = s->populations; p; p = p->next)
        if (strato_bytes_is(name, p->name)) {
            p->used = ++s->turns;
            return p;
        }
    return NULL;
}

static struct population *longest_idle(const struct evolution_service *s)
{
    struct population *idle = NULL;

    for (struct population *p = s->populations; p; p = p->next)
        if (!p->head && p->batches_out == 0 && (!idle || p->used < idle->used))
            idle = p;
    return idle;
}

int service_add(struct evolution_service *s, struct strato_bytes name, struct evolution_run *run,
                struct population **ret)
{
    struct population *p;

    if (name.bytes > EVOLUTION_NAME_BYTES_MAX)
        return STRATO_ELIMIT;
    if (name.bytes && service_find(s, name))
        return STRATO_EEXISTS;
    if (memory_of(run) > EVOLUTION_MEMORY_MAX)
        return STRATO_ELIMIT;
    while (s->populations_count >= EVOLUTION_POPULATIONS_MAX || s->memory + memory_of(run) > EVOLUTION_MEMORY_MAX) {
        p = longest_idle(s);
        if (!p)
            return STRATO_ELIMIT;
        population_drop(s, p);
    }
    p = calloc(1, sizeof(*p));
    if (!p)
        return STRATO_ENOMEM;
    if (name.bytes)
        memcpy(p->name, name.data, name.bytes);
    else if (!service_find(s, STRATO_BYTES_NONE))
        strcpy(p->name, "default"); /* the first population without a name is what messages without one mean */
    else
        do
            snprintf(p->name, sizeof(p->name), "p%llu", (unsigned long long)++s->named);
        while (service_find(s, strato_text(p->name)));
    p->run = *run;
    *run = (struct evolution_run){ 0 };
    p->used = ++s->turns;
    p->created_us = service_now_us(s);
    p->next = s->populations;
    s->populations = p;
    s->populations_count++;
    s->memory += memory_of(&p->run);
    *ret = p;
    return 0;
}

/* ---- actions ---------------------------------------------------------------------------------------- */

static struct evolution_action *action_new(struct evolution_service *s)
{
    struct action_node *node = calloc(1, sizeof(*node));

    if (!node)
        return NULL;
    if (s->tail)
        s->tail->next = node;
    else
        s->head = node;
    s->tail = node;
    return &node->action;
}

bool evolution_service_action(struct evolution_service *s, struct evolution_action *ret)
{
    struct action_node *node = s->head;

    if (!node)
        return false;
    s->head = node->next;
    if (!s->head)
        s->tail = NULL;
    *ret = node->action;
    free(node);
    return true;
}

void evolution_action_fini(struct evolution_action *action)
{
    strato_writer_fini(&action->payload);
    strato_writer_fini(&action->attachment);
}

void service_reply(struct evolution_service *s, uint64_t ticket, const char *type, const struct strato_record *record,
                   const void *value, struct strato_writer *attachment)
{
    struct evolution_action *a = action_new(s);
    struct strato_evolution_error lack = { .code = STRATO_COMMON_ERROR_CODE_FAILED,
                                           .message = strato_text("the service is out of memory for this answer") };

    if (s->waiting > 0)
        s->waiting--;
    if (!a)
        goto out; /* not even a node: the shell drops the request, and the caller is told E_NO_REPLY */
    a->kind = EVOLUTION_REPLY;
    a->ticket = ticket;
    a->type = type;
    strato_record_encode(record, value, &a->payload);
    if (strato_writer_error(&a->payload) == 0 && (!attachment || strato_writer_error(attachment) == 0)) {
        if (attachment) {
            a->attachment = *attachment;
            *attachment = (struct strato_writer){ 0 };
        }
        return;
    }
    strato_writer_fini(&a->payload);
    a->payload = (struct strato_writer){ 0 };
    a->type = STRATO_TYPE_EVOLUTION_ERROR;
    strato_evolution_error_encode(&lack, &a->payload);
out:
    if (attachment)
        strato_writer_fini(attachment);
}

void service_error(struct evolution_service *s, uint64_t ticket, enum strato_common_error_code code, const char *format,
                   ...)
{
    struct strato_evolution_error error = STRATO_EVOLUTION_ERROR_DEFAULTS;
    char text[512];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    error.code = code;
    error.message = strato_text(text);
    service_reply(s, ticket, STRATO_TYPE_EVOLUTION_ERROR, &strato_evolution_error__record, &error, NULL);
}

static void improved_event(struct evolution_service *s, struct population *p)
{
    struct strato_events_fitness_improved event = STRATO_EVENTS_FITNESS_IMPROVED_DEFAULTS;
    struct evolution_action *a = action_new(s);
    int used;

    if (!a)
        return;
    event.timestamp = s->options.wall_ms ? s->options.wall_ms(s->options.clock_arg) : 0;
    memcpy(event.individual_id.bytes, p->improved.id.bytes, sizeof(event.individual_id.bytes));
    event.has_old_fitness = event.has_population = event.has_generation = true;
    event.has_evaluations = event.has_elapsed_ms = true;
    event.old_fitness = p->improved.old_fitness;
    event.new_fitness = p->improved.new_fitness;
    event.population = strato_text(p->name);
    event.generation = p->improved_generation;
    event.evaluations = p->run.evaluations;
    event.elapsed_ms = (service_now_us(s) - p->created_us) / 1000;
    a->kind = EVOLUTION_EVENT;
    a->type = STRATO_TYPE_EVENTS_FITNESS_IMPROVED;
    used = snprintf(a->topic, sizeof(a->topic), "events.fitness_improved.");
    for (int i = 0; i < 16; i++)
        used += snprintf(a->topic + used, sizeof(a->topic) - (size_t)used, "%02x", p->improved.id.bytes[i]);
    strato_events_fitness_improved_encode(&event, &a->payload);
}

void service_tell_improved(struct evolution_service *s, struct population *p, bool is_last)
{
    uint64_t now_us = service_now_us(s);

    if (!p->has_improved)
        return;
    if (!is_last && s->options.clock_us && now_us - p->improved_us < EVOLUTION_IMPROVED_EVERY_MS * 1000u)
        return;
    improved_event(s, p);
    p->has_improved = false;
    p->improved_us = now_us;
}

/* Improvements that wait are joined: the event goes from the last fitness told to the newest. */
void service_note_best(struct evolution_service *s, struct population *p)
{
    struct evolution_improvement news;

    if (evolution_run_note_best(&p->run, &news)) {
        if (p->has_improved)
            news.old_fitness = p->improved.old_fitness;
        p->improved = news;
        p->improved_generation = p->run.generation;
        p->has_improved = true;
    }
    service_tell_improved(s, p, false);
}

/* ---- asks ------------------------------------------------------------------------------------------- */

static const struct {
    const char *type;
    struct population *(*handle)(struct evolution_service *s, const struct evolution_message *m, struct ask *ask);
} handlers[] = {
    { STRATO_TYPE_EVOLUTION_CREATE, handle_create },
    { STRATO_TYPE_EVOLUTION_STEP, handle_step },
    { STRATO_TYPE_EVOLUTION_EVALUATE_FITNESS, handle_evaluate_fitness },
    { STRATO_TYPE_EVOLUTION_SELECTION, handle_selection },
    { STRATO_TYPE_EVOLUTION_MUTATION, handle_mutation },
    { STRATO_TYPE_EVOLUTION_GET_BEST, handle_get_best },
    { STRATO_TYPE_EVOLUTION_INJECT, handle_inject },
    { STRATO_TYPE_EVOLUTION_CHECKPOINT, handle_checkpoint },
    { STRATO_TYPE_EVOLUTION_RESTORE, handle_restore },
};

int evolution_service_ask(struct evolution_service *s, uint64_t ticket, const struct evolution_message *message)
{
    struct population *p = NULL;
    struct ask *ask = calloc(1, sizeof(*ask));
    size_t i = 0;

    if (!ask)
        return STRATO_ENOMEM;
    ask->ticket = ticket;
    s->waiting++;
    while (i < sizeof(handlers) / sizeof(*handlers) && !strato_bytes_is(message->type, handlers[i].type))
        i++;
    if (i == sizeof(handlers) / sizeof(*handlers))
        service_error(s, ticket, STRATO_COMMON_ERROR_CODE_INVALID,
                      "no message type %.*s; see docs/wire.md, channel evolution",
                      (int)(message->type.bytes < 64 ? message->type.bytes : 64), (const char *)message->type.data);
    else if (s->waiting > EVOLUTION_ASKS_MAX)
        service_error(s, ticket, STRATO_COMMON_ERROR_CODE_REFUSED,
                      "%d messages wait already; send again when some are answered", EVOLUTION_ASKS_MAX);
    else
        p = handlers[i].handle(s, message, ask);
    if (!p) {
        ask_free(ask);
        return 0;
    }
    if (p->tail)
        p->tail->next = ask;
    else
        p->head = ask;
    p->tail = ask;
    return 0;
}

uint32_t evolution_service_waiting(const struct evolution_service *s)
{
    return s->waiting;
}

bool evolution_service_give_up(struct evolution_service *s, uint64_t *ret_ticket)
{
    for (struct population *p = s->populations; p; p = p->next) {
        struct ask *ask = p->head;

        if (!ask)
            continue;
        *ret_ticket = ask->ticket;
        p->head = ask->next;
        if (!p->head)
            p->tail = NULL;
        ask_free(ask);
        s->waiting--;
        return true;
    }
    return false;
}

bool evolution_service_advance(struct evolution_service *s)
{
    bool is_more = false;

    for (struct population *p = s->populations; p; p = p->next) {
        struct ask *ask = p->head;
        enum ask_progress progress = ask ? ask->progress(s, p, ask) : ASK_WAITS;

        is_more = is_more || progress != ASK_WAITS;
        if (progress != ASK_DONE)
            continue;
        p->head = ask->next;
        if (!p->head)
            p->tail = NULL;
        ask_free(ask);
    }
    return is_more;
}

/* ---- batches ---------------------------------------------------------------------------------------- */

void service_batch_free(struct evolution_batch **batch)
{
    free((*batch)->genes);
    free((*batch)->values);
    free((*batch)->rows);
    free(*batch);
    *batch = NULL;
}

static uint32_t batch_rows(const struct evolution_run *run, uint32_t shares)
{
    size_t row_bytes = run->now.dim * strato_gene_bytes(run->now.type);
    uint32_t all = run->wanted + run->away, rows = all / shares + (all % shares != 0);

    if (rows > EVOLUTION_BATCH_ROWS_MAX)
        rows = EVOLUTION_BATCH_ROWS_MAX;
    if (rows * row_bytes > EVOLUTION_BATCH_BYTES_MAX)
        rows = (uint32_t)(EVOLUTION_BATCH_BYTES_MAX / row_bytes); /* >= 2: a row has at most 512 KiB */
    return rows;
}

static struct evolution_batch *batch_of(struct population *p, uint32_t shares)
{
    struct evolution_batch *b = calloc(1, sizeof(*b));
    uint32_t rows_max = batch_rows(&p->run, shares);
    size_t row_bytes = p->run.now.dim * strato_gene_bytes(p->run.now.type);

    if (!b)
        return NULL;
    b->rows = calloc(rows_max, sizeof(*b->rows));
    b->genes = malloc(rows_max * row_bytes);
    if (!b->rows || !b->genes) {
        service_batch_free(&b);
        return NULL;
    }
    b->settings = &p->run.settings;
    b->population = p;
    b->round = p->run.round;
    b->count = evolution_run_take(&p->run, rows_max, b->rows);
    b->genes_bytes = b->count * row_bytes;
    for (uint32_t i = 0; i < b->count; i++)
        strato_population_pack_row(&p->run.now, b->rows[i], b->genes + i * row_bytes);
    p->batches_out++;
    return b;
}

struct evolution_batch *evolution_service_batch(struct evolution_service *s, uint32_t shares)
{
    for (uint32_t i = 0; i < s->populations_count; i++) {
        struct population *p = s->turn ? s->turn : s->populations;

        s->turn = p->next;
        if (p->engine.state == ENGINE_WANTED)
            return service_engine_batch(s, p);
        if (p->run.wanted > 0)
            return batch_of(p, shares);
    }
    return NULL;
}

void evolution_service_tell(struct evolution_service *s, struct evolution_batch **batch, const double *values,
                            bool is_local)
{
    struct population *p = (*batch)->population;
    uint32_t news = evolution_run_tell(&p->run, (*batch)->round, (*batch)->rows, (*batch)->count, values);

    (void)s;
    if (is_local)
        p->local_evaluations += news;
    p->batches_out--;
    service_batch_free(batch);
}

void evolution_service_lose(struct evolution_service *s, struct evolution_batch **batch)
{
    struct population *p = (*batch)->population;

    (void)s;
    if ((*batch)->generations)
        service_engine_lost(p);
    else
        evolution_run_lose(&p->run, (*batch)->round, (*batch)->rows, (*batch)->count);
    p->batches_out--;
    service_batch_free(batch);
}
