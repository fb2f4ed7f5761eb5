/*
 * outward.h - batches on their way: calls of fitness.evaluate, their answers, and the C reference where nobody serves.
 *
 *     batch -> call -> values told
 *                   -> data set unknown: the same call with the data
 *                   -> nobody serves the problem: C reference, and for a while without asking
 *                   -> worker lost, deadline, bad answer: the rows are wanted again
 *
 *     batch to breed -> call of fitness.breed, for a worker with an engine -> bred
 *                    -> nobody, or a failure: the same generations by rows, and for a second no engine is asked
 *
 * Three failures in a row also mean the C reference for a while, so that a run ends whatever workers do.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef EVOLUTION_OUTWARD_H
#define EVOLUTION_OUTWARD_H

#include "bindings/c/include/stratoswarm.h"
#include "services/evolution/service.h"

enum {
    OUTWARD_CALLS_MAX = 64,         /* in flight */
    OUTWARD_PROBLEMS_MAX = 64,      /* of strato_problems() */
    OUTWARD_DEADLINE_MS = 15000,    /* of one call; a worker that died is noticed long before */
    OUTWARD_LOCAL_MS = 200,         /* how long nobody is asked after nobody served */
    OUTWARD_FAILED_LOCAL_MS = 1000, /* the same after FAILURES_MAX failures in a row */
    OUTWARD_FAILURES_MAX = 3,
    OUTWARD_NO_ENGINE_MS = 1000,    /* how long no engine is asked after none was there, or one failed */
    OUTWARD_WORKERS_EVERY_MS = 500, /* how often the number of workers is asked for */
    OUTWARD_LOCAL_SHARES = 16,      /* pieces of a generation computed here; messages are looked at in between */
    OUTWARD_INLINE_BYTES = 4096,    /* rows from here on travel as an attachment */
};

struct outward_call {
    uint64_t id;
    struct evolution_batch *batch; /* NULL = free */
    bool has_data;
};

struct outward_problem {
    uint64_t local_until_ms;
    uint32_t failures; /* in a row */
};

struct outward {
    strato_client *client;             /* borrowed */
    struct evolution_service *service; /* borrowed */
    struct outward_call calls[OUTWARD_CALLS_MAX];
    uint32_t calls_count;
    struct outward_problem problems[OUTWARD_PROBLEMS_MAX];
    uint32_t workers;
    uint64_t workers_asked_ms;
    uint64_t no_engine_until_ms;
};

/** Declare the channel `fitness`; equal settings are no error. @return 0 or an error of strato_admin(). */
int outward_declare(strato_client *client);
/** Send out what is wanted, or compute it. @return true if anything was done. */
bool outward_send(struct outward *o, uint64_t now_ms);
/** Take in what has been answered. @return true if anything was. */
bool outward_receive(struct outward *o, uint64_t now_ms);
/** Cancel what is in flight. */
void outward_fini(struct outward *o);
#endif
