/*
 * individuals.c - the reply Individuals: rows of a population as they travel.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdlib.h>

#include "services/evolution/population.h"

static uint32_t individuals_max(const struct population *p)
{
    size_t bytes = 48 + 9 * (size_t)p->run.now.dim; /* id, keys, fitness; 9 a gene */
    size_t most = EVOLUTION_REPLY_BYTES_MAX / bytes;

    return most < 65536 ? (uint32_t)most : 65536;
}

void reply_individuals(struct evolution_service *s, struct population *p, uint64_t ticket, const uint32_t *rows,
                       uint32_t count)
{
    const struct strato_population *now = &p->run.now;
    struct strato_evolution_individuals reply = STRATO_EVOLUTION_INDIVIDUALS_DEFAULTS;
    struct strato_evolution_individual *items = NULL;
    double *genes = NULL;

    if (count > individuals_max(p)) {
        service_error(s, ticket, STRATO_COMMON_ERROR_CODE_REFUSED,
                      "%u individuals do not fit one message: ask for at most %u", count, individuals_max(p));
        return;
    }
    items = calloc(count ? count : 1, sizeof(*items));
    genes = calloc(count ? (size_t)count * now->dim : 1, sizeof(*genes));
    if (!items || !genes) {
        service_error(s, ticket, STRATO_COMMON_ERROR_CODE_FAILED, "out of memory for %u individuals", count);
        goto out;
    }
    for (uint32_t i = 0; i < count; i++) {
        double *at = genes + (size_t)i * now->dim;

        for (uint32_t gene = 0; gene < now->dim; gene++)
            at[gene] = strato_population_gene(now, rows[i], gene);
        memcpy(items[i].id.bytes, now->ids[rows[i]].bytes, sizeof(items[i].id.bytes));
        items[i].genome.items = at;
        items[i].genome.count = now->dim;
        items[i].has_fitness = now->is_known[rows[i]];
        items[i].fitness = now->fitness[rows[i]];
    }
    reply.individuals.items = items;
    reply.individuals.count = count;
    reply.generation = p->run.generation;
    service_reply(s, ticket, STRATO_TYPE_EVOLUTION_INDIVIDUALS, &strato_evolution_individuals__record, &reply, NULL);
out:
    free(items);
    free(genes);
}
