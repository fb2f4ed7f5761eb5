/*
 * breed_call.h - fitness.breed as the service sends it, and its answer as it takes it in.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef EVOLUTION_BREED_CALL_H
#define EVOLUTION_BREED_CALL_H

#include "bindings/c/include/stratoswarm.h"
#include "services/evolution/service.h"

/** Ask a worker with an engine for a batch with generations. @return 0 and the id of the request, or an error of the client. */
int breed_call_start(strato_client *client, const struct evolution_batch *batch, int timeout_ms, uint64_t *ret_id);
/** The answer to the service, which then has the batch. @return 0; an error, and the batch is still the caller's; STRATO_EINVAL,
 *  and *batch is NULL: it said what cannot be, and is lost. */
int breed_call_answer(struct evolution_service *service, struct evolution_batch **batch, const strato_message *reply);
#endif
