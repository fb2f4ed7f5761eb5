/*
 * handle_snapshot.c - evolution.checkpoint and evolution.restore: a population as bytes, and back.
 *
 * SPDX-License-Identifier: MIT
 */
#include "services/evolution/population.h"
#include "services/evolution/snapshot.h"

static enum ask_progress progress_checkpoint(struct evolution_service *s, struct population *p, struct ask *ask)
{
    struct strato_evolution_checkpointed reply = STRATO_EVOLUTION_CHECKPOINTED_DEFAULTS;
    struct strato_writer snapshot = { 0 };

    evolution_snapshot_write(&p->run, &snapshot);
    if (snapshot.bytes > EVOLUTION_REPLY_BYTES_MAX) {
        service_error(s, ask->ticket, STRATO_COMMON_ERROR_CODE_REFUSED,
                      "the snapshot has %zu bytes; at most %zu fit one message", snapshot.bytes,
                      EVOLUTION_REPLY_BYTES_MAX);
        strato_writer_fini(&snapshot);
        return ASK_DONE;
    }
    reply.generation = p->run.generation;
    service_reply(s, ask->ticket, STRATO_TYPE_EVOLUTION_CHECKPOINTED, &strato_evolution_checkpointed__record, &reply,
                  &snapshot);
    return ASK_DONE;
}

struct population *handle_checkpoint(struct evolution_service *s, const struct evolution_message *m, struct ask *ask)
{
    struct strato_evolution_checkpoint message;

    if (!decode_or_refuse(s, ask->ticket, &strato_evolution_checkpoint__record, m, &message))
        return NULL;
    ask->progress = progress_checkpoint;
    return population_or_refuse(s, ask->ticket, message.has_population, message.population);
}

struct population *handle_restore(struct evolution_service *s, const struct evolution_message *m, struct ask *ask)
{
    struct strato_evolution_restore message;
    struct strato_bytes bytes;
    struct evolution_run run = { 0 };
    struct population *p;
    char detail[256] = "";
    int rc;

    if (!decode_or_refuse(s, ask->ticket, &strato_evolution_restore__record, m, &message))
        return NULL;
    if (strato_binary_bytes(&message.snapshot, m->frames, m->frames_count, &bytes) < 0) {
        service_error(s, ask->ticket, STRATO_COMMON_ERROR_CODE_INVALID,
                      "snapshot: the message carries no such attachment");
        return NULL;
    }
    rc = evolution_snapshot_read(bytes, &run, detail, sizeof(detail));
    if (rc == 0)
        rc = service_add(s, message.has_population ? message.population : STRATO_BYTES_NONE, &run, &p);
    if (rc == 0)
        reply_created(s, ask->ticket, p);
    else
        service_error(s, ask->ticket,
                      rc == STRATO_EEXISTS ? STRATO_COMMON_ERROR_CODE_REFUSED : STRATO_COMMON_ERROR_CODE_INVALID, "%s",
                      *detail ? detail : strato_strerror(rc));
    evolution_run_fini(&run);
    return NULL;
}
