/*
 * engine.c - populations that are bred on a device: which can be, how many generations at a time, and what comes back.
 *
 *     step --want--> WANTED --batch--> AWAY --bred--> IDLE, so many generations on
 *                                        +---lost---> IDLE, and a few generations by rows
 *
 * Rows and device give the same bits, so it is a matter of speed alone who bred which generation. The population here stays
 * as it was until an answer is taken in: a worker that dies costs its time and nothing else.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdlib.h>
#include <string.h>

#include "core/errors.h"
#include "services/evolution/population.h"

enum {
    ENGINE_ELITES_MOST = 16, /* these three as fitness.breed has them */
    ENGINE_TOURNAMENT_MOST = 8,
    ENGINE_GENERATIONS_MOST = 100000,
    ENGINE_BYTES_MAX = 8 << 20, /* of a population in one message */
    ENGINE_FIRST = 4,           /* generations of the first batch, to learn how long one takes */
    ENGINE_GROWTH = 4,          /* at most so many times as many the next time */
    ENGINE_AIM_US = 250000,     /* time that a batch should take: progress is seen, transfers weigh little */
    ENGINE_BY_ROWS = 8,
};

static bool fits(const struct evolution_run *run)
{
    const struct evolution_settings *s = &run->settings;
    uint64_t bytes = (uint64_t)s->size * (s->dim * sizeof(float) + sizeof(double) + sizeof(uint32_t));

    return s->problem->is_fused && s->algorithm == STRATO_ALGORITHM_GA && s->type == STRATO_GENES_F32 &&
           s->breeding.strategy == STRATO_SELECT_TOURNAMENT && s->breeding.tournament_size <= ENGINE_TOURNAMENT_MOST &&
           s->breeding.elite_count >= 1 && s->breeding.elite_count <= ENGINE_ELITES_MOST && bytes <= ENGINE_BYTES_MAX;
}

void evolution_service_engine(struct evolution_service *s, bool is_there)
{
    s->has_engine = is_there;
}

bool service_engine_want(struct evolution_service *s, struct population *p, uint64_t left)
{
    struct engine *e = &p->engine;

    if (!s->has_engine || !fits(&p->run))
        return false;
    if (e->by_rows_left > 0) {
        e->by_rows_left--;
        return false;
    }
    e->chunk = e->chunk ? e->chunk : ENGINE_FIRST;
    e->generations = left < e->chunk ? (uint32_t)left : e->chunk;
    e->state = ENGINE_WANTED;
    return true;
}

struct evolution_batch *service_engine_batch(struct evolution_service *s, struct population *p)
{
    const struct strato_population *now = &p->run.now;
    size_t row_bytes = now->dim * strato_gene_bytes(now->type);
    struct evolution_batch *b = calloc(1, sizeof(*b));

    if (!b)
        return NULL;
    b->genes = malloc(now->size * row_bytes);
    b->values = malloc(now->size * sizeof(*b->values));
    if (!b->genes || !b->values) {
        service_batch_free(&b);
        return NULL;
    }
    for (uint32_t row = 0; row < now->size; row++)
        strato_population_pack_row(now, row, b->genes + row * row_bytes);
    memcpy(b->values, now->fitness, now->size * sizeof(*b->values));
    b->settings = &p->run.settings;
    b->population = p;
    b->round = p->run.round;
    b->count = now->size;
    b->genes_bytes = now->size * row_bytes;
    b->generations = p->engine.generations;
    b->generation = p->run.generation;
    p->engine.state = ENGINE_AWAY;
    p->engine.since_us = service_now_us(s);
    p->batches_out++;
    return b;
}

/* So many generations that the next batch takes about what it should. */
static void pace(struct evolution_service *s, struct engine *e, uint32_t generations)
{
    uint64_t took_us = service_now_us(s) - e->since_us, chunk = (uint64_t)generations * ENGINE_GROWTH;

    if (took_us > 0 && chunk * took_us > (uint64_t)generations * ENGINE_AIM_US)
        chunk = (uint64_t)generations * ENGINE_AIM_US / took_us;
    if (chunk < e->chunk && generations < e->chunk)
        return; /* a short last piece says little */
    e->chunk = chunk == 0 ? 1 : chunk < ENGINE_GENERATIONS_MOST ? (uint32_t)chunk : ENGINE_GENERATIONS_MOST;
}

void service_engine_lost(struct population *p)
{
    p->engine.state = ENGINE_IDLE;
    p->engine.by_rows_left = ENGINE_BY_ROWS;
}

int evolution_service_bred(struct evolution_service *s, struct evolution_batch **batch,
                           const struct evolution_bred *bred)
{
    struct population *p = (*batch)->population;
    int rc = bred->generations == (*batch)->generations ? evolution_run_adopt(&p->run, bred) : STRATO_EINVAL;

    if (rc < 0) {
        evolution_service_lose(s, batch);
        return rc;
    }
    p->engine.state = ENGINE_IDLE;
    p->engine.bred += bred->generations;
    pace(s, &p->engine, bred->generations);
    p->batches_out--;
    service_batch_free(batch);
    return 0;
}
