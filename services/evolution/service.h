/*
 * service.h - the evolution service as step logic: messages and evaluated batches go in, replies, events and batches come out.
 *
 *     evolution_service_ask()        a message of the channel `evolution` has arrived
 *     evolution_service_advance()    do what can be done without waiting, a bounded piece of it
 *     evolution_service_action()     what is to be sent: replies and events, in order
 *     evolution_service_batch()      rows that somebody shall evaluate, or a population to breed on a device; then _tell(),
 *                                    _bred() or _lose() them
 *
 * Each population serves its asks one after the other; populations run beside each other. It opens no
 * socket; the only clock is a function for durations in replies, which may be left out, and no result depends
 * on it. Rule: behaviour.md sections 1.2 and 2.2.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef EVOLUTION_SERVICE_H
#define EVOLUTION_SERVICE_H

#include "core/writer.h"
#include "services/evolution/run.h"

enum {
    EVOLUTION_POPULATIONS_MAX = 64, /* beyond it the one that was idle longest goes */
    EVOLUTION_ASKS_MAX = 256,       /* waiting, over all populations; beyond it an ask is refused */
    EVOLUTION_FRAMES_MAX = 8,       /* attachments of one message that are looked at */
    EVOLUTION_BATCH_ROWS_MAX = 4096,
    EVOLUTION_BATCH_BYTES_MAX = 1 << 20,
    EVOLUTION_IMPROVED_EVERY_MS =
        50, /* FitnessImproved of one population, at most; a step ends with one if it is due */
};
#define EVOLUTION_MEMORY_MAX      ((size_t)512 << 20) /* genes of all populations */
#define EVOLUTION_DATA_BYTES_MAX  ((size_t)8 << 20)   /* data set of one problem: it travels in one message */
#define EVOLUTION_REPLY_BYTES_MAX ((size_t)8 << 20)   /* Individuals in one reply */

struct evolution_service;

struct evolution_options {
    uint64_t (*clock_us)(void *arg); /* monotonic, for durations and the pace of events; NULL = no time passes */
    void *clock_arg;
    uint64_t (*wall_ms)(void *arg); /* since the epoch, for the timestamp of events; NULL = 0 */
};

/** @return 0 or STRATO_ENOMEM. */
int evolution_service_new(const struct evolution_options *options, struct evolution_service **ret_service);
void evolution_service_destroy(struct evolution_service **service);

/** A message as it arrived; borrowed. */
struct evolution_message {
    struct strato_bytes type, payload;
    const struct strato_bytes *frames; /* its attachments */
    uint32_t frames_count;
};
/** Take a message in. Whatever it is, exactly one reply with `ticket` will come out.
 *  @return 0 or STRATO_ENOMEM (then no reply comes). */
int evolution_service_ask(struct evolution_service *s, uint64_t ticket, const struct evolution_message *message);
/** Asks that have no reply yet. */
uint32_t evolution_service_waiting(const struct evolution_service *s);
/** Give up an ask that has no reply yet, at the end. @return false if there is none. */
bool evolution_service_give_up(struct evolution_service *s, uint64_t *ret_ticket);
/** @return true if there is more to do at once; bounded, so that the caller can look at its sockets in between. */
bool evolution_service_advance(struct evolution_service *s);

enum evolution_action_kind { EVOLUTION_REPLY, EVOLUTION_EVENT };
/** Something to send. Yours: evolution_action_fini(). */
struct evolution_action {
    enum evolution_action_kind kind;
    uint64_t ticket;  /* of a reply */
    const char *type; /* static */
    char topic[160];  /* of an event */
    struct strato_writer payload;
    struct strato_writer attachment; /* one frame, or empty */
};
/** The next action. @return false if there is none. */
bool evolution_service_action(struct evolution_service *s, struct evolution_action *ret);
void evolution_action_fini(struct evolution_action *action);

/** Rows to evaluate. Owned by whoever took it until told or lost. */
struct evolution_batch {
    const struct evolution_settings *settings; /* borrowed from the population, which stays while a batch is out */
    uint32_t count;
    uint8_t *genes; /* row-major [count][dim], tightly packed */
    size_t genes_bytes;
    uint32_t generations; /* 0 = evaluate these rows; else breed so many generations of them, the whole population */
    uint64_t generation;  /* breed: of these rows */
    double *values;       /* breed: their fitness, [count] */
    /* the service's own */
    struct population *population;
    uint32_t round;
    uint32_t *rows;
};
/**
 * The next rows, populations taking turns.
 *
 * @param shares  In how many batches a generation should go out, e.g. the number of workers; >= 1.
 * @return NULL if nothing is wanted (or memory is out: then call again later).
 */
struct evolution_batch *evolution_service_batch(struct evolution_service *s, uint32_t shares);
/** Fitness of its rows, [count]; frees the batch. is_local = computed by the C reference. */
void evolution_service_tell(struct evolution_service *s, struct evolution_batch **batch, const double *values,
                            bool is_local);
/** Is there a worker that breeds on its device? Until it is said, no. Batches to breed come out only while there is one. */
void evolution_service_engine(struct evolution_service *s, bool is_there);
/** The outcome of a batch to breed; frees the batch. @return 0; STRATO_EINVAL if it cannot be: then the batch is lost. */
int evolution_service_bred(struct evolution_service *s, struct evolution_batch **batch,
                           const struct evolution_bred *bred);
/** Nobody evaluated or bred it; its rows are wanted again, or bred otherwise; frees the batch. */
void evolution_service_lose(struct evolution_service *s, struct evolution_batch **batch);
#endif
