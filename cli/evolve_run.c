/*
 * evolve_run.c - the requests of an evolution, its snapshots as files, and a look at the workers.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cli/evolve_run.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/admin.h"

enum {
    INLINE_BYTES_MAX = 4096,      /* larger data sets travel as an attachment */
    SNAPSHOT_BYTES_MAX = 8 << 20, /* of a file; the service sends no more */
};

static int refused(const struct cli *cli, const struct strato_envelope *envelope)
{
    struct strato_evolution_error error = STRATO_EVOLUTION_ERROR_DEFAULTS;

    if (strato_bytes_is(envelope->type, STRATO_TYPE_EVOLUTION_ERROR) &&
        strato_evolution_error_decode(envelope->payload, &error, NULL) == 0)
        return cli_fail(cli, CLI_FAILED, "the evolution service refused: %.*s", (int)error.message.bytes,
                        (const char *)error.message.data);
    return cli_fail(cli, CLI_FAILED, "the evolution service answered with %.*s, which was not asked for",
                    (int)envelope->type.bytes, (const char *)envelope->type.data);
}

/* Ask, and check that the answer has the type that was hoped for. */
static int ask(const struct cli *cli, strato_client *client, const struct strato_send *message, const char *wanted,
               strato_message **ret_reply)
{
    struct strato_request_options options = { .timeout_ms = EVOLVE_STEP_TIMEOUT_MS };
    strato_message *reply = NULL;
    int rc = link_request(client, message, &options, &reply, NULL);

    if (rc == STRATO_EINTERRUPTED)
        return CLI_INTERRUPTED;
    if (rc < 0)
        return link_fail(cli, client, rc, message->envelope.type);
    if (!strato_bytes_is(strato_message_envelope(reply)->type, wanted)) {
        rc = refused(cli, strato_message_envelope(reply));
        strato_message_destroy(&reply);
        return rc;
    }
    *ret_reply = reply;
    return CLI_OK;
}

static int undecodable(const struct cli *cli, strato_message **reply)
{
    strato_message_destroy(reply);
    return cli_fail(cli, CLI_FAILED, "the answer of the evolution service breaks its schema: versions differ?");
}

int evolve_create(const struct cli *cli, strato_client *client, const struct evolve_settings *settings,
                  char ret_population[EVOLVE_NAME_BYTES_MAX + 1])
{
    struct strato_evolution_create create = STRATO_EVOLUTION_CREATE_DEFAULTS;
    struct strato_evolution_created created = STRATO_EVOLUTION_CREATED_DEFAULTS;
    struct strato_attachment data = { .data = settings->data.data, .bytes = settings->data.bytes };
    struct strato_send message = { .channel = "evolution", .envelope = { .type = STRATO_TYPE_EVOLUTION_CREATE } };
    struct strato_writer numbers = { 0 }, payload = { 0 };
    struct strato_pair_value params[2] = { { .key = strato_text("cost") }, { .key = strato_text("train") } };
    strato_message *reply = NULL;
    int code;

    create.problem = strato_text(settings->problem);
    create.algo = strato_text(settings->algo);
    create.mutation_rate = settings->mutation_rate;
    create.crossover_rate = settings->crossover_rate;
    create.elite_count = settings->elites;
    create.has_strategy = true;
    create.strategy.kind = STRATO_EVOLUTION_STRATEGY_TOURNAMENT;
    create.strategy.tournament.size = settings->tournament;
    create.size = settings->population;
    create.dim = settings->dim;
    create.seed = settings->seed;
    create.dtype = settings->is_f64 ? STRATO_EVOLUTION_DTYPE_F64 : STRATO_EVOLUTION_DTYPE_F32;
    if (settings->instance) {
        strato_writer_f64(&numbers, settings->instance);
        params[0] = (struct strato_pair_value){ strato_text("instance"), strato_writer_view(&numbers) };
        create.params.items = params;
        create.params.count = 1;
    }
    if (settings->has_data) {
        strato_writer_f64(&numbers, settings->cost);
        strato_writer_f64(&numbers, settings->train);
        if (numbers.bytes == 18) { /* two f64, nine bytes each */
            params[0].value = strato_bytes(numbers.data, 9);
            params[1].value = strato_bytes(numbers.data + 9, 9);
        }
        create.params.items = params;
        create.params.count = 2;
        create.has_data = true;
        create.data.is_inline = settings->data.bytes < INLINE_BYTES_MAX;
        create.data.bytes = create.data.is_inline ? settings->data : STRATO_BYTES_NONE;
        message.attachments = &data;
        message.attachments_count = create.data.is_inline ? 0 : 1;
    }
    strato_evolution_create_encode(&create, &payload);
    message.envelope.payload = strato_writer_view(&payload);
    if (strato_writer_error(&numbers) < 0 || strato_writer_error(&payload) < 0)
        code = cli_fail(cli, CLI_USAGE, "the population cannot be described: %s",
                        strato_strerror(strato_writer_error(&payload)));
    else
        code = ask(cli, client, &message, STRATO_TYPE_EVOLUTION_CREATED, &reply);
    if (code == CLI_OK) {
        if (strato_evolution_created_decode(strato_message_envelope(reply)->payload, &created, NULL) < 0 ||
            created.population.bytes > EVOLVE_NAME_BYTES_MAX) {
            code = undecodable(cli, &reply);
        } else {
            memcpy(ret_population, created.population.data, created.population.bytes);
            ret_population[created.population.bytes] = '\0';
        }
    }
    strato_message_destroy(&reply);
    strato_writer_fini(&numbers);
    strato_writer_fini(&payload);
    return code;
}

/* ---- snapshots -------------------------------------------------------------------------------------- */

static int read_snapshot(const struct cli *cli, const char *path, uint8_t **ret_bytes, size_t *ret_count)
{
    FILE *file = fopen(path, "rb");
    uint8_t *bytes = malloc(SNAPSHOT_BYTES_MAX + 1);
    size_t count = file && bytes ? fread(bytes, 1, SNAPSHOT_BYTES_MAX + 1, file) : 0;
    int code = CLI_OK;

    if (!file)
        code = cli_fail(cli, CLI_NOT_FOUND, "%s: %s", path, strerror(errno));
    else if (!bytes)
        code = cli_fail(cli, CLI_FAILED, "out of memory");
    else if (ferror(file) || count == 0 || count > SNAPSHOT_BYTES_MAX)
        code = cli_fail(cli, CLI_FAILED, "%s is no snapshot: 1 byte to 8 MiB that can be read", path);
    if (file)
        fclose(file);
    if (code == CLI_OK) {
        *ret_bytes = bytes;
        *ret_count = count;
    } else {
        free(bytes);
    }
    return code;
}

static bool read_resumed(const struct strato_message *reply, struct evolve_resumed *ret)
{
    struct strato_evolution_created created = STRATO_EVOLUTION_CREATED_DEFAULTS;

    if (strato_evolution_created_decode(strato_message_envelope(reply)->payload, &created, NULL) < 0 ||
        !created.has_problem || !created.has_dim || created.population.bytes > EVOLVE_NAME_BYTES_MAX ||
        created.problem.bytes > EVOLVE_NAME_BYTES_MAX || created.dim == 0)
        return false;
    *ret = (struct evolve_resumed){ .generation = created.generation,
                                    .seed = created.seed,
                                    .size = created.size,
                                    .dim = created.dim,
                                    .is_f64 = created.dtype == STRATO_EVOLUTION_DTYPE_F64 };
    memcpy(ret->population, created.population.data, created.population.bytes);
    memcpy(ret->problem, created.problem.data, created.problem.bytes);
    return true;
}

int evolve_resume(const struct cli *cli, strato_client *client, const char *path, struct evolve_resumed *ret_resumed)
{
    struct strato_evolution_restore restore = STRATO_EVOLUTION_RESTORE_DEFAULTS;
    struct strato_send message = { .channel = "evolution", .envelope = { .type = STRATO_TYPE_EVOLUTION_RESTORE } };
    struct strato_attachment frame = { 0 };
    struct strato_writer payload = { 0 };
    strato_message *reply = NULL;
    uint8_t *bytes = NULL;
    size_t count = 0;
    int code = read_snapshot(cli, path, &bytes, &count);

    if (code != CLI_OK)
        return code;
    restore.snapshot.is_inline = count < INLINE_BYTES_MAX;
    if (restore.snapshot.is_inline)
        restore.snapshot.bytes = strato_bytes(bytes, count);
    frame = (struct strato_attachment){ .data = bytes, .bytes = count };
    message.attachments = &frame;
    message.attachments_count = restore.snapshot.is_inline ? 0 : 1;
    strato_evolution_restore_encode(&restore, &payload);
    message.envelope.payload = strato_writer_view(&payload);
    code = ask(cli, client, &message, STRATO_TYPE_EVOLUTION_CREATED, &reply);
    if (code == CLI_OK && !read_resumed(reply, ret_resumed))
        code = undecodable(cli, &reply);
    strato_message_destroy(&reply);
    strato_writer_fini(&payload);
    free(bytes);
    return code;
}

static int write_snapshot(const struct cli *cli, const char *path, struct strato_bytes bytes)
{
    char beside[4096];
    FILE *file;
    bool is_written;

    if (snprintf(beside, sizeof beside, "%s.new", path) >= (int)sizeof beside)
        return cli_fail(cli, CLI_USAGE, "--save: the path is too long");
    file = fopen(beside, "wb");
    is_written = file && fwrite(bytes.data, 1, bytes.bytes, file) == bytes.bytes;
    if (file)
        is_written = fclose(file) == 0 && is_written;
    if (is_written && rename(beside, path) == 0)
        return CLI_OK;
    return cli_fail(cli, CLI_FAILED, "cannot write %s: %s", path, strerror(errno));
}

int evolve_save(const struct cli *cli, strato_client *client, const char *population, const char *path)
{
    struct strato_evolution_checkpoint checkpoint = STRATO_EVOLUTION_CHECKPOINT_DEFAULTS;
    struct strato_evolution_checkpointed answer = STRATO_EVOLUTION_CHECKPOINTED_DEFAULTS;
    struct strato_send message = { .channel = "evolution", .envelope = { .type = STRATO_TYPE_EVOLUTION_CHECKPOINT } };
    struct strato_writer payload = { 0 };
    struct strato_bytes frame = STRATO_BYTES_NONE, bytes;
    strato_message *reply = NULL;
    int code;

    checkpoint.has_population = true;
    checkpoint.population = strato_text(population);
    strato_evolution_checkpoint_encode(&checkpoint, &payload);
    message.envelope.payload = strato_writer_view(&payload);
    code = ask(cli, client, &message, STRATO_TYPE_EVOLUTION_CHECKPOINTED, &reply);
    strato_writer_fini(&payload);
    if (code != CLI_OK)
        return code;
    if (strato_message_attachments(reply) > 0)
        frame = strato_message_attachment(reply, 0);
    if (strato_evolution_checkpointed_decode(strato_message_envelope(reply)->payload, &answer, NULL) < 0 ||
        strato_binary_bytes(&answer.snapshot, &frame, frame.data ? 1 : 0, &bytes) < 0)
        return undecodable(cli, &reply);
    code = write_snapshot(cli, path, bytes);
    strato_message_destroy(&reply);
    return code;
}

int evolve_step(const struct cli *cli, strato_client *client, const char *population, uint64_t generation,
                uint64_t generations, struct evolve_progress *ret_progress)
{
    struct strato_evolution_step step = STRATO_EVOLUTION_STEP_DEFAULTS;
    struct strato_evolution_stepped stepped = STRATO_EVOLUTION_STEPPED_DEFAULTS;
    struct strato_send message = { .channel = "evolution", .envelope = { .type = STRATO_TYPE_EVOLUTION_STEP } };
    struct strato_writer payload = { 0 };
    strato_message *reply = NULL;
    int code;

    step.generation = generation;
    step.generations = generations;
    step.has_population = true;
    step.population = strato_text(population);
    strato_evolution_step_encode(&step, &payload);
    message.envelope.payload = strato_writer_view(&payload);
    code = ask(cli, client, &message, STRATO_TYPE_EVOLUTION_STEPPED, &reply);
    strato_writer_fini(&payload);
    if (code != CLI_OK)
        return code;
    if (strato_evolution_stepped_decode(strato_message_envelope(reply)->payload, &stepped, NULL) < 0)
        return undecodable(cli, &reply);
    *ret_progress = (struct evolve_progress){ .generation = stepped.generation,
                                              .evaluations = stepped.evaluations,
                                              .local_evaluations = stepped.local_evaluations,
                                              .best = stepped.best,
                                              .mean = stepped.average,
                                              .std_dev = stepped.std_dev };
    strato_message_destroy(&reply);
    return CLI_OK;
}

static bool read_best(const struct strato_message *reply, uint32_t dim, double *ret_genes, double *ret_fitness)
{
    struct strato_evolution_individuals best = STRATO_EVOLUTION_INDIVIDUALS_DEFAULTS;
    struct strato_evolution_individual individual;
    struct strato_iter it, genes;
    uint32_t i = 0;

    if (strato_evolution_individuals_decode(strato_message_envelope(reply)->payload, &best, NULL) < 0)
        return false;
    it = strato_evolution_individual_list_begin(&best.individuals);
    if (!strato_evolution_individual_list_next(&it, &individual) || individual.genome.count != dim)
        return false;
    for (genes = strato_list_f64_begin(&individual.genome); i < dim && strato_list_f64_next(&genes, &ret_genes[i]);)
        i++;
    *ret_fitness = individual.has_fitness ? individual.fitness : (double)NAN;
    return i == dim;
}

int evolve_best(const struct cli *cli, strato_client *client, const char *population, uint32_t dim, double *ret_genes,
                double *ret_fitness)
{
    struct strato_evolution_get_best get = STRATO_EVOLUTION_GET_BEST_DEFAULTS;
    struct strato_send message = { .channel = "evolution", .envelope = { .type = STRATO_TYPE_EVOLUTION_GET_BEST } };
    struct strato_writer payload = { 0 };
    strato_message *reply = NULL;
    int code;

    get.count = 1;
    get.has_population = true;
    get.population = strato_text(population);
    strato_evolution_get_best_encode(&get, &payload);
    message.envelope.payload = strato_writer_view(&payload);
    code = ask(cli, client, &message, STRATO_TYPE_EVOLUTION_INDIVIDUALS, &reply);
    strato_writer_fini(&payload);
    if (code != CLI_OK)
        return code;
    if (!read_best(reply, dim, ret_genes, ret_fitness))
        return undecodable(cli, &reply);
    strato_message_destroy(&reply);
    return CLI_OK;
}

int evolve_workers(const struct cli *cli, strato_client *client, struct evolve_workers *ret_workers)
{
    json_t *answer = NULL;
    int rc = admin_ask(cli, client, "admin.stats", "fitness", STRATO_BYTES_NONE, &answer);
    const json_t *channel = rc == 0 ? admin_channel(answer, "fitness") : NULL;

    if (rc == STRATO_ENO_CHANNEL)
        rc = 0;
    *ret_workers = (struct evolve_workers){ 0 };
    if (channel) {
        ret_workers->count = (uint32_t)admin_u64(channel, "consumers");
        ret_workers->depth = admin_u64(channel, "ready") + admin_u64(channel, "leased") + admin_u64(channel, "delayed");
    }
    json_decref(answer);
    return rc;
}
