/*
 * decode.c - what every handler does first: decode the message, find its population, copy its ids; or say why not.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdlib.h>

#include "services/evolution/population.h"

bool decode_or_refuse(struct evolution_service *s, uint64_t ticket, const struct strato_record *record,
                      const struct evolution_message *m, void *ret)
{
    struct strato_bytes field = STRATO_BYTES_NONE;
    int rc = strato_record_decode(record, m->payload, ret, &field);

    if (rc == 0)
        return true;
    if (field.bytes)
        service_error(s, ticket, STRATO_COMMON_ERROR_CODE_INVALID, "%s: field %.*s: %s; see docs/wire.md", record->name,
                      (int)(field.bytes < 64 ? field.bytes : 64), (const char *)field.data, strato_strerror(rc));
    else
        service_error(s, ticket, STRATO_COMMON_ERROR_CODE_INVALID, "%s: %s; see docs/wire.md", record->name,
                      strato_strerror(rc));
    return false;
}

struct population *population_or_refuse(struct evolution_service *s, uint64_t ticket, bool has_name,
                                        struct strato_bytes name)
{
    struct population *p = service_find(s, has_name ? name : STRATO_BYTES_NONE);

    if (p)
        return p;
    if (has_name && name.bytes)
        service_error(s, ticket, STRATO_COMMON_ERROR_CODE_NOT_FOUND, "no population %.*s; evolution.create makes one",
                      (int)name.bytes, (const char *)name.data);
    else
        service_error(s, ticket, STRATO_COMMON_ERROR_CODE_NOT_FOUND,
                      "no default population yet; evolution.create makes one");
    return NULL;
}

bool ids_or_refuse(struct evolution_service *s, struct ask *ask, const struct strato_list_uuid *list)
{
    struct strato_iter it = strato_list_uuid_begin(list);
    struct strato_uuid id;

    ask->ids = calloc(list->count ? list->count : 1, sizeof(*ask->ids));
    if (!ask->ids) {
        service_error(s, ask->ticket, STRATO_COMMON_ERROR_CODE_FAILED, "out of memory for %u ids", list->count);
        return false;
    }
    while (ask->ids_count < list->count && strato_list_uuid_next(&it, &id))
        memcpy(ask->ids[ask->ids_count++].bytes, id.bytes, sizeof(id.bytes));
    return true;
}
