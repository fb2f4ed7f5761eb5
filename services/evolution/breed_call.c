/*
 * breed_call.c - see breed_call.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "services/evolution/breed_call.h"

#include <stdlib.h>
#include <string.h>

#include "schemas/fitness.h"

static struct strato_evolution_mutator mutator_of(const struct strato_mutation *m)
{
    struct strato_evolution_mutator made = { .kind = STRATO_EVOLUTION_MUTATOR_GAUSSIAN };

    switch (m->kind) {
    case STRATO_MUTATE_GAUSSIAN:
        made.gaussian.sigma = m->parameter;
        break;
    case STRATO_MUTATE_UNIFORM:
        made.kind = STRATO_EVOLUTION_MUTATOR_UNIFORM;
        made.uniform.range = m->parameter;
        break;
    case STRATO_MUTATE_POLYNOMIAL:
        made.kind = STRATO_EVOLUTION_MUTATOR_POLYNOMIAL;
        made.polynomial.eta = m->parameter;
        break;
    }
    return made;
}

int breed_call_start(strato_client *client, const struct evolution_batch *batch, int timeout_ms, uint64_t *ret_id)
{
    const struct evolution_breeding *b = &batch->settings->breeding;
    const struct strato_attachment frames[] = { { .data = batch->genes, .bytes = batch->genes_bytes },
                                                { .data = (const uint8_t *)batch->values,
                                                  .bytes = batch->count * sizeof(*batch->values) } };
    const char *needs[] = { "engine" };
    struct strato_fitness_breed m = STRATO_FITNESS_BREED_DEFAULTS;
    struct strato_writer w = { 0 };
    int rc;

    m.problem = strato_text(batch->settings->problem->name);
    m.dim = batch->settings->dim;
    m.rows.index = 0;
    m.values.index = 1;
    m.seed = b->seed;
    m.generation = (uint32_t)batch->generation;
    m.generations = batch->generations;
    m.tournament = b->tournament_size;
    m.has_mutator = true;
    m.mutator = mutator_of(&b->mutation);
    m.mutation_rate = b->mutation.rate;
    m.crossover_rate = b->crossover_rate;
    m.elite_count = b->elite_count;
    strato_fitness_breed_encode(&m, &w);
    rc = strato_writer_error(&w);
    if (rc == 0) {
        const struct strato_send send = {
            .channel = "fitness",
            .envelope = { .type = STRATO_TYPE_FITNESS_BREED,
                          .payload = strato_writer_view(&w),
                          .needs = needs,
                          .needs_count = 1 },
            .attachments = frames,
            .attachments_count = 2,
        };
        const struct strato_request_options options = { .timeout_ms = timeout_ms, .idempotent = true };

        rc = strato_request_start(client, &send, &options, ret_id);
    }
    strato_writer_fini(&w);
    return rc;
}

int breed_call_answer(struct evolution_service *service, struct evolution_batch **batch, const strato_message *reply)
{
    const struct strato_envelope *envelope = strato_message_envelope(reply);
    uint32_t size = (*batch)->count, frames_count = strato_message_attachments(reply);
    struct strato_bytes frames[EVOLUTION_FRAMES_MAX], rows, values, origins;
    struct strato_fitness_bred m;
    double *aligned;
    int rc;

    if (!strato_bytes_is(envelope->type, STRATO_TYPE_FITNESS_BRED))
        return STRATO_ESCHEMA;
    if (frames_count > EVOLUTION_FRAMES_MAX)
        frames_count = EVOLUTION_FRAMES_MAX;
    for (uint32_t i = 0; i < frames_count; i++)
        frames[i] = strato_message_attachment(reply, i);
    rc = strato_fitness_bred_decode(envelope->payload, &m, NULL);
    if (rc == 0)
        rc = strato_binary_bytes(&m.rows, frames, frames_count, &rows);
    if (rc == 0)
        rc = strato_binary_bytes(&m.values, frames, frames_count, &values);
    if (rc == 0)
        rc = strato_binary_bytes(&m.origins, frames, frames_count, &origins);
    if (rc < 0)
        return rc;
    if (rows.bytes != (*batch)->genes_bytes || values.bytes != size * sizeof(double) ||
        origins.bytes != size * sizeof(uint32_t))
        return STRATO_ESCHEMA;
    aligned = malloc(values.bytes + origins.bytes);
    if (!aligned)
        return STRATO_ENOMEM;
    memcpy(aligned, values.data, values.bytes);
    memcpy(aligned + size, origins.data, origins.bytes);
    rc = evolution_service_bred(service, batch,
                                &(struct evolution_bred){ .generations = (*batch)->generations,
                                                          .genes = rows.data,
                                                          .values = aligned,
                                                          .origins = (const uint32_t *)(aligned + size),
                                                          .evaluations = m.evaluations });
    free(aligned);
    return rc;
}
